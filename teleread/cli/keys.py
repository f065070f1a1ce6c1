"""`teleread keys`: the keys of the terminal interface, from its own table."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call, subcommands

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    subcommands(parser, (("list", "every action with its keys"),))


def run(call: Call) -> int:
    """List."""
    from teleread.workstation.tables import key_rows

    rows = key_rows(call.paths)
    call.out.document("keys", {"keys": rows})
    call.out.table(
        ("ACTION", "KEYS", "WHERE", "WHAT"),
        [(one["id"], " ".join(one["keys"]), one["contexts"], one["text"]) for one in rows],
    )
    return 0
