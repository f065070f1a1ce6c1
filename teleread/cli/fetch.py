"""`teleread fetch`: bring a study here."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.cli.progress import FetchBar
from teleread.cli.worklist import positive
from teleread.model.errors import ExitCode

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("what", metavar="TASK|STUDY", help="a task, or a Study Instance UID or HUB/UID")
    parser.add_argument("--via", choices=("auto", "dicomweb", "c-get", "c-move", "folder"), default="auto")
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument("--priors", type=positive, metavar="N", help="this many earlier studies besides")
    how_many.add_argument("--no-priors", action="store_true", help="none of them")


def run(call: Call) -> int:
    """Fetch."""
    from teleread.workstation.naming import resolve_study_or_task

    core = call.desk.core
    key = resolve_study_or_task(core, call.args.what)
    priors = 0 if call.args.no_priors else call.args.priors or 0
    with FetchBar(call, key.study_uid):
        told = call.desk.fetch(key.hub_id, key.study_uid, via=call.args.via, priors=priors)
    call.out.document("fetch", told)
    whole = "whole" if told["complete"] else "part"
    call.out.say(
        f"{told['instances_held']} of {told['instances_expected']} instances are here ({whole}), "
        f"by {told['via']}, {told['bytes']} bytes in {told['seconds']:.1f} s."
    )
    for words in (told.get("missing_why"), told.get("changed")):
        if words:
            call.out.note(words)
    for one in told["fallbacks"]:
        call.out.note(f"{one['via']}: {one['why']}")
    for words in told.get("problems", ()):
        call.out.note(words)
    return int(ExitCode.DONE if told["complete"] else ExitCode.OFFLINE)
