"""The patient as an order, an archive or a hub names one."""

from __future__ import annotations

from dataclasses import dataclass

from .text import EMPTY, SafeText

__all__ = ["NHS_SYSTEM", "Patient", "PatientIdentifier", "nhs_number_valid"]

NHS_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
"""Identifier system of the NHS number (UK Core)."""


@dataclass(frozen=True, slots=True)
class PatientIdentifier:
    """One number of a patient, with whoever issued it."""

    value: SafeText
    """The number as given, blanks trimmed."""
    issuer: SafeText
    """FHIR ``system``, or DICOM Issuer of Patient ID; empty where unknown."""
    status: SafeText = EMPTY
    """Verification status code, ``01`` to ``08`` for an NHS number (UK Core); else empty."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient as the hub knows one: (issuer, id) within that hub."""

    id: SafeText
    """Logical id at the hub."""
    version: SafeText
    """Version of the resource as read (meta.versionId); empty where the hub keeps none."""
    name: SafeText
    """DICOM PN, ``Family^Given^Middle``, first component group."""
    identifiers: tuple[PatientIdentifier, ...] = ()
    """Every number, hospital and national."""
    birth_date: SafeText = EMPTY
    """ISO 8601 date, possibly partial (``1979-03`` or ``1979``); empty where unknown."""
    sex: SafeText = EMPTY
    """``M``, ``F``, ``O`` or empty (DICOM Patient's Sex)."""
    linked_ids: tuple[SafeText, ...] = ()
    """Logical ids that the hub links to this patient (Patient.link)."""
    active: bool = True
    """False where the hub has merged this record away (Patient.active)."""

    @property
    def nhs(self) -> PatientIdentifier | None:
        """The NHS number, if there is one."""
        return next((one for one in self.identifiers if one.issuer == NHS_SYSTEM), None)

    @property
    def primary(self) -> PatientIdentifier | None:
        """The number lists show: the hospital's, else the NHS number, else none."""
        return next((one for one in self.identifiers if one.issuer != NHS_SYSTEM), self.nhs)


def nhs_number_valid(value: str) -> bool:
    """Whether ten digits carry a right modulus-11 check digit (weights 10 to 2; 10 is never issued)."""
    digits = value.replace(" ", "").replace("-", "")
    if len(digits) != 10 or not digits.isascii() or not digits.isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False))
    return (11 - total % 11) % 11 == int(digits[9])
