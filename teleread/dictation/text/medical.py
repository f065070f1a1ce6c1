"""Names of radiology: vertebral levels, TNM, RADS and other classes, letters that spell an abbreviation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from .numbers import CARDINALS
from .pieces import Piece, joined, low, rewrite
from .vocabulary import pairs, words

__all__ = ["SPINE", "aspects", "classes", "heard_numbers", "letters", "levels", "names", "shouted", "stages"]

_SPINE: Final = [f"C{n}" for n in range(1, 8)] + [f"T{n}" for n in range(1, 13)]
SPINE: Final = (*_SPINE, *(f"L{n}" for n in range(1, 6)), *(f"S{n}" for n in range(1, 6)))
"""Vertebral levels from the top."""
_LOWEST: Final = {"C": 8, "T": 12, "L": 5, "S": 5}
_SOUND_ALIKE: Final = {"see": "C", "sea": "C", "tea": "T", "tee": "T", "ell": "L", "el": "L", "ess": "S"}
_NUMERALS: Final = {1: "I", 2: "II", 3: "III", 4: "IV"}


def _level_at(pieces: Sequence[Piece], at: int) -> tuple[str, int] | None:
    """One level: its name and how many pieces it takes."""
    text = pieces[at].text
    whole = re.fullmatch(r"([CTLS])(\d{1,2})", text.upper())
    if whole and 0 < int(whole[2]) <= _LOWEST[whole[1]] and pieces[at].kind == "word":
        return whole.group(0), 1
    letter = text.upper() if len(text) == 1 else _SOUND_ALIKE.get(text.lower(), "")
    if letter not in _LOWEST or at + 1 >= len(pieces):
        return None
    number = _small(pieces[at + 1])
    if number is None or not 0 < number <= _LOWEST[letter]:
        return None
    if len(text) > 1 and not _pair_follows(pieces, at + 1, number):
        return None  # "see five nodules"
    return f"{letter}{number}", 2


def _small(piece: Piece) -> int | None:
    if piece.kind == "number" and piece.text.isdigit():
        return int(piece.text)
    return CARDINALS.get(low(piece)) if piece.kind == "word" else None


def _pair_follows(pieces: Sequence[Piece], at: int, number: int) -> bool:
    return at + 1 < len(pieces) and _small(pieces[at + 1]) == number + 1


def levels(pieces: Sequence[Piece]) -> list[Piece]:
    """Vertebral levels: "c five six" is C5/6, "l five s one" L5/S1. Only neighbours are joined."""
    return rewrite(pieces, _levels_at)


def _levels_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    run = re.fullmatch(r"([CTLS])(\d)(\d)", pieces[at].text.upper())
    if run and int(run[3]) == int(run[2]) + 1 <= _LOWEST[run[1]] and pieces[at].kind == "word":
        return (joined(pieces[at : at + 1], f"{run[1]}{run[2]}/{run[3]}", fixed=True),), 1
    pair = re.fullmatch(r"([CTLS])(\d+)/(\d+)", pieces[at].text.upper())
    if pair:
        return (joined(pieces[at : at + 1], pair.group(0), fixed=True),), 1
    first = _level_at(pieces, at)
    if first is None:
        return None
    name, taken = first
    after = at + taken
    linked = after < len(pieces) and pieces[after].kind == "mark" and pieces[after].text in "-/"
    skip = after + linked + (not linked and after < len(pieces) and low(pieces[after]) in {"slash", "stroke"})
    if skip < len(pieces):
        second = _level_at(pieces, skip)
        if second is not None and _neighbours(name, second[0]):
            end = skip + second[1]
            return (joined(pieces[at:end], f"{name}/{second[0]}", fixed=True),), end - at
        number = _small(pieces[skip])
        if number is not None and _next_number(name, number) and not _measured(pieces, skip + 1):
            return (joined(pieces[at : skip + 1], f"{name}/{number}", fixed=True),), skip + 1 - at
    return (joined(pieces[at:after], name, fixed=True),), taken


def _measured(pieces: Sequence[Piece], at: int) -> bool:
    """Whether a unit, "by" or "point" follows: then the number before it belongs there."""
    if at >= len(pieces):
        return False
    return (low(pieces[at]),) in pairs("units") or low(pieces[at]) in {"by", "point", "hounsfield", "x"}


def _neighbours(upper: str, lower: str) -> bool:
    return (
        upper in SPINE
        and lower in SPINE
        and abs(SPINE.index(lower) - SPINE.index(upper)) == 1
        and lower != upper
    )


def _next_number(name: str, number: int) -> bool:
    return int(name[1:]) + 1 == number <= _LOWEST[name[0]]


_STAGE: Final = {"T": range(5), "N": range(4), "M": range(2)}


def stages(pieces: Sequence[Piece]) -> list[Piece]:
    """TNM: "t two n one m zero" is T2 N1 M0, its prefixes and suffixes too. Before `levels`."""
    return rewrite(pieces, _stage_at)


def _stage_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    found: list[Piece] = []
    here = at
    while here < len(pieces):
        one = _one_stage(pieces, here, last=bool(found))
        if one is None:
            break
        piece, taken = one
        found.append(piece)
        here += taken
    kinds = [re.sub(r"[^TNM]", "", piece.text)[:1] for piece in found]
    if len(found) < 2 or kinds not in (["T", "N"], ["T", "N", "M"], ["N", "M"]):
        return None
    return found, here - at


def _one_stage(pieces: Sequence[Piece], at: int, *, last: bool) -> tuple[Piece, int] | None:
    prefix, here = "", at
    while here < len(pieces) - 1 and low(pieces[here]) in {"p", "c", "y", "r", "yp", "yc"} and not last:
        prefix += low(pieces[here])
        here += 1
    head = pieces[here].text if here < len(pieces) else ""
    whole = re.fullmatch(r"([pcyr]{0,2})([TNM])(\d|x|is)([a-d]?)", head, re.IGNORECASE)
    if whole and int(whole[3]) in _STAGE[whole[2].upper()] if whole and whole[3].isdigit() else False:
        assert whole is not None
        text = f"{whole[1].lower()}{whole[2].upper()}{whole[3]}{whole[4].lower()}"
        return joined(pieces[at : here + 1], prefix + text, fixed=True), here + 1 - at
    letter = head.upper()
    if letter not in _STAGE or here + 1 >= len(pieces):
        return None
    value = low(pieces[here + 1])
    number = 0 if value in {"nought", "naught", "oh"} else _small(pieces[here + 1])
    told = value.upper() if value == "x" else value if value == "is" else ""
    if number is not None and number in _STAGE[letter]:
        told = str(number)
    if not told:
        return None
    here += 2
    suffix = low(pieces[here]) if here < len(pieces) else ""
    if suffix in {"a", "b", "c", "d"} and (suffix != "a" or _one_stage_follows(pieces, here + 1)):
        told, here = told + suffix, here + 1
    return joined(pieces[at:here], f"{prefix}{letter}{told}", fixed=True), here - at


def _one_stage_follows(pieces: Sequence[Piece], at: int) -> bool:
    return at >= len(pieces) or (low(pieces[at])[:1] in {"n", "m"} and len(low(pieces[at])) <= 2)


def names(pieces: Sequence[Piece]) -> list[Piece]:
    """Names written in one way: X-ray, BI-RADS, SUVmax. Before everything about letters and numbers."""
    return rewrite(pieces, _name_at)


def _name_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    known = pairs("names")
    for length in (4, 3, 2, 1):
        parts = pieces[at : at + length]
        text = known.get(tuple(low(one) for one in parts)) if len(parts) == length else None
        if text is None and length == 3 and len(parts) == 3 and parts[1].text == "-":
            text = known.get((low(parts[0]), low(parts[2])))
        if text is not None:
            return (joined(parts, text, fixed=True),), length
    return None


_CLASS: Final = re.compile(r"(?:.*-RADS|Bosniak|Lung-RADS)$")
_BETWEEN: Final = frozenset({"category", "class", "type", "score", "grade", "of"})


def classes(pieces: Sequence[Piece]) -> list[Piece]:
    """Classes with their letter: BI-RADS 4A, Bosniak IIF, grade 3b, segment 4a. After `figures`."""
    return rewrite(pieces, _class_at)


_HEARD_AS: Final = {"for": "4", "four": "4", "too": "2", "to": "2", "won": "1"}
"""Numbers of a class that are heard as little words."""


def heard_numbers(pieces: Sequence[Piece]) -> list[Piece]:
    """After the name of a class a little word is a number: "bi rads for a" is BI-RADS 4A."""
    out: list[Piece] = []
    for piece in pieces:
        number = _HEARD_AS.get(low(piece)) if out and piece.kind == "word" else None
        classed = number and (_CLASS.match(out[-1].text) or low(out[-1]) == "bosniak")
        out.append(replace(piece, text=str(number), kind="number") if classed else piece)
    return out


def _class_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    number = pieces[at]
    roman = number.kind == "word" and number.text.upper() in {"I", "II", "III", "IV", "IIF"}
    if at == 0 or not (number.kind == "number" or roman):
        return None
    head = at - 1
    while head > 0 and low(pieces[head]) in _BETWEEN and at - head < 3:
        head -= 1
    name = pieces[head].text
    suffix = pieces[at + 1].text if at + 1 < len(pieces) else ""
    if name.lower() == "bosniak":
        return _bosniak(pieces, at, suffix)
    if roman:
        return None
    if _CLASS.match(name) and suffix.lower() in set("abcdxmsv") and len(suffix) == 1:
        return (joined(pieces[at : at + 2], f"{number.text}{suffix.upper()}", "number", fixed=True),), 2
    lower = suffix.lower() in {"b", "c", "d"} or (suffix.lower() == "a" and _ends_there(pieces, at + 2))
    if low(pieces[at - 1]) in words("lettered") and lower:
        letter = suffix.upper() if low(pieces[at - 1]) in {"stage", "figo"} else suffix.lower()
        return (joined(pieces[at : at + 2], f"{number.text}{letter}", "number", fixed=True),), 2
    if low(pieces[at - 1]) == "station" and suffix.lower() in {"r", "l"}:
        return (joined(pieces[at : at + 2], f"{number.text}{suffix.upper()}", "number", fixed=True),), 2
    return None


def aspects(pieces: Sequence[Piece]) -> list[Piece]:
    """The stroke score: ASPECTS of eight, told from aspects of anything else. After `figures`."""

    def rule(all_pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
        if low(all_pieces[at]) != "aspects" or at + 1 >= len(all_pieces):
            return None
        skip = 1 + (low(all_pieces[at + 1]) in {"of", "score"})
        scored = at + skip < len(all_pieces) and all_pieces[at + skip].kind == "number"
        return ((replace(all_pieces[at], text="ASPECTS", fixed=True),), 1) if scored else None

    return rewrite(pieces, rule)


def _ends_there(pieces: Sequence[Piece], at: int) -> bool:
    """Whether a letter a closes a class: no noun of its own follows it."""
    return (
        at >= len(pieces)
        or pieces[at].kind in {"mark", "break", "engine"}
        or low(pieces[at]) in words("small")
    )


def _bosniak(pieces: Sequence[Piece], at: int, suffix: str) -> tuple[Sequence[Piece], int] | None:
    text = pieces[at].text.upper()
    if text.isdigit():
        text = _NUMERALS.get(int(text), "")
    if not text:
        return None
    taken = 1
    if text == "II" and suffix.lower() in {"f", "eff", "ef"}:
        text, taken = "IIF", 2
    return (joined(pieces[at : at + taken], text, fixed=True),), taken


def letters(pieces: Sequence[Piece]) -> list[Piece]:
    """Letters said one by one are an abbreviation; a letter and a number are one name (U3, B12)."""
    return rewrite(pieces, _letters_at)


def _letters_at(pieces: Sequence[Piece], at: int) -> tuple[Sequence[Piece], int] | None:
    end = at
    while end < len(pieces) and _is_letter(pieces[end]):
        end += 1
    if end - at >= 2:
        text = "".join(one.text.upper() for one in pieces[at:end])
        known = words("shouted")
        if text[0] == "A" and text.lower() not in known and text[1:].lower() in known:
            spelled = joined(pieces[at + 1 : end], text[1:], fixed=True)
            return (pieces[at], spelled), end - at
        return (joined(pieces[at:end], text, fixed=True),), end - at
    if end - at == 1 and end < len(pieces) and low(pieces[at]) in words("numbered_letters"):
        number = pieces[end]
        if number.kind == "number" and number.text.isdigit() and len(number.text) <= 2:
            text = pieces[at].text.upper() + number.text
            if _measured(pieces, end + 1):
                return None
            return (joined(pieces[at : end + 1], text, fixed=True),), 2
    return None


def _is_letter(piece: Piece) -> bool:
    return piece.kind == "word" and len(piece.text) == 1 and piece.text.isalpha() and not piece.fixed


def shouted(pieces: Sequence[Piece]) -> list[Piece]:
    """Abbreviations in capitals."""
    known = words("shouted")
    return [
        replace(piece, text=piece.text.upper(), fixed=True)
        if piece.kind == "word" and low(piece) in known
        else piece
        for piece in pieces
    ]
