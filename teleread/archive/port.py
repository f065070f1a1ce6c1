"""The Archive port: where pixels come from, whatever protocol carries them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from teleread.model.text import EMPTY, SafeText

__all__ = [
    "Archive",
    "Capabilities",
    "Eager",
    "InstanceSink",
    "Manifest",
    "RetrieveResult",
    "SeriesManifest",
    "StudyMatch",
]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter can do."""

    via: str
    """``dicomweb``, ``c-get`` or ``c-move``: the word of the command line."""
    by_instance: bool = True
    """Single instances can be asked for, so a cut study can be resumed."""


@dataclass(frozen=True, slots=True)
class StudyMatch:
    """A study an archive lists for a patient."""

    study_uid: str
    date: SafeText
    modality: SafeText
    description: SafeText
    accession: SafeText
    instances: int | None
    issuer: SafeText = EMPTY
    """Issuer of Patient ID (0010,0021) as the archive tells it; empty where it does not."""


@dataclass(frozen=True, slots=True)
class SeriesManifest:
    """What the archive says one series has."""

    series_uid: str
    modality: SafeText
    instances: Mapping[str, str]
    """SOP Instance UID to SOP Class UID (empty where not told); by Instance Number, where that was told."""
    count: int | None = None
    """Number of Series Related Instances, where the archive tells it apart from the listing."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the archive says a study has; empty ``series`` means it does not have the study.

    An overview has counts in place of instances.
    """

    study_uid: str
    series: tuple[SeriesManifest, ...]
    first: tuple[str, ...] = ()
    """SOP Instance UIDs to bring before the others, in this order; a wish. Where it is empty, an adapter that
    asks for single instances brings the middle one of each series first."""

    @property
    def sop_uids(self) -> frozenset[str]:
        """All SOP Instance UIDs."""
        return frozenset(uid for one in self.series for uid in one.instances)

    @property
    def sop_classes(self) -> frozenset[str]:
        """All SOP Class UIDs that were told."""
        return frozenset(cls for one in self.series for cls in one.instances.values() if cls)


class InstanceSink(Protocol):
    """Takes one instance at a time as a stream of chunks: the vault's segment behind a bounded reader.

    `begin` gets what the transport knows; the sink reads the header from the stream itself.
    """

    def begin(self, transfer_syntax: str) -> None:
        """Start an instance."""
        ...

    def write(self, chunk: bytes | memoryview) -> None:
        """Take bytes of the Part 10 file, in order."""
        ...

    def end(self) -> str:
        """Finish the instance; returns its SOP Instance UID."""
        ...

    def abort(self, why: str) -> None:
        """Drop the instance that was begun; what ended before stays."""
        ...


@dataclass(frozen=True, slots=True)
class RetrieveResult:
    """What one retrieve brought, besides what the sink took."""

    received: int
    problems: tuple[SafeText, ...] = ()
    """Words on every instance that did not come."""
    detail: SafeText = EMPTY
    counters: Mapping[str, int] = field(default_factory=dict)


class Archive(Protocol):
    """A place studies are fetched from.

    Raises only errors of `teleread.model.errors`; every wait has a limit. A retrieve that is cut raises
    OfflineError after the sink has kept all whole instances.
    """

    capabilities: Capabilities

    def echo(self) -> float:
        """Ask whether the archive answers; milliseconds."""
        ...

    def find_studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        """Studies of a patient id."""
        ...

    def manifest(self, study_uid: str) -> Manifest:
        """What the archive says the study has."""
        ...

    def retrieve(
        self,
        manifest: Manifest,
        wanted: Collection[str],
        sink: InstanceSink,
        progress: Callable[[int, int], None],
    ) -> RetrieveResult:
        """Bring the wanted SOP Instance UIDs of a study.

        Args:
            manifest: As asked before.
            wanted: SOP Instance UIDs that are not here yet.
            sink: Takes the bytes.
            progress: Called with (instances, bytes) so far; may raise to stop.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Eager(Protocol):
    """An archive that brings a study of which nothing is here before it has listed every instance of it.

    Listing each of a thousand instances costs an archive more than sending them; their number costs nothing.
    """

    def overview(self, study_uid: str) -> Manifest | None:
        """The study's series with their counts, without instances; None where the archive tells no counts.

        Raises:
            TelereadError: As `Archive.manifest`.
        """
        ...

    def retrieve_ahead(
        self, overview: Manifest, sink: InstanceSink, progress: Callable[[int, int], None]
    ) -> RetrieveResult:
        """Bring the study, or the first picture of each series: whatever is best done without a listing.

        What is missing afterwards is asked for by `manifest_meanwhile` and `Archive.retrieve`.

        Args:
            overview: As told.
            sink: Takes the bytes.
            progress: Called with (instances, bytes) so far; may raise to stop.
        """
        ...

    def manifest_meanwhile(self, study_uid: str) -> Manifest:
        """As `Archive.manifest`, which may have been asked for since `overview`: right after it alone.

        Raises:
            TelereadError: As `Archive.manifest`.
        """
        ...
