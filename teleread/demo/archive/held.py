"""What the archive holds: studies, series and instances, as attributes by DICOM keyword."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

__all__ = ["Attributes", "HeldInstance", "HeldSeries", "HeldStudy"]

Attributes = dict[str, Any]
"""DICOM keyword to value; dates and UIDs as DICOM writes them."""


@dataclass(frozen=True)
class HeldInstance:
    """One instance, painted or read only when it is asked for."""

    uid: str
    """SOP Instance UID."""
    sop_class: str
    syntax: str
    """Transfer Syntax UID as stored."""
    attributes: Attributes
    """Instance level."""
    load: Callable[[], bytes]
    """The Part 10 file."""
    header: Callable[[], Any]
    """A pydicom Dataset without bulk pixel data."""


@dataclass
class HeldSeries:
    """One series."""

    uid: str
    attributes: Attributes
    """Series level, without counts."""
    make: Callable[[], list[HeldInstance]] = list
    """Makes the list of instances when it is first needed."""
    added: list[HeldInstance] = field(default_factory=list)
    """Instances that were stored by somebody."""
    planned: int = 0
    """How many `make` will make."""

    @cached_property
    def _made(self) -> list[HeldInstance]:
        return self.make()

    @property
    def instances(self) -> list[HeldInstance]:
        """Every instance, in order of number."""
        return [*self._made, *self.added]

    @property
    def count(self) -> int:
        """Number of instances, without making them."""
        return self.planned + len(self.added)


@dataclass
class HeldStudy:
    """One study."""

    uid: str
    attributes: Attributes
    """Study and patient level, without counts."""
    series: dict[str, HeldSeries] = field(default_factory=dict)

    @property
    def modalities(self) -> list[str]:
        """Modalities in Study (0008,0061)."""
        return sorted({str(one.attributes.get("Modality", "")) for one in self.series.values()} - {""})

    @property
    def instances(self) -> list[HeldInstance]:
        """Every instance of every series."""
        return [instance for series in self.series.values() for instance in series.instances]

    @property
    def count(self) -> int:
        """Number of instances."""
        return sum(series.count for series in self.series.values())
