"""A line between a client and a server that breaks: forwards TCP, and cuts after so many bytes."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

__all__ = ["Cutter", "cutting"]

_PIECE = 16_384


class Cutter:
    """Forwards a loopback port to another.

    Args:
        target: The server's port.
        after: Bytes after which the first, the second, ... connection that carries so many is cut; those
            beyond the list are left alone.
        listen: Port to listen on; 0 for any.
        upstream: Count what goes to the server, instead of what comes from it.
    """

    def __init__(self, target: int, after: Sequence[int], listen: int, upstream: bool) -> None:
        self._target = target
        self._after = tuple(after)
        self._upstream = upstream
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", listen), backlog=16)
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self.port = int(self._listener.getsockname()[1])
        self.cuts: list[int] = []
        """Bytes that had gone through each time it cut."""

    def start(self) -> None:
        self._threads[0].start()

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._carry, args=(ours,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, ours: socket.socket) -> None:
        with contextlib.suppress(OSError), ours:
            other = socket.create_connection(("127.0.0.1", self._target), 5)
            with other:
                seen = 0
                while not self._stop.is_set():
                    for source in select.select([ours, other], [], [], 0.1)[0]:
                        seen = self._pass_on(source, other if source is ours else ours, seen)

    def _pass_on(self, source: socket.socket, other: socket.socket, seen: int) -> int:
        """Forward what there is; bytes counted so far.

        Raises:
            ConnectionError: It ended, or it is to be cut here.
        """
        piece = source.recv(_PIECE)
        if not piece:
            raise ConnectionError
        if (source.getsockname()[1] == self.port) == self._upstream:
            seen += len(piece)
            if self._cut_now(seen):
                raise ConnectionError
        other.sendall(piece)
        return seen

    def _cut_now(self, seen: int) -> bool:
        with self._guard:
            due = len(self.cuts) < len(self._after) and seen >= self._after[len(self.cuts)]
            if due:
                self.cuts.append(seen)
            return due


@contextmanager
def cutting(
    target: int, after: Sequence[int], *, listen: int = 0, upstream: bool = False
) -> Iterator[Cutter]:
    """A `Cutter` that runs."""
    one = Cutter(target, after, listen, upstream)
    one.start()
    try:
        yield one
    finally:
        one.close()
