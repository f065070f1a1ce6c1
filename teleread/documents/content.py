"""What every readable form says, in the same words: read from the frozen form and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from teleread.model.errors import IntegrityError
from teleread.model.evidence import Measurement
from teleread.model.patient import NHS_SYSTEM
from teleread.model.report import SignedReport

from .facts import TOLD, Facts, facts_of
from .lifecycle import kind_of
from .thawing import thaw

__all__ = [
    "Content",
    "alert_lines",
    "change_of",
    "content_of",
    "heading_of",
    "measured",
    "shown_moment",
    "shown_name",
    "signed_by",
    "unknown_renderer",
]


@dataclass(frozen=True, slots=True)
class Content:
    """A report's readable parts."""

    form: Mapping[str, Any]
    """The frozen form."""
    title: str
    """``CT abdomen with contrast``."""
    kind: str
    """``Final report, version 1`` or ``Final report with addendum 1, version 2``."""
    facts: tuple[tuple[str, str], ...]
    """(label, value) of patient, order and study."""
    sections: tuple[tuple[str, str], ...]
    """(label, text), empty ones left out."""
    notes: tuple[str, ...]
    """What the reader confirmed or went past."""
    signature: str
    """``Signed by Dr Demo Reader, 24 November 2026 14:02 UTC``."""


def content_of(report: SignedReport) -> Content:
    """Read a signed report for showing.

    Raises:
        IntegrityError: Its bytes are no frozen form.
    """
    form = thaw(report.frozen)
    facts = facts_of(report)
    return Content(
        form=form,
        title=form["order"]["procedure"] or form["study"]["description"] or "Radiology report",
        kind=heading_of(facts),
        facts=tuple((label, value) for label, value in _facts(form) if value),
        sections=(
            *change_of(facts),
            *((one["label"], one["text"]) for one in form["sections"] if one["text"]),
            *_evidence(facts),
        ),
        notes=tuple(
            f"{TOLD[one['rule']]}: {one['reason']}" for one in form["overrides"] if one["rule"] in TOLD
        ),
        signature=signed_by(facts.kind, form["reader"]["name"] or "the reader", form["signed_at"])
        + "".join(f"\n{one.role.capitalize()}: {one.name}" for one in facts.cosigners),
    )


def signed_by(kind: str, reader: str, at: str) -> str:
    """``Signed by Dr Demo Reader, 24 November 2026 14:02 UTC``; of an unsigned reading that it is none."""
    if not kind_of(kind).signed:
        return f"Read by {reader}, {shown_moment(at)}. Not signed: a preliminary reading, to be followed."
    return f"Signed by {reader}, {shown_moment(at)}"


def heading_of(facts: Facts) -> str:
    """``Final report with addendum 1, version 2``, ``Corrected report, version 2``, ``Report withdrawn``."""
    words = kind_of(facts.kind).words
    if facts.addenda and facts.kind in {"report", "addendum"}:
        words = f"Final report with addendum {facts.addenda}"
    return f"{words}, version {facts.version}"


def change_of(facts: Facts) -> Iterator[tuple[str, str]]:
    """(heading, text) of why there is a new version: the first thing to be read."""
    if facts.change is None and facts.kind != "withdrawal":
        return
    lines = ["Do not act on the text below."] if facts.kind == "withdrawal" else []
    if facts.change is not None:
        lines += [f"Reason: {facts.change.reason}"] if facts.change.reason else []
        lines += [f"Told: {facts.change.told}"] if facts.change.told else []
    yield kind_of(facts.kind).words, "\n".join(lines)


def alert_lines(facts: Facts) -> list[tuple[str, str]]:
    """(label, words) of a communicated critical finding; none where there was none."""
    alert = facts.alert
    if alert is None:
        return []
    rows = (("Category", alert.category), ("Told", alert.told), ("When", alert.at), ("By", alert.method))
    return [(label, words) for label, words in rows if words]


def measured(one: Measurement) -> tuple[str, str, str, str]:
    """(what, value, unit, side) as a person reads a measurement."""
    unit = {"1": "", "[hnsf'U]": "HU"}.get(one.unit, one.unit)
    return str(one.label), one.value, unit, one.side.lower()


def _evidence(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.alert is not None:
        lines = [f"{label}: {words}" for label, words in alert_lines(facts)]
        yield "Critical result, communicated", "\n".join(lines)
    if facts.measurements:
        rows = [measured(one) for one in facts.measurements]
        lines = [
            f"{what}: {value}{' ' + unit if unit else ''}{', ' + side if side else ''}"
            for what, value, unit, side in rows
        ]
        yield "Measurements", "\n".join(lines)
    if facts.key_images:
        lines = [
            f"Image {at}{': ' + one.note if one.note else ''}" for at, one in enumerate(facts.key_images, 1)
        ]
        yield "Key images", "\n".join(lines)


def _facts(form: Mapping[str, Any]) -> list[tuple[str, str]]:
    patient, order, study = form["patient"], form["order"], form["study"]
    numbers = patient["identifiers"]
    return [
        ("Patient", shown_name(patient["name"])),
        ("Born", patient["birth_date"]),
        ("Sex", {"M": "male", "F": "female", "O": "other"}.get(patient["sex"], "")),
        ("NHS number", ", ".join(_nhs(one["value"]) for one in numbers if one["issuer"] == NHS_SYSTEM)),
        ("Hospital number", ", ".join(one["value"] for one in numbers if one["issuer"] != NHS_SYSTEM)),
        ("Accession", ", ".join(order["accessions"])),
        ("Examination", order["procedure"]),
        ("Examined", shown_moment(order["occurrence"] or study["started"] or "")),
        ("Requested by", order["requester"]),
    ]


def shown_name(pn: str) -> str:
    """``OKONKWO, Adaeze`` from a DICOM PN."""
    family, _, rest = pn.partition("^")
    given = " ".join(part for part in rest.split("^") if part)
    return f"{family.upper()}, {given}" if given else family


def _nhs(value: str) -> str:
    return f"{value[:3]} {value[3:6]} {value[6:]}" if len(value) == 10 and value.isdigit() else value


_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def shown_moment(stamp: str) -> str:
    """``24 November 2026 14:02 UTC`` from RFC 3339; a bare date stays a date, anything else as it is."""
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])-(\d{2})(?:T(\d{2}:\d{2}).*Z)?", stamp)
    if found is None:
        return stamp
    day = f"{int(found[3])} {_MONTHS[int(found[2]) - 1]} {found[1]}"
    return f"{day} {found[4]} UTC" if found[4] else day


def unknown_renderer(form: str, number: int) -> IntegrityError:
    """The error for a renderer's number this version does not have."""
    return IntegrityError(
        f"This {form} was made by renderer {number}, which this teleread does not have.",
        remedy="A newer teleread may be able to prove it.",
        code="unknown-renderer",
    )
