"""The checks: rules with an id, a text and the hazard they answer (`rules.toml` holds the words)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

from teleread.model.identity import Match
from teleread.model.report import Check, Draft, Override, Section, Template
from teleread.model.study import InstanceInfo, StudyInfo
from teleread.model.task import PriorStudy, TaskContext
from teleread.model.text import EMPTY, SafeText, clean

from .drafting import relevant_prior, shown_day, study_digest, unresolved
from .words import SidedWord, mentions_of_other_sex, sided_words

__all__ = ["IDENTITY_CHECKED", "Settled", "rules", "run", "settle"]

IDENTITY_CHECKED: Final = "identity-checked"
"""The one override that lifts identity stops; it takes a reason and the PIN."""

_TEXT_SECTIONS: Final = ("technique", "findings", "impression")
_OPPOSITE: Final = {"LEFT": "RIGHT", "RIGHT": "LEFT"}
_SEX: Final = {"M": "male", "F": "female"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as `rules.toml` words it."""

    id: str
    severity: str
    text: str
    hazard: SafeText
    told: SafeText = EMPTY
    """The finding without a word of report or patient, for errors and logs; empty where `text` is such."""

    def found(self, section: str = "", field: str = "", **words: object) -> Check:
        """This rule's finding, with the words put in."""
        text = self.text
        for name, value in words.items():
            text = text.replace("{" + name + "}", str(value))
        return Check(self.id, self.severity, clean(text, limit=600), self.hazard, section, field)


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    """Every rule by its id."""
    data = (resources.files("teleread.reporting") / "rules.toml").read_bytes()
    entries = tomllib.loads(data.decode("utf-8"))["rule"]
    return {
        one["id"]: Rule(
            one["id"], one["severity"], one["text"], clean(one["hazard"]), clean(one.get("told", ""))
        )
        for one in entries
    }


def run(
    draft: Draft,
    context: TaskContext,
    study: StudyInfo | None,
    instances: Sequence[InstanceInfo],
    match: Match,
    template: Template | None,
    priors: Sequence[PriorStudy] | None = None,
) -> tuple[Check, ...]:
    """Every finding about a draft, the gravest first.

    Args:
        draft: The draft as the journal has it.
        context: Task, order and patient as last seen.
        study: The study as held; None where nothing of it is.
        instances: The held instances.
        match: The comparison of order, images and hub.
        template: The draft's template; None where it is gone.
        priors: Earlier studies; those of the context where None.
    """
    found = [
        *_identity(match, bool(study and study.held)),
        *_study(draft, context, study, instances),
        *_gaps(draft, template),
        *_side(draft, context),
        *_sex(draft, context),
    ]
    if draft.kind != "addendum":
        found += _prior(draft, context, priors)
    grave = {"stop": 0, "block": 1, "warn": 2}
    return tuple(sorted(found, key=lambda one: grave.get(one.severity, 3)))


# -- right patient, right study -----------------------------------------------------------------------


def _identity(match: Match, held: bool) -> Iterator[Check]:
    table = rules()
    for one in match.findings:
        rule = table.get(f"identity-{one.rule}")
        if rule is not None and one.level in {"stop", "warn"}:
            severity = one.level
            yield Rule(rule.id, severity, rule.text, rule.hazard).found(finding=one.text)
    if held and not match.identified and not match.stops:
        yield table["identity-unknown"].found(finding=" ".join(one.text for one in match.unknowns))


def _study(
    draft: Draft, context: TaskContext, study: StudyInfo | None, instances: Sequence[InstanceInfo]
) -> Iterator[Check]:
    table = rules()
    if study is None or not study.held:
        yield table["study-not-held"].found()
    elif study.state != "all":
        expected = study.expected if study.expected is not None else "an unknown number of"
        yield table["study-part"].found(held=study.held, expected=expected)
    elif context.study and context.study.instances and context.study.instances > study.held:
        yield table["study-count"].found(held=study.held, expected=context.study.instances)
    if draft.opened_study_digest and draft.opened_study_digest != study_digest(instances):
        yield table["study-changed"].found()
    opened, now = draft.opened_versions, context.versions
    for name in ("order", "patient"):
        before, after = getattr(opened, name), getattr(now, name)
        if before and after and before != after:
            yield table[f"{name}-changed"].found()


# -- what is missing ----------------------------------------------------------------------------------


