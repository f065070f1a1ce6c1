"""What can be made to go wrong in the demo, as a small table that tests and `/_demo/` turn."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Area", "Faults", "Planned"]

Area = Literal["fhir", "dicom-web", "dimse", "ups-rs"]
Kind = Literal["status", "garbage", "truncate"]


@dataclass(frozen=True)
class Planned:
    """One answer that will not be the real one."""

    kind: Kind
    """``status`` refuses, nothing is done; ``garbage`` is nonsense; ``truncate`` cuts the real answer."""
    status: int = 200
    """For ``status``: the code."""
    retry_after: int | None = None
    """For ``status``: seconds for a Retry-After header."""
    area: Area | None = None
    """Where it applies; None is anywhere."""
    deliveries: bool = False
    """Only transactions and single writes meet it."""


@dataclass
class Faults:
    """The knobs. All are off at first; every method may be called from any thread."""

    line_cut: bool = False
    """Every connection is dropped without a word."""
    delay_seconds: float = 0.0
    """Each answer waits this long, at most 60 s."""
    lease_minutes: float = 0.0
    """A claim nobody renews lapses after so long; 0: never."""
    archive_dies_after: int | None = None
    """The next retrievals drop their connection after this many instances in all, once."""
    asked: Counter[str] = field(default_factory=Counter)
    """Requests that came, by area, since it started."""
    _lost: int = 0
    _lost_writes: int = 0
    _planned: deque[Planned] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cut(self) -> None:
        """CutError the line."""
        self.line_cut = True

    def mend(self) -> None:
        """Put the line back and forget everything planned."""
        with self._lock:
            self.line_cut, self.delay_seconds, self.archive_dies_after = False, 0.0, None
            self.lease_minutes = 0.0
            self._lost = self._lost_writes = 0
            self._planned.clear()

    def delay(self, seconds: float) -> None:
        """Answer late from now on; 0 ends it."""
        self.delay_seconds = min(max(seconds, 0.0), 60.0)

    def lose_answers(self, count: int = 1, *, writes: bool = False) -> None:
        """Apply the next transactions but close the connection instead of answering.

        Args:
            count: How many.
            writes: Single creates and updates count too.
        """
        with self._lock:
            if writes:
                self._lost_writes = count
            else:
                self._lost = count

    def answer(
        self, status: int, *, count: int = 1, retry_after: int | None = None, area: Area | None = None
    ) -> None:
        """Refuse the next requests with a status code; nothing is applied."""
        self._plan(Planned("status", status, retry_after, area), count)

    def refuse(self, status: int, count: int = 1) -> None:
        """Refuse the next deliveries to the hub; what reads goes on. Nothing is applied."""
        self._plan(Planned("status", status, area="fhir", deliveries=True), count)

    def garbage(self, count: int = 1, *, area: Area | None = None) -> None:
        """Answer the next requests with bytes that mean nothing; nothing is applied."""
        self._plan(Planned("garbage", area=area), count)

    def truncate(self, count: int = 1, *, area: Area | None = None) -> None:
        """Do the next requests but stop in the middle of the answer."""
        self._plan(Planned("truncate", area=area), count)

    def kill_archive_after(self, instances: int) -> None:
        """Drop the connection of a retrieval after so many instances, once."""
        with self._lock:
            self.archive_dies_after = instances

    def _plan(self, planned: Planned, count: int) -> None:
        with self._lock:
            self._planned.extend([planned] * min(count, 1000))

    def count(self, area: Area) -> None:
        """One more request came."""
        with self._lock:
            self.asked[area] += 1

    def take(self, area: Area, *, delivery: bool = False) -> Planned | None:
        """The next planned answer for an area, used up by asking."""
        with self._lock:
            for planned in self._planned:
                if planned.area in {None, area} and (delivery or not planned.deliveries):
                    self._planned.remove(planned)
                    return planned
        return None

    def take_loss(self, *, transaction: bool) -> bool:
        """Whether the answer to this applied write gets lost."""
        with self._lock:
            if transaction and self._lost > 0:
                self._lost -= 1
                return True
            if self._lost_writes > 0:
                self._lost_writes -= 1
                return True
        return False

    def instance_dies(self) -> bool:
        """Called before each instance sent: whether the archive drops the line now."""
        with self._lock:
            if self.archive_dies_after is None:
                return False
            if self.archive_dies_after <= 0:
                self.archive_dies_after = None
                return True
            self.archive_dies_after -= 1
        return False

    def state(self) -> dict[str, Any]:
        """What is turned on, for `/_demo/`."""
        with self._lock:
            return {
                "line": "cut" if self.line_cut else "up",
                "delay": self.delay_seconds,
                "lease": self.lease_minutes,
                "lose_answers": self._lost,
                "lose_writes": self._lost_writes,
                "planned": len(self._planned),
                "archive_dies_after": self.archive_dies_after,
                "asked": dict(self.asked),
            }
