"""One decode child and the line to it: what is asked, what is answered, and the clock over both."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Any, Final

from teleread.host.spawn import spawn_capped
from teleread.model.text import clean

from .frames import CannotShow, Frame
from .sharing import Region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .objects import ReadObject

__all__ = ["LIFETIME_CPU", "MEMORY", "Child", "Question", "Watch", "words"]

MEMORY: Final = 1536 * 1024 * 1024
"""Address space of a child, bytes."""
LIFETIME_CPU: Final = 120
"""Processor seconds of a child's life; it is replaced at half of them."""
PIPE_SIZE: Final = 1024 * 1024
"""Bytes a pipe holds, where that can be set."""
START_TIMEOUT: Final = 30.0
"""Seconds a child may take to start."""
HEAD: Final = 32 * 1024
"""Bytes of an object that are enough to find its pixels: nearly every header is shorter."""
ANSWER_ROOM: Final = 8 * 1024 * 1024
"""Bytes of an answer that cross in shared memory; larger ones take the pipe."""

Question = dict[str, Any]
"""What is asked of the object: ``want`` (frame or object), ``frame``, ``reduce``."""


class Watch:
    """One thread that kills children whose time is over; setting a time costs next to nothing."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._due: dict[Child, float] = {}
        self._wakes = float("inf")
        self._thread: threading.Thread | None = None
        self._ended = False

    def arm(self, child: Child, seconds: float) -> None:
        """Give a child this long from now."""
        due = time.monotonic() + seconds
        with self._condition:
            self._due[child] = due
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decode-watch", daemon=True)
                self._thread.start()
            elif due < self._wakes:
                self._condition.notify()

    def disarm(self, child: Child) -> None:
        """Its answer came."""
        with self._condition:
            self._due.pop(child, None)

    def end(self) -> None:
        """Let the thread go."""
        with self._condition:
            self._ended = True
            self._condition.notify()

    def _run(self) -> None:
        with self._condition:
            while not self._ended:
                now = time.monotonic()
                for child in [one for one, due in self._due.items() if due <= now]:
                    del self._due[child]
                    child.expire()
                self._wakes = min(self._due.values(), default=float("inf"))
                if self._wakes == float("inf"):
                    self._condition.wait()
                else:
                    self._condition.wait(max(0.0, self._wakes - now))


class Child:
    """A capped process, the two ends of its pipes, and memory shared with it where there is such."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.regions: tuple[Region, Region] | None = None
        with contextlib.suppress(OSError):  # then by pipe
            self.regions = Region(1, resizable=True), Region(ANSWER_ROOM, resizable=False)
        fds = tuple(region.descriptor for region in self.regions or ())
        try:
            self.process: subprocess.Popen[bytes] = spawn_capped(
                (*argv, *map(str, fds)), memory=MEMORY, cpu=LIFETIME_CPU, files=32, pass_fds=fds
            )
        except OSError:
            self._give_back()
            raise
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.inward: IO[bytes] = self.process.stdin
        self.outward: IO[bytes] = self.process.stdout
        _widen(self.inward, self.outward)
        self.ready = False
        self.held = ""
        self.timed_out = False

    @property
    def alive(self) -> bool:
        """It has not ended."""
        return self.process.poll() is None

    def expire(self) -> None:
        """The wall clock ran out: kill it, so that whoever reads from it is woken."""
        self.timed_out = True
        self.process.kill()

    def end(self) -> None:
        """Kill it and free what it holds."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.inward, self.outward):
            with contextlib.suppress(OSError):  # what was left in the buffer has nobody to go to
                pipe.close()
        self._give_back()

    def _give_back(self) -> None:
        for region in self.regions or ():
            region.close()
        self.regions = None

    def greeted(self, watch: Watch) -> bool:
        """Wait until the child has loaded its decoders."""
        from .framewire import BrokenMessageError, read_message

        if self.ready:
            return True
        watch.arm(self, START_TIMEOUT)
        try:
            head, _ = read_message(self.outward, 0)
        except (EOFError, BrokenMessageError, OSError, ValueError):
            return False
        finally:
            watch.disarm(self)
        self.ready = head.get("kind") == "hello"
        if not head.get("shared"):
            self._give_back()
        return self.ready

    def ask(
        self, data: bytes | memoryview, question: Question, key: str
    ) -> tuple[Frame | CannotShow | ReadObject | None, bool]:
        """Send one question and read its answer.

        Args:
            data: The object's Part 10 bytes.
            question: What is wanted of it.
            key: A name of exactly these bytes, or empty.

        Returns:
            The answer (None where the child was dead before it was asked), and whether the child may go on
            living.
        """
        from .framewire import BrokenMessageError, answer_from

        request = question | {"key": key, "held": bool(key) and self.held == key}
        try:
            self._send(request, data)
        except (OSError, ValueError):
            return (self._gone() if self.timed_out else None), False
        try:
            head, blob = self._receive()
            if head.get("kind") == "gone":
                self._send(request | {"held": False}, data)
                head, blob = self._receive()
            answer = answer_from(head, blob, data)
        except (EOFError, OSError, ValueError):
            return self._gone(), False
        except BrokenMessageError:
            return words("The decoder answered nonsense; the picture is not drawn.", "stopped"), False
        self.held = key
        used = head.get("cpu", 0.0)
        starved = bool(head.get("starved"))  # its memory may lie in pieces
        return answer, isinstance(used, float | int) and used < LIFETIME_CPU / 2 and not starved

    def ask_many(self, objects: Sequence[bytes | memoryview]) -> tuple[list[Frame | CannotShow | None], bool]:
        """The first frame of several objects with one question: what a child costs is being woken.

        Args:
            objects: Their Part 10 bytes; together they should fit into memory.

        Returns:
            The frames whose pixels lie in their object as they are wanted; None for those that have to be
            asked for one by one. And whether the child may go on living.
        """
        from .framewire import BrokenMessageError, frame_from, read_message, write_message

        nothing: list[Frame | CannotShow | None] = [None] * len(objects)
        if self.regions is None:
            return nothing, True
        try:
            self.held = ""
            heads = [memoryview(data)[:HEAD] for data in objects]
            self.regions[0].put(*heads)
            request = {
                "want": "many",
                "sizes": [len(head) for head in heads],
                "totals": [len(data) for data in objects],
                "mapped": self.regions[0].size,
            }
            write_message(self.inward, request)
            head, _ = read_message(self.outward, 0)
            answers = head["answers"]
            if not isinstance(answers, list) or len(answers) != len(objects):
                return nothing, False
            found = [
                None if answer is None else frame_from(answer, bytearray(), data)
                for answer, data in zip(answers, objects, strict=True)
            ]
        except (EOFError, OSError, ValueError, KeyError, BrokenMessageError):
            return nothing, False
        used = head.get("cpu", 0.0)
        return found, isinstance(used, float | int) and used < LIFETIME_CPU / 2

    def _send(self, request: Question, data: bytes | memoryview) -> None:
        from .framewire import write_message

        if request["held"]:
            write_message(self.inward, request)
        elif self.regions is not None:
            self.regions[0].put(data)
            write_message(self.inward, request | {"size": len(data), "mapped": self.regions[0].size})
        else:
            write_message(self.inward, request, memoryview(data))

    def _receive(self) -> tuple[dict[str, Any], bytearray]:
        from .framewire import MAX_BLOB, BrokenMessageError, read_message

        head, blob = read_message(self.outward, MAX_BLOB)
        shared = head.get("shared")
        if self.regions is None or shared is None:
            return head, blob
        if type(shared) is not int or not 0 <= shared <= ANSWER_ROOM:
            raise BrokenMessageError
        return head, self.regions[1].get(shared)

    def _gone(self) -> CannotShow:
        if self.timed_out:
            return words("Decoding took too long and was stopped; the picture is not drawn.", "timeout")
        return words(
            "The decoder stopped on this picture; it is not drawn. The others are not touched.", "stopped"
        )


def words(reason: str, code: str) -> CannotShow:
    """Words in place of a picture."""
    return CannotShow(clean(reason), code)


def _widen(*pipes: IO[bytes]) -> None:
    """Let a pipe take a whole slice at once, where the platform can."""
    if sys.platform == "linux":
        import fcntl

        for pipe in pipes:
            with contextlib.suppress(OSError):  # the system's limit for unprivileged users may be reached
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_SIZE)
