"""`teleread report addendum, correct, withdraw, opinion, preliminary, cosign`: what becomes of a report."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from teleread.cli import report_overrides
from teleread.cli.call import Call, asker, read_words

if TYPE_CHECKING:
    from teleread.model.report import Draft

__all__ = ["VERBS", "addendum", "arguments", "correct", "cosign", "opinion", "preliminary", "withdraw"]

VERBS = (
    ("addendum", "open an addendum on a signed report"),
    ("correct", "open a correction of a signed report: its text, to be put right"),
    ("withdraw", "open the withdrawal of a signed report: wrong patient, or not to exist"),
    ("opinion", "open a second opinion on a case"),
    ("preliminary", "send a draft out unsigned, where the site takes such readings"),
    ("cosign", "name a trainee or a supervisor beside the reader"),
)


def arguments(verbs: Mapping[str, argparse.ArgumentParser]) -> None:
    """What may be typed."""
    for verb in ("addendum", "correct", "withdraw"):
        verbs[verb].add_argument("report", metavar="REPORT")
    for verb in ("correct", "withdraw"):
        must = verb == "withdraw"
        verbs[verb].add_argument("--reason", required=must, default="", metavar="TEXT|-")
        verbs[verb].add_argument("--told", required=must, default="", metavar="WHO|-", help="who was told")
    verbs["opinion"].add_argument("task", metavar="TASK")
    verbs["opinion"].add_argument("--template", metavar="ID")
    verbs["preliminary"].add_argument("draft", metavar="TASK|DRAFT")
    report_overrides.arguments(verbs["preliminary"])
    verbs["cosign"].add_argument("draft", metavar="TASK|DRAFT")
    verbs["cosign"].add_argument("--name", default="", metavar="NAME|-", help="empty: nobody of that role")
    verbs["cosign"].add_argument("--role", required=True, choices=("trainee", "supervisor"))
    verbs["cosign"].add_argument("--id", default="", metavar="ID", help="their reference at the hub")


def _told(call: Call, name: str, draft: Draft) -> int:
    call.out.document(name, {"draft": draft.id, "report": draft.report_id or None, "kind": draft.kind})
    call.out.say(f"Draft {draft.id}; sign it by that name: teleread report sign {draft.id}")
    return 0


def addendum(call: Call) -> int:
    """Open an addendum."""
    return _told(call, "addendum", call.desk.addendum(call.args.report))


def correct(call: Call) -> int:
    """Open a correction."""
    from teleread.workstation import lifecycle

    reason, told = (_words(one) for one in (call.args.reason, call.args.told))
    return _told(
        call, "correction", lifecycle.correct(call.desk.core, call.args.report.lower(), reason, told)
    )


def withdraw(call: Call) -> int:
    """Open a withdrawal."""
    from teleread.workstation import lifecycle

    reason, told = (_words(one) for one in (call.args.reason, call.args.told))
    draft = lifecycle.withdraw(call.desk.core, call.args.report.lower(), reason, told)
    return _told(call, "withdrawal", draft)


def opinion(call: Call) -> int:
    """Open a second opinion."""
    from teleread.workstation import lifecycle

    key = call.desk.resolve_task(call.args.task)
    return _told(call, "opinion", lifecycle.opinion(call.desk.core, key, call.args.template))


def preliminary(call: Call, draft_id: str) -> int:
    """Send a draft out unsigned.

    Args:
        call: The call.
        draft_id: The draft it names.
    """
    from teleread.workstation import lifecycle
    from teleread.workstation.naming import task_name
    from teleread.workstation.signing import secret_for_command

    core = call.desk.core
    secret = secret_for_command(core, asker())
    overrides = report_overrides.given(call)
    report = lifecycle.preliminary(core, call.desk.draft(draft_id), overrides, secret=secret)
    call.out.document(
        "preliminary",
        {
            "report": report.report_id,
            "version": report.version,
            "task": task_name(core, report.key),
            "sha256": report.sha256,
            "draft": draft_id,
            "state": report.state,
        },
    )
    call.out.say(
        f"Unsigned reading {report.report_id}, version {report.version}. It leaves at the next sync."
    )
    call.out.say(f"The draft stays open: teleread report sign {draft_id} makes it the report.")
    return 0


def cosign(call: Call, draft_id: str) -> int:
    """Name somebody beside the reader.

    Args:
        call: The call.
        draft_id: The draft it names.
    """
    from teleread.workstation import lifecycle

    args, core = call.args, call.desk.core
    draft = call.desk.draft(draft_id)
    named = lifecycle.name_cosigner(core, draft, _words(args.name), args.role, args.id)
    people = [{"name": one.name, "role": one.role, "id": one.id or None} for one in named]
    call.out.document("cosigners", {"draft": draft_id, "cosigners": people})
    call.out.table(("ROLE", "NAME"), [(one.role, one.name) for one in named], empty="Nobody is named.")
    return 0


def _words(text: str) -> str:
    return read_words(text) if text else ""
