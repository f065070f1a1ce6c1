"""What every readable form says, in the same words: read from the frozen form and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from teleread.model.errors import IntegrityError
from teleread.model.patient import NHS_SYSTEM
from teleread.model.report import SignedReport

from .facts import TOLD
from .frozen import thaw

__all__ = ["Content", "content_of", "shown_moment", "shown_name", "unknown_renderer"]


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
    addenda = sum(one["id"].startswith("addendum-") for one in form["sections"])
    kind = f"Final report with addendum {addenda}" if addenda else "Final report"
    return Content(
        form=form,
        title=form["order"]["procedure"] or form["study"]["description"] or "Radiology report",
        kind=f"{kind}, version {form['version']}",
        facts=tuple((label, value) for label, value in _facts(form) if value),
        sections=tuple((one["label"], one["text"]) for one in form["sections"] if one["text"]),
        notes=tuple(
            f"{TOLD[one['rule']]}: {one['reason']}" for one in form["overrides"] if one["rule"] in TOLD
        ),
        signature=f"Signed by {form['reader']['name'] or 'the reader'}, {shown_moment(form['signed_at'])}",
    )


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
