"""Signing: one transaction of report, outbox row, audit rows and the draft's end; and who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from teleread.documents.frozen import thaw
from teleread.host.clock import FakeClock
from teleread.model.errors import AttentionError, LockedError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.report import Draft, SignedReport
from teleread.model.task import Task
from teleread.model.text import clean
from teleread.reporting.checks import run
from teleread.signing.compose import Case, uuid7
from teleread.signing.keys import Signer, make_key
from teleread.signing.rights import is_mine, may_sign, nothing_forbids
from teleread.signing.sign import sign, undo_until
from teleread.signing.verify import verify_report
from teleread.vault.vault import Vault
from tests.unit import signing_cases as made
from tests.unit import vault_cases

HUB = HubFile(hub_id="hub-7f3c", name="Northgate", reader_id="reader", reader_name="Dr Demo Reader")


class Desk:
    """A vault with a signing key, an open draft, and a signer."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock(made.NOW)
        self.vault: Vault = vault_cases.new_vault(folder, clock=self.clock)
        unwrap = self.vault.pin.check(vault_cases.PIN)
        key = make_key("Dr Demo Reader", made.NOW)
        self.vault.signing_keys.put(
            key.id, key.private_key, unwrap, public_key=key.public_key, certificate=key.certificate
        )
        self.signer = Signer(self.clock)
        self.signer.open(self.vault.signing_keys.private_key(unwrap), key.certificate, 8)

    def start(self, **changes: Any) -> Draft:
        model = made.draft(**changes)
        return self.vault.drafts.start(
            model.key,
            model.template_id,
            model.template_version,
            model.sections,
            kind=model.kind,
            opened_versions=model.opened_versions,
            opened_study_digest=model.opened_study_digest,
        )

    def case(self, draft: Draft, **changes: Any) -> Case:
        base = replace(made.case(**changes), draft=draft)
        found = run(draft, base.context, base.study, base.instances, base.match, base.template)
        return replace(base, checks=found)

    def sign(self, case: Case, hub: HubFile = HUB, authenticated: str = "pin") -> SignedReport:
        return sign(
            self.vault,
            case,
            hub=hub,
            signer=self.signer,
            clock=self.clock,
            authenticated=authenticated,
            zone="Europe/London",
        )

    def kinds(self) -> list[str]:
        return [one.kind for one in self.vault.audit.export()]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.vault.close()


def nothing_happened(desk: Desk, draft: Draft) -> bool:
    return (
        desk.vault.drafts.get(draft.id).state == "open"
        and desk.vault.reports.list() == ()
        and desk.vault.outbox.list() == ()
        and "sign" not in desk.kinds()
    )


def test_a_signature_is_report_outbox_audit_and_the_drafts_end_at_once(desk: Desk) -> None:
    draft = desk.start()
    report = desk.sign(desk.case(draft))
    assert desk.vault.reports.get(report.report_id) == report
    (item,) = desk.vault.outbox.list()
    assert (item.state, item.report_id, item.report_version) == ("queued", report.report_id, 1)
    assert item.idempotency_key == report.idempotency_key == thaw(report.frozen)["idempotency_key"]
    assert item.accession == "NG26-40522"
    assert desk.vault.drafts.get(draft.id).state == "signed"
    (row,) = [one for one in desk.vault.audit.export() if one.kind == "sign"]
    assert row.subject == report.report_id
    assert row.detail["sha256"] == report.sha256
    assert row.detail["authenticated"] == "pin"
    own = {one.public_key for one in desk.vault.signing_keys.list()}
    assert verify_report(report.frozen, report.signature, own).trust == "own"


def test_a_signed_report_is_found_by_its_words(desk: Desk) -> None:
    report = desk.sign(desk.case(desk.start()))
    assert [one.report_id for one in desk.vault.reports.search("abscess okonkwo")] == [report.report_id]


def test_fields_lose_their_brackets_when_signed(desk: Desk) -> None:
    report = desk.sign(desk.case(desk.start()))
    assert thaw(report.frozen)["sections"][1]["text"] == "CT of the abdomen, portal venous phase."


