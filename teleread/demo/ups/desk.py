"""What may be done to a workitem (PS3.4 CC.1 and CC.2): the state machine, over the hub's own Tasks."""

from __future__ import annotations

import hmac
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from teleread.demo.fhir.store import Store, Unit
from teleread.demo.ups.elements import Data, el, nested, value_of
from teleread.demo.ups.workitem import KIND, Claimed, Holdings, claimed_of, dataset, state_of, uid_of

__all__ = ["Desk", "UpsRefusalError"]

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_UPDATED = ("00741002", "00741216", "00741204", "00404041")
"""What a performer may tell while it works; the rest of an update is left out and said so."""
_DCM = "http://dicom.nema.org/resources/ontology/DCM"


class UpsRefusalError(Exception):
    """A refusal: an HTTP status and the words of its Warning (PS3.18 table 11.5.3-1 and others)."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Desk:
    """The worklist manager.

    Args:
        store: The hub's memory, shared with its FHIR face.
        holdings: What the archive holds of a study.
        archive: Base address of the archive's DICOMweb.
    """

    def __init__(self, store: Store, holdings: Holdings, archive: str) -> None:
        self.store = store
        self._holdings = holdings
        self._archive = archive
        self._tasks: dict[str, str] = {}

    def all(self) -> list[Data]:
        """Every workitem there is, those that were given back too."""
        found: list[Data] = []
        with self.store.lock:
            for stored in self.store.all("Task"):
                if state_of(stored.body):
                    known = claimed_of(self.store, stored.id)
                    found += known.past.values()
                    found.append(self._shown(stored.body, known))
        return found

    def get(self, uid: str) -> Data:
        """One workitem.

        Raises:
            UpsRefusalError: 404.
        """
        with self.store.lock:
            task, known = self._found(uid)
            return known.past.get(uid) or self._shown(task, known)

    def change_state(self, uid: str, body: Data, aet: str) -> str:
        """Change UPS State (PS3.18 11.7).

        Returns:
            Words for a Warning header; empty for none.

        Raises:
            UpsRefusalError: 400, 404, 409.
        """
        wanted, transaction = value_of(body, "00741000"), value_of(body, "00081195")
        if wanted not in {"IN PROGRESS", "COMPLETED", "CANCELED"} or not _UID.fullmatch(transaction):
            raise UpsRefusalError(400, "The body names no state or no Transaction UID.")
        with self.store.unit() as unit:
            task, known = self._found(uid)
            if uid in known.past:
                return _again(value_of(known.past[uid], "00741000"), wanted, transaction, known.finished_by)
            state = state_of(task)
            if state in {"COMPLETED", "CANCELED"}:
                return _again(state, wanted, transaction, known.finished_by)
            if state == "SCHEDULED":
                if wanted != "IN PROGRESS":
                    raise UpsRefusalError(409, "C310: the UPS is not yet in the IN PROGRESS state.")
                self._claim(unit, task, known, transaction, aet)
            elif wanted == "IN PROGRESS":
                raise UpsRefusalError(409, "C302: the UPS is already IN PROGRESS.")
            else:
                self._check(task, known, transaction)
                finish = self._complete if wanted == "COMPLETED" else self._cancel
                finish(unit, task, known, transaction)
        return ""

    def update(self, uid: str, body: Data, transaction: str) -> str:
        """Update Workitem (PS3.18 11.6): what the performer tells while it works.

        Returns:
            Words for a Warning header where not everything was taken.

        Raises:
            UpsRefusalError: 400 for an ended one, 404, 409.
        """
        with self.store.unit() as unit:
            task, known = self._found(uid)
            if uid in known.past or state_of(task) in {"COMPLETED", "CANCELED"}:
                raise UpsRefusalError(400, "C300: the UPS may no longer be updated.")
            if state_of(task) == "SCHEDULED":
                raise UpsRefusalError(409, "C310: the UPS is not yet in the IN PROGRESS state.")
            self._check(task, known, transaction)
            told = {tag: body[tag] for tag in _UPDATED if tag in body}
            known = replace(known, performed={**known.performed, **told})
            owner = _performer_in(body)
            if owner:
                task = {**task, "owner": owner}
                known = replace(known, owner=_key(owner))
            _put(unit, task, known)
        ignored = set(body) - set(_UPDATED) - {"00080005"}
        return "B305: some attributes were not taken." if ignored else ""

    def request_cancel(self, uid: str, body: Data) -> str:
        """Request Cancellation (PS3.18 11.8); the manager itself cancels what is SCHEDULED (PS3.4 CC.2.2).

        Returns:
            The state it was in: an IN PROGRESS one is its performer's to cancel.

        Raises:
            UpsRefusalError: 404; 409 for an ended one.
        """
        with self.store.unit() as unit:
            task, known = self._found(uid)
            state = state_of(task)
            if uid in known.past or state in {"COMPLETED", "CANCELED"}:
                raise UpsRefusalError(409, "C311: the UPS is already COMPLETED or CANCELED.")
            if state == "SCHEDULED":
                reason = value_of(body, "00741238") or "Cancelled on request"
                unit.put(
                    "Task", task["id"], {**task, "status": "cancelled", "statusReason": {"text": reason}}
                )
            return state

    def _found(self, uid: str) -> tuple[Data, Claimed]:
        for again in (False, True):
            if again or uid not in self._tasks:
                self._index()
            ident = self._tasks.get(uid, "")
            stored = self.store.read("Task", ident)
            if stored is not None and state_of(stored.body):
                known = claimed_of(self.store, ident)
                if uid in known.past or uid == uid_of(ident, known.generation):
                    return stored.body, known
        raise UpsRefusalError(404, "C307: no such workitem.")

    def _index(self) -> None:
        for stored in self.store.all("Task"):
            known = claimed_of(self.store, stored.id)
            for generation in range(known.generation + 1):
                self._tasks[uid_of(stored.id, generation)] = stored.id

    def _shown(self, task: Data, known: Claimed) -> Data:
        return dataset(self.store, task, known, self._holdings, self._archive)

    @staticmethod
    def _check(task: Data, known: Claimed, transaction: str) -> None:
        mine = known.transaction and hmac.compare_digest(known.transaction, transaction)
        if not mine or _key(task.get("owner") or {}) != known.owner:
            raise UpsRefusalError(409, "C301: the correct Transaction UID was not provided.")

    @staticmethod
    def _claim(unit: Unit, task: Data, known: Claimed, transaction: str, aet: str) -> None:
        assigned = task.get("owner")
        owner = assigned or {"identifier": {"system": "urn:dicom:ae-title", "value": aet or "UNKNOWN"}}
        owner = {"display": aet or "somebody", **owner}
        changed = {key: one for key, one in task.items() if key != "statusReason"}
        known = replace(known, transaction=transaction, owner=_key(owner), performed={}, finished_by="")
        _put(unit, {**changed, "owner": owner, "status": "in-progress"}, known)

    def _complete(self, unit: Unit, task: Data, known: Claimed, transaction: str) -> None:
        performed = nested(known.performed, "00741216")
        first = performed[0] if performed else {}
        outputs = [
            uid
            for item in nested(first, "00404033")
            for reference in nested(item, "00081199")
            if (uid := value_of(reference, "00081155"))
        ]
        # Type 1 on completion (PS3.4 table CC.2.5-3)
        needed = ("00404019", "00404050", "00404051")
        if not outputs or not all(first.get(tag, {}).get("Value") for tag in needed):
            raise UpsRefusalError(409, "C304: the UPS does not meet the final state requirements.")
        output = [{"type": {"text": "Report"}, "valueUri": f"urn:oid:{uid}"} for uid in outputs]
        changed = {**task, "status": "completed", "output": [*task.get("output", ()), *output]}
        _put(unit, changed, replace(known, finished_by=transaction))

    def _cancel(self, unit: Unit, task: Data, known: Claimed, transaction: str) -> None:
        """A performer cancels: that is how a workitem is given back; a new one takes its place."""
        ended = {**self._shown(task, known), "00741000": el("CS", "CANCELED")}
        reason = _reason(known.performed)
        changed = {key: one for key, one in task.items() if key not in {"owner", "statusReason"}}
        if reason:
            changed["statusReason"] = reason
        past = {**known.past, uid_of(task["id"], known.generation): ended}
        fresh = Claimed(generation=known.generation + 1, past=past, finished_by=transaction)
        _put(unit, {**changed, "status": "requested"}, fresh)


def _again(state: str, wanted: str, transaction: str, finished_by: str) -> str:
    if state != wanted:
        raise UpsRefusalError(409, "C300: the UPS may no longer be updated.")
    if transaction != finished_by:
        raise UpsRefusalError(409, "C301: the correct Transaction UID was not provided.")
    return f"{'B306' if state == 'COMPLETED' else 'B304'}: the UPS is already in the requested state."


def _put(unit: Unit, task: Data, known: Claimed) -> None:
    task = {**task, "lastModified": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")}
    unit.put("Task", task["id"], task)
    unit.put(KIND, task["id"], asdict(known))


def _key(owner: Data) -> str:
    return str(owner.get("reference") or (owner.get("identifier") or {}).get("value") or "")


def _performer_in(body: Data) -> Data:
    """Task.owner from the first Actual Human Performer (0040,4035) that carries a code."""
    for performed in nested(body, "00741216"):
        for person in nested(performed, "00404035"):
            for code in nested(person, "00404009"):
                ident = value_of(code, "00080100")
                if re.fullmatch(r"[A-Za-z0-9.-]{1,64}", ident):
                    shown = value_of(code, "00080104") or value_of(person, "00404037")
                    return {"reference": f"Practitioner/{ident}", "display": shown or ident}
    return {}


def _reason(performed: Data) -> dict[str, Any]:
    for progress in nested(performed, "00741002"):
        words = value_of(progress, "00741238")
        for code in nested(progress, "0074100E"):
            meaning = value_of(code, "00080104")
            coding = {"system": _DCM, "code": value_of(code, "00080100"), "display": meaning}
            return {"coding": [coding], "text": words or meaning}
        if words:
            return {"text": words}
    return {}
