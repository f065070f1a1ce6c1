"""What the report pane asks of the desk while a draft is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from teleread.model.errors import AttentionError
from teleread.vault.journal import DraftVersion
from teleread.workstation.writing import points
from tests.unit import vault_cases
from tests.unit.test_workstation_desk import World

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def row(seq: int, seconds: float, *changed: str) -> DraftVersion:
    return DraftVersion(seq, NOON + timedelta(seconds=seconds), changed)


def test_a_go_of_typing_is_one_point_and_a_pause_or_another_section_begins_a_new_one() -> None:
    rows = [
        row(0, 0, "findings"),
        row(1, 0.2, "findings"),
        row(2, 0.4, "findings"),
        row(3, 0.6, "impression"),
        row(4, 5.0, "impression"),
        row(5, 5.1, "@marks"),
    ]
    assert [one.seq for one in points(rows)] == [0, 2, 3, 4]


def test_typing_without_end_still_leaves_points_on_the_way() -> None:
    rows = [row(n, n * 0.5, "findings") for n in range(200)]
    kept = [one.seq for one in points(rows)]
    assert kept[0] == 0
    assert kept[-1] == 199
    assert 4 < len(kept) < 12


def test_every_earlier_text_of_a_draft_can_be_had_again(world: World) -> None:
    desk = world.desk
    draft = desk.start_draft(world.task(vault_cases.context()), "ct-head")
    seq = desk.save_draft(draft.id, draft.seq, {"impression": "No bleed."})
    seq = desk.save_draft(draft.id, seq, {"findings": "Another thing."})
    states = desk.writing.states(draft.id)
    assert [one.seq for one in states] == [draft.seq, seq - 1, seq]
    assert states[-2].texts["impression"] == "No bleed."
    assert states[-2].texts["findings"] != "Another thing."
    assert desk.writing.states(draft.id, before=seq - 1)[-1].seq == draft.seq


def test_notes_are_written_on_what_the_screen_knows_and_never_over_another_windows_text(
    world: World,
) -> None:
    desk = world.desk
    draft = desk.start_draft(world.task(vault_cases.context()), "ct-head")
    told = desk.writing.set_alert(draft.id, draft.seq, "C", "Dr Okoro", "14:02", "telephone")
    assert "Dr Okoro" in told.fields["@alert"]
    with pytest.raises(AttentionError, match="another window"):
        desk.writing.clear_alert(draft.id, draft.seq)
    assert desk.writing.clear_alert(draft.id, told.seq).fields["@alert"] == ""
    assert [one.seq for one in desk.writing.states(draft.id)] == [draft.seq]


def test_copied_text_is_marked_with_where_it_came_from(world: World) -> None:
    desk = world.desk
    draft = desk.start_draft(world.task(vault_cases.context()), "ct-head")
    seq = desk.save_draft(draft.id, draft.seq, {"impression": "Stable cyst."})
    marked = desk.writing.mark_copied(draft.id, seq, {"impression": "Stable cyst."}, "dr-1")
    assert "Stable cyst." in marked.fields["@marks"]


def test_a_learned_word_is_doubted_no_more(world: World) -> None:
    writing = world.desk.writing
    text = {"findings": "The zzyzxoma is stable."}
    assert [one.word for one in writing.doubts(text)["findings"]] == ["zzyzxoma"]
    writing.learn("zzyzxoma")
    assert writing.doubts(text)["findings"] == ()
    assert "hepatomegaly" in writing.suggest("hepatomegly")


def test_the_autotexts_of_a_case_come_with_what_their_values_stand_for(world: World) -> None:
    from teleread.workstation import aids

    aids.set_autotext(world.desk.core, "nad", "No abnormality detected.")
    phrases = world.desk.writing.phrases(world.task(vault_cases.context()))
    assert phrases.library["nad"].text == "No abnormality detected."
    assert "side" in phrases.values
