"""The sheet of signed versions, by keys: from the reports, the worklist and the case itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from teleread.model.delivery import Receipt
from teleread.model.report import SignedReport, Verdict
from teleread.model.text import clean
from teleread.tui.screens.report_sheets import HistorySheet
from teleread.tui.screens.versions import ChangesSheet, VersionsSheet, VersionText
from teleread.workstation.versions import Version
from tests.unit import tui_fake
from tests.unit.test_tui_report_writing import begin
from tests.unit.test_tui_screens import Driver, walk


def version(
    station: tui_fake.FakeStation, number: int, kind: str, findings: str, *, valid: bool = True, **more: Any
) -> Version:
    """A signed version of the first case."""
    content: dict[str, Any] = {
        "reader": {"name": "Dr R Reader"},
        "sections": [
            {"id": "findings", "label": "Findings", "loinc": "59776-5", "text": findings},
            {"id": "impression", "label": "Impression", "loinc": "19005-8", "text": "No abscess."},
        ],
        **more,
    }
    frozen = json.dumps(content).encode()
    report = SignedReport(
        "r-1", number, f"d{number}", station.rows[0].key, kind, frozen, "0" * 64, "a..b",
        tui_fake.NOW + timedelta(minutes=number), f"k{number}", station.rows[0].accession,
    )  # fmt: skip
    verdict = Verdict(
        valid, "own", clean("Dr R Reader"), why=clean("" if valid else "one byte is another"), content=content
    )
    if number > 1:
        return Version(report, verdict, "queued")
    receipt = Receipt(clean("DiagnosticReport/17"), clean("1"), "0" * 64, "", tui_fake.NOW)
    return Version(report, verdict, "delivered", receipt)


def twice_signed(*, valid: bool = True) -> tui_fake.FakeStation:
    station = tui_fake.FakeStation(12)
    station.writing.signed_versions = [
        version(station, 1, "report", "Cyst in the LEFT kidney. No free fluid.", valid=valid),
        version(
            station, 2, "correction", "Cyst in the RIGHT kidney. No free fluid.",
            change={"reason": "Wrong side.", "told": "Ward 7"},
            cosigners=[{"name": "Dr S Super", "role": "supervisor"}],
        ),
    ]  # fmt: skip
    return station


async def top(do: Driver, kind: type[Any]) -> Any:
    """The sheet on top, once it is one of a kind."""
    await do.until(lambda: bool(do.app.place.sheets) and isinstance(do.app.place.sheets[-1], kind))
    await do.settle()
    return do.app.place.sheets[-1]


def test_the_worklist_shows_versions_their_text_and_what_one_changed_by_keys() -> None:
    async def steps(do: Driver) -> None:
        await do.press("H")
        await top(do, VersionsSheet)
        text = do.text()
        for words in ("v2", "correction", "not issued", "v1", "final", "issued", "Wrong side.", "Ward 7"):
            assert words in text
        assert "Signed by Dr R Reader, Dr S Super (supervisor); valid, trust own" in text
        await do.press("c")
        await top(do, ChangesSheet)
        text = do.text()
        assert "LEFT kidney" in text
        assert "RIGHT kidney" in text
        assert "side" in text
        assert "free fluid" not in text, "what was left alone"
        await do.press("escape", "s")
        await top(do, VersionsSheet)
        await do.until(lambda: "Receipt DiagnosticReport/17, version 1" in do.text())
        await do.press("enter")
        await top(do, VersionText)
        assert "LEFT kidney" in do.text()
        await do.press("a")
        assert do.station.acts == []
        await do.press("escape", "escape")
        assert do.app.place.sheets == []

    walk(steps, size=(120, 40), station=twice_signed())


def test_the_first_version_has_nothing_before_it() -> None:
    async def steps(do: Driver) -> None:
        await do.press("H")
        await top(do, VersionsSheet)
        await do.press("s", "c")
        await do.until(lambda: any("no signed version before" in one.text for one in do.app.notices))
        await top(do, VersionsSheet)

    walk(steps, station=twice_signed())


def test_a_version_that_was_tampered_with_is_said_to_be_not_valid() -> None:
    async def steps(do: Driver) -> None:
        await do.press("H")
        await top(do, VersionsSheet)
        await do.press("s")
        await do.until(lambda: "NOT VALID: one byte is another" in do.text())

    walk(steps, size=(120, 40), station=twice_signed(valid=False))


def test_while_an_addendum_is_written_the_draft_stands_first_and_leads_to_its_earlier_texts() -> None:
    station = twice_signed()
    began = station.start_draft(station.rows[0].key)
    texts = {one.id: str(one.text) for one in began.sections}
    station.writing.remember(0, texts, *texts)

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("alt+shift+h")
        sheet = await top(do, VersionsSheet)
        assert sheet.shown[0] is None
        assert "being written" in do.text()
        await do.press("c")
        await do.until(lambda: any("no signed version before" in one.text for one in do.app.notices))
        await do.press("enter")
        await top(do, HistorySheet)

    walk(steps, size=(160, 50), station=station)


def test_the_reports_list_shows_versions_and_a_case_without_any_says_so() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "r")
        await do.until(lambda: do.app.place.NAME == "Reports" and do.app.place.table.current is not None)  # type: ignore[attr-defined]
        await do.press("H")
        await top(do, VersionsSheet)
        await do.press("escape", "q", "s", "H")
        await do.until(lambda: any("Nothing is signed here" in one.text for one in do.app.notices))

    walk(steps, size=(120, 40), station=twice_signed())


def test_a_report_of_the_list_is_proved_by_its_own_version() -> None:
    station = twice_signed(valid=False)

    async def steps(do: Driver) -> None:
        await do.press("g", "r")
        await do.until(lambda: do.app.place.NAME == "Reports" and do.app.place.table.current is not None)  # type: ignore[attr-defined]
        await do.press("enter")
        await do.until(lambda: "NOT VALID: one byte is another" in do.text())

    walk(steps, size=(120, 40), station=station)
