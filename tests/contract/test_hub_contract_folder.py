"""What a drop box has to give: the Hub port over a folder, with sites that write as they please."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from teleread.host.clock import FakeClock
from teleread.hub.folder import FolderHub
from teleread.model.delivery import Submission
from teleread.model.errors import AttentionError, OfflineError, TelereadError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskContext, TaskKey
from teleread.sync.notes import note_submission
from teleread.vault.secrets import MemorySecrets
from tests.contract.hub_cases import new_id, note_item

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
KEY = TaskKey("hub-1", "A1")
PERSON = {
    "id": "N000001",
    "issuer": "https://north.example/id",
    "name": "Testwell^Ada^Bea",
    "birth_date": "1970-01-02",
    "sex": "F",
    "nhs_number": "999 000 0018",
    "nhs_status": "01",
}
ORDER: dict[str, Any] = {
    "accession": "A1",
    "priority": "urgent",
    "due": "2026-11-24T08:00:00Z",
    "procedure": "XR Knee Left",
    "procedure_code": "XKNEL",
    "body_part": "knee",
    "laterality": "left",
    "question": "Fell. Fracture?\nSecond line",
    "requester": "Dr Sender",
    "study_uid": "1.2.3.4",
    "modality": "CR",
    "instances": 2,
    "patient": PERSON,
}


class Kept:
    """Values by hub and name, as the vault keeps them."""

    def __init__(self) -> None:
        self._held = MemorySecrets()
        self._names: list[str] = []

    def get(self, hub_id: str, name: str) -> str | None:
        return self._held.get(name)

    def put(self, hub_id: str, name: str, value: str) -> None:
        self._held.put(name, value)
        self._names = [*dict.fromkeys([*self._names, name])]

    def names(self, hub_id: str) -> tuple[str, ...]:
        return tuple(self._names)

    def delete(self, hub_id: str, name: str) -> None:
        self._names.remove(name)


class Box:
    """A drop box, and what others do in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock(NOW)
        self._tick = 0
        (root / "orders").mkdir()

    def hub(self, reader: str = "reader", **more: Any) -> FolderHub:
        file = HubFile(
            hub_id="hub-1",
            name="TEST",
            folder=str(self.root),
            reader_id=reader,
            reader_name=f"Dr {reader}",
            **more,
        )
        return FolderHub(file, None, self.clock, memory=Kept())

    def put(self, name: str, content: object) -> None:
        """A file of the site, later than those before it."""
        path = self.root / "orders" / name
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)
        self._tick += 1
        os.utime(path, (1_800_000_000 + self._tick, 1_800_000_000 + self._tick))


@pytest.fixture
def box(tmp_path: Path) -> Box:
    one = Box(tmp_path)
    one.put("a.json", ORDER)
    return one


def sent(context: TaskContext, text: str = "No fracture.", **more: Any) -> Submission:
    frozen = json.dumps({"text": text}).encode()
    made = Submission(
        form="documents",
        body=frozen,
        key=new_id(),
        report_id=new_id(),
        version=1,
        sha256=hashlib.sha256(frozen).hexdigest(),
        task=context.key,
        parts={"text": text.encode(), "pdf": b"%PDF-" + text.encode()},
        author="Dr reader",
        signed_at=NOW,
    )
    return replace(made, **more)


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(TelereadError) as caught:
        act()
    return caught.value.code


def pulled(hub: FolderHub, cursor: str = "") -> dict[str, TaskContext]:
    return {one.key.task_id: one for page in hub.pull(cursor) for one in page.contexts}


def test_an_order_in_json_comes_with_patient_and_study(box: Box) -> None:
    context = pulled(box.hub())["A1"]
    assert (context.task.status, context.task.owner, context.task.priority) == ("requested", "", "urgent")
    assert context.task.due == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert (context.order.accession, context.order.procedure_code) == ("A1", "XKNEL")
    assert (context.order.laterality, context.order.question) == ("LEFT", "Fell. Fracture?\nSecond line")
    assert (context.patient.name, context.patient.birth_date) == ("Testwell^Ada^Bea", "1970-01-02")
    assert context.patient.nhs is not None
    assert (context.patient.nhs.value, context.patient.nhs.status) == ("9990000018", "01")
    assert context.study is not None
    assert (context.study.study_uid, context.study.instances) == ("1.2.3.4", 2)
    assert all((context.versions.task, context.versions.order, context.versions.patient))


