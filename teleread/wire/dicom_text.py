"""DICOM text: Specific Character Set (PS3.5 6.1.2 and PS3.3 C.12.1.1.2) to Python text. I/O-free.

ESC is legal in raw ISO 2022 text, so a value is decoded first and cleaned afterwards, never the other way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from teleread.model.text import EMPTY, SafeText, clean

__all__ = ["character_sets", "decode", "first_name_group", "iso_date", "text"]

_SINGLE: Final = {
    "": "latin_1",
    "ISO_IR 6": "latin_1",
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 203": "iso8859_15",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 166": "tis_620",
    "ISO_IR 58": "gb2312",
    "ISO_IR 149": "euc_kr",
    "ISO_IR 87": "iso2022_jp",
    "ISO_IR 159": "iso2022_jp_2",
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
"""Defined terms; ``ISO 2022 IR n`` is folded onto ``ISO_IR n``. No term means ASCII, read as Latin 1."""

_ESCAPES: Final = {
    b"(B": "latin_1",
    b"-A": "latin_1",
    b"-B": "iso8859_2",
    b"-C": "iso8859_3",
    b"-D": "iso8859_4",
    b"-L": "iso8859_5",
    b"-G": "iso8859_6",
    b"-F": "iso8859_7",
    b"-H": "iso8859_8",
    b"-M": "iso8859_9",
    b"-b": "iso8859_15",
    b"-T": "tis_620",
    b")I": "shift_jis",
    b"(J": "shift_jis",
    b"$)C": "euc_kr",
    b"$)A": "gb2312",
    b"$B": "iso2022_jp",
    b"$(D": "iso2022_jp_2",
}
"""Escape sequences of PS3.3 tables C.12-3 and C.12-4, without the ESC."""

_KEEPS_ESCAPE: Final = frozenset({"iso2022_jp", "iso2022_jp_2"})
"""Codecs that want to see the escape themselves."""

_FRAGMENT: Final = re.compile(rb"\x1b(\$\([A-Z]|\$\)[A-Z]|\$[A-Z]|[()\-][A-Za-z])")
MAX_SETS: Final = 16


def character_sets(raw: bytes, fallback: str = "") -> tuple[str, ...]:
    r"""Codec names for a Specific Character Set (0008,0005) value.

    Args:
        raw: The value's bytes, terms parted by a backslash.
        fallback: The term to assume where the value is empty: some peers send UTF-8 and don't say so.
    """
    terms = [one.strip() for one in raw.decode("ascii", "replace").replace("\0", "").split("\\")][:MAX_SETS]
    if not any(terms) and fallback:
        terms = [fallback]
    names = []
    for term in terms:
        folded = term.upper().replace("ISO 2022 IR ", "ISO_IR ").replace("ISO-IR ", "ISO_IR ")
        names.append(_SINGLE.get(folded, "latin_1"))
    return tuple(names) or ("latin_1",)


def decode(raw: bytes, codecs: Sequence[str]) -> str:
    """Decode one value; what cannot be decoded becomes U+FFFD, never an error.

    Args:
        raw: The value as it stands in the data set.
        codecs: From `character_sets`; the first is the one a value begins in.
    """
    first = codecs[0] if codecs else "latin_1"
    if b"\x1b" not in raw or first in {"utf_8", "gb18030", "gbk"}:
        return raw.decode(first, "replace")
    out: list[str] = []
    at = 0
    codec, escape = first, b""
    for match in _FRAGMENT.finditer(raw):
        out.append(_fragment(raw[at : match.start()], codec, escape))
        codec = _ESCAPES.get(match.group(1), first)
        escape = match.group(0)
        at = match.end()
    out.append(_fragment(raw[at:], codec, escape))
    return "".join(out)


def _fragment(raw: bytes, codec: str, escape: bytes) -> str:
    if codec in _KEEPS_ESCAPE:
        return (escape + raw).decode(codec, "replace")
    return raw.decode(codec, "replace")


def text(raw: bytes | None, codecs: Sequence[str], limit: int = 1024) -> SafeText:
    """Decode, strip padding and clean one value."""
    return clean(decode(raw, codecs).strip(" \0"), limit=limit) if raw else EMPTY


def first_name_group(raw: bytes | None, codecs: Sequence[str]) -> SafeText:
    """The first component group of a PN (alphabetic; PS3.5 6.2.1.2), without empty tail components."""
    if not raw:
        return EMPTY
    groups = decode(raw, codecs).strip(" \0").split("=")
    best = next((one for one in groups if one.strip(" ^")), "")
    return clean(best.rstrip(" ^"), limit=400)


def iso_date(raw: bytes | None) -> SafeText:
    """A DA value as ISO 8601; empty where it is no date."""
    digits = (raw or b"").decode("ascii", "replace").strip(" \0").replace(".", "")
    if len(digits) != 8 or not digits.isascii() or not digits.isdigit():
        return EMPTY
    try:
        return SafeText(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).isoformat())
    except ValueError:
        return EMPTY
