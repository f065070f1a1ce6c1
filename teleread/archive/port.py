"""The Archive port: where pixels come from, whatever protocol carries them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from teleread.model.text import EMPTY, SafeText

__all__ = [
    "Archive",
    "Capabilities",
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


@dataclass(frozen=True, slots=True)
class SeriesManifest:
    """What the archive says one series has."""

    series_uid: str
    modality: SafeText
    instances: Mapping[str, str]
    """SOP Instance UID to SOP Class UID (empty where not told)."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the archive says a study has; empty ``series`` means it does not have the study."""

    study_uid: str
    series: tuple[SeriesManifest, ...]

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
