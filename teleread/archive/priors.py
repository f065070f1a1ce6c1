"""Which earlier studies are worth having beside a case, by points that are told. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from teleread.model.task import PriorReport, PriorStudy, TaskContext
from teleread.model.text import SafeText, clean

__all__ = ["PRIORS", "PriorCase", "RankedPrior", "case_of", "rank_priors"]

PRIORS: Final = 3
"""Priors of one case that are worth the line."""
MENTIONS: Final = 20
"""Most reports looked through for a mention."""
_NO_PLACE: Final = frozenset(
    {
        *("ct", "mr", "mri", "xr", "xray", "x-ray", "us", "ultrasound", "cr", "dx", "scan"),
        *("of", "the", "and", "with", "without", "contrast", "left", "right", "both"),
    }
)
"""Words of a procedure's name that name no place in the body."""
_KIN: Final = ({"CR", "DX", "XR", "RG"}, {"CT"}, {"MR"}, {"US"}, {"MG"}, {"PT", "NM"}, {"XA", "RF"})
"""Modalities that are compared with each other."""
_ALIKE: Final = {
    **dict.fromkeys(("thorax", "lung", "pulmonary"), "chest"),
    **dict.fromkeys(("brain", "cranium", "skull"), "head"),
    **dict.fromkeys(("abdo", "abdominal", "abdomen"), "abdomen"),
    **dict.fromkeys(("breast", "mammogram", "mammography"), "breast"),
    **dict.fromkeys(("lumbar", "thoracic", "cervical", "sacral"), "spine"),
    **dict.fromkeys(("kidney", "renal", "urinary", "kub", "ureter"), "urinary"),
}
"""Words for one place; what is left keeps its own."""
_AGES: Final = ((92, 15, "under 3 months old"), (366, 12, "under a year old"), (731, 8, "under 2 years old"))
"""(days, points, words), the youngest first."""
_OLD: Final = (1827, 4, "under 5 years old")


@dataclass(frozen=True, slots=True)
class PriorCase:
    """What of a case its priors are measured by."""

    study_uid: str
    modality: str
    words: str
    """Body part and examination, as shown."""
    procedure: str = ""
    """The examination alone: the same one again is the best comparison."""
    code: str = ""
    """Its code, where it has one."""
    question: str = ""
    day: date | None = None
    """Of the examination; ages count back from it."""


@dataclass(frozen=True, slots=True)
class RankedPrior:
    """One earlier study with its points."""

    prior: PriorStudy
    score: int
    """0 to about 120; more is more worth having."""
    parts: tuple[tuple[str, int], ...]
    """What the points are for, in words."""
    pinned: bool
    """The reader asked for it."""
    relevant: bool
    """It is of the same place, or of the same kind where a place is not told, or pinned, or mentioned."""
    chosen: bool
    """It is fetched with the case."""

    @property
    def why(self) -> SafeText:
        """The score explained, in words, without patient data."""
        told = ", ".join(f"{words} {points:+d}" for words, points in self.parts)
        return clean(f"{told or 'another place'}; {self.score} points", limit=300)


def case_of(context: TaskContext) -> PriorCase:
    """A task as its priors see it."""
    study, order = context.study, context.order
    when = (study.started if study else None) or order.occurrence or order.authored
    return PriorCase(
        study_uid=study.study_uid if study else "",
        modality=study.modality if study else "",
        words=f"{order.body_part} {order.procedure}",
        procedure=order.procedure,
        code=order.procedure_code,
        question=order.question,
        day=when.date() if when else None,
    )


