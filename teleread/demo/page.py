"""The control page of the demo: every lever as a row with its boxes and a button. No script, no cookie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from teleread.demo.exchange import Reply
from teleread.demo.levers import LEVERS, Lever

__all__ = ["control_page"]

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;"
    "background:#14181d;color:#d8dee6}td,th{padding:.25rem .8rem .25rem 0;text-align:left;vertical-align:top}"
    "input{font:inherit;width:9rem;background:#1e242b;color:inherit;border:1px solid #4a5561}"
    "button{font:inherit;background:#2b3641;color:inherit;border:1px solid #66727f;min-width:9rem}"
    "b.demo{background:#d7a84a;color:#14181d;padding:0 .5rem}small{color:#9aa6b2}"
)
_GROUPS: Final = {"hub": "At the hub", "line": "On the line", "archive": "At the archive"}


def control_page(state: Mapping[str, Any], cases: Iterable[Mapping[str, str]], told: str) -> Reply:
    """The page.

    Args:
        state: How the levers stand.
        cases: What a case may be named by.
        told: Words on what was done last; empty for none.
    """
    stands = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in state.items())
    parts = [
        "<!doctype html><html lang=en-GB><meta charset=utf-8><title>teleread DEMO: faults</title>",
        f"<style>{_STYLE}</style><h1><b class=demo>DEMO</b> Faults</h1>",
        f"<p role=status>{escape(told)}</p><p><small>{escape(stands)}</small></p>",
        *(_group(group, title) for group, title in _GROUPS.items()),
        "<h2>Cases</h2><table><tr><th>accession<th>examination<th>patient<th>state<th>reader</tr>",
        *(_case(one) for one in cases),
        "</table>",
    ]
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'",
        "Cache-Control": "no-store",
    }
    return Reply(200, "".join(parts).encode(), headers)


def _group(group: str, title: str) -> str:
    rows = "".join(_row(one) for one in LEVERS if one.group == group)
    return f"<h2>{title}</h2><table>{rows}</table>"


def _row(one: Lever) -> str:
    """A form; its boxes are the words in their order."""
    boxes = " ".join(
        f'<input name=word aria-label="{escape(word.name)}" placeholder="{escape(word.name)}"'
        f' value="{escape(word.default or "")}"{" required" if word.default is None else ""}>'
        for word in one.arguments
    )
    return (
        f'<tr><td><form method=post action="/_demo/form"><input type=hidden name=lever value="{one.name}">'
        f"<button>{one.name}</button> {boxes}</form>"
        f"<td>{escape(one.text)}<br><small>{escape(one.seen)}</small>"
    )


def _case(one: Mapping[str, str]) -> str:
    shown = (one["accession"], one["examination"], f"{one['patient']} DEMO", one["state"], one["reader"])
    return "<tr>" + "".join(f"<td>{escape(word)}" for word in shown)
