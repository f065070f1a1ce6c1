"""Autotext: a short name, typed as ``.name``, becomes a text; names nest, fields stand inside. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.text import SafeText, clean

__all__ = [
    "MAX_TEXT",
    "Autotext",
    "Expansion",
    "Library",
    "at_cursor",
    "check_name",
    "check_text",
    "expand",
    "load_site_autotexts",
    "names_like",
    "typed_before",
]

MAX_TEXT: Final = 20_000
"""Longest text of one, and of one expanded, characters."""
MAX_DEPTH: Final = 16
MAX_FILES: Final = 50
MAX_BYTES: Final = 512 * 1024
MAX_ENTRIES: Final = 2000

_NAME: Final = re.compile(r"[^\W\d_][\w-]{1,39}")
_TYPED: Final = re.compile(r"(?<![\w.])\.([^\W\d_][\w-]{1,39})$")
"""``.name`` right before the cursor; a full stop inside a number or a name is none."""
_BEGUN: Final = re.compile(r"(?<![\w.])\.[^\W\d_][\w-]{0,39}$")
"""``.na``: what is typed so far of a name."""
_INSIDE: Final = re.compile(r"(?<![\w.])\.([^\W\d_][\w-]{1,39})(?![\w-])")
_PLACE: Final = re.compile(r"\{([a-z]{2,20})\}")
_OPEN_FIELD: Final = re.compile(r"\[\?[^\[\]\n]{0,400}\]")
_CURSOR: Final = "{cursor}"


@dataclass(frozen=True, slots=True)
class Autotext:
    """One autotext."""

    name: str
    """Small letters, digits, hyphens; without the full stop it is typed with."""
    text: SafeText
    """May hold other autotexts (``.name``), fields (``[?Label]``, ``[default]``), values of the case
    (``{side}``) and the place where the cursor goes (``{cursor}``)."""
    source: str
    """``own``, or the site's file."""


Library = Mapping[str, Autotext]
"""Autotexts by name."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A text after an expansion."""

    text: SafeText
    cursor: int
    """Where the cursor goes, characters from the start."""
    field: tuple[int, int] | None = None
    """(start, end) of the first field still to fill, where the autotext brought one."""


def check_name(name: str) -> str:
    """A name as it is kept: small letters, without its full stop.

    Raises:
        UsageError: It can't be one.
    """
    kept = name.strip().removeprefix(".").casefold()
    if not _NAME.fullmatch(kept):
        raise UsageError(
            f"“{clean(name, limit=40)}” can't name an autotext.",
            remedy="A name is 2 to 40 letters, digits and hyphens, and begins with a letter.",
            code="bad-autotext",
        )
    return kept


def check_text(library: Library, name: str, text: str) -> SafeText:
    """A text as it is kept under a name.

    Args:
        library: The autotexts there are.
        name: As `check_name` gave it.
        text: As typed.

    Raises:
        UsageError: It is empty, too long, or would expand itself.
    """
    kept = clean(text, multiline=True, limit=MAX_TEXT + 1)
    if not kept.strip():
        raise UsageError("The autotext is empty.", "Nothing was kept.", "Give its text.", code="bad-autotext")
    if len(kept) > MAX_TEXT:
        raise UsageError(
            f"The autotext is longer than {MAX_TEXT:,} characters.", "Nothing was kept.", code="bad-autotext"
        )
    _unfold({**library, name: Autotext(name, kept, "own")}, name)
    return kept


def at_cursor(library: Library, text: str, cursor: int) -> Autotext | None:
    """The autotext whose name stands right before the cursor; None where none does."""
    found = _TYPED.search(text, max(0, cursor - 60), cursor)
    return library.get(found[1].casefold()) if found else None


def typed_before(text: str, cursor: int) -> str:
    """What may be the beginning of a name, with its full stop, right before the cursor; empty for none."""
    found = _BEGUN.search(text, max(0, cursor - 60), cursor)
    return found[0] if found else ""


def expand(library: Library, text: str, cursor: int, values: Mapping[str, str] | None = None) -> Expansion:
    """Put an autotext in the place of the name before the cursor; the text as it was where there is none.

    Args:
        library: The autotexts.
        text: A section's text.
        cursor: Place of the cursor in it, characters.
        values: What ``{side}``, ``{procedure}``, ``{age}``, ... stand for; one that has no value becomes a
            field to fill.

    Raises:
        UsageError: ``autotext-cycle``: it expands itself; ``autotext-too-long``.
    """
    found = _TYPED.search(text, max(0, cursor - 60), cursor)
    known = library.get(found[1].casefold()) if found else None
    if found is None or known is None:
        return Expansion(clean(text, multiline=True), cursor)
    body = _filled(_unfold(library, known.name), values or {})
    at = body.find(_CURSOR)
    body = body.replace(_CURSOR, "")
    start = found.start()
    whole = clean(text[:start] + body + text[cursor:], multiline=True)
    fields = _OPEN_FIELD.search(body)
    return Expansion(
        whole,
        start + (at if at >= 0 else len(body)),
        (start + fields.start(), start + fields.end()) if fields else None,
    )


