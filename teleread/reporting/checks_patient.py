"""The patient against the text: sex, age, and people the report is not about."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from teleread.model.patient import nhs_number_valid
from teleread.model.report import Check
from teleread.model.text import SafeText

from .checks_basis import Basis, OtherPatients, name_of, plain_number
from .words import mentions_of_other_sex, sentences

__all__ = ["age", "others", "sex"]

_SEX: Final = {"M": "male", "F": "female"}

_AGED: Final = re.compile(
    r"\b(?P<n>\d{1,3})[\s-]*(?P<unit>years?|yrs?|y/?o|months?|weeks?|days?)(?P<old>[\s-]*(?:old|of\s+age))?\b[\s,-]*"
    r"(?P<who>(?:(?:old|right[\s-]handed|left[\s-]handed|previously|otherwise|fit|well|healthy|known|diabetic|hypertensive|smoker|rh|lh|caucasian|asian|"
    r"white|black|pregnant|elderly|young|retired|obese)[\s,-]+){0,3})"
    r"(?P<person>male|female|man|woman|boy|girl|lady|gentleman|patient|infant|baby|child|m|f|rhm|rhf|lhm|lhf)\b",
    re.IGNORECASE,
)
"""``49-year-old male``: an age of a person, never of a prosthesis or of a complaint."""
_SHORT: Final = re.compile(
    r"^\W*(?P<n>\d{1,3})\s?(?P<person>[MF])\b(?![\s-]*(?:Fr\b|french|catheter|drain|sheath|tube|stent|FDG|PSMA|choline))"
)
"""``27F`` at the head of a sentence."""
_ANYBODY: Final = frozenset({"patient", "infant", "baby", "child"})
_PERSON: Final = {
    "M": frozenset({"male", "man", "boy", "gentleman", "m", "rhm", "lhm"}),
    "F": frozenset({"female", "woman", "girl", "lady", "f", "rhf", "lhf"}),
}
_SOMEBODY: Final = re.compile(
    r"\b(?:mother|father|son|daughter|brother|sister|wife|husband|partner|carer|baby's|child's|donor|family|same\s+as)\b",
    re.IGNORECASE,
)
_SLACK: Final = {"y": 2.0, "m": 0.25, "w": 0.06, "d": 0.03}
"""How far a told age may be from the counted one, years: a birthday, an older request, a round month."""
_YEARS: Final = {"y": 1.0, "m": 1 / 12, "w": 1 / 52.2, "d": 1 / 365.25}
_PREGNANT: Final = re.compile(
    r"\b(?:gravid|intrauterine\s+pregnancy|viable\s+pregnancy|f(?:o)?etal\s+(?:heart|pole|biometry)|gestational\s+sac)\b",
    re.IGNORECASE,
)
_UNFUSED: Final = re.compile(
    r"\b(?:open|unfused|normal)\s+(?:physes|physis|growth\s+plates?|fontanelles?)\b|\bthymic\s+shadow\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Aged:
    """A patient as a text tells one."""

    words: str
    person: str
    years: float
    slack: float


def sex(basis: Basis) -> Iterator[Check]:
    """Organs and words of the other sex."""
    own = basis.context.patient.sex
    for section in basis.page.sections:
        found = mentions_of_other_sex(section.text, own) if section.id != "comparison" else []
        if found:
            yield from basis.rules.found(
                "sex-organ",
                section.id,
                label=section.label,
                words=", ".join(dict.fromkeys(found)),
                sex=_SEX[own],
            )
    if own not in _SEX:
        return
    for section_id, one in _people(basis):
        other = next((key for key, words in _PERSON.items() if one.person in words), own)
        if other != own:
            yield from basis.rules.found(
                "sex-said", section_id, label=basis.label(section_id), words=one.words, sex=_SEX[own]
            )
            return


def age(basis: Basis) -> Iterator[Check]:
    """Ages the text tells, and what only another age has."""
    born, day = _day(basis.context.patient.birth_date), basis.examined
    if born is None or day is None or day < born:
        return
    years = (day - born).days / 365.25
    for section_id, told in _people(basis):
        if abs(told.years - years) > told.slack:
            yield from basis.rules.found(
                "age-mismatch", section_id, label=basis.label(section_id), words=told.words, age=_shown(years)
            )
            return
    for one in basis.page.of("findings", "impression"):
        odd = (years < 10 or years > 60) and _PREGNANT.search(one.text)
        odd = odd or (years > 30 and _UNFUSED.search(one.text))
        if odd:
            yield from basis.rules.found(
                "age-organ", one.section, label=basis.label(one.section), words=odd.group(), age=_shown(years)
            )
            return


def _people(basis: Basis) -> Iterator[tuple[str, _Aged]]:
    """(section, person) wherever a text tells how old its patient is."""
    for section in basis.draft.sections:
        for sentence in sentences(str(section.text)):
            for one in _aged(sentence):
                yield section.id, one


@lru_cache(maxsize=2048)
def _aged(sentence: str) -> tuple[_Aged, ...]:
    if _SOMEBODY.search(sentence):
        return ()
    out = [_in_words(one) for one in _AGED.finditer(sentence) if _of_a_person(one)]
    short = _SHORT.match(sentence)
    if short:
        out.append(_Aged(short.group().strip(), short["person"].lower(), float(short["n"]), _SLACK["y"]))
    return tuple(out)


def _of_a_person(one: re.Match[str]) -> bool:
    """Whether it is the age of somebody: months and weeks without an "old" are how long something lasts."""
    exact = one["old"] or one["unit"].lower().startswith(("yo", "y/"))
    return bool(exact) or (one["unit"][0] in "yY" and one["person"].lower() not in _ANYBODY)


def _in_words(one: re.Match[str]) -> _Aged:
    unit = one["unit"][0].lower()
    words = " ".join(one.group().split())
    return _Aged(words, one["person"].lower(), int(one["n"]) * _YEARS[unit], _SLACK[unit])


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _shown(years: float) -> str:
    return f"{int(years)} years" if years >= 2 else f"{int(years * 12)} months"


# -- somebody else ----------------------------------------------------------------------------------------

_TEN_DIGITS: Final = re.compile(r"(?<![\d.])(\d{3})[\s-]?(\d{3})[\s-]?(\d{4})(?!\d|\.\d)")
_TOKEN: Final = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "master", "patient", "mx"})
_TOLD: Final = re.compile(
    r"\b(?:discussed|informed|telephoned|phoned|spoke|told|communicated|reported|requested|referred|called|seen|operated|checked)\b"
    r"(?:\s+\w+){0,3}\s+(?:with|to|by|by\s+telephone)\b|\bsurgeon\b|\bconsultant\b",
    re.IGNORECASE,
)


def others(basis: Basis) -> Iterator[Check]:
    """A number or a name of somebody else in the text."""
    patient, order = basis.context.patient, basis.context.order
    study = basis.context.study
    own = {plain_number(one.value) for one in patient.identifiers}
    own |= {plain_number(one) for one in (*order.accessions, *(study.accessions if study else ()))}
    own |= {plain_number(one) for prior in basis.priors for one in prior.accessions}
    index = basis.around.others
    for section in basis.draft.sections:
        text = str(section.text)
        foreign = [number for number in _nhs_numbers(text) if number not in own]
        if not foreign and index.numbers:
            foreign = [word for word in _numbers(text) if word in index.numbers and word not in own]
        if foreign:
            yield from basis.rules.found("another-number", section.id, label=section.label)
        if index.names and _names_another(basis, text, index, patient.name):
            yield from basis.rules.found("another-name", section.id, label=section.label)


@lru_cache(maxsize=64)
def _nhs_numbers(text: str) -> tuple[str, ...]:
    found = ("".join(one.groups()) for one in _TEN_DIGITS.finditer(text))
    return tuple(number for number in found if nhs_number_valid(number))


@lru_cache(maxsize=64)
def _numbers(text: str) -> tuple[str, ...]:
    """Words that hold a digit, without their signs; blanks inside a number are not guessed at."""
    return tuple(
        plain_number(word) for word in text.split() if not word.isalpha() and any(map(str.isdigit, word))
    )


def _names_another(basis: Basis, text: str, index: OtherPatients, own_name: SafeText) -> bool:
    own = name_of(own_name)
    allowed = _people_allowed(basis.around.people)
    for sentence in sentences(text):
        pairs, titled = _names(sentence)
        if any(one != own and one[0] not in allowed for one in pairs & index.names):
            return True
        strange = (titled & index.families) - {own[0]} - allowed
        if strange and not _TOLD.search(sentence):
            return True
    return False


@lru_cache(maxsize=2048)
def _names(sentence: str) -> tuple[frozenset[tuple[str, str]], frozenset[str]]:
    """Pairs of words that could be a name, both ways round; and words after a title."""
    words = [one.group().casefold() for one in _TOKEN.finditer(sentence)]
    pairs = set(itertools.pairwise(words))
    titled = frozenset(name for title, name in pairs if title in _TITLES)
    return frozenset(pairs | {(second, first) for first, second in pairs}), titled


def _people_allowed(people: Iterable[SafeText]) -> frozenset[str]:
    return frozenset(word.group().casefold() for name in people for word in _TOKEN.finditer(name))
