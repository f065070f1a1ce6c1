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
