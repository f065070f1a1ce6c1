"""Your own signed reports: find one, read it, add to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult

from teleread.model.errors import TelereadError
from teleread.model.report import SignedReport, Verdict
from teleread.model.text import clean
from teleread.tui.paint import wrap
from teleread.tui.widgets.bars import HintBar, StatusLine, TopBar
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Row
from teleread.tui.widgets.table import Cell, Column, Table, TableHead
from teleread.tui.words import clock, day, person

from .ask import AskText
from .case_sheets import Scrolling
from .lists import ListPlace
from .withdraw import WithdrawSheet

__all__ = ["ReportSheet", "Reports"]


def content_of(report: SignedReport) -> dict[str, object]:
    """The frozen form, as far as it is shown."""
    try:
        found = json.loads(report.frozen)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def patient_of(report: SignedReport) -> str:
    """The patient's name as signed."""
    patient = content_of(report).get("patient")
    return str(clean(patient.get("name", ""))) if isinstance(patient, dict) else ""


class ReportSheet(Scrolling[str]):
    """One signed report: its words, and whether its signature holds.

    Args:
        report: The report.
        verdict: What verifying it found.
    """

    HINTS: tuple[tuple[str, str], ...] = (
        ("a", "add to it"),
        ("c", "correct"),
        ("x", "withdraw"),
        ("w s", "scroll"),
        ("Esc", "back"),
    )

    def __init__(self, report: SignedReport, verdict: Verdict) -> None:
        super().__init__()
        self.report = report
        self.verdict = verdict

    def rows(self, width: int) -> Sequence[Row]:
        """Sections as signed, then the proof."""
        report, verdict = self.report, self.verdict
        state = "issued" if report.state == "issued" else "SIGNED, NOT ISSUED"
        role = "good" if report.state == "issued" else "warn"
        made: list[Row] = [self.heading(f"{report.kind}, version {report.version}", width, state, role)]
        sections = content_of(report).get("sections")
        for one in sections if isinstance(sections, list) else []:
            text = str(clean(one.get("text", ""), multiline=True))
            if text.strip():
                made.append(self.heading(str(clean(one.get("label", ""))), width))
                made += [(self.start().put(part), None) for part in wrap(text, width - 3)]
        made.append(self.heading("Signature", width))
        words = (
            f"{self.face.glyphs.passes} valid, signed by {verdict.signer}, trust: {verdict.trust}"
            if verdict.valid
            else f"{self.face.glyphs.needs} NOT VALID: {verdict.why}"
        )
        made += [
            (self.start().put(part, "good" if verdict.valid else "danger"), None)
            for part in wrap(words, width - 3)
        ]
        return made

    async def _on_key(self, event: events.Key) -> None:
        act = {"a": "addendum", "c": "correct", "x": "withdraw"}.get(event.key)
        if act is not None:
            event.stop()
            self.finish(act)
            return
        self.scrolled(event)


