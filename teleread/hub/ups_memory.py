"""What a UPS-RS hub never tells again: Transaction UIDs, requests to cancel, and what was stored where.

Kept in the vault, and there before anything is sent: a lost Transaction UID is a workitem that nobody can
finish (PS3.18 11.7), so a crash or a lost answer at any point finds it again.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

__all__ = ["Claimed", "KeyStore", "Stored", "UpsMemory"]

_CLAIM: Final = "ups-claim:"
_ASKED: Final = "ups-asked:"
_FINAL: Final = "ups-final:"
_STORED: Final = "ups-stored:"
KEPT: Final = timedelta(days=180)
"""How long an ended claim is remembered: managers need keep ended workitems a day only."""


class KeyStore(Protocol):
    """Values by hub and name that survive anything (`teleread.vault.hub_secrets.HubSecrets`)."""

    def get(self, hub_id: str, name: str, /) -> str | None:
        """The value, or None."""
        ...

    def put(self, hub_id: str, name: str, value: str, /) -> None:
        """Keep it; on disk when this returns."""
        ...

    def names(self, hub_id: str, /) -> tuple[str, ...]:
        """The names of a hub's values."""
        ...

    def delete(self, hub_id: str, name: str, /) -> None:
        """Forget one."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed:
    """One workitem this machine asked for."""

    transaction: str
    """The Transaction UID (0008,1195) invented for it."""
    state: str
    """``wanted``: sent, or about to be; ``held``; ``lost``; ``completed`` or ``cancelled``: ended by us."""
    at: str
    """When that was, ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One document of a report version, and where it was stored."""

    version: int
    key: str
    """Idempotency key of the version."""
    sha256: str
    """Of the signed bytes."""
    form: str
    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    author: str
    done: bool = False
    """The workitem was completed after it, where it was to be: only then has the report arrived."""

    @property
    def path(self) -> str:
        """Below the archive's DICOMweb base."""
        return f"studies/{self.study_uid}/series/{self.series_uid}/instances/{self.sop_uid}"


class UpsMemory:
    """The memory of one hub.

    Args:
        hub_id: The hub.
        store: Where it is kept.
    """

    def __init__(self, hub_id: str, store: KeyStore) -> None:
        self._hub_id = hub_id
        self._store = store
        self._lock = threading.Lock()

    def claim(self, workitem: str) -> Claimed | None:
        """What is known of a workitem."""
        value = self._store.get(self._hub_id, _CLAIM + workitem)
        return Claimed(**json.loads(value)) if value else None

    def wanted(self, workitem: str, now: datetime) -> Claimed:
        """A Transaction UID, on disk; the one there was, for an earlier try may have applied it."""
        with self._lock:
            before = self.claim(workitem)
            transaction = f"2.25.{uuid.uuid4().int}" if before is None else before.transaction
            return self._mark(workitem, transaction, "wanted", now)

    def mark(self, workitem: str, state: str, now: datetime) -> None:
        """Note what became of it; nothing where it was never asked for."""
        with self._lock:
            before = self.claim(workitem)
            if before is not None and before.state != state:
                self._mark(workitem, before.transaction, state, now)

    def _mark(self, workitem: str, transaction: str, state: str, now: datetime) -> Claimed:
        made = Claimed(transaction, state, now.isoformat())
        self._store.put(self._hub_id, _CLAIM + workitem, json.dumps(asdict(made)))
        return made

    def held(self) -> frozenset[str]:
        """Every workitem this machine holds."""
        return frozenset(uid for uid, one in self._claims() if one.state == "held")

    def prune(self, now: datetime) -> None:
        """Forget what ended long ago."""
        for uid, one in list(self._claims()):
            ended = one.state in {"completed", "cancelled", "lost"}
            if ended and now - datetime.fromisoformat(one.at).astimezone(UTC) > KEPT:
                for kind in (_CLAIM, _ASKED, _FINAL):
                    self._store.delete(self._hub_id, kind + uid)

    def _claims(self) -> Iterator[tuple[str, Claimed]]:
        for name in self._store.names(self._hub_id):
            if name.startswith(_CLAIM) and (one := self.claim(name.removeprefix(_CLAIM))) is not None:
                yield name.removeprefix(_CLAIM), one

    def keep_final(self, workitem: str, data: Mapping[str, Any]) -> None:
        """Keep how a workitem ended: an addendum may come after the hub has let go of it."""
        self._store.put(self._hub_id, _FINAL + workitem, json.dumps(dict(data), ensure_ascii=False))

    def final(self, workitem: str) -> dict[str, Any] | None:
        """How a workitem ended; None where that is not kept."""
        value = self._store.get(self._hub_id, _FINAL + workitem)
        found: dict[str, Any] | None = json.loads(value) if value else None
        return found

    def ask_to_cancel(self, workitem: str, why: str) -> None:
        """Note that the hub asked for a workitem to be cancelled: it is told once, by an event alone."""
        self._store.put(self._hub_id, _ASKED + workitem, why or "-")

    def asked_to_cancel(self, workitem: str) -> bool:
        """Whether it did."""
        return self._store.get(self._hub_id, _ASKED + workitem) is not None

    def forget_asked(self, workitem: str) -> None:
        """It was answered."""
        self._store.delete(self._hub_id, _ASKED + workitem)

    def stored(self, report_id: str) -> tuple[Stored, ...]:
        """Where documents of a report were sent, the newest version first."""
        value = self._store.get(self._hub_id, _STORED + report_id.lower())
        found = [Stored(**one) for one in json.loads(value)] if value else []
        return tuple(sorted(found, key=lambda one: -one.version))

    def all_stored(self) -> tuple[Stored, ...]:
        """Every document that was sent to this hub."""
        names = [one for one in self._store.names(self._hub_id) if one.startswith(_STORED)]
        return tuple(one for name in names for one in self.stored(name.removeprefix(_STORED)))

    def by_key(self, key: str) -> tuple[Stored, ...]:
        """The same, of the report that has a version under this idempotency key."""
        for name in self._store.names(self._hub_id):
            if name.startswith(_STORED):
                found = self.stored(name.removeprefix(_STORED))
                if any(one.key == key for one in found):
                    return found
        return ()

    def store(self, report_id: str, documents: tuple[Stored, ...]) -> None:
        """Note where documents are about to go; on disk when this returns."""
        fresh = {one.sop_uid for one in documents}
        with self._lock:
            kept = [one for one in self.stored(report_id) if one.sop_uid not in fresh]
            value = json.dumps([asdict(one) for one in (*kept, *documents)])
            self._store.put(self._hub_id, _STORED + report_id.lower(), value)
