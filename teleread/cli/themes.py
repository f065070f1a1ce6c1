"""`teleread themes`: the themes of the terminal interface."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call, subcommands

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    subcommands(parser, (("list", "every theme"),))


def run(call: Call) -> int:
    """List."""
    from teleread.workstation.tables import theme_rows

    rows = theme_rows(call.paths)
    call.out.document("themes", {"themes": rows})
    call.out.table(("THEME", "TITLE", "DARK"), [(one["id"], one["title"], "yes" if one["dark"] else "no") for one in rows])
    return 0
