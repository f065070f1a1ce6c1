"""Templates and autotexts found by typing: what fits drops under the cursor, the rest is in the list."""

from __future__ import annotations

from teleread.model.text import SafeText
from teleread.reporting.autotext import Autotext, typed_before
from teleread.tui.screens.templates import Browser, Choice, fitting, phrase_choices
from teleread.workstation.writing import Phrases
from tests.unit import tui_fake
from tests.unit.test_tui_report_writing import begin, text_of
from tests.unit.test_tui_screens import Driver, walk


def stocked() -> tui_fake.FakeStation:
    """A station with names that begin alike."""
    station = tui_fake.FakeStation(12)
    station.writing.texts = {
        "nad": "No abnormality detected.",
        "pancnorm": "The pancreas is normal in size and outline.",
        "pancstone": "Stones in the pancreatic duct, [?Number], the largest [?Size].",
        "loop": "Again .loop",
    }
    return station


async def browser(do: Driver) -> Browser:
    await do.until(lambda: bool(do.reading.sheets) and isinstance(do.reading.sheets[-1], Browser))
    await do.settle()
    found = do.reading.sheets[-1]
    assert isinstance(found, Browser)
    return found


def test_names_that_begin_as_typed_drop_under_the_cursor_and_tab_takes_the_only_one() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("full_stop", *"pa")
        await do.until(lambda: ".pancnorm · .pancstone" in do.text())
        await do.press(*"ncn")
        await do.until(lambda: ".pancstone" not in do.text())
        await do.press("tab")
        assert text_of(do, "impression") == "The pancreas is normal in size and outline."
        await do.press("ctrl+z")
        assert text_of(do, "impression") == ".pancn"

    walk(steps, size=(160, 50), station=stocked())


def test_where_several_begin_so_tab_lists_them_and_the_one_taken_replaces_what_was_typed() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        do.reading.report.write("Seen. .pan")
        await do.press("tab")
        sheet = await browser(do)
        assert [one.id for one in sheet.found] == ["pancnorm", "pancstone"]
        await do.press("down")
        await do.until(lambda: "2 fields to fill" in do.text())
        await do.press("enter")
        await do.until(lambda: "pancreatic duct" in text_of(do, "impression"))
        assert text_of(do, "impression").startswith("Seen. Stones in the pancreatic duct, [?Number], the")
        start, end = do.reading.report.buffer.selection or (0, 0)
        assert do.reading.report.buffer.text[start:end] == "[?Number]"
        await do.press("tab")
        start, end = do.reading.report.buffer.selection or (0, 0)
        assert do.reading.report.buffer.text[start:end] == "[?Size]"

    walk(steps, size=(160, 50), station=stocked())


def test_escape_in_the_list_leaves_what_was_typed() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        do.reading.report.write(".pan")
        await do.press("tab")
        await browser(do)
        await do.press("escape", "escape")
        await do.until(lambda: not do.reading.sheets)
        assert text_of(do, "impression") == ".pan"

    walk(steps, station=stocked())


def test_tab_goes_from_templates_to_autotexts_and_slash_narrows_by_their_words() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press(*"Seen", "ctrl+t")
        sheet = await browser(do)
        assert sheet.kind == "templates"
        await do.press("tab")
        assert sheet.kind == "autotext"
        assert "No abnormality detected." in do.text()
        await do.press("slash", *"outline")
        assert [one.id for one in sheet.found] == ["pancnorm"]
        await do.press("enter")
        await do.until(lambda: not do.reading.sheets)
        assert text_of(do, "impression") == "Seen The pancreas is normal in size and outline."

    walk(steps, size=(160, 50), station=stocked())


def test_templates_are_narrowed_by_typing_and_escape_shows_all_again() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i", "ctrl+t")
        sheet = await browser(do)
        await do.press("slash", *"knee")
        assert [one.id for one in sheet.found] == ["mri-knee"]
        await do.press("escape")
        assert len(sheet.found) == 3
        await do.press("slash", *"knee", "enter")
        await do.until(lambda: do.station.changed == [("draft-t1", "mri-knee")])

    walk(steps)


def test_what_fits_nothing_is_said_and_enter_takes_nothing() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i", "ctrl+t", "slash", *"zzz")
        assert "Nothing fits" in do.text()
        await do.press("enter")
        await browser(do)

    assert walk(steps).station.changed == []


def test_an_autotext_that_expands_itself_is_flagged_and_refused_and_the_text_stays() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press(*"Seen", "ctrl+t", "tab", "slash", *"loop")
        await browser(do)
        assert "expands itself" in do.text()
        await do.press("enter")
        await do.until(lambda: any("expands itself" in one.text for one in do.app.notices))
        assert text_of(do, "impression") == "Seen"

    walk(steps, size=(160, 50), station=stocked())


def test_before_a_report_is_begun_only_templates_are_offered() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "T")
        sheet = await browser(do)
        assert sheet.kinds == ["templates"]
        await do.press("tab")
        assert sheet.kind == "templates"

    walk(steps, station=stocked())


def test_where_there_is_no_autotext_yet_the_list_says_how_one_is_kept() -> None:
    station = stocked()
    station.writing.texts = {}

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("ctrl+t", "tab")
        sheet = await browser(do)
        assert sheet.kind == "autotext"
        assert "teleread autotext set" in do.text()
        await do.press("enter", "tab")
        assert sheet.kind == "templates"

    walk(steps, station=station)


def test_names_that_sound_alike_are_flagged() -> None:
    library = {name: Autotext(name, SafeText("Text."), "own") for name in ("liver-cyst", "heart")}
    found = phrase_choices(Phrases(library, {}), {"liver cyst": ".liver-mist"})
    assert {one.id: one.warning for one in found} == {
        "liver-cyst": "sounds like .liver-mist when spoken",
        "heart": "",
    }


def test_names_come_before_texts_and_every_word_must_fit() -> None:
    def choice(name: str, preview: str) -> Choice:
        return Choice("autotext", name, f".{name}", "yours", preview)

    some = [choice("chest", "Heart normal."), choice("heart", "Normal."), choice("oldheart", "As before.")]
    assert [one.id for one in fitting(some, ".hea")] == ["heart", "oldheart", "chest"]
    assert [one.id for one in fitting(some, "heart normal")] == ["heart", "chest"]
    assert fitting(some, "") == some


def test_the_beginning_of_a_name_is_none_inside_a_number_or_behind_a_word() -> None:
    for text, typed in (
        (".na", ".na"),
        ("Seen. .n", ".n"),
        ("Seen.na", ""),
        ("3.na", ""),
        ("a ..na", ""),
        (".", ""),
    ):
        assert typed_before(text, len(text)) == typed
