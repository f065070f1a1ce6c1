"""What is marked in a report's text: doubtful words by the setting, copied passages until they are read."""

from __future__ import annotations

from teleread.tui.screens.settings import Settings
from tests.unit import tui_fake
from tests.unit.test_tui_report_writing import begin
from tests.unit.test_tui_screens import Driver, walk

# -- spelling -----------------------------------------------------------------------------------------


async def choose_spelling(do: Driver, number: str) -> None:
    """Over the settings screen, and back into the report."""
    await do.press("escape", "g", "s")
    await do.until(lambda: do.app.place.NAME == "Settings")
    settings = do.app.place
    assert isinstance(settings, Settings)
    await do.press(*["s"] * list(settings.choices()).index("spelling"), "enter")
    await do.until(lambda: bool(do.app.place.sheets))
    await do.press(number)
    await do.until(lambda: "spelling" in do.station.settings and not do.app.place.sheets)
    await do.press("g", "c")
    await do.until(lambda: do.app.place.NAME == "Reading")
    await do.until(lambda: do.reading.phrases is not None)


def test_spelling_is_switched_off_on_the_settings_screen_and_on_again() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        do.reading.report.write("No hepatomegly.")
        await do.until(lambda: do.reading.report.doubtful())
        await choose_spelling(do, "2")
        assert [do.station.settings["spelling"]] == [False]
        assert do.reading.report.doubtful() == []
        await do.press("i", "ctrl+n")
        await do.until(lambda: any("Spelling is off" in one.text for one in do.app.notices))
        assert not do.reading.sheets
        await choose_spelling(do, "1")
        assert [do.station.settings["spelling"]] == [True]
        await do.until(lambda: do.reading.report.doubtful())

    walk(steps, size=(160, 50))


def test_switched_off_elsewhere_the_words_in_doubt_are_cleared_with_the_next_look() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        do.reading.report.write("No hepatomegly.")
        await do.until(lambda: do.reading.report.doubtful())
        do.station.settings["spelling"] = False
        await do.reading.keeper.check()
        await do.until(lambda: not do.reading.report.doubtful())

    walk(steps)


def test_words_typed_while_spelling_is_off_are_not_doubted() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        do.reading.report.write("No hepatomegly.")
        await do.reading.keeper.check()
        await do.settle()
        assert do.reading.report.doubtful() == []

    walk(steps, station=tui_fake.FakeStation(12, settings={"spelling": False}))


# -- copied passages ----------------------------------------------------------------------------------


async def copied(do: Driver, *sentences: str) -> None:
    """Copy sentences of the earlier report into the findings."""
    await begin(do)
    for one in sentences:
        await do.reading.copy_sentence("findings", one, do.station.writing.priors[0])
    await do.until(lambda: len(do.reading.report.unread()) == len(sentences))
    do.reading.report.buffer.go(do.reading.report.buffer.section, 0)


async def look(do: Driver) -> None:
    """F3, after a pause in which the passage can have been read."""
    do.clock.advance(2.0)
    await do.press("f3")


def told(do: Driver, words: str) -> bool:
    return any(words in one.text for one in do.app.notices)


def test_a_copied_passage_is_gone_to_and_taken_as_still_true_by_one_key() -> None:
    async def steps(do: Driver) -> None:
        await copied(do, "No free fluid.", "Aorta 23 mm at the hiatus.")
        await do.until(lambda: "2 unread" in do.text())
        assert "from 3 May 2026" in do.text()
        await look(do)
        start, end = do.reading.report.buffer.selection or (0, 0)
        assert do.reading.report.buffer.text[start:end] == "No free fluid."
        assert do.station.writing.accepted == []
        await do.until(lambda: told(do, "Copied from 3 May 2026. F3: read, still true."))
        await look(do)
        await do.until(lambda: do.station.writing.accepted == ["No free fluid."])
        await do.until(lambda: "1 unread" in do.text())
        await look(do)
        await do.until(lambda: told(do, "All that was dictated or copied is read."))
        assert do.station.writing.accepted == ["No free fluid.", "Aorta 23 mm at the hiatus."]
        await do.until(lambda: "from 3 May 2026" not in do.text())
        await do.until(lambda: "unread" not in do.text())

    walk(steps, size=(160, 50))


def test_a_key_that_stays_down_takes_no_copied_passage_as_read() -> None:
    async def steps(do: Driver) -> None:
        await copied(do, "No free fluid.", "Aorta 23 mm at the hiatus.")
        await look(do)
        await do.press("f3", "f3", "f3")
        assert do.station.writing.accepted == []
        assert told(do, "Too fast to have been read")
        assert len(do.reading.report.unread()) == 2

    walk(steps, size=(160, 50))


def test_a_copied_passage_that_is_edited_is_not_asked_for_any_more() -> None:
    async def steps(do: Driver) -> None:
        await copied(do, "No free fluid.")
        await look(do)
        await do.press("right", "backspace", *", trace", "full_stop")
        await do.until(lambda: not do.reading.report.unread())
        await look(do)
        await do.until(lambda: told(do, "All that was dictated or copied is read."))
        assert do.station.writing.accepted == []

    walk(steps, size=(160, 50))
