"""What to fetch before it is opened, in which order, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy, TaskContext, TaskKey
from teleread.model.text import SafeText, clean
from teleread.vault.worklist import WorklistRow

__all__ = ["Planned", "plan", "relevance", "relevant_priors"]

PRIORS: Final = 3
"""Priors of one case that are worth the line."""
_READABLE: Final = frozenset({"requested", "received", "accepted", "ready", "in-progress", "on-hold"})
"""FHIR Task.status of what may still have to be read."""
_NO_PLACE: Final = frozenset(
    {
        *("ct", "mr", "mri", "xr", "xray", "x-ray", "us", "ultrasound", "cr", "dx", "scan"),
        *("of", "the", "and", "with", "without", "contrast", "left", "right", "both"),
    }
)
"""Words of a procedure's name that name no place in the body."""
_KIN: Final = ({"CR", "DX", "XR", "RG"}, {"CT"}, {"MR"}, {"US"}, {"MG"}, {"PT", "NM"}, {"XA", "RF"})
"""Modalities that are compared with each other."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One study to fetch."""

    key: StudyKey
    reason: str
    """Words, without patient data."""


def _no_priors(_: TaskKey) -> Sequence[PriorStudy]:
    return ()


def plan(
    rows: Iterable[WorklistRow],
    states: Mapping[StudyKey, str],
    n: int,
    *,
    mine: Callable[[WorklistRow], bool],
    priors: Callable[[TaskKey], Sequence[PriorStudy]] = _no_priors,
    skip: Collection[StudyKey] = (),
) -> tuple[Planned, ...]:
    """The studies to fetch, in order.

    The reader's own cases come first, then the next unclaimed ones; by priority, then by due time. The
    relevant priors of all of them follow: a case that opens is worth more than a comparison.

    Args:
        rows: The worklist.
        states: ``none``, ``part`` or ``all`` by study; absent is none.
        n: How many unclaimed cases to hold ready.
        mine: Whether the reader holds a task.
        priors: The priors of a task; asked for the chosen ones only.
        skip: Studies that failed lately and wait.

    Returns:
        Each study once, without those held whole.
    """
    readable = [row for row in rows if row.study_uid and row.status in _READABLE]
    own = sorted((row for row in readable if mine(row)), key=_rank)
    free = sorted((row for row in readable if not row.owner and not mine(row)), key=_rank)[: max(0, n)]
    out: dict[StudyKey, str] = {}
    for row in own:
        out.setdefault(StudyKey(row.hub_id, row.study_uid), f"yours, {row.priority}")
    for index, row in enumerate(free):
        reason = f"next {index + 1} of {len(free)}, {row.priority}"
        out.setdefault(StudyKey(row.hub_id, row.study_uid), reason)
    for row in (*own, *free):
        for prior in relevant_priors(row.modality, row.procedure, row.study_uid, priors(row.key)):
            day = prior.started.date().isoformat() if prior.started else "of an unknown day"
            out.setdefault(
                StudyKey(row.hub_id, prior.study_uid), f"prior {prior.modality or 'study'} {day}".strip()
            )
    return tuple(
        Planned(key, reason) for key, reason in out.items() if states.get(key) != "all" and key not in skip
    )


def relevant_priors(
    modality: str, procedure: str, study_uid: str, priors: Iterable[PriorStudy], count: int = PRIORS
) -> tuple[PriorStudy, ...]:
    """The priors worth fetching: same place and modality, then same place, then same modality; newest first.

    Args:
        modality: Of the case.
        procedure: Its words.
        study_uid: Its study, which is no prior of itself.
        priors: What the hub lists.
        count: How many at most.
    """
    others = [one for one in priors if one.study_uid and one.study_uid != study_uid]
    newest = sorted(others, key=lambda one: one.started.timestamp() if one.started else 0.0, reverse=True)
    fits = [(_fit(modality, procedure, one), one) for one in newest]
    best = sorted((pair for pair in fits if pair[0]), key=lambda pair: pair[0], reverse=True)
    return tuple(one for _, one in best[:count])


def relevance(context: TaskContext, prior: PriorStudy) -> tuple[bool, SafeText]:
    """Whether a prior is worth comparing with a case, and why, in words."""
    modality = context.study.modality if context.study else ""
    words = f"{context.order.body_part} {context.order.procedure}"
    fit = _fit(modality, words, prior)
    why = {3: "same place and modality", 2: "same place", 1: "same modality"}.get(fit, "another place")
    return bool(fit), clean(why)


def _fit(modality: str, words: str, prior: PriorStudy) -> int:
    """3 for the same place and kind, 2 for the same place, 1 for the same kind alone, 0 for neither."""
    same_place = bool(_places(words) & _places(prior.description))
    same_kind = any(modality in kin and prior.modality in kin for kin in _KIN)
    if same_place:
        return 3 if same_kind or (modality and modality == prior.modality) else 2
    # A knee is no help beside a head; only where a place is not told does the modality alone count.
    untold = not _places(words) or not _places(prior.description)
    return int(untold and (same_kind or (bool(modality) and modality == prior.modality)))


def _places(words: str) -> set[str]:
    parts = words.lower().replace("/", " ").replace(",", " ").replace("-", " ").split()
    return {one.removesuffix("s") for one in parts if len(one) > 2} - _NO_PLACE


def _rank(row: WorklistRow) -> tuple[int, float]:
    return row.priority_rank, row.due.timestamp() if row.due else float("inf")
