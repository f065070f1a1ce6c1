"""Numbers and names of patients, brought to one form so that they can be compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .patient import NHS_SYSTEM, Patient
from .study import ImageIdentity
from .text import SafeText

__all__ = [
    "SEPARATORS",
    "Numbers",
    "agreement",
    "fold_name",
    "normal_accession",
    "normal_identifier",
    "normal_issuer",
]

_NHS_NAMES: Final = frozenset(
    {NHS_SYSTEM.casefold(), "nhs", "nhsnumber", "nhsno", "2.16.840.1.113883.2.1.4.1"}
)
"""Ways in which images name the issuer of an NHS number."""

SEPARATORS: Final = re.compile(r"[\s\-‐‑–]+")


def normal_issuer(value: str) -> str:
    """An issuer's name for comparing: trimmed, case folded, ``urn:oid:`` dropped, one name for the NHS."""
    folded = value.strip().casefold().removeprefix("urn:oid:").rstrip("/")
    bare = re.sub(r"[\s_.\-]+", "", folded) if not folded.startswith(("http", "2.16")) else folded
    return NHS_SYSTEM if folded in _NHS_NAMES or bare in _NHS_NAMES else folded


def normal_identifier(value: str) -> str:
    """An identifier for comparing: trimmed and case folded, blanks and hyphens as written."""
    return " ".join(value.split()).casefold()


def normal_accession(value: str) -> str:
    """An accession number for comparing: trimmed and case folded (the design, section 9)."""
    return value.strip().casefold()


@dataclass(frozen=True, slots=True)
class Numbers:
    """Every number of one side, by issuer; the empty issuer holds those nobody claims."""

    by_issuer: tuple[tuple[str, tuple[SafeText, ...]], ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[SafeText, str]]) -> Numbers:
        """Group (value, issuer) pairs."""
        table: dict[str, list[SafeText]] = {}
        for value, issuer in pairs:
            if value.strip():
                table.setdefault(normal_issuer(issuer), []).append(value)
        return cls(tuple((issuer, tuple(values)) for issuer, values in table.items()))

    @classmethod
    def of_patient(cls, patient: Patient) -> Numbers:
        """Every number the hub gives a patient."""
        return cls.of((one.value, one.issuer) for one in patient.identifiers)

    @classmethod
    def of_image(cls, image: ImageIdentity, bare: str) -> Numbers:
        """Every number in an image; ``bare`` is the issuer of those that name none."""
        pairs = [(image.patient_id, image.issuer), *image.other_ids]
        return cls.of((value, issuer.strip() or bare) for value, issuer in pairs)

    def joined(self, other: Numbers) -> Numbers:
        """The numbers of both."""
        pairs = [
            (value, issuer) for side in (self, other) for issuer, values in side.by_issuer for value in values
        ]
        return self.of(pairs)

    def get(self, issuer: str) -> tuple[SafeText, ...]:
        """The numbers of one issuer, as written."""
        return next((values for name, values in self.by_issuer if name == issuer), ())

    @property
    def hospital_issuers(self) -> tuple[str, ...]:
        """Issuers that are known and are not the NHS."""
        return tuple(name for name, _ in self.by_issuer if name and name != NHS_SYSTEM)


def agreement(ours: Iterable[str], theirs: Iterable[str]) -> str:
    """``same``, ``format`` (differs only in how it is written), ``perhaps`` or ``different``."""
    best = "different"
    for one in map(normal_identifier, ours):
        for other in map(normal_identifier, theirs):
            if one == other:
                return "same"
            plain, other_plain = SEPARATORS.sub("", one), SEPARATORS.sub("", other)
            if plain == other_plain:
                # separators in both, but in other places: it may be two numbers
                best = "format" if plain in (one, other) else "perhaps"
            elif plain.lstrip("0") == other_plain.lstrip("0") and best == "different":
                # zeros are never stripped blindly: at some sites 0123 and 123 are two people
                best = "perhaps"
    return best


_LETTERS: Final = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_APOSTROPHES: Final = re.compile(r"['’ʼ`´]")


def fold_name(name: str) -> tuple[str, ...]:
    """A name's parts for comparing: without case, accents, apostrophes, titles and order.

    ``O'BRIEN^Séan^^Dr``, ``sean obrien`` and ``O’Brien, Sean`` give the same. Titles and suffixes are
    only known as such in a DICOM PN (PS3.5 section 6.2: the fourth and fifth component).
    """
    if "^" in name:
        name = " ".join(name.split("^")[:3])
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", name.casefold()).translate(_LETTERS))
    plain = "".join(char for char in plain if not unicodedata.combining(char)).translate(_LETTERS)
    return tuple(sorted(part for part in re.split(r"[^\w]+", plain) if part))
