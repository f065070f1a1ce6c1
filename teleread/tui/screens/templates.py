"""Templates and autotexts to choose from, by typing, with what each would put into the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual import events
from textual.widget import Widget

from teleread.model.report import Template
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.tui.editor import fields_of
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Lines, Row
from teleread.workstation.api import Workstation

from .sheet import Sheet

if TYPE_CHECKING:
    from teleread.workstation.writing import Phrases

__all__ = ["Browser", "Choice", "fitting", "offered", "phrase_choices", "template_choices"]

Offer = tuple[Template, str]
"""(template, why this one)."""
ROWS: Final = 8
"""Choices in sight."""
PREVIEW: Final = 3
"""Rows of the preview."""
TEMPLATES: Final = "templates"
AUTOTEXT: Final = "autotext"
NO_AUTOTEXT: Final = 'There is none yet. teleread autotext set nad "No abnormality detected." keeps one.'
_STEPS: Final = {
    "w": -1,
    "up": -1,
    "s": 1,
    "down": 1,
    "W": -ROWS,
    "pageup": -ROWS,
    "S": ROWS,
    "pagedown": ROWS,
}
_LETTERS: Final = frozenset("wsWS")
"""Steps that are letters: typed while the cursor stands in the line."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One template or autotext, as the list shows it."""

    kind: str
    id: str
    """The template's id; the autotext's name without its full stop."""
    title: str
    note: str
    """Why this template; whose autotext it is."""
    preview: str
    """What it would put into the report."""
    searched: str = ""
    """Other words it is found by."""
    warning: str = ""
    """What is to be known before it is used."""


def offered(station: Workstation, key: TaskKey) -> list[Offer]:
    """Templates that suit a case, best first, then every other one by title."""
    suited: list[tuple[Template, SafeText]] = list(station.templates_for(key))
    known = {one.id for one, _ in suited}
    others = [one for one in station.templates() if one.id not in known]
    return [(one, f"chosen by: {why}") for one, why in suited] + [
        (one, "another procedure") for one in others
    ]


def template_choices(offers: Sequence[Offer]) -> list[Choice]:
    """Templates as the list shows them."""
    made = []
    for one, why in offers:
        names = " · ".join(str(section.label) for section in one.sections)
        text = next((section.text for section in one.sections if section.id == "findings"), "")
        words = " ".join(text.split()) or "Findings begin empty."
        made.append(Choice(TEMPLATES, one.id, str(one.title), why, f"{names}\n{words}", one.id))
    return made


def phrase_choices(phrases: Phrases, alike: Mapping[str, str]) -> list[Choice]:
    """Autotexts as the list shows them, each as it would read in this case.

    Args:
        phrases: The autotexts of the case.
        alike: Name to the one it can be taken for when it is spoken.
    """
    from teleread.model.errors import UsageError
    from teleread.reporting.autotext import expand

    made = []
    for name, one in sorted(phrases.library.items()):
        try:
            text, warning = str(expand(phrases.library, f".{name}", len(name) + 1, phrases.values).text), ""
        except UsageError as error:
            text, warning = str(one.text), error.title
        other = alike.get(name.replace("-", " "), "")
        if other and not warning:
            warning = f"sounds like {other} when spoken"
        whose = "yours" if one.source == "own" else f"site: {one.source}"
        made.append(Choice(AUTOTEXT, name, f".{name}", whose, text, str(one.text), warning))
    return made


def fitting(choices: Sequence[Choice], typed: str) -> list[Choice]:
    """Choices that hold every word typed: those whose name begins with it, then by name, then by text."""
    words = typed.casefold().removeprefix(".").split()
    if not words:
        return list(choices)

    def rank(one: Choice) -> int:
        title = one.title.casefold().removeprefix(".")
        whole = f"{title} {one.id} {one.note} {one.searched} {one.preview}".casefold()
        if not all(word in whole for word in words):
            return 4
        begins = title.startswith(words[0])
        return (0 if begins else 1) if all(word in title for word in words) else (2 if begins else 3)

    ranked = sorted(((rank(one), index) for index, one in enumerate(choices)))
    return [choices[index] for place, index in ranked if place < 4]


