"""What the worklist can be sorted by: column to the key that orders its rows, which stand by what is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from teleread.workstation.api import WorklistItem

__all__ = ["ORDERS", "ordered"]

_CACHED: Final = {"all": 0, "part": 1}
_PRIORITY: Final = {"stat": 0, "urgent": 1, "asap": 2}

ORDERS: Final[dict[str, Callable[[WorklistItem], Any] | None]] = {
    "due": None,
    "priority": lambda item: _PRIORITY.get(item.priority, 3),
    "patient": lambda item: item.name.casefold(),
    "examination": lambda item: item.procedure.casefold(),
    "site": lambda item: item.site.casefold(),
    "images": lambda item: _CACHED.get(item.cached, 2),
    "report": lambda item: item.report_state or "~",
}
"""None: as they stand."""


def ordered(rows: Sequence[WorklistItem], column: str) -> list[WorklistItem]:
    """Rows that stand by what is due, by a column; what is equal there stays by what is due."""
    key = ORDERS[column]
    return list(rows) if key is None else sorted(rows, key=key)
