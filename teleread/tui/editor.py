"""The report as it is being edited: sections, a cursor, undo. Pure; the pane draws it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

from .guard import harmless
from .widgets.report_marks import common

__all__ = ["Buffer", "Field", "Passage", "fields_of", "wrap_spans"]

FIELD: Final = re.compile(r"\[[^\[\]\n]{1,400}\]|_{3,}")
OPEN: Final = re.compile(r"\[\s*\?.*|_{3,}")
UNDO_STEPS: Final = 1000
SECTION_LIMIT: Final = 100_000
"""Most characters in a section."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A section being edited."""

    id: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """A place in the text that has to be filled or may be changed."""

    section: int
    start: int
    end: int
    open: bool
    """It still holds a question mark."""


@dataclass(frozen=True, slots=True)
class _State:
    texts: tuple[str, ...]
    section: int
    """Below 0: from the journal, which knows no cursor."""
    at: int
    seq: int
    """Row of the journal that was the last one then."""


def fields_of(text: str) -> list[tuple[int, int, bool]]:
    """(start, end, still open) of every field of a text."""
    return [(one.start(), one.end(), bool(OPEN.match(one.group()))) for one in FIELD.finditer(text)]


def wrap_spans(text: str, width: int) -> list[tuple[int, int]]:
    """Soft-wrapped rows of a text as (start, end); a break's own character belongs to no row."""
    rows: list[tuple[int, int]] = []
    start = 0
    for paragraph in text.split("\n"):
        rows += [(start + a, start + b) for a, b in _wrap_paragraph(paragraph, max(1, width))]
        start += len(paragraph) + 1
    return rows


def _wrap_paragraph(text: str, width: int) -> list[tuple[int, int]]:
    if cell_len(text) <= width:
        return [(0, len(text))]
    rows: list[tuple[int, int]] = []
    start = used = 0
    blank = -1
    for index, char in enumerate(text):
        used += cell_len(char)
        if char == " ":
            blank = index
        if used <= width or (char == " " and used == width + 1):
            continue
        if blank > start:
            rows.append((start, blank + 1))
            start = blank + 1
        else:
            rows.append((start, index))
            start = index
        used = cell_len(text[start : index + 1])
        blank = -1
    rows.append((start, len(text)))
    return rows


