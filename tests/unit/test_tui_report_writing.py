"""Writing a report by keys: autotext, pick lists, form, earlier texts, spelling, alert, prior report."""

from __future__ import annotations

from dataclasses import replace

from teleread.model.report import Check
from teleread.model.text import clean
from teleread.tui.screens.form import form_rows
from teleread.tui.screens.prior import PriorBeside
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, walk


async def begin(do: Driver, section: str = "findings") -> None:
    """Open the case in focus and put the cursor behind a section's text."""
    await do.press("enter")
    await do.until(lambda: do.app.place.NAME == "Reading")
    await do.press("i")
    await do.until(lambda: do.reading.keeper.draft is not None)
    await do.until(lambda: do.reading.phrases is not None)
    do.reading.report.place_cursor(section)


def text_of(do: Driver, section: str) -> str:
    buffer = do.reading.report.buffer
    return buffer.texts[buffer.ids.index(section)]


# -- autotext -----------------------------------------------------------------------------------------


def test_tab_expands_a_name_anywhere_in_a_text() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press(*"Seen", "full_stop", "space", "full_stop", *"nad", "tab")
        assert text_of(do, "impression") == "Seen. No abnormality detected."
        await do.press("ctrl+z")
        assert text_of(do, "impression") == "Seen. .nad"

    walk(steps)


def test_an_autotext_with_fields_chooses_the_first_and_tab_goes_on() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("full_stop", *"node", "tab")
        assert text_of(do, "impression").startswith("Node [?Size] in the right lung.")
        start, end = do.reading.report.buffer.selection or (0, 0)
        assert do.reading.report.buffer.text[start:end] == "[?Size]"
        await do.press(*"6 mm".replace(" ", ""))
        assert text_of(do, "impression").startswith("Node 6mm in")

    walk(steps)


def test_tab_without_a_name_before_it_goes_to_the_next_field() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press(*"Seen", "tab")
        assert text_of(do, "impression") == "Seen"
        assert do.reading.report.buffer.selection is not None

    walk(steps)


# -- pick lists ---------------------------------------------------------------------------------------


def test_what_may_stand_in_a_field_drops_under_it_and_is_narrowed_by_typing() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("f2")
        await do.until(lambda: "normal · gallstones · acute cholecystitis · absent" in do.text())
        await do.press(*"chol")
        await do.until(lambda: "gallstones" not in do.text())
        await do.press("enter")
        assert "Gallbladder: [acute cholecystitis]" in text_of(do, "findings")

    walk(steps, size=(160, 50))


def test_words_that_fit_no_choice_are_free_text_in_the_fields_place() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("f2", *"not", "space", *"seen")
        assert text_of(do, "findings").endswith("Gallbladder: not seen")

    walk(steps)


def test_what_was_typed_over_a_field_stands_in_the_text_whatever_the_reader_does_next() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("f2", *"gall", "escape")
        assert do.reading.context == "P"
        assert text_of(do, "findings").endswith("Gallbladder: gall")

    walk(steps)


def test_erasing_all_that_was_typed_over_a_field_gives_the_field_back() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        before = text_of(do, "findings")
        await do.press("f2", *"ga", "backspace", "backspace")
        assert text_of(do, "findings") == before
        await do.press(*"abs", "enter")
        assert text_of(do, "findings").endswith("Gallbladder: [absent]")

    walk(steps)


def test_up_and_down_choose_among_the_choices_that_fit() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("f2", *"a", "down", "enter")
        assert text_of(do, "findings").endswith("Gallbladder: [absent]")

    walk(steps)


def test_tab_takes_the_choice_that_was_typed_and_goes_on() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("f2", *"gall", "tab")
        assert "Gallbladder: [gallstones]" in text_of(do, "findings")

    walk(steps)


# -- the form -----------------------------------------------------------------------------------------


