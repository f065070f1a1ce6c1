"""Measurements: without a unit, implausible, and different in findings and impression."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final

from teleread.model.report import Check

from .checks_basis import Basis
from .checks_reading import Sentence, quoted

__all__ = ["Measure", "implausible", "kind_of", "measures_of", "numbers", "units"]

_NUMBER: Final = r"\d{1,5}(?:\.\d{1,3})?"
_UNIT: Final = r"(?:mm|millimet(?:er|re)s?|cm|centimet(?:er|re)s?|metres?|meters?)"
_MEASURE: Final = re.compile(
    rf"(?<![\w./-])(?P<dims>{_NUMBER}(?:[\s-]?{_UNIT})?(?:\s*(?:x|×|by)\s*{_NUMBER}(?:[\s-]?{_UNIT})?){{0,3}})[\s-]{{0,2}}(?P<unit>{_UNIT})?"
    r"(?![\w%²³^/])",
    re.IGNORECASE,
)
_PART: Final = re.compile(rf"({_NUMBER})[\s-]?({_UNIT})?", re.IGNORECASE)
_MM: Final = {"m": Decimal(1), "c": Decimal(10)}
_BEFORE: Final = re.compile(
    r"\b(?:previous\w*|prior|was|were|from|compared\s+(?:with|to)|earlier|baseline|formerly|old|than|versus|vs|then)\b[^.;]{0,18}$"
)

_VERB: Final = re.compile(
    rf"\b(?:measur(?:es?|ing|ed)|(?:dilated|distended|narrowed|enlarged|thickened|widened)(?=\s+to\b)|diameters?|lengths?|widths?|thickness|calib(?:re|er)|size|axis|sized|span|depth|height)\s+"
    rf"(?:(?:is|was|of|are|approximately|about|around|up\s+to|at\s+least|now|currently|roughly|nearly|almost|today|to|~|circa|c\.)\s+){{0,3}}"
    rf"(?P<dims>{_NUMBER}(?:\s*(?:x|×|by)\s*{_NUMBER}){{0,3}})(?P<after>[^\n]{{0,16}})",
    re.IGNORECASE,
)
_TIMES: Final = re.compile(
    rf"(?<![\w.])(?P<dims>{_NUMBER}(?:\s*[x×]\s*{_NUMBER}){{1,3}})(?P<after>[^\n]{{0,16}})"
)
_HAS_UNIT: Final = re.compile(
    r"^[\s-]*(?:mm|millimet|cm|centimet|m\b|met(?:er|re)|ml|cc|cubic|litre|liter|l\b|hu\b|hounsfield|%|per\s?cent|°|deg|kg|g\b|mg|ms|"
    r"msec|sec|s\b|hz|mmhg|weeks?|wks?|days?|months?|years?|hours?|mins?|minutes?|suv|mgy|msv|ppm|kpa|bpm|views?|matrix|fold|times|"
    r"french|fr\b|gauge|vertebra|levels?|slices?|in\b(?=\s*\d)|inch|µ|um\b|x\b|×|to\s|[-–]\s?\d|/|:|mls?|dots?|out\b|pixels?|tesla|t\b)",
    re.IGNORECASE,
)
_NOT_LENGTHS: Final = re.compile(
    r"\b(?:matrix|magnification|pixels?|fov|power|score|grade|stage|objective)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Measure:
    """A length where it is written."""

    mm: tuple[Decimal, ...]
    """Its dimensions, millimetres."""
    unit: Decimal
    """Millimetres in the unit it is written in."""
    places: int
    """Decimals it is written with."""
    start: int
    end: int
    before: bool
    """It is told as an earlier value."""

    @property
    def largest(self) -> Decimal:
        """The largest dimension, millimetres."""
        return max(self.mm)


@lru_cache(maxsize=1024)
def measures_of(text: str) -> tuple[Measure, ...]:
    """The lengths with a unit in a sentence."""
    out = []
    for one in _MEASURE.finditer(text):
        parts = _PART.findall(one["dims"])
        last = one["unit"] or parts[-1][1]
        if not last:
            continue
        units = [_scale(unit or last) for _, unit in parts]
        places = max(len(number.partition(".")[2]) for number, _ in parts)
        mm = tuple(Decimal(number) * unit for (number, _), unit in zip(parts, units, strict=True))
        before = bool(_BEFORE.search(text[: one.start()].lower()))
        out.append(Measure(mm, units[-1], places, one.start(), one.end(), before))
    return tuple(out)


def _scale(unit: str) -> Decimal:
    low = unit.lower()
    if low.startswith("met"):
        return Decimal(1000)
    return _MM[low[0]]


# -- units ------------------------------------------------------------------------------------------------


def units(basis: Basis) -> Iterator[Check]:
    """Measurements without a unit, each sentence once."""
    for one in basis.page.of("findings", "impression"):
        if _lacks_unit(one.text):
            yield from basis.rules.found(
                "measurement-no-unit",
                one.section,
                label=basis.label(one.section),
                words=quoted(one.text),
            )


@lru_cache(maxsize=2048)
def _lacks_unit(text: str) -> bool:
    if not any(map(str.isdigit, text)) or _NOT_LENGTHS.search(text):
        return False
    return any(
        not _HAS_UNIT.match(found["after"]) and not _is_date(found["dims"], found["after"])
        for pattern in (_VERB, _TIMES)
        for found in pattern.finditer(text)
    )


def _is_date(dims: str, after: str) -> bool:
    return dims.isdigit() and (
        1900 <= int(dims) <= 2100 or (after[:1] in {"/", "."} and after[1:2].isdigit())
    )


# -- plausibility -----------------------------------------------------------------------------------------

_BOUNDS: Final[tuple[tuple[str, str, int], ...]] = (
    (r"common (?:bile )?duct|\bcbd\b|bile duct|pancreatic duct", "a duct", 45),
    (
        r"(?:gallbladder|bladder|bowel|gastric|appendi\w+|carotid) wall|wall thickness|wall thickening",
        "a wall",
        45,
    ),
    (r"\bappendix\b", "the appendix", 150),
    (r"endometri\w+", "the endometrium", 90),
    (r"midline shift", "a midline shift", 45),
    (r"short[\s-]axis|lymph node|\bnodes?\b", "a node", 150),
    (r"(?:disc|disk) (?:protrusion|bulge|prolapse|herniation|extrusion)", "a disc protrusion", 40),
    (r"aort\w+|aneurysm", "an aorta or aneurysm", 200),
    (r"pulmonary (?:nodule|artery|trunk)|lung nodule", "that part of the lung", 120),
    (r"thyroid|parotid|adrenal|prostat\w+", "that gland", 180),
    (r"\bkidneys?\b", "a kidney", 220),
    (r"spleen|splenic", "the spleen", 350),
    (r"pneumothora\w+", "a pneumothorax", 200),
    (r"meniscal|meniscus|labral|rotator cuff|supraspinatus|tendon", "a tendon or meniscus", 150),
    (r"\bcyst\b|nodule|lesion|mass\b|tumou?r", "a lesion", 400),
)
"""What is measured, how it is called, the largest length believed in mm; the first that fits holds."""
_ANYTHING: Final = 700
_LEAST: Final = Decimal("0.3")


@lru_cache(maxsize=1)
def _bounds() -> tuple[tuple[re.Pattern[str], str, int], ...]:
    return tuple((re.compile(pattern), name, most) for pattern, name, most in _BOUNDS)


def implausible(basis: Basis) -> Iterator[Check]:
    """Lengths nobody has, each sentence once."""
    for one in basis.page.of("findings", "impression"):
        for measure in measures_of(one.text):
            what = _too_much(one, measure)
            if what:
                yield from basis.rules.found(
                    "measurement-implausible",
                    one.section,
                    label=basis.label(one.section),
                    words=one.text[measure.start : measure.end],
                    what=what,
                )
                break


@lru_cache(maxsize=2048)
def _too_much(sentence: Sentence, measure: Measure) -> str:
    if measure.largest < _LEAST or measure.largest > _ANYTHING:
        return "anything measured"
    part = _clause(sentence.low, measure.start, measure.end)
    found = next(((name, most) for pattern, name, most in _bounds() if pattern.search(part)), None)
    return found[0] if found and measure.largest > found[1] else ""


def _clause(low: str, start: int, end: int) -> str:
    """The part of a sentence a measurement belongs to."""
    head = max((low.rfind(sign, 0, start) for sign in (",", ";", ":", " and ", " with ")), default=-1)
    if low[:start].strip() and not re.search(r"[a-z]{3}", low[head + 1 : start]):
        head = max(low.rfind(sign, 0, max(head, 0)) for sign in (",", ";", " and "))
    stops = [at for sign in (",", ";", " and ") if (at := low.find(sign, end)) >= 0]
    return low[max(head, 0) : min(stops, default=len(low))]


# -- the same thing, two numbers --------------------------------------------------------------------------

_MOST: Final = 300
"""Most lengths of a section that are compared."""
_SUBJECTS: Final = re.compile(
    r"\b(?P<lesion>mass(?:es)?|lesions?|nodules?|tumou?rs?|neoplasms?|metasta\w+|carcinomas?)\b|\b(?P<node>nodes?|lymph\s+nodes?|adenopathy)\b|\b(?P<cyst>cysts?)\b|"
    r"\b(?P<stone>stones?|calcul\w+)\b|\b(?P<aneurysm>aneurysms?|aort\w+)\b|\b(?P<collection>collections?|abscess\w*|h(?:a)?ematomas?)\b|"
    r"\b(?P<shift>midline\s+shift)\b|\b(?P<duct>duct|cbd)\b|\b(?P<effusion>effusions?)\b|\b(?P<hernia>hernias?)\b|\b(?P<tear>tears?)\b|"
    r"\b(?P<pneumothorax>pneumothora\w+)\b|\b(?P<fibroid>fibroids?)\b|\b(?P<protrusion>protrusion|prolapse|herniation|extrusion)\b",
)


_LOBES: Final = re.compile(r"\b(upper|middle|lower)\s+(?:lobe|pole|zone)|\bsegment\s+(\d\w?|[ivx]+)\b")


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a length is the length of."""

    kind: str
    organs: frozenset[str]
    side: str
    lobes: frozenset[str]


