"""Each hub's line: last contact, what waits and why, what needs the reader; and what an absence brought."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime
from typing import ClassVar, Final

from teleread.model.delivery import consequence_of
from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.widgets.table import Cell, Column
from teleread.tui.words import ago, clock, day, person
from teleread.workstation.api import Digest, HubLine

from .case_sheets import Scrolling
from .lists import DetailPlace

__all__ = ["Sync"]

SKEW_SECONDS: Final = 30.0
"""A hub's clock so far from ours is worth a warning."""
MOST_NEWS: Final = 12
"""News shown case by case beside the list; the sheet shows all."""
PERSONAL: Final = frozenset({"device", "pkce"})
"""Ways of signing in that need a person."""

Fact = tuple[str, str, bool]
"""(words, role, bold)."""


class LineSheet(Scrolling[None]):
    """One hub and the news in full, over the list."""

    HINTS = (("↑ ↓", "scroll"), ("Esc", "back"))

    def __init__(self, place: Sync) -> None:
        super().__init__()
        self.place = place

    def rows(self, width: int) -> Sequence[Row]:
        """The news, then the hub."""
        return self.place.painted(self.place.facts(whole=True), width, "raised")


class Sync(DetailPlace[HubLine]):
    """The hubs, one row each; the one in focus in full; above them what is not read yet."""

    NAME = "Sync"
    HINTS = ("case.open", "hub.again", "go.outbox", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {
        "case.open": "in full, sign in",
        "hub.again": "ask again",
        "go.outbox": "outbox",
        "app.back": "back; the news is read",
    }
    COUNTS = 2
    DETAIL = 60
    LOOKS = 2.0
    EMPTY = ("No hub is set up here.", "teleread init --hub NAME sets one up.")

    def __init__(self) -> None:
        super().__init__()
        self.shown: Digest | None = None
        """The news that was on this screen."""

    def name_of(self, one: HubLine) -> Hashable:
        """Its hub."""
        return one.hub_id

    def columns(self, wide: bool) -> Sequence[Column]:
        """Hub, line, last contact, what waits, what needs the reader, what comes next."""
        return (
            Column("hub", "hub", 12),
            Column("line", "line", 12),
            Column("contact", "last", 6),
            Column("waits", "waits", 5),
            Column("oldest", "oldest", 6),
            Column("needs", "needs you", 9),
            Column("next", "next, or why not", 10),
        )

    def detail(self, width: int) -> Sequence[Row]:
        """The hub in focus and the first news."""
        return self.painted(self.facts(whole=False), width, "panel")

    def show_status(self) -> None:
        """The news may have come or gone."""
        super().show_status()
        if self.is_mounted and self.query("#counts"):
            self.query_one("#counts", Lines).renew()

    async def read(self) -> None:
        """Each hub's line, as the vault tells it."""
        found = await self.face.calls.vault(self.face.workstation.hub_lines)
        if self.is_mounted:
            self.table.show(list(found))
            self.renew()

    # -- what is shown ----------------------------------------------------------------------------
    def counts(self, width: int) -> Sequence[Row]:
        """Two rows: what an absence brought, or that nothing is unread."""
        digest = self.face.status.digest if self.face.status is not None else None
        line = Line(self.face.look).gap()
        if digest is None:
            return [(line.put("Nothing happened that you have not seen.", "soft"), None)]
        self.shown = digest
        line.put(f"While you were away since {self._moment(digest.since)}: ", "text")
        parts = wrap(str(digest.words), max(20, width - line.width - 2))
        made: list[Row] = [(line.put(parts[0], "strong", bold=True), None)]
        made += [(Line(self.face.look).gap().put(part, "strong", bold=True), None) for part in parts[1:2]]
        return made

    def _moment(self, when: datetime) -> str:
        same = day(when) == day(self.face.now())
        return clock(when) if same else f"{day(when, short=True)} {clock(when)}"

    def cell(self, one: HubLine, column: str, chosen: bool) -> Cell:
        """A cell of the list."""
        glyphs, now = self.face.glyphs, self.face.now()
        if column == "line":
            if not one.signed_in:
                return ((f"{glyphs.needs} ", "danger", False), ("sign in", "danger", True))
            sign = (glyphs.online, "good", "on line") if one.online else (glyphs.offline, "warn", "off line")
            return ((f"{sign[0]} ", sign[1], False), (sign[2], sign[1], False))
        if column == "needs" and one.needs:
            return ((f"{glyphs.needs} {len(one.needs)}", "danger", True),)
        total = one.waiting + one.held
        last = (now - one.last_contact).total_seconds() if one.last_contact else None
        old = (now - one.oldest).total_seconds() if one.oldest else None
        words = {
            "hub": str(one.name),
            "contact": ago(last) or "never",
            "waits": str(total) if total else "",
            "oldest": ago(old),
            "needs": "",
            "next": self._next(one),
        }[column]
        role = "warn" if column in {"waits", "oldest"} else "soft" if column == "next" else "text"
        return ((words, "strong" if chosen and column == "hub" else role, chosen and column == "hub"),)

    def _next(self, one: HubLine) -> str:
        if not one.signed_in:
            return str(one.sign_in)
        status = self.face.status
        if status is not None and not status.engine:
            return "the engine is off: R asks"
        when = f"again {self._until(one.next_look)}" if one.next_look is not None else "asked soon"
        return f"{when}: {one.last_error}" if one.last_error else when

    def _until(self, when: datetime) -> str:
        left = (when - self.face.now()).total_seconds()
        return f"in {ago(left)}" if left > 0 else "any moment"

    def painted(self, facts: Iterator[Fact], width: int, ground: str) -> Sequence[Row]:
        """Facts as rows."""
        made: list[Row] = []
        for text, role, bold in facts:
            parts = wrap(text, max(10, width - 4)) if text else [""]
            made += [(Line(self.face.look, ground).gap(2).put(part, role, bold=bold), None) for part in parts]
        return made

    def facts(self, *, whole: bool) -> Iterator[Fact]:
        """The news case by case, then the hub in focus."""
        yield from self._news_facts(whole)
        one = self.table.current
        if one is None:
            return
        yield "", "text", False
        yield f"{one.name}, {one.kind}", "strong", True
        yield from self._line_facts(one)
        yield from self._waiting_facts(one)
        yield from self._needs_facts(one)

    def _news_facts(self, whole: bool) -> Iterator[Fact]:
        digest = self.shown
        if digest is None:
            return
        yield "", "text", False
        yield "While you were away", "strong", True
        names = {row.key: row for row in self.face.items}
        rows = digest.rows if whole else digest.rows[:MOST_NEWS]
        for key, what in rows:
            row = names.get(key)
            who = person(row.name, demo=self.face.demo) if row is not None else "not in the list now"
            about = f"{row.accession}  {row.procedure}" if row is not None else ""
            yield f"{who}  {about}: {what}", "text", False
        if len(rows) < len(digest.rows):
            yield f"{len(digest.rows) - len(rows)} more: Enter shows all.", "soft", False

    def _line_facts(self, one: HubLine) -> Iterator[Fact]:
        if one.offline_since is not None:
            yield f"Off line since {self._moment(one.offline_since)}.", "warn", True
        if one.last_contact is not None:
            yield f"Last contact {self._moment(one.last_contact)}.", "text", False
        else:
            yield "Never reached from here.", "warn", False
        if one.last_error:
            yield str(one.last_error), "warn", False
        yield f"Next: {self._next(one)}.", "soft", False
        if one.offset_seconds is not None:
            far = abs(one.offset_seconds) > SKEW_SECONDS
            way = "ahead of" if one.offset_seconds > 0 else "behind"
            words = f"The hub's clock is {abs(one.offset_seconds):.0f} s {way} this machine's."
            yield words, "warn" if far else "soft", far
        yield f"Sign-in: {one.sign_in}.", "text" if one.signed_in else "danger", not one.signed_in

    def _waiting_facts(self, one: HubLine) -> Iterator[Fact]:
        total = one.waiting + one.held
        yield "", "text", False
        if not total and not one.needs:
            yield "Nothing waits for this hub.", "soft", False
            return
        if total:
            parts = [f"{one.waiting} go by themselves"] if one.waiting else []
            parts += [f"{one.held} held"] if one.held else []
            besides = (
                f" {one.besides} {'is' if one.besides == 1 else 'are'} no report." if one.besides else ""
            )
            state = "NOT ISSUED." if total > one.besides else "NOT SENT."
            yield f"{', '.join(parts)}. {state}{besides}", "warn", True
        if one.oldest is not None:
            yield f"The oldest was made {self._moment(one.oldest)}.", "text", False
        for words, count in one.why:
            yield f"{count}: {words}", "text", False
        if one.next_try is not None:
            yield f"Tried again {self._until(one.next_try)}.", "soft", False

    def _needs_facts(self, one: HubLine) -> Iterator[Fact]:
        if not one.needs:
            return
        names = {row.key: row for row in self.face.items}
        yield "", "text", False
        count = f"{len(one.needs)} need{'s' * (len(one.needs) == 1)} you"
        yield f"{count}; choose in the outbox (g o). Nothing is sent until you do.", "danger", True
        for item in one.needs:
            row = names.get(item.key)
            who = person(row.name, demo=self.face.demo) if row is not None else str(item.accession)
            yield "", "text", False
            yield f"{who}: {item.why}", "text", True
            for choice in item.choices:
                does = consequence_of(choice.id, item.kind)
                yield f"- {choice.text}. {does}".rstrip(), "soft", False

    def on_table_moved(self) -> None:
        """Another hub."""
        self.query_one("#detail", Lines).renew()

    def on_table_opened(self) -> None:
        """A double click."""
        self.do_case_open("")

    # -- what the reader does ---------------------------------------------------------------------
    def do_case_open(self, key: str) -> None:
        """Sign in where that is what is missing; else everything in full."""
        one = self.table.current
        hub = next((hub for hub in self.face.workstation.hubs() if one and hub.hub_id == one.hub_id), None)
        if one is not None and hub is not None and not one.signed_in and hub.auth in PERSONAL:
            from .signing_in import SignInSheet

            self.open_sheet(SignInSheet(hub), self._signed_in)
        else:
            self.open_sheet(LineSheet(self))

    def _signed_in(self, words: str | None) -> None:
        if words:
            self.face.tell(words, "good")
            self.data_moved()

    async def leave(self) -> None:
        """What was on this screen is read now."""
        if self.shown is not None:
            await self.face.calls.vault(self.face.workstation.read_digest, self.shown.last_id)
            self.face.wake()
