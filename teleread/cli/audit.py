"""`teleread audit`: the audit trail."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call, subcommands
from teleread.model.errors import ExitCode

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    subcommands(
        parser,
        (("list", "every row"), ("verify", "prove the chain"), ("export", "every row as NDJSON lines")),
    )


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    return {"verify": _verify, "export": _export}.get(call.args.verb or "list", _list)(call)


def _list(call: Call) -> int:
    from teleread.workstation.trail import audit_rows

    rows = list(audit_rows(call.desk.core))
    call.out.document("audit", {"rows": rows})
    call.out.table(
        ("NO", "AT", "WHAT", "SUBJECT"),
        [(one["seq"], one["at"], one["kind"], one["subject"]) for one in rows],
    )
    return 0


def _export(call: Call) -> int:
    from teleread.workstation.trail import audit_rows

    for row in audit_rows(call.desk.core):
        call.out.stream("audit-row", row)
    return 0


def _verify(call: Call) -> int:
    from teleread.workstation.trail import audit_verdict

    told = audit_verdict(call.desk.core)
    call.out.document("audit-verdict", told)
    call.out.say(
        f"The chain holds: {told['rows']} rows."
        if told["valid"]
        else f"The chain is broken. {told.get('why') or ''}".strip()
    )
    return int(ExitCode.DONE if told["valid"] else ExitCode.INTEGRITY)