def test_a_check_that_blocks_signs_nothing_and_names_no_patient(desk: Desk) -> None:
    draft = desk.start(findings="Right knee: [?Side].", impression="")
    case = desk.case(draft, match=made.match(images=(made.image(birth_date=clean("1980-01-01")),)))
    with pytest.raises(AttentionError) as caught:
        desk.sign(case)
    assert caught.value.code == "blocked"
    words = str(caught.value)
    assert "Impression is empty." in words
    assert "The date of birth of the order is not the one in the images" in words
    assert "identity-checked" in words
    assert "1980" not in words
    assert nothing_happened(desk, draft)


def test_reasons_are_frozen_and_audited(desk: Desk) -> None:
    draft = desk.start()
    strange = made.match(images=(made.image(birth_date=clean("1980-01-01")),))
    idle = replace(made.CHECKED, rule="no-such-rule")
    report = desk.sign(desk.case(draft, match=strange, overrides=(made.CHECKED, idle)))
    form = thaw(report.frozen)
    assert form["overrides"] == [{"rule": "identity-checked", "reason": made.CHECKED.reason}]
    assert {"rule": "birth-date", "level": "stop"}.items() <= next(
        one for one in form["identity"] if one["rule"] == "birth-date"
    ).items()
    (row,) = [one for one in desk.vault.audit.export() if one.kind == "override"]
    assert (row.detail["rule"], row.detail["reason"]) == ("identity-checked", made.CHECKED.reason)


def test_identity_checked_asks_the_pin_though_the_key_is_open(desk: Desk) -> None:
    draft = desk.start()
    strange = made.match(images=(made.image(birth_date=clean("1980-01-01")),))
    case = desk.case(draft, match=strange, overrides=(made.CHECKED,))
    with pytest.raises(LockedError, match="PIN"):
        desk.sign(case, authenticated="held")
    assert nothing_happened(desk, draft)
    assert desk.sign(case, authenticated="pin").version == 1


def test_a_draft_that_was_changed_meanwhile_is_not_signed(desk: Desk) -> None:
    draft = desk.start()
    case = desk.case(draft)
    desk.vault.drafts.append(draft.id, draft.seq, sections={"impression": "Something else."})
    with pytest.raises(AttentionError) as caught:
        desk.sign(case)
    assert caught.value.code == "stale-draft"
    assert nothing_happened(desk, draft)


def test_a_draft_is_signed_once(desk: Desk) -> None:
    case = desk.case(desk.start())
    desk.sign(case)
    with pytest.raises(AttentionError):
        desk.sign(case)
    assert len(desk.vault.reports.list()) == 1


def test_a_shut_key_signs_nothing(desk: Desk) -> None:
    draft = desk.start()
    desk.signer.close()
    with pytest.raises(LockedError):
        desk.sign(desk.case(draft))
    assert nothing_happened(desk, draft)


