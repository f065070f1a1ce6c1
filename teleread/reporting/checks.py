"""The checks: rules with an id, a text and the hazard they answer (`rules.toml` holds the words).

Each family of rules is a module of its own, a pure function from what there is to what was found:
`checks_case` (right patient, right study), `checks_gaps` (what is missing), `checks_sides`, `checks_patient`
(sex, age, somebody else), `checks_region` (part, modality, contrast), `checks_findings` (denials, levels),
`checks_measures`, `checks_priors`, `checks_acts` (alert, follow-up, marks), `checks_site` (a site's own).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from teleread.model.identity import Match
from teleread.model.report import IDENTITY_CHECKED, Check, Draft, Override, Template
from teleread.model.study import InstanceInfo, StudyInfo
from teleread.model.task import PriorStudy, TaskContext

from . import (
    checks_acts,
    checks_case,
    checks_findings,
    checks_gaps,
    checks_measures,
    checks_patient,
    checks_priors,
    checks_region,
    checks_sides,
)
from .checks_basis import Around, Basis, OtherPatients
from .checks_reading import page_of
from .checks_rulebook import Rule, Rules, rules
from .checks_site import Subject, run_site

__all__ = ["IDENTITY_CHECKED", "Around", "OtherPatients", "Rule", "Settled", "rules", "run", "settle"]

_OF_THE_TEXT: Final[tuple[Callable[[Basis], Iterator[Check]], ...]] = (
    checks_gaps.gaps,
    checks_gaps.impression,
    checks_sides.sides,
    checks_patient.sex,
    checks_patient.age,
    checks_patient.others,
    checks_region.region,
    checks_region.modality,
    checks_region.contrast,
    checks_findings.negation,
    checks_findings.levels,
    checks_measures.units,
    checks_measures.implausible,
    checks_measures.numbers,
    checks_priors.prior,
    checks_priors.comparison,
    checks_acts.critical,
    checks_acts.follow_up,
    checks_acts.marked,
)


def run(
    draft: Draft,
    context: TaskContext,
    study: StudyInfo | None,
    instances: Sequence[InstanceInfo],
    match: Match,
    template: Template | None,
    priors: Sequence[PriorStudy] | None = None,
    around: Around | None = None,
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
        around: What else is known here; what it leaves out is not checked.
    """
    around = around or Around()
    basis = Basis(
        draft,
        context,
        page_of(draft.sections, f"{context.order.procedure} {context.order.body_part}"),
        template,
        context.priors if priors is None else priors,
        around,
        Rules(around.site.severities),
    )
    found = [
        *checks_case.identity(match, bool(study and study.held)),
        *checks_case.study(basis, study, instances),
        *(check for rule in _OF_THE_TEXT for check in rule(basis)),
        *_site(basis),
    ]
    grave = {"stop": 0, "block": 1, "warn": 2}
    return tuple(sorted(found, key=lambda one: grave.get(one.severity, 3)))


def _site(basis: Basis) -> Iterator[Check]:
    """What a site's own rules find, and which of its files can't be used."""
    context, site = basis.context, basis.around.site
    for file, why in site.failed:
        yield from basis.rules.found("site-rules-unread", file=file, why=why)
    modality = str(context.study.modality) if context.study else ""
    subject = Subject(str(context.order.procedure), modality, str(context.patient.sex))
    if basis.first:
        yield from run_site(site, basis.draft.sections, subject)


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

    An identity stop is lifted by ``identity-checked`` alone, who may sign by nothing, all else by its own id.
    """
    reasons = {one.rule: one for one in overrides if one.reason.strip()}
    left, used = [], set()
    for check in checks:
        if check.override and check.override in reasons:
            used.add(check.override)
        elif check.blocking:
            left.append(check)
    return Settled(
        tuple(left),
        tuple(one for name, one in reasons.items() if name in used),
        tuple(one for one in overrides if one.rule not in used),
    )
