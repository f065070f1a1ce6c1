"""What the pictures ask of a workstation, as a Protocol of its own; `api.Workstation` includes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from teleread.model.hanging import Hanging
from teleread.model.picture_marks import PictureMark
from teleread.model.study import StudyKey
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText

if TYPE_CHECKING:
    from .api import PriorView, SeriesView

__all__ = ["Hung", "PictureStation"]


@dataclass(frozen=True, slots=True)
class Hung:
    """What opens where in a case, and the prior it is compared with."""

    hanging: Hanging
    prior: PriorView | None = None
    """The most relevant prior of which images are here; None where there is none."""
    prior_series: tuple[SeriesView, ...] = ()
    note: SafeText = EMPTY
    """Words, where the reader's own rules can't be read."""


class PictureStation(Protocol):
    """Use cases of the pictures. Methods raise only errors of `teleread.model.errors`."""

    def hung(self, key: TaskKey, prior_uid: str = "") -> Hung:
        """What opens where in a case; with the prior of that Study Instance UID, else the most relevant."""
        ...

    def rejected_images(self, hub_id: str, study_uid: str) -> Mapping[str, str]:
        """SOP Instance UIDs that rejection notes withdraw, and why."""
        ...

    def picture_marks(self, study: StudyKey) -> tuple[PictureMark, ...]:
        """Measurements and key images of a study, in the order they were made."""
        ...

    def keep_mark(self, mark: PictureMark) -> None:
        """Keep a measurement or a key image; one of its id is replaced."""
        ...

    def drop_mark(self, mark_id: str) -> None:
        """Forget one."""
        ...
