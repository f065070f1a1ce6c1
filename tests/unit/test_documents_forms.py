"""Text, HTML and FHIR: pure functions of report, signature and number, held by golden files."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from teleread.documents import fhir, render_html, render_text
from teleread.documents.frozen import thaw
from teleread.model.delivery import Receipt
from teleread.model.errors import IntegrityError, TelereadError
from teleread.model.report import SignedReport
from teleread.model.text import clean
from teleread.signing.compose import report_of
from tests.unit import signing_cases as made

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
NAMES = ("report-1", "report-2")
RECEIPT = Receipt(clean("DiagnosticReport/17"), clean("4"), "0" * 64, "", made.NOW)


def golden(name: str) -> SignedReport:
    frozen = (GOLDEN / f"{name}.frozen.json").read_bytes()
    return report_of(frozen, (GOLDEN / f"{name}.jws").read_text("ascii"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("form", "render"),
    [
        ("text-1.txt", render_text.render),
        ("html-1.html", render_html.render),
        ("fhir-1.json", fhir.export_bundle),
    ],
)
def test_renderer_1_writes_what_it_always_wrote(
    name: str, form: str, render: Callable[[SignedReport, int], bytes]
) -> None:
    assert render(golden(name), 1) == (GOLDEN / f"{name}.{form}").read_bytes()


def test_the_transactions_are_what_they_always_were() -> None:
    first = fhir.transaction(golden("report-1"), made.context(), None, number=1)
    assert first == (GOLDEN / "report-1.transaction-1.json").read_bytes()
    completed = made.context(status=clean("completed"))
    later = fhir.transaction(golden("report-2"), completed, RECEIPT, number=1)
    assert later == (GOLDEN / "report-2.transaction-1.json").read_bytes()


@pytest.mark.parametrize("render", [render_text.render, render_html.render, fhir.export_bundle])
def test_a_renderer_nobody_has_is_told(render: Callable[[SignedReport, int], bytes]) -> None:
    with pytest.raises(IntegrityError, match="renderer 99"):
        render(golden("report-1"), 99)


@pytest.mark.parametrize("name", NAMES)
def test_html_and_fhir_give_back_the_very_bytes(name: str) -> None:
    report = golden(name)
    for carried in (
        render_html.read_back(render_html.render(report)),
        fhir.read_back(fhir.export_bundle(report)),
        fhir.read_back(fhir.transaction(report, made.context(), RECEIPT)),
    ):
        assert carried.frozen == report.frozen
        assert carried.signature == report.signature
        assert carried.renderer in {1, 2}


def test_text_names_report_version_and_digest() -> None:
    report = golden("report-2")
    mark = render_text.read_mark(render_text.render(report))
    assert (mark.report_id, mark.version, mark.sha256) == (report.report_id, 2, report.sha256)
    with pytest.raises(IntegrityError):
        render_text.read_mark(b"A letter.\n")


class Page(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_is_self_contained_and_escaped() -> None:
    hostile = '<script>alert(1)</script> & "x" <pre id="teleread-report">AAAA</pre>'
    case = made.case(draft=made.draft(findings=hostile, impression=hostile))
    data = render_html.render(made.signed(case))
    page = Page()
    page.feed(data.decode())
    assert "script" not in page.tags
    assert page.tags.count("pre") == 2
    assert not {"src", "href", "onclick"} & {name for name, _ in page.attributes}
    assert ("lang", "en") in page.attributes
    assert page.words.count(hostile) == 2
    assert b"url(" not in data
    assert b"http" not in data.split(b"<details>")[0]
    assert render_html.read_back(data).frozen == made.signed(case).frozen


@pytest.mark.parametrize("form", ["text", "html", "fhir"])
def test_identity_checked_is_told_in_every_form(form: str) -> None:
    report = made.signed(made.case(overrides=(made.CHECKED,)))
    words = f"Identity checked by the reader: {made.CHECKED.reason}"
    if form == "text":
        assert words in render_text.render(report).decode()
    elif form == "html":
        assert words in render_html.render(report).decode()
    else:
        assert parts(fhir.export_bundle(report))["Provenance"]["reason"] == [{"text": words}]
    assert thaw(report.frozen)["overrides"][0]["rule"] == "identity-checked"


def parts(data: bytes) -> dict[str, Any]:
    return {one["resource"]["resourceType"]: one["resource"] for one in json.loads(data)["entry"]}


def entries(data: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(data)["entry"]
    return found


def test_version_1_is_a_conditional_create_on_the_report_id() -> None:
    report = golden("report-1")
    first, second, third = entries(fhir.transaction(report, made.context(), None))
    assert first["request"] == {
        "method": "POST",
        "url": "DiagnosticReport",
        "ifNoneExist": f"identifier=urn:ietf:rfc:3986|urn:uuid:{report.report_id}",
    }
    assert [one["value"] for one in first["resource"]["identifier"]] == [f"urn:uuid:{report.report_id}"]
    assert first["resource"]["status"] == "final"
    assert second["request"] == {"method": "POST", "url": "Provenance"}
    assert second["resource"]["target"] == [{"reference": first["fullUrl"]}]
    assert third["request"] == {"method": "PUT", "url": "Task/t1", "ifMatch": 'W/"5"'}
    assert third["resource"]["status"] == "completed"
    assert third["resource"]["output"][-1]["valueReference"] == {"reference": first["fullUrl"]}
    assert third["resource"]["meta"] == {"profile": ["https://northgate.example/reading"]}
    assert third["resource"]["owner"] == {"reference": "Practitioner/reader"}


def test_a_name_inside_the_bundle_is_never_an_identifier() -> None:
    report = golden("report-1")
    data = fhir.transaction(report, made.context(), None)
    first, second, _ = entries(data)
    assert f"urn:uuid:{report.report_id}" not in {first["fullUrl"], second["fullUrl"]}
    assert f"urn:uuid:{report.idempotency_key}" not in {first["fullUrl"], second["fullUrl"]}


def test_an_addendum_is_a_put_on_its_predecessors_version() -> None:
    report = golden("report-2")
    first, second = entries(fhir.transaction(report, made.context(status=clean("completed")), RECEIPT))
    assert first["request"] == {"method": "PUT", "url": "DiagnosticReport/17", "ifMatch": 'W/"4"'}
    assert first["resource"]["id"] == "17"
    assert first["resource"]["status"] == "appended"
    assert [one["value"] for one in first["resource"]["identifier"]] == [
        f"urn:uuid:{report.report_id}",
        f"urn:uuid:{report.idempotency_key}",
    ]
    assert "Addendum 1" in first["resource"]["conclusion"]
    assert "No liver abscess" in first["resource"]["conclusion"]
    assert second["resource"]["target"] == [{"reference": "DiagnosticReport/17"}]


def test_a_receipt_with_a_whole_address_gives_a_relative_one() -> None:
    whole = Receipt(clean("https://hub.example/fhir/DiagnosticReport/17"), clean("4"), "", "", made.NOW)
    data = fhir.transaction(golden("report-2"), made.context(), whole)
    assert entries(data)[0]["request"]["url"] == "DiagnosticReport/17"


def test_a_later_version_waits_for_its_predecessors_receipt() -> None:
    with pytest.raises(TelereadError, match="receipt"):
        fhir.transaction(golden("report-2"), made.context(), None)


def test_a_task_that_is_not_here_as_the_hub_gave_it_is_not_invented() -> None:
    from dataclasses import replace

    with pytest.raises(TelereadError, match="task"):
        fhir.transaction(golden("report-1"), replace(made.context(), raw={}), None)


def test_the_provenance_names_key_signer_and_signature() -> None:
    report = golden("report-1")
    provenance = parts(fhir.export_bundle(report))["Provenance"]
    what = provenance["entity"][0]["what"]
    assert what["identifier"]["value"] == f"urn:uuid:{report.idempotency_key}"
    (signature,) = provenance["signature"]
    assert signature["type"][0]["code"] == "1.2.840.10065.1.12.1.1"
    assert signature["sigFormat"] == "application/jose"
    assert base64.b64decode(signature["data"]).decode() == report.signature
    assert provenance["recorded"] == "2026-11-24T14:02:11Z"


def test_attachments_carry_size_and_hash() -> None:
    diagnostic = parts(fhir.export_bundle(golden("report-1")))["DiagnosticReport"]
    kinds = [one["contentType"] for one in diagnostic["presentedForm"]]
    assert kinds == ["text/html", "application/pdf", fhir.FROZEN_TYPE]
    for one in diagnostic["presentedForm"]:
        data = base64.b64decode(one["data"])
        assert one["size"] == len(data)
        assert base64.b64decode(one["hash"]) == hashlib.sha1(data, usedforsecurity=False).digest()


def test_nothing_empty_is_sent() -> None:
    """FHIR forbids empty strings, arrays and objects (ele-1)."""
    bare = made.case(
        context=made.context(
            the_order=made.order(occurrence=None, accessions=(), procedure=clean("")),
            the_study=made.ordered(id=clean(""), started=None),
        )
    )

    def walk(value: Any) -> None:
        assert value not in ("", [], {}, None)
        for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(one)

    for data in (
        fhir.export_bundle(made.signed(bare)),
        fhir.transaction(made.signed(bare), made.context(), None),
    ):
        walk(json.loads(data))


@pytest.mark.parametrize(
    "data",
    [b"{}", b"[]", b"{", b'{"entry": 3}', b'{"entry": [{"resource": {}}]}', b"[" * 100_000],
)
def test_other_json_is_not_a_report(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        fhir.read_back(data)
