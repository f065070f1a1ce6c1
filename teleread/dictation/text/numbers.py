"""Numbers as figures: cardinals, decimals, years, times and dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from .pieces import Piece, joined, low, rewrite
from .vocabulary import words

__all__ = [
    "CARDINALS",
    "ORDINALS",
    "cardinal_at",
    "dates",
    "figures",
    "settled",
    "times",
]

_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
CARDINALS: Final = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 20 + 10 * at for at, word in enumerate(_TENS.split())
}
"""Number words to their values, to ninety."""
_NOUGHTS: Final = frozenset({"zero", "nought", "naught", "oh", "o", "nil"})
_ORDINAL: Final = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
ORDINALS: Final = {word: value for value, word in enumerate(_ORDINAL.split(), 1)} | {"thirtieth": 30}
_MONTHS: Final = {
    month: at
    for at, month in enumerate(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
        1,
    )
}
_CENTURIES: Final = frozenset({19, 20})
_WORD_BELOW: Final = 10
"""Numbers below this that stand alone are written as words."""


@dataclass(frozen=True, slots=True)
class _Found:
    text: str
    """In figures."""
    taken: int
    """Pieces."""
    alone: bool = False
    """One word below ten."""


def figures(pieces: Sequence[Piece]) -> list[Piece]:
    """Write every number in figures; a small one keeps how it was said, for `settled`."""
    return rewrite(pieces, _figure)


def _figure(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    found = _year_at(pieces, at) or _paired_at(pieces, at) or cardinal_at(pieces, at)
    if found is None:
        return None
    said = low(pieces[at]) if found.alone and not pieces[at].text[0].isdigit() else ""
    if found.alone and not said:
        said = _SMALL.split()[int(found.text)]
    made = joined(pieces[at : at + found.taken], found.text, "number", said=said)
    return (made,), found.taken


def cardinal_at(pieces: Sequence[Piece], at: int) -> _Found | None:
    """A cardinal or decimal that begins at a place, said in words or written by the engine."""
    whole = _whole_at(pieces, at)
    if whole is None and low(pieces[at]) == "point":
        part, taken = _decimals_at(pieces, at + 1)
        return _Found(f"0.{part}", 1 + taken) if part else None
    if whole is None:
        return None
    text, taken = whole
    if at + taken < len(pieces) and low(pieces[at + taken]) in {"point", "dot"} and "." not in text:
        part, more = _decimals_at(pieces, at + taken + 1)
        if part:
            return _Found(f"{text}.{part}", taken + 1 + more)
    if _half_after(pieces, at + taken) and text.isdigit():
        return _Found(f"{text}.5", taken + 3)
    return _Found(text, taken, alone=taken == 1 and text.isdigit() and int(text) < _WORD_BELOW)


def _half_after(pieces: Sequence[Piece], at: int) -> bool:
    after = [low(one) for one in pieces[at : at + 3]]
    return after == ["and", "a", "half"]


def _whole_at(pieces: Sequence[Piece], at: int) -> tuple[str, int] | None:
    if pieces[at].kind == "number":
        return pieces[at].text, 1
    if low(pieces[at]) == "a" and at + 1 < len(pieces) and low(pieces[at + 1]) in {"hundred", "thousand"}:
        value, taken = _larger(pieces, at + 1, 1, 0)
        return str(value), taken + 1
    below = _below_hundred(pieces, at)
    if below is None:
        return None
    value, taken = _larger(pieces, at, *below)
    return str(value), taken


def _below_hundred(pieces: Sequence[Piece], at: int) -> tuple[int, int] | None:
    """Value and pieces of a number below a hundred."""
    if at >= len(pieces):
        return None
    word = low(pieces[at])
    if word in {"nought", "naught"}:
        return 0, 1
    head, hyphen, tail = word.partition("-")
    if hyphen and CARDINALS.get(head, 0) >= 20 and 0 < CARDINALS.get(tail, 0) < 10:
        return CARDINALS[head] + CARDINALS[tail], 1
    value = CARDINALS.get(word)
    if value is None or pieces[at].kind != "word":
        return None
    after = CARDINALS.get(low(pieces[at + 1]), 0) if at + 1 < len(pieces) else 0
    if value >= 20 and 0 < after < 10:
        return value + after, 2
    return value, 1


def _larger(pieces: Sequence[Piece], at: int, value: int, taken: int) -> tuple[int, int]:
    """Hundreds and thousands that follow: "one hundred and twenty", "two thousand and nineteen"."""
    for word, size in (("hundred", 100), ("thousand", 1000)):
        if at + taken >= len(pieces) or low(pieces[at + taken]) != word or not 0 < value < 1000:
            continue
        value, taken = value * size, taken + 1
        skip = taken + (at + taken < len(pieces) and low(pieces[at + taken]) == "and")
        rest = _below_hundred(pieces, at + skip)
        if rest is None:
            continue
        more, used = rest
        if size == 1000:
            more, used = _larger(pieces, at + skip, more, used)
        elif at + skip + used < len(pieces) and low(pieces[at + skip + used]) == "hundred":
            continue
        if more:
            value, taken = value + more, skip + used
    return value, taken


def _decimals_at(pieces: Sequence[Piece], at: int) -> tuple[str, int]:
    """Digits after a decimal point: "two five", "oh five", "twenty five"."""
    text, taken = "", 0
    while at + taken < len(pieces) and len(text) < 4:
        piece = pieces[at + taken]
        word = low(piece)
        if word in _NOUGHTS and word != "nil":
            text += "0"
        elif piece.kind == "number" and piece.text.isdigit() and not text:
            return piece.text, 1
        elif word in CARDINALS and piece.kind == "word":
            value = CARDINALS[word]
            if value >= 10:
                found = _below_hundred(pieces, at + taken)
                assert found is not None
                return (text + str(found[0]), taken + found[1]) if not text else (text, taken)
            text += str(value)
        else:
            break
        taken += 1
    return text, taken


def _year_at(pieces: Sequence[Piece], at: int) -> _Found | None:
    """A year as years are said: "twenty twenty four", "nineteen ninety eight"."""
    first = CARDINALS.get(low(pieces[at])) if pieces[at].kind == "word" else None
    if first not in _CENTURIES or at + 1 >= len(pieces):
        return None
    if low(pieces[at + 1]) in {"oh", "o"} and at + 2 < len(pieces):
        last = CARDINALS.get(low(pieces[at + 2]), 0)
        return _Found(f"{first}0{last}", 3) if 0 < last < 10 else None
    rest = _below_hundred(pieces, at + 1)
    if rest is None or rest[0] < 10:
        return None
    after = low(pieces[at + 1 + rest[1]]) if at + 1 + rest[1] < len(pieces) else ""
    if after in {"hundred", "thousand"}:
        return None
    return _Found(f"{first}{rest[0]:02}", 1 + rest[1])


def _paired_at(pieces: Sequence[Piece], at: int) -> _Found | None:
    """A number said in pairs, such as "one twenty", where a unit or "over" says that it is one number."""
    first = CARDINALS.get(low(pieces[at]), 0) if pieces[at].kind == "word" else 0
    if not 0 < first < 10 or at + 1 >= len(pieces):
        return None
    if low(pieces[at + 1]) == "oh" and at + 2 < len(pieces):
        last = CARDINALS.get(low(pieces[at + 2]), 0)
        return _Found(f"{first}0{last}", 3) if 0 < last < 10 else None
    rest = _below_hundred(pieces, at + 1)
    if rest is None or rest[0] < 10:
        return None
    after = low(pieces[at + 1 + rest[1]]) if at + 1 + rest[1] < len(pieces) else ""
    return _Found(f"{first}{rest[0]}", 1 + rest[1]) if after in words("after_pair") else None


def times(pieces: Sequence[Piece]) -> list[Piece]:
    """Times of day: "at fourteen thirty", "ten fifteen am", "fourteen hundred hours". Before `figures`."""
    return rewrite(pieces, _time_at)


def _time_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    hour = _below_hundred(pieces, at)
    if hour is None or hour[0] > 23:
        return None
    after = at + hour[1]
    if (
        after + 1 < len(pieces)
        and low(pieces[after]) == "hundred"
        and low(pieces[after + 1]) in {"hours", "hrs"}
    ):
        return (joined(pieces[at : after + 1], f"{hour[0]:02}:00", "time"),), hour[1] + 1
    minute = _below_hundred(pieces, after)
    if minute is None or not 10 <= minute[0] <= 59:
        return None
    end = after + minute[1]
    told = low(pieces[end]) if end < len(pieces) else ""
    before = low(pieces[at - 1]) if at else ""
    if told in {"am", "pm", "hours", "hrs"} or (before == "at" and not told.startswith(_UNITLIKE)):
        return (joined(pieces[at:end], f"{hour[0]:02}:{minute[0]:02}", "time"),), end - at
    return None


_UNITLIKE: Final = ("milli", "centi", "mm", "cm", "hounsfield", "per", "weeks", "degrees", "point", "by")


def dates(pieces: Sequence[Piece]) -> list[Piece]:
    """Dates: "the third of May twenty twenty four" is 3 May 2024. After `figures`."""
    return rewrite(pieces, _date_at)


def _date_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    if low(pieces[at]) == "the" and at + 1 < len(pieces):  # "on the third of May" is "on 3 May"
        found = _date_at(pieces, at + 1) if low(pieces[at + 1]) != "the" else None
        if found is None or found[0][0].text[:1].isalpha():
            return None
        made = joined((pieces[at], *found[0]), found[0][0].text, "date", fixed=True)
        return (made,), found[1] + 1
    day = _day_at(pieces, at)
    if day is not None:
        value, end = day
        end += end < len(pieces) and low(pieces[end]) == "of"
        end += end < len(pieces) and low(pieces[end]) == "the"
        month = _month_at(pieces, end)
        in_figures = _day_at(pieces, end) if low(pieces[end - 1]) == "the" else None
        if month:
            return _date(pieces, at, end + 1, value, month)
        if in_figures and in_figures[0] <= 12 and _is_year(pieces, in_figures[1]):
            year = pieces[in_figures[1]].text
            text = f"{value:02}/{in_figures[0]:02}/{year}"
            return (joined(pieces[at : in_figures[1] + 1], text, "date"),), in_figures[1] + 1 - at
        return None
    month = _month_at(pieces, at)
    if not month:
        return None
    day = _day_at(pieces, at + 1)
    if day is not None and _is_year(pieces, day[1]):
        return _date(pieces, at, day[1], day[0], month)
    if _is_year(pieces, at + 1):
        name = low(pieces[at]).capitalize()
        return (joined(pieces[at : at + 2], f"{name} {pieces[at + 1].text}", "date", fixed=True),), 2
    return None


def _date(
    pieces: Sequence[Piece], at: int, end: int, day: int, month: str
) -> tuple[Sequence[Piece], int] | None:
    text = f"{day} {month.capitalize()}"
    if _is_year(pieces, end):
        text += f" {pieces[end].text}"
        end += 1
    return (joined(pieces[at:end], text, "date", fixed=True),), end - at


def _is_year(pieces: Sequence[Piece], at: int) -> bool:
    return (
        at < len(pieces)
        and pieces[at].kind == "number"
        and pieces[at].text[:2] in {"19", "20"}
        and (len(pieces[at].text) == 4 and pieces[at].text.isdigit())
    )


def _month_at(pieces: Sequence[Piece], at: int) -> str:
    word = low(pieces[at]) if at < len(pieces) else ""
    return word if word in _MONTHS else ""


def _day_at(pieces: Sequence[Piece], at: int) -> tuple[int, int] | None:
    """A day of a month: value, and where it ends. An ordinal, or a bare number before a month."""
    if at >= len(pieces):
        return None
    word = low(pieces[at])
    after = low(pieces[at + 1]) if at + 1 < len(pieces) else ""
    if pieces[at].kind == "number" and pieces[at].text.isdigit() and 0 < int(pieces[at].text) <= 31:
        tail = ORDINALS.get(after, 0)
        if pieces[at].text in {"20", "30"} and 0 < tail < 10:
            return int(pieces[at].text) + tail, at + 2
        if after in {"st", "nd", "rd", "th"}:
            return int(pieces[at].text), at + 2
        month_near = after in _MONTHS or (at > 0 and low(pieces[at - 1]) in _MONTHS)
        return (int(pieces[at].text), at + 1) if month_near else None
    head, hyphen, tail_word = word.partition("-")
    if hyphen and head in {"twenty", "thirty"} and ORDINALS.get(tail_word, 0) in range(1, 10):
        return CARDINALS[head] + ORDINALS[tail_word], at + 1
    value = ORDINALS.get(word, 0)
    return (value, at + 1) if value else None


def settled(pieces: Sequence[Piece]) -> list[Piece]:
    """Write a small number that stands alone as a word again; last of the number steps."""
    out = []
    for at, piece in enumerate(pieces):
        if piece.kind == "number" and piece.said and not _stays(pieces, at):
            piece = replace(piece, text=piece.said, kind="word")
        out.append(piece)
    return out


_LEVEL: Final = re.compile(r"[CTLS]\d{1,2}(?:/.*)?")


def _stays(pieces: Sequence[Piece], at: int) -> bool:
    before = pieces[at - 1] if at else None
    after = pieces[at + 1] if at + 1 < len(pieces) else None
    if before is not None and (
        low(before) in words("digit_after")
        or (before.fixed and not _LEVEL.fullmatch(before.text))
        or (before.kind == "mark" and before.binds)
        or before.text in {"x", "±", ">", "<", "+"}
    ):
        return True
    if before is not None and low(before) == "of" and at > 1 and low(pieces[at - 2]) in words("digit_after"):
        return True
    if after is None:
        return before is not None and before.kind == "break"
    if low(after) == "to" and at + 3 < len(pieces) and pieces[at + 2].kind == "number":
        return pieces[at + 3].kind == "unit" or not pieces[at + 2].said
    if after.kind == "unit" or low(after) in words("digit_before") or after.text in {"x", "±", "+"}:
        return True
    if after.kind == "mark" and after.text in "-/:" and after.binds:
        return True
    listed = before is None or before.kind == "break"
    return listed and after.kind == "mark" and after.text == "."
