"""The pick list of a chosen field: what may stand there, narrowed by what is typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual import events

from teleread.model.report import Section
from teleread.model.text import SafeText
from teleread.tui.paint import Line

if TYPE_CHECKING:
    from teleread.reporting.drafting import FieldMark

    from .report import ReportPane

__all__ = ["Pick", "narrowed"]

_STEPS: Final = {"up": -1, "down": 1}


def narrowed(choices: Sequence[str], typed: str) -> list[str]:
    """Choices that begin with what was typed, then those with a word that does, then those that hold it."""
    low = typed.strip().casefold()
    if not low:
        return list(choices)

    def rank(choice: str) -> int:
        folded = choice.casefold()
        if folded.startswith(low):
            return 0
        if any(word.startswith(low) for word in folded.split()):
            return 1
        return 2 if low in folded else 3

    return [one for one in sorted(choices, key=rank) if rank(one) < 3]


@dataclass(frozen=True, slots=True)
class _Begun:
    """A field that is being typed over: what was typed stands in the text, so that it is never lost."""

    version: int
    """Of the text, after the last key that belongs here; another one: the reader does something else."""
    start: int
    """Where the field stood, characters."""
    field: str
    """How it read."""
    choices: tuple[str, ...]


class Pick:
    """What is typed over a chosen field that has choices, and which of them it means.

    Args:
        pane: The pane.
    """

    def __init__(self, pane: ReportPane) -> None:
        self._pane = pane
        self._begun: _Begun | None = None
        self._step = 0

    def field(self) -> FieldMark | None:
        """The chosen field, as the template describes it; None where no field is chosen."""
        buffer, template = self._pane.buffer, self._pane.template
        if buffer.selection is None or not self._pane.writable:
            return None
        from teleread.reporting.drafting import fields_of

        section = Section(buffer.ids[buffer.section], SafeText(""), "", SafeText(buffer.text))
        return next(
            (one for one in fields_of(section, template) if (one.start, one.end) == buffer.selection), None
        )

    def _now(self) -> _Begun | None:
        """The field that is being typed over, as long as nothing else was done since."""
        begun, buffer = self._begun, self._pane.buffer
        if begun is None or begun.version != buffer.version or buffer.selection or buffer.at <= begun.start:
            return None
        return begun

    @property
    def typed(self) -> str:
        """What was typed over the field."""
        begun, buffer = self._now(), self._pane.buffer
        return buffer.text[begun.start : buffer.at] if begun else ""

    def choices(self) -> list[str]:
        """What may stand in the chosen field, as far as it fits what was typed."""
        begun = self._now()
        if begun is not None:
            return narrowed(begun.choices, self.typed)
        found = self.field()
        return [str(one) for one in found.choices] if found else []

    def takes(self, event: events.Key) -> bool:
        """Act on a key; whether it was one of the list."""
        choices = self.choices()
        if not choices:
            return False
        if event.key == "enter":
            if self.typed:  # Enter alone never answers for the reader, nor breaks the line
                self.accept()
        elif event.key == "backspace" and self.typed:
            self._shorten()
        elif event.key in _STEPS and self.typed:
            self._step = (self._step + _STEPS[event.key]) % len(choices)
        elif event.is_printable and event.character and not event.key.startswith(("alt+", "ctrl+")):
            self._type(event.character)
        else:
            return False
        self._pane.refresh()
        return True

    def _type(self, character: str) -> None:
        """Narrow the list; words that fit none of it are free text in the field's place."""
        buffer, begun, found = self._pane.buffer, self._now(), self.field()
        if begun is None and found is not None:
            words = buffer.text[found.start : found.end]
            begun = _Begun(0, found.start, words, tuple(str(one) for one in found.choices))
        assert begun is not None
        self._pane.write(character)
        self._keep(begun)

    def _shorten(self) -> None:
        begun, only = self._now(), len(self.typed) == 1
        assert begun is not None
        self._pane.erase()
        if only:
            self._put(begun.start, begun.field)
        else:
            self._keep(begun)

    def _keep(self, begun: _Begun) -> None:
        self._step, self._begun = 0, replace(begun, version=self._pane.buffer.version)

    def accept(self) -> bool:
        """Put the choice that is meant into the text, still chosen; whether there was one."""
        choices, begun, buffer = self.choices(), self._now(), self._pane.buffer
        if not choices:
            return False
        start = begun.start if begun else min(buffer.selection or (buffer.at,))
        if begun is not None:
            buffer.anchor = start
        self._put(start, f"[{choices[self._step if begun else 0]}]")
        return True

    def _put(self, start: int, words: str) -> None:
        """Write a field in place of what is chosen, and choose it."""
        self._pane.write(words)
        self._begun, self._step = None, 0
        self._pane.buffer.select(start, start + len(words))

    def names(self) -> tuple[str, ...]:
        """Autotexts whose name begins as what stands before the cursor; none where a field is chosen."""
        pane = self._pane
        if not pane.library or not pane.writable or not pane.buffer.ids or pane.buffer.selection is not None:
            return ()
        from teleread.reporting.autotext import names_like, typed_before

        typed = typed_before(pane.buffer.text, pane.buffer.at)
        if not typed:
            return ()
        begun = typed[1:].casefold()
        fitting = names_like(pane.library, typed, most=20)
        return tuple(f".{one.name}" for one in fitting if one.name.startswith(begun))

    def line(self, width: int) -> Line | None:
        """The list as it drops under its field or name; None where there is nothing to choose from."""
        choices = self.choices()
        if choices:
            return self._dropped(choices, self._step if self.typed else -1, width)
        names = self.names()
        if names:
            whole = names[0] if names[0] == self._whole() else ""
            line = self._dropped(names, 0 if len(names) == 1 or whole else -1, width)
            return line.gap(2).put("Tab", "soft") if line.width + 6 < width else line
        return None

    def _whole(self) -> str:
        """The word before the cursor, with its full stop."""
        from teleread.reporting.autotext import typed_before

        return typed_before(self._pane.buffer.text, self._pane.buffer.at).casefold()

    def _dropped(self, choices: Sequence[str], meant: int, width: int) -> Line:
        line = self._pane.start("raised").gap().put(f"{self._pane.glyphs.open} ", "accent")
        for index, one in enumerate(choices):
            parting = "" if index == 0 else " · "
            if line.width + cell_len(parting + one) > width - 2:
                line.put(" …", "soft")
                break
            line.put(parting, "soft")
            chosen = index == meant
            line.put(one, "strong" if chosen else "text", on="select" if chosen else "raised", bold=chosen)
        return line
