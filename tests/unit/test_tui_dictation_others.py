"""What else was heard at a marked word: listed by one key, taken by one more."""

from __future__ import annotations

from pathlib import Path

import pytest

from teleread.dictation.ports import Bias
from teleread.dictation.session import Dictation
from tests.unit.test_dictation_take import Scripted
from tests.unit.test_tui_dictation import dictating, one_utterance
from tests.unit.test_tui_report_writing import text_of
from tests.unit.test_tui_screens import Driver, walk


@pytest.mark.parametrize(
    ("said", "made"),
    [
        (
            "cyst in the left kidney full stop | cyst in the right kidney full stop",
            "Cyst in the right kidney.",
        ),
        ("there is effusion full stop | there is no effusion full stop", "There is no effusion."),
        ("there is no effusion full stop | there is effusion full stop", "There is effusion."),
        ("left lung is clear full stop | right lung is clear full stop", "Right lung is clear."),
        (
            "nodule of thirteen millimetres full stop | nodule of thirty millimetres full stop",
            "Nodule of 30 mm.",
        ),
    ],
)
def test_another_hearing_is_taken_by_one_key_and_the_mark_is_gone(
    tmp_path: Path, said: str, made: str
) -> None:
    station, fake = dictating(tmp_path, said)

    async def steps(do: Driver) -> None:
        await one_utterance(do, fake)
        await do.press("f3")
        await do.until(lambda: "Ctrl+O what else" in " ".join(one.text for one in do.app.notices))
        await do.press("ctrl+o")
        await do.until(lambda: bool(do.reading.sheets))
        assert made.rstrip(".")[-10:] in do.text()
        await do.press("1")
        await do.until(lambda: text_of(do, "impression") == made)
        await do.until(lambda: not do.reading.report.unread())
        draft = do.reading.keeper.draft
        assert draft is not None
        saved = station.drafts[draft.id].section("impression")
        assert saved is not None
        assert saved.text == made

    walk(steps, station=station, size=(160, 50))


def test_another_hearing_is_taken_behind_text_that_was_typed_since(tmp_path: Path) -> None:
    station, fake = dictating(
        tmp_path, "cyst in the left kidney full stop | cyst in the right kidney full stop"
    )

    async def steps(do: Driver) -> None:
        await one_utterance(do, fake)
        await do.press("home", *"Old. ")
        await do.press("f3", "ctrl+o")
        await do.until(lambda: bool(do.reading.sheets))
        await do.press("1")
        await do.until(lambda: text_of(do, "impression") == "Old. Cyst in the right kidney.")

    walk(steps, station=station)


def test_where_nothing_else_was_heard_or_nothing_is_marked_it_is_said(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "cyst in the left kidney full stop")

    async def steps(do: Driver) -> None:
        await one_utterance(do, fake)
        await do.press("ctrl+o")
        await do.until(lambda: any("F3 goes to a marked word" in one.text for one in do.app.notices))
        await do.press("f3", "ctrl+o")
        await do.until(lambda: any("Nothing else was heard" in one.text for one in do.app.notices))
        assert not do.reading.sheets
        assert text_of(do, "impression") == "Cyst in the left kidney."

    walk(steps, station=station)


def test_every_other_hearing_told_makes_the_other_text_when_it_is_put_in() -> None:
    hears = Scripted("mild loss of the left hip | a mild loss of left knee height")
    said = Dictation(hears).written(hears.recognise(bytes(64000), 0.0, Bias()))
    text = said.written.text
    changed = {text[: one.start] + one.put + text[one.end :] for told in said.others.values() for one in told}
    assert changed == {
        "A mild loss of the left hip",
        "Mild loss of left hip",
        "Mild loss of the left knee height",
    }
