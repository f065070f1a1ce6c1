"""`teleread claim`: take a task now, at the hub."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.model.errors import ExitCode, OfflineError
from teleread.workstation.api import WorklistItem

__all__ = ["answer", "arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("task", metavar="TASK", help="HUB:ID as the worklist prints it")


def run(call: Call) -> int:
    """Claim."""
    key = call.desk.resolve_task(call.args.task)
    try:
        item = call.desk.claim(key)
    except OfflineError as error:
        call.out.note(f"{error} It is noted but not yours yet.")
        answer(call, call.desk.item(key))
        return int(ExitCode.OFFLINE)
    answer(call, item)
    call.out.say(f"{item.task} is yours.")
    if call.desk.core.hub(key.hub_id).claims_locally:
        call.out.note(
            "That is noted on this machine alone: the site's list knows no claims. Agree with others."
        )
    return 0


def answer(call: Call, item: WorklistItem) -> None:
    """The contract's JSON on a claimed task."""
    call.out.document("claim", {"task": item.task, "state": item.state, "mine": item.mine})
