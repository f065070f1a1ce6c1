"""Readers no one here wrote, over a folder of exported documents: prints one JSON line a problem.

Run by a Python that has them (highdicom, hl7, hl7apy, fhir.resources, pyrofile-validator), apart from the
tests' own: `python document_readers.py FOLDER`. The last line tells how many files each reader took.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

warnings.simplefilter("ignore")


def enhanced(path: Path) -> None:
    from pydicom import dcmread

    document = import_module("highdicom.sr").EnhancedSR.from_dataset(dcmread(path))
    headings = [item.ConceptNameCodeSequence[0].CodeValue for item in document.content[0].ContentSequence]
    if "55115-0" not in headings or not any(code in headings for code in ("59776-5", "19005-8")):
        raise ValueError(f"headings {headings}")


def measurements(path: Path) -> None:
    from pydicom import dcmread

    document = import_module("highdicom.sr").ComprehensiveSR.from_dataset(dcmread(path))
    found = [one for one in document.content[0].ContentSequence if one.name.value == "126010"]
    if len(found) != 1 or not found[0].ContentSequence:
        raise ValueError("no imaging measurements")


def key_objects(path: Path) -> None:
    from pydicom import dcmread

    document = import_module("highdicom.ko").KeyObjectSelectionDocument.from_dataset(dcmread(path))
    for kind in ("IMAGE", "COMPOSITE"):
        for item in document.content.get_references(value_type=kind):
            document.resolve_reference(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def hl7(path: Path) -> None:
    message = import_module("hl7").parse(path.read_bytes().decode("utf-8"))
    if str(message.segment("MSH")[9]) != "ORU^R01^ORU_R01" or len(message.segments("OBR")) != 1:
        raise ValueError("not one report")


def hl7apy(path: Path) -> None:
    strict = import_module("hl7apy.consts").VALIDATION_LEVEL.STRICT
    text = path.read_bytes().decode("utf-8")
    import_module("hl7apy.parser").parse_message(text, validation_level=strict).validate()


def fhir(path: Path) -> None:
    bundle = import_module("fhir.resources.R4B.bundle").Bundle.model_validate_json(path.read_bytes())
    kinds = sorted(one.resource.__class__.__name__ for one in bundle.entry)
    if kinds != ["DiagnosticReport", "Provenance"]:
        raise ValueError(f"resources {kinds}")


def pyrofile(path: Path) -> None:
    """Its own command, within this process: it takes seconds to start and milliseconds a resource."""
    command = import_module("pyrofile_validator.cli").main
    for entry in json.loads(path.read_bytes())["entry"]:
        with TemporaryDirectory() as folder, chdir(folder), redirect_stdout(StringIO()) as said:
            Path("resource.json").write_text(json.dumps(entry["resource"]), "utf-8")
            code = command(["file", "resource.json"])
        lines = said.getvalue().splitlines()
        errors = [line for line in lines if line.startswith("- ERROR")]
        if "Resources: 1" not in lines or (code and not (errors and all(map(_known_gap, errors)))):
            raise ValueError(said.getvalue()[-600:])


def _known_gap(line: str) -> bool:
    """pyrofile's own table of DiagnosticReport.status stops at `final`; R4's has ten codes."""
    told = "DiagnosticReport.status: Code '" in line and "is not in required ValueSet" in line
    codes = ("appended", "corrected", "entered-in-error", "partial")
    return told and any(f"'{code}'" in line for code in codes)


READERS: dict[str, tuple[Callable[[Path], Any], ...]] = {
    ".enhanced.dcm": (enhanced,),
    ".measurements.dcm": (measurements,),
    ".ko.dcm": (key_objects,),
    ".hl7": (hl7, hl7apy),
    ".fhir.json": (fhir, pyrofile),
}


def main(folder: Path) -> None:
    """Read everything, tell every problem."""
    took: Counter[str] = Counter()
    for path in sorted(folder.iterdir()):
        for suffix, readers in READERS.items():
            if not path.name.endswith(suffix):
                continue
            for reader in readers:
                took[reader.__name__] += 1
                try:
                    reader(path)
                except Exception as error:
                    what = f"{type(error).__name__}: {error}"[:600]
                    print(json.dumps({"file": path.name, "reader": reader.__name__, "problem": what}))
    print(json.dumps({"took": took}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
