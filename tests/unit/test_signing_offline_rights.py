"""Rights are believed for as long as the site says: then a desk reads and drafts, and does not sign."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from teleread.model.errors import AttentionError
from teleread.signing.rights import denied, may_sign, outlived
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import AWAY, World

NOW = cases.START


def heard(world: World, hours: float) -> None:
    """The hub answered so long ago."""
    state = world.vault.worklist.hub_state(cases.HUB)
    at = world.clock.now() - timedelta(hours=hours)
    world.vault.worklist.put_hub_state(replace(state, last_pull_at=at))


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, offline_hours=24.0)
    yield made
    made.desk.close()


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0.0, ""), (24.0, ""), (24.1, "24 h ago"), (72.0, "3 days ago"), (-0.5, ""), (-2.0, "clock")],
)
def test_rights_hold_for_the_hours_the_site_says(limited: World, hours: float, words: str) -> None:
    hub = limited.core.hub(cases.HUB)
    told = outlived(hub, NOW - timedelta(hours=hours), NOW)
    assert bool(told) is bool(words)
    assert words in told


def test_a_hub_that_never_answered_gave_no_rights_and_without_a_limit_nothing_runs_out(
    limited: World,
) -> None:
    hub = limited.core.hub(cases.HUB)
    assert "not answered yet" in outlived(hub, None, NOW)
    assert outlived(replace(hub, offline_hours=0.0), None, NOW) == ""


def test_beyond_the_limit_a_desk_reads_and_drafts_and_does_not_sign(limited: World) -> None:
    heard(limited, 1)
    key = limited.task(cases.context("old"))
    draft = limited.written(key)
    assert limited.desk.item(key).signable
    limited.clock.advance(24 * 3600)
    limited.core.listing = None
    assert not limited.desk.item(key).signable
    found = limited.desk.draft(draft)
    limited.desk.save_draft(draft, found.seq, {"findings": "More to say."})
    stops = [one for one in limited.desk.checks(draft) if one.id == "may-not-sign"]
    assert "24 h without contact" in stops[0].text
    assert not stops[0].override, "no reason lifts it"
    with pytest.raises(AttentionError) as caught:
        limited.desk.sign(draft, AWAY, pin=cases.PIN)
    assert caught.value.code == "rights-outlived"
    assert caught.value.exit_code == 5
    assert "connect" in caught.value.detail
    heard(limited, 0)
    report = limited.desk.sign(draft, AWAY, pin=cases.PIN)
    assert limited.item(report).state == "queued"


def test_what_is_signed_outlives_every_limit_sealed_and_waits_for_the_line(limited: World) -> None:
    heard(limited, 1)
    report = limited.signed(limited.task(cases.context("signed")))
    limited.clock.advance(365 * 86400)
    item = limited.item(report)
    assert item.state == "queued"
    assert limited.vault.reports.get(report.report_id, report.version).frozen == report.frozen
    assert [one.id for one in limited.vault.outbox.due(limited.clock.now())] == [item.id]


def test_a_readers_report_goes_under_a_systems_sign_in_only_where_the_site_says_so(world: World) -> None:
    key = world.task(cases.context("system"))
    context = world.vault.worklist.get(key)
    assert context is not None
    system = replace(world.core.hub(cases.HUB), auth="smart")
    allowed, why = may_sign(system, context)
    assert (allowed, "as a system" in why) == (False, True)
    assert denied(system, "report") == "", "reading and drafting go on"
    assert may_sign(replace(system, system_reports=True), context)[0]
