"""Notes and alerts to a site at a FHIR hub: one Communication each, created if it is not there yet.

A note is written once. An alert is known by a name that lasts: what is recorded anew is written over it,
under its version, and every recording's key stays among its identifiers.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final

from teleread.hub.fhir_submit import URI_SYSTEM
from teleread.hub.fhir_wire import FHIR_JSON, FhirWire, Resource
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.text import clean
from teleread.wire.fhir_parts import items, obj, version_of, words
from teleread.wire.fhir_reports import uuids_of

__all__ = ["FhirNotes"]

_MOST: Final = 1 << 20
_ROUNDS: Final = 3
"""How often one that moved between looking and writing is looked at again."""
_REFUSED: Final = frozenset({"refused", "gone"})


class FhirNotes:
    """Send a note or an alert, and look for one.

    Args:
        wire: The hub.
        now: Our clock, for ``stored_at``.
    """

    def __init__(self, wire: FhirWire, now: Callable[[], datetime]) -> None:
        self._wire = wire
        self._now = now

    def send(self, submission: Submission) -> Receipt:
        """Send one and read it back; what the hub holds under its key already is not sent again.

        Raises:
            OfflineError: ``unknown``: it may have been applied.
            AttentionError: ``not-taken``: this server keeps no Communications; the hub's refusal.
        """
        held = self._find(_name(submission))
        for _ in range(_ROUNDS):
            if held is not None and _carries(held, submission):
                return self._receipt(held)
            held = self._create(submission) if held is None else self._write(submission, held)
        if held is None or not _carries(held, submission):
            raise OfflineError(f"{self._who} took the note but does not show it.", code="unknown")
        return self._receipt(held)

    def _receipt(self, held: Resource) -> Receipt:
        return Receipt(
            id=clean(f"Communication/{words(held.get('id'))}"),
            version=version_of(held),
            sha256=_digest(held),
            hub_time=words(obj(held.get("meta")).get("lastUpdated"), limit=64),
            stored_at=self._now(),
        )

    def _create(self, submission: Submission) -> Resource | None:
        """What the hub then holds; None where it does not show it."""
        condition = f"identifier={URI_SYSTEM}|urn:uuid:{_name(submission)}"
        entry = {
            # Not the key itself: a server may write the new address wherever it finds this one.
            "fullUrl": f"urn:uuid:{uuid.uuid5(uuid.UUID(submission.key), 'note')}",
            "resource": json.loads(submission.body),
            "request": {"method": "POST", "url": "Communication", "ifNoneExist": condition},
        }
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        headers = {"Accept": FHIR_JSON, "Content-Type": FHIR_JSON}
        try:
            self._wire.http.send_json("POST", "", json.dumps(bundle, ensure_ascii=False).encode(), headers)
        except (OfflineError, AttentionError) as problem:
            if problem.code in _REFUSED and not self._keeps_any():
                raise AttentionError(
                    f"{self._who} keeps no notes or alerts by themselves.", code="not-taken"
                ) from problem
            if problem.code not in {"unknown", "changed"} or not self._arrived(submission):
                raise
        return self._find(_name(submission))

    def _write(self, submission: Submission, held: Resource) -> Resource | None:
        """Write over what is there, under its version; what the hub then holds, by whoever was quickest."""
        ours = json.loads(submission.body)
        if not version_of(held):
            held = self._wire.read("Communication", words(held.get("id")))
        names = {
            json.dumps(one, sort_keys=True): one
            for one in [*items(held.get("identifier")), *ours["identifier"]]
        }
        # What the hub added, such as who has read it, stays.
        resource = {**held, **ours, "id": held["id"], "identifier": list(names.values())}
        try:
            stored = self._wire.put(resource, version_of(held))
        except (OfflineError, AttentionError) as problem:
            if problem.code != "changed" and (problem.code != "unknown" or not self._arrived(submission)):
                raise
            stored = None
        return stored or self._find(_name(submission))

    def _keeps_any(self) -> bool:
        """Whether the server says that Communications may be created; where it says nothing, it may."""
        try:
            server = next(iter(items(obj(self._wire.get("metadata").json).get("rest"))), {})
        except TelereadError:
            return True
        kinds = {str(one.get("type")): one for one in items(server.get("resource"))}
        if not kinds:
            return True
        verbs = {str(one.get("code")) for one in items(kinds.get("Communication", {}).get("interaction"))}
        return "Communication" in kinds and (not verbs or "create" in verbs)

    def _arrived(self, submission: Submission) -> bool:
        try:
            held = self._find(_name(submission))
        except TelereadError:
            return False  # the first news stands
        return held is not None and _carries(held, submission)

    def _find(self, name: str) -> Resource | None:
        params = {"identifier": f"{URI_SYSTEM}|urn:uuid:{name}", "_count": 10}
        found = self._wire.all("Communication", params, pages=2)
        # A server that ignores the parameter answers with others: only what carries the name counts.
        return next((one for one in found if name.lower() in uuids_of(one)), None)

    @property
    def _who(self) -> str:
        return self._wire.http.who[:1].upper() + self._wire.http.who[1:]


def _name(submission: Submission) -> str:
    return submission.lasting or submission.key


def _carries(held: Resource, submission: Submission) -> bool:
    return submission.key.lower() in uuids_of(held)


def _digest(resource: Resource) -> str:
    text = next((one.get("contentString") for one in items(resource.get("payload"))), "")
    return hashlib.sha256(text[:_MOST].encode()).hexdigest() if isinstance(text, str) else ""
