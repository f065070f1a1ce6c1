"""What a lane reads, on its way from the lane's thread to the sink's: requests, events, and how many wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from teleread.model.errors import OfflineError, TelereadError

__all__ = ["Begin", "Cut", "Done", "End", "Event", "Feed", "Job", "Room"]

_WAIT: Final = 0.5


@dataclass(slots=True)
class Job:
    """One request to the archive."""

    path: str
    count: int
    """Instances it is for."""
    sop_uid: str = ""
    """Which, where it is for one."""
    look_up: str = ""
    """A listing to ask first: its first instance, below ``path``, is the one that is wanted."""
    tried: int = 0
    since: int = 0
    """How often the lanes had been made fewer when it was begun."""

    @property
    def single(self) -> bool:
        """It asks for one instance."""
        return self.count == 1


@dataclass(frozen=True, slots=True)
class Begin:
    """An instance starts."""

    syntax: str
    """Transfer Syntax UID; empty where it was not told."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The instance will not become whole."""

    why: str


class End:
    """The instance is whole."""


@dataclass(frozen=True, slots=True)
class Done:
    """The answer has ended."""

    job: Job
    error: TelereadError | None


_END: Final = End()
Event = Begin | Cut | End | Done | bytes | memoryview


@dataclass(slots=True)
class Room:
    """What all lanes hold together."""

    most: int
    """Bytes; beyond it each lane is held to its own part."""
    each: int
    """Bytes one lane may hold in any case."""
    held: int = 0


class Feed:
    """What a lane's thread writes into, and the caller's reads."""

    def __init__(self, guard: threading.Condition, room: Room) -> None:
        self._guard = guard
        self._room = room
        self.events: deque[Event] = deque()
        self.held = 0
        """Bytes that wait."""
        self.received = 0
        """Bytes that came, unpacked."""
        self.whole = 0
        """Instances that wait whole, and answers that ended."""
        self.stopped = False
        self.unwanted = False
        """The line was cut because what came was refused and went on."""
        self.packable = False
        """The last instance was stored uncompressed."""
        self._abort: Callable[[], None] | None = None

    @property
    def full(self) -> bool:
        """No more is read until something is taken."""
        return self.held >= self._room.each and self._room.held >= self._room.most

    def took(self, size: int) -> None:
        """So many bytes were taken from it; whoever calls has the guard."""
        waited = self._room.held >= self._room.most
        self.held -= size
        self._room.held -= size
        if waited:
            self._guard.notify_all()

    def attach(self, abort: Callable[[], None] | None) -> None:
        """A line is being read, which this ends; None when it is no longer.

        Raises:
            OfflineError: Everything was stopped meanwhile.
        """
        with self._guard:
            self._abort = abort
            if self.stopped and abort is not None:
                raise _stopped()

    def abort(self) -> None:
        """End the line that is being read."""
        with self._guard:
            if self._abort is not None:
                self._abort()

    def begin(self, syntax: str) -> None:
        """An instance starts; its Transfer Syntax UID, empty where it was not told."""
        self._put(Begin(syntax), 0, 0)

    def write(self, chunk: bytes | memoryview) -> None:
        """Its next bytes; waits while too many are held.

        Raises:
            OfflineError: Everything was stopped meanwhile.
        """
        self._put(chunk, len(chunk), 0)

    def end(self) -> None:
        """It is whole."""
        self._put(_END, 0, 1)

    def cut(self, why: str) -> None:
        """It will not become whole."""
        self._put(Cut(why), 0, 1)

    def done(self, job: Job, error: TelereadError | None) -> None:
        """The answer has ended."""
        self._put(Done(job, error), 0, 1)

    def _put(self, event: Event, size: int, whole: int) -> None:
        with self._guard:
            while size and self.full and not self.stopped:
                self._guard.wait(_WAIT)
            if self.stopped:
                raise _stopped()
            self.events.append(event)
            self.held += size
            self._room.held += size
            self.received += size
            self.whole += whole
            self._guard.notify_all()


def _stopped() -> OfflineError:
    return OfflineError("It was stopped.", code="stopped")
