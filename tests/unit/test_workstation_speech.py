"""Dictation on a real vault: marks that block signing, late words, sound that goes with the signature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from teleread.dictation.bias import CaseWords
from teleread.dictation.placing import Anchor
from teleread.dictation.ports import HeardWord, Hearing, Utterance
from teleread.dictation.session import Dictation, Said
from teleread.model.errors import AttentionError, UsageError
from teleread.model.report import Override
from teleread.model.text import SafeText, clean
from teleread.reporting.marks import marks_in
from teleread.workstation import dictation
from teleread.workstation.speech import sweep_sound
from tests.unit import vault_cases as cases
from tests.unit.test_dictation_take import LOUD, Scripted
from tests.unit.test_workstation_desk import AWAY, World


@pytest.fixture
def place(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.desk.close()


def said(words: str, order: str = "RIGHT") -> Said:
    """An utterance against an order of the other side."""
    parts = words.split()
    heard = tuple(HeardWord(clean(word), at, at + 1.0, 0.9) for at, word in enumerate(parts))
    made = Dictation(Scripted(), CaseWords(laterality=order))
    return made.written(Utterance(0.0, float(len(parts)), Hearing(heard, "scripted")))


def test_an_unread_side_blocks_signing_until_it_is_read(place: World) -> None:
    desk, key = place.desk, place.task(cases.context())
    draft = desk.draft(place.written(key))
    anchor = Anchor("findings", "Normal liver.", 13, 13)
    assert desk.speech.put_late(draft.id, anchor, said("cyst in the left kidney full stop"), "scripted")
    now = desk.draft(draft.id)
    section = now.section("findings")
    assert section is not None
    assert section.text == "Normal liver. Cyst in the left kidney."
    assert "dictated-unread" in {one.id for one in desk.checks(draft.id) if one.severity == "block"}
    with pytest.raises(AttentionError) as refused:
        desk.sign(draft.id, AWAY, pin=cases.PIN)
    assert refused.value.code == "blocked"
    desk.speech.read_marks(draft.id, now.seq, marks_in(now.fields))
    assert "dictated-unread" not in {one.id for one in desk.checks(draft.id)}
    assert desk.sign(draft.id, AWAY, pin=cases.PIN).state == "signed"


def test_an_unread_side_signed_over_with_a_reason_is_in_the_audit(place: World) -> None:
    desk, key = place.desk, place.task(cases.context())
    draft_id = place.written(key)
    desk.speech.put_late(draft_id, Anchor("findings", "", 0, 0), said("left cyst"), "scripted")
    why = (*AWAY, Override("dictated-unread", SafeText("heard it myself")))
    desk.sign(draft_id, why, pin=cases.PIN)
    assert "dictated-unread" in repr(list(place.vault.audit.export()))


@pytest.mark.parametrize("keeps", [False, True])
def test_sound_is_sealed_beside_the_draft_and_goes_with_the_signature(tmp_path: Path, keeps: bool) -> None:
    place = World(tmp_path, dictation={"keep_sound": keeps})
    try:
        desk, key = place.desk, place.task(cases.context())
        draft_id = place.written(key)
        ring = dictation.sound_of_draft(place.core, draft_id)
        ring.append(LOUD * 40)
        ring.flush()
        digest, _ = ring.digest()
        folder = place.core.paths.data / "sound" / draft_id
        assert desk.speech.left(draft_id) > 1.0
        desk.sign(draft_id, AWAY, pin=cases.PIN)
        assert folder.exists() is keeps
        assert digest in repr(list(place.vault.audit.export()))
    finally:
        place.desk.close()


def test_sound_that_can_not_be_read_is_no_failed_signature(place: World) -> None:
    desk, key = place.desk, place.task(cases.context())
    draft_id = place.written(key)
    folder = place.core.paths.data / "sound" / draft_id
    folder.mkdir(parents=True)
    (folder / f"{0:016d}.sound").write_bytes(b"broken")
    assert desk.sign(draft_id, AWAY, pin=cases.PIN).state == "signed"
    assert not folder.exists()


def test_words_for_a_draft_that_is_signed_or_held_elsewhere_are_not_put_anywhere(place: World) -> None:
    desk, key = place.desk, place.task(cases.context())
    draft_id = place.written(key)
    place.vault.drafts.take(draft_id, place.vault.holders.join())
    anchor = Anchor("findings", "", 0, 0)
    assert not desk.speech.put_late(draft_id, anchor, said("no stones"), "scripted")
    desk.take_draft(draft_id)
    desk.sign(draft_id, AWAY, pin=cases.PIN)
    assert not desk.speech.put_late(draft_id, anchor, said("no stones"), "scripted")
    assert not desk.speech.put_late("nothing", anchor, said("no stones"), "scripted")


def sound_on_disk(place: World, draft_id: str) -> tuple[Path, str]:
    """Some sound beside a draft; its folder and hash."""
    ring = dictation.sound_of_draft(place.core, draft_id)
    ring.append(LOUD * 40)
    ring.flush()
    return place.core.paths.data / "sound" / draft_id, ring.digest()[0]


def test_the_sound_of_a_discarded_draft_is_destroyed_and_told_in_the_audit(place: World) -> None:
    desk, key = place.desk, place.task(cases.context())
    draft_id = place.written(key)
    folder, digest = sound_on_disk(place, draft_id)
    (folder / f"{99:016d}.part").write_bytes(b"torn by a power cut")
    desk.discard_draft(draft_id, "wrong patient")
    assert not folder.exists()
    (row,) = [one for one in place.vault.audit.export() if "dictation-sound" in repr(one)]
    assert digest in repr(row)
    assert "discarded" in repr(row)


@pytest.mark.parametrize("end", ["mark_signed", "keep", "gone"])
def test_sound_left_beside_a_draft_that_is_over_goes_the_next_time(place: World, end: str) -> None:
    desk, key = place.desk, place.task(cases.context())
    draft_id = place.written(key)
    folder, _ = sound_on_disk(place, draft_id)
    if end == "keep":
        place.vault.drafts.keep(draft_id, "handed over")
    elif end == "mark_signed":  # the machine stopped before the sound was destroyed
        place.vault.drafts.mark_signed(draft_id)
    else:
        folder = folder.rename(folder.with_name("00000000-no-such-draft"))
    other = desk.start_draft(place.task(cases.context("task-2")))
    kept, _ = sound_on_disk(place, other.id)
    sweep_sound(place.core)
    assert not folder.exists()
    assert kept.is_dir()


def test_a_site_that_keeps_sound_keeps_that_of_signed_reports_only(tmp_path: Path) -> None:
    place = World(tmp_path, dictation={"keep_sound": True})
    try:
        desk = place.desk
        draft_id = place.written(place.task(cases.context()))
        signed, _ = sound_on_disk(place, draft_id)
        desk.sign(draft_id, AWAY, pin=cases.PIN)
        other = desk.start_draft(place.task(cases.context("task-2")))
        gone, _ = sound_on_disk(place, other.id)
        desk.discard_draft(other.id, "not needed")
        assert signed.is_dir()
        assert not gone.exists()
    finally:
        place.desk.close()


def test_a_correction_is_learnt_used_listed_and_forgotten(place: World) -> None:
    core = place.core
    assert dictation.learn(core, "Phascus", "Fazekas") == ("phascus", "Fazekas")
    made = Dictation(Scripted(), CaseWords(), dictation.reader(core))
    heard = tuple(HeardWord(clean(word), at, at + 1.0, 0.9) for at, word in enumerate(["phascus", "two"]))
    out = made.written(Utterance(0.0, 2.0, Hearing(heard, "scripted")))
    assert out.text.startswith("Fazekas")
    assert [mark.kind for mark in out.marks.values()][:1] == ["changed"]
    assert "Fazekas" not in repr(list(place.vault.audit.export()))
    dictation.forget(core, "phascus")
    assert dictation.corrections(core) == {}
    with pytest.raises(UsageError):
        dictation.forget(core, "phascus")


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("rite", "right"),
        ("left", "cleft"),
        ("node", "no"),
        ("sixteen", "sixty"),
        ("two words", "x"),
        ("a", ""),
    ],
)
def test_no_correction_that_makes_or_changes_a_side_a_denial_or_a_number_is_learnt(
    place: World, heard: str, meant: str
) -> None:
    with pytest.raises(UsageError):
        dictation.learn(place.core, heard, meant)
    assert dictation.corrections(place.core) == {}
