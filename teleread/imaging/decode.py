"""The pool of decode children: bytes in, a frame or words out, and never worse.

A child is started before it is needed, capped (`teleread.host.spawn`), and replaced when it dies, hangs,
answers nonsense or has used most of its processor time.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Final

from .decode_link import Child, Question, Watch, words
from .frames import CannotShow, Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .objects import ReadObject

__all__ = ["DecodePool"]

MAX_TOGETHER: Final = 64 * 1024 * 1024
"""Most bytes of objects asked about with one question."""
CHILD: Final = (sys.executable, "-m", "teleread.imaging.decode_child")


class DecodePool:
    """Decodes frames in capped children; safe to use from several threads.

    Args:
        size: Most children at once.
        start: Start the first child now, so that it is ready when a picture is wanted.
        argv: Program of the child (tests put their own).
    """

    def __init__(self, size: int = 1, *, start: bool = True, argv: Sequence[str] = CHILD) -> None:
        self._argv = tuple(argv)
        self._slots = threading.BoundedSemaphore(max(1, size))
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False
        self._watch = Watch()
        if start:
            with contextlib.suppress(OSError):  # the first picture says so
                self._idle.append(Child(self._argv))

    def __enter__(self) -> DecodePool:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the children. A decode under way answers with words; a later one too."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for child in busy:
            child.process.kill()
        for child in idle:
            child.end()
        self._watch.end()

    def decode(
        self,
        data: bytes | memoryview,
        frame: int = 1,
        *,
        timeout: float = 10.0,
        key: str = "",
        reduce: int = 0,
    ) -> Frame | CannotShow:
        """Decode one frame of one object.

        Args:
            data: The object's Part 10 bytes; immutable ones may be kept by the frame, instead of a copy.
            frame: Which frame, from 1.
            timeout: Seconds of wall time the decoding may take, a child's start not counted.
            key: A name of exactly these bytes (a digest). The child that read them last is not sent them
                again, which makes scrolling a multi-frame object fast. Empty: always sent.
            reduce: Halvings of the resolution, 0 to 5, for a picture in motion. JPEG 2000 alone has them;
                the frame says what it is (`Frame.reduced`).

        Returns:
            The frame, or words in its place. Never raises for what the bytes are.
        """
        found = self._put(data, {"want": "frame", "frame": frame, "reduce": reduce}, timeout, key)
        return found if isinstance(found, Frame | CannotShow) else words("The decoder erred.", "stopped")

    def decode_many(
        self, objects: Sequence[bytes | memoryview], *, timeout: float = 10.0
    ) -> list[Frame | CannotShow]:
        """Decode the first frame of several objects: reading ahead in a stack.

        Slices whose pixels are not compressed cost one question together, so that the other process is woken
        once for all of them; what is left is decoded one by one.

        Args:
            objects: Part 10 bytes, a few megabytes together.
            timeout: Seconds of wall time for each question.

        Returns:
            A frame or words for each, in their order. Never raises for what the bytes are.
        """
        found: list[Frame | CannotShow | None] = [None] * len(objects)
        if objects and sum(map(len, objects)) <= MAX_TOGETHER:
            with self._slots:
                found = self._together(objects, timeout)
        return [
            self.decode(data, timeout=timeout) if one is None else one
            for one, data in zip(found, objects, strict=True)
        ]

    def _together(
        self, objects: Sequence[bytes | memoryview], timeout: float
    ) -> list[Frame | CannotShow | None]:
        nothing: list[Frame | CannotShow | None] = [None] * len(objects)
        try:
            child = self._take("")
        except OSError:
            return nothing
        if child is None:
            return nothing
        keep = False
        try:
            if not child.greeted(self._watch):
                return nothing
            child.timed_out = False
            self._watch.arm(child, timeout)
            try:
                nothing, keep = child.ask_many(objects)
            finally:
                self._watch.disarm(child)
            return nothing
        finally:
            self._give_back(child, keep)

    def read(
        self, data: bytes | memoryview, *, timeout: float = 10.0, key: str = ""
    ) -> ReadObject | CannotShow:
        """Read an object that is no picture: a report, key objects, a presentation state, a waveform ...

        Args:
            data: The object's Part 10 bytes.
            timeout: Seconds of wall time it may take.
            key: As for `decode`.

        Returns:
            What it says, or words. Never raises for what the bytes are.
        """
        found = self._put(data, {"want": "object"}, timeout, key)
        return words("The decoder erred.", "stopped") if isinstance(found, Frame) else found

    def page(
        self, data: bytes | memoryview, number: int = 1, *, timeout: float = 10.0, key: str = ""
    ) -> Frame | CannotShow:
        """Draw one page of an encapsulated PDF, where the extra that can is installed.

        Args:
            data: The object's Part 10 bytes.
            number: Which page, from 1; `Frame.frames` tells how many there are.
            timeout: As for `decode`.
            key: As for `decode`.
        """
        found = self._put(data, {"want": "page", "frame": number}, timeout, key)
        return found if isinstance(found, Frame | CannotShow) else words("The decoder erred.", "stopped")

    def _put(
        self, data: bytes | memoryview, question: Question, timeout: float, key: str
    ) -> Frame | CannotShow | ReadObject:
        from .framewire import MAX_REQUEST

        if len(data) > MAX_REQUEST:
            return words(
                f"The file is larger than {MAX_REQUEST // 1024**2} MiB; it is not drawn here.", "limit"
            )
        with self._slots:
            for _ in range(2):  # a child may have been dead before it was asked: no fault of this object
                try:
                    child = self._take(key)
                except OSError:
                    return words("The decoder does not start here.", "stopped")
                if child is None:
                    return words("The decoder is closed.", "stopped")
                found = self._ask(child, data, question, timeout, key)
                if found is not None:
                    return found
        return words("The decoder stops as soon as it starts.", "stopped")

    def _take(self, key: str) -> Child | None:
        """An idle child, by preference the one that holds the object; a new one where none is."""
        with self._lock:
            if self._closed:
                return None
            self._idle.sort(key=lambda child: bool(key) and child.held == key)
            while self._idle:
                child = self._idle.pop()
                if child.alive:
                    self._busy.add(child)
                    return child
                child.end()
        child = Child(self._argv)
        with self._lock:
            self._busy.add(child)  # should the pool have closed meanwhile, `_give_back` ends it
        return child

    def _ask(
        self, child: Child, data: bytes | memoryview, question: Question, timeout: float, key: str
    ) -> Frame | CannotShow | ReadObject | None:
        """One question to one child; None where it was dead before the question reached it."""
        keep = False
        try:
            if not child.greeted(self._watch):
                return words("The decoder does not start here.", "stopped")
            child.timed_out = False
            self._watch.arm(child, timeout)
            try:
                answer, keep = child.ask(data, question, key)
            finally:
                self._watch.disarm(child)
            return answer
        finally:
            self._give_back(child, keep)

    def _give_back(self, child: Child, keep: bool) -> None:
        with self._lock:
            self._busy.discard(child)
            if keep and child.alive and not self._closed:
                self._idle.append(child)
                return
            closed = self._closed
        child.end()
        if not closed:
            with contextlib.suppress(OSError):  # then the next picture finds out, and says so
                self._add(Child(self._argv))  # ready by the time the next picture is wanted

    def _add(self, child: Child) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return
        child.end()
