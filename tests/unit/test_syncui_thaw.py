"""A form that was proven a moment ago is read quickly; another one, by a single byte, never."""

from __future__ import annotations

import pytest

from teleread.documents import thawing
from teleread.model.errors import IntegrityError
from tests.unit.documents_cases import reports

FORMS = [one.frozen for one in reports(3)]
FROZEN = FORMS[0]


def test_the_same_bytes_read_again_are_the_same_form_and_no_shared_one() -> None:
    first = thawing.thaw(FROZEN)
    first["sections"].clear()
    again = thawing.thaw(FROZEN)
    assert again["sections"]
    assert again == {**first, "sections": again["sections"]}


def test_a_changed_byte_is_found_although_the_form_was_proven_before() -> None:
    thawing.thaw(FROZEN)
    for bad in (FROZEN + b" ", FROZEN.replace(b"{", b"{ ", 1), FROZEN[:-1]):
        for _ in range(2):
            with pytest.raises(IntegrityError):
                thawing.thaw(bad)


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    thawing._PROVEN.clear()
    monkeypatch.setattr(thawing, "_MOST_PROVEN", 2)
    for _ in range(2):
        for form in FORMS:
            assert thawing.thaw(form)["report_id"]
    assert len(thawing._PROVEN) <= 2
