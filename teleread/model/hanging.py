"""Hanging rules: which series opens where, by what is in a study. Read from TOML, or the defaults here.

A rules file is a list of ``[[rule]]`` tables, tried in order; the first whose conditions hold decides, and
says why. Conditions: ``modality``, ``body_part``, ``prior``, ``series`` (how many picture series at least).
A rule's ``tiles`` name a study (``current`` or ``prior``) and what to look for among its series; a tile that
finds nothing takes the largest series that no other tile has.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from .errors import UsageError
from .hanging_defaults import DEFAULT_HANGING
from .text import EMPTY, SafeText, clean

__all__ = [
    "LAYOUTS",
    "Hanging",
    "HangingRule",
    "HungTile",
    "SeriesFacts",
    "TileRule",
    "choose_hanging",
    "read_hanging_rules",
]

LAYOUTS: Final = (1, 2, 4, 6)
"""Tiles a screen can have."""
MAX_RULES: Final = 100
MAX_TEXT: Final = 256 * 1024

_RULE_KEYS: Final = {"name", "modality", "body_part", "prior", "series", "layout", "tiles", "link", "why"}
_TILE_KEYS: Final = {"study", "description", "plane", "view", "modality", "window", "order"}
_ORDERS: Final = ("largest", "thinnest", "first")
_PLANES: Final = ("", "axial", "coronal", "sagittal")


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What rules look at in a series."""

    series_uid: str
    modality: str = ""
    description: str = ""
    plane: str = ""
    """axial, coronal, sagittal; empty where unknown."""
    view: str = ""
    """Laterality and view position, such as LMLO; empty where unknown."""
    body_part: str = ""
    number: int | None = None
    images: int = 0
    """Images, or frames, with pixels."""
    thickness: float | None = None
    """Slice thickness, mm."""


@dataclass(frozen=True, slots=True)
class TileRule:
    """What a tile looks for."""

    study: str = "current"
    """``current`` or ``prior``."""
    description: tuple[str, ...] = ()
    """Words; a series whose description holds any of them fits."""
    plane: str = ""
    """A plane it must be cut in."""
    view: tuple[str, ...] = ()
    """Laterality and view, such as RCC."""
    modality: str = ""
    """A modality of its own, for PET beside CT."""
    window: str = ""
    """A preset by name; empty for the image's own."""
    order: str = "largest"
    """largest, thinnest or first of those that fit."""


@dataclass(frozen=True, slots=True)
class HangingRule:
    """One rule."""

    name: SafeText
    """What it is called."""
    layout: int
    """Tiles: one of `LAYOUTS`."""
    tiles: tuple[TileRule, ...]
    """What each looks for."""
    modality: tuple[str, ...] = ()
    """Modalities it is for; empty for all."""
    body_part: tuple[str, ...] = ()
    """Words in the body part or the descriptions; empty for all."""
    prior: bool | None = None
    """It needs a comparable prior, or none; None for either."""
    series: int = 1
    """Picture series there must be."""
    link: bool = True
    """Current and prior scroll together."""
    why: SafeText = EMPTY
    """Its reason, in words; empty takes its name."""


@dataclass(frozen=True, slots=True)
class HungTile:
    """What a tile shows."""

    study: str
    """``current`` or ``prior``."""
    series_uid: str
    window: str = ""
    """A preset by name; empty for the image's own."""


@dataclass(frozen=True, slots=True)
class Hanging:
    """A layout and what hangs in it."""

    layout: int
    """Tiles: one of `LAYOUTS`."""
    tiles: tuple[HungTile, ...]
    """From left to right, top to bottom; no more than the layout has."""
    link: bool
    """Current and prior scroll together."""
    rule: SafeText
    """Name of the rule."""
    why: SafeText
    """Why this layout, one sentence."""


def read_hanging_rules(text: str) -> tuple[HangingRule, ...]:
    """Read a rules file.

    Args:
        text: TOML.

    Raises:
        UsageError: It can't be read; the words name the rule and what is wrong with it.
    """
    if len(text) > MAX_TEXT:
        raise _wrong("The file is longer than any rules are.")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(f"It is no TOML: {clean(error, limit=200)}.") from error
    rules = found.get("rule", [])
    if set(found) - {"rule"} or not isinstance(rules, list) or len(rules) > MAX_RULES:
        raise _wrong(f"It may hold [[rule]] tables alone, up to {MAX_RULES}.")
    return tuple(_rule(one, number) for number, one in enumerate(rules, 1))


def _wrong(why: str) -> UsageError:
    return UsageError(
        "The hanging rules can't be read.",
        why,
        "The rules that came with teleread are used.",
        code="hanging-rules",
    )


def _rule(table: Any, number: int) -> HangingRule:
    if not isinstance(table, dict):
        raise _wrong(f"Rule {number} is no table.")
    label = clean(table.get("name") or f"rule {number}", limit=60)
    _known(table, _RULE_KEYS, label)
    layout, tiles = table.get("layout", 1), table.get("tiles", [{}])
    if layout not in LAYOUTS or isinstance(layout, bool):
        raise _wrong(f"“{label}”: layout is one of {', '.join(map(str, LAYOUTS))}.")
    if not isinstance(tiles, list) or not 1 <= len(tiles) <= layout:
        raise _wrong(f"“{label}”: tiles are 1 to {layout} tables.")
    prior, series, link = table.get("prior"), table.get("series", 1), table.get("link", True)
    if not isinstance(prior, bool | None) or not isinstance(link, bool):
        raise _wrong(f"“{label}”: prior and link are true or false.")
    if type(series) is not int or series < 0:
        raise _wrong(f"“{label}”: series is a whole number.")
    return HangingRule(
        label,
        layout,
        tuple(_tile(tile, label) for tile in tiles),
        tuple(word.upper() for word in _words(table.get("modality", []), label, "modality")),
        tuple(word.lower() for word in _words(table.get("body_part", []), label, "body_part")),
        prior,
        series,
        link,
        clean(table.get("why", ""), limit=200),
    )


