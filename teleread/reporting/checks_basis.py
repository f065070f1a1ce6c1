"""What the rules look at: the draft as read, its case, and what else is known on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Self

from teleread.model.evidence import Alert
from teleread.model.report import Draft, Template
from teleread.model.task import PriorStudy, TaskContext
from teleread.model.text import SafeText, clean

from .checks_reading import Page
from .checks_rulebook import Rules
from .checks_site import SiteRules
from .marks import Mark

__all__ = ["Around", "Basis", "OtherPatients", "name_of", "plain_number"]


@dataclass(frozen=True, slots=True)
class OtherPatients:
    """Everybody else on this reader's worklist, by what tells them apart; made once for many drafts."""

    numbers: frozenset[str] = frozenset()
    """Patient numbers and accession numbers, small letters and digits alone."""
    names: frozenset[tuple[str, str]] = frozenset()
    """(family, first given name), folded."""
    families: frozenset[str] = frozenset()

    @classmethod
    def of(cls, people: Iterable[tuple[str, Iterable[str]]]) -> Self:
        """From (DICOM PN, numbers) of each; the patient of a draft may be among them."""
        kept = [(name_of(pn), tuple(numbers)) for pn, numbers in people]
        plain = {plain_number(number) for _, numbers in kept for number in numbers}
        return cls(
            frozenset(one for one in plain if len(one) >= _LEAST_NUMBER and any(map(str.isdigit, one))),
            frozenset(name for name, _ in kept if all(name)),
            frozenset(family for (family, _), _ in kept if len(family) > 2),
        )


_LEAST_NUMBER: Final = 5
"""Fewest characters of a number that tells one patient from another."""


def plain_number(number: str) -> str:
    """A number without its signs and blanks, in small letters."""
    if number.isascii() and number.isalnum():  # as most are: ten thousand lines are read beside a key
        return number.lower()
    return "".join(char for char in number.casefold() if char.isalnum())


def name_of(pn: str) -> tuple[str, str]:
    """(family, first given name) of a DICOM PN, folded."""
    family, _, rest = pn.partition("^")
    given = rest.split("^")[0].split()
    return family.strip().casefold(), (given[0].casefold() if given else "")


@dataclass(frozen=True, slots=True)
class Around:
    """What is known besides the draft and its case. Whatever is not given is not checked."""

    held: frozenset[str] | None = None
    """Study UIDs held here; None: unknown."""
    alert: Alert | None = None
    """Who was told of a critical finding."""
    others: OtherPatients = OtherPatients()
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
