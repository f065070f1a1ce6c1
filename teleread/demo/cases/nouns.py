"""What a demo case is made of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

__all__ = [
    "AX",
    "COR",
    "SAG",
    "Case",
    "Order",
    "Person",
    "Prior",
    "Seed",
    "Series",
    "Site",
    "Study",
    "Vector",
    "mint",
]

Vector = tuple[float, float, float]

AX = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""Rows to the patient's left, columns to the back (Image Orientation (Patient), PS3.3 C.7.6.2)."""
COR = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
"""Rows to the left, columns to the feet."""
SAG = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
"""Rows to the back, columns to the feet."""


@dataclass(frozen=True)
class Site:
    """A made-up hospital."""

    key: str
    """Short name inside ids."""
    name: str
    """Begins with DEMO."""
    issuer: str
    """Local namespace of its hospital numbers: Issuer of Patient ID (0010,0021)."""
    prefix: str
    """Two letters that begin its accession numbers."""

    @property
    def system(self) -> str:
        """FHIR system of its hospital numbers, and universal entity id of the issuer in DICOM."""
        return f"https://{self.key}.demo.example/id/hospital-number"


@dataclass(frozen=True)
class Person:
    """A made-up patient."""

    key: str
    """Short name inside ids; no part of the name."""
    family: str
    given: str
    sex: Literal["male", "female", "other"]
    born: str
    """ISO date."""
    nhs: str
    """999 xxx xxxx with its check digit, ten digits; empty if the patient has none."""
    mrn: str
    """Hospital number at the site."""
    nhs_status: str = "01"
    """UK Core verification status, 01 to 08."""
    ideographic: str = ""
    """``Family^Given`` in ideographs, PN component group 2."""
    phonetic: str = ""
    """PN component group 3."""

    @property
    def pn(self) -> str:
        """The name as a DICOM PN, all groups."""
        groups = [f"{self.family}^{self.given.replace(' ', '^', 1)}"]
        if self.ideographic or self.phonetic:
            groups += [self.ideographic, self.phonetic]
        return "=".join(groups)


@dataclass(frozen=True)
class Series:
    """How one series is made."""

    slug: str
    """Names it inside its study."""
    number: int
    """Series Number (0020,0011)."""
    description: str
    modality: str
    sop_class: str
    """SOP Class UID."""
    painter: str
    """Name in the table of painters."""
    rows: int
    columns: int
    count: int = 1
    """Instances."""
    frames: int = 1
    """Frames in each instance."""
    spacing: tuple[float, float] | None = None
    """Pixel Spacing, row then column, in mm."""
    photometric: str = "MONOCHROME2"
    bits: int = 12
    """Bits Stored; 8 for colour."""
    slope: float = 1.0
    intercept: float | None = None
    """Modality LUT; None where it has none."""
    windows: tuple[tuple[float, float, str], ...] = ()
    """Centre, width, explanation; the first is the default."""
    body_part: str = ""
    laterality: str = ""
    """R, L or nothing."""
    view: str = ""
    """View Position."""
    orientation: tuple[float, float, float, float, float, float] | None = None
    origin: Vector = (0.0, 0.0, 0.0)
    """Image Position (Patient) of the first instance, in mm."""
    step: Vector = (0.0, 0.0, 0.0)
    """From one instance to the next, in mm."""
    thickness: float | None = None
    compression: Literal["", "rle", "j2k"] = ""
    """How the stored pixels are compressed; empty is Explicit VR Little Endian."""
    params: MappingProxyType[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What the painter should know."""


@dataclass(frozen=True)
class Study:
    """How one study is made."""

    slug: str
    """Names it inside its case."""
    description: str
    series: tuple[Series, ...]
    days_ago: int = 0
    """Days before the demo began; 0 is the study of the order itself."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities, each once, in order."""
        return tuple(dict.fromkeys(series.modality for series in self.series))

    @property
    def instances(self) -> int:
        """How many instances it has."""
        return sum(series.count for series in self.series)


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    procedure: str
    code: str
    """Like a NICIP short code."""
    site_text: str
    """Body site in words, with its side."""
    site_code: str
    """SNOMED CT code of it, or nothing."""
    question: str
    """The clinical question."""
    note: str = ""
    referrer: str = "Emergency Department"


@dataclass(frozen=True)
class Prior:
    """An earlier study and what was said of it."""

    study: Study
    order: Order
    report: str
    conclusion: str


@dataclass(frozen=True)
class Case:
    """One reading to do, with everything behind it."""

    number: int
    """From 1; part of every id."""
    site: Site
    person: Person
    order: Order
    study: Study
    priority: Literal["stat", "urgent", "asap", "routine"]
    asked: int
    """Minutes before the demo began."""
    due: int
    """Minutes after it began (or after its last cold start)."""
    priors: tuple[Prior, ...] = ()
    state: Literal["requested", "in-progress", "completed", "cancelled"] = "requested"
    owner: str = ""
    """Practitioner id."""
    images_of: Person | None = None
    """Whose images these really are, where somebody at the site mixed them up."""
    report: str = ""
    """For a completed one: the report."""
    conclusion: str = ""


@dataclass(frozen=True)
class Seed:
    """Turns cases into ids. The same seed gives the same ids."""

    value: int

    def ident(self, kind: str, case: Case, suffix: str = "") -> str:
        """A FHIR id such as ``rt-1-004``."""
        return f"{kind}-{self.value}-{case.number:03d}{suffix}"

    def accession(self, case: Case, prior: int = 0) -> str:
        """An accession number, at most 16 characters."""
        return f"{case.site.prefix}{self.value % 100:02d}{case.number:06d}{prior or ''}"

    def uid(self, *names: object) -> str:
        """A UID under 2.25 made from names."""
        return mint(self.value, *names)


_SPACE = uuid.UUID("6c9f1b0e-9d2f-4c7b-8a55-70f6d1f7b2c4")


def mint(*names: object) -> str:
    """A UUID-derived UID (PS3.5 B.2) that the same names always give."""
    return f"2.25.{uuid.uuid5(_SPACE, '/'.join(map(str, names))).int}"
