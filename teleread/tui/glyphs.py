"""Glyphs by name, in two sets: one cell each, or plain ASCII of up to three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ASCII", "UNICODE", "Glyphs"]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs; a state is always a sign, a word and a colour."""

    logo: str = "◗"
    bar: str = "▌"
    stat: str = "▲"
    urgent: str = "▲"
    asap: str = "△"
    due: tuple[str, str, str, str, str] = ("○", "◔", "◑", "◕", "●")
    """Quarters of the target used, then over."""
    here: str = "■"
    part: str = "◧"
    away: str = "□"
    draft: str = "✎"
    not_issued: str = "◇"
    issued: str = "◆"
    needs: str = "‼"
    online: str = "●"
    offline: str = "◌"
    fetching: str = "↓"
    settle: str = "‼"
    warn: str = "?"
    overridden: str = "~"
    passes: str = "✓"
    differs: str = "≠"
    open: str = "▸"
    path: str = "›"
    sort: str = "▴"
    new: str = "+"
    rule: str = "─"
    rail: str = "│"
    thumb: str = "█"
    empty_box: str = "··"
    cursor: str = "▏"
    full: str = "━"
    more: str = "…"
    secret: str = "•"


UNICODE: Final = Glyphs()
ASCII: Final = Glyphs(
    logo=")",
    bar="|",
    stat="!!",
    urgent="!",
    asap="'",
    due=("0", "1", "2", "3", "X"),
    here="[x]",
    part="[/]",
    away="[ ]",
    draft="d",
    not_issued="<>",
    issued="<*>",
    needs="!!",
    online="*",
    offline="o",
    fetching="v",
    settle="!!",
    warn="?",
    overridden="~",
    passes="+",
    differs="#",
    open=">",
    path=">",
    sort="^",
    new="+",
    rule="-",
    rail="|",
    thumb="#",
    empty_box="..",
    cursor="_",
    full="=",
    more="~",
    secret="*",
)
"""For terminals that draw the others two cells wide, and fonts that lack them; up to three cells a state."""