class Browser(Sheet[Choice]):
    """Templates, autotexts: `/` types, Tab goes to the other kind, Enter takes the one in focus.

    Args:
        choices: What can be chosen, each kind in its order.
        using: Id of the draft's template; empty where no report is begun.
        kind: The kind shown first.
        typed: What was typed already; the cursor stands behind it.
    """

    HINTS = (("w s", "choose"), ("/", "type"), ("Enter", "take it"), ("Tab", "other kind"), ("Esc", "back"))

    def __init__(
        self, choices: Sequence[Choice], using: str = "", *, kind: str = TEMPLATES, typed: str = ""
    ) -> None:
        super().__init__()
        present = {one.kind for one in choices} | {kind}
        if using:
            present.add(AUTOTEXT)  # there is a text to put one into; where there is none yet, that is said
        self.kinds: list[str] = [one for one in (TEMPLATES, AUTOTEXT) if one in present]
        self.kind = kind
        self.all = choices
        self.using = using
        self.start_text = typed
        self.found: list[Choice] = []
        self.at = 0
        self._sift(typed)

    def parts(self) -> Sequence[Widget]:
        """The list, and the line to type into."""
        return [
            Lines(self.rows, edge=True, ground="raised", id="rows"),
            Entry("/", ground="raised", id="sought"),
        ]

    def on_mount(self) -> None:
        """What was typed already stands in the line."""
        super().on_mount()
        self.entry.set(self.start_text)
        self._tell_kinds()

    def first_focus(self) -> Widget:
        """The list; the line where something was typed already."""
        return self.entry if self.start_text else self

    @property
    def entry(self) -> Entry:
        """The line that is typed into."""
        return self.query_one("#sought", Entry)

    def _tell_kinds(self) -> None:
        shown = [(f"{one}  ", "strong" if one == self.kind else "soft") for one in self.kinds]
        self.entry.right = (("Tab: ", "soft"), *shown) if len(shown) > 1 else ()
        self.entry.refresh()

    def _sift(self, typed: str) -> None:
        of_kind = [one for one in self.all if one.kind == self.kind]
        self.found = fitting(of_kind, typed)
        in_use = (index for index, one in enumerate(self.found) if one.id == self.using and not typed)
        self.at = next(in_use, 0) if self.kind == TEMPLATES else 0

    # -- drawing ----------------------------------------------------------------------------------
    def wanted(self) -> int:
        """The list, what stands in the one in focus, and the line; as high whatever is typed."""
        most = max(sum(one.kind == kind for one in self.all) for kind in self.kinds)
        return min(ROWS, max(1, most)) + PREVIEW + 3

    def _first(self) -> int:
        return max(0, min(self.at - ROWS // 2, len(self.found) - ROWS))

    def rows(self, width: int) -> Sequence[Row]:
        """Title and reason; a preview; what choosing does."""
        total = sum(one.kind == self.kind for one in self.all)
        place = self.at + 1 if self.found else 0
        note = f"{place} of {len(self.found)}" + (f", all {total}" if len(self.found) < total else "")
        made: list[Row] = [self.heading(self.kind.capitalize(), width, note)]
        first = self._first()
        for index, one in enumerate(self.found[first : first + ROWS], first):
            made.append((self._choice(one, index == self.at, width).to(width), None))
        if not self.found:
            words = "Nothing fits what is typed. Esc clears it." if total else NO_AUTOTEXT
            return [*made, *((self.start().put(part, "soft"), None) for part in wrap(words, width - 3))]
        made.append(self.heading("Preview", width, self._effect()))
        chosen = self.found[self.at]
        lines = [part for line in chosen.preview.split("\n") for part in wrap(line, width - 3)]
        if len(lines) > PREVIEW:
            lines = [
                *lines[: PREVIEW - 1],
                fit(lines[PREVIEW - 1], width - 4).rstrip() + self.face.glyphs.more,
            ]
        return [*made, *((self.start().put(part), None) for part in lines)]

    def _choice(self, one: Choice, chosen: bool, width: int) -> Line:
        title = max(16, min(30, width // 2 - 4))
        line = Line(self.face.look, "select" if chosen else "raised").gap()
        line.put(f"{self.face.glyphs.open if chosen else ' '} ", "accent")
        line.put(fit(one.title, title), "strong" if chosen else "text", bold=chosen).gap()
        if one.kind == TEMPLATES and one.id == self.using:
            line.put("in use  ", "good")
        if one.warning:
            line.put(f"{self.face.glyphs.warn} {one.warning}", "warn")
            return line
        words = one.note if one.kind == TEMPLATES else " ".join(one.preview.split())
        return line.put(fit(words, max(4, width - line.width - 2)).rstrip(), "soft")

    def _effect(self) -> str:
        chosen = self.found[self.at]
        if chosen.kind == AUTOTEXT:
            count = sum(is_open for _, _, is_open in fields_of(chosen.preview))
            to_fill = f", {count} field{'' if count == 1 else 's'} to fill" if count else ""
            return f"{chosen.note}, goes to the cursor{to_fill}"
        return "what you wrote stays" if self.using else "begins the report"

    # -- keys -------------------------------------------------------------------------------------
    async def _on_key(self, event: events.Key) -> None:
        typing = self.entry.has_focus
        if event.key in _STEPS and not (typing and event.key in _LETTERS):
            event.stop()
            event.prevent_default()
            self.at = min(max(self.at + _STEPS[event.key], 0), max(0, len(self.found) - 1))
            self.renew()
        elif event.character == "/" and not typing:
            event.stop()
            event.prevent_default()
            self.screen.set_focus(self.entry, scroll_visible=False)

    def do_pane_next(self, key: str) -> None:
        """The other kind; what is typed stays."""
        self.kind = self.kinds[(self.kinds.index(self.kind) + 1) % len(self.kinds)]
        self._sift(self.entry.value)
        self._tell_kinds()
        self.renew()

    do_pane_previous = do_pane_next

    def on_entry_changed(self, message: Entry.Changed) -> None:
        """Narrowed at every key."""
        super().on_entry_changed(message)
        self._sift(message.entry.value)
        self.renew()

    def on_entry_submitted(self, message: Entry.Submitted) -> None:
        """Enter in the line takes the one in focus."""
        super().on_entry_submitted(message)
        self.do_sheet_ok("")

    def on_entry_left(self, message: Entry.Left) -> None:
        """Escape clears the line; with nothing in it the sheet closes."""
        super().on_entry_left(message)
        if not self.entry.value:
            self.finish(None)
            return
        self.entry.set("")
        self._sift("")
        self.screen.set_focus(self, scroll_visible=False)
        self.renew()

    def do_sheet_ok(self, key: str) -> None:
        """Enter takes the one in focus."""
        if not self.found:
            return
        chosen = self.found[self.at]
        in_use = chosen.kind == TEMPLATES and chosen.id == self.using
        self.finish(None if in_use else chosen)

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click chooses, a second one takes."""
        index = self._first() + message.row - 1
        if not (1 <= message.row <= ROWS and index < len(self.found)):
            return
        if index == self.at:
            self.do_sheet_ok("")
        else:
            self.at = index
            self.renew()
