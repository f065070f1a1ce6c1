"""Study, series, instance: what is held of pixels, and what the archive says exists."""

from __future__ import annotations

from dataclasses import dataclass

from .text import EMPTY, SafeText

__all__ = ["ImageIdentity", "InstanceInfo", "SeriesInfo", "StudyInfo", "StudyKey"]


@dataclass(frozen=True, slots=True, order=True)
class StudyKey:
    """A study's name in the vault: bytes are never shared between hubs."""

    hub_id: str
    study_uid: str


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """Who the images say they are of; kept in the index so that no check parses a header."""

    patient_id: SafeText = EMPTY
    issuer: SafeText = EMPTY
    """Issuer of Patient ID (0010,0021); empty where absent."""
    other_ids: tuple[tuple[SafeText, SafeText], ...] = ()
    """(value, issuer) of Other Patient IDs Sequence (0010,1002)."""
    name: SafeText = EMPTY
    """Patient's Name, first component group."""
    birth_date: SafeText = EMPTY
    """ISO 8601; empty where absent."""
    sex: SafeText = EMPTY
    accession: SafeText = EMPTY
    study_uid: SafeText = EMPTY


@dataclass(frozen=True, slots=True)
class InstanceInfo:
    """One instance as the index keeps it."""

    sop_uid: str
    sop_class: str
    series_uid: str
    transfer_syntax: str
    size: int
    """Bytes of the Part 10 file."""
    sha256: str = ""
    """Hex digest of those bytes."""
    rows: int = 0
    columns: int = 0
    frames: int = 1
    """Number of Frames; 0 where the object has no pixels."""
    instance_number: int | None = None
    position: tuple[float, float, float] | None = None
    """Image Position (Patient), mm."""
    orientation: tuple[float, float, float, float, float, float] | None = None
    """Image Orientation (Patient)."""
    window: tuple[float, float] | None = None
    """First Window Center and Window Width."""
    pixel_offset: int | None = None
    """Offset of the Pixel Data value in the file, bytes; None where unknown."""
    identity: ImageIdentity = ImageIdentity()
    modality: SafeText = EMPTY
    series_description: SafeText = EMPTY
    series_number: int | None = None
    body_part: SafeText = EMPTY
    laterality: SafeText = EMPTY
    study_description: SafeText = EMPTY
    study_date: SafeText = EMPTY
    """ISO 8601 date; empty where absent."""
    via: str = ""
    """How the bytes arrived that the digest is of: ``dicomweb``, ``c-get``, ``c-move``, ``import``."""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """One series as held."""

    series_uid: str
    modality: SafeText
    description: SafeText
    number: int | None
    held: int
    """Instances here."""
    expected: int | None = None
    """Instances the archive says it has; None where it has not been asked."""


@dataclass(frozen=True, slots=True)
class StudyInfo:
    """One study as held: ``state`` is what lists show."""

    key: StudyKey
    held: int = 0
    expected: int | None = None
    """Instances the archive says it has; None where it has not been asked."""
    bytes: int = 0
    verified_at: str = ""
    """ISO 8601 UTC; when counts and digests were last seen to agree; empty for never."""
    missing_why: SafeText = EMPTY
    """Words, where the study is part."""
    date: SafeText = EMPTY
    description: SafeText = EMPTY
    modality: SafeText = EMPTY
    asked_at: str = ""
    """ISO 8601 UTC; when an archive was last asked what it has; empty for never."""
    changed: SafeText = EMPTY
    """Words, where the archive's study changed after it was whole here."""

    @property
    def state(self) -> str:
        """``none``, ``part`` or ``all``; all only once the archive's count was reached."""
        if not self.held:
            return "none"
        return "all" if self.expected is not None and self.held >= self.expected else "part"
