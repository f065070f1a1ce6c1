"""The minimal alert: a critical finding, who was told of it, when and how; kept with the draft."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from teleread.model.errors import UsageError
from teleread.model.evidence import Alert
from teleread.model.text import SafeText, clean

__all__ = [
    "BUILT_IN",
    "FIELD",
    "METHODS",
    "Category",
    "alert_in",
    "alert_out",
    "categories_of",
    "coding_of",
    "make_alert",
    "plain_fields",
]

FIELD: Final = "@alert"
"""Field id of the journal. Ids with an @ are the draft's own notes; they are not frozen as fields."""

METHODS: Final = ("telephone", "in person", "message", "e-mail", "pager")
"""How somebody is told; others are words of the reader's own."""

_MOST: Final = 40
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Category:
    """How pressing a finding is, in the hub's words."""

    code: SafeText
    text: SafeText


BUILT_IN: Final = (
    Category(SafeText("C"), SafeText("critical: act as soon as possible")),
    Category(SafeText("U"), SafeText("urgent: act within 24 hours")),
    Category(SafeText("S"), SafeText("significant and unexpected")),
    Category(SafeText("CANCER"), SafeText("new or recurrent cancer")),
)
"""What holds where the hub file has no table: the classes of AoMRC and RCR (2022)."""


REQUEST_PRIORITIES: Final = ("routine", "urgent", "asap", "stat")
"""FHIR R4, request-priority; an alert of a category that none is named for is ``urgent``."""

PRIORITIES: Final = {"C": "stat", "U": "asap"}
"""Of the built-in categories, where the hub file has no table ``[alert_priorities]``."""


def categories_of(extra: Mapping[str, Any]) -> tuple[Category, ...]:
    """The alert categories of a hub file: its table ``[alert_categories]``, code to words.

    Args:
        extra: What the hub file says beside the keys of `HubFile`.

    Raises:
        UsageError: The table is there and is no such table.
    """
    table = extra.get("alert_categories")
    if table is None:
        return BUILT_IN
    fits = isinstance(table, dict) and 0 < len(table) <= _MOST
    if not fits or not all(isinstance(text, str) and text.strip() for text in table.values()):
        raise UsageError(
            "The hub file's alert_categories is not a table of codes and words.",
            "Nothing was changed.",
            'Write it so: [alert_categories], then C = "critical: act at once".',
            code="bad-hub-file",
        )
    return tuple(Category(clean(code, limit=20), clean(text, limit=_LONGEST)) for code, text in table.items())


def coding_of(extra: Mapping[str, Any], alert: Alert | None) -> tuple[str, str, str]:
    """An alert's category as a hub reads it: the site's code, whose code that is, the request priority.

    Args:
        extra: What the hub file says beside the keys of `HubFile`: ``alert_priorities`` (code to priority)
            and ``alert_system`` (URI).
        alert: The alert; None for one that is taken away.

    Raises:
        UsageError: The table of priorities is there and is no such table.
    """
    table, system = extra.get("alert_priorities", PRIORITIES), extra.get("alert_system", "")
    if not isinstance(table, dict) or not all(one in REQUEST_PRIORITIES for one in table.values()):
        raise UsageError(
            "The hub file's alert_priorities is not a table of codes and priorities.",
            "Nothing was changed.",
            f"Each is one of {', '.join(REQUEST_PRIORITIES)}.",
            code="bad-hub-file",
        )
    known = {f"{one.code}: {one.text}": str(one.code) for one in categories_of(extra)}
    code = known.get(alert.category, "") if alert else ""
    return code, str(system), str(table.get(code, "urgent"))


def make_alert(categories: tuple[Category, ...], category: str, told: str, at: str, method: str) -> Alert:
    """An alert from what the reader says.

    Args:
        categories: Those of the hub.
        category: A code of theirs; the case does not matter.
        told: The person who was told.
        at: When, in the reader's words.
        method: How.

    Raises:
        UsageError: There is no such category, or something is empty.
    """
    known = next((one for one in categories if one.code.casefold() == category.strip().casefold()), None)
    if known is None:
        raise UsageError(
            f"This hub has no alert category “{clean(category, limit=20)}”.",
            remedy="Its categories are " + "; ".join(f"{one.code}, {one.text}" for one in categories) + ".",
            code="bad-alert",
        )
    words = {"Who was told": told, "When": at, "How": method}
    cleaned = {name: clean(text, limit=_LONGEST).strip() for name, text in words.items()}
    missing = next((name for name, text in cleaned.items() if not text), None)
    if missing:
        raise UsageError(f"{missing} is missing.", "The alert was not kept.", code="bad-alert")
    who, when, how = (SafeText(one) for one in cleaned.values())
    return Alert(clean(f"{known.code}: {known.text}"), who, when, how)


def alert_out(alert: Alert | None) -> str:
    """An alert as the journal keeps it; empty for none."""
    if alert is None:
        return ""
    return json.dumps([alert.category, alert.told, alert.at, alert.method], ensure_ascii=False)


def alert_in(fields: Mapping[str, str]) -> Alert | None:
    """A draft's alert; what can't be read is none."""
    try:
        row = json.loads(fields.get(FIELD) or "null")
    except ValueError:
        return None
    if not isinstance(row, list) or len(row) != 4:
        return None
    return Alert(*(clean(one, limit=_LONGEST * 2) for one in row))


def plain_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """A draft's fields without its own notes: what is shown and signed as fields."""
    return {name: value for name, value in fields.items() if not name.startswith("@")}
