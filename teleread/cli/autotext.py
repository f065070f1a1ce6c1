"""`teleread autotext`: short names that become texts."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from teleread.cli.call import Call, read_words, subcommands

__all__ = ["arguments", "run"]

_VERBS = (
    ("list", "every autotext, your own and the site's"),
    ("set", "keep one of your own"),
    ("remove", "forget one of your own"),
    ("expand", "what a text becomes, with the cursor at its end"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(parser, _VERBS)
    verbs["set"].add_argument("name", metavar="NAME")
    verbs["set"].add_argument("text", metavar="TEXT|-", help="- reads standard input")
    verbs["remove"].add_argument("name", metavar="NAME")
    verbs["expand"].add_argument("text", metavar="TEXT|-")
    verbs["expand"].add_argument(
        "--task", metavar="TASK", help="takes {side}, {procedure}, ... from its order"
    )


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    return _DO[call.args.verb or "list"](call)


def _list(call: Call) -> int:
    from teleread.workstation.aids import autotexts

    found, failed = autotexts(call.desk.core)
    for words in failed:
        call.out.note(words)
    rows = [{"name": one.name, "text": one.text, "source": one.source} for _, one in sorted(found.items())]
    call.out.document("autotexts", {"autotexts": rows})
    table = [(f".{one['name']}", one["source"], " ".join(one["text"].split())[:60]) for one in rows]
    call.out.table(("NAME", "FROM", "TEXT"), table, empty="No autotext. teleread autotext set NAME TEXT")
    return 0


def _set(call: Call) -> int:
    from teleread.workstation.aids import set_autotext

    kept = set_autotext(call.desk.core, call.args.name, read_words(call.args.text))
    call.out.document("autotext", {"name": kept.name, "text": kept.text, "source": kept.source})
    call.out.say(f"Kept as .{kept.name}.")
    return 0


def _remove(call: Call) -> int:
    from teleread.workstation.aids import drop_autotext

    drop_autotext(call.desk.core, call.args.name)
    call.out.document("autotext-removed", {"name": call.args.name})
    call.out.say("Forgotten.")
    return 0


def _expand(call: Call) -> int:
    from teleread.reporting.autotext import expand
    from teleread.workstation.aids import autotext_values, autotexts

    core, text = call.desk.core, read_words(call.args.text)
    key = call.desk.resolve_task(call.args.task) if call.args.task else None
    values = autotext_values(core, key) if key else {}
    found, _ = autotexts(core, core.hub_name(key.hub_id) if key else "")
    made = expand(found, text, len(text), values)
    field = list(made.field) if made.field else None
    call.out.document("expansion", {"text": made.text, "cursor": made.cursor, "field": field})
    call.out.say(made.text)
    return 0


_DO: dict[str, Callable[[Call], int]] = {"list": _list, "set": _set, "remove": _remove, "expand": _expand}
