"""Taking and returning a workitem: RAD-82, RAD-84 and RAD-85 of IHE RRR-WF.

The hub never tells a Transaction UID, so whether a workitem in progress is this machine's is asked by an
update under the one that is kept: it is taken from its performer alone. That settles a lost answer, a refusal
that follows one, and a claim that was sent just before a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from teleread.hub.claiming import check_reader, claim_lost
from teleread.hub.ups_bodies import given_back, performed
from teleread.hub.ups_memory import UpsMemory
from teleread.hub.ups_port import UpsLine
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.wire.ups_json import Seen, Workitem, is_reader

__all__ = ["UpsClaim"]

_TRIES: Final = 3
_REFUSED: Final = frozenset({"refused", "gone"})
"""Servers are not of one mind which status a wrong Transaction UID or an ended workitem gets."""


class UpsClaim:
    """Claim, prove and give back.

    Args:
        wire: The hub.
        hub: Its file: who the reader is.
        memory: Transaction UIDs.
        now: Our clock.
        seen: How workitems are looked at now.
    """

    def __init__(
        self,
        wire: UpsLine,
        hub: HubFile,
        memory: UpsMemory,
        now: Callable[[], datetime],
        seen: Callable[[], Seen],
    ) -> None:
        self._wire = wire
        self._hub = hub
        self._memory = memory
        self._now = now
        self._seen = seen

    def claim(self, uid: str) -> Workitem:
        """Make the workitem the reader's; as it is afterwards.

        Raises:
            AttentionError: ``claim-lost``: somebody else has it, or it is not offered; ``not-ready``.
            OfflineError: No answer and none now either: ``unknown``.
        """
        check_reader(self._hub)
        waiting: TelereadError | None = None
        for _ in range(_TRIES):
            item = self._look(uid, waiting)
            if item.state == "IN PROGRESS" and self._proven(item):
                return self._held(uid)
            self._offered(item, waiting)
            known = self._memory.wanted(uid, self._now())
            try:
                done = self._wire.change_state(uid, "IN PROGRESS", known.transaction)
            except (OfflineError, AttentionError) as problem:
                if problem.code not in {"unknown", *_REFUSED}:
                    raise
                waiting = problem
                continue
            if not done:  # taken, not done: it is looked at
                waiting = self._undone()
                continue
            self._memory.mark(uid, "held", self._now())
            self._introduce(item, known.transaction)
            return self._held(uid)
        assert waiting is not None
        raise waiting

    def is_mine(self, item: Workitem) -> bool:
        """Whether a workitem is or was this machine's, as a list shows it."""
        known = self._memory.claim(item.uid)
        if known is None or known.state in {"wanted", "lost"}:
            return False
        named = [is_reader(one, self._seen()) for one in item.performers]
        if item.state == "IN PROGRESS" and named and not any(named):
            return self._proven(item)  # the hub names another one: it may have been taken away
        return item.state in {"IN PROGRESS", "COMPLETED"} and known.state in {"held", "completed"}

    def is_ours(self, item: Workitem) -> bool:
        """Whether this machine holds a workitem, asked of the hub where it is not sure."""
        known = self._memory.claim(item.uid)
        if known is None or item.state != "IN PROGRESS":
            return False
        return self._proven(item) if known.state != "held" else self.is_mine(item)

    def give_back(self, uid: str, code: str, words: str) -> Workitem:
        """Cancel what is ours with a reason, so that the hub can offer it anew.

        Raises:
            AttentionError: ``claim-lost``: it is not the reader's (any more).
            OfflineError: No answer and none now either: ``unknown``.
        """
        check_reader(self._hub)
        waiting: TelereadError | None = None
        for _ in range(_TRIES):
            item = self._look(uid, waiting)
            known = self._memory.claim(uid)
            if known is not None and item.state == "CANCELED":
                return self._ended(item, "cancelled")
            refused = waiting is not None and waiting.code in _REFUSED
            if known is None or item.state != "IN PROGRESS" or (refused and not self._proven(item)):
                raise self._lost(item)
            try:
                self._wire.update(uid, given_back(code, words, self._now()), known.transaction)
                self._wire.change_state(uid, "CANCELED", known.transaction)
            except (OfflineError, AttentionError) as problem:
                if problem.code not in {"unknown", *_REFUSED}:
                    raise
                waiting = problem
                continue
            waiting = self._undone()  # until it is seen to be so
        item = self._look(uid, waiting)
        if item.state == "CANCELED":
            return self._ended(item, "cancelled")
        assert waiting is not None
        raise waiting

    def ended(self, uid: str, state: str) -> None:
        """Note that it ended by us."""
        self._memory.mark(uid, state, self._now())
        self._memory.forget_asked(uid)

    def introduce(self, item: Workitem, transaction: str) -> None:
        """Tell who reads it (RAD-84): taken from its performer alone."""
        reader = (self._hub.reader_reference, self._hub.reader_name)
        known = self._memory.claim(item.uid)
        began = datetime.fromisoformat(known.at) if known else self._now()
        body = performed(item.data, self._hub.aet, reader, began)
        self._wire.update(item.uid, body, transaction)

    def _undone(self) -> OfflineError:
        return OfflineError(
            f"{self._wire.who} took the change but does not show it.",
            "Nothing is lost.",
            "Try again in a moment.",
            code="unknown",
        )

    def _held(self, uid: str) -> Workitem:
        item = self._wire.read(uid)
        if item.state != "IN PROGRESS":
            raise self._lost(item)
        return item

    def _ended(self, item: Workitem, state: str) -> Workitem:
        self.ended(item.uid, state)
        return item

    def _look(self, uid: str, waiting: TelereadError | None) -> Workitem:
        try:
            return self._wire.read(uid)
        except OfflineError:
            if waiting is not None:
                raise waiting from None  # what became of the write is the news, not the failed look
            raise

    def _proven(self, item: Workitem) -> bool:
        """Whether the Transaction UID kept here is the one the hub holds it under."""
        known = self._memory.claim(item.uid)
        if known is None:
            return False
        try:
            self.introduce(item, known.transaction)
        except AttentionError as refusal:
            if refusal.code not in _REFUSED:
                raise
            self._memory.mark(item.uid, "lost", self._now())
            return False
        self._memory.mark(item.uid, "held", self._now())
        return True

    def _introduce(self, item: Workitem, transaction: str) -> None:
        try:
            self.introduce(item, transaction)
        except TelereadError:
            return  # the claim itself stands; who it is is told again with the report

    def _offered(self, item: Workitem, waiting: TelereadError | None) -> None:
        if item.state != "SCHEDULED":
            raise self._lost(item)
        if not item.ready:
            raise AttentionError(
                f"The hub {self._hub.name} says that the images of this task are not complete yet.",
                "Nothing was claimed.",
                "Take the next case; this one can be claimed once they are there.",
                code="not-ready",
            )
        if item.assigned and not any(is_reader(one, self._seen()) for one in item.assigned):
            raise self._lost(item)

    def _lost(self, item: Workitem) -> AttentionError:
        people = item.performers if item.state == "IN PROGRESS" else item.assigned
        name = next((name or code for code, name in people), "")
        if item.state == "IN PROGRESS":
            title = f"The hub {self._hub.name} says that {name or 'another reader'} has this task."
        elif name:
            title = f"The hub {self._hub.name} keeps this task for {name}."
        else:
            title = f"The hub {self._hub.name} no longer offers this task ({item.state.lower()})."
        return claim_lost(title)
