"""Words of an MRRT page: which of them name a field, and how fields are written in our text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from teleread.model.report import FieldSpec

from .mrrt_parts import Words

__all__ = ["Line", "is_opaque", "marked", "named", "number", "pretty", "unbracketed", "unfielded", "unlike"]


@dataclass
class Line:
    """What stands in the line so far."""

    heading: str = ""
    """Words of the last line that named something and had no field."""
    fields: int = 0
    _last: int | None = None
    _said: list[str] = field(default_factory=list)

    def words(self, at: int, token: Words) -> None:
        """Take in what stands next."""
        bare = " ".join(token.text.split())
        if bare and (token.strong or bare.endswith(":")):
            self._last = at
            self._said.append(bare.rstrip(": "))

    def used(self, at: int) -> None:
        """Those words name a field already."""
        self._last = None if self._last == at else self._last

    def caption(self) -> int | None:
        """The words that name the next field; each names one only."""
        found, self._last = self._last, None
        return found

    def next(self) -> Line:
        """The line that begins after it."""
        if self.fields or not self._said:
            return Line(self.heading)
        # a heading of a row may be meant for the fields of the next line
        return Line(self._said[-1], 0, None, [])


def marked(spec: FieldSpec) -> str:
    """A field as it stands in our text."""
    if spec.default:
        return f"[{spec.default}]"
    return f"[?{spec.label}]" if spec.action in {"alert", "prohibit"} else f"[~{spec.label}]"


def named(before: str, label: str, fields: int) -> str:
    """The line up to a field that no words of the page name: its label, unless the line ends with it."""
    if re.search(rf"(?<!\w){re.escape(label)}$", before, re.IGNORECASE):
        return f"{before}: "
    joint = ", " if fields and before and not before.endswith((":", ",")) else " "
    return f"{before}{joint if before else ''}{label}: "


def unbracketed(text: str) -> str:
    """Words with brackets of their own, which would read as fields, in parentheses."""
    return text.replace("[", "(").replace("]", ")")


def unfielded(line: str) -> str:
    """A line without colons that follow each other."""
    return re.sub(r":(\s*:)+", ":", line)


def number(text: str) -> str:
    """The text where it is a number, else empty."""
    try:
        return text if text and Decimal(text).is_finite() else ""
    except InvalidOperation:
        return ""


def pretty(name: str) -> str:
    """An id as words."""
    words = re.sub(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ])", " ", re.sub(r"[_\-.]+", " ", name)).strip()
    return words[:1].upper() + words[1:]


def unlike(name: str, taken: set[str], shape: str) -> str:
    """The name, with a number where it is taken."""
    number, made = 2, name
    while made.casefold() in taken:
        made = shape.format(name, number)
        number += 1
    return made


def is_opaque(value: str) -> bool:
    """Whether a button's value is for machines: a number, or an id with a number or underscores in it."""
    return " " not in value and not re.fullmatch(r"[^\W\d_]+([-/.][^\W\d_]+)*", value)