def test_a_list_in_csv_is_read_whatever_parts_its_cells(box: Box) -> None:
    for mark in (",", ";", "\t"):
        head = mark.join(("accession", "procedure", "patient_id", "patient_name", "patient_birth_date"))
        row = mark.join((f"C{ord(mark)}", "CT Head", "N7", "Müller^Zoë", "1960-01-01"))
        box.put(f"{ord(mark)}.csv", f"\ufeff{head}\r\n{row}\r\n".encode())
    found = pulled(box.hub())
    assert {found[f"C{ord(mark)}"].patient.name for mark in ",;\t"} == {"Müller^Zoë"}


def test_a_list_that_is_half_written_waits_and_the_rest_is_good(box: Box) -> None:
    box.put("half.csv", b"accession,procedure,patient_id\nH1,CT He")
    box.put("half.json", b'{"accession": "H2"')
    box.put("nobody.json", {"accession": "H3"})
    (page,) = box.hub().pull("")
    assert [one.key.task_id for one in page.contexts] == ["A1"]
    assert {words.split(":")[0] for words in page.skipped} == {"half.csv", "half.json", "nobody.json"}


def test_a_later_file_amends_the_order_and_only_its_version_moves(box: Box) -> None:
    hub = box.hub()
    before = hub.read(KEY)
    box.put("b.json", {**ORDER, "laterality": "right"})
    after = hub.read(KEY)
    assert before.versions.changed(after.versions) == ("order",)
    assert after.order.laterality == "RIGHT"


def test_hl7_orders_are_placed_changed_and_called_off(box: Box) -> None:
    head = "MSH|^~\\&|RIS|NORTH|||20261124040000+0000||{}|{}|P|2.5.1\r"
    pid = "PID|1||N9^^^NORTH^MR~9990000026^^^NHS^NH||Probe^Max||19500203|M\r"
    body = "ORC|{}|P9||||||||||^Sender^Sam\rOBR|1|P9|F9|CTABD^CT abdomen^L|S|||||||||||||ACC9\r"
    hub = box.hub()
    box.put("1.hl7", (head.format("ORM^O01", "1") + pid + body.format("NW")).encode())
    placed = hub.read(TaskKey("hub-1", "P9"))
    assert (placed.order.accession, placed.order.procedure, placed.task.priority) == (
        "ACC9",
        "CT abdomen",
        "stat",
    )
    assert (placed.patient.name, placed.patient.birth_date) == ("Probe^Max", "1950-02-03")
    assert placed.order.requester == "Sam Sender"
    box.put("2.hl7", (head.format("ADT^A08", "2") + pid.replace("19500203", "19500204")).encode())
    assert hub.read(placed.key).versions.changed(placed.versions) == ("patient",)
    merge = head.format("ADT^A40", "3") + pid.replace("N9^", "N10^") + "MRG|N9^^^NORTH^MR\r"
    box.put("3.hl7", merge.encode())
    merged = hub.read(placed.key)
    assert merged.patient.id != placed.patient.id
    assert placed.patient.id in merged.patient.linked_ids
    box.put("4.hl7", (head.format("ORM^O01", "4") + pid + "ORC|CA|P9\r").encode())
    cancelled = hub.read(placed.key)
    assert (cancelled.task.status, cancelled.order.status) == ("cancelled", "revoked")
    assert cancelled.order.procedure == "CT abdomen"


def test_a_first_pull_leaves_out_what_ended_and_a_later_one_tells_it(box: Box) -> None:
    hub = box.hub()
    assert "A1" in pulled(hub)
    box.put("b.json", {**ORDER, "status": "cancelled"})
    assert "A1" not in pulled(hub)
    assert pulled(hub, "later")["A1"].task.status == "cancelled"


def test_a_claim_is_seen_by_everybody_and_can_be_given_back(box: Box) -> None:
    hub, other = box.hub(), box.hub("other")
    claimed = hub.claim(hub.read(KEY))
    assert (claimed.task.status, claimed.task.owner) == ("in-progress", "Practitioner/reader")
    assert hub.claim(claimed).task.version == claimed.task.version
    assert other.read(KEY).task.owner_name == "Dr reader"
    assert code_of(lambda: other.claim(other.read(KEY))) == "claim-lost"
    assert code_of(lambda: other.give_back(other.read(KEY), "110513", "")) == "claim-lost"
    returned = hub.give_back(claimed, "110532", "Needs an expert")
    assert (returned.task.status, returned.task.owner) == ("requested", "")
    assert returned.raw["task"]["statusReason"]["coding"][0]["code"] == "110532"
    assert hub.give_back(returned, "110532", "Needs an expert").task.version == returned.task.version
    assert other.claim(other.read(KEY)).task.owner == "Practitioner/other"


