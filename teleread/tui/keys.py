"""From the table of actions to Textual's bindings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding, BindingsMap

from teleread.model.actions import ACTIONS, Action, keys_for, remapped

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
        return cls(remapped(preset, changes or {}), preset)

    def keys(self, action_id: str, context: str) -> tuple[str, ...]:
        """Keys of an action in a context; empty where it has none."""
        for one in self.actions:
            if one.id == action_id:
                return keys_for(one, context)
        return ()

    def first_key(self, action_id: str, context: str) -> str:
        """The key that hints show; empty where the action is not valid."""
        return next(iter(self.keys(action_id, context)), "")

    def valid(self, context: str) -> Sequence[Action]:
        """Actions with a key in a context."""
        return [one for one in self.actions if keys_for(one, context)]

    def bindings(self, context: str, without: frozenset[str] = frozenset()) -> BindingsMap:
        """Bindings of a context; each carries its action's id."""
        made = [
            Binding(
                textual_key(key),
                f"screen.act('{one.id}', '{key if one.id in _DIGIT_ACTIONS else ''}')",
                one.hint or one.text,
                show=False,
                id=one.id,
                tooltip=one.text,
            )
            for one in self.actions
            if one.id not in without
            for key in keys_for(one, context)
        ]
        return BindingsMap(made)


_DIGIT_ACTIONS: Final = frozenset({"preset.n", "sheet.code"})
