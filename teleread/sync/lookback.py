"""Earlier studies that the archive knows and the hub may not, by the patient's qualified identifier."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from teleread.archive.plans import Lane
from teleread.model.errors import TelereadError
from teleread.model.task import PriorStudy, TaskKey
from teleread.sync.outlook import archive_identifier

if TYPE_CHECKING:
    from teleread.archive.plans import Plan
    from teleread.archive.port import StudyMatch
    from teleread.model.hubfile import HubFile
    from teleread.sync.works import Works

__all__ = ["look_for_priors"]

AGAIN: Final = timedelta(minutes=30)
"""How old an answer may be."""
FAILED: Final = timedelta(minutes=5)
"""How long an archive that did not answer is not asked again for one patient."""
_LANES: Final = (Lane.NOW, Lane.STAT, Lane.NEXT)


def look_for_priors(works: Works, plan: Plan, stop: threading.Event, most: int = 50) -> int:
    """Ask the archives for the studies of the patients of the open, stat and next cases.

    Only by an identifier of the issuer that the hub file names (``patient_id_issuer``): the archive's bare
    numbers belong to that one. A study the archive answers under another issuer is left out.

    Args:
        works: The parts.
        plan: Where the cases come from.
        stop: Ends it.
        most: Patients asked for.

    Returns:
        Patients asked for.
    """
    files = {one.hub_id: one for one in works.sites.files() if one.patient_id_issuer}
    if not files or works.wanted().rules.priors < 1:
        return 0
    asked = 0
    for one in plan.decisions:
        file = files.get(one.key.hub_id)
        if asked >= most or stop.is_set():
            break
        if file is not None and one.task is not None and one.lane in _LANES and not one.wait:
            asked += _ask(works, file, one.task)
    return asked


def _ask(works: Works, file: HubFile, key: TaskKey) -> int:
    context = works.vault.worklist.get(key)
    name = archive_identifier(context, file) if context is not None else None
    if name is None:
        return 0
    at = works.vault.wishes.priors_asked(file.hub_id, name.issuer, name.value)
    if at and works.clock.now() - datetime.fromisoformat(at) < AGAIN:
        return 0
    mark = (file.hub_id, name.value)
    if works.clock.monotonic() < works.silent.get(mark, 0.0):
        return 0
    found: list[PriorStudy] = []
    try:
        for archive in works.sites.archives(file.hub_id):
            found = [_prior(one) for one in archive.find_studies(name.value) if _same_issuer(one, file)]
            break
    except TelereadError:
        works.silent[mark] = works.clock.monotonic() + FAILED.total_seconds()
        return 1
    works.vault.wishes.put_priors(file.hub_id, name.issuer, name.value, tuple(found))
    works.forget_outlook()
    return 1


def _same_issuer(match: StudyMatch, file: HubFile) -> bool:
    return not match.issuer or match.issuer == file.patient_id_issuer


def _prior(match: StudyMatch) -> PriorStudy:
    return PriorStudy(
        study_uid=match.study_uid,  # type: ignore[arg-type]
        modality=match.modality,
        description=match.description,
        started=_day(match.date),
        instances=match.instances,
        accessions=(match.accession,) if match.accession else (),
    )


def _day(text: str) -> datetime | None:
    digits = text.replace("-", "")[:8]
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
