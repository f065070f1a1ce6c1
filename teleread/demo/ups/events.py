"""Subscriptions and what they are told (PS3.18 11.10 to 11.13, PS3.4 CC.2.4): forgotten by a restart."""

from __future__ import annotations

import itertools
import json
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from teleread.demo.ups.desk import Desk
from teleread.demo.ups.elements import Data, el, value_of

__all__ = ["ALL", "CANCEL_REQUESTED", "FILTERED", "Board"]

ALL = "1.2.840.10008.5.1.4.34.5"
"""Global subscription."""
FILTERED = "1.2.840.10008.5.1.4.34.5.1"
_EVENT_CLASS = "1.2.840.10008.5.1.4.34.6.4"
STATE_REPORT, CANCEL_REQUESTED = 1, 2
MOST = 1000
"""Most events kept for one subscriber; who is slower loses the oldest, and searches again anyway."""
_LOOK_SECONDS = 0.1
_PULSE_SECONDS = 5.0


class Board:
    """Who is told what.

    Args:
        desk: The worklist; looked at while somebody listens, so that changes by the other face are told too.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._wanted: dict[str, set[str]] = {}
        self._queues: dict[str, deque[str]] = {}
        self._numbers = itertools.count(1)
        self._seen: dict[str, str] = {}
        self._looked = ""

    def subscribe(self, uid: str, aet: str) -> None:
        """One workitem, or all by `ALL` or `FILTERED` (whose filter this demo does not narrow by)."""
        if uid not in {ALL, FILTERED}:
            self._desk.get(uid)
        self._look()
        with self._lock:
            self._wanted.setdefault(aet, set()).add(uid)
            self._queues.setdefault(aet, deque(maxlen=MOST))

    def unsubscribe(self, uid: str, aet: str) -> bool:
        """Whether there was such a subscription."""
        with self._lock:
            known = self._wanted.get(aet, set())
            there = uid in known
            known.discard(uid)
            return there

    def suspend(self, aet: str) -> None:
        """No new workitems any more; those named stay."""
        with self._lock:
            self._wanted[aet] = self._wanted.get(aet, set()) - {ALL, FILTERED}

    def tell(self, uid: str, kind: int, more: Data) -> None:
        """Tell everybody who asked for it."""
        with self._lock:
            for aet, wanted in self._wanted.items():
                if wanted & {uid, ALL, FILTERED}:
                    document = self._event(uid, kind, more)
                    self._queues.setdefault(aet, deque(maxlen=MOST)).append(json.dumps(document))

    def waiting(self, aet: str, stop: threading.Event | None = None) -> Iterator[str | None]:
        """Events as they come until stopped, and None each time there was nothing for a while."""
        pause = stop or threading.Event()
        idle = 0.0
        while not pause.is_set():
            self._look()
            with self._lock:
                queue = self._queues.setdefault(aet, deque(maxlen=MOST))
                event = queue.popleft() if queue else None
            if event is not None:
                idle = 0.0
                yield event
                continue
            pause.wait(_LOOK_SECONDS)
            idle += _LOOK_SECONDS
            if idle >= _PULSE_SECONDS:
                idle = 0.0
                yield None

    def _look(self) -> None:
        """Find what changed, whichever face did it."""
        stamp = self._desk.store.stamp
        if stamp == self._looked:
            return
        now = {value_of(one, "00080018"): one for one in self._desk.all()}
        with self._lock:
            first, before, self._looked = not self._looked, self._seen, stamp
            self._seen = {uid: value_of(one, "00404010") for uid, one in now.items()}
        for uid, moved in self._seen.items():
            if not first and before.get(uid) != moved:
                state: Data = {tag: now[uid][tag] for tag in ("00741000", "00404041") if tag in now[uid]}
                self.tell(uid, STATE_REPORT, state)

    def _event(self, uid: str, kind: int, more: Data) -> dict[str, Any]:
        kept = {tag: one for tag, one in more.items() if tag in {"00741000", "00404041", "00741238"}}
        return {
            "00000002": el("UI", _EVENT_CLASS),
            "00000100": el("US", 256),
            "00000110": el("US", next(self._numbers) % 65536),
            "00001000": el("UI", uid),
            "00001002": el("US", kind),
            **kept,
        }
