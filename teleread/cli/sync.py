"""`teleread sync`: one pass of pull and push."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.model.errors import ExitCode, worst

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--pull", action="store_true", help="only pull")
    parser.add_argument("--push", action="store_true", help="only push")


def run(call: Call) -> int:
    """Pull and push."""
    both = call.args.pull == call.args.push
    told = call.desk.sync(pull=both or call.args.pull, push=both or call.args.push)
    call.out.document("sync", told)
    call.out.say(
        f"Pulled {told['pulled']}, pushed {told['pushed']}, waiting {told['waiting']}, held {told['held']}, "
        f"needs you {told['needs_attention']}."
    )
    codes = [ExitCode.DONE]
    for hub in told["hubs"]:
        if hub.get("error"):
            call.out.note(f"{hub['name']}: {hub['error']}")
        codes.append(ExitCode(hub.get("exit", 0)))
    if told["needs_attention"]:
        codes.append(ExitCode.ATTENTION)
    if told["waiting"] or told["offline"]:
        codes.append(ExitCode.OFFLINE)
    return int(worst(*codes))