def _gaps(draft: Draft, template: Template | None) -> Iterator[Check]:
    table = rules()
    texts = {section.id: section.text.strip() for section in draft.sections}
    if draft.kind == "addendum":
        if not (texts.get("findings") or texts.get("impression")):
            yield table["empty-addendum"].found("findings")
    else:
        if not texts.get("impression"):
            yield table["empty-impression"].found("impression", label=_label(draft, "impression"))
        required = {one.id for one in template.sections if one.required} if template else {"findings"}
        for section in draft.sections:
            if section.id in required and section.id != "impression" and not section.text.strip():
                yield table["missing-section"].found(section.id, label=section.label)
    for mark in unresolved(draft.sections, template):
        label = mark.label or clean(f"A blank in {_label(draft, mark.section)}")
        yield table["unresolved-field"].found(mark.section, mark.id or str(mark.start), label=label)


def _label(draft: Draft, section_id: str) -> SafeText:
    section = draft.section(section_id)
    return section.label if section and section.label else clean(section_id.replace("-", " ").capitalize())


# -- side and sex -------------------------------------------------------------------------------------


def _texts(draft: Draft) -> list[Section]:
    return [one for one in draft.sections if one.id in _TEXT_SECTIONS and one.text.strip()]


def _side(draft: Draft, context: TaskContext) -> Iterator[Check]:
    table, side = rules(), context.order.laterality
    sections = _texts(draft)
    words = {section.id: sided_words(section) for section in sections}
    if side in _OPPOSITE and draft.kind != "addendum":
        for section in sections:
            wrong = [one for one in words[section.id] if one.side != side and not one.compared]
            if wrong:
                yield table["side-mismatch"].found(
                    section.id, label=section.label, said=wrong[0].side, words=wrong[0].sentence, side=side
                )
        written = any(one.id in {"findings", "impression"} for one in sections)
        if written and not any(words.values()):
            yield table["side-not-named"].found("impression", side=side)
    yield from _between(draft, words.get("findings", []), words.get("impression", []))


def _between(draft: Draft, findings: list[SidedWord], impression: list[SidedWord]) -> Iterator[Check]:
    seen = {(one.side, one.organ) for one in findings}
    told: set[str] = set()
    for one in impression:
        other = _OPPOSITE[one.side]
        lonely = one.organ and (one.side, one.organ) not in seen and (other, one.organ) in seen
        if lonely and one.organ not in told:
            told.add(one.organ)
            yield rules()["side-between-sections"].found(
                "impression", label=_label(draft, "impression"), said=one.side, organ=one.organ, other=other
            )


def _sex(draft: Draft, context: TaskContext) -> Iterator[Check]:
    sex = context.patient.sex
    for section in _texts(draft):
        found = mentions_of_other_sex(section.text, sex)
        if found:
            yield rules()["sex-organ"].found(
                section.id, label=section.label, words=", ".join(dict.fromkeys(found)), sex=_SEX[sex]
            )


def _prior(draft: Draft, context: TaskContext, priors: Sequence[PriorStudy] | None) -> list[Check]:
    if priors is not None:
        context = TaskContext(
            context.key, context.task, context.order, context.patient, context.study, tuple(priors)
        )
    prior = relevant_prior(context)
    if prior is None or prior.started is None:
        return []
    text = " ".join(one.text for one in draft.sections if one.id != "clinical-information")
    day = prior.started
    ways = (
        shown_day(prior),
        f"{day:%d/%m/%Y}",
        f"{day:%d.%m.%Y}",
        f"{day:%Y-%m-%d}",
        f"{day:%B %Y}",
        f"{day:%b %Y}",
    )
    long = f"{day.day} {day:%B %Y}"
    if any(one.casefold() in text.casefold() for one in (*ways, long)):
        return []
    what = prior.description or prior.modality or "An earlier study"
    return [rules()["prior-not-mentioned"].found("comparison", prior=f"{what} of {shown_day(prior)}")]


# -- settling -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settled:
    """What is left once the reader's reasons are counted."""

    blocking: tuple[Check, ...]
    """Still to be settled before signing."""
    overridden: tuple[Override, ...]
    """The reasons that lifted something; they are frozen into the report."""
    unused: tuple[Override, ...]
    """Reasons that lift nothing: a rule that was not found, or an empty reason."""

    @property
    def identity_checked(self) -> bool:
        """Whether the reader lifted an identity stop, which always asks the PIN."""
        return any(one.rule == IDENTITY_CHECKED for one in self.overridden)


def settle(checks: Iterable[Check], overrides: Sequence[Override]) -> Settled:
    """Lift what the reader gave a reason for.

    An identity stop is lifted by ``identity-checked`` alone, everything else by its own rule's id.
    """
    reasons = {one.rule: one for one in overrides if one.reason.strip()}
    left, used = [], set()
    for check in checks:
        name = IDENTITY_CHECKED if check.severity == "stop" else check.id
        if name in reasons:
            used.add(name)
        elif check.blocking:
            left.append(check)
    return Settled(
        tuple(left),
        tuple(one for name, one in reasons.items() if name in used),
        tuple(one for one in overrides if one.rule not in used),
    )
