"""`teleread cache`: what is held of pixels."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call, subcommands
from teleread.model.errors import ExitCode

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(
        parser,
        (
            ("list", "every held study"),
            ("where", "where a study lies, sealed"),
            ("verify", "read every byte again and compare digests"),
            ("purge", "shred a study; the audit says so"),
            ("stats", "how much is held"),
        ),
    )
    for verb in ("where", "purge"):
        verbs[verb].add_argument("study", metavar="STUDY")
    verbs["verify"].add_argument("study", nargs="?", metavar="STUDY")


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    return {"where": _where, "verify": _verify, "purge": _purge, "stats": _stats}.get(
        call.args.verb or "list", _list
    )(call)


def _list(call: Call) -> int:
    from teleread.workstation import pixels

    rows = pixels.studies(call.desk.core)
    call.out.document("cache", {"studies": rows})
    table = [
        (one["hub"], one["study_uid"], one["state"], f"{one['held']}/{one['expected'] or '?'}", one["bytes"])
        for one in rows
    ]
    call.out.table(("HUB", "STUDY", "STATE", "INSTANCES", "BYTES"), table, empty="No study is held.")
    return 0


def _where(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.where(call.desk.core, call.args.study)
    call.out.document("cache-where", told)
    for path in told["segments"]:
        call.out.say(path)
    return 0


def _verify(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.verify(call.desk.core, call.args.study)
    call.out.document("cache-verify", told)
    call.out.say(f"{told['verified']} instances hold; {len(told['damaged'])} are damaged.")
    return int(ExitCode.INTEGRITY if told["damaged"] else ExitCode.DONE)


def _purge(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.purge(call.desk.core, call.args.study)
    call.out.document("cache-purge", told)
    call.out.say("Shredded.")
    return 0


def _stats(call: Call) -> int:
    from teleread.workstation import pixels

    told = pixels.stats(call.desk.core)
    call.out.document("cache-stats", told)
    call.out.say(
        f"{told['studies']} studies, {told['instances']} instances, {told['bytes']} bytes; "
        f"{told['free_bytes']} free."
    )
    return 0
