"""Several lines of an archive, read side by side into one sink that takes one instance at a time.

Each lane is a thread that reads and splits; the caller's thread feeds the sink, so reading and sealing
overlap even on one lane. A lane holds a bounded number of bytes, then stops reading; TCP tells the archive.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Protocol

from teleread.model.errors import AttentionError, OfflineError, TelereadError

from .feeds import Begin, Cut, Done, Event, Feed, Job, Room
from .intake import Intake

__all__ = ["Lanes"]

HELD: Final = 4 << 20
"""Bytes of each lane that may wait for the sink."""
HELD_IN_ALL: Final = 24 << 20
"""Bytes of all lanes that wait, before one is held to its own part: large objects come side by side too."""
UNWANTED: Final = 32 << 20
"""Bytes of a refused instance after which the line is cut."""
AHEAD: Final = 8
"""Answers of one lane that wait for the sink, at most."""
JOIN_SECONDS: Final = 2.0
_WAIT: Final = 0.5


class Bring(Protocol):
    """Asks for a job's answer and feeds it; runs in a lane's thread."""

    def __call__(self, job: Job, feed: Feed, claim: Callable[[Job], bool]) -> None: ...


@dataclass(slots=True)
class _Lane:
    number: int
    feed: Feed
    thread: threading.Thread | None = None
    open: bool = False
    """An instance of it is being fed to the sink."""
    passed: int = 0
    """Bytes of that instance."""


@dataclass(slots=True)
class _Troubles:
    """What went wrong so far."""

    in_a_row: int = 0
    last: OfflineError | None = None


class Lanes:
    """Does jobs on several lanes.

    Args:
        jobs: In order.
        bring: Asks and feeds.
        intake: Takes the instances, in the caller's thread.
        lines: Lanes at first; `widen` changes it.
        again: How often a single instance is asked for again at once after its line broke.
        open_end: More jobs come by `add`; lanes wait for them.
    """

    def __init__(
        self,
        jobs: Collection[Job],
        bring: Bring,
        intake: Intake,
        *,
        lines: int = 1,
        again: int = 2,
        open_end: bool = False,
    ) -> None:
        self._jobs = deque(jobs)
        self._bring = bring
        self._intake = intake
        self._again = again
        self._guard = threading.Condition()
        self._lanes: list[_Lane] = []
        self._width = max(1, lines)
        self._room = Room(4 * HELD, HELD) if self._width == 1 else Room(HELD_IN_ALL, HELD)
        self._open_end = open_end
        self._claimed: dict[str, Job] = {}
        self._running = 0
        self._stopped = False
        self._narrowed = 0
        self._troubles = _Troubles()

    def run(self, tick: Callable[[], None] | None = None) -> None:
        """Do everything, or as much as goes.

        Args:
            tick: Called now and then; may call `widen`.

        Raises:
            TelereadError: What ended it; the other lanes have been stopped, whole instances were fed.
        """
        try:
            self._start_missing()
            while not self._over():
                lane = self._next_lane()
                if lane is not None:
                    self._take(lane)
                else:
                    self._intake.beat()
                if tick is not None:
                    tick()
            if self._troubles.last is not None:
                raise self._troubles.last
        finally:
            self._stop()

    def widen(self, lines: int) -> None:
        """Read by so many lanes from now on; those too many end with their job."""
        with self._guard:
            self._width = max(1, lines)
        self._start_missing()

    def add(self, jobs: Collection[Job]) -> None:
        """The jobs that were to come, from any thread; there are no more after them."""
        with self._guard:
            self._jobs.extend(jobs)
            self._open_end = False
            self._guard.notify_all()
        self._start_missing()

    def claim(self, job: Job) -> bool:
        """Whether no other job is for that instance: one that was looked up may be listed too."""
        with self._guard:
            return self._claimed.setdefault(job.sop_uid, job) is job

    @property
    def received(self) -> int:
        """Bytes that came by all lanes, unpacked."""
        return sum(one.feed.received for one in self._lanes)

    @property
    def packable(self) -> bool:
        """Something that came is stored uncompressed."""
        return any(one.feed.packable for one in self._lanes)

    # ------------------------------------------------------------------ the lanes' threads

    def _start_missing(self) -> None:
        with self._guard:
            if self._stopped:
                return
            for number in range(min(self._width, len(self._lanes) + len(self._jobs))):
                if number == len(self._lanes):
                    self._room.each = min(self._room.each, HELD_IN_ALL // (number + 1))
                    self._lanes.append(_Lane(number, Feed(self._guard, self._room)))
                lane = self._lanes[number]
                if lane.thread is None and self._jobs:
                    name = f"teleread-lane-{number}"
                    lane.thread = threading.Thread(target=self._work, args=(lane,), name=name, daemon=True)
                    self._running += 1
                    lane.thread.start()

    def _work(self, lane: _Lane) -> None:
        try:
            while (job := self._next_job(lane)) is not None:
                error: TelereadError | None = None
                try:
                    self._bring(job, lane.feed, self.claim)
                except TelereadError as raised:
                    error = raised
                lane.feed.done(job, error)
        except TelereadError:
            pass  # stopped; whoever stopped it knows why
        finally:
            with self._guard:
                lane.thread = None
                self._running -= 1
                self._guard.notify_all()

    def _next_job(self, lane: _Lane) -> Job | None:
        with self._guard:
            while self._open_end and not self._jobs and not lane.feed.stopped:
                self._guard.wait(_WAIT)
            while lane.feed.whole >= AHEAD and not lane.feed.stopped:
                self._guard.wait(_WAIT)
            if lane.feed.stopped or lane.number >= self._width or not self._jobs:
                return None
            job = self._jobs.popleft()
            job.since = self._narrowed
            return job

    # ------------------------------------------------------------------ the caller's thread

    def _over(self) -> bool:
        with self._guard:
            waits = any(one.feed.events for one in self._lanes)
            return not (waits or self._running or self._jobs or self._open_end)

    def _next_lane(self) -> _Lane | None:
        """The lane to take from; None where nothing came for a moment.

        That in the middle of an instance, one with a whole one, or a full one.
        """
        with self._guard:
            lane = self._ready_lane()
            if lane is None and (self._running or self._open_end):
                self._guard.wait(_WAIT)
                lane = self._ready_lane()
            return lane

    def _ready_lane(self) -> _Lane | None:
        half = next((one for one in self._lanes if one.open), None)
        if half is not None:
            return half if half.feed.events else None
        alone = self._running <= 1
        ready = [one for one in self._lanes if one.feed.events and (one.feed.whole or one.feed.full or alone)]
        return max(ready, key=lambda one: (one.feed.whole > 0, one.feed.held), default=None)

    def _take(self, lane: _Lane) -> None:
        """Feed the sink from a lane until its instance ends or nothing is there."""
        feed = lane.feed
        while True:
            with self._guard:
                if not feed.events:
                    return
                event = feed.events.popleft()
                if isinstance(event, bytes | memoryview):
                    feed.took(len(event))
                elif not isinstance(event, Begin):
                    feed.whole -= 1
                    if feed.whole == AHEAD - 1:
                        self._guard.notify_all()
            if isinstance(event, bytes | memoryview):
                self._pass_on(lane, event)
            elif self._marked(lane, event):
                return

    def _pass_on(self, lane: _Lane, chunk: bytes | memoryview) -> None:
        lane.passed += len(chunk)
        if self._intake.refusing and lane.passed > UNWANTED:
            lane.feed.unwanted = True
            lane.feed.abort()
        else:
            self._intake.write(chunk)

    def _marked(self, lane: _Lane, event: Event) -> bool:
        """Act on what is no bytes; whether another lane may have its turn."""
        if isinstance(event, Begin):
            lane.open, lane.passed = True, 0
            self._intake.begin(event.syntax)
            return False
        if isinstance(event, Done):
            self._ended(lane, event.job, event.error)
        else:
            lane.open = False
            if isinstance(event, Cut):
                self._intake.cut(event.why)
            elif self._intake.end():
                self._troubles.in_a_row = 0
        return True

    def _ended(self, lane: _Lane, job: Job, error: TelereadError | None) -> None:
        """What becomes of a job whose answer has ended."""
        unwanted, lane.feed.unwanted = lane.feed.unwanted, False
        if error is None or (unwanted and job.single):
            return  # what was refused is told already
        if isinstance(error, AttentionError) and error.code == "gone" and job.single:
            self._intake.problem("The archive listed an instance, and says now that it is not there.")
            return
        if not isinstance(error, OfflineError) or not job.single:
            raise error
        self._troubles.in_a_row += 1
        if error.code == "busy":
            self._slower(job, error)
            return
        if error.code not in {"cut", "timeout", "garbled", "server"}:
            raise error
        most = self._width if error.code == "timeout" else 2 * self._width + self._again
        if self._troubles.in_a_row > most:
            raise error
        job.tried += 1
        if job.tried <= self._again and error.code != "timeout":
            with self._guard:
                self._jobs.append(job)
            self._start_missing()
        else:
            # One object that the archive can't send must not keep the others from coming.
            self._troubles.last = error

    def _slower(self, job: Job, error: OfflineError) -> None:
        """The archive has too much to do: fewer lanes, and in the end a rest."""
        with self._guard:
            # Lanes that were busy at the same time tell of one trouble, not of several.
            if job.since == self._narrowed:
                if self._width == 1:
                    raise error
                self._width //= 2
                self._narrowed += 1
            self._jobs.append(job)
        self._start_missing()

    def _stop(self) -> None:
        with self._guard:
            self._stopped = True
            threads = [one.thread for one in self._lanes if one.thread is not None]
            for lane in self._lanes:
                lane.feed.stopped = True
            self._guard.notify_all()
        for lane in self._lanes:
            lane.feed.abort()
        end = time.monotonic() + JOIN_SECONDS
        for thread in threads:
            # One that is still connecting ends by its own limits, and feeds nothing any more.
            thread.join(max(0.0, end - time.monotonic()))
