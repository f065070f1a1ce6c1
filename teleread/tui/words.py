"""How things are said: names, ages, dates, times left. Pure functions."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final

__all__ = [
    "age",
    "ago",
    "born",
    "clock",
    "day",
    "due_words",
    "family",
    "nhs",
    "person",
    "sentence",
    "size",
]

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PARTIAL: Final = re.compile(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?")


def person(name: str, *, demo: bool = False) -> str:
    """``OKONKWO^Adaeze`` as ``OKONKWO, Adaeze``; the demo's people carry DEMO behind their name."""
    parts = [part.strip() for part in name.split("=")[0].split("^")]
    last = parts[0].upper()
    rest = " ".join(part for part in parts[1:3] if part)
    shown = f"{last}, {rest}" if last and rest else last or rest or "no name"
    return f"{shown} DEMO" if demo and not shown.endswith("DEMO") else shown


def family(name: str) -> str:
    """The family name alone, in capitals."""
    return name.split("=")[0].split("^")[0].strip().upper() or "no name"


def _parts(text: str) -> tuple[int, int, int] | None:
    """(year, month, day) with 0 for what is not known."""
    found = _PARTIAL.match(text.strip())
    if not found:
        return None
    year, month, day_ = (int(part or 0) for part in found.groups())
    if month > 12 or day_ > 31:
        return None
    return year, month, day_


def age(birth_date: str, today: date) -> str:
    """``47y``, ``14m`` under two years, ``9d`` under a month; empty where unknown."""
    parts = _parts(birth_date)
    if parts is None:
        return ""
    year, month, day_ = parts
    years = today.year - year - ((today.month, today.day) < (month or 1, day_ or 1))
    if years < 0 or years > 150:
        return ""
    if years >= 2 or not month:
        return f"{years}y"
    months = (today.year - year) * 12 + today.month - month - (today.day < (day_ or 1))
    if months >= 1 or not day_:
        return f"{max(months, 0)}m"
    try:
        return f"{(today - date(year, month, day_)).days}d"
    except ValueError:
        return ""


def born(birth_date: str) -> str:
    """``14 Mar 1979``, as much of it as is known; empty where nothing is."""
    parts = _parts(birth_date)
    if parts is None:
        return ""
    year, month, day_ = parts
    words = [str(day_)] if day_ and month else []
    if month:
        words.append(_MONTHS[month - 1])
    return " ".join([*words, str(year)])


def nhs(number: str) -> str:
    """An NHS number in its threes and four; anything else as it is."""
    digits = number.replace(" ", "").replace("-", "")
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}" if len(digits) == 10 and digits.isdigit() else number


def _local(when: datetime) -> datetime:
    return when.astimezone()


def clock(when: datetime | None, *, seconds: bool = False) -> str:
    """``14:02``, local; empty where there is no time."""
    if when is None:
        return ""
    return _local(when).strftime("%H:%M:%S" if seconds else "%H:%M")


def day(when: datetime | date | None, *, short: bool = False) -> str:
    """``3 May 2026``, or ``3 May 26``."""
    if when is None:
        return ""
    local = _local(when) if isinstance(when, datetime) else when
    year = f"{local.year % 100:02d}" if short else str(local.year)
    return f"{local.day} {_MONTHS[local.month - 1]} {year}"


def ago(seconds: float | None) -> str:
    """A span in its largest unit: ``40s``, ``6m``, ``3h``, ``2d``."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= length:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def due_words(due: datetime | None, used: float | None, now: datetime) -> tuple[int, str, str]:
    """How much time is left.

    Args:
        due: When the reading is due, UTC.
        used: Share of the target used, 0 to 1 and more.
        now: The time, UTC.

    Returns:
        (quarter 0 to 4 for the sign, words, role); words are empty where nothing is due.
    """
    if due is None:
        return 0, "", "soft"
    left = due - now
    if left < timedelta(0):
        return 4, f"{_span(-left)} over", "danger"
    quarter = min(3, max(0, int((used or 0.0) * 4)))
    if left <= timedelta(minutes=15):
        return max(quarter, 3), _span(left), "danger"
    return quarter, _span(left), "warn" if quarter == 3 else "soft"


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes}m"
    if hours < 9:
        return f"{hours}h {rest:02d}"
    if hours < 24:
        return f"{hours}h"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h" if hours and days < 2 else f"{days}d"


def size(count: int) -> str:
    """Bytes with a unit: ``218 MB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.0f} GB"


def sentence(title: str, *rest: str) -> str:
    """Sentences on one line."""
    return " ".join(part.strip() for part in (title, *rest) if part and part.strip())
