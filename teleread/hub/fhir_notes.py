"""Notes to a site at a FHIR hub: one Communication each, created if its key is not there yet."""

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


class FhirNotes:
    """Send a note, and look for one.

    Args:
        wire: The hub.
        now: Our clock, for ``stored_at``.
    """

    def __init__(self, wire: FhirWire, now: Callable[[], datetime]) -> None:
        self._wire = wire
        self._now = now

    def send(self, submission: Submission) -> Receipt:
        """Send one note and read it back; what the hub holds under its key already is not sent again.

        Raises:
            OfflineError: ``unknown``: it may have been applied.
            AttentionError: The hub's refusal.
        """
        held = self._find(submission.key)
        if held is None:
            self._create(submission)
            held = self._find(submission.key)
        if held is None:
            raise OfflineError(f"{self._who} took the note but does not show it.", code="unknown")
        return Receipt(
            id=clean(f"Communication/{words(held.get('id'))}"),
            version=version_of(held),
            sha256=_digest(held),
            hub_time=words(obj(held.get("meta")).get("lastUpdated"), limit=64),
            stored_at=self._now(),
        )

    def _create(self, submission: Submission) -> None:
        condition = f"identifier={URI_SYSTEM}|urn:uuid:{submission.key}"
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
            if problem.code not in {"unknown", "changed"} or not self._arrived(submission.key):
                raise

    def _arrived(self, key: str) -> bool:
        try:
            return self._find(key) is not None
        except TelereadError:
            return False  # the first news stands

    def _find(self, key: str) -> Resource | None:
        params = {"identifier": f"{URI_SYSTEM}|urn:uuid:{key}", "_count": 10}
        found = self._wire.all("Communication", params, pages=2)
        # A server that ignores the parameter answers with others: only what carries the key counts.
        return next((one for one in found if key.lower() in uuids_of(one)), None)

    @property
    def _who(self) -> str:
        return self._wire.http.who[:1].upper() + self._wire.http.who[1:]


def _digest(resource: Resource) -> str:
    text = next((one.get("contentString") for one in items(resource.get("payload"))), "")
    return hashlib.sha256(text[:_MOST].encode()).hexdigest() if isinstance(text, str) else ""
