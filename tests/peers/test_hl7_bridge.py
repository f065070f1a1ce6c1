"""Our ORU files as one report: hl7v2-fhir-bridge takes it by MLLP and writes it to an independent server."""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from teleread.documents.hl7v2 import render
from teleread.documents.thawing import thaw
from teleread.model.addresses import parse_mllp
from teleread.model.report import SignedReport
from teleread.model.text import clean
from teleread.wire.er7 import decode
from tests.contract.hl7_world import KEY, World, order
from tests.contract.hl7_world import sent as submission
from tests.contract.ups_double import Keys
from tests.peers.sekmet import Sekmet, start_sekmet
from tests.peers.test_documents import program
from tests.ports import free_port
from tests.unit import documents_cases as cases
from tests.unit import signing_cases as made

pytestmark = pytest.mark.peer("hl7v2-fhir-bridge")

OTHER = "6f1d6a3e-5b1c-4a53-9f39-0d7a54b6a002"
"""Report id of a second opinion."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sekmet]:
    one = start_sekmet(tmp_path_factory.mktemp("bridge-hub"))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def line(server: Sekmet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The bridge's MLLP port."""
    tool, port = program("hl7v2-fhir-bridge"), free_port()
    folder = tmp_path_factory.mktemp("bridge")
    with (folder / "log").open("wb") as log:
        words = [tool, "serve", "--host", "127.0.0.1", "--port", str(port), "--fhir-url", server.base]
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield port
    process.terminate()
    process.wait(20)


def sent(port: int, report: SignedReport) -> list[str]:
    """The segments of the acknowledgement."""
    with socket.create_connection(("127.0.0.1", port), 60) as wire:
        wire.settimeout(60)
        wire.sendall(b"\x0b" + render(report) + b"\x1c\r")
        answer = b""
        while b"\x1c" not in answer:
            piece = wire.recv(65536)
            assert piece, "the bridge closed the line"
            answer += piece
    return answer.decode("utf-8").split("\r")


def test_a_report_and_its_addenda_file_as_one_report_of_three_versions(server: Sekmet, line: int) -> None:
    first = made.signed()
    second = made.addendum(first)
    third = made.addendum(second)
    for report in (first, second, third):
        assert any(one.startswith("MSA|AA|") for one in sent(line, report))
    again = sent(line, third)
    assert any("duplicate" in one for one in again)
    (resource,) = filed(server, "NG26-40522")
    assert (resource["meta"]["versionId"], resource["status"]) == ("3", "corrected")
    assert "No liver abscess" in resource["conclusion"]


STATUS = {
    "preliminary": "partial",
    "report": "final",
    "addendum": "corrected",
    "correction": "corrected",
    "withdrawal": "corrected",
}
"""What the bridge files for each kind of version, in the order of a report's life."""


def version_of(kind: str, order: str, before: SignedReport | None, report_id: str = "") -> SignedReport:
    """A version of that kind on an order of that number, after the one before it."""
    context = made.context(the_order=made.order(id=clean(order), accessions=(clean(f"NG26-{order}"),)))
    draft = replace(made.draft(context, impression=f"{kind.capitalize()}: no liver abscess."), kind=kind)
    if before is not None:
        draft = replace(draft, report_id=before.report_id)
    what = made.case(context=context, draft=draft, predecessor=before)
    return made.signed(what, key_of_it=str(uuid.uuid4()), report_id=report_id or made.REPORT_ID)


def filed(server: Sekmet, number: str) -> list[Any]:
    """What the server keeps under a filler's number."""
    found = server.call("GET", f"DiagnosticReport?identifier={quote(number)}&_count=50").get("entry", ())
    resources = (one["resource"] for one in found)
    return [one for one in resources if any(name["value"] == number for name in one["identifier"])]


@pytest.mark.campaign
def test_of_every_generated_report_all_versions_are_filed_as_one(server: Sekmet, line: int) -> None:
    lives: dict[str, list[SignedReport]] = {}
    nobodys = []
    filings = 0
    for report in cases.reports(2 * cases.COUNT):
        if filings == cases.COUNT:
            break
        answer = sent(line, report)
        if not thaw(report.frozen)["patient"]["identifiers"]:
            # whose report it is can't be told by a name: the bridge has to refuse it, and says so
            assert any(one.startswith("MSA|AE|") for one in answer), answer
            assert any("no patient identifier" in one for one in answer), answer
            nobodys.append(report)
            continue
        assert any(one.startswith("MSA|AA|") for one in answer), (report.kind, answer)
        assert not any("ignored" in one or "duplicate" in one for one in answer), (report.kind, answer)
        lives.setdefault(report.report_id, []).append(report)
        filings += 1
    assert filings == cases.COUNT
    held = set()
    for versions in lives.values():
        last = versions[-1]
        (obr,) = (one for one in decode(render(last)) if one.name == "OBR")
        (resource,) = filed(server, obr.get(3))
        held.add(resource["id"])
        assert resource["meta"]["versionId"] == str(len(versions)), [one.kind for one in versions]
        assert resource["status"] == (STATUS | {"opinion": "final"})[last.kind]
        said = next(one for one in thaw(last.frozen)["sections"] if one["loinc"] == "19005-8")
        # by letters: a line of more than an OBX holds is filed as two
        assert "".join(resource["conclusion"].split()) == "".join((said["label"] + said["text"]).split())
    assert len(held) == len(lives)
    print(f"{len(lives)} reports of {filings} versions filed, {len(nobodys)} of nobody refused")


def test_every_kind_of_version_is_filed_as_the_same_one_report(server: Sekmet, line: int) -> None:
    report = None
    for version, (kind, status) in enumerate(STATUS.items(), 1):
        report = version_of(kind, "40777", report)
        answer = sent(line, report)
        assert any(one.startswith("MSA|AA|") for one in answer)
        assert not any("ignored" in one for one in answer)
        (resource,) = filed(server, "NG26-40777")
        assert (resource["meta"]["versionId"], resource["status"]) == (str(version), status)


def test_a_second_opinion_and_its_addendum_are_filed_beside_the_first_report_never_in_its_place(
    server: Sekmet, line: int
) -> None:
    first = version_of("report", "40888", None)
    opinion = version_of("opinion", "40888", None, OTHER)
    for report in (first, opinion):
        assert any(one.startswith("MSA|AA|") for one in sent(line, report))
    added = version_of("addendum", "40888", opinion, OTHER)
    assert any(one.startswith("MSA|AA|") for one in sent(line, added))
    (kept,), (other,) = filed(server, "NG26-40888"), filed(server, OTHER)
    assert (kept["status"], other["status"]) == ("final", "corrected")
    assert "Report: no liver abscess" in kept["conclusion"]
    assert "Opinion: no liver abscess" in other["conclusion"]
    assert kept["id"] != other["id"]


def test_the_bridge_files_a_report_once_also_when_we_forgot_that_it_said_so(
    server: Sekmet, line: int
) -> None:
    world = World()
    world.take(order())
    report = version_of("report", "40999", None, "6f1d6a3e-5b1c-4a53-9f39-0d7a54b6a0ff")
    address = parse_mllp(f"127.0.0.1:{line}")
    for _ in range(2):
        hub = world.hub(hl7=address)
        claimed = hub.claim(hub.read(KEY))
        receipt = hub.submit(submission(claimed, report))
        assert receipt.sha256 == report.sha256
        world.keys = Keys()  # the machine is lost between the acknowledgement and what is kept of it
        world.take(order())
    (resource,) = filed(server, "NG26-40999")
    assert resource["meta"]["versionId"] == "1"
    assert resource["status"] == "final"
    world.site.close()
