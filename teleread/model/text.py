"""Text from outside, cleaned once at the edge.

`SafeText` is what widgets and printers take. It holds no control character, no format character that
reorders or hides text, and no line break unless it was asked for, so it cannot drive a terminal.
Single characters are dropped, never whole sequences: what a payload leaves behind is inert and visible.
"""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["EMPTY", "SafeText", "clean", "was_cleaned"]

MAX_LENGTH: Final = 64 * 1024
"""Longest text kept, in characters; longer ones end with an ellipsis."""

MAX_MARKS: Final = 4
"""Most combining marks kept on one character (legitimate scripts need three)."""

_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES: Final = {0x2028: " ", 0x2029: " ", 0x85: " ", 0xA0: " "}


class SafeText(str):
    """A text that went through `clean`. Build it with `clean` only."""

    __slots__ = ()


EMPTY: Final = SafeText("")


def clean(value: object, *, multiline: bool = False, limit: int = MAX_LENGTH) -> SafeText:
    r"""Make text from outside fit to be shown.

    Args:
        value: Anything; ``None`` becomes the empty text.
        multiline: Keep ``\n`` (``\r\n`` and ``\r`` become ``\n``); else line breaks become one blank.
        limit: Longest result in characters, an ellipsis included.

    Returns:
        NFC text without characters of the categories Cc, Cf, Cs, Co and Cn.
    """
    if type(value) is SafeText and (multiline or "\n" not in value) and len(value) <= limit:
        return value
    if value is None:
        return EMPTY
    text = str(value)
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return SafeText(text)
    text = unicodedata.normalize("NFC", text[: limit * 4])
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n").translate(_SPACES)
    text = text.replace("\t", " ")
    if not multiline:
        text = " ".join(text.split("\n"))
    kept = _without_dangers(text)
    if len(kept) > limit:
        kept = kept[: limit - 1] + "…"
    return SafeText(kept)


def _without_dangers(text: str) -> str:
    out: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        if category in _DROPPED and char != "\n":
            continue
        if category in {"Mn", "Me"}:
            marks += 1
            if marks > MAX_MARKS:
                continue
        else:
            marks = 0
        out.append(char)
    return "".join(out)


def was_cleaned(value: str, *, multiline: bool = False) -> bool:
    """Whether `clean` would drop a character: the mark for "contained control characters"."""
    return any(
        unicodedata.category(char) in _DROPPED and not (multiline and char in "\r\n\t") for char in value
    )
