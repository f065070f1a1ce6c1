"""The pool of decode children: bytes in, a frame or words out, and never worse.

A child is started before it is needed, capped (`teleread.host.spawn`), and replaced when it dies, hangs,
answers nonsense or has used most of its processor time.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, Final

from teleread.host.spawn import spawn_capped
from teleread.model.text import clean

from .frames import CannotShow, Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DecodePool"]

MEMORY: Final = 1536 * 1024 * 1024
"""Address space of a child, bytes."""
LIFETIME_CPU: Final = 120
"""Processor seconds of a child's life; it is replaced at half of them."""
PIPE_SIZE: Final = 1024 * 1024
"""Bytes a pipe holds, where that can be set."""
START_TIMEOUT: Final = 30.0
"""Seconds a child may take to start."""
CHILD: Final = (sys.executable, "-m", "teleread.imaging.decode_child")


class _Child:
    """One child and the two ends of its pipes."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.process: subprocess.Popen[bytes] = spawn_capped(argv, memory=MEMORY, cpu=LIFETIME_CPU, files=32)
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
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._closed = False
        if start:
            with contextlib.suppress(OSError):  # the first picture says so
                self._idle.append(_Child(self._argv))

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

    def decode(
        self, data: bytes | memoryview, frame: int = 1, *, timeout: float = 10.0, key: str = ""
    ) -> Frame | CannotShow:
        """Decode one frame of one object.

        Args:
            data: The object's Part 10 bytes.
            frame: Which frame, from 1.
            timeout: Seconds of wall time the decoding may take, a child's start not counted.
            key: A name of exactly these bytes (a digest). The child that read them last is not sent them
                again, which makes scrolling a multi-frame object fast. Empty: always sent.

        Returns:
            The frame, or words in its place. Never raises for what the bytes are.
        """
        from .framewire import MAX_REQUEST

        if len(data) > MAX_REQUEST:
            return _words(
                f"The file is larger than {MAX_REQUEST // 1024**2} MiB; it is not drawn here.", "limit"
            )
        with self._slots:
            for _ in range(2):  # a child may have been dead before it was asked: no fault of this object
                try:
                    child = self._take(key)
                except OSError:
                    return _words("The decoder does not start here.", "stopped")
                if child is None:
                    return _words("The decoder is closed.", "stopped")
                found = self._ask(child, data, frame, timeout, key)
                if found is not None:
                    return found
        return _words("The decoder stops as soon as it starts.", "stopped")

    def _take(self, key: str) -> _Child | None:
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
        child = _Child(self._argv)
        with self._lock:
            self._busy.add(child)  # should the pool have closed meanwhile, `_give_back` ends it
        return child

    def _ask(
        self, child: _Child, data: bytes | memoryview, frame: int, timeout: float, key: str
    ) -> Frame | CannotShow | None:
        """One question to one child; None where it was dead before the question reached it."""
        keep = False
        try:
            if not _greeted(child):
                return _words("The decoder does not start here.", "stopped")
            child.timed_out = False
            watch = threading.Timer(timeout, child.expire)
            watch.daemon = True
            watch.start()
            try:
                answer, keep = _exchange(child, data, frame, key)
            finally:
                watch.cancel()
            return answer
        finally:
            self._give_back(child, keep)

    def _give_back(self, child: _Child, keep: bool) -> None:
        with self._lock:
            self._busy.discard(child)
            if keep and child.alive and not self._closed:
                self._idle.append(child)
                return
            closed = self._closed
        child.end()
        if not closed:
            with contextlib.suppress(OSError):  # then the next picture finds out, and says so
                self._add(_Child(self._argv))  # ready by the time the next picture is wanted

    def _add(self, child: _Child) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return
        child.end()


def _widen(*pipes: IO[bytes]) -> None:
    """Let a pipe take a whole slice at once, where the platform can: half the time of a small frame."""
    if sys.platform == "linux":
        import fcntl

        for pipe in pipes:
            with contextlib.suppress(OSError):  # the system's limit for unprivileged users may be reached
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_SIZE)


def _greeted(child: _Child) -> bool:
    """Wait until the child has loaded its decoders."""
    from .framewire import BrokenMessageError, read_message

    if child.ready:
        return True
    watch = threading.Timer(START_TIMEOUT, child.expire)
    watch.daemon = True
    watch.start()
    try:
        head, _ = read_message(child.outward, 0)
    except (EOFError, BrokenMessageError, OSError, ValueError):
        return False
    finally:
        watch.cancel()
    child.ready = head.get("kind") == "hello"
    return child.ready


def _exchange(
    child: _Child, data: bytes | memoryview, frame: int, key: str
) -> tuple[Frame | CannotShow | None, bool]:
    """Send the question and read the answer; whether the child may go on living comes second."""
    from .framewire import MAX_BLOB, BrokenMessageError, frame_from, read_message, write_message

    request: dict[str, Any] = {"frame": frame, "key": key, "held": bool(key) and child.held == key}
    try:
        write_message(child.inward, request, *(() if request["held"] else (memoryview(data),)))
    except (OSError, ValueError):
        return (_gone(child) if child.timed_out else None), False
    try:
        head, blob = read_message(child.outward, MAX_BLOB)
        if head.get("kind") == "gone":
            request["held"] = False
            write_message(child.inward, request, memoryview(data))
            head, blob = read_message(child.outward, MAX_BLOB)
        answer = frame_from(head, blob)
    except (EOFError, OSError, ValueError):
        return _gone(child), False
    except BrokenMessageError:
        return _words("The decoder answered nonsense; the picture is not drawn.", "stopped"), False
    child.held = key
    used = head.get("cpu", 0.0)
    starved = isinstance(answer, CannotShow) and answer.code == "limit"  # its memory may lie in pieces
    return answer, isinstance(used, float | int) and used < LIFETIME_CPU / 2 and not starved


def _gone(child: _Child) -> CannotShow:
    if child.timed_out:
        return _words("Decoding took too long and was stopped; the picture is not drawn.", "timeout")
    return _words(
        "The decoder stopped on this picture; it is not drawn. The others are not touched.", "stopped"
    )


def _words(reason: str, code: str) -> CannotShow:
    return CannotShow(clean(reason), code)
