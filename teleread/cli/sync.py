"""`teleread sync`: one pass of pull and push."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Final

from teleread.cli.call import Call
from teleread.model.errors import ExitCode, worst

__all__ = ["arguments", "run"]

MOST_TOLD: Final = 50
"""Reasons said in words; the JSON holds them all."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--pull", action="store_true", help="only pull")
    parser.add_argument("--push", action="store_true", help="only push")


def run(call: Call) -> int:
    """Pull and push."""
    both = call.args.pull == call.args.push
    told = call.desk.sync(pull=both or call.args.pull, push=both or call.args.push)
    call.out.document("sync", told)
    skipped = sum(len(hub.get("skipped", ())) for hub in told["hubs"])
    call.out.say(
        f"Pulled {told['pulled']}, pushed {told['pushed']}, waiting {told['waiting']}, held {told['held']}, "
        f"needs you {told['needs_attention']}{f', could not read {skipped}' if skipped else ''}."
    )
    codes = [ExitCode.DONE]
    for hub in told["hubs"]:
        if hub.get("error"):
            call.out.note(f"{hub['name']}: {hub['error']}")
        _note_skipped(call, hub)
        codes.append(ExitCode(hub.get("exit", 0)))
    if told["needs_attention"]:
        codes.append(ExitCode.ATTENTION)
    if told["waiting"] or told["offline"]:
        codes.append(ExitCode.OFFLINE)
    return int(worst(*codes))


def _note_skipped(call: Call, hub: Mapping[str, Any]) -> None:
    """What of a pull could not be read, each with its reason: nothing is left out silently."""
    reasons = hub.get("skipped", ())
    if not reasons:
        return
    call.out.note(f"{hub['name']}: {len(reasons)} could not be read:")
    for words in reasons[:MOST_TOLD]:
        call.out.note(f"  {words}")
    if len(reasons) > MOST_TOLD:
        call.out.note(f"  and {len(reasons) - MOST_TOLD} more; --json lists them all.")