def test_of_many_readers_who_claim_at_once_one_wins(box: Box) -> None:
    for number in range(10):
        box.put(f"r{number}.json", {**ORDER, "accession": f"R{number}"})
    hubs = [box.hub(f"reader{one}") for one in range(4)]

    def claim(hub: FolderHub, task: str) -> str:
        try:
            return hub.claim(hub.read(TaskKey("hub-1", task))).task.owner
        except AttentionError as refusal:
            return refusal.code

    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            task = f"R{number}"
            told = list(pool.map(claim, hubs, [task] * 4))
            assert told.count("claim-lost") == 3
            (owner,) = set(told) - {"claim-lost"}
            assert hubs[0].read(TaskKey("hub-1", task)).task.owner == owner


def test_a_claim_whose_lease_ran_out_is_told_and_can_be_taken_over(box: Box) -> None:
    hub, other = box.hub(), box.hub("other")
    hub.claim(hub.read(KEY))
    box.clock.advance(7 * 3600)
    list(hub.pull(""))  # more than half is over: renewed
    box.clock.advance(11 * 3600)
    assert other.read(KEY).task.owner == "Practitioner/reader"
    box.clock.advance(2 * 3600)
    (page,) = other.pull("")
    assert page.skipped == ("A1: the claim of Dr reader ran out 1 h ago; it is free",)
    assert other.claim(other.read(KEY)).task.owner == "Practitioner/other"
    assert code_of(lambda: hub.submit(sent(hub.read(KEY)))) == "claim-lost"


def test_a_claim_that_was_left_half_written_holds_for_minutes_only(box: Box) -> None:
    hub = box.hub()
    hub.health()
    torn = box.root / "claims" / "A1.000001.json"
    torn.write_bytes(b'{"status":')
    os.utime(torn, (NOW.timestamp(), NOW.timestamp()))
    assert code_of(lambda: hub.claim(hub.read(KEY))) == "claim-lost"
    box.clock.advance(6 * 60)
    assert hub.claim(hub.read(KEY)).task.owner == "Practitioner/reader"


def test_a_report_is_delivered_once_and_read_back(box: Box) -> None:
    hub = box.hub()
    one = sent(hub.claim(hub.read(KEY)))
    first, second = hub.submit(one), hub.submit(one)
    assert (first.id, first.version, first.sha256) == (second.id, second.version, one.sha256)
    assert first.task_status == "completed"
    stem = f"A1_{one.report_id[:8]}_v1"
    assert sorted(path.name for path in (box.root / "reports").iterdir()) == [f"{stem}.pdf", f"{stem}.txt"]
    assert (box.root / "reports" / f"{stem}.txt").read_bytes() == one.parts["text"]
    assert hub.read(KEY).task.status == "completed"
    found = hub.find("", one.key)
    assert found is not None
    assert (found.receipt.id, found.receipt.version, one.report_id in found.keys) == (
        first.id,
        first.version,
        True,
    )
    assert hub.find(new_id(), new_id()) is None


def test_what_the_reader_tells_with_a_report_stands_in_its_receipt(box: Box) -> None:
    hub = box.hub()
    hub.submit(sent(hub.claim(hub.read(KEY)), note="The order was cancelled after it was read."))
    (manifest,) = (box.root / "receipts").iterdir()
    assert json.loads(manifest.read_bytes())["note"] == "The order was cancelled after it was read."


def test_a_crash_between_the_documents_and_the_receipt_ends_with_one_report(box: Box) -> None:
    hub = box.hub()
    one = sent(hub.claim(hub.read(KEY)))
    hub.submit(one)
    (manifest,) = (box.root / "receipts").iterdir()
    whole = manifest.read_bytes()
    for left in (b"", whole[:40]):
        manifest.write_bytes(left)
        assert hub.find(one.report_id, one.key) is None
        assert hub.read(KEY).task.status == "in-progress"
        assert hub.submit(one).sha256 == one.sha256
    manifest.unlink()
    assert hub.submit(one).sha256 == one.sha256
    assert len(list((box.root / "reports").iterdir())) == 2


def test_a_document_the_site_took_away_is_delivered_and_one_that_was_changed_is_not(box: Box) -> None:
    hub = box.hub()
    one = sent(hub.claim(hub.read(KEY)))
    receipt = hub.submit(one)
    for path in (box.root / "reports").iterdir():
        path.rename(box.root / path.name)
    assert set(hub.holding({one.report_id: receipt.id})) == {one.report_id}
    (box.root / "reports" / f"A1_{one.report_id[:8]}_v1.txt").write_bytes(b"No fracture")
    assert hub.holding({one.report_id: receipt.id}) == {}
    hub.submit(one)
    assert set(hub.holding({one.report_id: receipt.id})) == {one.report_id}