def numbers(basis: Basis) -> Iterator[Check]:
    """A length of the impression that the findings give otherwise for the same thing."""
    known = [
        (measure, _subject(one, measure))
        for one in basis.page.of("findings")
        for measure in measures_of(one.text)
    ]
    known = known[:_MOST]
    seen: set[tuple[tuple[Decimal, ...], _Subject]] = set()
    for one in basis.page.of("impression"):
        for measure in measures_of(one.text):
            subject = _subject(one, measure)
            if (measure.mm, subject) in seen or len(seen) > _MOST:
                continue
            seen.add((measure.mm, subject))
            told = [pair for pair in known if pair[0].before] if measure.before else known
            other = _differs(subject, measure, told, known)
            if other:
                yield from basis.rules.found(
                    "numbers-differ",
                    "impression",
                    label=basis.label("impression"),
                    words=one.text[measure.start : measure.end],
                    other=other,
                )
                return


def _differs(
    subject: _Subject,
    measure: Measure,
    known: Sequence[tuple[Measure, _Subject]],
    everything: Sequence[tuple[Measure, _Subject]],
) -> str:
    """What the findings give in place of a length of the impression; empty where they give it too."""
    same = [other for other, what in known if subject.kind and _alike(subject, what)]
    exact = any(other.largest == measure.largest for other, _ in everything)
    may_answer = same or [other for other, _ in known]
    if not known or exact or any(_equal(measure, other) for other in may_answer):
        return ""
    return _shown(may_answer)