class Buffer:
    """Sections with one cursor. A section's heading can't be deleted: the cursor never crosses it by erasing.

    Args:
        passages: The sections, in their order.
        seq: Row of the journal they are from.
    """

    def __init__(self, passages: Sequence[Passage], seq: int = 0) -> None:
        self.ids = [one.id for one in passages]
        self.labels = [one.label for one in passages]
        self.texts = [one.text for one in passages]
        self.saved = list(self.texts)
        """What is on disk."""
        self.section = 0
        self.at = 0
        self.anchor: int | None = None
        """Other end of a selection, in the same section."""
        self.version = 0
        """Grows with every change of a text."""
        self.seq = seq
        """The last row of the journal as far as is known here."""
        self.oldest = seq
        """Row of the journal below which undo has to ask the journal."""
        self._undo: list[_State] = []
        self._redo: list[_State] = []
        self._typing = False

    # -- reading ----------------------------------------------------------------------------------
    @property
    def text(self) -> str:
        """The section the cursor is in."""
        return self.texts[self.section] if self.texts else ""

    @property
    def selection(self) -> tuple[int, int] | None:
        """(start, end) of what is selected; None for nothing."""
        if self.anchor is None or self.anchor == self.at:
            return None
        return min(self.anchor, self.at), max(self.anchor, self.at)

    def unsaved(self) -> dict[str, str]:
        """Sections that differ from what is on disk."""
        return {
            one: text
            for one, text, saved in zip(self.ids, self.texts, self.saved, strict=True)
            if text != saved
        }

    def mark_saved(self, texts: dict[str, str]) -> None:
        """These texts are on disk now."""
        for index, one in enumerate(self.ids):
            if one in texts:
                self.saved[index] = texts[one]

    def fields(self) -> list[Field]:
        """Every field, in reading order."""
        return [
            Field(index, start, end, is_open)
            for index, text in enumerate(self.texts)
            for start, end, is_open in fields_of(text)
        ]

    # -- changing ---------------------------------------------------------------------------------
    def _remember(self, typing: bool) -> None:
        if not (typing and self._typing):
            self._undo.append(self._state())
            del self._undo[:-UNDO_STEPS]
        self._typing = typing
        self._redo.clear()

    def _put(self, start: int, end: int, text: str) -> None:
        whole = self.text
        self.texts[self.section] = whole[:start] + text + whole[end:]
        self.at = start + len(text)
        self.anchor = None
        self.version += 1

    def type(self, text: str) -> None:
        """Insert text at the cursor, in place of what is selected."""
        text = "\n".join(
            harmless(part.replace("\t", " "))
            for part in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        )
        text = text[: max(0, SECTION_LIMIT - len(self.text))]
        if not text or not self.texts:
            return
        start, end = self.selection or (self.at, self.at)
        word = len(text) == 1 and not text.isspace() and start == end
        self._remember(word)
        self._put(start, end, text)

    def erase(self, *, forward: bool = False, word: bool = False) -> None:
        """Erase what is selected, else a character or word before or behind the cursor."""
        if self.selection:
            start, end = self.selection
        elif forward:
            start, end = self.at, self._word_right() if word else min(self.at + 1, len(self.text))
        else:
            start, end = (self._word_left() if word else max(0, self.at - 1)), self.at
        if start != end:
            self._remember(False)
            self._put(start, end, "")

    def undo(self) -> bool:
        """Take the last change back; whether there was one."""
        return self._swap(self._undo, self._redo)

    def redo(self) -> bool:
        """Do it again; whether there was one."""
        return self._swap(self._redo, self._undo)

    def _swap(self, source: list[_State], target: list[_State]) -> bool:
        if not source:
            return False
        target.append(self._state())
        state = source.pop()
        section, at = (state.section, state.at) if state.section >= 0 else self._first_change(state.texts)
        self.texts, self.section = list(state.texts), section
        self.at = min(at, len(self.text))
        if source is self._undo:
            self.oldest = state.seq
        self.anchor, self._typing = None, False
        self.version += 1
        return True

    def _state(self) -> _State:
        return _State(tuple(self.texts), self.section, self.at, self.seq)

    def _first_change(self, texts: Sequence[str]) -> tuple[int, int]:
        """Where other texts first differ from these: the cursor's place for a state that has none."""
        for index, (mine, other) in enumerate(zip(self.texts, texts, strict=True)):
            if mine != other:
                return index, common(mine, other, min(len(mine), len(other)))
        return self.section, self.at

    def put_all(self, texts: Mapping[str, str]) -> None:
        """Take other texts for the sections that are named, as one change that can be undone."""
        wanted = [texts.get(name, text) for name, text in zip(self.ids, self.texts, strict=True)]
        if wanted != self.texts:
            self._remember(False)
            self.section, self.at = self._first_change(wanted)
            self.texts, self.anchor = wanted, None
            self.at = min(self.at, len(self.text))
            self.version += 1

    def put_at(self, section: int, start: int, end: int, text: str) -> None:
        """Put text into a section without taking the cursor: it keeps its place among the words around it.

        A cursor that stands right where the text goes stands behind it then.
        """
        self._remember(False)
        whole = self.texts[section]
        self.texts[section] = whole[:start] + text + whole[end:]
        if section == self.section:
            if self.selection is not None and self.selection[1] > start:
                self.anchor = None
            if self.at >= end:
                self.at += len(text) - (end - start)
            elif self.at > start:
                self.at = start + len(text)
        self.version += 1

    def add_older(self, states: Sequence[tuple[int, Mapping[str, str]]]) -> None:
        """Put states of the journal under those of this sitting, so that undo goes on into them.

        Args:
            states: (row, section id to text), the oldest first.
        """
        if not states or self._undo:
            return
        made = [_State(tuple(texts.get(name, "") for name in self.ids), -1, 0, seq) for seq, texts in states]
        self.oldest = states[0][0]
        while made and list(made[-1].texts) == self.texts:  # a step nobody would see
            made.pop()
        self._undo = made

    # -- moving -----------------------------------------------------------------------------------
    def go(self, section: int, at: int, *, select: bool = False) -> None:
        """Put the cursor somewhere; selecting holds on inside one section."""
        self._typing = False
        section = min(max(section, 0), max(0, len(self.texts) - 1))
        if select and section == self.section:
            self.anchor = self.at if self.anchor is None else self.anchor
        else:
            self.anchor = None
        self.section = section
        self.at = min(max(at, 0), len(self.text))

    def select(self, start: int, end: int) -> None:
        """Choose a stretch of this section, the cursor at its end."""
        self.go(self.section, start)
        self.anchor, self.at = start, min(end, len(self.text))

    def move(self, step: int, *, word: bool = False, select: bool = False) -> None:
        """Left or right by a character or word; over a section's end into the next."""
        if not select and self.selection:
            self.go(self.section, self.selection[0 if step < 0 else 1])
        elif step < 0 and self.at == 0 and self.section and not select:
            self.go(self.section - 1, len(self.texts[self.section - 1]))
        elif step > 0 and self.at == len(self.text) and self.section + 1 < len(self.texts) and not select:
            self.go(self.section + 1, 0)
        elif word:
            self.go(self.section, self._word_left() if step < 0 else self._word_right(), select=select)
        else:
            self.go(self.section, self.at + step, select=select)

    def _word_left(self) -> int:
        head = self.text[: self.at]
        trimmed = head.rstrip(" \n")
        return max(trimmed.rfind(" "), trimmed.rfind("\n")) + 1 if trimmed else 0

    def _word_right(self) -> int:
        found = re.compile(r"\S*\s*").match(self.text, self.at)
        return found.end() if found else len(self.text)

    def find(self, words: str) -> bool:
        """Select the next place these words stand in, capital or small, going round once.

        Returns:
            Whether there is one.
        """
        pattern = re.compile(re.escape(words), re.IGNORECASE)
        count = len(self.texts)
        for step in range(count + 1 if words else 0):
            index = (self.section + step) % count
            begin = self.at if step == 0 else 0
            found = pattern.search(self.texts[index], begin)
            if found is not None and found.end() > found.start():
                self.go(index, found.start())
                self.anchor, self.at = found.start(), found.end()
                return True
        return False

    def step_section(self, step: int) -> None:
        """To the end of the next or previous section's text."""
        target = self.section + step
        if 0 <= target < len(self.texts):
            self.go(target, len(self.texts[target]))

    def step_field(self, step: int, *, only_open: bool = True) -> Field | None:
        """Select the next or previous field, going round once; open ones before others."""
        fields = self.fields()
        wanted = [one for one in fields if one.open] if only_open else fields
        wanted = wanted or fields
        if not wanted:
            return None
        here = (self.section, min(self.selection) if self.selection else self.at)
        if step > 0:
            later = [one for one in wanted if (one.section, one.start) > here]
            target = later[0] if later else wanted[0]
        else:
            earlier = [one for one in wanted if (one.section, one.start) < here]
            target = earlier[-1] if earlier else wanted[-1]
        self.go(target.section, target.start)
        self.anchor, self.at = target.start, target.end
        return target