def test_later_versions_follow_their_predecessor_and_no_other(box: Box) -> None:
    hub = box.hub()
    one = sent(hub.claim(hub.read(KEY)))
    receipt = hub.submit(one)
    more: dict[str, Any] = {"report_id": one.report_id, "version": 2}
    strange = sent(hub.read(KEY), "More.", predecessor="1-000000000000", **more)
    assert code_of(lambda: hub.submit(strange)) == "changed"
    later = sent(hub.read(KEY), "More.", predecessor=str(receipt.version), **more)
    second = hub.submit(later)
    assert (second.id, second.sha256) == (receipt.id, later.sha256)
    assert second.version != receipt.version
    third = sent(hub.read(KEY), "Another.", predecessor=str(receipt.version), **more)
    assert code_of(lambda: hub.submit(third)) == "changed"
    other = sent(hub.read(KEY), "Another.", report_id=one.report_id)
    assert code_of(lambda: hub.submit(other)) == "other-report"
    assert len(list((box.root / "receipts").iterdir())) == 2


def test_somebody_elses_report_on_the_case_is_seen_with_its_words(box: Box) -> None:
    hub, other = box.hub(), box.hub("other")
    theirs = sent(other.claim(other.read(KEY)), "Fracture.", author="Dr other")
    receipt = other.submit(theirs)
    context = hub.read(KEY)
    assert [(one.author, one.text) for one in hub.other_reports(context)] == [("Dr other", "Fracture.")]
    assert hub.other_reports(context, {theirs.report_id}) == ()
    assert hub.other_reports(context, {receipt.id}) == ()
    box.put("b.json", {**ORDER, "accession": "A2"})
    assert [one.text for one in hub.priors(hub.read(TaskKey("hub-1", "A2")))[1]] == ["Fracture."]


def test_an_order_the_site_cleared_away_can_still_be_reported_by_whoever_claimed_it(box: Box) -> None:
    hub = box.hub()
    claimed = hub.claim(hub.read(KEY))
    (box.root / "orders" / "a.json").unlink()
    kept = hub.read(KEY)
    assert kept.versions == claimed.versions
    assert hub.submit(sent(kept)).task_status == "completed"
    assert code_of(lambda: box.hub("other").read(KEY)) == "gone"


def test_a_drive_that_is_away_is_off_line_and_is_not_made_anew(box: Box, tmp_path: Path) -> None:
    hub = box.hub()
    context = hub.claim(hub.read(KEY))
    tmp_path.rename(tmp_path.with_name("away"))
    try:
        for act in (hub.health, lambda: list(hub.pull("")), lambda: hub.submit(sent(context))):
            with pytest.raises(OfflineError):
                act()
        assert not tmp_path.exists()
    finally:
        tmp_path.with_name("away").rename(tmp_path)
    assert hub.health().capabilities.protocol == "folder"


def test_names_that_are_no_file_names_stay_inside_the_drop_box(box: Box) -> None:
    for number, name in enumerate(("../../etc/passwd", "a/b", ".", "\u202enul\x00", "x" * 300)):
        box.put(f"n{number}.json", {**ORDER, "accession": name, "id": name})
    hub = box.hub()
    before = set(box.root.parent.rglob("*"))
    for key in pulled(hub):
        context = hub.claim(hub.read(TaskKey("hub-1", key)))
        hub.submit(sent(context))
    outside = [one for one in set(box.root.parent.rglob("*")) - before if not one.is_relative_to(box.root)]
    assert outside == []


def test_a_note_is_there_once_however_often_it_is_sent(box: Box) -> None:
    hub = box.hub()
    context = hub.claim(hub.read(KEY))
    note = note_submission(note_item(context), context, "Practitioner/reader", NOW)
    first, second = hub.send_note(note), hub.send_note(note)
    assert (first.id, first.sha256) == (second.id, note.sha256)
    (path,) = (box.root / "notes").iterdir()
    assert json.loads(path.read_bytes())["text"] == "Dr Ward was told."


def test_a_form_that_is_none_is_refused_when_the_hub_file_is_read(box: Box) -> None:
    with pytest.raises(UsageError, match="fax"):
        box.hub(forms=("text", "fax"))
