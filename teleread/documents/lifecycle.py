"""What a kind of report version is called in every form: one table.

HL7 tables 0123 and 0085, FHIR R4 DiagnosticReport.status and Provenance, PS3.3 C.17.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["KINDS", "Kind", "is_opinion", "kind_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table."""

    id: str
    """``kind`` of the frozen form."""
    words: str
    """As a heading says it."""
    fhir_status: str
    """DiagnosticReport.status: corrected and appended stand under amended; unsigned text is ``partial``, for
    ``preliminary`` means verified early results."""
    obr_25: str
    """HL7 table 0123. A withdrawal is C there, for W is a value of OBX-11 alone, and X (order cancelled) is
    ranked by receivers below the report it takes back: it would leave that one standing."""
    obx_11: str
    """HL7 table 0085: F final, C replaces a final result, W was sent for the wrong patient."""
    obx_11_appended: str
    """The same where the site's receiver knows B (appended, HL7 2.7)."""
    completion: str = "COMPLETE"
    """SR Completion Flag (0040,A491)."""
    verification: str = "VERIFIED"
    """SR Verification Flag (0040,A493)."""
    preliminary: str = "FINAL"
    """SR Preliminary Flag (0040,A496)."""
    activity: tuple[str, str] = ("LA", "legally authenticated")
    """Provenance.activity (HL7 v3 DocumentCompletion): code and display."""
    signature: tuple[str, str] = ("1.2.840.10065.1.12.1.1", "Author's Signature")
    """Provenance.signature.type (ASTM E1762): code and display."""

    @property
    def signed(self) -> bool:
        """Whether a reader stands for it; an unsigned reading is only sealed against change."""
        return self.verification == "VERIFIED"

    @property
    def stands_on(self) -> bool:
        """Whether it changes a report that was signed before."""
        return self.id in {"addendum", "correction", "withdrawal"}


KINDS: Final = {
    one.id: one
    for one in (
        Kind("report", "Final report", "final", "F", "F", "F"),
        Kind("addendum", "Final report with addendum", "appended", "C", "C", "B"),
        Kind("correction", "Corrected report", "corrected", "C", "C", "C"),
        Kind("withdrawal", "Report withdrawn", "entered-in-error", "C", "W", "W"),
        Kind("opinion", "Second opinion", "final", "F", "F", "F"),
        Kind(
            *("preliminary", "Preliminary reading, not signed", "partial", "R", "R", "R"),
            *("PARTIAL", "UNVERIFIED", "PRELIMINARY"),
            ("PA", "pre-authenticated"),
            ("1.2.840.10065.1.12.1.14", "Source Signature"),
        ),
    )
}


def kind_of(kind: str) -> Kind:
    """The row of a kind; a final report's where a later version's kind is not known here."""
    return KINDS.get(kind, KINDS["report"])


def is_opinion(form: Mapping[str, Any]) -> bool:
    """Whether a frozen form is a second opinion, or a later version of one.

    A later version says so by ``began`` in its ``predecessor``; one signed before that member was there does
    not, and its documents stay as they went out.
    """
    return form["kind"] == "opinion" or bool(form["predecessor"] and form["predecessor"].get("began"))
