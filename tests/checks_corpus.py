"""Reports with known errors, and how the checks do on them: precision and recall of every rule.

Three sources: reports of this project's own (`tests/data/checks`, a half the rules were tuned on and one they
were not), the shared reports (labelled by hand in `shared-labels.toml`; the synthetic time-lines carry their
truth as JSON), and errors planted in all of them by turning one thing round.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from teleread.model.identity import Match
from teleread.model.patient import NHS_SYSTEM, Patient, PatientIdentifier
from teleread.model.report import Draft, Section
from teleread.model.study import StudyInfo, StudyKey
from teleread.model.task import Order, OrderedStudy, PriorReport, PriorStudy, Task, TaskContext, TaskKey
from teleread.model.text import EMPTY, clean
from teleread.reporting.checks import Around, OtherPatients, run
from teleread.reporting.checks_rulebook import FIXED
from teleread.reporting.marks import COPIED, DICTATED, UNSURE, Mark

__all__ = [
    "Report",
    "Score",
    "Trial",
    "japanese",
    "own_reports",
    "scores",
    "shared_reports",
    "table",
    "timelines",
    "trials",
]

HERE: Final = Path(__file__).parent / "data" / "checks"
EXAMINED: Final = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
SECTIONS: Final = ("clinical-information", "technique", "comparison", "findings", "impression")
FAMILIES: Final = (
    frozenset(
        {
            "negation-impression",
            "negation-findings",
            "impression-normal",
            "side-between-sections",
            "side-mismatch",
        }
    )
    | {"side-not-named", "numbers-differ", "level-differs", "measurement-implausible", "measurement-no-unit"}
    | {
        "critical-no-alert",
        "urgent-no-alert",
        "impression-says-nothing",
        "impression-copied",
        "empty-impression",
    },
    frozenset({"sex-organ", "sex-said", "age-mismatch", "age-organ"}),
    frozenset({"region-mismatch", "modality-mismatch", "contrast-mismatch"}),
    frozenset({"comparison-unknown", "comparison-not-held", "comparison-nothing", "prior-not-mentioned"}),
)
"""Rules that may rightly fire beside the planted one: one thing turned round contradicts several."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report with everything the checks need, and the rules that must fire on it."""

    id: str
    source: str
    texts: Mapping[str, str]
    procedure: str
    modality: str
    body_part: str = ""
    laterality: str = ""
    sex: str = ""
    age: int | None = None
    examined: datetime = EXAMINED
    asked: bool = True
    """The hub was asked for earlier studies; else none listed means nothing."""
    priors: tuple[PriorStudy, ...] = ()
    prior_reports: tuple[PriorReport, ...] = ()
    around: Around = field(default_factory=Around)
    expects: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    """Rules that may fire as well: what was wrong before an error was planted."""
    plant: tuple[Mapping[str, Any], ...] = ()
    planted: bool = False

    @property
    def bare(self) -> bool:
        """Whether it is a report as it was written, no variant of one."""
        return "+" not in self.id

    def with_text(self, rule: str, **texts: str) -> Report:
        """The same with an error in it."""
        named = {name.replace("_", "-"): text for name, text in texts.items()}
        return replace(
            self,
            id=f"{self.id}+{rule}",
            texts={**self.texts, **named},
            expects=frozenset({rule}) | (self.expects if self.planted else frozenset()),
            also=self.also | self.expects,
            planted=True,
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """One report checked."""

    report: Report
    fired: frozenset[str]

    @property
    def wrong(self) -> frozenset[str]:
        """Rules that fired and must not have."""
        allowed = set(self.report.expects | self.report.also)
        if self.report.planted:
            for family in FAMILIES:
                allowed |= family if family & self.report.expects else set()
        return self.fired - allowed


@dataclass(slots=True)
class Score:
    """How one rule did."""

    hit: int = 0
    missed: int = 0
    false: int = 0

    @property
    def precision(self) -> float | None:
        """Share of its alarms that were right; None without one."""
        return self.hit / (self.hit + self.false) if self.hit + self.false else None

    @property
    def recall(self) -> float | None:
        """Share of the errors it heard; None without one."""
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else None


def check(report: Report) -> Trial:
    """Run the rules of the text on a report; right patient and right study are taken for granted."""
    key = TaskKey("hub", "t1")
    born = (report.examined - timedelta(days=report.age * 365.25 + 150)) if report.age else report.examined
    patient = Patient(
        clean("p1"),
        clean("1"),
        clean("Okonkwo^Adaeze"),
        (
            PatientIdentifier(clean("NG123456"), clean("urn:x")),
            PatientIdentifier(clean("9994182218"), clean(NHS_SYSTEM)),
        ),
        birth_date=clean(f"{born:%Y-%m-%d}") if report.age is not None else EMPTY,
        sex=clean(report.sex),
    )
    order = Order(
        clean("o1"),
        clean("1"),
        clean("active"),
        (clean("NG26-40522"),),
        procedure=clean(report.procedure),
        body_part=clean(report.body_part),
        laterality=clean(report.laterality),
        occurrence=report.examined,
    )
    study = OrderedStudy(
        clean("s1"), clean("1"), clean("1.2.3"), clean(report.modality), started=report.examined
    )
    task = Task(clean("t1"), clean("1"), clean("in-progress"))
    context = TaskContext(
        key,
        task,
        order,
        patient,
        study,
        report.priors,
        report.prior_reports,
        priors_at=report.examined if report.asked else None,
    )
    sections = tuple(
        Section(
            name,
            clean(name.replace("-", " ").capitalize()),
            "",
            clean(report.texts.get(name, ""), multiline=True),
        )
        for name in SECTIONS
    )
    draft = Draft("d1", key, "report", "general", "1", 1, sections)
    held = StudyInfo(StudyKey("hub", "1.2.3"), held=2, expected=2, modality=clean(report.modality))
    found = run(draft, context, held, (), Match(()), None, around=report.around)
    return Trial(report, frozenset(one.id for one in found if not one.id.startswith(FIXED)))


def trials(reports: Iterable[Report]) -> list[Trial]:
    """Check every report."""
    return [check(one) for one in reports]


def scores(done: Iterable[Trial]) -> dict[str, Score]:
    """Every rule's score over some trials; one text's false alarm counts once, however often it is varied."""
    out: dict[str, Score] = defaultdict(Score)
    told: set[tuple[str, str]] = set()
    for one in done:
        for rule in one.report.expects:
            out[rule].hit += rule in one.fired
            out[rule].missed += rule not in one.fired
        base = one.report.id.partition("+")[0]
        for rule in one.wrong:
            out[rule].false += (base, rule) not in told
            told.add((base, rule))
    return dict(out)


def table(columns: Mapping[str, Mapping[str, Score]]) -> str:
    """A Markdown table: one row a rule, precision and recall for each set of reports."""
    heads = " | ".join(f"{name}: precision | recall" for name in columns)
    rows = [f"| rule | {heads} |", "|---|" + "---|---|" * len(columns)]
    for rule in sorted({rule for column in columns.values() for rule in column}):
        cells = [_cell(column.get(rule, Score())) for column in columns.values()]
        rows.append(f"| `{rule}` | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _cell(score: Score) -> str:
    alarms, errors = score.hit + score.false, score.hit + score.missed
    precision = f"{score.precision:.0%} ({score.hit}/{alarms})" if alarms else "–"
    return f"{precision} | " + (f"{score.recall:.0%} ({score.hit}/{errors})" if errors else "–")


# -- own reports ------------------------------------------------------------------------------------------


def own_reports(half: str) -> list[Report]:
    """The project's own reports of one half, clean and with every error planted."""
    data = tomllib.loads((HERE / f"{half}.toml").read_text("utf-8"))
    clean_ones = [_own(one, half) for one in data["case"]]
    return [*clean_ones, *(planted for one in clean_ones for planted in _planted(one))]


def _own(table: Mapping[str, Any], half: str) -> Report:
    return Report(
        id=table["id"],
        source=half,
        texts={name: table[name].strip() for name in SECTIONS},
        procedure=table["procedure"],
        modality=table["modality"],
        body_part=table.get("body_part", ""),
        laterality=table.get("laterality", ""),
        sex=table["sex"],
        age=table["age"],
        priors=tuple(_prior(one, index) for index, one in enumerate(table.get("priors", ()))),
        expects=frozenset(table.get("expects", ())),
        plant=tuple(table["plant"]),
    )


def _prior(table: Mapping[str, str], index: int) -> PriorStudy:
    when = datetime.fromisoformat(table["date"]).replace(hour=9, tzinfo=UTC)
    return PriorStudy(clean(f"1.9.{index}"), clean(table["modality"]), clean(table["description"]), when)


def _planted(report: Report) -> Iterator[Report]:
    for one in report.plant:
        texts = dict(report.texts)
        for step in (one, one.get("then")):
            if step:
                assert step["find"] in texts[step["in"]], (report.id, step["find"])
                texts[step["in"]] = texts[step["in"]].replace(step["find"], step["put"], 1)
        yield replace(
            report,
            id=f"{report.id}+{one['rule']}",
            texts=texts,
            expects=frozenset({one["rule"]}),
            also=report.expects,
            planted=True,
        )
    yield from _everywhere(report)


OTHERS: Final = OtherPatients.of(
    (
        ("Whitfield^Margaret^Rose", ("NG555012", "NG26-40777")),
        ("Adeyemi^Tunde", ("EX900311", "9990000018")),
        ("Hale^Peter", ("NG700700",)),
        ("Okonkwo^Adaeze", ("NG123456", "NG26-40522")),
    )
)


def _everywhere(report: Report) -> Iterator[Report]:
    """Errors that fit every report."""
    texts, around = report.texts, Around(others=OTHERS)
    lines = texts["findings"]
    with_others = replace(report, around=around)
    yield replace(with_others, id=f"{report.id}+others")
    yield with_others.with_text("another-name", findings=f"{lines}\nMargaret Whitfield was scanned supine.")
    yield with_others.with_text(
        "another-number", clinical_information=f"{texts['clinical-information']} (EX900311)"
    )
    yield report.with_text("another-number", findings=f"{lines} NHS 999 000 0018.")
    yield report.with_text("empty-impression", impression="")
    yield report.with_text("missing-section", findings="")
    yield report.with_text("unresolved-field", findings=f"{lines}\nAorta: [?calibre].")
    if len(re.findall(r"\w+", lines)) >= 30:
        yield report.with_text("impression-copied", impression=lines)
    if len(texts["impression"].split()) >= 10:
        yield replace(report, prior_reports=(_said_before(texts["impression"]),)).with_text(
            "impression-of-prior"
        )
    if any(one.started and f"{one.started:%Y}" in texts["comparison"] for one in report.priors):
        yield replace(report, around=Around(held=frozenset())).with_text("comparison-not-held")
        yield replace(
            report,
            id=f"{report.id}+held",
            around=Around(held=frozenset(one.study_uid for one in report.priors)),
        )
    first = lines.split(".")[0].strip()
    if first:
        for kind, rule in (
            (COPIED, "copied-unedited"),
            (DICTATED, "dictated-unread"),
            (UNSURE, "words-unsure"),
        ):
            mark = Mark("findings", kind, clean(first))
            marked = replace(report, around=Around(marks=(mark,)))
            yield marked.with_text(rule)
            edited = lines.replace(first, first[:-1], 1)
            yield replace(
                report,
                id=f"{report.id}+{rule}-edited",
                around=marked.around,
                texts={**texts, "findings": edited},
                planted=True,
            )


def _said_before(conclusion: str) -> PriorReport:
    return PriorReport(
        id=clean("r1"),
        version=clean("1"),
        status=clean("final"),
        study_uid=clean("1.9"),
        accession=EMPTY,
        title=EMPTY,
        author=EMPTY,
        issued=EXAMINED - timedelta(days=200),
        text=EMPTY,
        conclusion=clean(conclusion),
    )


# -- shared reports ---------------------------------------------------------------------------------------

_HEADINGS: Final = {
    "clinical-information": r"CLINICAL.*|HISTORY|INDICATIONS?|REASON FOR EXAM|CC|HX|PMH|SHX/FHX",
    "technique": r"TECHNIQUE|IV CONTRAST",
    "comparison": r"COMPARISON",
    "impression": r"IMPRESSION|CONCLUSION",
    "title": r"EXAM",
}
_HEADING: Final = re.compile(
    r"^(?P<head>[A-Z][A-Za-z/ ]{1,40}):[ \t]*|^(?P<bare>[A-Z][A-Z0-9,/ -]{4,100})$", re.MULTILINE
)


def sections_of(text: str) -> dict[str, str]:
    """A plain report cut at its headings; what stands under an unknown one belongs to the findings."""
    out: dict[str, list[str]] = defaultdict(list)
    marks = list(_HEADING.finditer(text))
    ends = [*(one.start() for one in marks[1:]), len(text)]
    here = "findings"
    for one, end in zip(marks, ends, strict=True):
        head = (one["head"] or one["bare"]).strip().upper()
        found = next((name for name, words in _HEADINGS.items() if re.fullmatch(words, head)), None)
        if found or head in {"FINDINGS", "INTERPRETATIONS", "TECHNIQUE AND FINDINGS"} or one["bare"]:
            here = found or ("title" if one["bare"] else "findings")
            body = text[one.end() : end]
        else:
            here = "findings" if head == (one["head"] or "") and here != "impression" else here
            body = text[one.start() : end]
        out[here].append(body.strip())
    return {name: "\n".join(part for part in out[name] if part) for name in SECTIONS}


def shared_reports(folder: Path) -> list[Report]:
    """The labelled reports of `data/reports`, as they stand."""
    labels = tomllib.loads((HERE / "shared-labels.toml").read_text("utf-8"))
    return [
        Report(
            id=name,
            source=name.split("/")[0],
            texts=sections_of((folder / name).read_text("utf-8")),
            procedure=one["procedure"],
            modality=one["modality"],
            laterality=one.get("laterality", ""),
            sex=one.get("sex", ""),
            age=one.get("age"),
            asked=False,
            expects=frozenset(one.get("expects", ())),
        )
        for name, one in labels.items()
    ]


def timelines(folder: Path) -> list[Report]:
    """The synthetic time-lines with their truth, as they stand and with planted errors."""
    out: list[Report] = []
    for path in sorted((folder / "en-synthetic-timelines").glob("*/*/*.json")):
        truth = json.loads(path.read_text("utf-8"))
        report = _timeline(path.stem, truth)
        out += [report, *_turned(report)]
    return out


def _timeline(name: str, truth: Mapping[str, Any]) -> Report:
    texts = sections_of(truth["report_text"])
    day, sizes = truth["meta"]["comparison_date"], _sizes(truth["clinical_data"])
    lost = {size for size in sizes if _told(size, texts["impression"]) and not _told(size, texts["findings"])}
    before = datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
    prior = PriorStudy(clean("1.9.1"), clean("CT"), clean("CT chest"), before)
    return Report(
        id=name,
        source="timelines",
        texts=texts,
        procedure="CT chest, abdomen and pelvis with contrast",
        modality="CT",
        examined=before + timedelta(days=120) if before else EXAMINED,
        priors=(prior,) if day else (),
        expects=frozenset({"numbers-differ"}) if lost else frozenset(),
    )


def _sizes(truth: Mapping[str, Any]) -> set[int]:
    nodes = {one["short_axis_mm"] for one in truth["nodes"]}
    primary = {truth["primary"]["size_mm"]} if truth["primary"] else set()
    return {size for size in (*primary, *nodes, *(one["size_mm"] for one in truth["mets"])) if size}


def _told(size: int, text: str) -> bool:
    return re.search(rf"\b{size} mm\b", text) is not None


def _turned(report: Report) -> Iterator[Report]:
    impression, findings, comparison = (
        report.texts[name] for name in ("impression", "findings", "comparison")
    )
    other = {"left": "right", "right": "left"}
    first = impression.split("\n")[0]
    if re.search(r"\b(left|right)\b", first):
        turned = re.sub(r"\b(left|right)\b", lambda one: other[one[0]], first)
        yield report.with_text("side-between-sections", impression=impression.replace(first, turned, 1))
    size = re.search(r"(\d+) mm", first)
    if size and "numbers-differ" not in report.expects:
        put = first.replace(size[0], f"{int(size[1]) + 13} mm", 1)
        if not _told(int(size[1]) + 13, findings):
            yield report.with_text("numbers-differ", impression=impression.replace(first, put, 1))
    if report.priors:
        year = int(comparison[:4])
        yield report.with_text(
            "comparison-unknown", comparison=comparison.replace(str(year), str(year - 3), 1)
        )
        yield report.with_text("prior-not-mentioned", comparison="None.")
    if "No pleural effusion." in findings:
        yield report.with_text(
            "negation-impression", impression=impression + "\n- Moderate left pleural effusion."
        )
    measured = re.search(r"measuring (\d+) mm", findings)
    if measured:
        yield report.with_text(
            "measurement-no-unit", findings=findings.replace(measured[0], measured[0][:-3], 1)
        )
    yield report.with_text("region-mismatch", technique="MRI of the left knee.").with_text(
        "modality-mismatch"
    )


def japanese(folder: Path) -> list[Report]:
    """The Japanese reports: the rules read English, so they keep quiet but for findings named in it."""
    path = folder / "ja-synthetic" / "Synthetic_reports_dataset_60.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [_japanese(index, row["report_text"]) for index, row in enumerate(rows)]


def _japanese(index: int, text: str) -> Report:
    text = text.replace("\\n", "\n")
    found = re.search(r"【(?:画像)?(?:診断|所見まとめ|結論|Impression)[^】]*】", text)
    cut = found.start() if found else len(text) * 3 // 4
    grave = re.search(r"Saddle embolus|active extravasation|Ectopic pregnancy", text) is not None
    expects = frozenset({"critical-no-alert"}) if grave else frozenset[str]()
    texts = {"findings": text[:cut], "impression": text[cut:]}
    return Report(f"ja-{index:02}", "ja", texts, "CT", "CT", expects=expects)


def false_alarms(done: Sequence[Trial]) -> Counter[str]:
    """How often each rule fired where it must not."""
    return Counter(rule for one in done for rule in one.wrong)
