"""Who was told of a critical finding: kept with the draft, signed, carried into the addenda."""

from __future__ import annotations

import json

import pytest

from teleread.documents.facts import facts_of
from teleread.model.errors import UsageError
from teleread.model.report import Draft
from teleread.reporting.alerts import BUILT_IN, alert_in, categories_of, make_alert
from teleread.workstation.drafts import clear_alert, set_alert
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import AWAY, World

TEXTS = {
    "technique": "CT with contrast.",
    "findings": "Free gas under the diaphragm from a perforated viscus.",
    "impression": "Pneumoperitoneum.",
}


def written(world: World) -> Draft:
    draft = world.desk.start_draft(world.task(cases.context()))
    world.desk.save_draft(draft.id, draft.seq, TEXTS)
    return world.desk.draft(draft.id)


def blocks(world: World, draft_id: str) -> set[str]:
    return {one.id for one in world.desk.checks(draft_id) if one.blocking and one.id.startswith("critical")}


def test_a_critical_finding_blocks_until_somebody_was_told(world: World) -> None:
    draft = written(world)
    assert blocks(world, draft.id) == {"critical-no-alert"}
    set_alert(world.core, draft, "c", "Dr Ward, surgery", "14:10", "telephone")
    assert blocks(world, draft.id) == set()
    clear_alert(world.core, world.desk.draft(draft.id))
    assert blocks(world, draft.id) == {"critical-no-alert"}
    audited = [one for one in world.vault.audit.export() if one.kind == "alert"]
    assert len(audited) == 2


def test_an_alert_is_frozen_as_an_alert_and_not_as_a_field(world: World) -> None:
    draft = written(world)
    set_alert(world.core, draft, "C", "Dr Ward, surgery", "14:10", "telephone")
    report = world.desk.sign(draft.id, AWAY, pin=cases.PIN)
    form = json.loads(report.frozen)
    assert form["fields"] == {}
    assert form["alert"] == {
        "category": "C: critical: act as soon as possible",
        "told": "Dr Ward, surgery",
        "at": "14:10",
        "method": "telephone",
    }
    alert = facts_of(report).alert
    assert alert is not None
    assert alert.told == "Dr Ward, surgery"


def test_an_addendum_carries_the_alert_of_the_report_it_adds_to(world: World) -> None:
    draft = written(world)
    set_alert(world.core, draft, "C", "Dr Ward", "14:10", "telephone")
    report = world.desk.sign(draft.id, AWAY, pin=cases.PIN)
    more = world.desk.addendum(report.report_id)
    world.desk.save_draft(more.id, more.seq, {"findings": "Small hiatus hernia."})
    later = world.desk.sign(more.id, AWAY, pin=cases.PIN)
    assert json.loads(later.frozen)["alert"] == json.loads(report.frozen)["alert"]


def test_a_report_without_an_alert_is_frozen_as_before(world: World) -> None:
    report = world.signed(world.task(cases.context()))
    assert "alert" not in json.loads(report.frozen)


@pytest.mark.parametrize(
    ("category", "told", "at", "method", "word"),
    [
        ("Z", "Dr Ward", "14:10", "telephone", "no alert category"),
        ("C", " ", "14:10", "telephone", "Who was told"),
        ("C", "Dr Ward", "", "telephone", "When"),
        ("C", "Dr Ward", "14:10", "\x1b", "How"),
    ],
)
def test_an_alert_that_lacks_something_is_refused_in_words(
    category: str, told: str, at: str, method: str, word: str
) -> None:
    with pytest.raises(UsageError, match=word):
        make_alert(BUILT_IN, category, told, at, method)


def test_the_hubs_own_table_of_categories_wins_and_a_bad_one_is_refused() -> None:
    own = categories_of({"alert_categories": {"RED": "act within the hour"}})
    assert [(one.code, one.text) for one in own] == [("RED", "act within the hour")]
    assert categories_of({}) == BUILT_IN
    wrong: tuple[object, ...] = ({}, [], "C", {"C": 1}, {"C": ""}, {str(n): "x" for n in range(100)})
    for bad in wrong:
        with pytest.raises(UsageError, match="alert_categories"):
            categories_of({"alert_categories": bad})


def test_a_damaged_alert_in_the_journal_is_no_alert() -> None:
    for text in ("", "{", "[]", "[1,2]", '"x"', "null", '{"a":1}'):
        assert alert_in({"@alert": text}) is None
