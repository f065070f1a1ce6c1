"""A version signed on a report that the hub has changed meanwhile: read, signed again, and then it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from teleread.model.report import Draft
from teleread.model.task import TaskKey
from tests.e2e.test_reconnect import Ward


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    one = Ward(tmp_path)
    one.desk.sync()
    yield one
    one.close()


def _issued(ward: Ward) -> tuple[TaskKey, str]:
    (key,) = ward.claim(1)
    report = ward.sign(key, "Fracture of the left radius.")
    ward.desk.sync()
    assert report in ward.held()
    return key, report


def _write(ward: Ward, draft: Draft, words: str) -> None:
    section = next(one for one in draft.sections if one.id == "impression")
    ward.desk.save_draft(draft.id, draft.seq, {section.id: words})


def _changed_meanwhile(ward: Ward, key: TaskKey, draft: Draft) -> str:
    """Sign while the line is cut, and let somebody change the report at the hub; the item that asks."""
    ward.line("cut")
    report = ward.sign_draft(draft.id)
    ward.line("up")
    ward.server.events.supersede(key.task_id)
    ward.desk.sync()
    item = ward.item(report)
    assert item.state == "needs_attention"
    assert {one.id for one in item.choices} == {"resign", "withdraw"}
    return item.id


def _signed_again(ward: Ward, key: TaskKey, item_id: str) -> str:
    ward.desk.outbox_resolve(item_id, "resign")
    (draft,) = ward.desk.core.vault.drafts.open_for(key)
    again = ward.sign_draft(draft.id)
    told = ward.desk.sync()
    assert (told["pushed"], told["needs_attention"]) == (1, 0)
    assert ward.item(again).state == "delivered"
    return again


def test_what_the_hub_made_of_the_report_is_shown_before_it_is_signed_again(ward: Ward) -> None:
    key, report = _issued(ward)
    draft = ward.desk.correct(report, "The side was wrong.")
    _write(ward, draft, "Fracture of the right radius.")
    item_id = _changed_meanwhile(ward, key, draft)
    headings = dict(ward.desk.outbox_beside(item_id))
    theirs = next(lines for heading, lines in headings.items() if heading.startswith("Theirs"))
    assert "Changed at the hub." in " ".join(theirs)
    assert "Fracture of the right radius." in " ".join(headings["Yours"])


def test_a_correction_signed_again_takes_the_changed_reports_place(ward: Ward) -> None:
    key, report = _issued(ward)
    draft = ward.desk.correct(report, "The side was wrong.")
    _write(ward, draft, "Fracture of the right radius.")
    again = _signed_again(ward, key, _changed_meanwhile(ward, key, draft))
    assert again == report
    assert ward.held()[report]["status"] == "corrected"
    assert len({one["id"] for one in ward.held().values()}) == 1


def test_a_withdrawal_signed_again_takes_the_changed_report_back(ward: Ward) -> None:
    key, report = _issued(ward)
    draft = ward.desk.withdraw(report, "On the wrong patient.", "Dr Ward")
    again = _signed_again(ward, key, _changed_meanwhile(ward, key, draft))
    assert again == report
    assert ward.held()[report]["status"] == "entered-in-error"


def test_an_addendum_signed_again_stands_beside_the_changed_report_and_undoes_nothing(ward: Ward) -> None:
    key, report = _issued(ward)
    draft = ward.desk.addendum(report)
    ward.desk.save_draft(draft.id, draft.seq, {draft.sections[-1].id: "Added later."})
    again = _signed_again(ward, key, _changed_meanwhile(ward, key, draft))
    assert again != report
    assert "Changed at the hub." in str(ward.held()[report])
    words = str(ward.desk.report(again).frozen)
    assert "Addendum to the report of" in words
    assert "Added later." in words
    assert set(ward.held()) == {report, again}


def test_a_change_that_comes_after_it_was_read_is_asked_about_again(ward: Ward) -> None:
    key, report = _issued(ward)
    draft = ward.desk.correct(report, "The side was wrong.")
    _write(ward, draft, "Fracture of the right radius.")
    item_id = _changed_meanwhile(ward, key, draft)
    ward.desk.outbox_resolve(item_id, "resign")
    (draft,) = ward.desk.core.vault.drafts.open_for(key)
    ward.server.events.supersede(key.task_id)
    ward.sign_draft(draft.id)
    assert ward.desk.sync()["needs_attention"] == 1
    assert "Changed at the hub. Changed at the hub." in str(ward.held()[report])
