"""`teleread wipe`: destroy this profile's vault."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument(
        "--discard-undelivered",
        type=int,
        metavar="N",
        help="the exact number of reports, alerts and notes not delivered",
    )


def run(call: Call) -> int:
    """Destroy."""
    from teleread.workstation import ends

    receipt = ends.wipe(call.desk.core, call.args.discard_undelivered)
    call.out.document("wipe", receipt)
    call.out.say("The vault of this profile is destroyed.")
    for one in receipt.get("discarded", ()):
        call.out.say(f"Discarded undelivered: {one}")
    return 0