def kind_of(sentence: Sentence, measure: Measure) -> str:
    """What a length is the length of, roughly: ``lesion``, ``stone``, ...; empty where nothing says."""
    return _subject(sentence, measure).kind


@lru_cache(maxsize=2048)
def _subject(sentence: Sentence, measure: Measure) -> _Subject:
    best, gap = "", 10_000
    for one in _SUBJECTS.finditer(sentence.low):
        distance = min(abs(one.start() - measure.end), abs(measure.start - one.end()))
        between = sentence.low[min(one.end(), measure.end) : max(one.start(), measure.start)]
        distance += 60 * len(re.findall(r"[;]|, (?:and )?(?=an? )", between))
        if distance < gap:
            best, gap = str(one.lastgroup), distance
    organs = frozenset(organ for organ, _, _ in sentence.organs)
    sides = {side for side, _ in sentence.sides}
    side = sides.pop() if len(sides) == 1 and best != "shift" else ""
    return _Subject(best, organs, side, frozenset(one.group() for one in _LOBES.finditer(sentence.low)))


def _alike(one: _Subject, other: _Subject) -> bool:
    if one.kind != other.kind:
        return False
    if one.organs and other.organs and not one.organs & other.organs:
        return False
    if one.lobes and other.lobes and not one.lobes & other.lobes:
        return False
    return not one.side or not other.side or one.side == other.side


def _equal(one: Measure, other: Measure) -> bool:
    """Whether the impression's largest length is one of the findings', rounded as it is written there."""
    step = one.unit / 10**one.places
    told = one.largest
    return any(told == (value / step).quantize(Decimal(1), ROUND_HALF_UP) * step for value in other.mm)


def _shown(lengths: Sequence[Measure]) -> str:
    sizes = dict.fromkeys(" x ".join(f"{value.normalize():f}" for value in one.mm) + " mm" for one in lengths)
    return ", ".join(list(sizes)[:3])
