"""The frozen form: canonical, strict when read back, and the same for ever."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.documents.frozen import Freezing, freeze, moment, thaw
from teleread.model.errors import IntegrityError
from teleread.model.text import clean
from teleread.signing.compose import freezing
from tests.unit import signing_cases as made

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def what(**changes: Any) -> Freezing:
    base = freezing(
        made.case(),
        idempotency_key=made.KEYS[0],
        report_id=made.REPORT_ID,
        reader_id="Practitioner/reader",
        reader_name="Dr Demo Reader",
        signed_at=made.NOW,
        zone="Europe/London",
        offset_seconds=-0.25,
    )
    return replace(base, **changes)


def test_the_same_report_always_freezes_to_the_same_bytes() -> None:
    assert freeze(what()) == freeze(what())


def test_it_covers_all_that_the_design_names() -> None:
    form = thaw(freeze(what(overrides=(made.CHECKED,))))
    assert form["schema"] == "teleread.report/1"
    assert form["hub_id"] == "hub-7f3c"
    assert form["task"] == {"id": "t1", "version": "5", "status": "in-progress"}
    assert form["order"]["version"] == "2"
    assert form["order"]["accessions"] == ["NG26-40522"]
    assert form["patient"]["version"] == "3"
    assert form["patient"]["identifiers"][1]["status"] == "01"
    assert form["study"]["uid"] == made.STUDY_UID
    assert form["study"]["instances"][1] == {"sop_uid": f"{made.STUDY_UID}.1.1", "sha256": f"{1:064x}"}
    assert form["template"] == {"id": "ct-abdomen-pelvis", "version": "1", "language": "en-GB"}
    assert [one["id"] for one in form["sections"]][-1] == "impression"
    assert form["overrides"] == [{"rule": "identity-checked", "reason": made.CHECKED.reason}]
    assert {one["rule"] for one in form["identity"]} >= {"patient-id", "birth-date", "study-uid"}
    assert form["reader"] == {"id": "Practitioner/reader", "name": "Dr Demo Reader"}
    assert form["predecessor"] is None
    assert form["signed_at"] == "2026-11-24T14:02:11Z"
    assert form["clock_offset"] == "-0.25"


def test_instances_are_sorted_whatever_order_they_came_in() -> None:
    turned = tuple(reversed(made.instances(5)))
    assert freeze(what(instances=turned)) == freeze(what(instances=made.instances(5)))


def test_text_is_frozen_in_nfc() -> None:
    decomposed = unicodedata.normalize("NFD", "Séan Ångström")
    form = thaw(freeze(what(reader_name=decomposed)))
    assert form["reader"]["name"] == unicodedata.normalize("NFC", decomposed)


def test_an_addendum_carries_everything_before_it_and_names_it() -> None:
    first = made.signed()
    second = made.addendum(first)
    third = made.addendum(second)
    before, form = thaw(first.frozen), thaw(third.frozen)
    assert form["sections"][:5] == before["sections"]
    assert [one["id"] for one in form["sections"][5:]] == ["addendum-1", "addendum-2"]
    assert form["sections"][5]["text"] == "Appendix 9 mm, not inflamed."
    assert form["sections"][5]["label"] == "Addendum 1, 2026-11-24 14:02 UTC, Dr Demo Reader"
    assert form["predecessor"] == {"version": 2, "sha256": second.sha256, "keys": [made.KEYS[1]]}
    assert (third.version, third.report_id) == (3, first.report_id)


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (datetime(2026, 11, 24, 14, 2, tzinfo=UTC), "2026-11-24T14:02:00Z"),
        (datetime(2026, 11, 24, 15, 2, tzinfo=timezone(timedelta(hours=1))), "2026-11-24T14:02:00Z"),
        (datetime(2026, 11, 24, 14, 2, 1, 5000, tzinfo=UTC), "2026-11-24T14:02:01.005Z"),
        (datetime(2026, 11, 24, 14, 2), "2026-11-24"),
    ],
)
def test_times_are_utc_and_never_converted_without_a_zone(when: datetime, text: str) -> None:
    assert moment(when) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0"), (0.0004, "0"), (312.5, "312.5"), (-1e-9, "0"), (1e6, "1000000"), (100.0, "100")],
)
def test_a_clock_offset_is_a_decimal_without_exponent(seconds: float, text: str) -> None:
    found = thaw(freeze(what(offset_seconds=seconds)))["clock_offset"]
    assert found == text


def changed(change: Any) -> bytes:
    form = json.loads(freeze(what()))
    change(form)
    data: bytes = rfc8785.dumps(form)
    return data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b" " + freeze(what()),
        freeze(what()) + b"\n",
        freeze(what()).replace(b'"version":1,', b'"version":1.0,', 1),
        freeze(what()).replace(b'"version":1,', b'"version":1e0,', 1),
        freeze(what()).replace(b'"version":1,', b'"version":NaN,', 1),
        freeze(what()).replace(b'"zone":', b'"zone":"x","zone":', 1),
        changed(lambda form: form.update(extra=1)),
        changed(lambda form: form.pop("zone")),
        changed(lambda form: form["task"].update(owner="x")),
        changed(lambda form: form.update(schema="teleread.report/2")),
        changed(lambda form: form.update(version=True)),
        changed(lambda form: form.update(version=-1)),
        changed(lambda form: form.update(sections={})),
        changed(lambda form: form.update(report_id="../../etc/passwd")),
        changed(lambda form: form.update(report_id=made.REPORT_ID.upper())),
        changed(lambda form: form.update(signed_at="yesterday")),
        changed(lambda form: form["fields"].update(size=12)),
        changed(lambda form: form["reader"].update(name="Se\u0301an")),
    ],
)
def test_anything_else_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="not a frozen report"):
        thaw(data)


def test_a_form_that_is_too_long_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("teleread.documents.thawing.MAX_BYTES", 100)
    with pytest.raises(IntegrityError, match="longer than"):
        thaw(freeze(what()))


texts = st.text(max_size=60)


@settings(max_examples=60, deadline=None)
@given(findings=texts, reason=texts, name=texts, field=st.dictionaries(texts, texts, max_size=3))
def test_whatever_was_written_reads_back_to_the_same_bytes(
    findings: str, reason: str, name: str, field: dict[str, str]
) -> None:
    draft = replace(made.draft(findings=findings, impression="x"), fields=field)
    try:
        json.dumps(field, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        draft = replace(draft, fields={})
    overrides = (replace(made.CHECKED, reason=clean(reason)),)
    sections = draft.sections
    data = freeze(what(draft=draft, sections=sections, overrides=overrides, reader_name=str(clean(name))))
    form = thaw(data)
    assert rfc8785.dumps(form) == data
    assert form["sections"][3]["text"] == clean(findings, multiline=True)
    assert form["overrides"][0]["reason"] == clean(reason)


@pytest.mark.parametrize("name", ["report-1", "report-2"])
def test_reports_frozen_by_version_1_are_read_for_ever(name: str) -> None:
    data = (GOLDEN / f"{name}.frozen.json").read_bytes()
    form = thaw(data)
    assert form["report_id"] == made.REPORT_ID
    assert form["version"] == int(name[-1])


def test_freezing_today_gives_the_bytes_it_always_gave() -> None:
    texts: Any = {
        "findings": 'Liver: 1.5 cm cyst <b>&amp; "quoted"</b> — naïve Å.\nGallbladder: gallstones.',
        "impression": "1. No liver abscess.\n2. RIGHT renal cyst < 2 cm.",
        "technique": "CT.",
        "comparison": "None.",
    }
    bare = tuple(replace(one, sop_class="") for one in made.instances())  # version 1 froze no classes
    silent = replace(made.template(), language="")  # nor did it tell the language
    case = made.case(draft=made.draft(**texts), overrides=(made.CHECKED,), instances=bare, template=silent)
    assert made.signed(case).frozen == (GOLDEN / "report-1.frozen.json").read_bytes()
