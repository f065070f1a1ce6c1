"""Where typst is not installed, a report still leaves as FHIR, without the PDF inside."""

from __future__ import annotations

import json

import pytest

from teleread.documents import fhir, pdf
from tests.unit.test_documents_forms import golden


def test_the_fhir_export_is_written_without_a_pdf_where_typst_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf, "_typst_version", lambda: "")
    bundle = json.loads(fhir.export_bundle(golden("report-1")))
    report = bundle["entry"][0]["resource"]
    assert [one["contentType"] for one in report["presentedForm"]] == ["text/html", fhir.FROZEN_TYPE]
    assert fhir.read_back(fhir.export_bundle(golden("report-1"))).renderer == 1
