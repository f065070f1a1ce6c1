"""Taking and returning a Task at a FHIR hub, by version.

A claim is one write: owner set and status ``in-progress`` (the reader has it and reads it; ``accepted`` would
need a second write that can be lost). It is made on the Task as it stands now, under If-Match, and looked at
again wherever the answer was lost, the version moved or the server compares no versions.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from teleread.hub.claiming import check_reader, claim_lost
from teleread.hub.fhir_wire import FhirWire, Resource
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.giving_back import REASONS
from teleread.model.hubfile import HubFile
from teleread.model.task import Task
from teleread.wire.fhir_json import task_of
from teleread.wire.fhir_parts import version_of

__all__ = ["DCM", "FREE_STATUSES", "FhirClaim", "owner_element"]

DCM = "http://dicom.nema.org/resources/ontology/DCM"
"""Code system of DICOM CID 9303, the reasons for giving back."""

FREE_STATUSES = frozenset({"requested", "received", "accepted", "ready"})
HELD_STATUSES = frozenset({"in-progress", "on-hold", *FREE_STATUSES})

_TRIES = 3


def owner_element(hub: HubFile) -> dict[str, Any]:
    """The reader as Task.owner: a literal reference, or a logical one where the id is ``system|value``."""
    target = hub.reader_reference
    system, bar, value = target.rpartition("|")
    element: dict[str, Any] = (
        {"identifier": {"system": system, "value": value}} if bar else {"reference": target}
    )
    if hub.reader_name:
        element["display"] = hub.reader_name
    return element


class FhirClaim:
    """Claim and give back.

    Args:
        wire: The hub.
        hub: Its file: who the reader is.
        compares: Whether the server compares versions; else each write is read back.
    """

    def __init__(self, wire: FhirWire, hub: HubFile, compares: Callable[[], bool]) -> None:
        self._wire = wire
        self._hub = hub
        self._compares = compares

    def claim(self, task_id: str) -> Resource:
        """Make the Task the reader's.

        Raises:
            AttentionError: ``claim-lost``: somebody else has it, or it is no longer offered.
            OfflineError: No answer and none now either: ``unknown``.
        """
        check_reader(self._hub)

        def taken(now: Resource, task: Task) -> Resource | None:
            if self._mine(task) and task.status in HELD_STATUSES:
                if task.status == "in-progress":
                    return None
            elif task.owner or task.status not in FREE_STATUSES:
                raise self._lost(task)
            changed = {key: value for key, value in now.items() if key != "statusReason"}
            return {**changed, "owner": owner_element(self._hub), "status": "in-progress"}

        return self._change(task_id, taken)

    def give_back(self, task_id: str, reason_code: str, reason_text: str) -> Resource:
        """Return the Task to everybody, with a reason of CID 9303.

        Raises:
            AttentionError: ``claim-lost``: it is not the reader's (any more).
            OfflineError: No answer and none now either: ``unknown``.
        """
        check_reader(self._hub)
        meaning = REASONS.get(reason_code, reason_text)
        coding = {"system": DCM, "code": reason_code, **({"display": meaning} if meaning else {})}
        reason = {"coding": [coding], "text": reason_text or meaning or reason_code}

        def returned(now: Resource, task: Task) -> Resource | None:
            if not task.owner and task.status == "requested":
                return None
            if not self._mine(task) or task.status not in HELD_STATUSES:
                raise self._lost(task)
            changed = {key: value for key, value in now.items() if key != "owner"}
            return {**changed, "status": "requested", "statusReason": reason}

        return self._change(task_id, returned)

    def renew(self, task_id: str, version: str, now: datetime) -> Resource:
        """Touch the reader's Task, so that a hub which counts from the last change keeps it for them.

        Args:
            task_id: The Task.
            version: As it was last seen: a Task that has moved since is renewed already.
            now: The hub's time, for Task.lastModified.

        Raises:
            AttentionError: ``claim-lost``: it is not the reader's (any more).
            OfflineError: No answer and none now either: ``unknown``.
        """
        at = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

        def touched(found: Resource, task: Task) -> Resource | None:
            if not self._mine(task) or task.status not in HELD_STATUSES:
                raise self._lost(task)
            if version != version_of(found) or found.get("lastModified") == at:
                return None
            return {**found, "lastModified": at}

        return self._change(task_id, touched)

    def _change(self, task_id: str, make: Callable[[Resource, Task], Resource | None]) -> Resource:
        """Read, change under If-Match, and read again until it is seen to be so."""
        waiting: OfflineError | AttentionError | None = None
        for _ in range(_TRIES):
            try:
                now = self._wire.read("Task", task_id)
            except OfflineError:
                if waiting is not None:
                    raise waiting from None  # what became of the write is the news, not the failed look
                raise
            wanted = make(now, task_of(now))
            if wanted is None:
                return now
            try:
                stored = self._wire.put(wanted, version_of(now))
            except (OfflineError, AttentionError) as problem:
                if problem.code not in {"unknown", "changed"}:
                    raise
                waiting = problem
                continue
            if stored is not None and self._compares() and version_of(now):
                return stored
            waiting = None
        now = self._wire.read("Task", task_id)
        if make(now, task_of(now)) is None:
            return now
        raise waiting or OfflineError(
            f"The hub {self._hub.name} took the change but does not show it.",
            "Nothing is lost.",
            "Try again in a moment.",
            code="unknown",
        )

    def _mine(self, task: Task) -> bool:
        return bool(task.owner) and task.owner == self._hub.reader_reference

    def _lost(self, task: Task) -> AttentionError:
        if task.owner:
            who = f" {task.owner_name}" if task.owner_name else " another reader"
            title = f"The hub {self._hub.name} says that{who} has this task ({task.status})."
        else:
            title = f"The hub {self._hub.name} no longer offers this task ({task.status})."
        return claim_lost(title)
