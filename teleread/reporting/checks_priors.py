"""Earlier studies: one that is not mentioned, and one that is and isn't there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final

from teleread.model.report import Check
from teleread.model.task import PriorStudy

from .checks_basis import Basis
from .checks_phrases import regions_in
from .checks_reading import Sentence
from .drafting import relevant_prior, shown_day

__all__ = ["Told", "comparison", "dates_in", "prior"]

_MONTHS: Final = {
    name: index + 1
    for index, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
    )
}
_MONTH: Final = r"(?P<{0}>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{{0,6}}\.?"
_DATES: Final = re.compile(
    r"(?<![\d/.-])(?:(?P<y1>(?:19|20)\d\d)-(?P<m1>\d\d?)-(?P<d1>\d\d?)|(?P<d2>\d\d?)[/.](?P<m2>\d\d?)[/.](?P<y2>(?:19|20)?\d\d)|"
    r"(?P<d3>\d\d?)(?:st|nd|rd|th)?[\s-]+"
    + _MONTH.format("n3")
    + r"[\s,-]+(?P<y3>(?:19|20)\d\d)|"
    + _MONTH.format("n5")
    + r"\s+(?P<d5>\d\d?)(?:st|nd|rd|th)?,?\s+(?P<y5>(?:19|20)\d\d)|"
    + _MONTH.format("n4")
    + r"\s+(?P<y4>(?:19|20)\d\d))(?![\d/-])",
    re.IGNORECASE,
)
_STUDY_WORDS: Final = re.compile(
    r"\b(?:compar(?:ed|ison)\s+(?:is\s+made\s+|made\s+|with|to)|(?:previous|prior|earlier|last)\s+(?:\w+\s+){0,3}(?:CT|MRI?|US|ultrasound|radiograph\w*|x-?ray|"
    r"study|studies|examination|scan|imaging|film)s?)\b",
    re.IGNORECASE,
)
_TODAY: Final = re.compile(
    r"\b(?:today|this\s+morning|same\s+day|earlier\s+(?:today|the\s+same\s+day))\b", re.IGNORECASE
)
_YESTERDAY: Final = re.compile(
    r"\b(?:yesterday|the\s+day\s+before|(?:1|one)\s+day\s+(?:earlier|prior|ago|before))\b", re.IGNORECASE
)
_NONE: Final = re.compile(r"\b(?:no|none|nil|without|not|unavailable)\b", re.IGNORECASE)
_EVENT: Final = re.compile(
    r"\b(?:surgery|operation|admi\w+|biops\w+|diagnos\w+|discussed|telephoned|informed|born|seen\s+in\s+clinic|resection|injury|injured|fell|fall|operated|treated|"
    r"chemotherapy|radiotherapy|transplant\w*|mastectomy|nephrectomy|colectomy|stent\w*|laparotomy|due|appointment|follow[\s-]?up|recommended|advised)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Told:
    """A date in a text; what is not told is None."""

    year: int
    month: int | None = None
    day: int | None = None
    other: tuple[int, int] | None = None
    """(month, day) read the other way round, where that is possible too."""

    def fits(self, when: date) -> bool:
        """Whether a day can be the one that is meant."""
        if self.year != when.year:
            return False
        if self.month is None or (self.month == when.month and self.day in (None, when.day)):
            return True
        return self.other == (when.month, when.day)


@lru_cache(maxsize=2048)
def dates_in(text: str) -> tuple[Told, ...]:
    """The dates a text tells, day first where figures leave it open."""
    return tuple(told for one in _DATES.finditer(text) if (told := _told(one)) is not None)


def _told(one: re.Match[str]) -> Told | None:
    if one["y1"]:
        return _checked(int(one["y1"]), int(one["m1"]), int(one["d1"]), swap=False)
    if one["y2"]:
        year = int(one["y2"]) if len(one["y2"]) == 4 else 2000 + int(one["y2"])
        return _checked(year, int(one["m2"]), int(one["d2"]), swap=True)
    for kind in "35":
        if one[f"y{kind}"]:
            month = _MONTHS[one[f"n{kind}"].lower()]
            return _checked(int(one[f"y{kind}"]), month, int(one[f"d{kind}"]), swap=False)
    return Told(int(one["y4"]), _MONTHS[one["n4"].lower()])


def _checked(year: int, month: int, day: int, *, swap: bool) -> Told | None:
    ways = [(month, day), (day, month)] if swap else [(month, day)]
    real = [way for way in ways if _real(year, *way)]
    if not real:
        return None
    return Told(year, *real[0], other=real[1] if len(real) > 1 else None)


def _real(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


# -- rules ------------------------------------------------------------------------------------------------


def prior(basis: Basis) -> Iterator[Check]:
    """A relevant earlier study the text does not speak of."""
    found = _relevant(basis)
    if not basis.first or found is None or found.started is None:
        return
    day = found.started.date()
    texts = [str(one.text) for one in basis.draft.sections if one.id != "clinical-information"]
    if any(told.fits(day) for text in texts for told in dates_in(text)):
        return
    if basis.examined is not None and (basis.examined - day).days in (0, 1):
        recent = _TODAY if basis.examined == day else _YESTERDAY
        if any(recent.search(text) for text in texts):
            return
    what = found.description or found.modality or "An earlier study"
    yield from basis.rules.found("prior-not-mentioned", "comparison", prior=f"{what} of {shown_day(found)}")


def _relevant(basis: Basis) -> PriorStudy | None:
    """The newest earlier study of the same kind and part: by the words of its name, else by the region."""
    by_words = relevant_prior(replace(basis.context, priors=tuple(basis.priors)))
    study, order = basis.context.study, basis.context.order
    regions = regions_in(f"{order.procedure} {order.body_part}")
    by_region = [
        one
        for one in basis.priors
        if study and one.modality == study.modality and one.study_uid != study.study_uid
        if one.started and regions & regions_in(one.description)
    ]
    found = [*by_region, *([by_words] if by_words else [])]
    return max(found, key=lambda one: one.started.timestamp() if one.started else 0.0, default=None)


def comparison(basis: Basis) -> Iterator[Check]:
    """An earlier study the text compares with and that is not known, or not here."""
    context = basis.context
    asked = context.priors_at is not None or bool(basis.priors)
    examined = basis.examined
    known = [one.started.date() for one in basis.priors if one.started]
    known += [one.issued.date() for one in context.prior_reports if one.issued]
    for one in _comparing(basis):
        for told in dates_in(one.text):
            if examined is not None and told.fits(examined):
                continue
            if _later(told, examined) or (asked and not any(told.fits(day) for day in known)):
                yield from basis.rules.found(
                    "comparison-unknown", one.section, label=basis.label(one.section), day=_shown(told)
                )
                return
            yield from _not_held(basis, one, told)
    if asked and not basis.priors and not context.prior_reports:
        yield from _undated(basis)


def _comparing(basis: Basis) -> Iterator[Sentence]:
    """The comparison section, and sentences elsewhere that compare with a study."""
    for one in basis.page.of("comparison", "findings", "impression", "technique"):
        if one.section == "comparison" or (_STUDY_WORDS.search(one.text) and not _EVENT.search(one.text)):
            yield one


def _later(told: Told, examined: date | None) -> bool:
    """Whether the date lies after the examination it is compared with."""
    if examined is None:
        return False
    ways = [(told.month, told.day)] if told.other is None else [(told.month, told.day), told.other]
    return all(
        (told.year, month or 1, day or 1) > (examined.year, examined.month, examined.day)
        for month, day in ways
    )


def _not_held(basis: Basis, sentence: Sentence, told: Told) -> list[Check]:
    held = basis.around.held
    meant = [one for one in basis.priors if one.started and told.fits(one.started.date())]
    if held is None or not meant or any(one.study_uid in held for one in meant):
        return []
    return basis.rules.found(
        "comparison-not-held", sentence.section, label=basis.label(sentence.section), prior=_named(meant)
    )


def _named(meant: Sequence[PriorStudy]) -> str:
    what = meant[0].description or meant[0].modality or "That study"
    return f"{what} of {shown_day(meant[0])}"


def _undated(basis: Basis) -> Iterator[Check]:
    """A comparison without a date where no earlier study is known at all."""
    for one in basis.page.of("comparison", "findings", "impression"):
        if _STUDY_WORDS.search(one.text) and not _NONE.search(one.text) and not dates_in(one.text):
            yield from basis.rules.found("comparison-nothing", one.section, label=basis.label(one.section))
            return


def _shown(told: Told) -> str:
    names = {number: name.capitalize() for name, number in _MONTHS.items()}
    month = names[told.month] + " " if told.month else ""
    return f"{told.day} {month}{told.year}" if told.day else f"{month}{told.year}"
