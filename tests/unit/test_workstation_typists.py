"""Typists of a site: sound and draft out by a drop box, text back marked, read and signed, the sound gone."""

from __future__ import annotations

import hashlib
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from teleread.model.errors import AttentionError, OfflineError, UsageError
from teleread.model.report import Draft
from teleread.reporting.marks import marks_in
from teleread.workstation import dictation
from teleread.workstation.typists import TYPING_FIELD, fetch_typed, hand_to_typist
from tests.unit import vault_cases as cases
from tests.unit.test_dictation_take import LOUD
from tests.unit.test_workstation_desk import AWAY, World


class Office:
    """A desk on a drop box, and the typist's side of it."""

    def __init__(self, folder: Path, **rules: Any) -> None:
        self.box = folder / "box"
        self.box.mkdir(parents=True)
        self.world = World(
            folder / "desk", fhir="", folder=str(self.box), dictation={"typists": True, **rules}
        )
        self.desk, self.core = self.world.desk, self.world.core
        self.draft_id = self.world.written(self.world.task(cases.context()))
        self.ring = dictation.sound_of_draft(self.core, self.draft_id)
        self.ring.append(LOUD * 40)
        self.ring.flush()

    @property
    def typing(self) -> Path:
        return self.box / "typing"

    def job(self) -> dict[str, Any]:
        """What the typist sees."""
        (path,) = [one for one in self.typing.glob("*.json") if not one.name.endswith(".typed.json")]
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def type(self, **more: Any) -> None:
        """Write the answer."""
        job = self.job()
        body = {"job": job["job"], "typist": "T. Ypist", "sections": {"findings": "A cyst. No stones."}}
        (self.typing / job["answer"]).write_text(json.dumps({**body, **more}))

    def draft(self) -> Draft:
        return self.desk.draft(self.draft_id)

    def findings(self) -> str:
        section = self.draft().section("findings")
        assert section is not None
        return str(section.text)

    def audit(self) -> str:
        return repr(list(self.world.vault.audit.export()))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.desk.close()


def test_the_typist_gets_the_sound_what_it_belongs_to_and_the_draft(office: Office) -> None:
    handed = hand_to_typist(office.core, office.draft_id)
    job = office.job()
    assert job["schema"] == "teleread.typing/1"
    assert job["job"] == handed.job
    assert job["sections"]["findings"]["text"] == "Normal liver."
    assert job["reader"] == "Dr Test"
    with wave.open(str(office.typing / job["sound"])) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        sound = file.readframes(file.getnframes())
    assert sound == LOUD * 40
    assert hashlib.sha256(sound).hexdigest() == job["sha256"] == handed.sha256
    assert handed.sha256 in office.audit()
    assert [one.state for one in fetch_typed(office.core)] == ["waiting"]


def test_what_comes_back_is_marked_as_typed_by_another_and_blocks_signing_until_it_is_read(
    office: Office,
) -> None:
    hand_to_typist(office.core, office.draft_id)
    office.type()
    (came,) = fetch_typed(office.core)
    assert (came.state, came.typist, came.sections) == ("typed", "T. Ypist", ("findings",))
    assert office.findings() == "A cyst. No stones."
    marks = marks_in(office.draft().fields)
    assert [(str(one.text), one.source) for one in marks] == [
        ("A cyst.", "typed by T. Ypist"),
        ("No stones.", "typed by T. Ypist"),
    ]
    with pytest.raises(AttentionError) as refused:
        office.desk.sign(office.draft_id, AWAY, pin=cases.PIN)
    assert refused.value.code == "blocked"
    office.desk.speech.read_marks(office.draft_id, office.draft().seq, marks)
    assert office.desk.sign(office.draft_id, AWAY, pin=cases.PIN).state == "signed"
    assert "typist-returned" in office.audit()
    assert "cyst" not in office.audit()


@pytest.mark.parametrize("keeps", [False, True])
def test_the_sound_in_the_drop_box_goes_with_the_answer_unless_the_site_keeps_it(
    tmp_path: Path, keeps: bool
) -> None:
    office = Office(tmp_path, keep_sound=keeps)
    try:
        hand_to_typist(office.core, office.draft_id)
        office.type()
        fetch_typed(office.core, office.draft_id)
        assert len(list(office.typing.glob("*.wav"))) == keeps
        assert len(list(office.typing.glob("*.typed.json"))) == 1
        assert office.draft().fields[TYPING_FIELD] == ""
        assert fetch_typed(office.core) == []
    finally:
        office.desk.close()


def test_text_written_meanwhile_stays_and_the_typed_text_stands_behind_it(office: Office) -> None:
    hand_to_typist(office.core, office.draft_id)
    office.desk.save_draft(office.draft_id, office.draft().seq, {"findings": "Normal liver. Large spleen."})
    office.type(sections={"findings": "Normal liver. A cyst."})
    fetch_typed(office.core)
    assert office.findings() == "Normal liver. Large spleen.\n\nNormal liver. A cyst."
    assert [str(one.text) for one in marks_in(office.draft().fields)] == ["A cyst."]


@pytest.mark.parametrize(
    "answer",
    [
        {"job": "00000000-0000-0000-0000-000000000000"},
        {"sections": {}},
        {"sections": {"findings": 3}},
        {"sections": ["findings"]},
        {"sections": {"secrets": "x"}},
    ],
)
def test_an_answer_that_is_another_jobs_or_nonsense_changes_nothing(
    office: Office, answer: dict[str, Any]
) -> None:
    hand_to_typist(office.core, office.draft_id)
    before = office.draft()
    office.type(**answer)
    with pytest.raises((AttentionError, UsageError)) as told:
        fetch_typed(office.core)
    assert told.value.code == "bad-typing"
    assert office.draft() == before
    assert list(office.typing.glob("*.wav"))


def test_a_drive_that_went_away_is_told_and_handing_over_again_is_the_same_again(office: Office) -> None:
    away = office.box.rename(office.box.with_name("away"))
    with pytest.raises(OfflineError):
        hand_to_typist(office.core, office.draft_id)
    away.rename(office.box)
    job = office.draft().fields[TYPING_FIELD].split()[0]
    assert hand_to_typist(office.core, office.draft_id).job == job == office.job()["job"]


def test_the_sound_of_a_draft_that_is_over_is_taken_out_of_the_drop_box(office: Office) -> None:
    hand_to_typist(office.core, office.draft_id)
    office.desk.sign(office.draft_id, AWAY, pin=cases.PIN)
    assert [one.state for one in fetch_typed(office.core)] == ["ended"]
    assert not list(office.typing.glob("*.wav"))


def test_a_site_without_typists_or_without_a_place_for_them_refuses_in_words(tmp_path: Path) -> None:
    for rules, words in (({}, "typists = true"), ({"typists": True}, "shared drive")):
        world = World(tmp_path / str(len(rules)), dictation=rules)
        try:
            draft_id = world.written(world.task(cases.context()))
            ring = dictation.sound_of_draft(world.core, draft_id)
            ring.append(LOUD * 40)
            ring.flush()
            with pytest.raises(UsageError) as refused:
                hand_to_typist(world.core, draft_id)
            assert refused.value.code == "no-typists"
            assert words in refused.value.remedy
        finally:
            world.desk.close()


def test_a_draft_without_sound_is_not_handed_over(office: Office) -> None:
    office.ring.destroy()
    with pytest.raises(UsageError) as refused:
        hand_to_typist(office.core, office.draft_id)
    assert refused.value.code == "no-sound"
    assert not office.typing.exists()
