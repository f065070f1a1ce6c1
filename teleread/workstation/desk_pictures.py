"""The desk's use cases of the pictures: what hangs where, what is withdrawn, what the reader marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from teleread.model.picture_marks import PictureMark
from teleread.model.study import StudyKey
from teleread.model.task import TaskKey

from .core import Core

if TYPE_CHECKING:
    from .picture_api import Hung

__all__ = ["DeskPictures"]


class DeskPictures:
    """Implements `teleread.workstation.picture_api.PictureStation` on an open profile."""

    core: Core

    def hung(self, key: TaskKey, prior_uid: str = "") -> Hung:
        """What opens where in a case."""
        from .hanging import hung

        return hung(self.core, key, prior_uid)

    def rejected_images(self, hub_id: str, study_uid: str) -> Mapping[str, str]:
        """SOP Instance UIDs that rejection notes withdraw, and why."""
        from .pictures import rejected_images

        return rejected_images(self.core, hub_id, study_uid)

    def picture_marks(self, study: StudyKey) -> tuple[PictureMark, ...]:
        """Measurements and key images of a study, in the order they were made."""
        return self.core.vault.picture_marks.list(study)

    def keep_mark(self, mark: PictureMark) -> None:
        """Keep a measurement or a key image."""
        self.core.vault.picture_marks.put(mark)

    def drop_mark(self, mark_id: str) -> None:
        """Forget one."""
        self.core.vault.picture_marks.drop(mark_id)
