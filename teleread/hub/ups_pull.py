"""What changed at a UPS-RS hub: workitems page by page (RAD-81).

The cursor is the newest Scheduled Procedure Step Modification DateTime the hub itself gave, in its own
writing; the next window begins five minutes before it. A hub that does not match on it is asked for all it
has: managers keep what ended for a day only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from teleread.hub.port import PullPage
from teleread.hub.ups_port import UpsLine, UpsPage
from teleread.model.errors import AttentionError
from teleread.model.task import TaskContext
from teleread.wire.fhir_json import Unreadable
from teleread.wire.ups_json import Workitem

__all__ = ["UpsPull"]

OVERLAP: Final = timedelta(minutes=5)
MODIFIED: Final = "00404010"
_OPEN: Final = ("SCHEDULED", "IN PROGRESS")
_WHOLE: Final = ("00100010", "0040A370", "00404021")
"""Without these a search has left something out, and the workitem is read by itself."""
_CURSOR: Final = re.compile(r"^(\d{14})(?:\.\d+)?([+-]\d{4})?$")

Read = Callable[[Workitem], tuple[TaskContext, tuple[str, ...]]]


class UpsPull:
    """One pull.

    Args:
        wire: The hub.
        now: Our clock.
        read: A workitem as a task.
    """

    def __init__(self, wire: UpsLine, now: Callable[[], datetime], read: Read) -> None:
        self._wire = wire
        self._now = now
        self._read = read
        self._newest = ""
        self._offset: float | None = None
        self._limit = ""

    def pages(self, cursor: str) -> Iterator[PullPage]:
        """Yield pages since a cursor; only the last page's cursor may be kept."""
        self._newest = cursor
        before: UpsPage | None = None
        for page in self._search(cursor):
            if before is not None:
                yield self._page(before, last=False)
            before = page
        if before is not None:
            yield self._page(before, last=True)

    def _search(self, cursor: str) -> Iterator[UpsPage]:
        since = _since(cursor)
        if not since:
            for state in _OPEN:
                yield from self._wire.search({"ProcedureStepState": state})
            return
        pages = self._wire.search({MODIFIED: f"{since}-"})
        try:
            first = next(pages)
        except AttentionError as refusal:
            if refusal.code != "refused":
                raise
            yield from self._wire.search({})
            return
        yield first
        yield from pages

    def _page(self, page: UpsPage, *, last: bool) -> PullPage:
        if page.date is not None and self._offset is None:
            # A Date header counts whole seconds: half of one is added.
            self._offset = (page.date - self._now()).total_seconds() + 0.5
        if not self._limit:
            self._limit = ((page.date or self._now()) + OVERLAP).astimezone(UTC).strftime("%Y%m%d%H%M%S")
        contexts: list[TaskContext] = []
        skipped = list(page.skipped)
        for item in page.items:
            self._note(item.modified)
            if not self._wire.is_reading(item):
                continue
            try:
                context, noted = self._read(self._whole(item))
            except (Unreadable, AttentionError) as problem:
                skipped.append(problem.title if isinstance(problem, AttentionError) else str(problem))
                continue
            contexts.append(context)
            skipped += noted
        return PullPage(tuple(contexts), self._newest, last, tuple(skipped), self._offset)

    def _whole(self, item: Workitem) -> Workitem:
        if all(tag in item.data for tag in _WHOLE):
            return item
        return self._wire.read(item.uid)

    def _note(self, modified: str) -> None:
        found = _CURSOR.match(modified)
        if found is None or modified <= self._newest:
            return
        # One time stamp from the future must not hide everything until then.
        if self._limit and found.group(2) in {None, "+0000"} and found.group(1) > self._limit:
            return
        self._newest = modified


def _since(cursor: str) -> str:
    """Five minutes before, in the same writing; empty for no cursor."""
    found = _CURSOR.match(cursor)
    if found is None:
        return ""
    at = datetime.strptime(found.group(1), "%Y%m%d%H%M%S") - OVERLAP
    return at.strftime("%Y%m%d%H%M%S") + (found.group(2) or "")