def rank_priors(
    case: PriorCase,
    priors: Iterable[PriorStudy],
    *,
    reports: Sequence[PriorReport] = (),
    pinned: Collection[str] = (),
    count: int = PRIORS,
) -> tuple[RankedPrior, ...]:
    """All priors of a case, the most worth having first.

    Args:
        case: The case.
        priors: What hub and archive list of the same patient (same issuer and identifier: the caller's care).
        reports: Reports of the patient: one that mentions a study speaks for it.
        pinned: Study UIDs the reader asked for; they come first, and never count against ``count``.
        count: How many others are fetched.

    Returns:
        Pinned ones, then relevant ones by score, then the others; a study listed twice counts once.
    """
    reported = {uid for one in reports for uid in (one.study_uid,) if uid}
    texts: list[tuple[str, str]] = [(one.study_uid, _folded(one.text)) for one in reports[:MENTIONS]]
    texts.append(("", _folded(case.question)))
    seen: dict[str, RankedPrior] = {}
    for prior in priors:
        if prior.study_uid and prior.study_uid != case.study_uid and prior.study_uid not in seen:
            seen[prior.study_uid] = _ranked(case, prior, reported, texts, prior.study_uid in pinned)
    order = sorted(seen.values(), key=_place)
    left = max(0, count)
    out: list[RankedPrior] = []
    for one in order:
        chosen = one.pinned or (one.relevant and left > 0)
        left -= int(chosen and not one.pinned)
        out.append(
            RankedPrior(one.prior, one.score, one.parts, one.pinned, one.relevant, chosen) if chosen else one
        )
    return tuple(out)


# -- points ----------------------------------------------------------------------------------------------


def _ranked(
    case: PriorCase,
    prior: PriorStudy,
    reported: Collection[str],
    texts: Sequence[tuple[str, str]],
    pinned: bool,
) -> RankedPrior:
    here, there = places(case.words), places(prior.description)
    same_place = bool(here & there)
    same_kind = _same_kind(case.modality, prior.modality)
    same_code = bool(case.code) and case.code.upper() == prior.procedure_code.upper()
    same_place = same_place or same_code  # one examination is of one place, whatever it is called
    # A knee is no help beside a head; only where a place is not told does the modality alone count.
    fits = same_place or (same_kind and not (here and there))
    mentioned = _mentioned(prior, texts)
    parts: list[tuple[str, int]] = []
    if same_place:
        parts.append(("same place", 40))
    if same_kind and (same_place or fits):
        parts.append(("same kind of image", 20))
    if same_code:
        parts.append(("same procedure code", 15))
    elif fits and _folded(case.procedure) and _folded(case.procedure) == _folded(prior.description):
        parts.append(("same examination", 15))
    if mentioned:
        parts.append(("mentioned in a report or the question", 15))
    if fits or mentioned:
        parts += _age(case.day, prior.started)
        if prior.study_uid in reported:
            parts.append(("has a report", 5))
    return RankedPrior(
        prior,
        sum(points for _, points in parts),
        (*((("pinned by you", 0),) if pinned else ()), *parts),
        pinned,
        fits or mentioned or pinned,
        False,
    )


def _place(one: RankedPrior) -> tuple[bool, bool, int, float, str]:
    started = one.prior.started.timestamp() if one.prior.started else 0.0
    return not one.pinned, not one.relevant, -one.score, -started, one.prior.study_uid


def _same_kind(one: str, other: str) -> bool:
    return bool(one) and (one == other or any(one in kin and other in kin for kin in _KIN))


def _age(day: date | None, started: datetime | None) -> list[tuple[str, int]]:
    if day is None or started is None:
        return []
    days = (day - started.date()).days
    for most, points, words in (*_AGES, _OLD):
        if days < most:
            return [(words, points)]
    return []


def _mentioned(prior: PriorStudy, texts: Sequence[tuple[str, str]]) -> bool:
    """Whether another report, or the question, names the prior by its day or its accession number."""
    names = [_folded(one) for one in prior.accessions if len(one) >= 5]
    if prior.started is not None:
        day = prior.started.date()
        names += [
            day.isoformat(),
            f"{day.day} {day:%b}".lower() + f" {day.year}",
            f"{day.day} {day:%B}".lower() + f" {day.year}",
            f"{day:%d/%m/%Y}",
            f"{day:%d.%m.%Y}",
        ]
    return any(name in text for uid, text in texts if uid != prior.study_uid for name in names)


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


def places(words: str) -> set[str]:
    """The places in the body that words name, one word each."""
    parts = words.lower().replace("/", " ").replace(",", " ").replace("-", " ").split()
    bare = {one.removesuffix("s") for one in parts if len(one) > 2} - _NO_PLACE
    return {_ALIKE.get(one, one) for one in bare}
