"""Right patient, right study: what the comparison of order, images and hub found, and what is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from teleread.model.identity import Match
from teleread.model.report import Check
from teleread.model.study import InstanceInfo, StudyInfo
from teleread.model.text import EMPTY

from .checks_basis import Basis
from .checks_rulebook import Rule, rules
from .drafting import study_digest

__all__ = ["identity", "study"]


def identity(match: Match, held: bool) -> Iterator[Check]:
    """What the comparison of identities found.

    Args:
        match: Order, images and hub compared.
        held: Whether any image is here.
    """
    table = rules()
    for one in match.findings:
        rule = table.get(f"identity-{one.rule}")
        if rule is not None and one.level in {"stop", "warn"}:
            yield Rule(rule.id, one.level, rule.text, rule.hazard).found(finding=one.text)
    if held and not match.identified and not match.stops:
        yield table["identity-unknown"].found(finding=" ".join(one.text for one in match.unknowns))


def study(basis: Basis, held: StudyInfo | None, instances: Sequence[InstanceInfo]) -> Iterator[Check]:
    """Whether the study is here, whole, and the one the draft was opened on."""
    table, context, draft = rules(), basis.context, basis.draft
    if held is None or not held.held:
        yield table["study-not-held"].found()
    elif held.state != "all":
        expected = held.expected if held.expected is not None else "an unknown number of"
        yield table["study-part"].found(held=held.held, expected=expected, why=_said(held.missing_why))
    elif context.study and context.study.instances and context.study.instances > held.held:
        yield table["study-count"].found(held=held.held, expected=context.study.instances)
    if draft.opened_study_digest and draft.opened_study_digest != study_digest(instances):
        yield table["study-changed"].found(what=_said(held.changed if held else EMPTY))
    opened, now = draft.opened_versions, context.versions
    for name in ("order", "patient"):
        before, after = getattr(opened, name), getattr(now, name)
        if before and after and before != after:
            yield from basis.rules.found(f"{name}-changed")


def _said(words: str) -> str:
    """Words that may follow a sentence, with the blank before them."""
    return f" {words}" if words else ""
