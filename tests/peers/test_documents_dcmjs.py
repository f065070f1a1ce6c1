"""Our DICOM documents as dcmjs reads them, the reader in OHIF: every item, every name, the very PDF.

dcmjs takes text inside sequences for Latin-1, though the file says ISO_IR 192: such text is put right here
before it is compared. Written in ISO_IR 100, the site's switch for such viewers, it is right as it comes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from teleread.documents import encapsulated, pdf
from teleread.documents.facts import facts_of
from teleread.documents.forms import Switches, render_form
from teleread.model.report import SignedReport
from teleread.model.text import clean
from tests.peers.test_documents import ROOT, absent, generated
from tests.unit import documents_cases as cases
from tests.unit import signing_cases as made

pytestmark = [pytest.mark.peer("dcmjs"), pytest.mark.campaign]

FORMS = ("dicom-sr", "dicom-measurements", "key-objects", "dicom-pdf")


def node_modules() -> str:
    """Where dcmjs is installed: TELEREAD_DCMJS names a folder with node_modules in it."""
    named = os.environ.get("TELEREAD_DCMJS")
    if shutil.which("node") is None or not named or not Path(named, "node_modules", "dcmjs").is_dir():
        absent("node with dcmjs (npm install --prefix FOLDER dcmjs; TELEREAD_DCMJS names the folder)")
    return str(Path(str(named), "node_modules"))


def read_by_dcmjs(folder: Path) -> list[dict[str, Any]]:
    script = ROOT / "tests" / "peers" / "document_reader.cjs"
    done = subprocess.run(
        ["node", str(script), node_modules(), str(folder)], capture_output=True, timeout=3000, check=False
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    lines = done.stdout.decode("utf-8").split("\n")
    return [json.loads(line) for line in lines if line.startswith("{")]


# -- what is in the file, by pydicom ------------------------------------------------------------------


def code(ds: Dataset, keyword: str) -> list[str] | None:
    found = ds.get(keyword)
    if not found:
        return None
    one = found[0]
    value = one.get("CodeValue") or one.LongCodeValue
    return [str(value), str(one.CodingSchemeDesignator), str(one.CodeMeaning)]


def value(item: Dataset) -> Any:
    match item.ValueType:
        case "TEXT":
            return str(item.TextValue)
        case "CODE":
            return code(item, "ConceptCodeSequence")
        case "PNAME":
            return str(item.PersonName)
        case "NUM":
            measured = item.MeasuredValueSequence[0]
            return [float(measured.NumericValue), code(measured, "MeasurementUnitsCodeSequence")]
        case "IMAGE" | "COMPOSITE":
            one = item.ReferencedSOPSequence[0]
            return [str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID)]
    return None


def walk(ds: Dataset, depth: int = 1) -> Iterator[list[Any]]:
    for item in ds.get("ContentSequence", ()):
        kind, relation = str(item.ValueType), str(item.get("RelationshipType", ""))
        yield [depth, relation, kind, code(item, "ConceptNameCodeSequence"), value(item)]
        yield from walk(item, depth + 1)


def held(name: str, data: bytes) -> dict[str, Any]:
    ds = dcmread(BytesIO(data))
    page = encapsulated.pdf_in(data) if "EncapsulatedDocument" in ds else None
    return {
        "file": name,
        "modality": str(ds.Modality),
        "study": str(ds.StudyInstanceUID),
        "instance": str(ds.SOPInstanceUID),
        "patient": str(ds.PatientName),
        "title": code(ds, "ConceptNameCodeSequence"),
        "items": list(walk(ds)),
        "document": None if page is None else hashlib.sha256(page).hexdigest(),
    }


def put_right(told: Any) -> Any:
    """UTF-8 that was taken for Latin-1 (in JavaScript that is Windows 1252), as UTF-8."""
    if isinstance(told, list):
        return [put_right(one) for one in told]
    if not isinstance(told, str):
        return told
    try:
        data = b"".join(bytes([ord(one)]) if ord(one) < 256 else one.encode("cp1252") for one in told)
        return data.decode("utf-8")
    except UnicodeError:
        return told


# -- the proof ----------------------------------------------------------------------------------------


def exported(folder: Path, reports: Iterable[SignedReport], switches: Switches) -> list[dict[str, Any]]:
    """Write every document of every report into a folder; what stands in each, by name."""
    told = []
    for index, report in enumerate(reports):
        files = {form: render_form(report, form, switches) for form in FORMS if made_in(form, report)}
        if switches == Switches():
            files["sealed-sr"] = made.sealed(report)
        for form, data in files.items():
            path = folder / f"{index:03}.{form}.dcm"
            path.write_bytes(data)
            told.append(held(path.name, data))
    return sorted(told, key=lambda one: str(one["file"]))


def made_in(form: str, report: SignedReport) -> bool:
    return form != "dicom-measurements" or bool(facts_of(report).measurements)


def test_dcmjs_reads_every_item_of_every_document_and_the_very_pdf(tmp_path: Path) -> None:
    node_modules()
    expected = exported(tmp_path, generated(), Switches())
    found = read_by_dcmjs(tmp_path)
    assert [one for one in found if "problem" in one] == []
    for theirs, ours in zip(found, expected, strict=True):
        mended = {"items": put_right(theirs["items"]), "title": put_right(theirs["title"])}
        assert {**theirs, **mended} == ours
    kinds = Counter(one["file"].split(".")[1] for one in found)
    assert kinds.pop("dicom-measurements") > 0
    assert kinds == dict.fromkeys(("dicom-sr", "sealed-sr", "key-objects", "dicom-pdf"), cases.COUNT)
    pages = {hashlib.sha256(pdf.render(report)).hexdigest() for report in generated()}
    assert {one["document"] for one in found if one["modality"] == "DOC"} == pages


def test_dcmjs_reads_what_is_written_in_latin_1_as_it_stands(tmp_path: Path) -> None:
    node_modules()
    german = made.context(the_patient=made.patient(name=clean("Müßig^Jörg")))
    draft = made.draft(german, findings="Leber normal groß. Größe ½ cm².", impression="Gefäße unauffällig.")
    first = made.signed(made.case(context=german, draft=draft))
    expected = exported(tmp_path, (first, made.addendum(first)), Switches(dicom_charset="ISO_IR 100"))
    assert any("normal groß" in str(one["items"]) for one in expected)
    assert read_by_dcmjs(tmp_path) == expected
