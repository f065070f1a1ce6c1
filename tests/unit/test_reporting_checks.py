"""The checks: each rule fires where it must, and nowhere else; and what a reason lifts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from teleread.model.identity import Match
from teleread.model.report import Check, Override
from teleread.model.study import StudyInfo
from teleread.model.task import PriorStudy, TaskContext, Versions
from teleread.model.text import EMPTY, clean
from teleread.reporting.checks import rules, run, settle
from teleread.reporting.words import sentences, sides
from tests.unit import signing_cases as made


def found(
    context: TaskContext | None = None,
    *,
    match: Match | None = None,
    study: StudyInfo | None = None,
    held: int = 2,
    kind: str = "report",
    change: Callable[[Any], Any] = lambda draft: draft,
    **texts: str,
) -> list[Check]:
    context = context or made.context()
    draft = change(made.draft(context, kind=kind, **texts))
    return list(
        run(
            draft,
            context,
            study or made.study(),
            made.instances(held),
            match or made.match(context),
            made.template(),
        )
    )


def ids(checks: list[Check]) -> list[str]:
    return [one.id for one in checks]


def lateral(side: str) -> TaskContext:
    return made.context(the_order=made.order(laterality=clean(side), procedure=clean("MRI knee")))


def test_a_good_report_passes_every_rule() -> None:
    assert found() == []


def test_every_rule_has_words_and_a_hazard() -> None:
    assert len(rules()) >= 20
    for rule in rules().values():
        assert rule.severity in {"stop", "block", "warn"}
        assert rule.text.strip()
        assert rule.hazard.endswith(".")
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)


def test_an_empty_impression_blocks() -> None:
    (check,) = found(findings="Normal.", impression="  \n ", technique="CT.")
    assert (check.id, check.severity, check.section) == ("empty-impression", "block", "impression")
    assert check.text == "Impression is empty."


def test_empty_findings_block() -> None:
    assert ids(found(findings="", impression="Normal.")) == ["missing-section"]


def test_each_field_that_was_not_filled_is_named() -> None:
    checks = found(findings="Gallbladder: [?Gallbladder]. Size [?].", impression="Normal.")
    assert ids(checks) == ["unresolved-field", "unresolved-field"]
    assert checks[0].text == "Gallbladder is not filled in."
    assert (checks[0].section, checks[0].field) == ("findings", "gallbladder")


@pytest.mark.parametrize(
    ("side", "impression", "fires"),
    [
        ("LEFT", "Tear of the right medial meniscus.", True),
        ("RIGHT", "Tear of the LEFT medial meniscus.", True),
        ("RIGHT", "Lt medial meniscus tear.", True),
        ("LEFT", "Tear of the left medial meniscus.", False),
        ("LEFT", "Smaller effusion than the right knee; compared with 2024, left is worse.", False),
        ("LEFT", "Left knee normal. The patient is right-handed.", False),
        ("LEFT", "Left knee normal. Right ventricle not imaged.", False),
        ("BILATERAL", "Right and left knee normal.", False),
        ("", "Right knee normal.", False),
        ("LEFT", "Bright signal in the left knee.", False),
    ],
)
def test_a_side_against_the_order_blocks(side: str, impression: str, fires: bool) -> None:
    checks = found(lateral(side), findings="Normal.", impression=impression, technique="MRI.")
    assert ("side-mismatch" in ids(checks)) is fires


def test_a_side_that_is_ordered_and_never_named_warns() -> None:
    checks = found(lateral("LEFT"), findings="Normal.", impression="Normal.", technique="MRI.")
    assert [(one.id, one.severity) for one in checks] == [("side-not-named", "warn")]


def test_an_impression_that_turns_the_side_of_a_finding_warns() -> None:
    checks = found(findings="Stone in the left kidney.", impression="Right kidney stone.", technique="CT.")
    assert ids(checks) == ["side-between-sections"]
    assert "RIGHT kidney" in checks[0].text
    assert found(findings="Left and right kidney normal.", impression="Normal left kidney.") == []


@pytest.mark.parametrize(
    ("sex", "findings", "fires"),
    [
        ("M", "The uterus is normal.", True),
        ("M", "No ovarian mass.", True),
        ("M", "Previous hysterectomy.", True),
        ("F", "The prostate is enlarged.", True),
        ("F", "Findings of testicular torsion.", True),
        ("F", "The uterus is normal.", False),
        ("M", "The prostate is enlarged.", False),
        ("M", "Family history of ovarian cancer.", False),
        ("M", "Cervical spine normal; tunica vaginalis normal.", False),
        ("F", "Hip prosthesis in good position.", False),
        ("O", "Uterus and prostate.", False),
        ("", "The uterus is normal.", False),
    ],
)
def test_an_organ_of_the_other_sex_blocks(sex: str, findings: str, fires: bool) -> None:
    context = made.context(the_patient=made.patient(sex=clean(sex)))
    checks = found(context, match=made.match(), findings=findings, impression="As above.")
    assert ("sex-organ" in ids(checks)) is fires


def test_the_orders_question_is_not_read_for_organs() -> None:
    texts: Any = {**made.GOOD_TEXTS, "clinical_information": "Wife pregnant. Right knee pain."}
    assert found(**texts) == []


@pytest.mark.parametrize(
    ("image", "rule", "severity"),
    [
        ({"patient_id": clean("NG777777")}, "identity-patient-id", "stop"),
        ({"other_ids": ((clean("9990000018"), clean("NHS")),)}, "identity-nhs-number", "stop"),
        ({"birth_date": clean("1980-01-01")}, "identity-birth-date", "stop"),
        ({"study_uid": clean("1.2.3")}, "identity-study-uid", "stop"),
        ({"accession": clean("X")}, "identity-accession", "stop"),
        ({"sex": clean("M")}, "identity-sex", "warn"),
        ({"name": clean("Abbott^Joan")}, "identity-name", "warn"),
    ],
)
def test_each_identity_finding_is_a_rule_of_its_own(image: Any, rule: str, severity: str) -> None:
    checks = found(match=made.match(images=(made.image(**image),)))
    assert [(one.id, one.severity) for one in checks] == [(rule, severity)]


def test_images_that_nothing_ties_to_the_order_block_until_confirmed() -> None:
    checks = found(match=made.match(images=(made.image(issuer=EMPTY, other_ids=()),)))
    assert [(one.id, one.severity) for one in checks] == [("identity-unknown", "block")]
    assert "without an issuer" in checks[0].text


def test_one_missing_value_beside_a_matching_number_blocks_nothing() -> None:
    assert found(match=made.match(images=(made.image(other_ids=(), sex=EMPTY, birth_date=EMPTY),))) == []


def test_images_not_held_part_changed_or_fewer_than_told_are_said() -> None:
    nothing = made.match(images=())
    gone: Any = {"change": lambda draft: replace(draft, opened_study_digest="")}
    assert ids(found(match=nothing, study=made.study(0, None), held=0, **gone)) == ["study-not-held"]
    part = found(study=made.study(2, 3))
    assert ids(part) == ["study-part"]
    assert "2 of 3" in part[0].text
    assert ids(found(study=made.study(2, None))) == ["study-part"]
    assert ids(found(study=made.study(3, 3), held=3)) == ["study-changed"]
    told = made.context(the_study=made.ordered(instances=412))
    assert [(one.id, one.severity) for one in found(told)] == [("study-count", "warn")]


def test_a_patient_that_changed_since_opening_blocks_and_an_order_that_did_warns() -> None:
    def older(draft: Any) -> Any:
        return replace(draft, opened_versions=Versions("5", "1", "2", "1"))

    told = {one.id: one.severity for one in found(change=older)}
    assert told == {"order-changed": "warn", "patient-changed": "block"}
    assert found(change=lambda draft: replace(draft, opened_versions=Versions())) == []


@pytest.mark.parametrize(
    ("comparison", "fires"),
    [
        ("None.", True),
        ("CT abdomen of 3 May 2026.", False),
        ("Compared with 03/05/2026.", False),
        ("3 May 2025", True),
    ],
)
def test_a_relevant_prior_has_to_be_mentioned(comparison: str, fires: bool) -> None:
    prior = PriorStudy(clean("1.2"), clean("CT"), clean("CT abdomen"), datetime(2026, 5, 3, tzinfo=UTC))
    texts: Any = {**made.GOOD_TEXTS, "comparison": comparison}
    checks = ids(found(made.context(priors=(prior,)), **texts))
    assert ("prior-not-mentioned" in checks) is fires
    assert ("comparison-unknown" in checks) is (comparison == "3 May 2025")


def test_an_addendum_needs_words_and_nothing_else() -> None:
    assert ids(found(kind="addendum")) == ["empty-addendum"]
    assert found(kind="addendum", impression="See above.") == []


def test_the_gravest_come_first() -> None:
    match = made.match(images=(made.image(sex=clean("M"), birth_date=clean("1980-01-01")),))
    checks = found(match=match, findings="Normal.", impression="")
    assert [one.severity for one in checks] == ["stop", "block", "warn"]


# -- settling ------------------------------------------------------------------------------------------


def stop_and_block() -> list[Check]:
    match = made.match(images=(made.image(birth_date=clean("1980-01-01"), study_uid=clean("1.2")),))
    return found(match=match, study=made.study(2, 3))


def test_an_identity_stop_is_lifted_by_identity_checked_alone() -> None:
    by_its_name = Override("identity-birth-date", clean("it is her"))
    part = Override("study-part", clean("scout only"))
    settled = settle(stop_and_block(), [by_its_name, part])
    assert {one.id for one in settled.blocking} == {"identity-birth-date", "identity-study-uid"}
    assert settled.unused == (by_its_name,)
    assert not settled.identity_checked
    settled = settle(stop_and_block(), [made.CHECKED, part])
    assert settled.blocking == ()
    assert settled.identity_checked
    assert set(settled.overridden) == {made.CHECKED, part}


def test_a_reason_of_blanks_lifts_nothing() -> None:
    settled = settle(
        stop_and_block(), [Override("identity-checked", clean("  ")), Override("study-part", EMPTY)]
    )
    assert len(settled.blocking) == 3
    assert settled.overridden == ()


def test_a_reason_for_a_rule_that_did_not_fire_is_not_kept() -> None:
    settled = settle(found(), [made.CHECKED, Override("no-such-rule", clean("x"))])
    assert settled.overridden == ()
    assert len(settled.unused) == 2


def test_a_warning_needs_no_reason() -> None:
    assert settle(found(match=made.match(images=(made.image(sex=clean("M")),))), []).blocking == ()


def test_a_reason_given_for_a_warning_is_kept() -> None:
    reason = Override("identity-sex", clean("trans woman, registered as F"))
    settled = settle(found(match=made.match(images=(made.image(sex=clean("M")),))), [reason])
    assert settled.overridden == (reason,)
    assert settled.unused == ()


# -- words ---------------------------------------------------------------------------------------------


def test_a_full_stop_in_a_number_ends_no_sentence() -> None:
    assert sentences("Cyst of 1.5 cm. Normal.\nDone") == ["Cyst of 1.5 cm.", "Normal.", "Done"]


def test_the_sign_sheet_names_each_side_once() -> None:
    draft = made.draft(findings="Right kidney: cyst. Left kidney: normal.", impression="Right kidney cyst.")
    assert sides(draft.sections) == ("RIGHT kidney", "LEFT kidney")


SWAPPED = {"left": "right", "right": "left"}


def test_the_side_rules_keep_quiet_on_real_reports_and_hear_a_swapped_side(shared_data: Path) -> None:
    reports = false = swapped = heard = 0
    for path in sorted((shared_data / "reports").glob("en-*/**/*.txt")):
        parts = re.search(r"FINDINGS:?(.*?)IMPRESSION:?(.*)", path.read_text("utf-8"), re.DOTALL)
        if parts is None:
            continue
        findings, impression = parts.groups()
        reports += 1
        false += any(
            rule.startswith("side-") for rule in ids(found(findings=findings, impression=impression))
        )
        if re.search(r"\b(left|right)\b", impression) and re.search(r"\b(left|right)\b", findings):
            swapped += 1
            turned = re.sub(r"\b(left|right)\b", lambda one: SWAPPED[one[0]], impression)
            heard += "side-between-sections" in ids(found(findings=findings, impression=turned))
    print(f"\n{reports} reports, {false} false alarms; {heard} of {swapped} swapped sides heard")
    assert reports > 50
    assert false <= reports * 0.05
    assert heard >= swapped * 0.8