def test_the_form_fills_the_same_text_the_report_shows() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("ctrl+e")
        assert "1 to fill" in do.text()
        await do.press(*"abs", "enter")
        assert "every field is filled" in do.text()
        await do.press("escape")
        assert text_of(do, "findings").endswith("Gallbladder: [absent]")
        assert [one.mark.text for one in form_rows(do.reading.report)] == ["normal", "absent"]

    walk(steps, size=(160, 50))


def test_enter_alone_never_fills_a_field_neither_in_the_form_nor_in_the_text() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        before = text_of(do, "findings")
        await do.press("f2", "enter", "enter")
        await do.press("ctrl+e", *["enter"] * 6, "escape")
        assert text_of(do, "findings") == before
        await do.press("ctrl+e", "right", "right", "enter", "escape")
        assert text_of(do, "findings").endswith("Gallbladder: [gallstones]")

    walk(steps)


def test_a_number_out_of_its_range_is_refused_and_one_inside_takes_its_unit() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        do.reading.report.place_cursor("findings")
        await do.press("space", *"Aorta", "space")
        do.reading.report.write("[?Aorta]")
        await do.press("ctrl+e", "down", *"900", "enter")
        assert any("out of its range" in one.text for one in do.app.notices)
        await do.press("backspace", "backspace", "backspace", *"24", "enter", "escape")
        assert text_of(do, "findings").endswith("Aorta 24 mm")

    walk(steps)


# -- going back ---------------------------------------------------------------------------------------


def test_undo_goes_on_into_the_journal_of_earlier_sittings() -> None:
    station = tui_fake.FakeStation(12)
    began = station.start_draft(station.rows[0].key)
    texts = {one.id: str(one.text) for one in began.sections}
    station.writing.remember(0, texts, *texts)
    station.writing.remember(1, {**texts, "impression": "First thought."}, "impression")
    sections = tuple(
        replace(one, text=clean("Second thought.")) if one.id == "impression" else one
        for one in began.sections
    )
    station.drafts[began.id] = replace(began, seq=2, sections=sections)

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("ctrl+z")
        await do.until(lambda: text_of(do, "impression") == "First thought.")
        await do.press("ctrl+z")
        await do.until(lambda: text_of(do, "impression") == "")
        await do.press("ctrl+y", "ctrl+y")
        assert text_of(do, "impression") == "Second thought."

    walk(steps, station=station)


def test_an_earlier_text_can_be_chosen_and_that_can_be_undone() -> None:
    station = tui_fake.FakeStation(12)
    began = station.start_draft(station.rows[0].key)
    texts = {one.id: str(one.text) for one in began.sections}
    station.writing.remember(0, texts, *texts)
    station.writing.remember(1, {**texts, "impression": "No bleed."}, "impression")

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press(*"Other", "alt+shift+h")
        await do.until(lambda: bool(do.reading.sheets))
        assert "No bleed." in do.text()
        await do.press("enter")
        assert text_of(do, "impression") == "No bleed."
        await do.press("ctrl+z")
        assert text_of(do, "impression") == "Other"

    walk(steps, station=station)


# -- outline, words -----------------------------------------------------------------------------------


def test_the_heading_counts_words_while_they_are_typed() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press(*"One", "space")
        first = do.text()
        await do.press(*"two")
        count = [int(word) for word in first.split("words")[0].split() if word.isdigit()][-1]
        assert f"{count + 1} words" in do.text()

    walk(steps, size=(160, 50))


def test_the_outline_shows_words_and_open_fields_and_leads_there() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "findings")
        await do.press("ctrl+g")
        assert "1 to fill" in do.text()
        await do.press("s", "enter")
        assert do.reading.report.buffer.ids[do.reading.report.buffer.section] == "impression"

    walk(steps, size=(160, 50))


# -- spelling -----------------------------------------------------------------------------------------


