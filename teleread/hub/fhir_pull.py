"""What changed at a FHIR hub: Tasks page by page, each with its order, patient and study.

The cursor is the newest time the server itself gave, never our own clock: the newest ``meta.lastUpdated`` of
a Task, the time of the search, or the Date header less two hours, for that one may be another clock's. The
next window begins five minutes before it. Newest come first: a Task that changes while we page then moves to
the front and is met by the next window, where with oldest first it would push others over a page border
unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from teleread.hub.fhir_wire import IDS_AT_ONCE, PAGE_SIZE, BundlePage, FhirWire, Resource
from teleread.hub.port import PullPage
from teleread.model.errors import AttentionError
from teleread.model.task import TaskContext
from teleread.wire.fhir_json import TaskLinks, Unreadable, context_of, links_of
from teleread.wire.fhir_parts import items, logical_id, obj, when, words

__all__ = ["OPEN_STATUSES", "FhirPull"]

OPEN_STATUSES = ("requested", "received", "accepted", "ready", "in-progress", "on-hold")
"""Statuses asked for by a first pull; later pulls ask for all, so that ends are noticed too."""

OVERLAP = timedelta(minutes=5)
DATE_MARGIN = timedelta(hours=2)
"""A Date header may come from another clock than the one that stamps resources, in another summer time."""
_INCLUDES = ["Task:based-on", "Task:patient", "Task:focus"]


class FhirPull:
    """One pull.

    Args:
        wire: The hub.
        hub_id: Its stable id.
        now: Our clock, for ``seen_at`` only.
    """

    def __init__(self, wire: FhirWire, hub_id: str, now: Callable[[], datetime]) -> None:
        self._wire = wire
        self._hub_id = hub_id
        self._now = now
        self._newest: datetime | None = None
        self._server_now: datetime | None = None
        self._searched_at: datetime | None = None
        self._offset: float | None = None

    def pages(self, cursor: str) -> Iterator[PullPage]:
        """Yield pages since a cursor; only the last page's cursor may be kept."""
        self._newest = when(cursor)
        for page in self._search(cursor):
            self._searched_at = self._searched_at or page.searched_at
            if page.date is not None and self._server_now is None:
                self._server_now = page.date
                # A Date header counts whole seconds: half of one is added.
                self._offset = (page.date - self._now()).total_seconds() + 0.5
            tasks = page.of("Task")
            for task in tasks:
                self._note(when(obj(task.get("meta")).get("lastUpdated")))
            contexts, skipped = self._contexts(page, tasks)
            yield PullPage(tuple(contexts), self._cursor(cursor), page.last, tuple(skipped), self._offset)

    def look(self, idents: list[str]) -> list[TaskContext]:
        """The tasks of those ids as they are now; what can't be shown or read is left out."""
        found: list[TaskContext] = []
        for at in range(0, len(idents), IDS_AT_ONCE):
            wanted = idents[at : at + IDS_AT_ONCE]
            try:
                for page in self._including({"_id": ",".join(wanted), "_count": PAGE_SIZE}):
                    tasks = [one for one in page.of("Task") if words(one.get("id")) in wanted]
                    found += self._contexts(page, tasks)[0]
            except AttentionError as refusal:
                if refusal.code not in {"refused", "gone"}:
                    raise
        return found

    def _search(self, cursor: str) -> Iterator[BundlePage]:
        params: dict[str, Any] = {"_count": PAGE_SIZE, "_sort": "-_lastUpdated"}
        since = when(cursor)
        if since is None:
            params["status"] = ",".join(OPEN_STATUSES)
        else:
            params["_lastUpdated"] = f"ge{since - OVERLAP:%Y-%m-%dT%H:%M:%SZ}"
        yield from self._including(params)

    def _including(self, params: dict[str, Any]) -> Iterator[BundlePage]:
        pages = self._wire.search("Task", {**params, "_include": _INCLUDES})
        try:
            first = next(pages)
        except AttentionError as refusal:
            if refusal.code != "refused":
                raise
            # A server that includes nothing: the references are read by themselves.
            pages = self._wire.search("Task", params)
            first = next(pages)
        yield first
        yield from pages

    def _note(self, updated: datetime | None) -> None:
        if updated is not None and (self._newest is None or updated > self._newest):
            self._newest = updated

    def _cursor(self, cursor: str) -> str:
        newest, server_now = self._newest, self._server_now
        if newest is not None and server_now is not None:
            # One time stamp from the future must not hide everything until then.
            newest = min(newest, server_now + OVERLAP)
        # Only what was true when the first page was made: later changes come with the next window.
        quiet = self._searched_at or (server_now - DATE_MARGIN if server_now else None)
        at = max((one for one in (newest, quiet) if one is not None), default=None)
        return cursor if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def _contexts(self, page: BundlePage, tasks: list[Resource]) -> tuple[list[TaskContext], list[str]]:
        links = [links_of(task) for task in tasks]
        orders = self._gather(page, "ServiceRequest", [one.order for one in links])
        links = [_patient_by_order(one, orders) for one in links]
        patients = self._gather(page, "Patient", [one.patient for one in links])
        studies = self._gather(page, "ImagingStudy", [one.study for one in links])
        by_order = self._studies_by_order([one.order for one in links if not one.study])
        contexts: list[TaskContext] = []
        skipped: list[str] = []
        for task, link in zip(tasks, links, strict=True):
            try:
                context, noted = context_of(
                    self._hub_id,
                    task,
                    orders.get(link.order),
                    patients.get(link.patient),
                    studies.get(link.study) or by_order.get(link.order),
                    self._now(),
                )
            except Unreadable as problem:
                skipped.append(str(problem))
                continue
            contexts.append(context)
            skipped += noted
        return contexts, skipped

    def _gather(self, page: BundlePage, kind: str, idents: list[str]) -> dict[str, Resource]:
        found: dict[str, Resource] = {words(one.get("id")): one for one in page.of(kind)}
        missing = {ident for ident in idents if ident and ident not in found}
        return found | self._wire.by_ids(kind, missing)

    def _studies_by_order(self, orders: list[str]) -> dict[str, Resource]:
        wanted = sorted({f"ServiceRequest/{one}" for one in orders if one})
        found: dict[str, Resource] = {}
        for at in range(0, len(wanted), 20):
            params = {"basedon": ",".join(wanted[at : at + 20]), "_count": PAGE_SIZE}
            try:
                studies = self._wire.all("ImagingStudy", params)
            except AttentionError as refusal:
                if refusal.code not in {"refused", "forbidden", "gone"}:
                    raise
                return found  # the hub has no such search; the tasks stay without images
            for study in studies:
                for one in items(study.get("basedOn")):
                    found.setdefault(logical_id(one, "ServiceRequest"), study)
        return found


def _patient_by_order(links: TaskLinks, orders: dict[str, Resource]) -> TaskLinks:
    if links.patient or links.order not in orders:
        return links
    patient = logical_id(orders[links.order].get("subject"), "Patient")
    return TaskLinks(links.order, patient, links.study)
