"""The reader's own editor on the reading screen: refused unless wanted, warned of, one change to undo."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from teleread.tui.app import TelereadApp
from teleread.tui.screens.reading_editor import EditorSheet
from teleread.workstation.editing import Trip
from tests.unit import tui_fake
from tests.unit.test_tui_report_writing import begin, text_of
from tests.unit.test_tui_screens import Driver, walk


def told(do: Driver, words: str) -> bool:
    return any(words in one.text for one in do.app.notices)


def editing(tmp_path: Path, body: str) -> tui_fake.FakeStation:
    """A station whose reader has an editor that does this to the file."""
    script = tmp_path / "editor.py"
    script.write_text(f"import pathlib,sys,time\npath=pathlib.Path(sys.argv[-1])\n{body}\n", "utf-8")
    station = tui_fake.FakeStation(12)
    station.writing.trip = Trip((sys.executable, str(script)), tmp_path)
    return station


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that can be lent; that of the tests may have seen no key for long."""
    monkeypatch.setattr(TelereadApp, "suspend", lambda self: nullcontext())
    monkeypatch.setattr("teleread.workstation.editing.terminal_idle", lambda: None)


def test_it_is_off_unless_it_is_wanted() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("ctrl+u")
        await do.until(lambda: told(do, "own editor is off"))
        assert do.reading.sheets == []

    walk(steps)


@pytest.mark.usefixtures("lent")
def test_after_the_warning_the_editors_text_is_one_change_on_disk_that_undo_takes_back(
    tmp_path: Path,
) -> None:
    body = "text = path.read_text(); path.write_text(text.replace('liver', 'spleen') + 'No bleed.\\n')"

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        before = dict(zip(do.reading.report.buffer.ids, do.reading.report.buffer.texts, strict=True))
        await do.press("ctrl+u")
        await do.until(lambda: bool(do.reading.sheets) and isinstance(do.reading.sheets[-1], EditorSheet))
        assert "not encrypted" in do.text()
        await do.press("enter")
        await do.until(lambda: told(do, "as one change"))
        assert text_of(do, "impression") == "No bleed."
        assert "spleen is of normal size" in text_of(do, "findings")
        saved = [texts for _, _, texts in do.station.saved]
        assert any({"findings", "impression"} <= set(texts) for texts in saved)
        await do.press("ctrl+z")
        now = dict(zip(do.reading.report.buffer.ids, do.reading.report.buffer.texts, strict=True))
        assert now == before

    walk(steps, station=editing(tmp_path, body), size=(120, 40))


@pytest.mark.usefixtures("lent")
def test_escape_on_the_warning_opens_nothing(tmp_path: Path) -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("ctrl+u")
        await do.until(lambda: bool(do.reading.sheets))
        await do.press("escape")
        assert do.reading.sheets == []

    walk(steps, station=editing(tmp_path, f"pathlib.Path({str(tmp_path / 'ran')!r}).touch()"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("lent")
def test_where_the_profile_is_locked_meanwhile_the_editor_is_ended_and_the_screen_locks(
    tmp_path: Path,
) -> None:
    saved = tmp_path / "saved"
    body = (
        f"path.write_text(path.read_text() + 'Kept.'); pathlib.Path({str(saved)!r}).touch(); time.sleep(600)"
    )
    station = editing(tmp_path, body)
    station.locked = lambda: station.is_locked or saved.exists()  # type: ignore[method-assign]

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("ctrl+u")
        await do.until(lambda: bool(do.reading.sheets))
        await do.press("enter")
        await do.until(lambda: any("Kept." in str(texts) for _, _, texts in do.station.saved))
        await do.until(lambda: do.station.is_locked)

    walk(steps, station=station)


def test_a_terminal_that_can_not_be_lent_is_said_in_words(tmp_path: Path) -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("ctrl+u")
        await do.until(lambda: bool(do.reading.sheets))
        await do.press("enter")
        await do.until(lambda: told(do, "can't be lent"))

    walk(steps, station=editing(tmp_path, "path.write_text('ruined')"))
