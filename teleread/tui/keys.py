"""From the table of actions to Textual's bindings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding, BindingsMap

from teleread.model.actions import ACTIONS, PRESETS, Action, keys_for, normal_keys, remapped

__all__ = ["Keymap", "shown_key", "textual_key"]

_NAMES: Final = {
    "+": "plus",
    "-": "minus",
    "/": "slash",
    "?": "question_mark",
    ":": "colon",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "{": "left_curly_bracket",
    "}": "right_curly_bracket",
    "=": "equals_sign",
    ",": "comma",
    ".": "full_stop",
    "_": "underscore",
    "<": "less_than_sign",
    ">": "greater_than_sign",
    "Esc": "escape",
    "PgUp": "pageup",
    "PgDn": "pagedown",
    "Del": "delete",
}
_MODIFIERS: Final = {"Ctrl": "ctrl", "Alt": "alt", "Shift": "shift"}


def textual_key(key: str) -> str:
    """``Ctrl+P`` as Textual names it; a capital letter after Alt counts as Shift."""
    *modifiers, last = [*key[:-1].split("+"), key[-1]] if key.endswith("+") else key.split("+")
    names = [_MODIFIERS[one] for one in modifiers if one]
    if len(last) == 1 and last.isupper() and names:
        if "shift" not in names and "alt" in names:
            names.append("shift")
        last = last.lower()
    return "+".join([*names, _NAMES.get(last, last if len(last) == 1 else last.lower())])


def shown_key(key: str) -> str:
    """A key as hints and help print it."""
    return {"question_mark": "?"}.get(key, key)


@dataclass(frozen=True)
class Keymap:
    """The table with the reader's own keys in it."""

    actions: tuple[Action, ...] = ACTIONS
    preset: str = "default"

    @classmethod
    def load(cls, preset: str = "default", changes: Mapping[str, object] | None = None) -> Keymap:
        """Build it from settings.

        Raises:
            UsageError: The settings name unknown actions, or one key twice.
        """
        if not changes and preset in PRESETS:
            return cls(preset=preset)
        return cls(remapped(preset, changes or {}), preset)

    def keys_of(self, one: Action, context: str) -> tuple[str, ...]:
        """Keys of an action in a context, those of the vim preset's normal mode last."""
        found = keys_for(one, context, self.preset)
        return found + normal_keys(one, self.preset) if context == "T" else found

    def keys(self, action_id: str, context: str) -> tuple[str, ...]:
        """Keys of the action of that name; empty where it has none."""
        return next((self.keys_of(one, context) for one in self.actions if one.id == action_id), ())

    def all_keys(self, action_id: str) -> tuple[str, ...]:
        """Every key of the action of that name, chords too."""
        return next((one.keys(self.preset) for one in self.actions if one.id == action_id), ())

    def first_key(self, action_id: str, context: str) -> str:
        """The key that hints show; empty where the action is not valid."""
        return next(iter(self.keys(action_id, context)), "")

    def valid(self, context: str) -> Sequence[Action]:
        """Actions with a key in a context."""
        return [one for one in self.actions if self.keys_of(one, context)]

    def normal_mode(self) -> dict[str, str]:
        """Key to action of the vim preset's normal mode; empty in every other preset."""
        return {textual_key(key): one.id for one in self.actions for key in normal_keys(one, self.preset)}

    def prefixed(self) -> list[tuple[str, Action]]:
        """(second key, action) of the emacs preset's Ctrl+X in text; empty in every other preset."""
        return [
            (key.removeprefix(PREFIX), one)
            for one in self.actions
            for key in keys_for(one, "T", self.preset)
            if key.startswith(PREFIX)
        ]

    def bindings(self, context: str, without: frozenset[str] = frozenset()) -> BindingsMap:
        """Bindings of a context; each carries its action's id, and where its keys differ which one it is."""
        made = [
            Binding(
                textual_key(key.rpartition(" ")[2] if key != " " else key),
                f"screen.act('{one.id}', '{place if one.id in _BY_PLACE else ''}')",
                one.hint or one.text,
                show=False,
                id=one.id,
                tooltip=one.text,
            )
            for one in self.actions
            if one.id not in without
            for place, key in enumerate(keys_for(one, context, self.preset))
            if not key.startswith(PREFIX)
        ]
        if context == "T" and self.prefixed():
            made.append(
                Binding(textual_key("Ctrl+X"), "screen.act('app.prefix')", show=False, id="app.prefix")
            )
        return BindingsMap(made)


PREFIX: Final = "Ctrl+X "
_BY_PLACE: Final = frozenset(
    {"dictate", "preset.n", "sheet.code", "view.pan", "window.width", "window.level"}
)
"""Actions whose keys differ in what they do, or are watched: each is told which of its keys it was."""
