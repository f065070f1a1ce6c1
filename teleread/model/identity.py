"""Right patient and right study: the comparisons, as pure functions (the design, section 9).

Naive equality is wrong: hospital numbers are re-issued and written differently everywhere. So a
difference stops only where both sides are known to speak of the same thing (same issuer, both NHS
numbers, both dates to the same precision), and what cannot be compared is said in words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .identifiers import SEPARATORS, Numbers, agreement, fold_name, normal_accession
from .patient import NHS_SYSTEM, Patient, nhs_number_valid
from .study import ImageIdentity
from .task import Order, OrderedStudy, TaskContext
from .text import EMPTY, SafeText, clean

__all__ = [
    "Finding",
    "Match",
    "compare",
]

_WORST: Final = ("stop", "warn", "unknown", "ok")
_MOST_SAID: Final = 4
"""How many images' words one finding repeats."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison between order, images and what the hub says now."""

    rule: str
    """``patient-id``, ``nhs-number``, ``birth-date``, ``study-uid``, ``accession``, ``sex``, ``name``,
    ``record`` (the hub merged it away)."""
    level: str
    """``stop``, ``warn``, ``unknown`` or ``ok``."""
    text: SafeText
    """What was compared with what, in words."""


@dataclass(frozen=True, slots=True)
class Match:
    """The whole comparison."""

    findings: tuple[Finding, ...]

    @property
    def level(self) -> str:
        """The worst level: ``stop``, ``warn``, ``unknown`` or ``ok``.

        A value that is missing counts as ``unknown`` only while nothing else ties images and order
        together: see `identified`.
        """
        levels = {one.level for one in self.findings}
        if "stop" in levels:
            return "stop"
        if "unknown" in levels and not self.identified:
            return "unknown"
        return "warn" if "warn" in levels else "ok"

    @property
    def identified(self) -> bool:
        """Whether a patient identifier and a study identifier were compared and found equal."""
        same = {one.rule for one in self.findings if one.level == "ok"}
        return bool(same & {"patient-id", "nhs-number"}) and bool(same & {"study-uid", "accession"})

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings that stop a signature."""
        return tuple(one for one in self.findings if one.level == "stop")

    @property
    def unknowns(self) -> tuple[Finding, ...]:
        """What could not be compared, in words."""
        return tuple(one for one in self.findings if one.level == "unknown")


def compare(
    order_patient: Patient,
    order: Order,
    ordered: OrderedStudy | None,
    images: Sequence[ImageIdentity],
    image_accessions: Sequence[str],
    hub_now: TaskContext | None,
    issuer_of_bare_ids: str,
) -> Match:
    """Compare order, images and what the hub says now.

    Args:
        order_patient: The patient as the order names one.
        order: The request.
        ordered: The study as the hub tells it; None where it tells none.
        images: Who the held images say they are of, duplicates welcome; empty where none are held.
        image_accessions: Accession numbers of the study and its series besides those in ``images``.
        hub_now: The task as the hub gives it now; None where it was not asked since.
        issuer_of_bare_ids: Who issued Patient IDs that name no issuer (from the hub file); may be empty.
    """
    findings: list[Finding] = []
    current = hub_now.patient if hub_now else None
    if images:
        numbers = Numbers.of_patient(order_patient)
        if current is not None and _same_record(order_patient, current):
            numbers = numbers.joined(Numbers.of_patient(current))
        several = [
            _against_image(order_patient, numbers, ordered, image, issuer_of_bare_ids)
            for image in dict.fromkeys(images)
        ]
        findings = _worst_of_each(several)
        accessions = [*image_accessions, *(image.accession for image in images)]
        findings.append(_accession(order, ordered, accessions))
    else:
        findings.append(Finding("images", "unknown", _say("No images are held here to compare with.")))
    if hub_now is not None:
        findings = _with_hub(findings, _against_hub(order_patient, order, ordered, hub_now))
    return Match(tuple(findings))


def _patient_ids(ours: Numbers, theirs: Numbers, who: str) -> Finding:
    shared = [issuer for issuer in ours.hospital_issuers if theirs.get(issuer)]
    results = [(agreement(ours.get(one), theirs.get(one)), one) for one in shared]
    different = [issuer for result, issuer in results if result == "different"]
    if different:
        mine, their = ours.get(different[0]), theirs.get(different[0])
        return Finding(
            "patient-id",
            "stop",
            _say(
                f"Patient number: the order says {_list(mine)}, {who} {_list(their)}; "
                "the issuer is the same and the hub does not link them."
            ),
        )
    if any(result in {"same", "format"} for result, _ in results):
        issuer = next(issuer for result, issuer in results if result in {"same", "format"})
        return Finding(
            "patient-id", "ok", _say(f"Patient number {_list(theirs.get(issuer))} is the order's.")
        )
    if results:
        mine, their = ours.get(results[0][1]), theirs.get(results[0][1])
        return Finding(
            "patient-id",
            "unknown",
            _say(
                f"Patient number: the order says {_list(mine)}, {who} {_list(their)}; "
                "they differ only in zeros or separators, which may or may not mean the same."
            ),
        )
    return Finding("patient-id", "unknown", _why_no_numbers(ours, theirs, who))


def _why_no_numbers(ours: Numbers, theirs: Numbers, who: str) -> SafeText:
    mine = [value for issuer, values in ours.by_issuer if issuer != NHS_SYSTEM for value in values]
    their = [value for issuer, values in theirs.by_issuer if issuer != NHS_SYSTEM for value in values]
    if not mine:
        return _say("Patient number: the order names none.")
    if not their:
        return _say(f"Patient number: {who} name none.")
    if any(not issuer for issuer, _ in theirs.by_issuer):
        return _say(
            f"Patient number: {who} say {_list(their)} without an issuer, the order {_list(mine)}. "
            "The hub file can name the issuer (patient_id_issuer)."
        )
    return _say(
        f"Patient number: {who} say {_list(their)}, the order {_list(mine)}, from different issuers; "
        "they cannot be compared."
    )


def _nhs(ours: Numbers, theirs: Numbers, who: str) -> Finding:
    mine, their = ours.get(NHS_SYSTEM), theirs.get(NHS_SYSTEM)
    if not mine or not their:
        missing = "the order names none" if not mine else f"{who} name none"
        return Finding("nhs-number", "unknown", _say(f"NHS number: {missing}."))
    digits = {SEPARATORS.sub("", one) for one in mine}
    if digits & {SEPARATORS.sub("", one) for one in their}:
        return Finding("nhs-number", "ok", _say(f"NHS number {_list(their)} is the order's."))
    odd = "" if all(nhs_number_valid(one) for one in (*mine, *their)) else " (not a valid number)"
    return Finding(
        "nhs-number", "stop", _say(f"NHS number: the order says {_list(mine)}, {who} {_list(their)}{odd}.")
    )


# -- values -------------------------------------------------------------------------------------------


def _date_parts(value: str) -> tuple[str, ...]:
    """Year, month, day of an ISO 8601 or DICOM date, as far as it goes; empty for anything else."""
    found = re.fullmatch(r"(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?(?:T.*)?", value.strip())
    return tuple(part for part in found.groups() if part) if found else ()


def _birth_date(ours: str, theirs: str, who: str) -> Finding:
    mine, their = _date_parts(ours), _date_parts(theirs)
    if not mine or not their:
        missing = "the order names none" if not mine else f"{who} name none"
        return Finding("birth-date", "unknown", _say(f"Birth date: {missing}."))
    common = min(len(mine), len(their))
    if mine[:common] != their[:common]:
        return Finding("birth-date", "stop", _say(f"Birth date: the order says {ours}, {who} {theirs}."))
    part = ("", " (year only)", " (year and month only)", "")[common]
    return Finding("birth-date", "ok", _say(f"Birth date {theirs} is the order's{part}."))


def _study_uid(ours: str, theirs: str, who: str) -> Finding:
    mine = ours.strip().removeprefix("urn:oid:")
    their = theirs.strip().removeprefix("urn:oid:")
    if not mine or not their:
        missing = "the order names none" if not mine else f"{who} name none"
        return Finding("study-uid", "unknown", _say(f"Study Instance UID: {missing}."))
    if mine != their:
        return Finding("study-uid", "stop", _say(f"Study Instance UID: ordered {mine}, {who} {their}."))
    return Finding("study-uid", "ok", _say("The Study Instance UID is the ordered one."))


def _accession(order: Order, ordered: OrderedStudy | None, images: Iterable[str]) -> Finding:
    mine = [value for value in order.accessions if value.strip()]
    their = [value for value in dict.fromkeys(images) if value.strip()]
    who = "the images"
    if not their and ordered is not None:
        their, who = [value for value in ordered.accessions if value.strip()], "the hub's study"
    if not mine or not their:
        missing = "the order names none" if not mine else "the images name none"
        return Finding("accession", "unknown", _say(f"Accession: {missing}."))
    if {normal_accession(one) for one in mine} & {normal_accession(one) for one in their}:
        return Finding("accession", "ok", _say(f"Accession {_list(mine)} is the order's."))
    return Finding(
        "accession", "stop", _say(f"Accession: the order says {_list(mine)}, {who} {_list(their)}.")
    )


_SEX: Final = {"M": "male", "F": "female", "O": "other"}


def _sex(ours: str, theirs: str, who: str) -> Finding:
    mine, their = ours.strip().upper(), theirs.strip().upper()
    if mine not in _SEX or their not in _SEX:
        missing = "the order names none" if mine not in _SEX else f"{who} name none"
        return Finding("sex", "unknown", _say(f"Sex: {missing}."))
    if mine != their:
        return Finding("sex", "warn", _say(f"Sex: the order says {_SEX[mine]}, {who} {_SEX[their]}."))
    return Finding("sex", "ok", _say(f"Sex ({_SEX[mine]}) is the order's."))


def _name(ours: str, theirs: str, who: str) -> Finding:
    mine = [fold_name(group) for group in ours.split("=") if fold_name(group)]
    their = [fold_name(group) for group in theirs.split("=") if fold_name(group)]
    if not mine or not their:
        missing = "the order names none" if not mine else f"{who} name none"
        return Finding("name", "unknown", _say(f"Name: {missing}."))
    if set(mine) & set(their):
        return Finding("name", "ok", _say(f"Name {_shown(theirs)} is the order's."))
    if not {_script(one) for one in mine} & {_script(one) for one in their}:
        return Finding(
            "name",
            "unknown",
            _say(f"Name: the order says {_shown(ours)}, {who} {_shown(theirs)}, in different scripts."),
        )
    return Finding("name", "warn", _say(f"Name: the order says {_shown(ours)}, {who} {_shown(theirs)}."))


def _script(parts: tuple[str, ...]) -> str:
    """The first word of the Unicode name of the first letter: ``LATIN``, ``CJK``, ``HANGUL``, ..."""
    letter = next((char for part in parts for char in part if char.isalpha()), "")
    return unicodedata.name(letter, "?").split()[0].split("-")[0] if letter else "?"


def _shown(name: str) -> str:
    return re.sub(r"\s+", " ", name.replace("^", ", ", 1).replace("^", " ")).strip(" ,") or "none"


# -- the parts together -------------------------------------------------------------------------------


def _against_image(
    patient: Patient, numbers: Numbers, ordered: OrderedStudy | None, image: ImageIdentity, bare: str
) -> list[Finding]:
    theirs = Numbers.of_image(image, bare)
    who = "the images"
    return [
        _patient_ids(numbers, theirs, who),
        _nhs(numbers, theirs, who),
        _birth_date(patient.birth_date, image.birth_date, who),
        _study_uid(ordered.study_uid if ordered else EMPTY, image.study_uid, who),
        _sex(patient.sex, image.sex, who),
        _name(patient.name, image.name, who),
    ]


def _worst_of_each(several: list[list[Finding]]) -> list[Finding]:
    """One finding a rule: the worst any image gave; images of two patients in a study can't hide."""
    return [_worst(column) for column in zip(*several, strict=True)]


