"""What is coming: one row a study, errors in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from teleread.model.events import Event
from teleread.tui.paint import Line, fit
from teleread.tui.widgets.lines import Row
from teleread.tui.words import clock, person, size

from .pages import Page

__all__ = ["Transfers"]

BAR: Final = 7
_KINDS: Final = ("fetch-started", "fetch-progress", "fetched", "fetch-failed")


@dataclass(slots=True)
class _Transfer:
    """One study on its way, as its last event tells."""

    study: str
    event: Event
    reason: str = ""


class Transfers(Page):
    """Studies fetched or being fetched, the last first."""

    NAME = "Transfers"
    WORDS: ClassVar[dict[str, str]] = {**Page.WORDS, "hub.again": "ask again"}
    HINTS = ("move.down", "hub.again", "app.back", "app.go", "help.keys")

    def __init__(self) -> None:
        super().__init__()
        self.transfers: dict[str, _Transfer] = {}
        self.seen = 0

    def on_mount(self) -> None:
        """Read the events so far."""
        super().on_mount()
        self.set_interval(1.0, self._look)
        self._look()

    def _look(self) -> None:
        self.face.spawn(self._read(), "transfers")

    async def _read(self) -> None:
        events = await self.face.calls.vault(self.face.workstation.events_since, self.seen)
        for event in events:
            self.seen = max(self.seen, event.id)
            if event.kind not in _KINDS:
                continue
            study = str(event.data.get("study", ""))
            old = self.transfers.pop(study, None)
            reason = (
                str(event.data.get("why", "")) if event.kind == "fetch-started" else old.reason if old else ""
            )
            self.transfers[study] = _Transfer(study, event, reason)
        if events:
            self.page.renew()

    def rows(self, width: int) -> Sequence[Row]:
        """Whose, what, how far, why."""
        look = self.face.look
        head = (
            Line(look)
            .gap()
            .put(fit("case", 24), "soft")
            .put(fit("what", 22), "soft")
            .put(fit("got", 18), "soft")
        )
        made: list[Row] = [(head.put("why", "soft"), None)]
        if not self.transfers:
            made.append(
                (Line(look).gap(2).put("Nothing was fetched since the engine started.", "text"), None)
            )
        names = {str(one.study_uid): one for one in self.face.items}
        for one in reversed(self.transfers.values()):
            item = names.get(one.study)
            line = Line(look).gap()
            line.put(fit(person(item.name, demo=self.face.demo) if item else "an earlier study", 23)).gap()
            line.put(fit(item.procedure if item else "prior", 21), "text").gap()
            self._state(line, one.event)
            why = str(one.event.data.get("why", "")) if one.event.kind == "fetch-failed" else one.reason
            line.put(
                fit(why, max(8, width - line.width - 8)).rstrip(),
                "warn" if "failed" in one.event.kind else "soft",
            )
            made.append((line, Line(look).put(clock(one.event.at), "soft").gap()))
        return made

    def _state(self, line: Line, event: Event) -> None:
        glyphs, data = self.face.glyphs, event.data
        held, expected = int(data.get("held") or 0), int(data.get("expected") or 0)
        if event.kind == "fetched" and data.get("complete"):
            line.put(fit(f"{glyphs.here} {held} images", 18), "good")
        elif event.kind == "fetched":
            line.put(fit(f"{glyphs.part} {held} of {expected}", 18), "warn")
        elif event.kind == "fetch-failed":
            line.put(fit(f"{glyphs.needs} not fetched", 18), "danger")
        elif event.kind == "fetch-progress" and expected:
            done = BAR * held // expected
            line.put(glyphs.full * done, "accent").put(glyphs.rule * (BAR - done), "line")
            line.put(fit(f" {100 * held // expected}% {size(int(data.get('bytes') or 0))}", 11), "accent")
        else:
            line.put(fit("asked for", 18), "soft")
