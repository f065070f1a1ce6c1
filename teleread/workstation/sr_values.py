"""Numbers of the structured reports of a study: offered to the text, and signed where they stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from teleread.model.errors import TelereadError
from teleread.model.evidence import Measurement
from teleread.model.report import Section
from teleread.model.study import InstanceInfo, StudyKey

from .core import Core

if TYPE_CHECKING:
    from teleread.documents.sr_foreign import SrValue

__all__ = ["MARK", "measured_in", "values_of"]

MARK: Final = " (from the "
"""How the source of a value is told in the text; a text without it needs no report read at signing."""

MOST_REPORTS: Final = 20
MOST_BYTES: Final = 4 << 20
"""Of one report: a dose report has tens of kilobytes."""


def values_of(core: Core, study: StudyKey, held: Sequence[InstanceInfo] | None = None) -> tuple[SrValue, ...]:
    """The numbers of the dose and measurement reports held of a study; what can't be read tells none.

    Args:
        core: The open profile.
        study: The study.
        held: Its instances, where they are known already.
    """
    if held is None:
        held = core.vault.studies.instances(study.hub_id, study.study_uid)
    return tuple(one for info in _reports(held) for one in _values(core, study, info))


def measured_in(
    core: Core, study: StudyKey, held: Sequence[InstanceInfo], sections: Iterable[Section]
) -> tuple[Measurement, ...]:
    """Those whose words stand in the text, as a signature covers them."""
    text = "\n".join(str(one.text) for one in sections)
    if MARK not in text:
        return ()
    return tuple(one.measurement for one in values_of(core, study, held) if one.words in text)


def _reports(held: Sequence[InstanceInfo]) -> Iterator[InstanceInfo]:
    from teleread.documents.sr_foreign import CLASSES

    right = [one for one in held if one.sop_class in CLASSES and one.size <= MOST_BYTES]
    yield from right[:MOST_REPORTS]


def _values(core: Core, study: StudyKey, info: InstanceInfo) -> tuple[SrValue, ...]:
    from teleread.documents.sr_foreign import values_in

    try:
        return values_in(core.vault.objects.read(study.hub_id, study.study_uid, info.sop_uid))
    except TelereadError:
        return ()
