"""Our ORU files as one report: hl7v2-fhir-bridge takes it by MLLP and writes it to an independent server."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from teleread.documents.hl7v2 import render
from teleread.model.report import SignedReport
from tests.peers.sekmet import Sekmet, start_sekmet
from tests.peers.test_documents import program
from tests.ports import free_port
from tests.unit import signing_cases as made

pytestmark = pytest.mark.peer("hl7v2-fhir-bridge")


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
    (entry,) = server.call("GET", "DiagnosticReport")["entry"]
    resource = entry["resource"]
    assert (resource["meta"]["versionId"], resource["status"]) == ("3", "corrected")
    assert "No liver abscess" in resource["conclusion"]
    assert any(one["value"] == "NG26-40522" for one in resource["identifier"])
