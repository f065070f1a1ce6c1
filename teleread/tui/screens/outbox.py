"""The outbox: what has to reach a hub, what needs the reader, what was received."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import ClassVar, Final

from teleread.model.delivery import OutboxItem, consequence_of
from teleread.model.text import clean
from teleread.tui.paint import Line, wrap
from teleread.tui.widgets.lines import Row
from teleread.tui.widgets.table import Cell, Column
from teleread.tui.words import ago, born, clock, person
from teleread.workstation.api import WorklistItem
from teleread.workstation.outbox import said

from .ask import AskText
from .lists import DetailPlace
from .outbox_sheets import DetailSheet, ResolveSheet

__all__ = ["Outbox"]

_OPEN: Final = {"held", "queued", "sending", "needs_attention"}
_KINDS: Final = {"give-back": "give back", "documents": "DICOM"}
_SENT: Final = {
    "alert": "Who was told of a critical finding, for the hub by itself.",
    "documents": "Key images and measurements of the report, for the archive.",
    "note": "A note to the site.",
    "give-back": "The case goes back to everybody.",
    "draft": "A question about your open draft; nothing of it is sent.",
}
"""What an item is, where it is no report."""


class Outbox(DetailPlace[OutboxItem]):
    """Every item, the ones that need the reader first."""

    NAME = "Outbox"
    HINTS = ("case.open", "preset.n", "hub.again", "undo", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {
        "case.open": "details",
        "preset.n": "choose",
        "undo": "take back",
        "hub.again": "ask again",
        "app.back": "back",
    }
    EMPTY = ("Nothing waits here.", "Signed reports are listed until the hub has them, and after.")

    def __init__(self) -> None:
        super().__init__()
        self.beside: dict[tuple[str, str], Sequence[tuple[str, Sequence[str]]]] = {}
        """Others' reports beside the reader's, by item and what it carries."""

    def name_of(self, one: OutboxItem) -> Hashable:
        """Its number."""
        return one.id

    def columns(self, wide: bool) -> Sequence[Column]:
        """State, whose, which report, hub, since when, why."""
        more = (Column("accession", "accession", 12), Column("report", "report", 11)) if wide else ()
        return (
            Column("state", "state", 13),
            Column("patient", "patient", 22 if wide else 19),
            *more,
            Column("hub", "hub", 10),
            Column("since", "since", 6),
            Column("why", "why", 10),
        )

    def detail(self, width: int) -> Sequence[Row]:
        """The item in focus, beside the list."""
        return self.detail_rows(width, "panel")

    # -- what is shown ----------------------------------------------------------------------------
    def show_status(self) -> None:
        """Counts may have moved without a change of the worklist."""
        super().show_status()
        if self.is_mounted and self.query("#table"):
            self.data_moved()

    async def read(self) -> None:
        """Every item, the ones that need the reader first, the newest before the others."""
        found = await self.face.calls.vault(self._found)
        if not self.is_mounted:
            return
        newest = found[::-1]
        newest.sort(key=lambda one: (one.state != "needs_attention", one.state not in _OPEN))
        self.table.show(newest)
        self.renew()

    def _found(self) -> list[OutboxItem]:
        station = self.face.workstation
        items = list(station.outbox())
        asks = [one for one in items if one.state == "needs_attention"]
        self.beside = {
            (one.id, one.payload): self.beside.get((one.id, one.payload)) or station.outbox_beside(one.id)
            for one in asks
        }
        return items

    def row_of(self, one: OutboxItem) -> WorklistItem | None:
        """The case of an item, for names."""
        return next((row for row in self.face.items if row.key == one.key), None)

    def counts(self, width: int) -> Sequence[Row]:
        """How many wait, need the reader, arrived."""
        rows = self.table.rows
        waiting = [one for one in rows if one.state in _OPEN and one.kind == "report"]
        besides = sum(one.state in _OPEN - {"needs_attention"} and one.kind != "report" for one in rows)
        needs = sum(one.state == "needs_attention" for one in rows)
        done = sum(one.state == "delivered" and one.kind == "report" for one in rows)
        line = (
            Line(self.face.look).gap().put(f"{len(waiting)} not issued", "warn" if waiting else "soft").gap(3)
        )
        line.put(f"{needs} need you", "danger" if needs else "soft").gap(3).put(f"{done} issued", "soft")
        if besides:
            line.gap(3).put(f"{besides} besides to send", "warn")
        times = [one.receipt.stored_at for one in rows if one.receipt is not None]
        right = Line(self.face.look)
        if times:
            right.put(f"last receipt {clock(max(times))}", "soft").gap()
        return [(line, right)]

    def cell(self, one: OutboxItem, column: str, chosen: bool) -> Cell:
        """A cell of the list."""
        row = self.row_of(one)
        if column == "state":
            sign, words, role = self.state_of(one)
            return ((f"{sign} ", role, False), (words, role, one.state == "needs_attention"))
        if column == "why":
            return ((str(one.why) or self._usual(one), "text", False),)
        since = (self.face.now() - one.created_at).total_seconds() if one.created_at else None
        words = {
            "patient": person(row.name, demo=self.face.demo) if row else "not in the list now",
            "accession": str(one.accession),
            "report": self._kind(one),
            "hub": str(row.hub) if row else "",
            "since": ago(since),
        }[column]
        return (
            (words, "strong" if chosen and column == "patient" else "text", chosen and column == "patient"),
        )

    @staticmethod
    def _kind(one: OutboxItem) -> str:
        if one.kind == "report":
            return (
                f"final v{one.report_version}" if one.report_version <= 1 else f"version {one.report_version}"
            )
        return _KINDS.get(one.kind, one.kind)

    def state_of(self, one: OutboxItem) -> tuple[str, str, str]:
        """(sign, word, role)."""
        glyphs = self.face.glyphs
        if one.state == "held" and one.not_before is not None and one.not_before > self.face.now():
            left = int((one.not_before - self.face.now()).total_seconds())
            return glyphs.not_issued, f"held {left // 60}:{left % 60:02d}", "warn"
        if one.state == "sending" and str(one.why).startswith("unknown"):
            return glyphs.not_issued, "unknown", "warn"
        return {
            "held": (glyphs.not_issued, "held", "warn"),
            "queued": (glyphs.not_issued, "queued", "warn"),
            "sending": (glyphs.not_issued, "sending", "warn"),
            "needs_attention": (glyphs.needs, "needs you", "danger"),
            "delivered": (glyphs.issued, "issued" if one.kind == "report" else "arrived", "good"),
        }.get(one.state, (glyphs.passes, "closed", "soft"))

    def _usual(self, one: OutboxItem) -> str:
        if one.receipt is not None:
            return f"receipt {one.receipt.id}"
        return {"held": "u takes it back", "queued": "goes by itself", "sending": "on its way"}.get(
            one.state, ""
        )

    def detail_rows(self, width: int, ground: str) -> Sequence[Row]:
        """The item in focus, in full."""
        one = self.table.current
        if one is None:
            return []
        look, measure = self.face.look, width - 4
        made: list[Row] = []

        def put(rows: Iterator[tuple[str, str, bool]]) -> None:
            for text, role, bold in rows:
                parts = wrap(text, measure) if text else [""]
                made.extend((Line(look, ground).gap(2).put(part, role, bold=bold), None) for part in parts)

        put(self._who(one))
        put(self._facts(one))
        if one.choices:
            head = Line(look, ground).gap(2)
            head.rule("Choose; nothing is sent until you do", measure, glyph=self.face.glyphs.rule)
            made += [(Line(look, ground), None), (head, None)]
        for index, choice in enumerate(one.choices, 1):
            parts = wrap(str(choice.text), measure - 3)
            first = Line(look, ground).gap(2).put(f"{index}  ", "strong", bold=True).put(parts[0])
            made.append((first, None))
            made += [(Line(look, ground).gap(5).put(part), None) for part in parts[1:]]
            does = wrap(consequence_of(choice.id, one.kind), measure - 3)
            made += [(Line(look, ground).gap(5).put(part, "soft"), None) for part in does if part]
        put(self._texts(one))
        return made

    def _who(self, one: OutboxItem) -> Iterator[tuple[str, str, bool]]:
        yield "", "text", False
        row = self.row_of(one)
        if row is not None:
            yield person(row.name, demo=self.face.demo), "strong", True
            yield f"{row.sex}  born {born(row.birth_date) or 'unknown'}", "text", False
            yield f"{row.procedure}   {one.accession}   {row.hub}", "soft", False
        yield "", "text", False

    def _facts(self, one: OutboxItem) -> Iterator[tuple[str, str, bool]]:
        sign, words, role = self.state_of(one)
        yield f"{sign} {words}", role, True
        waits = one.state in _OPEN
        if one.created_at is not None and one.kind == "report":
            yield f"Signed here {clock(one.created_at)}.{' NOT ISSUED.' if waits else ''}", role, False
        elif one.created_at is not None:
            away = " NOT SENT." if waits and one.kind != "draft" else ""
            yield f"{_SENT.get(one.kind, one.kind)} Recorded here {clock(one.created_at)}.{away}", role, False
        for text in said(one).splitlines()[:40]:
            yield text, "text", False
        if one.receipt is not None:
            stored = clock(one.receipt.stored_at)
            yield f"Receipt {one.receipt.id}, version {one.receipt.version}, {stored}.", "good", False
        for text in (str(one.why), f"Tried {one.attempts} times." if one.attempts > 1 else "", str(one.told)):
            if text:
                yield text, "text", False
        for line in self.face.status.escalations if self.face.status is not None else ():
            if line.outbox_id == one.id:
                yield str(line.text), "danger", True
                yield "t: the site was told by telephone; say whom and when.", "soft", False

    def _texts(self, one: OutboxItem) -> Iterator[tuple[str, str, bool]]:
        """Others' reports that came first, the reader's own, how they differ; below the choices."""
        for heading, lines in self.beside.get((one.id, one.payload), ()):
            yield "", "text", False
            yield heading, "strong", True
            for text in lines:
                yield text, {"- ": "warn", "+ ": "good"}.get(text[:2], "text"), False

    # -- what the reader does ---------------------------------------------------------------------
    def item(self) -> WorklistItem | None:
        """The case of the item in focus."""
        one = self.table.current
        return self.row_of(one) if one is not None else None

    def on_table_moved(self) -> None:
        """Another item."""
        self.renew()

    def do_case_open(self, key: str) -> None:
        """The detail in full: over the list, scrolled."""
        if self.table.current is not None:
            self.open_sheet(DetailSheet(self), self._chosen)

    def _chosen(self, index: int | None) -> None:
        if index:
            self.do_preset_n(str(index))

    def on_table_opened(self) -> None:
        """A double click."""
        self.do_case_open("")

    def do_preset_n(self, key: str) -> None:
        """A number chooses; its sheet acts."""
        one, index = self.table.current, int(key) - 1
        if one is None or not 0 <= index < len(one.choices):
            return
        row = self.row_of(one)
        if row is None:
            self.face.tell("The case is not in the worklist now; teleread outbox resolve acts on it.", "warn")
            return
        self.open_sheet(ResolveSheet(one, index, row), lambda done: self.data_moved())

    def do_hub_again(self, key: str) -> None:
        """Ask the hub about it now."""
        one = self.table.current
        if one is not None and one.state in _OPEN:
            self.face.spawn(self._retry(one.id), "retry")

    async def _retry(self, outbox_id: str) -> None:
        await self.face.calls.vault(self.face.workstation.outbox_retry, outbox_id)
        status = self.face.status
        if status is not None and status.engine:
            await self.face.calls.vault(self.face.workstation.request, "sync", {"pull": False, "push": True})
        else:
            await self.face.calls.network(lambda: self.face.workstation.sync(pull=False, push=True))
        self.face.tell("Asked again.", "text")
        self.data_moved()

    def do_outbox_told(self, key: str) -> None:
        """The site was told by telephone: say whom; audited, and sent later."""
        one = self.table.current
        if one is None or one.state not in _OPEN:
            self.face.tell("Only a report that is not issued needs telling.", "soft")
            return

        def said(whom: str | None) -> None:
            if whom:
                self.face.spawn(self._told(one.id, whom), "told")

        self.open_sheet(AskText("Told by telephone", "Whom did you tell, on which number?"), said)

    async def _told(self, outbox_id: str, whom: str) -> None:
        now = self.face.now().isoformat(timespec="minutes")
        await self.face.calls.vault(self.face.workstation.outbox_told, outbox_id, str(clean(whom)), now)
        self.face.tell("Noted: told. The report itself still goes by itself.", "good")
        self.data_moved()

    def do_undo(self, key: str) -> None:
        """Take the signature back, inside its window."""
        one = self.table.current
        if one is not None:
            self.face.spawn(self._take_back(one.id), "undo-sign")

    async def _take_back(self, outbox_id: str) -> None:
        await self.face.calls.vault(self.face.workstation.undo_sign, outbox_id)
        self.face.tell(
            "The signature is taken back. The text is a draft again; sign it when it is right.", "warn"
        )
        self.data_moved()
        self.face.wake()
