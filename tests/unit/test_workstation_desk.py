"""The use cases on a vault with made-up cases and a clock that moves when told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from teleread.host.clock import FakeClock
from teleread.model.delivery import OutboxItem
from teleread.model.errors import AttentionError, LockedError, OfflineError, UsageError
from teleread.model.report import Override, SignedReport
from teleread.model.task import TaskContext, TaskKey
from teleread.model.text import SafeText, clean
from teleread.workstation.core import Core
from teleread.workstation.desk import Desk
from teleread.workstation.drafts import find_draft
from teleread.workstation.hubfiles import write_hub_file
from teleread.workstation.setup import Secrets, make_signing_key
from tests.unit import vault_cases as cases

READER = "Practitioner/reader"
AWAY = (
    Override("study-not-held", SafeText("read elsewhere")),
    Override("identity-unknown", SafeText("seen")),
)


class World:
    """A desk with one hub and a few tasks."""

    def __init__(self, folder: Path, /, **hub: object) -> None:
        self.clock = FakeClock(cases.START)
        self.vault = cases.new_vault(folder, clock=self.clock)
        secrets = Secrets(cases.PASSPHRASE, cases.PIN, use_keyring=False)
        make_signing_key(self.vault, secrets, "Dr Test", self.clock)
        paths = self.vault.paths
        values = {
            "hub_id": cases.HUB,
            "fhir": "http://127.0.0.1:1/fhir",
            "reader_id": READER,
            "reader_name": "Dr Test",
            "site_phone": "01632 960 001",
        }
        write_hub_file(paths, "north", {**values, **hub})
        self.core = Core(paths, self.vault, self.clock)
        self.desk = Desk(self.core)

    def task(self, context: TaskContext, owner: str = READER) -> TaskKey:
        """Put a task into the list."""
        task = replace(
            context.task, owner=clean(owner), status=clean("in-progress" if owner else "requested")
        )
        self.vault.worklist.put_page(cases.HUB, [replace(context, task=task)], self.clock.now())
        return context.key

    def written(self, key: TaskKey) -> str:
        """A draft with findings and impression."""
        draft = self.desk.start_draft(key)
        texts = {"technique": "Contrast.", "findings": "Normal liver.", "impression": "No abnormality."}
        self.desk.save_draft(draft.id, draft.seq, texts)
        return draft.id

    def signed(self, key: TaskKey) -> SignedReport:
        """A signed report on it."""
        return self.desk.sign(self.written(key), AWAY, pin=cases.PIN)

    def item(self, report: SignedReport) -> OutboxItem:
        """Its outbox item."""
        return next(one for one in self.desk.outbox() if one.report_id == report.report_id)


@pytest.fixture
def patient_hub(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, undo_minutes=3, sign_again_hours=1.0)
    yield made
    made.desk.close()


def test_an_unowned_open_task_is_signable_and_somebody_elses_is_not(world: World) -> None:
    free = world.task(cases.context("free"), owner="")
    theirs = world.task(cases.context("theirs"), owner="Practitioner/other")
    mine = world.task(cases.context("mine"))
    found = {one.key: one for one in world.desk.items()}
    assert (found[free].signable, found[free].mine) == (True, False)
    assert (found[mine].signable, found[mine].mine) == (True, True)
    assert found[theirs].signable is False
    assert "has it" in found[theirs].why_not


def test_an_owner_by_absolute_reference_is_this_reader_too(world: World) -> None:
    key = world.task(cases.context(), owner="https://hub.example/fhir/Practitioner/reader")
    assert world.desk.item(key).mine is True


def test_a_cancelled_task_is_not_signable(world: World) -> None:
    context = cases.context()
    cancelled = replace(context, task=replace(context.task, status=clean("cancelled")))
    world.vault.worklist.put_page(cases.HUB, [cancelled], world.clock.now())
    assert world.desk.items()[0].signable is False


def test_a_task_is_named_by_hub_and_id_and_an_unknown_one_is_refused(world: World) -> None:
    key = world.task(cases.context())
    assert world.desk.resolve_task("north:task-1") == key
    assert world.desk.resolve_task("task-1") == key
    for wrong in ("south:task-1", "north:task-2", "", ":"):
        with pytest.raises(UsageError):
            world.desk.resolve_task(wrong)


def test_the_report_state_follows_draft_signature_and_withdrawal(world: World) -> None:
    key = world.task(cases.context())
    assert world.desk.item(key).report_state is None
    draft = world.written(key)
    assert (world.desk.item(key).report_state, world.desk.item(key).draft) == ("draft", draft)
    report = world.desk.sign(draft, AWAY, pin=cases.PIN)
    assert world.desk.item(key).report_state == "signed"
    world.vault.outbox.mark_sending(world.item(report).id)
    world.vault.outbox.mark_needs_attention(world.item(report).id, "The order was cancelled.", ["withdraw"])
    assert world.desk.item(key).report_state == "needs_attention"
    with pytest.raises(UsageError):
        world.desk.outbox_resolve(world.item(report).id, "withdraw")
    world.desk.outbox_resolve(world.item(report).id, "withdraw", "Not wanted any more.")
    assert world.item(report).state == "closed"
    assert world.desk.item(key).report_state is None


def test_a_second_report_on_a_reported_task_is_refused_with_the_way_to_add(world: World) -> None:
    key = world.task(cases.context())
    report = world.signed(key)
    with pytest.raises(AttentionError) as caught:
        world.desk.start_draft(key)
    assert report.report_id in caught.value.remedy


def test_an_empty_impression_blocks_and_a_reason_lifts_it(world: World) -> None:
    key = world.task(cases.context())
    draft = world.desk.start_draft(key)
    world.desk.save_draft(draft.id, draft.seq, {"technique": "CT.", "findings": "Normal.", "impression": ""})
    assert any(one.id == "empty-impression" for one in world.desk.checks(draft.id))
    with pytest.raises(AttentionError) as caught:
        world.desk.sign(draft.id, AWAY, pin=cases.PIN)
    assert caught.value.code == "blocked"
    lifted = [*AWAY, *(Override(one.id, SafeText("said why")) for one in world.desk.checks(draft.id))]
    assert world.desk.sign(draft.id, lifted, pin=cases.PIN).version == 1


def test_a_wrong_pin_signs_nothing_and_is_counted(world: World) -> None:
    draft = world.written(world.task(cases.context()))
    with pytest.raises(LockedError) as caught:
        world.desk.sign(draft, AWAY, pin="000000")
    assert "4" in str(caught.value)
    assert world.desk.reports() == ()
    with pytest.raises(LockedError):
        world.desk.sign(draft, AWAY)


def test_the_key_stays_open_for_the_sites_time_and_no_longer(patient_hub: World) -> None:
    world = patient_hub
    first, second, third = (world.task(cases.context(f"t{n}", accession=f"A{n}")) for n in range(3))
    world.signed(first)
    draft = world.written(second)
    assert world.desk.sign_sheet(draft, AWAY).needs_pin is False
    world.desk.sign(draft, AWAY)
    world.clock.advance(3601)
    late = world.written(third)
    assert world.desk.sign_sheet(late, AWAY).needs_pin is True
    with pytest.raises(LockedError):
        world.desk.sign(late, AWAY)


def test_the_sheet_asks_the_day_of_birth_else_the_accession_else_the_pin(world: World) -> None:
    draft = world.written(world.task(cases.context()))
    sheet = world.desk.sign_sheet(draft)
    assert (sheet.challenge, sheet.answer) == ("day", "03")
    context = cases.context("partial", accession="NG2641")
    partial = replace(context, patient=replace(context.patient, birth_date=clean("1931")))
    second = world.desk.sign_sheet(world.written(world.task(partial)))
    assert (second.challenge, second.answer) == ("accession", "41")
    bare = cases.context("bare", accession="NONE")
    bare = replace(bare, patient=replace(bare.patient, birth_date=clean("")))
    assert world.desk.sign_sheet(world.written(world.task(bare))).challenge == "pin"


def test_a_signature_is_taken_back_inside_its_window_only(patient_hub: World) -> None:
    world = patient_hub
    key = world.task(cases.context())
    report = world.signed(key)
    assert world.item(report).state == "held"
    draft = world.desk.undo_sign(world.item(report).id)
    assert draft.state == "open"
    assert [one.text for one in draft.sections if one.id == "findings"] == ["Normal liver."]
    assert world.item(report).state == "closed"
    again = world.desk.sign(draft.id, AWAY, pin=cases.PIN)
    world.clock.advance(181)
    assert world.item(again).state == "queued"
    with pytest.raises(AttentionError):
        world.desk.undo_sign(world.item(again).id)
    kinds = [one.kind for one in world.vault.audit.export()]
    assert kinds.count("sign") == 2
    assert "undo-sign" in kinds


def test_a_stat_report_has_no_window_and_raises_the_line_until_somebody_is_told(patient_hub: World) -> None:
    world = patient_hub
    report = world.signed(world.task(cases.context(priority="stat")))
    assert world.item(report).state == "queued"
    assert world.desk.status().escalations == ()
    world.clock.advance(601)
    lines = world.desk.status().escalations
    assert [one.report_id for one in lines] == [report.report_id]
    assert "01632 960 001" in lines[0].text
    assert cases.NAME.split("^")[0] not in lines[0].text
    world.desk.outbox_told(world.item(report).id, "Dr Ward", "12:30")
    assert world.desk.status().escalations == ()
    assert "told" in [one.kind for one in world.vault.audit.export()]


def test_an_addendum_opens_once_and_by_its_own_name(world: World) -> None:
    key = world.task(cases.context())
    report = world.signed(key)
    draft = world.desk.addendum(report.report_id)
    assert world.desk.addendum(report.report_id).id == draft.id
    assert find_draft(world.core, draft.id) == draft.id
    assert find_draft(world.core, "north:task-1") == draft.id


def test_a_draft_held_by_another_window_is_read_only_until_taken_over(world: World) -> None:
    key = world.task(cases.context())
    other = Desk(Core(world.vault.paths, world.vault, world.clock))
    draft = world.desk.start_draft(key)
    opened = other.open_case(key)
    assert opened.draft_writable is False
    with pytest.raises(AttentionError):
        other.save_draft(draft.id, draft.seq, {"findings": "Mine now."})
    taken = other.take_draft(draft.id)
    other.save_draft(draft.id, taken.seq, {"findings": "Mine now."})
    with pytest.raises(AttentionError):
        world.desk.save_draft(draft.id, draft.seq, {"findings": "No, mine."})


def test_opening_a_case_is_audited_and_needs_no_images(world: World) -> None:
    key = world.task(cases.context())
    case = world.desk.open_case(key)
    assert case.series == ()
    assert case.match.level in {"unknown", "ok"}
    assert "view" in [one.kind for one in world.vault.audit.export()]


def test_a_locked_window_opens_by_pin_or_passphrase_and_not_by_anything_else(world: World) -> None:
    world.task(cases.context())
    world.desk.lock()
    assert world.desk.locked() is True
    with pytest.raises(LockedError):
        world.desk.items()
    with pytest.raises(LockedError):
        world.desk.unlock("not it")
    world.desk.unlock(cases.PASSPHRASE)
    assert world.desk.locked() is False
    assert len(world.desk.items()) == 1


def test_a_lock_elsewhere_is_noticed(world: World) -> None:
    from teleread.workstation.lockout import lock

    assert world.desk.locked() is False
    lock(world.vault.paths)
    assert world.desk.locked() is True


def test_offline_asks_nobody_and_notes_a_claim(world: World) -> None:
    key = world.task(cases.context(), owner="")
    world.core.offline = True
    with pytest.raises(OfflineError):
        world.desk.claim(key)
    noted = world.vault.claims.get(key)
    assert noted is not None
    assert noted.state == "wanted"
    told = world.desk.sync()
    assert told["offline"] is True
    with pytest.raises(OfflineError):
        world.desk.fetch(cases.HUB, cases.STUDY)


def test_giving_back_what_was_only_noted_forgets_the_wish(world: World) -> None:
    key = world.task(cases.context(), owner="")
    world.vault.claims.put(key, "wanted")
    world.desk.give_back(key, "110513")
    assert world.vault.claims.get(key) is None


def test_a_report_verifies_and_is_found_by_its_words(world: World) -> None:
    report = world.signed(world.task(cases.context()))
    verdict = world.desk.verify(report.report_id)
    assert (verdict.valid, verdict.trust) == (True, "own")
    assert [one.report_id for one in world.desk.reports("normal liver")] == [report.report_id]
    assert list(world.desk.reports("nonsense")) == []


def test_discarding_needs_a_reason_and_keeps_the_text_in_the_trash(world: World) -> None:
    draft = world.written(world.task(cases.context()))
    with pytest.raises(UsageError):
        world.desk.discard_draft(draft, "  ")
    world.desk.discard_draft(draft, "Wrong case.")
    assert world.desk.draft(draft).state == "discarded"
    assert world.vault.drafts.restore(draft).state == "open"
