"""`teleread next`: take the most pressing task that is free."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.cli.claim import answer
from teleread.model.errors import AttentionError

__all__ = ["arguments", "run"]

TRIES = 10
"""Tasks tried when others are quicker."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing but the global options."""


def run(call: Call) -> int:
    """Claim the first free one, in the worklist's order."""
    free = call.desk.items("state:requested mine:no report:none")
    for item in [one for one in free if one.signable][:TRIES]:
        try:
            taken = call.desk.claim(item.key)
        except AttentionError as error:
            call.out.note(error)
            continue
        answer(call, taken)
        call.out.say(f"{taken.task} is yours.")
        return 0
    raise AttentionError("No task is free.", remedy="teleread sync asks the hubs again.", code="nothing-free")
