"""Several streams of instances at once into one intake, which takes one instance at a time.

An instance that comes while others do is held in memory until it is whole, so that a slow line never keeps
the others waiting; a large one, once it is past what may be held, goes straight through and the others wait
at the end of theirs. What may be held is limited, whatever the archive sends.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from teleread.model.errors import OfflineError

from .intake import Intake

__all__ = ["Lane", "Lanes"]

_HELD: Final = 4 << 20
"""Bytes of one instance held in memory before it goes straight through."""
_WAITING: Final = 16 << 20
"""Bytes of whole instances that may wait for the intake."""
_COPIES: Final = 256 << 10
"""Pieces are joined into lumps of this size: many small ones would cost more than what they hold."""


class Lanes:
    """Shares one intake among several streams.

    Args:
        intake: Where instances go.
        alone: There is one stream only: nothing is held, everything goes straight through.
    """

    def __init__(self, intake: Intake, *, alone: bool = False) -> None:
        self._intake = intake
        self._alone = alone
        self._turn = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: deque[tuple[str, list[bytes]]] = deque()
        self._waiting_size = 0
        self._received = 0
        self.failure: BaseException | None = None
        """Why nothing more is taken: a full disk, or whoever runs the retrieve wants it to stop."""

    @property
    def received(self) -> int:
        """Bytes that came, on all lanes, also those that are still held."""
        return self._received

    def lane(self) -> Lane:
        """A stream of its own, for one thread at a time."""
        return Lane(self, self._intake, self._alone)

    def check(self) -> None:
        """Raise what stopped the intake, if something did."""
        if self.failure is not None:
            raise self.failure

    def finish(self) -> None:
        """Pass on what waits; call it when every stream has ended.

        Raises:
            TelereadError: Nothing more can be taken.
        """
        if self.failure is None:
            with self._turn:
                self.drain()

    # ------------------------------------------------------------------ for the lanes

    def count(self, size: int) -> None:
        """Bytes came.

        Raises:
            OfflineError: Something stopped the intake meanwhile.
        """
        if self.failure is not None:
            raise _stopped()
        with self._guard:
            self._received += size

    def wait_turn(self) -> None:
        """Wait until the intake is free for this stream.

        Raises:
            OfflineError: Something stopped the intake meanwhile.
        """
        self._turn.acquire()
        if self.failure is not None:
            self._turn.release()
            raise _stopped()

    def try_turn(self) -> bool:
        """Take the intake if it is free."""
        return self._turn.acquire(blocking=False)

    def end_turn(self) -> None:
        """Let the next one in."""
        self._turn.release()

    def fail(self, error: BaseException) -> None:
        """Nothing more is taken by any lane."""
        if self.failure is None:
            self.failure = error

    def put_off(self, syntax: str, parts: list[bytes]) -> bool:
        """Keep a whole instance until the intake is free.

        Returns:
            False where too much waits already.
        """
        size = sum(len(one) for one in parts)
        with self._guard:
            if self._waiting_size + size > _WAITING:
                return False
            self._waiting.append((syntax, parts))
            self._waiting_size += size
        return True

    def drain(self) -> None:
        """Pass on what waits; whoever calls has the turn."""
        while True:
            with self._guard:
                if not self._waiting:
                    return
                syntax, parts = self._waiting.popleft()
                self._waiting_size -= sum(len(one) for one in parts)
            self.pour(syntax, parts)

    def pour(self, syntax: str, parts: list[bytes]) -> bool:
        """One whole instance into the intake; whoever calls has the turn."""
        try:
            self._intake.begin(syntax)
            for part in parts:
                self._intake.write(part)
            return self._intake.end()
        except BaseException as error:
            self.fail(error)
            raise


class Lane:
    """One stream: begin, write, end, or cut. Made by `Lanes.lane`."""

    def __init__(self, lanes: Lanes, intake: Intake, alone: bool) -> None:
        self._lanes = lanes
        self._intake = intake
        self._alone = alone
        self._through = False
        self._open = False
        self._syntax = ""
        self._parts: list[bytes] = []
        self._lump = bytearray()
        self._size = 0

    def begin(self, transfer_syntax: str) -> None:
        """An instance starts."""
        self.cut("Another one began before it ended.")
        self._open, self._syntax, self._size = True, transfer_syntax, 0
        if self._alone:
            self._go_through()

    def write(self, chunk: bytes | memoryview) -> None:
        """Its next bytes; a view is only used during the call."""
        self._lanes.count(len(chunk))
        if self._through:
            self._act(lambda: self._intake.write(chunk))
            return
        self._lump += chunk
        self._size += len(chunk)
        if len(self._lump) >= _COPIES:
            self._pack()
        if self._size > _HELD:
            self._go_through()

    def end(self) -> bool:
        """It is whole.

        Returns:
            Whether it was taken; one that has to wait for others counts as taken.
        """
        self._open = False
        if self._through:
            taken = bool(self._act(self._intake.end))
            self._leave()
            return taken
        self._pack()
        parts, self._parts = self._parts, []
        if not self._lanes.try_turn():
            if self._lanes.put_off(self._syntax, parts):
                return True
            self._lanes.wait_turn()
        try:
            taken = self._lanes.pour(self._syntax, parts)
            self._lanes.drain()
        finally:
            self._lanes.end_turn()
        return taken

    def cut(self, why: str) -> None:
        """It will not become whole."""
        if not self._open:
            return
        self._open = False
        self._parts, self._lump = [], bytearray()
        if self._through:
            self._act(lambda: self._intake.cut(why))
            self._leave()
        else:
            self._intake.problem(f"One instance did not come whole. {why}")

    # ------------------------------------------------------------------ straight through

    def _pack(self) -> None:
        if self._lump:
            self._parts.append(bytes(self._lump))
            self._lump = bytearray()

    def _go_through(self) -> None:
        self._pack()
        self._lanes.wait_turn()
        self._through = True
        parts, self._parts = self._parts, []
        self._act(lambda: self._intake.begin(self._syntax))
        for part in parts:
            self._act(lambda part=part: self._intake.write(part))  # type: ignore[misc]

    def _leave(self) -> None:
        self._through = False
        try:
            self._lanes.drain()
        finally:
            self._lanes.end_turn()

    def _act(self, act: Callable[[], object]) -> object:
        try:
            return act()
        except BaseException as error:
            self._lanes.fail(error)
            self._open = self._through = False
            self._lanes.end_turn()
            raise


def _stopped() -> OfflineError:
    return OfflineError("The retrieve was stopped.", "Every instance that came whole is kept.")
