"""Key images and measurements of a report at a FHIR hub, brought to the archive once the report is there."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest

from teleread.demo.server import DemoServer
from teleread.host.clock import FakeClock
from teleread.hub.fhir import ARCHIVE_FORMS, FhirHub
from teleread.hub.port import KeepsDocuments
from teleread.model.delivery import OutboxItem, Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.evidence import ImageRef, KeyImage, Measurement
from teleread.model.hubfile import parse_hub_file
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText
from tests.contract.hub_fake import FakeHub
from tests.unit.sync_world import HUB, Ticking, World

CT = "1.2.840.10008.5.1.4.1.1.2"
IMAGE = ImageRef("1.2.826.0.1.3680043.10.77.1", "1.2.826.0.1.3680043.10.77.1.1", CT)
KEYS = (KeyImage(IMAGE, SafeText("the leak")),)
LENGTHS = (Measurement(SafeText("Collection"), "42.5", "mm", image=IMAGE),)
SR, KO, MEASURED = (f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (22, 59, 33))


class Shelf(FhirHub):
    """The hub in memory with an archive in memory: what was stored, by its own header."""

    def __init__(self, server: FakeHub, clock: FakeClock) -> None:
        super().__init__(HUB, None, clock, transport=Ticking(server, clock))
        self.archive_forms = ARCHIVE_FORMS
        self.stored: dict[str, tuple[str, str]] = {}
        """SOP Instance UID to SOP class and form."""
        self.troubles: list[Exception | type[BaseException]] = []
        """Raised by the next stores, before anything is there; an OfflineError after it."""
        self.sent = 0

    def store_documents(self, submission: Submission) -> Receipt:
        self.sent += 1
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None and not isinstance(trouble, OfflineError):
            raise trouble
        for form, data in submission.parts.items():
            found = pydicom.dcmread(io.BytesIO(data))
            self.stored[str(found.SOPInstanceUID)] = (str(found.SOPClassUID), form)
        if trouble is not None:
            raise trouble
        return Receipt(SafeText("instances/1"), EMPTY, submission.sha256, "", self._clock.now())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.hub = Shelf(made.server, made.clock)
    yield made
    made.close()


def shelf(world: World) -> Shelf:
    assert isinstance(world.hub, Shelf)
    return world.hub


def signed(world: World, number: int = 1, **marked: Any) -> OutboxItem:
    key = world.offer(number)
    world.claim(key)
    return world.sign(key, **marked)


def documents(world: World) -> list[OutboxItem]:
    return [one for one in world.vault.outbox.list() if one.kind == "documents"]


def test_key_images_and_measurements_follow_their_report_into_the_archive(world: World) -> None:
    report = signed(world, key_images=KEYS, measurements=LENGTHS)
    assert world.push().pushed == 2
    assert {kind for kind, _ in shelf(world).stored.values()} == {SR, KO, MEASURED}
    (item,) = documents(world)
    assert item.state == "delivered"
    assert item.report_id == ""  # what becomes of it is not the report's state
    assert world.vault.reports.get(report.report_id).state == "issued"
    assert world.push(typed=True).pushed == 0
    assert shelf(world).sent == 1


def test_a_report_without_marks_brings_its_text_alone(world: World) -> None:
    signed(world)
    world.push()
    assert [form for _, form in shelf(world).stored.values()] == ["dicom-sr"]


def test_nothing_goes_to_the_archive_before_the_report_has_arrived(world: World) -> None:
    item = signed(world, key_images=KEYS)
    world.server.faults.append("offline")
    world.push()
    assert world.item(item).state == "queued"
    assert documents(world) == []
    world.later()
    assert world.push().pushed == 2
    assert len(shelf(world).stored) == 2


def test_a_crash_around_the_store_brings_the_same_documents_and_no_second_ones(world: World) -> None:
    signed(world, key_images=KEYS)
    for trouble in (OfflineError("No answer.", code="unknown"), OfflineError("No line.", code="offline")):
        shelf(world).troubles.append(trouble)
        world.push(typed=True)
        (item,) = documents(world)
        assert item.state in {"sending", "queued"}
    kept, before = shelf(world).stored, world.hub
    world.restart()
    before.close()
    world.hub = Shelf(world.server, world.clock)
    shelf(world).stored = dict(kept)
    shelf(world).troubles.append(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        world.push(typed=True)
    assert world.push(typed=True).pushed == 1
    assert set(shelf(world).stored) == set(kept)


def test_a_refusal_is_the_documents_own_and_holds_up_no_report(world: World) -> None:
    first = signed(world, key_images=KEYS)
    shelf(world).troubles.append(AttentionError("The archive is full.", code="refused"))
    world.push()
    (item,) = documents(world)
    assert item.state == "needs_attention"
    assert [one.id for one in item.choices] == ["resend", "withdraw"]
    assert world.vault.reports.get(first.report_id).state == "issued"
    later = world.sign(first.key, "More.", on=first.report_id)
    assert world.push().pushed == 1
    assert world.item(later).state == "delivered"


def test_an_addendum_brings_documents_of_its_own(world: World) -> None:
    first = signed(world, key_images=KEYS)
    world.push()
    world.sign(first.key, "More.", on=first.report_id)
    world.push()
    assert [one.state for one in documents(world)] == ["delivered"] * 2
    assert len([form for _, form in shelf(world).stored.values() if form == "dicom-sr"]) == 2


def test_a_site_that_does_not_ask_gets_none_and_one_that_asks_no_more_closes_what_waits(
    world: World,
) -> None:
    signed(world, key_images=KEYS)
    shelf(world).troubles.append(OfflineError("No line.", code="offline"))
    world.push()
    shelf(world).archive_forms = ()
    world.push(typed=True)
    (item,) = documents(world)
    assert item.state == "closed"
    signed(world, 2, key_images=KEYS)
    world.push()
    assert len(documents(world)) == 1


def test_the_hub_file_asks_for_it_and_it_is_off_until_then() -> None:
    table = {"hub_id": "h", "fhir": "https://hub.example/fhir", "dicomweb": "https://pacs.example/dicom-web"}
    assert not parse_hub_file("north", table).archive_documents
    assert parse_hub_file("north", {**table, "archive_documents": True}).archive_documents


def test_a_hub_without_an_archive_refuses_documents_in_words(tmp_path: Path) -> None:
    world = World(tmp_path)
    file = replace(HUB, archive_documents=True)
    hub = FhirHub(file, None, world.clock, transport=world.server, memory=world.vault.hub_secrets)
    assert hub.archive_forms == ()
    nothing = Submission("documents", b"{}", "k", "r", 1, "", TaskKey("hub-1", "t"))
    with pytest.raises(AttentionError, match="takes no DICOM documents"):
        hub.store_documents(nothing)
    hub.close()
    world.close()


def test_the_demo_archive_shows_the_documents_of_a_report_its_hub_has(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "demo", cases=1) as server:
        base = f"http://127.0.0.1:{server.store.note('port HTTP')}/dicom-web"
        world = World(tmp_path / "desk")
        file = replace(HUB, dicomweb=base, archive_documents=True)
        line = Ticking(world.server, world.clock)
        world.hub = FhirHub(file, None, world.clock, transport=line, memory=world.vault.hub_secrets)
        assert isinstance(world.hub, KeepsDocuments)
        signed(world, key_images=KEYS, measurements=LENGTHS)
        assert world.push().pushed == 2
        (item,) = documents(world)
        assert item.receipt is not None
        assert item.receipt.sha256 == world.vault.reports.list()[0].sha256
        context = world.vault.worklist.get(item.key)
        assert context is not None
        assert context.study is not None
        with urllib.request.urlopen(
            f"{base}/studies/{context.study.study_uid}/instances", timeout=20
        ) as told:
            names = {one["00080016"]["Value"][0] for one in json.load(told)}
        assert {SR, KO, MEASURED} <= names
        world.close()
