"""Who may sign is said by the checks as by the signature; a rule says what lifts it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from teleread.cli import report as noun
from teleread.cli.output import Output
from teleread.model.errors import AttentionError, UsageError
from teleread.model.report import RIGHTS, Check, Override
from teleread.model.text import SafeText, clean
from teleread.reporting.checks import rules, settle
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import AWAY, World

OTHER = "Practitioner/other"


def checked(world: World, draft: str, *, as_json: bool = True) -> tuple[int, str]:
    out = io.StringIO()
    args = SimpleNamespace(verb="check", draft=draft)
    call: Any = SimpleNamespace(args=args, desk=world.desk, out=Output(as_json, stdout=out, stderr=out))
    code = noun.run(call)
    return code, out.getvalue()


def test_a_case_of_another_reader_blocks_in_the_checks_as_at_the_signature(world: World) -> None:
    draft = world.written(world.task(cases.context(), owner=OTHER))
    found = world.desk.checks(draft)
    assert (found[0].id, found[0].blocking, found[0].override) == ("not-yours", True, "")
    assert "somebody else has this case" in found[0].text
    assert checked(world, draft)[0] == 5
    sheet = world.desk.sign_sheet(draft, [*AWAY, Override("not-yours", SafeText("mine anyway"))])
    assert "not-yours" in [one.id for one in sheet.checks]
    for reasons in (AWAY, (*AWAY, Override("not-yours", SafeText("mine anyway")))):
        with pytest.raises(AttentionError) as caught:
            world.desk.sign(draft, reasons, pin=cases.PIN)
        assert caught.value.code == "forbidden"
    assert world.desk.reports() == ()


def test_what_else_forbids_a_signature_is_a_check_too(tmp_path: Path) -> None:
    world = World(tmp_path, rights=["report"])
    draft = world.written(world.task(cases.context()))
    found = world.desk.checks(draft)
    assert (found[0].id, found[0].override) == ("may-not-sign", "")
    assert "no such right" in found[0].text
    world.desk.close()


def test_ones_own_case_and_one_of_nobody_raise_no_such_check(world: World) -> None:
    for number, owner in enumerate(("Practitioner/reader", "")):
        draft = world.written(world.task(cases.context(f"t{number}"), owner=owner))
        assert not {one.id for one in world.desk.checks(draft)} & set(RIGHTS)


def test_no_reason_lifts_who_may_sign() -> None:
    check = rules()["not-yours"].found(who="Dr Other")
    settled = settle([check], [Override("not-yours", SafeText("x")), Override("", SafeText("y"))])
    assert settled.blocking == (check,)
    assert settled.overridden == ()


def test_each_rule_names_what_lifts_it() -> None:
    words = clean("words")
    assert Check("identity-patient-id", "stop", words, words).override == "identity-checked"
    assert Check("identity-sex", "warn", words, words).override == "identity-sex"
    assert Check("empty-impression", "block", words, words).override == "empty-impression"


def test_the_command_says_what_lifts_each_rule_in_json_and_in_words(world: World) -> None:
    draft = world.written(world.task(cases.context()))
    code, text = checked(world, draft)
    told = {one["id"]: one["override"] for one in json.loads(text.splitlines()[0])["rules"]}
    assert code == 5
    assert told["study-not-held"] == "study-not-held"
    _, words = checked(world, draft, as_json=False)
    assert "--override study-not-held=REASON" in words
    assert "LIFTED BY" in words


def test_the_command_says_that_nothing_lifts_somebody_elses_case(world: World) -> None:
    draft = world.written(world.task(cases.context(), owner=OTHER))
    _, text = checked(world, draft)
    told = {one["id"]: one["override"] for one in json.loads(text.splitlines()[0])["rules"]}
    assert told["not-yours"] is None
    assert "You may draft, not sign" in checked(world, draft, as_json=False)[1]


def test_a_reason_for_a_rule_there_is_not_is_refused_with_those_there_are(world: World) -> None:
    draft = world.written(world.task(cases.context()))
    with pytest.raises(UsageError) as caught:
        world.desk.sign(draft, [*AWAY, Override("nosuchrule", SafeText("x"))], pin=cases.PIN)
    assert "nosuchrule" in caught.value.title
    assert "identity-checked" in caught.value.remedy
    assert "empty-impression" in caught.value.remedy
    assert world.desk.reports() == ()
