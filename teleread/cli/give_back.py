"""`teleread give-back`: return a task with a reason."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call, read_words
from teleread.cli.claim import answer
from teleread.model.giving_back import REASONS

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("task", metavar="TASK", help="HUB:ID as the worklist prints it")
    parser.add_argument(
        "--reason",
        required=True,
        metavar="CODE",
        help="a code of DICOM CID 9303: " + ", ".join(f"{code} {words}" for code, words in REASONS.items()),
    )
    parser.add_argument("--text", default="", metavar="TEXT|-", help="words beside the code")


def run(call: Call) -> int:
    """Give back."""
    key = call.desk.resolve_task(call.args.task)
    call.desk.give_back(key, call.args.reason, read_words(call.args.text) if call.args.text else "")
    item = call.desk.item(key)
    answer(call, item)
    call.out.say(f"{item.task} is given back.")
    return 0
