"""Signed versions at the desk: each with its own proof, what became of it, and what it changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from teleread.cli import report_aids
from teleread.model.errors import UsageError
from teleread.workstation import lifecycle
from teleread.workstation.versions import changes, of_report
from tests.unit import vault_cases as cases
from tests.unit.test_cli_report_aids import printed
from tests.unit.test_workstation_desk import World
from tests.unit.test_workstation_lifecycle import delivered, sign


def test_each_version_is_told_with_kind_signer_reason_and_receipt(world: World) -> None:
    key = world.task(cases.context())
    first = world.signed(key)
    delivered(world, first)
    draft = lifecycle.correct(world.core, first.report_id, "Wrong side.", "Ward 7")
    world.desk.save_draft(draft.id, draft.seq, {"findings": "Normal spleen."})
    sign(world, world.desk.draft(draft.id))
    one, two = world.desk.writing.versions(key)
    assert [(found.report.version, found.report.kind) for found in (one, two)] == [
        (1, "report"),
        (2, "correction"),
    ]
    assert all(found.verdict.valid and found.verdict.trust == "own" for found in (one, two))
    assert [str(found.signer) for found in (one, two)] == ["Dr Test", "Dr Test"]
    assert (one.delivery, str(one.receipt.id) if one.receipt else "") == ("delivered", "DiagnosticReport/1")
    assert (two.delivery, two.receipt) == ("queued", None)
    assert (str(two.reason), str(two.told), str(one.reason)) == ("Wrong side.", "Ward 7", "")
    assert of_report(world.core, first.report_id.upper()) == (one, two)


def test_what_a_version_changed_leaves_out_what_it_left_alone(world: World) -> None:
    key = world.task(cases.context())
    first = world.signed(key)
    draft = lifecycle.correct(world.core, first.report_id, "Wrong organ.", "")
    world.desk.save_draft(draft.id, draft.seq, {"findings": "Normal spleen. No free fluid."})
    sign(world, world.desk.draft(draft.id))
    found = changes(*world.desk.writing.versions(key))
    assert [section.id for section, _ in found] == ["findings"]
    pairs = found[0][1]
    assert ("new", "", "No free fluid.") in [(one.kind, str(one.before), str(one.after)) for one in pairs]
    assert any("liver" in str(one.before) for one in pairs)


def test_a_version_whose_bytes_were_changed_is_told_and_its_neighbour_still_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = world.task(cases.context())
    first = world.signed(key)
    draft = lifecycle.correct(world.core, first.report_id, "A node too.", "")
    world.desk.save_draft(draft.id, draft.seq, {"findings": "A node too."})
    sign(world, world.desk.draft(draft.id))
    broken = first.frozen.replace(b"Normal liver", b"Normal lover")
    assert broken != first.frozen
    second = world.desk.report(first.report_id)
    kept = (replace(first, frozen=broken), second)
    monkeypatch.setattr(world.vault.reports, "for_task", lambda key: kept)
    one, two = world.desk.writing.versions(key)
    assert (one.verdict.valid, two.verdict.valid) == (False, True)


def test_nothing_signed_is_an_empty_list_and_an_unknown_report_is_refused(world: World) -> None:
    assert world.desk.writing.versions(world.task(cases.context())) == ()
    with pytest.raises(UsageError):
        of_report(world.core, "no-such-report")


def test_the_command_prints_every_version_its_receipt_and_what_it_changed(world: World) -> None:
    first = world.signed(world.task(cases.context()))
    delivered(world, first)
    draft = lifecycle.correct(world.core, first.report_id, "Wrong organ.", "Ward 7")
    world.desk.save_draft(draft.id, draft.seq, {"findings": "Normal liver. No free fluid."})
    sign(world, world.desk.draft(draft.id))
    found, words = printed(world, report_aids.versions_arguments, first.report_id)(report_aids.versions)
    assert [(one["version"], one["kind"], one["valid"]) for one in found["versions"]] == [
        (1, "report", True),
        (2, "correction", True),
    ]
    assert [one["receipt"] for one in found["versions"]] == ["DiagnosticReport/1", None]
    assert found["versions"][0]["changes"] == []
    assert found["versions"][1]["changes"] == [
        {"section": "findings", "kind": "new", "before": "", "after": "No free fluid."}
    ]
    assert found["versions"][1]["reason"] == "Wrong organ."
    assert "v2 findings  + No free fluid." in words
    assert "DiagnosticReport/1" in words
