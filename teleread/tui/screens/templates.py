"""The template picker: what suits this case and why, then all others; choosing loses no text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import events

from teleread.model.report import Template
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.tui.paint import Line, fit
from teleread.tui.widgets.lines import Lines, Row
from teleread.workstation.api import Workstation

from .sheet import Sheet

__all__ = ["TemplatePicker", "offered"]

Offer = tuple[Template, str]
"""(template, why this one)."""
ROWS: Final = 8
"""Templates in sight."""
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


def offered(station: Workstation, key: TaskKey) -> list[Offer]:
    """Templates that suit a case, best first, then every other one by title."""
    suited: list[tuple[Template, SafeText]] = list(station.templates_for(key))
    known = {one.id for one, _ in suited}
    others = [one for one in station.templates() if one.id not in known]
    return [(one, f"chosen by: {why}") for one, why in suited] + [
        (one, "another procedure") for one in others
    ]


class TemplatePicker(Sheet[str]):
    """Templates with why; Enter takes the one in focus.

    Args:
        offers: What can be chosen.
        using: Id of the draft's template; empty where no report is begun.
    """

    HINTS = (("w s", "choose"), ("Enter", "take it"), ("Esc", "back"))

    def __init__(self, offers: Sequence[Offer], using: str = "") -> None:
        super().__init__()
        self.offers = offers
        self.using = using
        self.at = next((index for index, (one, _) in enumerate(offers) if one.id == using), 0)

    def _in_sight(self) -> int:
        return min(ROWS, len(self.offers))

    def wanted(self) -> int:
        """The list, what stands in the one in focus, and what becomes of the text."""
        return self._in_sight() + 5

    def _first(self) -> int:
        return max(0, min(self.at - ROWS // 2, len(self.offers) - ROWS))

    def rows(self, width: int) -> Sequence[Row]:
        """Title and reason; a preview; what choosing does."""
        note = f"{self.at + 1} of {len(self.offers)}"
        made: list[Row] = [self.heading("Templates", width, note)]
        first = self._first()
        title = max(16, min(30, width // 2 - 4))
        for index, (one, why) in enumerate(self.offers[first : first + ROWS], first):
            chosen = index == self.at
            line = Line(self.face.look, "select" if chosen else "raised").gap()
            line.put(f"{self.face.glyphs.open if chosen else ' '} ", "accent")
            line.put(fit(one.title, title), "strong" if chosen else "text", bold=chosen).gap()
            if one.id == self.using:
                line.put("in use  ", "good")
            line.put(fit(why, width - line.width - 2).rstrip(), "soft")
            made.append((line.to(width), None))
        made.append(self.heading("Preview", width, self._effect()))
        made += [(line, None) for line in self._preview(width)]
        return made

    def _effect(self) -> str:
        return "what you wrote stays" if self.using else "begins the report"

    def _preview(self, width: int) -> list[Line]:
        template = self.offers[self.at][0]
        names = " · ".join(str(one.label) for one in template.sections)
        text = next((one.text for one in template.sections if one.id == "findings"), "")
        words = " ".join(text.split()) or "Findings begin empty."
        first, second = self.start(), self.start()
        first.put(fit(names, width - 3).rstrip(), "soft")
        return [first, second.put(fit(words, width - 3).rstrip())]

    async def _on_key(self, event: events.Key) -> None:
        if event.key in _STEPS:
            event.stop()
            event.prevent_default()
            self.at = min(max(self.at + _STEPS[event.key], 0), len(self.offers) - 1)
            self.renew()

    def do_sheet_ok(self, key: str) -> None:
        """Enter takes the one in focus."""
        chosen = self.offers[self.at][0].id
        self.finish(chosen if chosen != self.using else None)

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click chooses, a second one takes."""
        index = self._first() + message.row - 1
        if not (1 <= message.row <= self._in_sight() and index < len(self.offers)):
            return
        if index == self.at:
            self.do_sheet_ok("")
        else:
            self.at = index
            self.renew()
