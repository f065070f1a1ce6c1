"""Aids of writing at the desk: own autotexts and words sealed in the vault, marks on what was copied."""

from __future__ import annotations

import pytest

from teleread.model.errors import AttentionError, UsageError
from teleread.reporting.autotext import expand
from teleread.reporting.marks import marks_in
from teleread.workstation.aids import (
    autotext_values,
    autotexts,
    drop_autotext,
    mark_copied,
    own_word,
    set_autotext,
    speller,
)
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import World


def test_an_own_autotext_is_kept_wins_over_the_sites_and_can_go_again(world: World) -> None:
    folder = world.core.paths.config / "autotext"
    folder.mkdir(parents=True)
    (folder / "site.toml").write_text('[autotext]\nnad = "Site."\nward = "Ward told."\n', "utf-8")
    assert set_autotext(world.core, ".NAD", "No abnormality.").name == "nad"
    found, failed = autotexts(world.core)
    assert failed == ()
    assert {name: (one.text, one.source) for name, one in found.items()} == {
        "nad": ("No abnormality.", "own"),
        "ward": ("Ward told.", "site"),
    }
    drop_autotext(world.core, "nad")
    assert autotexts(world.core)[0]["nad"].text == "Site."
    with pytest.raises(UsageError, match="no autotext"):
        drop_autotext(world.core, "nad")


def test_an_autotext_that_would_expand_itself_is_not_kept(world: World) -> None:
    set_autotext(world.core, "one", "see .two")
    with pytest.raises(UsageError, match="expands itself"):
        set_autotext(world.core, "two", "see .one")
    assert sorted(autotexts(world.core)[0]) == ["one"]


def test_own_texts_lie_sealed_and_the_audit_trail_does_not_tell_them(world: World) -> None:
    secret = "Zanzibarian finding of Mr Okonkwo"
    set_autotext(world.core, "mine", secret)
    own_word(world.core, "zanzibarian")
    world.vault.reports_database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in world.core.paths.data.rglob("*"):
        if path.is_file():
            assert b"anzibarian" not in path.read_bytes()
    assert all("anzibarian" not in str(row) for row in world.vault.audit.export())


def test_values_come_from_the_order(world: World) -> None:
    key = world.task(cases.context())
    set_autotext(world.core, "title", "{procedure}: {side}.")
    values = autotext_values(world.core, key)
    assert expand(autotexts(world.core)[0], ".title", 6, values).text == "CT abdomen: [?Side]."


def test_an_own_word_is_right_until_it_is_forgotten(world: World) -> None:
    own_word(world.core, "Zyxotide")
    assert speller(world.core).known("zyxotide")
    own_word(world.core, "zyxotide", forget=True)
    assert not speller(world.core).known("zyxotide")


def test_copied_passages_warn_until_they_are_edited(world: World) -> None:
    draft = world.desk.start_draft(world.task(cases.context()))
    old = "Stable 9 mm nodule. No effusion."
    world.desk.save_draft(draft.id, draft.seq, {"findings": f"New mass. {old}", "impression": "Mass."})
    draft = mark_copied(world.core, world.desk.draft(draft.id), {"findings": old}, "r-1")

    def copied() -> list[str]:
        return [str(one.text) for one in world.desk.checks(draft.id) if one.id == "copied-unedited"]

    (words,) = copied()
    assert "(2)" in words
    now = world.desk.draft(draft.id)
    texts = {"findings": "New mass. Stable 10 mm nodule. No effusion."}
    world.desk.save_draft(draft.id, now.seq, texts)
    (words,) = copied()
    assert "(1)" in words
    now = world.desk.draft(draft.id)
    world.desk.save_draft(
        draft.id, now.seq, {"findings": "New mass. Stable 10 mm nodule. No large effusion."}
    )
    assert copied() == []


def test_copied_passages_that_were_read_warn_no_more_and_that_is_audited_without_their_words(
    world: World,
) -> None:
    draft = world.desk.start_draft(world.task(cases.context()))
    old = "Stable 9 mm nodule. No effusion."
    world.desk.save_draft(draft.id, draft.seq, {"findings": f"New mass. {old}", "impression": "Mass."})
    draft = mark_copied(world.core, world.desk.draft(draft.id), {"findings": old}, "r-1")
    first, second = marks_in(draft.fields)
    draft = world.desk.writing.accept_copied(draft.id, draft.seq, [first])
    assert marks_in(draft.fields) == (second,)
    (words,) = (str(one.text) for one in world.desk.checks(draft.id) if one.id == "copied-unedited")
    assert "(1)" in words
    assert world.desk.writing.accept_copied(draft.id, draft.seq, [first]).seq == draft.seq
    draft = world.desk.writing.accept_copied(draft.id, draft.seq, [second])
    assert "copied-unedited" not in {one.id for one in world.desk.checks(draft.id)}
    rows = [str(one) for one in world.vault.audit.export() if "copied-read" in str(one)]
    assert len(rows) == 2
    assert not any("nodule" in one or "effusion" in one for one in rows)
    with pytest.raises(AttentionError):
        world.desk.writing.accept_copied(draft.id, draft.seq - 1, [second])


def test_a_lock_lets_go_of_the_sentences_the_checks_have_read(world: World) -> None:
    from teleread.reporting import checks_reading, words

    key = world.task(cases.context())
    world.desk.checks(world.written(key))
    assert checks_reading._sentence.cache_info().currsize > 0
    world.desk.lock()
    for held in (checks_reading._section, checks_reading._sentence, words._sentences, words._sexed):
        assert held.cache_info().currsize == 0
    assert world.core.people is None
