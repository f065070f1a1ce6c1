"""`teleread engine`: the background work in the foreground, events as NDJSON."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.model.events import Event

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--once", action="store_true", help="one pass, then stop")
    # How the terminal interface starts it: the key comes through the inherited standard input.
    parser.add_argument("--key-from-stdin", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--leave-when-idle", action="store_true", help=argparse.SUPPRESS)


def run(call: Call) -> int:
    """Work until stopped."""
    from teleread.host.harden import harden
    from teleread.host.signals import stop_event
    from teleread.workstation.background import run_engine

    harden()
    stop = stop_event()

    def emit(event: Event) -> None:
        call.out.stream(
            "event", {**event.data, "id": event.id, "at": event.at.isoformat(), "kind": event.kind}
        )

    if call.args.key_from_stdin:
        from teleread.workstation.background import core_from_stdin

        core = core_from_stdin(call.paths)
    else:
        core = call.desk.core
    return run_engine(core, stop, once=call.args.once, leave_when_idle=call.args.leave_when_idle, emit=emit)
