"""What is coming: one row a study, a bar, speed and time left, the reason in words; errors stay."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import ClassVar, Final

from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.widgets.table import Cell, Column
from teleread.tui.words import clock, person, size
from teleread.workstation.api import Transfer
from teleread.workstation.api import Transfers as View

from .lists import DetailPlace

__all__ = ["Transfers"]

BAR: Final = 7


def left_words(seconds: float) -> str:
    """Time left, short: ``8s``, ``3m``, ``1h 20``."""
    if seconds < 90:
        return f"{max(1, round(seconds))}s"
    minutes = round(seconds / 60)
    return f"{minutes}m" if minutes < 90 else f"{minutes // 60}h {minutes % 60:02}"


class Transfers(DetailPlace[Transfer]):
    """What runs, what failed, what comes next, what waits, what came; in that order."""

    NAME = "Transfers"
    HINTS = ("case.open", "images.fetch", "transfer.pause", "hub.again", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {
        "images.fetch": "first",
        "transfer.pause": "pause, go on",
        "hub.again": "look again",
        "app.back": "back",
    }
    LOOKS = 2.0
    EMPTY = ("Nothing is on its way.", "Cases to come are listed here with the reason for each.")

    def __init__(self) -> None:
        super().__init__()
        self.view = View()

    def name_of(self, one: Transfer) -> Hashable:
        """Its study and part."""
        return one.key

    def columns(self, wide: bool) -> Sequence[Column]:
        """Whose, what, how far, how long, why."""
        return (
            Column("case", "case", 18),
            Column("what", "what", 20 if wide else 16),
            Column("got", "got", 16),
            Column("left", "left", 6),
            Column("why", "why", 8),
        )

    async def read(self) -> None:
        """What is coming, as the vault tells it."""
        found = await self.face.calls.vault(self.face.workstation.transfers)
        if not self.is_mounted:
            return
        self.view = found
        self.table.show(list(found.rows))
        self.renew()

    # -- what is shown ----------------------------------------------------------------------------
    def counts(self, width: int) -> Sequence[Row]:
        """How many run, come, wait, failed; the rate."""
        states = [one.state for one in self.view.rows]
        line = Line(self.face.look).gap()
        if self.view.paused:
            line.put("Paused: only what is open is fetched. P goes on.", "warn").gap(3)
        running, failed = states.count("running"), states.count("failed")
        line.put(f"{running} on the way", "accent" if running else "soft").gap(3)
        line.put(f"{states.count('coming')} to come", "text").gap(3)
        line.put(f"{states.count('waits')} wait", "soft").gap(3)
        if failed:
            line.put(f"{failed} not fetched", "danger")
        right = Line(self.face.look)
        if self.view.rate:
            right.put(f"{size(int(self.view.rate))}/s", "soft").gap()
        return [(line, right)]

    def cell(self, one: Transfer, column: str, chosen: bool) -> Cell:
        """A cell of the list."""
        if column == "got":
            return self._got(one)
        words = {
            "case": person(one.name, demo=self.face.demo) if one.name else "not in the list now",
            "what": str(one.what),
            "left": left_words(one.eta) if one.eta is not None and one.state in {"running", "coming"} else "",
            "why": str(one.wait or one.why),
        }[column]
        role = "text"
        if column == "why":
            role = {"failed": "danger", "waits": "warn"}.get(one.state, "soft")
        return ((words, "strong" if chosen and column == "case" else role, chosen and column == "case"),)

    def _got(self, one: Transfer) -> Cell:
        glyphs = self.face.glyphs
        if one.state == "running" and one.expected:
            done = min(BAR, BAR * one.held // one.expected)
            share = f" {100 * one.held // one.expected}%"
            bar = ((glyphs.full * done, "accent", False), (glyphs.rule * (BAR - done), "line", False))
            return (*bar, (share, "accent", False))
        if one.state == "here":
            return ((f"{glyphs.here} {one.held} images", "good", False),)
        if one.state == "failed":
            return ((f"{glyphs.needs} not fetched", "danger", False),)
        if one.held and one.expected:
            return ((f"{glyphs.part} {one.held} of {one.expected}", "warn", False),)
        if one.state == "running":
            return (("asked for", "accent", False),)
        return ((f"{glyphs.away} away" if one.state == "coming" else f"{glyphs.away} waits", "soft", False),)

    def detail(self, width: int) -> Sequence[Row]:
        """The study in focus."""
        """The row in focus, in full."""
        one = self.table.current
        made: list[Row] = []
        for text, role, bold in self._facts(one) if one is not None else ():
            parts = wrap(text, width - 4) if text else [""]
            made += [
                (Line(self.face.look, "panel").gap(2).put(part, role, bold=bold), None) for part in parts
            ]
        return made

    def _facts(self, one: Transfer) -> Iterator[tuple[str, str, bool]]:
        yield "", "text", False
        yield person(one.name, demo=self.face.demo) if one.name else "Not in the list now", "strong", True
        yield str(one.what), "text", False
        yield "", "text", False
        expected = f" of {one.expected}" if one.expected else ""
        yield f"{one.held}{expected} images here.", "good" if one.state == "here" else "text", False
        if one.rate and one.state == "running":
            yield f"{size(one.bytes)} came, {size(int(one.rate))}/s.", "text", False
        if one.eta is not None and one.state in {"running", "coming"}:
            yield f"Here in about {left_words(one.eta)}.", "text", False
        if one.why:
            yield f"Why: {one.why}.", "text", False
        if one.wait:
            yield f"{'Not fetched' if one.state == 'failed' else 'Not yet'}: {one.wait}", "warn", True
        for words in (one.remedy, one.changed):
            if words:
                yield str(words), "text", False
        if one.at is not None:
            yield f"Last moved {clock(one.at)}.", "soft", False

    def on_table_moved(self) -> None:
        """Another row."""
        self.query_one("#detail", Lines).renew()

    # -- what the reader does ---------------------------------------------------------------------
    def do_images_fetch(self, key: str) -> None:
        """The study in focus before all others."""
        one = self.table.current
        if one is not None:
            self.face.spawn(self._first(one), "first")

    async def _first(self, one: Transfer) -> None:
        await self.face.calls.vault(self.face.workstation.transfer_first, one.key)
        self.face.tell("First from now on.", "good")
        self.data_moved()

    def do_transfer_pause(self, key: str) -> None:
        """Everything but what is open; or go on."""
        self.face.spawn(self._pause(), "pause")

    async def _pause(self) -> None:
        paused = await self.face.calls.vault(self.face.workstation.transfer_pause)
        self.face.tell("Paused: only what is open is fetched." if paused else "Fetching goes on.", "text")
        self.data_moved()

    async def do_case_open(self, key: str) -> None:
        """The case a row is for."""
        one = self.table.current
        item = next((row for row in self.face.items if one is not None and row.key == one.task), None)
        if item is not None:
            await self.face.open_case(item)

    def do_hub_again(self, key: str) -> None:
        """Read anew."""
        self.data_moved()
