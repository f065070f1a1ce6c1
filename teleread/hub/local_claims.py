"""Claims at a site that has none: noted on this machine alone, and said so."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from teleread.hub.ups_memory import KeyStore
from teleread.model.hubfile import HubFile
from teleread.wire.orders import State

__all__ = ["LOCAL", "LocalClaims"]

LOCAL: Final = "noted on this machine alone: the site is not told"
"""What a claim is worth there, in words."""
_CLAIM: Final = "local-claim:"


class LocalClaims:
    """Who has what, as this machine knows it.

    Args:
        hub: The hub file: who the reader is.
        memory: Where it is kept.
    """

    def __init__(self, hub: HubFile, memory: KeyStore) -> None:
        self._hub = hub
        self._memory = memory

    def of(self, task: str) -> State | None:
        """What became of a task; None where nothing was noted."""
        value = self._memory.get(self._hub.hub_id, _CLAIM + task)
        table: dict[str, Any] = json.loads(value) if value else {}
        return State(**table) if table else None

    def all(self) -> dict[str, State]:
        """The same of every task that something was noted of."""
        names = [one for one in self._memory.names(self._hub.hub_id) if one.startswith(_CLAIM)]
        found = {one.removeprefix(_CLAIM): self.of(one.removeprefix(_CLAIM)) for one in names}
        return {task: state for task, state in found.items() if state is not None}

    def mine(self, task: str) -> bool:
        """Whether the reader holds it."""
        state = self.of(task)
        held = state is not None and state.status == "in-progress"
        return held and state is not None and state.owner == self._hub.reader_reference

    def take(self, task: str) -> None:
        """It is the reader's; on disk when this returns."""
        self._note(
            task, "in-progress", owner=self._hub.reader_reference, name=self._hub.reader_name, reason=LOCAL
        )

    def give_back(self, task: str, code: str, words: str) -> None:
        """It is free again, for a reason (CID 9303)."""
        self._note(task, "requested", reason=words, code=code)

    def done(self, task: str, author: str) -> None:
        """It was reported."""
        self._note(task, "completed", owner=self._hub.reader_reference, name=author)

    def forget(self, task: str) -> None:
        """Nothing need be known of it any more."""
        self._memory.delete(self._hub.hub_id, _CLAIM + task)

    def _note(
        self, task: str, status: str, *, owner: str = "", name: str = "", reason: str = "", code: str = ""
    ) -> None:
        before = self.of(task)
        version = str(int(before.version) + 1 if before is not None else 1)
        state = State(version, status, owner, name, code, reason)
        self._memory.put(self._hub.hub_id, _CLAIM + task, json.dumps(asdict(state), ensure_ascii=False))