def _unfold(
    library: Library, name: str, above: tuple[str, ...] = (), done: dict[str, str] | None = None
) -> str:
    """The text of an autotext with those inside it put in; each is worked out once."""
    done = {} if done is None else done
    if name in above or len(above) >= MAX_DEPTH:
        raise _cycle(name, above)
    if name in done:
        return done[name]
    parts: list[str] = []
    place = length = 0
    text = str(library[name].text)
    for one in _INSIDE.finditer(text):
        inner = one[1].casefold()
        if inner in library:
            parts += [text[place : one.start()], _unfold(library, inner, (*above, name), done)]
            length += len(parts[-1]) + len(parts[-2])
            place = one.end()
        if length > MAX_TEXT:
            break
    whole = "".join(parts) + text[place:]
    if len(whole) > MAX_TEXT:
        raise UsageError(
            f"The autotext .{name} grows longer than {MAX_TEXT:,} characters.",
            "Nothing was changed.",
            "Make it shorter, or the ones inside it.",
            code="autotext-too-long",
        )
    done[name] = whole
    return whole


def _cycle(name: str, above: tuple[str, ...]) -> UsageError:
    way = " → ".join(f".{one}" for one in (*above[above.index(name) if name in above else 0 :], name))
    return UsageError(
        f"The autotext .{name} expands itself."
        if name in above
        else f"The autotext .{above[0]} nests too deep.",
        f"It goes {clean(way, limit=200)}. Nothing was changed.",
        "Take one of the names out of the other's text.",
        code="autotext-cycle",
    )


def _filled(text: str, values: Mapping[str, str]) -> str:
    def put(found: re.Match[str]) -> str:
        name = found[1]
        if name == "cursor" or name not in _VALUES:
            return found[0]
        value = clean(values.get(name, "")).replace("[", "(").replace("]", ")")
        return value or f"[?{_VALUES[name]}]"

    return _PLACE.sub(put, text)


_VALUES: Final = {
    "side": "Side",
    "procedure": "Examination",
    "part": "Body part",
    "age": "Age",
    "sex": "Sex",
    "today": "Date",
    "prior": "Earlier study",
    "question": "Clinical question",
}
"""Values of a case an autotext may ask for, and how the field is called where there is none."""


def names_like(library: Library, typed: str, most: int = 8) -> tuple[Autotext, ...]:
    """Autotexts whose name begins with what was typed, then those that contain it; for a pick list."""
    low = typed.removeprefix(".").casefold()
    first = sorted(name for name in library if name.startswith(low))
    inside = sorted(name for name in library if low in name and not name.startswith(low))
    return tuple(library[name] for name in (*first, *inside)[:most])


def load_site_autotexts(folder: Path, hub: str = "") -> tuple[dict[str, Autotext], tuple[SafeText, ...]]:
    """The site's autotexts: ``autotext/*.toml`` in the profile, each a table ``[autotext]`` of name and text.

    Args:
        folder: It may be missing.
        hub: Name of the hub; a file with ``hub = "..."`` holds for that one alone.

    Returns:
        Autotexts by name, and words on files that could not be used.
    """
    found: dict[str, Autotext] = {}
    failed: list[SafeText] = []
    for path in sorted(folder.glob("*.toml"))[:MAX_FILES] if folder.is_dir() else ():
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            found |= _site_file(data, path.stem, hub)
        except (OSError, UsageError) as error:
            why = error.title if isinstance(error, UsageError) else "It can't be read."
            failed.append(clean(f"{path.name}: {why}", limit=300))
    return found, tuple(failed)


def _site_file(data: bytes, name: str, hub: str) -> dict[str, Autotext]:
    if len(data) > MAX_BYTES:
        raise UsageError(f"It is larger than {MAX_BYTES // 1024} KiB.")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"It is not a TOML file: {clean(error, limit=120)}") from None
    entries = table.get("autotext")
    if not isinstance(entries, dict) or len(entries) > MAX_ENTRIES:
        raise UsageError("It has no table [autotext] of names and texts.")
    if table.get("hub", "") not in {"", hub}:
        return {}
    kept: dict[str, Autotext] = {}
    for key, text in entries.items():
        if not isinstance(text, str):
            raise UsageError(f"The autotext {clean(key, limit=40)} is no text.")
        one = check_name(key)
        cleaned = clean(text, multiline=True, limit=MAX_TEXT)
        kept[one] = Autotext(one, cleaned, name)
    return kept
