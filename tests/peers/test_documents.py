"""Our documents before readers no one here wrote.

dciodvfy, DCMTK, highdicom, hl7, hl7apy, fhir.resources, pyrofile; and Orthanc, which keeps them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from teleread.documents import dicom_measurements, pdf, render_html
from teleread.documents.facts import facts_of
from teleread.documents.forms import render_form
from teleread.documents.lifecycle import KINDS
from teleread.model.report import SignedReport
from tests.contract.archive_peers import stow
from tests.peers import orthanc
from tests.unit import documents_cases as cases

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {
    "dicom-sr": "enhanced.dcm",
    "key-objects": "ko.dcm",
    "dicom-measurements": "measurements.dcm",
    "dicom-pdf": "pdf.dcm",
    "hl7v2": "hl7",
    "fhir": "fhir.json",
}
"""Form to how its files end; the readers go by it."""


def absent(what: str) -> None:
    """Skip loudly, or fail where every peer has to be there."""
    words = f"{what} is not here: its tests did NOT run"
    if os.environ.get("TELEREAD_REQUIRE_PEERS") == "1":
        pytest.fail(words)
    pytest.skip(words)


def reader_python() -> str:
    """A Python that has the readers: TELEREAD_READERS, else the one beside the tests."""
    named = os.environ.get("TELEREAD_READERS")
    if not named or not Path(named).exists():
        absent("a Python with highdicom, hl7, hl7apy, fhir.resources and pyrofile (TELEREAD_READERS)")
    return str(named)


@lru_cache(maxsize=1)
def generated() -> tuple[SignedReport, ...]:
    """The campaign's reports, signed once."""
    return tuple(cases.reports())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every generated report in every form."""
    folder = tmp_path_factory.mktemp("documents")
    for index, report in enumerate(generated()):
        for form, suffix in SUFFIXES.items():
            if form != "dicom-measurements" or facts_of(report).measurements:
                (folder / f"{index:03}.{suffix}").write_bytes(render_form(report, form))
    return folder


@pytest.mark.peer("readers")
@pytest.mark.campaign
def test_every_document_is_read_by_readers_of_others(exported: Path) -> None:
    script = ROOT / "tests" / "peers" / "document_readers.py"
    done = subprocess.run(
        [reader_python(), str(script), str(exported)], capture_output=True, text=True, timeout=3000
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one for one in lines if "problem" in one] == []
    took = lines[-1]["took"]
    assert {name for name, count in took.items() if count} == {
        *("enhanced", "measurements", "key_objects"),
        *("hl7", "hl7apy", "fhir", "pyrofile"),
    }
    for reader in ("enhanced", "key_objects", "hl7", "hl7apy", "fhir", "pyrofile"):
        assert took[reader] == cases.COUNT, reader


def program(name: str) -> str:
    beside = os.environ.get("TELEREAD_READERS")
    found = shutil.which(name) or (shutil.which(name, path=str(Path(beside).parent)) if beside else None)
    if found is None:
        absent(name)
    return str(found)


@pytest.mark.peer("dciodvfy")
@pytest.mark.campaign
def test_dciodvfy_finds_no_error_in_any_dicom_form(exported: Path) -> None:
    tool = program("dciodvfy")
    errors = {}
    files = sorted(exported.glob("*.dcm"))
    for path in files:
        done = subprocess.run([tool, str(path)], capture_output=True, timeout=60)
        said = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
        found = [line for line in said if line.startswith("Error")]
        if found:
            errors[path.name] = found
    assert errors == {}
    assert len(files) >= 3 * cases.COUNT


@pytest.mark.peer("dcmtk")
@pytest.mark.campaign
def test_dsrdump_reads_every_structured_report(exported: Path) -> None:
    tool = program("dsrdump")
    files = [one for one in sorted(exported.glob("*.dcm")) if not one.name.endswith(".pdf.dcm")]
    for path in files:
        done = subprocess.run([tool, "+Pc", "+Pt", str(path)], capture_output=True, timeout=60)
        assert done.returncode == 0, (path.name, done.stderr.decode("utf-8", "replace")[:500])
        assert b"E: " not in done.stderr, path.name
        assert b"CONTAINER" in done.stdout


@pytest.mark.peer("dcmtk")
def test_dcm2pdf_takes_out_the_very_pdf(exported: Path, tmp_path: Path) -> None:
    tool = program("dcm2pdf")
    for index, report in enumerate(generated()[:4]):
        out = tmp_path / f"{index}.pdf"
        subprocess.run([tool, str(exported / f"{index:03}.pdf.dcm"), str(out)], check=True, timeout=60)
        assert out.read_bytes() == pdf.render(report)


# -- Orthanc ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[orthanc.Orthanc]:
    orthanc.need("Orthanc", orthanc.find_program())
    one, process = orthanc.start(tmp_path_factory.mktemp("documents-orthanc") / "orthanc")
    yield one
    orthanc.stop(process)


def c_store(peer: orthanc.Orthanc, path: Path) -> None:
    """C-STORE by DCMTK, whatever the SOP class."""
    aet, at = peer.dimse.split("@")
    host, port = at.rsplit(":", 1)
    subprocess.run(
        [program("dcmsend"), "-aet", "TELEREAD", "-aec", aet, host, port, str(path)], check=True, timeout=60
    )


@lru_cache(maxsize=2)
def of_each_kind(*, measured: bool) -> tuple[SignedReport, ...]:
    """A version of every kind there is; with measurements where they are asked for."""
    found: dict[str, SignedReport] = {}
    for one in cases.reports(1000):
        if facts_of(one).measurements or not measured:
            found.setdefault(one.kind, one)
        if set(found) == set(KINDS):
            break
    assert set(found) == set(KINDS)
    return tuple(found.values())


@pytest.mark.peer("orthanc")
@pytest.mark.parametrize("way", ["stow", "c-store"])
@pytest.mark.parametrize("form", ["dicom-sr", "key-objects", "dicom-pdf", "dicom-measurements"])
def test_orthanc_takes_a_document_of_each_kind_of_version_and_gives_back_what_was_sent(
    peer: orthanc.Orthanc, form: str, way: str, tmp_path: Path
) -> None:
    from io import BytesIO

    from pydicom import dcmread

    for report in of_each_kind(measured=form == "dicom-measurements"):
        data = render_form(report, form)
        sent = dcmread(BytesIO(data))
        place = (str(sent.StudyInstanceUID), str(sent.SeriesInstanceUID), str(sent.SOPInstanceUID))
        forget(peer, place[2])  # what came by the other way would be given back without being taken
        if way == "stow":
            stow(peer.dicomweb, data)
        else:
            path = tmp_path / "document.dcm"
            path.write_bytes(data)
            c_store(peer, path)
        back = fetch(peer, *place)
        assert dcmread(BytesIO(back)) == sent
        assert body(back) == body(data)


def forget(peer: orthanc.Orthanc, uid: str) -> None:
    """Take an instance out of it, where it is there."""
    base = f"http://127.0.0.1:{peer.http_port}"
    with urllib.request.urlopen(f"{base}/tools/lookup", uid.encode(), timeout=30) as answer:
        found = json.load(answer)
    for one in found:
        request = urllib.request.Request(base + one["Path"], method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()


def body(data: bytes) -> bytes:
    """A Part 10 file without its meta group: an archive writes its own."""
    import struct

    length = struct.unpack_from("<I", data, 140)[0]
    return data[144 + length :]


def fetch(peer: orthanc.Orthanc, study: str, series: str, instance: str) -> bytes:
    """The instance by WADO-RS, by the standard library alone."""
    url = f"{peer.dicomweb}/studies/{study}/series/{series}/instances/{instance}"
    request = urllib.request.Request(
        url, headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        boundary, data = answer.headers.get_boundary(), answer.read()
    _, _, part = data.partition(b"\r\n\r\n")
    return bytes(part[: part.rindex(f"\r\n--{boundary}--".encode())])


def test_the_measurement_report_and_the_page_are_of_the_same_report() -> None:
    report = next(one for one in cases.reports(60) if facts_of(one).measurements)
    mark = dicom_measurements.mark_in(dicom_measurements.render(report))
    assert mark.sha256 == report.sha256
    assert render_html.read_back(render_html.render(report)).frozen == report.frozen
