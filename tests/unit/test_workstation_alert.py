"""Who was told of a critical finding: kept with the draft, signed, carried into the addenda."""

from __future__ import annotations

import json
from pathlib import Path

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


def alerts_waiting(world: World) -> list[dict[str, str]]:
    """What the outbox tells of alerts, in order; closed ones with their state."""
    return [
        {"state": one.state, **json.loads(one.payload)["alert"]}
        for one in world.vault.outbox.list()
        if one.kind == "alert"
    ]


def test_an_alert_goes_into_the_outbox_when_it_is_recorded_and_signing_adds_no_second(world: World) -> None:
    draft = written(world)
    set_alert(world.core, draft, "C", "Dr Ward, surgery", "14:10", "telephone")
    (one,) = alerts_waiting(world)
    assert (one["state"], one["told"]) == ("queued", "Dr Ward, surgery")
    item = next(one for one in world.vault.outbox.list() if one.kind == "alert")
    payload = json.loads(item.payload)
    assert (payload["code"], payload["priority"]) == ("C", "stat")
    set_alert(world.core, world.desk.draft(draft.id), "C", "Dr Ward, surgery", "14:10", "telephone")
    world.desk.sign(draft.id, AWAY, pin=cases.PIN)
    assert len(alerts_waiting(world)) == 1


def test_an_alert_recorded_anew_or_taken_away_before_it_left_is_not_sent(world: World) -> None:
    draft = written(world)
    set_alert(world.core, draft, "C", "Dr Ward", "14:10", "telephone")
    set_alert(world.core, world.desk.draft(draft.id), "C", "Dr Okoro", "14:20", "in person")
    assert [(one["state"], one["told"]) for one in alerts_waiting(world)] == [
        ("closed", "Dr Ward"),
        ("queued", "Dr Okoro"),
    ]
    clear_alert(world.core, world.desk.draft(draft.id))
    assert [one["state"] for one in alerts_waiting(world)] == ["closed", "closed"]


@pytest.mark.parametrize(
    "hub",
    [{"send_alerts": False}, {"fhir": "", "mwl": "RIS@127.0.0.1:1"}, {"fhir": "", "hl7": "127.0.0.1:1"}],
    ids=["switched-off", "mwl", "hl7"],
)
def test_where_a_hub_takes_no_alerts_by_themselves_they_stand_in_the_report_alone(
    tmp_path: Path, hub: dict[str, object]
) -> None:
    world = World(tmp_path, **hub)
    try:
        draft = written(world)
        set_alert(world.core, draft, "C", "Dr Ward", "14:10", "telephone")
        assert alerts_waiting(world) == []
        assert alert_in(world.desk.draft(draft.id).fields) is not None
    finally:
        world.vault.close()


def test_a_bad_table_of_priorities_keeps_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, alert_priorities={"C": "soon"})
    try:
        draft = written(world)
        with pytest.raises(UsageError, match="alert_priorities"):
            set_alert(world.core, draft, "C", "Dr Ward", "14:10", "telephone")
        assert alert_in(world.desk.draft(draft.id).fields) is None
        assert alerts_waiting(world) == []
    finally:
        world.vault.close()