@pytest.mark.parametrize("broken", ["reports.add", "outbox.add", "audit.append", "drafts.mark_signed"])
def test_a_failure_in_the_middle_leaves_nothing(
    desk: Desk, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = desk.start()
    case = desk.case(draft)
    store, name = broken.split(".")

    def fail(*_: object, **__: object) -> None:
        raise TelereadError("The disk broke.", code="broken")

    with monkeypatch.context() as patch:
        patch.setattr(getattr(desk.vault, store), name, fail)
        with pytest.raises(TelereadError, match="broke"):
            desk.sign(case)
    assert nothing_happened(desk, draft)
    assert desk.sign(case).version == 1


def addendum(desk: Desk, report: SignedReport, text: str) -> SignedReport:
    model = made.draft(kind="addendum", impression=text)
    draft = desk.vault.drafts.start(
        model.key,
        model.template_id,
        model.template_version,
        model.sections,
        kind="addendum",
        report_id=report.report_id,
    )
    last = desk.vault.reports.get(report.report_id)
    return desk.sign(desk.case(draft, predecessor=last, context=made.context(status=clean("completed"))))


def test_an_addendum_is_the_next_version_of_the_same_report(desk: Desk) -> None:
    first = desk.sign(desk.case(desk.start()))
    second = addendum(desk, first, "See above.")
    assert (second.report_id, second.version, second.kind) == (first.report_id, 2, "addendum")
    assert second.idempotency_key != first.idempotency_key
    assert thaw(second.frozen)["predecessor"]["sha256"] == first.sha256


def test_an_addendum_stands_on_what_was_not_taken_back(desk: Desk) -> None:
    first = desk.sign(desk.case(desk.start()))
    second = addendum(desk, first, "A slip.")
    item = next(one for one in desk.vault.outbox.list() if one.report_version == 2)
    desk.vault.outbox.close(item.id, "taken back")
    third = addendum(desk, first, "As meant.")
    form = thaw(third.frozen)
    assert third.version == 3
    assert form["predecessor"] == {"version": 1, "sha256": first.sha256, "keys": []}
    assert "A slip." not in json.dumps(form)
    assert second.version == 2


def test_nothing_is_added_to_a_report_that_was_taken_back(desk: Desk) -> None:
    first = desk.sign(desk.case(desk.start()))
    desk.vault.outbox.close(desk.vault.outbox.list()[0].id, "taken back")
    with pytest.raises(AttentionError) as caught:
        addendum(desk, first, "More.")
    assert caught.value.code == "nothing-stands"


@pytest.mark.parametrize(
    ("minutes", "priority", "held"),
    [(0, "routine", 0), (3, "routine", 3), (3, "stat", 0), (99, "urgent", 10)],
)
def test_the_undo_window_is_the_sites_and_never_for_stat(minutes: int, priority: str, held: int) -> None:
    until = undo_until(replace(HUB, undo_minutes=minutes), priority, made.NOW)
    assert until == (made.NOW + timedelta(minutes=held) if held else None)


def test_an_undo_window_holds_the_outbox_back(desk: Desk) -> None:
    desk.sign(desk.case(desk.start()), replace(HUB, undo_minutes=3))
    assert desk.vault.outbox.list()[0].state == "held"
    assert desk.vault.outbox.due() == ()
    desk.clock.advance(180)
    assert len(desk.vault.outbox.due()) == 1


def test_keys_sort_by_time_and_are_of_version_7() -> None:
    first, second = uuid7(made.NOW), uuid7(made.NOW + timedelta(milliseconds=1))
    assert first < second
    assert first[14] == "7"
    assert first[19] in "89ab"


# -- rights --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "mine"),
    [
        ("Practitioner/reader", True),
        ("https://hub.example/fhir/Practitioner/reader", True),
        ("Practitioner/reader/_history/3", True),
        ("Practitioner/reader2", False),
        ("Practitioner/xreader", False),
        ("PractitionerRole/reader", False),
        ("reader", False),
        ("", False),
    ],
)
def test_a_task_is_mine_only_by_its_owner(owner: str, mine: bool) -> None:
    task = Task(clean("t"), clean("1"), clean("in-progress"), owner=clean(owner))
    assert is_mine(task, "Practitioner/reader") is mine
    assert not is_mine(task, "")


@pytest.mark.parametrize(
    ("task", "hub", "kind", "allowed"),
    [
        ({}, {}, "report", True),
        ({"status": clean("requested"), "owner": clean("")}, {}, "report", True),
        ({"owner": clean("Practitioner/other")}, {}, "report", False),
        ({"status": clean("cancelled")}, {}, "report", False),
        ({"status": clean("completed")}, {}, "report", False),
        ({"status": clean("completed")}, {}, "addendum", True),
        ({"status": clean("completed"), "owner": clean("Practitioner/other")}, {}, "addendum", False),
        ({}, {"rights": ("report",)}, "report", False),
        ({}, {"rights": ("report",)}, "addendum", False),
        ({}, {"reader_id": ""}, "report", False),
    ],
)
def test_rights_owner_and_state_decide_who_signs(
    task: dict[str, Any], hub: dict[str, Any], kind: str, allowed: bool
) -> None:
    answer, why = may_sign(replace(HUB, **hub), made.context(**task), kind=kind)
    assert answer is allowed
    assert bool(why) is not allowed


def test_a_case_of_somebody_else_is_forbidden_in_words_and_signs_nothing(desk: Desk) -> None:
    draft = desk.start()
    theirs = made.context(owner=clean("Practitioner/reid"), owner_name=clean("Dr P Reid"))
    assert nothing_forbids(HUB, theirs) == (False, "It is Dr P Reid's case.")
    with pytest.raises(AttentionError) as caught:
        desk.sign(desk.case(draft, context=theirs))
    assert caught.value.code == "forbidden"
    assert nothing_happened(desk, draft)
