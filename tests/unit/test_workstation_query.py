"""The worklist's QUERY language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from teleread.model.errors import UsageError
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText
from teleread.workstation.api import WorklistItem
from teleread.workstation.query import fold, order_key, parse_query

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def row(**more: object) -> WorklistItem:
    base = WorklistItem(
        key=TaskKey("h1", "1"),
        task="north:1",
        hub=SafeText("north"),
        state=SafeText("requested"),
        mine=False,
        signable=True,
        why_not=EMPTY,
        priority=SafeText("routine"),
        due=NOW + timedelta(hours=3),
        due_used=0.5,
        name=SafeText("Renard^Édouard"),
        patient_id=SafeText("N1"),
        issuer=EMPTY,
        birth_date=SafeText("1955-05-25"),
        sex=SafeText("M"),
        nhs_number=EMPTY,
        nhs_status=EMPTY,
        accession=SafeText("NG0001"),
        procedure=SafeText("XR Shoulder Left"),
        modality=SafeText("CR"),
        site=SafeText("DEMO Northgate Hospital"),
        study_uid=SafeText("1.2.3"),
        instances=1,
        held=0,
        cached="none",
        priors_ready=False,
        draft=None,
        report_state=None,
    )
    return replace(base, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", True),
        ("renard", True),
        ("EDOUARD", True),
        ("édouard renard", True),
        ('"renard edouard"', True),
        ("smith", False),
        ("ng0001", True),
        ("shoulder left", True),
        ("modality:CR", True),
        ("modality:ct,cr", True),
        ("modality:CT", False),
        ("priority:stat", False),
        ("priority:stat,routine", True),
        ("state:requested,in-progress", True),
        ("state:completed", False),
        ("mine:no", True),
        ("mine:yes", False),
        ("due:<2h", False),
        ("due:<4h", True),
        ("due:>30m", True),
        ("due:<1d renard modality:CR", True),
        ("due:<1d smith modality:CR", False),
        ("report:none", True),
        ("report:draft", False),
        ("cached:none,part", True),
        ("cached:all", False),
        ("sex:m", True),
        ("sex:F", False),
        ("hub:north", True),
        ("hub:nor", False),
        ("site:northgate", True),
        ('site:"northgate hospital"', True),
    ],
)
def test_a_term_matches_what_it_says(query: str, wanted: bool) -> None:
    assert parse_query(query, NOW).matches(row()) is wanted


def test_a_row_without_a_due_time_matches_no_due_term() -> None:
    free = row(due=None)
    assert not parse_query("due:<99d", NOW).matches(free)
    assert not parse_query("due:>1m", NOW).matches(free)


def test_a_row_of_several_modalities_matches_each() -> None:
    both = row(modality=SafeText("PT\\CT"))
    assert parse_query("modality:CT", NOW).matches(both)
    assert not parse_query("modality:T", NOW).matches(both)


@pytest.mark.parametrize(
    "query", ["nonsense:1", "due:2h", "due:<h", "due:", "mine:perhaps", "report:lost", "cached:x"]
)
def test_what_makes_no_sense_is_refused(query: str) -> None:
    with pytest.raises(UsageError):
        parse_query(query, NOW)


def test_stat_comes_first_then_what_is_due_first_and_what_has_no_time_last() -> None:
    late = row(task="late", due=NOW + timedelta(days=1))
    early = row(task="early", due=NOW - timedelta(hours=1))
    stat = row(task="stat", priority=SafeText("stat"), due=NOW + timedelta(days=9))
    never = row(task="never", due=None)
    assert [one.task for one in sorted([never, late, stat, early], key=order_key)] == [
        "stat",
        "early",
        "late",
        "never",
    ]


def test_folding_takes_case_accents_and_carets_away() -> None:
    assert fold("Lindqvist-Ørsted^Zoë") == "lindqvist-ørsted zoe"
