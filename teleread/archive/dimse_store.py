"""C-STORE sub-operations as Part 10 files for the intake, and what is not taken from an archive."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from teleread.model.errors import OfflineError
from teleread.wire.dimse_messages import StoreRequest
from teleread.wire.part10 import file_meta

from .dimse_lanes import Lane

__all__ = ["CANNOT_UNDERSTAND", "REFUSED_NOT_ASKED", "Store", "Strays"]

CANNOT_UNDERSTAND: Final = 0xC000
REFUSED_NOT_ASKED: Final = 0x0124
"""Not authorised (PS3.7 annex C): what nobody here asked for."""


class Strays:
    """Counts what comes unasked: one archive sends a few too many, another would send for ever.

    Args:
        wanted: SOP Instance UIDs that were asked for.
        most: How many others, or repeats, are borne with in one retrieve.
    """

    def __init__(self, wanted: Collection[str], most: int) -> None:
        self._due = set(wanted)
        self._left = most + len(self._due)  # some archives send the whole study whatever list they get

    def meet(self, sop_uid: str) -> None:
        """An instance of that name begins.

        Raises:
            OfflineError: Too many came that nobody asked for.
        """
        if sop_uid in self._due:
            self._due.discard(sop_uid)
            return
        self._left -= 1
        self.check()

    def check(self) -> None:
        """Raise once too many came.

        Raises:
            OfflineError: ``code="strays"``.
        """
        if self._left < 0:
            raise OfflineError(
                "The archive keeps sending what was not asked for.",
                "Every instance that belongs to the study and came whole is kept.",
                "Tell the site. The rest is asked for again.",
                code="strays",
                retryable=False,
            )


class Store:
    """Takes what one association brings.

    Args:
        lane: Where the files go.
        strays: Counts what comes unasked; shared by the associations of one retrieve.
        suspects: Takes the SOP Instance UIDs of objects in whose middle the line broke.
        asked: Whether the sub-operation belongs to a C-MOVE of ours; None where that can't be asked.
    """

    def __init__(
        self,
        lane: Lane,
        strays: Strays,
        suspects: set[str],
        asked: Callable[[StoreRequest], bool] | None = None,
    ) -> None:
        self._lane = lane
        self._strays = strays
        self._suspects = suspects
        self._asked = asked
        self._foreign = False
        self._sop_uid = ""
        self.ended = 0
        """Instances that came whole and were taken."""

    def begin(self, request: StoreRequest) -> None:
        """An instance starts: its file begins with a meta group of our own (PS3.10 7.1).

        Raises:
            OfflineError: Too many came that nobody asked for.
        """
        self._strays.meet(request.sop_uid)
        self._sop_uid = request.sop_uid
        self._foreign = self._asked is not None and not self._asked(request)
        if self._foreign:
            return
        self._lane.begin(request.transfer_syntax)
        self._lane.write(file_meta(request.sop_class, request.sop_uid, request.transfer_syntax))

    def write(self, chunk: bytes | memoryview) -> None:
        """The next bytes of its data set."""
        if not self._foreign:
            self._lane.write(chunk)

    def end(self) -> int:
        """It is whole: the status to answer with, so that the archive's own log tells the story ours does."""
        if self._foreign:
            return REFUSED_NOT_ASKED
        if not self._lane.end():
            return CANNOT_UNDERSTAND
        self.ended += 1
        return 0

    def cut(self, why: str) -> None:
        """It will not become whole."""
        if not self._foreign:
            self._suspects.add(self._sop_uid)
            self._lane.cut(why)
