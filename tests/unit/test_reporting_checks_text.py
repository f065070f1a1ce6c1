"""The rules of the text, one sentence at a time: where each fires, and where it keeps quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from teleread.model.evidence import Alert
from teleread.model.task import PriorStudy
from teleread.model.text import clean
from teleread.reporting.checks import Around, OtherPatients
from teleread.reporting.checks_measures import measures_of
from teleread.reporting.checks_priors import dates_in
from teleread.reporting.checks_reading import standing_of
from tests.checks_corpus import EXAMINED, Report, check

BASE = Report(
    id="case",
    source="unit",
    texts={"technique": "CT with IV contrast.", "findings": "Normal.", "impression": "No acute abnormality."},
    procedure="CT chest, abdomen and pelvis with contrast",
    modality="CT",
    sex="F",
    age=50,
)


def fired(report: Report = BASE, **texts: str) -> frozenset[str]:
    named = {name.replace("_", "-"): text for name, text in texts.items()}
    return check(replace(report, texts={**report.texts, **named})).fired


def prior(day: str, uid: str = "1.9", modality: str = "CT", what: str = "CT chest") -> PriorStudy:
    when = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return PriorStudy(clean(uid), clean(modality), clean(what), when)


# -- denials ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "finding", "standing"),
    [
        ("no pneumothorax.", "pneumothorax", "no"),
        ("there is no evidence of pneumothorax.", "pneumothorax", "no"),
        ("no effusion, collapse or pneumothorax.", "pneumothorax", "no"),
        ("no mediastinal, right hilar or axillary adenopathy.", "adenopathy", "partly"),
        ("no pneumothorax, small left effusion.", "effusion", "yes"),
        ("no pneumothorax but a small effusion.", "effusion", "yes"),
        ("no pneumothorax and a small effusion.", "effusion", "yes"),
        ("pneumothorax is not seen.", "pneumothorax", "no"),
        ("the pneumothorax has resolved.", "pneumothorax", "no"),
        ("pneumothorax: none.", "pneumothorax", "no"),
        ("no longer any pneumothorax.", "pneumothorax", "no"),
        ("no change in the effusion.", "effusion", "yes"),
        ("no significant increase in size of the effusion.", "effusion", "yes"),
        ("without interval change in the effusion.", "effusion", "yes"),
        ("pneumothorax cannot be excluded.", "pneumothorax", "maybe"),
        ("fracture is not excluded.", "fracture", "maybe"),
        ("?fracture.", "fracture", "maybe"),
        ("possible fracture.", "fracture", "maybe"),
        ("no suspicious nodule.", "nodule", "partly"),
        ("no new fracture.", "fracture", "partly"),
        ("no proximal thrombosis.", "thrombosis", "partly"),
        ("old healed fracture.", "fracture", "past"),
        ("fracture of the distal radius.", "fracture", "yes"),
        ("negative for fracture.", "fracture", "no"),
    ],
)
def test_a_finding_is_affirmed_denied_or_in_doubt(sentence: str, finding: str, standing: str) -> None:
    at = sentence.index(finding)
    assert standing_of(sentence, at, at + len(finding))[0] == standing


@pytest.mark.parametrize(
    ("findings", "impression", "rule"),
    [
        ("No pleural effusion.", "Left pleural effusion.", "negation-impression"),
        ("No acute fracture.", "Acute fracture of the sacrum.", "negation-impression"),
        ("Left pleural effusion.", "No pleural effusion.", "negation-findings"),
        ("Gallstones.", "No gallstones.", "negation-findings"),
        ("Moderate left hydronephrosis.", "No left-sided hydronephrosis.", "negation-findings"),
        (
            "Right kidney: no hydronephrosis. Left kidney: moderate hydronephrosis.",
            "No left-sided hydronephrosis.",
            "negation-findings",
        ),
        (
            "Right kidney: no hydronephrosis. Left kidney: moderate hydronephrosis.",
            "Right-sided hydronephrosis.",
            "negation-impression",
        ),
        ("Fracture of the sacrum.", "Normal CT.", "impression-normal"),
        ("No liver lesion.", "Metastatic liver lesions.", "negation-impression"),
        (
            "Left subdural haematoma. No fracture.",
            "Left subdural haematoma. Skull fracture.",
            "negation-impression",
        ),
    ],
)
def test_findings_and_impression_that_deny_each_other_block(
    findings: str, impression: str, rule: str
) -> None:
    assert rule in fired(findings=findings, impression=impression)


@pytest.mark.parametrize(
    ("findings", "impression"),
    [
        ("No acute fracture. Old fracture of L2.", "Old L2 fracture."),
        ("No suspicious nodule.", "4 mm nodule, benign by shape."),
        ("No right pleural effusion. Small left pleural effusion.", "Left pleural effusion."),
        ("No pericardial effusion.", "Pleural effusion."),
        ("Right kidney: no hydronephrosis. Left kidney: hydronephrosis.", "No right-sided hydronephrosis."),
        ("Small pleural effusion.", "No large pleural effusion."),
        ("Gallstones. No renal stone.", "Gallstones."),
        ("No liver lesion.", "Splenic lesion."),
        ("No change in the left pleural effusion.", "Persisting left pleural effusion."),
        ("The pneumothorax has resolved.", "Resolved pneumothorax."),
        ("Possible fracture of the sacrum.", "No definite fracture."),
        ("No fracture.", "Fracture cannot be excluded; MRI today is advised."),
        ("Hepatic cysts.", "Normal appearances for age apart from hepatic cysts."),
    ],
)
def test_findings_and_impression_that_agree_are_left_alone(findings: str, impression: str) -> None:
    rules = fired(findings=findings, impression=impression)
    assert not rules & {"negation-impression", "negation-findings", "impression-normal"}


@pytest.mark.parametrize(
    ("findings", "impression", "fires"),
    [
        ("Left kidney: normal. Fracture of L2.", "Right renal cyst. Fracture of L2.", False),
        ("Left kidney: 6 mm stone. Mild hydronephrosis.", "Right hydronephrosis.", True),
        ("Right lobe: 9 mm nodule.", "Left thyroid nodule, 9 mm.", True),
        ("Both kidneys have stones.", "Right renal stone.", False),
        ("Stone in the left kidney. Right kidney normal.", "Right renal stone.", True),
        ("4 mm midline shift to the right.", "Left subdural with 4 mm midline shift.", False),
        ("70% stenosis on the right, 40% on the left.", "70% stenosis of the left carotid.", True),
        ("C5/6: right protrusion. C6/7: left protrusion.", "Left C5/6 protrusion.", True),
        ("C5/6: a right protrusion is seen. C5/6: the canal is normal.", "Left C5/6 protrusion.", True),
        ("C5/6: right protrusion. C5/6: left osteophyte.", "Left C5/6 osteophyte.", False),
    ],
)
def test_a_side_that_turns_between_findings_and_impression_warns(
    findings: str, impression: str, fires: bool
) -> None:
    report = replace(BASE, procedure="Examination of the thyroid" if "lobe" in findings else "Examination")
    assert ("side-between-sections" in fired(report, findings=findings, impression=impression)) is fires


# -- numbers and units ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mm"),
    [
        ("a 12 mm nodule", [["12"]]),
        ("1.2 cm", [["12.0"]]),
        ("12-mm", [["12"]]),
        ("3.4 x 2.5 cm", [["34.0", "25.0"]]),
        ("3.4 cm x 25 mm", [["34.0", "25"]]),
        ("34 × 28 × 30 mm", [["34", "28", "30"]]),
        ("8mm and 10 millimetres", [["8"], ["10"]]),
        ("at 280 cm/s", []),
        ("volume 12 cm3, 5 cm² and 7 mL", []),
        ("T2, L4/5, series 3 image 94, 50%", []),
    ],
)
def test_lengths_are_read_in_millimetres(text: str, mm: list[list[str]]) -> None:
    assert [[str(one) for one in measure.mm] for measure in measures_of(text)] == mm


@pytest.mark.parametrize(
    ("findings", "impression", "fires"),
    [
        ("Nodule in the right upper lobe, 12 mm.", "21 mm right upper lobe nodule.", True),
        ("Nodule in the right upper lobe, 12 mm.", "1.2 cm right upper lobe nodule.", False),
        ("Liver lesion, 28 x 19 mm.", "3 cm liver lesion.", False),
        ("Liver lesion, 28 x 19 mm.", "19 mm liver lesion.", False),
        ("Liver lesion 4 mm.", "Liver lesion 4 cm.", True),
        ("Liver lesion, 18 mm, was 31 mm.", "Liver lesion has shrunk from 31 mm to 18 mm.", False),
        ("Liver lesion 18 mm.", "Liver lesion 18 mm, previously 31 mm.", False),
        ("Right upper lobe mass 30 mm. Left adrenal nodule 14 mm.", "Left adrenal nodule, 30 mm.", False),
        ("Right renal cyst 40 mm. Left renal cyst 12 mm.", "Left renal cyst, 22 mm.", True),
        ("No measurement.", "A 12 mm nodule.", False),
    ],
)
def test_a_size_that_differs_between_findings_and_impression_warns(
    findings: str, impression: str, fires: bool
) -> None:
    assert ("numbers-differ" in fired(findings=findings, impression=impression)) is fires


@pytest.mark.parametrize(
    ("findings", "fires"),
    [
        ("The cyst measures 12.", True),
        ("The ovary measures 2.5 x 1.2 x 3.0 and is normal.", True),
        ("A 12 x 8 nodule.", True),
        ("The aorta has a diameter of 24.", True),
        ("The cyst measures 12 mm.", False),
        ("The cyst measures up to 2.5 x 1.2 x 3.0 cm.", False),
        ("The cyst measures 12-mm.", False),
        ("The lesion measures 35 HU.", False),
        ("The ejection fraction measures 55%.", False),
        ("A prostate volume of 46 mL, 4 x 3 x 5 cm.", False),
        ("The angle measures 12°.", False),
        ("Measured on series 3 image 94.", False),
        ("Two views: 2 x PA. Matrix 512 x 512.", False),
        ("Size of 3.4 cm x 2.5 cm.", False),
        ("TIRADS 3, PI-RADS 5, L4/5.", False),
    ],
)
def test_a_measurement_without_a_unit_warns(findings: str, fires: bool) -> None:
    assert ("measurement-no-unit" in fired(findings=findings)) is fires


@pytest.mark.parametrize(
    ("findings", "fires"),
    [
        ("Common bile duct 6 cm.", True),
        ("Common bile duct 6 mm.", False),
        ("Aortic aneurysm of 55 mm.", False),
        ("Aortic aneurysm of 55 cm.", True),
        ("Right kidney 11 cm, left kidney 110 cm.", True),
        ("Node of 12 mm in short axis.", False),
        ("Spleen 24 cm.", False),
        ("A mass of 0.01 mm.", True),
        ("Pelvic mass of 31 cm, liver 20 cm.", False),
    ],
)
def test_a_size_nobody_has_warns(findings: str, fires: bool) -> None:
    assert ("measurement-implausible" in fired(findings=findings)) is fires


# -- sex, age, part, modality, contrast -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "rules"),
    [
        ("50-year-old woman with pain.", set()),
        ("50F, cough", set()),
        ("49 yo female", set()),
        ("50-year-old man.", {"sex-said"}),
        ("50M fall", {"sex-said"}),
        ("5-year-old girl", {"age-mismatch"}),
        ("15 year old boy", {"age-mismatch", "sex-said"}),
        ("12-year-old hip prosthesis.", set()),
        ("Mother of a 3-year-old boy.", set()),
        ("Pain for 4 months, patient anxious.", set()),
        ("2 weeks, male partner positive.", set()),
        ("Fit and well, 20 year history of smoking.", set()),
        ("Took 5 m steps", set()),
    ],
)
def test_an_age_or_sex_the_patient_does_not_have_blocks(question: str, rules: set[str]) -> None:
    assert fired(clinical_information=question) & {"age-mismatch", "sex-said"} == rules


@pytest.mark.parametrize(
    ("age", "findings", "fires"),
    [
        (75, "Viable pregnancy with fetal heart activity.", True),
        (30, "Viable pregnancy with fetal heart activity.", False),
        (60, "The growth plates are open growth plates.", True),
        (9, "Open growth plates.", False),
    ],
)
def test_what_only_another_age_has_warns(age: int, findings: str, fires: bool) -> None:
    assert ("age-organ" in fired(replace(BASE, age=age), findings=findings)) is fires


@pytest.mark.parametrize(
    ("procedure", "technique", "findings", "fires"),
    [
        ("CT head", "CT of the knee.", "Normal.", True),
        ("CT head", "CT of the head and cervical spine.", "Normal.", False),
        (
            "CT abdomen",
            "CT.",
            "The brain is normal. No skull fracture. The ventricles are of normal size.",
            True,
        ),
        ("CT abdomen", "CT.", "Lung bases clear. Liver normal. The bladder is normal.", False),
        ("MRI lumbar spine", "Sagittal T2.", "The kidneys and bladder are normal.", False),
        ("XR Chest", "PA view.", "Normal shoulder.", False),
        ("Special study", "CT of the knee.", "Meniscus, patella and cruciate ligaments.", False),
        ("US abdomen", "Ultrasound.", "Uterus and ovaries normal.", False),
    ],
)
def test_a_text_about_another_part_blocks(procedure: str, technique: str, findings: str, fires: bool) -> None:
    report = replace(BASE, procedure=procedure)
    rules = fired(report, technique=technique, findings=findings, impression="As described in detail.")
    assert ("region-mismatch" in rules) is fires


@pytest.mark.parametrize(
    ("modality", "technique", "fires"),
    [
        ("CT", "MRI of the abdomen.", True),
        ("MR", "Sagittal T1, comparison with CT.", False),
        ("DX", "PA chest radiograph.", False),
        ("US", "CT of the abdomen.", True),
        ("PT", "FDG PET-CT.", False),
        ("CT", "Portal venous phase.", False),
        ("CT", "CT-guided after ultrasound was tried.", False),
    ],
)
def test_a_technique_of_another_kind_blocks(modality: str, technique: str, fires: bool) -> None:
    report = replace(BASE, modality=modality, procedure="Abdomen")
    assert ("modality-mismatch" in fired(report, technique=technique)) is fires


@pytest.mark.parametrize(
    ("procedure", "technique", "fires"),
    [
        ("CT chest with contrast", "CT without contrast.", True),
        ("CT chest with contrast", "CT with IV contrast.", False),
        ("CT chest with and without contrast", "CT without contrast.", False),
        ("CT urogram with contrast", "Unenhanced, nephrographic and excretory phases.", False),
        ("CT head", "Unenhanced CT.", False),
        ("CT head", "CT without IV contrast. 100 mL Omnipaque.", True),
    ],
)
def test_contrast_ordered_or_given_and_denied_warns(procedure: str, technique: str, fires: bool) -> None:
    report = replace(BASE, procedure=procedure)
    assert ("contrast-mismatch" in fired(report, technique=technique)) is fires


# -- earlier studies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("CT of 3 May 2026", True),
        ("3rd May 2026", True),
        ("03/05/2026", True),
        ("03.05.26", True),
        ("2026-05-03", True),
        ("May 3, 2026", True),
        ("May 2026", True),
        ("5/3/2026", True),
        ("4 May 2026", False),
        ("32/05/2026", None),
        ("C3/4/5", None),
        ("3 x 5 x 2026 mm", None),
    ],
)
def test_dates_are_read_as_they_are_written(text: str, fits: bool | None) -> None:
    found = dates_in(text)
    assert (found[0].fits(datetime(2026, 5, 3, tzinfo=UTC).date()) if found else None) is fits


@pytest.mark.parametrize(
    ("comparison", "priors", "rules"),
    [
        ("CT of 3 May 2026.", (prior("2026-05-03"),), set()),
        ("CT of 3 May 2026.", (prior("2026-05-04"),), {"comparison-unknown", "prior-not-mentioned"}),
        ("CT of 3 May 2027.", (), {"comparison-unknown"}),
        ("Compared with the previous CT.", (), {"comparison-nothing"}),
        ("None.", (), set()),
        ("No previous CT available.", (), set()),
        ("", (prior("2026-05-03"),), {"prior-not-mentioned"}),
        ("CT earlier today.", (prior("2026-11-24"),), set()),
        ("", (prior("2026-05-03", modality="MR", what="MRI knee"),), set()),
    ],
)
def test_earlier_studies_are_named_and_known(comparison: str, priors: Any, rules: set[str]) -> None:
    found = fired(replace(BASE, priors=priors), comparison=comparison)
    assert {one for one in found if one.startswith(("comparison", "prior"))} == rules


def test_a_date_of_something_else_is_no_comparison() -> None:
    assert "comparison-unknown" not in fired(findings="Resection on 3 May 2019. Follow-up due 1 March 2027.")


def test_nothing_is_said_of_unknown_studies_while_nobody_asked_the_hub() -> None:
    report = replace(BASE, asked=False)
    assert not {one for one in fired(report, comparison="CT of 3 May 2020.") if one.startswith("comparison")}


def test_a_compared_study_without_images_here_warns() -> None:
    report = replace(BASE, priors=(prior("2026-05-03", "1.9"),), around=Around(held=frozenset({"1.8"})))
    assert "comparison-not-held" in fired(report, comparison="CT of 3 May 2026.")
    held = replace(report, around=Around(held=frozenset({"1.9"})))
    assert "comparison-not-held" not in fired(held, comparison="CT of 3 May 2026.")


# -- acts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("impression", "rule"),
    [
        ("Acute subdural haematoma.", "critical-no-alert"),
        ("Large pneumoperitoneum.", "critical-no-alert"),
        ("Findings suspicious for aortic dissection.", "critical-no-alert"),
        ("Right pneumothorax.", "urgent-no-alert"),
        ("No pulmonary embolism.", ""),
        ("Pulmonary embolism cannot be excluded.", ""),
        ("Chronic subdural haematoma, unchanged.", ""),
        ("Pulmonary embolism. Dr Ward was telephoned at 14:10.", ""),
        ("Pulmonary embolism. The ward needs to be informed.", "critical-no-alert"),
        ("CT to exclude testicular torsion.", ""),
        ("Pulmonary embolism, as discussed above.", "critical-no-alert"),
        ("Pulmonary embolism. Result called through to the ward.", ""),
        ("Pulmonary embolism. The team has been made aware.", ""),
    ],
)
def test_a_critical_finding_needs_somebody_told(impression: str, rule: str) -> None:
    found = {one for one in fired(findings="See below.", impression=impression) if one.endswith("no-alert")}
    assert found == ({rule} if rule else set())


def test_an_alert_settles_a_critical_finding() -> None:
    alert = Alert(clean("C"), clean("Dr Ward"), clean("14:10"), clean("telephone"))
    report = replace(BASE, around=Around(alert=alert))
    assert "critical-no-alert" not in fired(report, impression="Acute subdural haematoma.")


@pytest.mark.parametrize(
    ("impression", "fires"),
    [
        ("Follow-up CT is recommended.", True),
        ("Repeat ultrasound advised.", True),
        ("Further evaluation with MRI is recommended.", True),
        ("Follow-up CT in 3 months is recommended.", False),
        ("Follow-up CT is recommended at three months.", False),
        ("Follow-up is advised. CT in 12 months.", False),
        ("Urgent MRI is advised for further evaluation.", False),
        ("No follow-up is needed.", False),
        ("A new brain CT within nine months is recommended.", False),
        ("Follow-up by the BTS guideline is recommended.", False),
        ("Clinical correlation is recommended.", False),
        ("Follow-up CT in\nthree months is recommended.", False),
        ("Follow-up CT is\nrecommended.", True),
        ("MRI could be performed for further evaluation.", False),
        ("If symptoms persist, repeat CT is advised.", False),
        ("Repeat CT after completion of antibiotics is advised.", False),
    ],
)
def test_a_follow_up_without_a_date_warns(impression: str, fires: bool) -> None:
    assert ("followup-no-interval" in fired(impression=impression)) is fires


# -- somebody else ----------------------------------------------------------------------------------------

OTHERS = OtherPatients.of(
    (
        ("Whitfield^Margaret", ("NG555012",)),
        ("Okonkwo^Adaeze", ("NG123456",)),
        ("Hale^Peter", ("EX900311",)),
        ("Li^Na", ("7",)),
    )
)


@pytest.mark.parametrize(
    ("findings", "rules"),
    [
        ("Margaret Whitfield lay supine.", {"another-name"}),
        ("WHITFIELD, Margaret", {"another-name"}),
        ("Mrs Whitfield has a cyst.", {"another-name"}),
        ("Discussed with Mr Hale, surgeon.", set()),
        ("Adaeze Okonkwo lay supine.", set()),
        ("Whitfield's sign.", set()),
        ("Peter said margaret.", set()),
        ("Number NG 555012, NG555012.", {"another-number"}),
        ("NHS number 999 000 0018.", {"another-number"}),
        ("NHS number 999 418 2218.", set()),
        ("NG123456, accession NG26-40522.", set()),
        ("Phone 0123456780, lot 9990000017.", set()),
        ("7 mm", set()),
    ],
)
def test_another_patients_name_or_number_blocks(findings: str, rules: set[str]) -> None:
    report = replace(BASE, around=Around(others=OTHERS, people=(clean("Dr Peter Hale"),)))
    assert {one for one in fired(report, findings=findings) if one.startswith("another")} == rules


# -- impression -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "impression", ["As above.", "see above", "See findings above.", "TBC", ".", "-", "xxx"]
)
def test_an_impression_that_says_nothing_warns(impression: str) -> None:
    assert "impression-says-nothing" in fired(impression=impression)


def test_an_impression_copied_from_long_findings_warns_and_a_short_one_may_repeat_them() -> None:
    long = " ".join(f"Statement number {index} about the abdominal organs is normal." for index in range(6))
    assert "impression-copied" in fired(findings=long, impression=long)
    assert "impression-copied" not in fired(findings="Normal chest.", impression="Normal chest.")
    assert "impression-copied" not in fired(findings=long, impression="Normal abdominal organs.")


# -- levels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("findings", "impression", "fires"),
    [
        ("L4/5: protrusion. L5/S1: normal.", "Protrusion at L3/4.", True),
        ("L4/5: protrusion. L5/S1: normal.", "Protrusion at L4-L5.", False),
        ("C3-4 to C6-7 are degenerate.", "Degenerate C5/6.", False),
        ("C5/6: protrusion, compressing the C6 root. C6/7 normal.", "C6 root compression.", False),
        ("Marrow is normal.", "Fracture of L1.", False),
    ],
)
def test_a_level_the_findings_do_not_name_warns(findings: str, impression: str, fires: bool) -> None:
    report = replace(BASE, procedure="MRI whole spine", modality="MR")
    rules = fired(report, findings=findings, impression=impression, technique="Sagittal T2.")
    assert ("level-differs" in rules) is fires


# -- addenda, hostile text --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word",
    [
        *(
            "[",
            "no ",
            "1 x ",
            "12/",
            "(",
            "漢字",
            "\n",
            "a.",
            "repeat ",
            "recommended ",
            "no fracture and ",
            "left right ",
        ),
        *(
            "12 mm, ",
            "1 year old ",
            "3 Jan 2020 ",
            "C5/6 to ",
            "pleural effusion, ",
            "critical pulmonary embolism ",
        ),
        *("measures 1 x ", "no significant interval change in ", "mr hale ", "[?x] "),
    ],
)
def test_hostile_and_foreign_text_is_read_without_harm_or_end(word: str) -> None:
    text = word * (30_000 // len(word))
    found = fired(findings=text, impression=text, comparison=text, technique=text, clinical_information=text)
    assert isinstance(found, frozenset)


def test_an_age_counts_on_the_day_of_the_examination() -> None:
    later = replace(BASE, age=50, examined=EXAMINED + timedelta(days=700))
    assert "age-mismatch" not in fired(later, clinical_information="50-year-old woman")
