"""What the rules look at: the draft as read, its case, and what else is known on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from teleread.model.evidence import Alert
from teleread.model.report import Draft, Template
from teleread.model.task import PriorStudy, TaskContext
from teleread.model.text import SafeText, clean

from .checks_reading import Page
from .checks_rulebook import Rules
from .checks_site import SiteRules
from .marks import Mark

__all__ = ["Around", "Basis", "OtherPatient"]


@dataclass(frozen=True, slots=True)
class OtherPatient:
    """Somebody else on this reader's worklist."""

    name: SafeText
    """DICOM PN."""
    numbers: tuple[SafeText, ...] = ()
    """Patient numbers and accession numbers."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is known besides the draft and its case. Whatever is not given is not checked."""

    held: frozenset[str] | None = None
    """Study UIDs held here; None: unknown."""
    alert: Alert | None = None
    """Who was told of a critical finding."""
    others: tuple[OtherPatient, ...] = ()
    marks: tuple[Mark, ...] = ()
    """What was copied forward or dictated, and not looked at since."""
    site: SiteRules = field(default_factory=SiteRules)
    people: tuple[SafeText, ...] = ()
    """Names that may stand in a report: the reader, the requester."""


@dataclass(frozen=True, slots=True)
class Basis:
    """Everything one run of the rules looks at."""

    draft: Draft
    context: TaskContext
    page: Page
    template: Template | None
    priors: Sequence[PriorStudy]
    around: Around
    rules: Rules

    def label(self, section_id: str) -> SafeText:
        """A section's heading, as the reader knows it."""
        section = self.draft.section(section_id)
        return (
            section.label if section and section.label else clean(section_id.replace("-", " ").capitalize())
        )

    @property
    def first(self) -> bool:
        """Whether the draft is a whole report, no addendum to one."""
        return self.draft.kind != "addendum"

    @property
    def examined(self) -> date | None:
        """The day of the examination; None where nobody says."""
        order, study = self.context.order, self.context.study
        when = order.occurrence or (study.started if study else None)
        return when.date() if when else None
