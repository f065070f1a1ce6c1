"""How report text is coloured: negations, sides, numbers with a unit, fields."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["Mark", "marks_of"]

Mark = tuple[int, int, str]
"""(start, end, kind): ``no``, ``side``, ``number``, ``field``, ``open``."""

_UNITS = r"(?:mm|cm|m|ml|l|HU|mg|g|kg|%|degrees|°|cm2|cm3|cm²|cm³|mm2|mm²|mSv|mGy|kPa|weeks|days)"
_PATTERNS: Final = (
    ("no", re.compile(r"\b(?:no|not|without|never|nor|neither|none)\b", re.IGNORECASE)),
    ("side", re.compile(r"\b(?:left|right|both|bilateral)\b", re.IGNORECASE)),
    ("number", re.compile(rf"\b\d+(?:\.\d+)?(?:\s*[x×]\s*\d+(?:\.\d+)?){{0,2}}\s?{_UNITS}(?![A-Za-z])")),
    ("open", re.compile(r"\[\s*\?[^\[\]\n]{0,400}\]|_{3,}")),
    ("field", re.compile(r"\[[^\[\]\n?][^\[\]\n]{0,400}\]")),
)


@lru_cache(maxsize=64)
def marks_of(text: str) -> tuple[Mark, ...]:
    """Marks of a text, in order of the text; a later kind lies on top of an earlier one."""
    return tuple(
        (found.start(), found.end(), kind) for kind, pattern in _PATTERNS for found in pattern.finditer(text)
    )
