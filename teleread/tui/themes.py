"""Themes are data: roles to colours, from TOML files of ours and of the reader."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.color import Color
from rich.style import Style

from teleread.model.errors import UsageError

if TYPE_CHECKING:
    from textual.theme import Theme

__all__ = ["DARK", "FALLBACK", "LIGHT", "ROLES", "Look", "Role", "load_themes", "parse_theme"]

ROLES: Final = [
    "strong",
    "text",
    "soft",
    "accent",
    "good",
    "warn",
    "danger",
    "voice",
    "side",
    "faint",
    "room",
    "panel",
    "raised",
    "select",
    "line",
    "mark",
]
GROUNDS: Final = ("room", "panel", "raised", "select", "mark")
DARK: Final = "reading-room"
LIGHT: Final = "daylight"
_ATTRIBUTES: Final = frozenset({"bold", "underline", "italic", "reverse"})
_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}\Z")
_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Role:
    """One colour role: a colour, attributes, or both."""

    colour: str = ""
    """``#rrggbb``, or a number of the sixteen; empty: only attributes."""
    attributes: frozenset[str] = frozenset()

    @property
    def rich(self) -> Color | None:
        """The colour for Rich."""
        if not self.colour:
            return None
        return Color.parse(self.colour if self.colour.startswith("#") else f"color({self.colour})")


@dataclass(frozen=True)
class Look:
    """A theme as widgets use it."""

    name: str
    label: str
    text: str
    dark: bool
    ansi: bool
    """Uses the terminal's own sixteen colours."""
    roles: Mapping[str, Role]
    _styles: dict[tuple[str, str, bool, bool, bool, bool], Style] = field(default_factory=dict, compare=False)

    def style(
        self,
        role: str = "text",
        on: str = "room",
        *,
        bold: bool = False,
        underline: bool = False,
        italic: bool = False,
        reverse: bool = False,
    ) -> Style:
        """The style of a role on a ground; made once."""
        key = (role, on, bold, underline, italic, reverse)
        found = self._styles.get(key)
        if found is None:
            front, ground = self.roles[role], self.roles[on]
            marks = front.attributes | (ground.attributes & {"reverse"})
            found = self._styles[key] = Style(
                color=front.rich,
                bgcolor=ground.rich or self.roles["room"].rich,
                bold=bold or "bold" in marks,
                underline=underline or "underline" in marks,
                italic=italic or "italic" in marks,
                reverse=reverse or "reverse" in marks,
            )
        return found

    def textual(self) -> Theme:
        """The theme as Textual takes it: roles are variables named ``tr-...``."""
        from textual.theme import Theme

        def named(role: str) -> str:
            one = self.roles[role]
            if not one.colour:
                return named("text" if role not in GROUNDS else "room")
            return one.colour if one.colour.startswith("#") else _ANSI[int(one.colour)]

        colours = {role: named(role) for role in ROLES}
        return Theme(
            name=self.name,
            primary=colours["accent"],
            accent=colours["accent"],
            foreground=colours["text"],
            background=colours["room"],
            surface=colours["room"],
            panel=colours["panel"],
            warning=colours["warn"],
            error=colours["danger"],
            success=colours["good"],
            dark=self.dark,
            ansi=self.ansi,
            variables={f"tr-{role}": colour for role, colour in colours.items()}
            | {
                "ansi-background": colours["room"],
                "ansi-foreground": colours["text"],
                "scrollbar": colours["line"],
                "scrollbar-hover": colours["faint"],
                "scrollbar-active": colours["accent"],
                "scrollbar-background": colours["room"],
                "scrollbar-background-hover": colours["room"],
                "scrollbar-background-active": colours["room"],
                "scrollbar-corner-color": colours["room"],
            },
        )


_ANSI: Final = [
    "ansi_black",
    "ansi_red",
    "ansi_green",
    "ansi_yellow",
    "ansi_blue",
    "ansi_magenta",
    "ansi_cyan",
    "ansi_white",
    "ansi_bright_black",
    "ansi_bright_red",
    "ansi_bright_green",
    "ansi_bright_yellow",
    "ansi_bright_blue",
    "ansi_bright_magenta",
    "ansi_bright_cyan",
    "ansi_bright_white",
]


def _role(name: str, text: object) -> Role:
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"The role “{name}” has no colour.")
    colour, marks = "", set()
    for word in text.split():
        if word in _ATTRIBUTES:
            marks.add(word)
        elif not colour and (_HEX.match(word) or (word.isdigit() and int(word) < 16)):
            colour = word
        else:
            raise UsageError(
                f"The role “{name}” has a colour that is none.",
                remedy="A colour is #rrggbb or 0 to 15, then bold, underline, italic or reverse.",
            )
    return Role(colour, frozenset(marks))


def parse_theme(data: Mapping[str, Any]) -> Look:
    """Check a theme file's content.

    Raises:
        UsageError: A role is missing, unknown, or holds no colour.
    """
    head, roles = data.get("theme"), data.get("roles")
    if not isinstance(head, Mapping) or not isinstance(roles, Mapping):
        raise UsageError("A theme file has a [theme] and a [roles] table.")
    name = head.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", name):
        raise UsageError("A theme's name is made of small letters, digits and hyphens.")
    missing = [role for role in ROLES if role not in roles]
    unknown = [role for role in roles if role not in ROLES]
    if missing or unknown:
        words = f"lacks {missing[0]}" if missing else "has a role that is none"
        raise UsageError(f"The theme “{name}” {words}.", remedy=f"Roles are {', '.join(ROLES)}.")
    return Look(
        name=name,
        label=str(head.get("label", name))[:40],
        text=str(head.get("text", ""))[:120],
        dark=head.get("dark") is not False,
        ansi=head.get("ansi") is True,
        roles={role: _role(role, roles[role]) for role in ROLES},
    )


def _folders(own: Path | None) -> Iterator[Any]:
    shipped = files("teleread") / "_themes"
    yield shipped if shipped.is_dir() else Path(__file__).resolve().parents[2] / "themes"
    if own is not None and own.is_dir():
        yield own


def load_themes(own: Path | None = None) -> tuple[dict[str, Look], dict[str, str]]:
    """Every theme: ours, then the reader's own of the same folder layout.

    Args:
        own: The reader's folder of theme files.

    Returns:
        (name to theme, file name to why it could not be loaded).
    """
    loaded: dict[str, Look] = {}
    failed: dict[str, str] = {}
    for folder in _folders(own):
        for file in sorted(folder.iterdir(), key=lambda one: str(one.name)):
            if not file.name.endswith(".toml"):
                continue
            try:
                data = file.read_bytes()[: _MAX_BYTES + 1]
                if len(data) > _MAX_BYTES:
                    raise UsageError("The theme file is too large.")
                look = parse_theme(tomllib.loads(data.decode()))
            except UsageError as error:
                failed[file.name] = str(error)
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                failed[file.name] = f"It can't be read ({type(error).__name__})."
            else:
                loaded[look.name] = look
    return loaded, failed


@lru_cache(maxsize=1)
def _fallback() -> Look:
    plain = {role: Role("15" if role in {"strong", "accent", "warn", "danger"} else "7") for role in ROLES}
    grounds = {ground: Role("0") for ground in GROUNDS}
    grounds |= {"select": Role("", frozenset({"reverse"})), "mark": Role("", frozenset({"reverse"}))}
    return Look("plain", "Plain", "Used when no theme file can be read", True, True, plain | grounds)


FALLBACK: Final = _fallback
"""A theme without a file, for an installation whose theme files are gone."""