def test_a_doubtful_word_is_found_by_one_key_and_mended_by_a_number() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        do.reading.report.write("No hepatomegly.")
        await do.press("ctrl+n")
        await do.until(lambda: bool(do.reading.sheets))
        await do.press("1")
        assert text_of(do, "impression") == "No hepatomegaly."

    walk(steps)


def test_a_word_can_be_learned_and_is_doubted_no_more() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        do.reading.report.write("No hepatomegly.")
        await do.press("ctrl+n")
        await do.until(lambda: bool(do.reading.sheets))
        await do.press("l")
        await do.until(lambda: do.station.writing.learned == ["hepatomegly"])
        await do.press("ctrl+n")
        await do.until(lambda: any("No word is in doubt" in one.text for one in do.app.notices))

    walk(steps)


# -- checks -------------------------------------------------------------------------------------------


def test_a_check_takes_a_reason_in_the_list_and_signing_knows_it() -> None:
    station = tui_fake.FakeStation(12)
    station.extra_checks = [
        Check("no-prior", "warn", clean("A prior is not mentioned"), clean("change missed"))
    ]

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press(*"Normal")
        await do.until(lambda: any(one.id == "no-prior" for one in do.reading.keeper.checks))
        await do.press("alt+j", "s", "s", "o", *"seen", "enter")
        assert do.reading.overrides["no-prior"].reason == "seen"
        assert "because: seen" in do.text()

    walk(steps, station=station, size=(160, 50))


def test_the_open_list_of_checks_takes_what_the_rules_find_meanwhile() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.reading.keeper.check()
        await do.press("alt+j")
        assert "The impression is empty" in do.text()
        do.reading.report.buffer.put_all({"impression": "Normal."})
        do.reading.report.changed()
        await do.reading.keeper.check()
        await do.settle()
        assert "The impression is empty" not in do.text()

    walk(steps, size=(160, 50))


# -- the alert ----------------------------------------------------------------------------------------


def test_the_alert_asks_category_person_time_and_method_and_stands_in_the_report() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("ctrl+k")
        await do.until(lambda: bool(do.reading.sheets))
        await do.press("1", *"Dr", "space", *"Okoro", "enter", "enter", "1", "enter")
        await do.until(lambda: bool(do.reading.report.alert))
        assert do.reading.report.alert.startswith("Dr Okoro, ")
        assert "telephone" in do.reading.report.alert
        assert "Dr Okoro" in do.text()
        await do.press("ctrl+k")
        await do.until(lambda: bool(do.reading.sheets))
        await do.press("x")
        await do.until(lambda: not do.reading.report.alert)

    walk(steps, size=(160, 50))


# -- the prior report ---------------------------------------------------------------------------------


def test_the_prior_report_stands_beside_the_draft_with_turned_sides_first() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("ctrl+d")
        await do.until(lambda: isinstance(do.app.place, PriorBeside) and bool(do.app.place.entries))
        assert isinstance(do.app.place, PriorBeside)
        assert do.app.place.entries[0].pair.sided
        text = do.text()
        assert "side!" in text
        assert "Dr M Grant" in text
        assert "RUSSO" in text

    walk(steps, size=(160, 50))


def test_a_copied_sentence_is_marked_until_it_is_edited() -> None:
    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("ctrl+d")
        await do.until(lambda: isinstance(do.app.place, PriorBeside) and bool(do.app.place.entries))
        place = do.app.place
        assert isinstance(place, PriorBeside)
        wanted = next(i for i, one in enumerate(place.entries) if one.pair.before == "No free fluid.")
        await do.press(*["s"] * wanted, "enter")
        await do.until(lambda: any("Copied into" in one.text for one in do.app.notices))
        await do.press("q")
        assert text_of(do, "findings").endswith("No free fluid.")
        assert "from 3 May 2026" in do.text()
        do.reading.report.place_cursor("findings")
        await do.press("backspace", "backspace")
        assert "from 3 May 2026" not in do.text()

    walk(steps, size=(160, 50))
