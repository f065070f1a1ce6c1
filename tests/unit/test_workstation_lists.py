"""Hubs whose list comes over DIMSE: how they are set up, made, and where their reports go."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from teleread.host.clock import FakeClock, SystemClock
from teleread.host.paths import ProfilePaths
from teleread.hub.hl7_results import Hl7Results
from teleread.hub.mwl import MwlHub
from teleread.hub.mwl_reports import MwlReports
from teleread.hub.ups_dimse import UpsDimseHub
from teleread.hub.ups_memory import Stored
from teleread.model.delivery import Submission
from teleread.model.errors import AttentionError, UsageError
from teleread.model.hubfile import HubFile, parse_hub_file
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText
from teleread.wire.hl7_acks import Ack
from teleread.workstation.core import Core
from teleread.workstation.setup import HubAnswers, set_up
from teleread.workstation.sites import Sites
from tests.contract.hub_cases import new_id
from tests.contract.ups_double import Keys

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
HERE = "RIS@127.0.0.1:104"


def made(**table: Any) -> Any:
    """The adapter that a hub file leads to."""
    hub = parse_hub_file("north", {"hub_id": "hub", **table})
    core = SimpleNamespace(
        hubs=(hub,),
        hub=lambda hub_id: hub,
        vault=SimpleNamespace(hub_secrets=Keys()),
        clock=SystemClock(),
    )
    return Sites(cast(Core, core)).hub("hub")


def test_a_hub_file_leads_to_the_adapter_of_its_list() -> None:
    assert isinstance(made(mwl=HERE, dimse=HERE), MwlHub)
    assert isinstance(made(ups=HERE, dimse=HERE), UpsDimseHub)
    assert isinstance(made(mwl=HERE, dicomweb="https://pacs.example/dicom-web"), MwlHub)
    both = made(mwl=HERE, hl7="127.0.0.1:2575", mwl_options={"days_back": 2})
    assert isinstance(both, MwlHub)
    assert both.forms == ("hl7v2",)
    assert made(mwl=HERE, dimse=HERE, hl7="127.0.0.1:2575").forms == ("dicom-sr", "dicom-pdf", "hl7v2")


@pytest.mark.parametrize("kind", ["mwl", "ups"])
def test_a_list_without_a_place_for_reports_is_not_set_up(tmp_path: Any, kind: str) -> None:
    paths = ProfilePaths("default", tmp_path / "config", tmp_path / "data", tmp_path / "logs")
    answers = replace(HubAnswers(name="north"), **cast(Any, {kind: HERE}))
    with pytest.raises(UsageError, match="nowhere for reports"):
        set_up(paths, answers)
    with pytest.raises(UsageError, match="form AET@HOST:PORT"):
        set_up(paths, replace(answers, **cast(Any, {kind: "nowhere"})))


class Archive:
    """An archive in memory (`teleread.hub.document_delivery.Documents`)."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.stored = 0

    def store(self, study_uid: str, files: list[bytes]) -> None:
        del study_uid
        self.stored += len(files)
        self.held |= {f"file {len(one)}" for one in files}

    def holds(self, document: Stored) -> str | None:
        return document.sha256 if self.stored else None

    def words_of(self, study_uid: str, series_uid: str, sop_uid: str) -> str:
        del study_uid, series_uid, sop_uid
        return ""

    def studies(self, patient_id: str, issuers: frozenset[str]) -> list[Any]:
        del patient_id, issuers
        return []

    def close(self) -> None:
        pass


def report(**more: Any) -> Submission:
    """A version with its documents and its HL7 message."""
    from tests.contract.ups_cases import _file

    study = SimpleNamespace(study_uid="1.2.3")
    patient = SimpleNamespace(primary=None, name="Testwell^Ada")
    context: Any = SimpleNamespace(study=study, patient=patient)
    frozen = b'{"text": "No fracture."}'
    digest = hashlib.sha256(frozen).hexdigest()
    mark = f"teleread.report/1 form=dicom-sr sha256={digest}"
    sr = _file(context, "1.2.840.10008.5.1.4.1.1.88.22", "SR", "sr", ["No fracture.", mark])
    message = b"MSH|^~\\&|TELEREAD||||20261124||ORU^R01|M1|P|2.5.1\rPID|1\rOBR|1\rOBX|1|TX|||No fracture.\r"
    given: dict[str, Any] = {
        "form": "documents",
        "body": frozen,
        "key": new_id(),
        "report_id": new_id(),
        "version": 1,
        "sha256": digest,
        "task": TaskKey("hub", "A1"),
        "parts": {"dicom-sr": sr, "hl7v2": message},
        "author": "Dr R",
        **more,
    }
    return Submission(**given)


def ways(answer: str, archive: Archive | None) -> tuple[MwlReports, list[bytes]]:
    """Reports by an archive, if there is one, and by HL7."""
    sent: list[bytes] = []
    hub = parse_hub_file("NORTH", {"hub_id": "hub", "mwl": HERE, "hl7": "127.0.0.1:2575"})

    def send(file: HubFile, address: Any, message: bytes, control_id: str) -> Ack:
        del file, address
        sent.append(message)
        return Ack(answer, control_id, EMPTY, SafeText("R1"), EMPTY)

    keys, clock = Keys(), FakeClock(NOW)
    results = Hl7Results(hub, keys, clock, send=send)
    return MwlReports(hub, archive, keys, clock, results=results), sent


def test_a_report_has_arrived_only_when_the_archive_shows_it_and_hl7_is_acknowledged() -> None:
    archive = Archive()
    reports, sent = ways("AE", archive)
    one = report()
    with pytest.raises(AttentionError):
        reports.submit(one)
    assert reports.find(one.report_id, one.key) is None
    assert (archive.stored, len(sent)) == (1, 1)
    reports, sent = ways("AA", archive)
    first, second = reports.submit(one), reports.submit(one)
    assert (first.id, first.sha256) == (second.id, one.sha256)
    assert (archive.stored, len(sent)) == (1, 1)
    assert reports.find(one.report_id, one.key) is not None


def test_without_an_archive_the_acknowledgement_is_the_receipt() -> None:
    reports, sent = ways("AA", None)
    one = report()
    receipt = reports.submit(one)
    assert str(receipt.id) == f"report/{one.report_id}"
    assert len(sent) == 1
    assert set(reports.forms) == {"hl7v2"}
    found = reports.find(one.report_id, "")
    assert found is not None
    assert found.receipt.sha256 == one.sha256


def test_what_is_no_document_is_refused() -> None:
    reports, sent = ways("AA", Archive())
    with pytest.raises(AttentionError, match="cannot be sent as fhir-transaction"):
        reports.submit(report(form="fhir-transaction"))
    assert sent == []
