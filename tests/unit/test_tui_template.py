"""Another template for a draft: nothing that was written is lost, on the desk and on the screen."""

from __future__ import annotations

import pytest

from teleread.model.errors import AttentionError, UsageError
from tests.unit import tui_fake, vault_cases
from tests.unit.test_tui_screens import Driver, walk
from tests.unit.test_workstation_desk import World


def texts(world: World, draft_id: str) -> dict[str, str]:
    return {one.id: str(one.text) for one in world.desk.draft(draft_id).sections}


def test_untouched_sections_take_the_new_templates_words_and_written_ones_keep_theirs(world: World) -> None:
    key = world.task(vault_cases.context())
    draft = world.desk.start_draft(key, "ct-head")
    began = texts(world, draft.id)
    world.desk.save_draft(draft.id, draft.seq, {"impression": "No bleed.", "technique": "Plain scan."})
    changed = world.desk.change_template(draft.id, "mri-knee")
    now = texts(world, draft.id)
    assert changed.template_id == "mri-knee"
    assert now["impression"] == "No bleed."
    assert now["technique"] == "Plain scan."
    assert "Haemorrhage" in began["findings"]
    assert "Haemorrhage" not in now["findings"]
    assert "eniscus" in now["findings"]


def test_the_template_outlives_the_window_and_every_earlier_text_is_still_in_the_journal(
    world: World,
) -> None:
    key = world.task(vault_cases.context())
    draft = world.desk.start_draft(key, "ct-head")
    before = texts(world, draft.id)
    world.desk.change_template(draft.id, "general")
    again = world.desk.start_draft(key)
    assert (again.id, again.template_id) == (draft.id, "general")
    assert {one.id: str(one.text) for one in world.vault.drafts.get(draft.id, draft.seq).sections} == before


def test_going_back_to_the_first_template_gives_its_text_again(world: World) -> None:
    key = world.task(vault_cases.context())
    draft = world.desk.start_draft(key, "ct-head")
    before = texts(world, draft.id)
    world.desk.change_template(draft.id, "us-abdomen")
    world.desk.change_template(draft.id, "ct-head")
    assert texts(world, draft.id) == before


def test_an_unknown_template_and_an_addendum_are_refused_and_nothing_changes(world: World) -> None:
    key = world.task(vault_cases.context())
    draft = world.desk.start_draft(key, "ct-head")
    with pytest.raises(UsageError, match="no template"):
        world.desk.change_template(draft.id, "ct-moon")
    report = world.signed(world.task(vault_cases.context("other")))
    addendum = world.desk.addendum(report.report_id)
    with pytest.raises(UsageError, match="addendum"):
        world.desk.change_template(addendum.id, "ct-head")
    assert world.desk.draft(draft.id).template_id == "ct-head"


def test_a_draft_that_another_window_writes_keeps_its_template(world: World) -> None:
    key = world.task(vault_cases.context())
    draft = world.desk.start_draft(key, "ct-head")
    world.vault.drafts.take(draft.id, world.vault.holders.join())
    with pytest.raises(AttentionError):
        world.desk.change_template(draft.id, "general")
    assert world.desk.draft(draft.id).template_id == "ct-head"


# -- on the screen ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["T", "ctrl+t"])
def test_the_picker_says_why_and_enter_takes_the_template_without_losing_text(key: str) -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        do.reading.report.place_cursor("impression")
        await do.press(*"no abscess")
        if key == "T":
            await do.press("escape")
        await do.press(key)
        text = do.text()
        assert "chosen by: CT, says abdomen" in text
        assert "in use" in text
        assert "another procedure" in text
        await do.press("s", "enter")
        await do.until(lambda: do.station.changed)
        assert do.reading.report.title == "General report"
        assert do.reading.report.buffer.texts[-1] == "no abscess"

    assert walk(steps).station.changed == [("draft-t1", "general")]


def test_escape_and_the_template_in_use_change_nothing() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i", "ctrl+t", "escape", "ctrl+t", "enter")
        assert not do.reading.sheets

    assert walk(steps).station.changed == []


def test_the_picker_begins_the_report_with_the_template_chosen_from_list_and_pictures() -> None:
    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "T", "s", "enter")
        await do.until(lambda: do.station.drafts)
        assert do.reading.keeper.draft is not None
        assert do.reading.keeper.draft.template_id == "general"
        await do.press("escape", "q", "s", "T", "enter")
        await do.until(lambda: len(do.station.drafts) == 2)

    walk(steps)


def test_an_addendum_has_no_other_template() -> None:
    station = tui_fake.FakeStation(12)

    async def steps(do: Driver) -> None:
        await do.press("s", "enter", "i")
        keeper = do.reading.keeper
        assert keeper.draft is not None
        object.__setattr__(keeper.draft, "kind", "addendum")
        await do.until(lambda: do.reading.phrases is not None)
        await do.press("ctrl+t")
        await do.until(lambda: bool(do.reading.sheets))
        assert any("it has no template" in one.text for one in do.app.notices)
        assert "General report" not in do.text()
        assert ".nad" in do.text()

    walk(steps, station=station)