def _tile(table: Any, label: str) -> TileRule:
    if not isinstance(table, dict):
        raise _wrong(f"“{label}”: a tile is no table.")
    _known(table, _TILE_KEYS, label)
    study, plane, order = table.get("study", "current"), table.get("plane", ""), table.get("order", "largest")
    if study not in ("current", "prior") or plane not in _PLANES or order not in _ORDERS:
        raise _wrong(f"“{label}”: a tile's study, plane or order is none there is.")
    single = {name: table.get(name, "") for name in ("modality", "window")}
    if not all(isinstance(value, str) for value in single.values()):
        raise _wrong(f"“{label}”: a tile's modality and window are text.")
    return TileRule(
        study,
        tuple(word.lower() for word in _words(table.get("description", []), label, "description")),
        plane,
        tuple(word.upper() for word in _words(table.get("view", []), label, "view")),
        single["modality"].upper()[:16],
        single["window"].lower()[:64],
        order,
    )


def _known(table: dict[str, Any], keys: set[str], label: str) -> None:
    unknown = sorted(set(table) - keys)
    if unknown:
        raise _wrong(f"“{label}”: {clean(unknown[0], limit=40)} is no key here.")


def _words(value: Any, label: str, key: str) -> list[str]:
    """One text or a list of them."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found) or len(found) > 50:
        raise _wrong(f"“{label}”: {key} is a text or a list of texts.")
    return [one[:64] for one in found]


def choose_hanging(
    current: Sequence[SeriesFacts],
    prior: Sequence[SeriesFacts] = (),
    rules: Iterable[HangingRule] = (),
    *,
    body_part: str = "",
) -> Hanging:
    """What opens where.

    Args:
        current: Picture series of the study to read, in their order.
        prior: Picture series of its most relevant prior that is held; empty for none.
        rules: The reader's own, tried before the defaults.
        body_part: Words of the order besides those of the series.
    """
    studies = {"current": list(current), "prior": list(prior)}
    for rule in (*rules, *_default_rules()):
        if not _holds(rule, studies, body_part):
            continue
        tiles = _hung(rule, studies)
        if tiles:
            layout = next(size for size in LAYOUTS if size >= len(tiles))
            return Hanging(min(layout, rule.layout), tiles, rule.link, rule.name, rule.why or _because(rule))
    return Hanging(1, (), False, clean("nothing"), clean("There is no picture in this study."))


@cache
def _default_rules() -> tuple[HangingRule, ...]:
    return read_hanging_rules(DEFAULT_HANGING)


def _because(rule: HangingRule) -> SafeText:
    return clean(f"Your rule “{rule.name}” holds for this study.")


def _holds(rule: HangingRule, studies: dict[str, list[SeriesFacts]], body_part: str) -> bool:
    current = studies["current"]
    if len(current) < rule.series or (rule.prior is not None and rule.prior != bool(studies["prior"])):
        return False
    if rule.modality and not any(one.modality in rule.modality for one in current):
        return False
    words = " ".join([body_part, *(f"{one.body_part} {one.description}" for one in current)]).lower()
    return not rule.body_part or any(word in words for word in rule.body_part)


def _hung(rule: HangingRule, studies: dict[str, list[SeriesFacts]]) -> tuple[HungTile, ...]:
    """The best fit of each tile, no series twice; what finds none takes the largest of what is left."""
    taken: set[str] = set()
    found: list[HungTile | None] = []
    for tile in rule.tiles:
        fitting = [one for one in studies[tile.study] if _fits(tile, one) and one.series_uid not in taken]
        best = min(fitting, key=lambda one: _rank(tile, one), default=None)
        found.append(None if best is None else HungTile(tile.study, best.series_uid, tile.window))
        if best is not None:
            taken.add(best.series_uid)
    for place, tile in enumerate(rule.tiles):
        if found[place] is None and not tile.view:
            left = [one for one in studies[tile.study] if one.series_uid not in taken]
            best = max(left, key=lambda one: one.images, default=None)
            if best is not None:
                taken.add(best.series_uid)
                found[place] = HungTile(tile.study, best.series_uid)
    return tuple(one for one in found if one is not None)


def _fits(tile: TileRule, one: SeriesFacts) -> bool:
    said = one.description.lower()
    return (
        (not tile.modality or one.modality == tile.modality)
        and (not tile.plane or one.plane == tile.plane)
        and (not tile.view or one.view in tile.view)
        and (not tile.description or any(word in said for word in tile.description))
    )


def _rank(tile: TileRule, one: SeriesFacts) -> tuple[float, float]:
    number = one.number if one.number is not None else 1 << 30
    if tile.order == "first":
        return float(number), 0.0
    if tile.order == "thinnest":
        return one.thickness if one.thickness is not None else 99.0, -float(one.images)
    return -float(one.images), float(number)