class Reports(ListPlace[SignedReport]):
    """Signed reports, newest first; words find them."""

    NAME = "Reports"
    HINTS = ("case.open", "case.history", "list.filter", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {"case.open": "read", "list.filter": "search", "app.back": "back"}

    def compose(self) -> ComposeResult:
        """Search, heads, list."""
        shared = self.face
        yield TopBar(id="top")
        yield Entry("/", ground="room", bindings=shared.keymap.bindings("T"), id="search")
        yield TableHead(id="head")
        yield Table[SignedReport](
            self._cell,
            lambda one: (one.report_id, one.version),
            shared.keymap.bindings("L"),
            id="table",
            empty=("No report yet.", "What you sign is found here."),
        )
        yield StatusLine(id="status")
        yield HintBar(id="hints")

    def on_mount(self) -> None:
        """Read the list."""
        super().on_mount()
        columns = (
            Column("state", "state", 14),
            Column("patient", "patient", 24),
            Column("accession", "accession", 14),
            Column("kind", "report", 12),
            Column("signed", "signed", 18),
        )
        self.table.lay_out(columns)
        self.query_one(TableHead).columns = columns
        self.focus_on(self.table)
        self.data_moved()

    def _cell(self, one: SignedReport, column: str, chosen: bool) -> Cell:
        glyphs = self.face.glyphs
        if column == "state":
            if one.state == "issued":
                return ((f"{glyphs.issued} issued", "good", False),)
            if one.state == "needs_attention":
                return ((f"{glyphs.needs} needs you", "danger", True),)
            return ((f"{glyphs.not_issued} not issued", "warn", False),)
        words = {
            "patient": person(patient_of(one), demo=self.face.demo),
            "accession": str(one.accession),
            "kind": "final v1" if one.version == 1 else f"{one.kind} v{one.version}",
            "signed": f"{day(one.signed_at, short=True)} {clock(one.signed_at)}",
        }[column]
        return ((words, "strong" if chosen and column == "patient" else "text", chosen),)

    def data_moved(self) -> None:
        """Read anew."""
        self.face.spawn(self._read(), "reports")

    async def _read(self) -> None:
        words = self.query_one("#search", Entry).value
        found = await self.face.calls.vault(lambda: list(self.face.workstation.reports(words)))
        if self.is_mounted:
            self.table.show(found)

    def do_list_filter(self, key: str) -> None:
        """The cursor into the search."""
        self.focus_on(self.query_one("#search", Entry))

    def on_entry_changed(self) -> None:
        """Search while typing."""
        self.data_moved()

    def on_entry_submitted(self) -> None:
        """Back to the list."""
        self.focus_on(self.table)

    def on_entry_left(self) -> None:
        """Clear the search."""
        self.query_one("#search", Entry).set("")
        self.focus_on(self.table)
        self.data_moved()

    async def do_case_open(self, key: str) -> None:
        """Read the report in focus."""
        report = self.table.current
        if report is None:
            return
        verdict = await self._verdict(report)

        def answered(answer: str | None) -> None:
            if answer == "addendum":
                self.face.spawn(self._addendum(report), "addendum")
            elif answer == "correct":
                self._ask("Correct this report", "What was wrong?", lambda why: self._correct(report, why))
            elif answer == "withdraw":
                self._ask("Withdraw this report", "Why?", lambda why: self._who_was_told(report, why))

        self.open_sheet(ReportSheet(report, verdict), answered)

    async def _verdict(self, report: SignedReport) -> Verdict:
        """What verifying this very version finds: the newest one's proof says nothing of it."""
        station, vault = self.face.workstation, self.face.calls.vault
        for one in await vault(station.writing.versions, report.key):
            if (one.report.report_id, one.report.version) == (report.report_id, report.version):
                return one.verdict
        return await vault(station.verify, report.report_id)

    async def on_table_opened(self) -> None:
        """A double click reads it."""
        await self.do_case_open("")

    async def _addendum(self, report: SignedReport) -> None:
        await self.face.calls.vault(self.face.workstation.addendum, report.report_id)
        await self._open(report, "addendum")

    async def _correct(self, report: SignedReport, why: str) -> None:
        await self.face.calls.vault(self.face.workstation.correct, report.report_id, why)
        await self._open(report, "correction")

    def _ask(self, title: str, words: str, then: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        def said(text: str | None) -> None:
            if text:
                self.face.spawn(then(text), "reports-act")

        self.open_sheet(AskText(title, words), said)

    async def _who_was_told(self, report: SignedReport, why: str) -> None:
        words = "Who was told not to act on it?"
        self._ask("Withdraw this report", words, lambda told: self._withdraw(report, why, told))

    async def _withdraw(self, report: SignedReport, why: str, told: str) -> None:
        station, calls = self.face.workstation, self.face.calls
        draft = await calls.vault(station.withdraw, report.report_id, why, told)
        sheet = await calls.vault(station.sign_sheet, draft.id)

        def answered(done: bool | None) -> None:
            if done:
                self.data_moved()
            else:
                words = "The withdrawal was not signed."
                self.face.spawn(calls.vault(station.discard_draft, draft.id, words), "reports-act")

        patient = content_of(report).get("patient")
        born = str(clean(patient.get("birth_date", ""))) if isinstance(patient, dict) else ""
        self.open_sheet(WithdrawSheet(patient_of(report), born, sheet, why, told), answered)

    async def _open(self, report: SignedReport, what: str) -> None:
        item = next((one for one in self.face.items if one.key == report.key), None)
        if item is None:
            raise TelereadError(
                "The case is no longer in the worklist.",
                f"The {what}'s draft is begun.",
                "teleread report show lists it.",
            )
        await self.face.open_case(item)
        self.face.tell(f"The {what} is open: Tab goes to it.", "text")
