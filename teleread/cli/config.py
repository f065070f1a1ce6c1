"""`teleread config`: show, set or explain settings."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call, subcommands
from teleread.model.errors import UsageError

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(
        parser,
        (("show", "every setting"), ("set", "write one to the profile file"), ("why", "which source wins")),
    )
    verbs["show"].add_argument("--origin", action="store_true", help="say where each value comes from")
    verbs["set"].add_argument("key", metavar="KEY")
    verbs["set"].add_argument("value", metavar="VALUE")
    verbs["why"].add_argument("key", metavar="KEY")


def run(call: Call) -> int:
    """Do the verb; show is the default. No vault is needed."""
    return {"set": _set, "why": _why}.get(call.args.verb or "show", _show)(call)


def _show(call: Call) -> int:
    from teleread.model.settings import SETTINGS, resolve
    from teleread.workstation.config import sources

    told = sources(call.paths)
    origins = [resolve(key, told) for key in SETTINGS]
    with_origin = getattr(call.args, "origin", False)
    if with_origin:
        body = {one.key: {"value": one.value, "origin": one.source, "where": one.where} for one in origins}
    else:
        body = {one.key: one.value for one in origins}
    call.out.document("config", {"settings": body})
    rows = [(one.key, str(one.value), one.source if with_origin else "") for one in origins]
    call.out.table(("KEY", "VALUE", "ORIGIN" if with_origin else ""), rows)
    return 0


def _set(call: Call) -> int:
    from teleread.workstation.config import write_setting

    _known(call, call.args.key, call.args.value)
    value = write_setting(call.paths, call.args.key, call.args.value)
    call.out.document("config-set", {"key": call.args.key, "value": value})
    call.out.say(f"{call.args.key} is {value} now.")
    return 0


def _known(call: Call, key: str, value: str) -> None:
    """See that a name is known of which the settings' own table cannot tell: themes, ways of drawing."""
    look_up = {"theme": _theme_names, "image_protocol": _protocol_names}.get(key)
    names = look_up(call) if look_up is not None else ()
    if names and value not in names:
        raise UsageError(
            f"The setting {key} is one of {', '.join(names)}.", "Nothing was changed.", code="bad-setting"
        )


def _theme_names(call: Call) -> tuple[str, ...]:
    from teleread.cli.main import themes

    return ("auto", *themes(call.paths.config / "themes")[0])


def _protocol_names(call: Call) -> tuple[str, ...]:
    from teleread.imaging.probe import PROTOCOLS

    return ("auto", *PROTOCOLS)


def _why(call: Call) -> int:
    from teleread.model.settings import resolve
    from teleread.workstation.config import sources

    one = resolve(call.args.key, sources(call.paths))
    call.out.document(
        "config-why",
        {
            "key": one.key,
            "value": one.value,
            "origin": one.source,
            "where": one.where or None,
            "overruled": [
                {"origin": kind, "where": where, "value": value} for kind, where, value in one.losers
            ],
        },
    )
    place = f"{one.source} ({one.where})" if one.where else one.source
    call.out.say(f"{one.key} is {one.value}, by {place}.")
    for kind, where, value in one.losers:
        call.out.say(f"overruled: {value}, by {kind} ({where})")
    return 0