def _worst(column: tuple[Finding, ...]) -> Finding:
    """The worst of one rule's findings, in the words of every image that is as bad.

    Who checks one of two other patients' numbers must see the second too.
    """
    worst = min(column, key=lambda one: _WORST.index(one.level))
    said = list(dict.fromkeys(one.text for one in column if one.level == worst.level))
    if worst.level == "ok" or len(said) == 1:
        return worst
    more = f" And {len(said) - _MOST_SAID} more like this." if len(said) > _MOST_SAID else ""
    return replace(worst, text=_say(" ".join(said[:_MOST_SAID]) + more))


def _same_record(one: Patient, other: Patient) -> bool:
    return one.id == other.id or other.id in one.linked_ids or one.id in other.linked_ids


def _against_hub(
    patient: Patient, order: Order, ordered: OrderedStudy | None, now: TaskContext
) -> list[Finding]:
    """What the hub says now against what the order said; only what differs."""
    who = "the hub now"
    ours, theirs = Numbers.of_patient(patient), Numbers.of_patient(now.patient)
    found = [
        _nhs(ours, theirs, who),
        _birth_date(patient.birth_date, now.patient.birth_date, who),
        _study_uid(ordered.study_uid if ordered else EMPTY, now.study.study_uid if now.study else EMPTY, who),
        _accession(order, None, now.order.accessions),
        _sex(patient.sex, now.patient.sex, who),
        _name(patient.name, now.patient.name, who),
    ]
    if not _same_record(patient, now.patient) and patient.id and now.patient.id:
        found.append(
            Finding(
                "patient-id",
                "stop",
                _say("Patient: the hub now names another patient for this task, and does not link the two."),
            )
        )
    elif patient.id == now.patient.id:
        found.append(_patient_ids(ours, theirs, who))
    if not now.patient.active:
        found.append(
            Finding("record", "warn", _say("The hub no longer uses this patient's record: it may be merged."))
        )
    found = [
        replace(one, text=_say(one.text.replace("the images", who))) if one.rule == "accession" else one
        for one in found
    ]
    return [one for one in found if one.level in {"stop", "warn"}]


def _with_hub(findings: list[Finding], hub: list[Finding]) -> list[Finding]:
    """Put the hub's findings over milder ones of the same rule."""
    worse = {one.rule: one for one in reversed(hub)}
    out: list[Finding] = []
    for one in findings:
        other = worse.get(one.rule)
        if other is not None and _WORST.index(other.level) < _WORST.index(one.level):
            out.append(worse.pop(one.rule))
        else:
            worse.pop(one.rule, None)
            out.append(one)
    return [*out, *(one for one in hub if worse.get(one.rule) is one)]


def _list(values: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(value.strip() for value in values)) or "none"


def _say(text: str) -> SafeText:
    return clean(text[:1].upper() + text[1:])
