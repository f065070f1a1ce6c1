"""HL7 v2 in its ER7 form (HL7 2.5.1 chapter 2): written with escapes, read with caps. I/O-free."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from teleread.model.errors import IntegrityError, UsageError

__all__ = [
    "BREAK",
    "MAX_BYTES",
    "MAX_SEGMENTS",
    "Repetition",
    "Segment",
    "decode",
    "encode",
    "field",
    "wrapped",
]

MAX_BYTES: Final = 96 * 1024 * 1024
MAX_SEGMENTS: Final = 200_000
BREAK: Final = "\\.br\\"
"""A line break inside FT (section 2.7.6)."""

Component = tuple[str, ...]
"""Subcomponents."""
Repetition = tuple[Component, ...]
Field = tuple[Repetition, ...]

_CODECS: Final = {"UNICODE UTF-8": "utf-8", "UNICODE": "utf-8", "8859/1": "latin-1", "8859/15": "iso8859-15"}
"""MSH-18 (table 0211) to a codec; without one the text is ASCII, read as UTF-8 and else as Latin 1."""

_ESCAPES: Final = {"|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\", "\\": "\\E\\"}
_NAMES: Final = {"F": "|", "S": "^", "R": "~", "T": "&", "E": "\\", ".br": "\n", ".BR": "\n"}
_ESCAPED: Final = re.compile(r"\\([^\\\r\n]{1,256})\\")


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its name and its fields, the first one at 1."""

    name: str
    fields: tuple[Field, ...]

    def get(self, number: int, component: int = 1, repetition: int = 1, sub: int = 1) -> str:
        """A subcomponent, all counted from 1; empty where it is not there."""
        try:
            return self.fields[number - 1][repetition - 1][component - 1][sub - 1]
        except IndexError:
            return ""

    def repetitions(self, number: int) -> Field:
        """Every repetition of a field; none where it is empty."""
        try:
            found = self.fields[number - 1]
        except IndexError:
            return ()
        return () if found == (((("",)),),) else found


def field(*components: str | Sequence[str]) -> Field:
    """A field of one repetition; a component given as a sequence is its subcomponents."""
    return (tuple((one,) if isinstance(one, str) else tuple(one) for one in components),)


# -- writing ------------------------------------------------------------------------------------------


def encode(segments: Iterable[Segment], charset: str = "UNICODE UTF-8") -> bytes:
    """The message, each segment ended by CR; the first one is MSH, whose fields start at MSH-3.

    Raises:
        UsageError: The character set is none that is written, or does not hold a letter.
    """
    codec = _CODECS.get(charset)
    if codec is None:
        raise UsageError(f"HL7 messages are written in {', '.join(_CODECS)}.", code="character-set")
    text = "".join(_line(one) + "\r" for one in segments)
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        raise UsageError(
            f"This message has letters that {charset} does not hold.",
            "Nothing was written.",
            "Write it in UNICODE UTF-8.",
            code="character-set",
        ) from None


def _line(segment: Segment) -> str:
    fields = "|".join(_field(one) for one in segment.fields).rstrip("|")
    return f"MSH|^~\\&|{fields}" if segment.name == "MSH" else f"{segment.name}|{fields}"


def _field(one: Field) -> str:
    return "~".join(
        "^".join("&".join(map(_escape, component)).rstrip("&") for component in repetition).rstrip("^")
        for repetition in one
    )


def _escape(text: str) -> str:
    """The text with separators escaped, line breaks as `BREAK` and control characters as hex."""
    if text.isalnum():
        return text
    return "".join(_escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter == "\n":
        return BREAK
    return letter if letter >= " " else f"\\X{ord(letter):02X}\\"


def wrapped(line: str, width: int) -> list[str]:
    """Cut a line into pieces that are no longer than a width once they are escaped.

    Args:
        line: Text without line breaks.
        width: Characters; 0 for no limit.

    Returns:
        Pieces that give the line when they are put together; cut after blanks where there are any.
    """
    if not width or len(_escape(line)) <= width:
        return [line]
    pieces, start, cost, blank = [], 0, 0, 0
    for index, letter in enumerate(line):
        size = len(_escaped(letter))
        if cost + size > width:
            cut = blank if blank > start else index
            pieces.append(line[start:cut])
            start, cost = cut, len(_escape(line[cut:index]))
        cost += size
        if letter == " ":
            blank = index + 1
    return [*pieces, line[start:]]


# -- reading ------------------------------------------------------------------------------------------


def decode(data: bytes) -> tuple[Segment, ...]:
    """Read a message; tolerant of line feeds, of a missing last CR and of unknown escapes.

    Its own separators (MSH-1 and MSH-2) are honoured. MSH-3 comes back as the first field of MSH, as
    `encode` takes it.

    Raises:
        IntegrityError: It is no message, or too long.
    """
    data = data.strip(b"\x0b\x1c\r\n ")
    if len(data) > MAX_BYTES or not data.startswith(b"MSH") or len(data) < 9:
        raise _no_message()
    text = _text(data)
    lines = [one for one in re.split(r"\r\n|\r|\n", text) if one.strip()]
    if len(lines) > MAX_SEGMENTS:
        raise _no_message()
    marks = text[3:8]
    if len(set(marks)) != 5 or any(one.isalnum() or one in "\r\n" for one in marks):
        raise _no_message()
    return tuple(_segment(line, marks) for line in lines)


def _text(data: bytes) -> str:
    head = data.split(b"\r", 1)[0].split(b"\n", 1)[0]
    parts = head.split(data[3:4])
    named = parts[17].decode("ascii", "replace") if len(parts) > 17 else ""
    codec = _CODECS.get(re.split(r"[\^~]", named)[0])
    try:
        return data.decode(codec or "utf-8")
    except UnicodeDecodeError:
        if codec == "utf-8":
            raise _no_message() from None
        return data.decode("latin-1")


def _segment(line: str, marks: str) -> Segment:
    bar, caret, tilde, escape, ampersand = list(marks)
    name = line[:3]
    parts = line[9:].split(bar) if name == "MSH" else line[4:].split(bar)

    def plain(text: str) -> str:
        if escape not in text:
            return text
        return _ESCAPED.sub(_unescape, text.replace(escape, "\\") if escape != "\\" else text)

    fields = tuple(
        tuple(
            tuple(tuple(plain(sub) for sub in part.split(ampersand)) for part in one.split(caret))
            for one in value.split(tilde)
        )
        for value in parts
    )
    return Segment(name, fields)


def _unescape(found: re.Match[str]) -> str:
    name = found[1]
    if name in _NAMES:
        return _NAMES[name]
    if name[0] == "X" and len(name) % 2 and re.fullmatch(r"[0-9A-Fa-f]+", name[1:]):
        return bytes.fromhex(name[1:]).decode("latin-1")
    return found[0]


def _no_message() -> IntegrityError:
    return IntegrityError("This is no HL7 message.", code="not-hl7")
