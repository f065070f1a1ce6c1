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
    from teleread.cli.main import themes

    looks, failed = themes(call.paths.config / "themes")
    chosen = _chosen(call)
    rows = [
        {"id": one.name, "label": one.label, "text": one.text, "dark": one.dark, "chosen": one.name == chosen}
        for one in looks.values()
    ]
    call.out.document("themes", {"themes": rows, "failed": failed})
    call.out.table(
        ("THEME", "NAME", "DARK", "WHAT"),
        [(one["id"], one["label"], "yes" if one["dark"] else "no", one["text"]) for one in rows],
    )
    for name, why in failed.items():
        call.out.note(f"{name}: {why}")
    return 0


def _chosen(call: Call) -> str:
    from teleread.workstation.config import setting

    return str(setting(call.paths, "theme"))
