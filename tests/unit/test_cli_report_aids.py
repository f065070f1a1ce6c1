"""`report spell`, `report diff` and `autotext` on a desk of made-up cases: what is printed, and as JSON."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from teleread.cli import autotext, report_aids, report_alert
from teleread.cli.call import Call, Options, Parser
from teleread.cli.output import Output
from teleread.model.errors import UsageError
from teleread.model.task import PriorReport
from teleread.model.text import clean
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import World

PRIOR = "Findings:\n9 mm nodule in the left upper lobe. No effusion.\n\nConclusion:\nLeft nodule."


def drafted(world: World, **texts: str) -> str:
    draft = world.desk.start_draft(world.task(cases.context()))
    world.desk.save_draft(draft.id, draft.seq, texts)
    return draft.id


def printed(world: World, arguments: Callable[[argparse.ArgumentParser], None], *words: str) -> Any:
    """Run a command's function with typed words: a function of (run) to (JSON, words for people)."""
    parser = Parser()
    arguments(parser)
    args = parser.parse_args(list(words))

    def told(run: Callable[[Call], int], *, as_json: bool) -> str:
        out, err = io.StringIO(), io.StringIO()
        call = Call(Options(json=as_json), args, Output(as_json, stdout=out, stderr=err))
        call._desk = world.desk
        assert run(call) == 0
        return out.getvalue() + ("" if as_json else err.getvalue())

    def both(run: Callable[[Call], int]) -> tuple[dict[str, Any], str]:
        return json.loads(told(run, as_json=True)), told(run, as_json=False)

    return both


def test_spell_names_doubtful_words_and_what_may_be_meant_and_learns(world: World) -> None:
    draft = drafted(world, findings="Small pnuemothorax. Zyxotide given.", impression="Plural effusion.")
    found, words = printed(world, report_aids.spell_arguments, draft)(
        lambda call: report_aids.spell(call, draft)
    )
    assert [(one["section"], one["word"]) for one in found["words"]] == [
        ("findings", "pnuemothorax"),
        ("findings", "Zyxotide"),
        ("impression", "Plural"),
    ]
    assert found["words"][0]["instead"][0] == "pneumothorax"
    assert found["words"][2]["instead"] == ["Pleural"]
    assert "pneumothorax" in words
    again, _ = printed(world, report_aids.spell_arguments, draft, "--learn", "zyxotide")(
        lambda call: report_aids.spell(call, draft)
    )
    assert [one["word"] for one in again["words"]] == ["pnuemothorax", "Plural"]


def test_diff_puts_the_newest_earlier_report_beside_the_draft(world: World) -> None:
    context = cases.context()
    draft = drafted(world, findings="9 mm nodule in the right upper lobe. No effusion.", impression="Nodule.")
    old = PriorReport(
        id=clean("r1"),
        version=clean("1"),
        status=clean("final"),
        study_uid=clean("1.9"),
        accession=clean("A1"),
        title=clean("CT chest"),
        author=clean("Dr B"),
        issued=datetime(2099, 3, 4, tzinfo=UTC),
        text=clean(PRIOR, multiline=True),
    )
    world.vault.prior_reports.put(cases.HUB, context.patient.id, [old])
    found, words = printed(world, report_aids.diff_arguments, draft)(
        lambda call: report_aids.diff(call, draft)
    )
    assert found["prior"]["id"] == "r1"
    findings = next(one for one in found["sections"] if one["section"] == "findings")
    turned, same = findings["sentences"]
    assert (turned["kind"], turned["side_differs"]) == ("changed", True)
    assert (same["kind"], same["after"]) == ("same", "No effusion.")
    assert "≠ side" in words


def test_diff_without_an_earlier_report_says_so(world: World) -> None:
    draft = drafted(world, findings="Normal.")
    with pytest.raises(UsageError, match="No such earlier report"):
        printed(world, report_aids.diff_arguments, draft, "--prior", "nope")(
            lambda call: report_aids.diff(call, draft)
        )


def test_autotext_is_set_listed_expanded_and_removed(world: World) -> None:
    kept, words = printed(world, autotext.arguments, "set", ".NAD", "No abnormality of the {part}.")(
        autotext.run
    )
    assert (kept["name"], kept["source"]) == ("nad", "own")
    assert "Kept as .nad" in words
    listed, words = printed(world, autotext.arguments, "list")(autotext.run)
    assert [one["name"] for one in listed["autotexts"]] == ["nad"]
    assert ".nad" in words
    made, words = printed(world, autotext.arguments, "expand", "Seen. .nad")(autotext.run)
    assert made["text"] == "Seen. No abnormality of the [?Body part]."
    assert made["text"][slice(*made["field"])] == "[?Body part]"
    assert "Seen. No abnormality" in words
    with pytest.raises(UsageError, match="no autotext"):  # the first of the two runs has removed it
        printed(world, autotext.arguments, "remove", "nad")(autotext.run)
    assert printed(world, autotext.arguments, "list")(autotext.run)[0]["autotexts"] == []


def test_an_alert_is_kept_shown_and_cleared(world: World) -> None:
    draft = drafted(world, findings="Free gas.", impression="Pneumoperitoneum.")

    def run(*words: str) -> tuple[dict[str, Any], str]:
        made: tuple[dict[str, Any], str] = printed(world, report_alert.arguments, draft, *words)(
            lambda call: report_alert.run(call, draft)
        )
        return made

    assert run()[0]["alert"] is None
    kept, words = run("--category", "u", "--told", "Dr Ward", "--at", "14:10")
    assert kept["alert"] == {
        "category": "U: urgent: act within 24 hours",
        "told": "Dr Ward",
        "at": "14:10",
        "method": "telephone",
    }
    assert "Told: Dr Ward, 14:10, by telephone." in words
    assert run()[0]["alert"]["told"] == "Dr Ward"
    assert run("--clear")[0]["alert"] is None
    with pytest.raises(UsageError, match="who was told and when"):
        run("--category", "U")
