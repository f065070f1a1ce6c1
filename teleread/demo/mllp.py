"""The demo's HL7 side over MLLP: a receiver of results that answers as it is told, and a sender of orders."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from teleread.demo.faults import Faults
from teleread.demo.fhir.store import Store
from teleread.demo.hl7 import RefusedError, acknowledged, file_result, orders_of

__all__ = ["ANSWERS", "MllpDesk"]

_LARGEST: Final = 32 * 1024 * 1024
_SECONDS: Final = 60.0
_SEND_SECONDS: Final = 15.0

ANSWERS: Final = ("AE", "AR", "CE", "CR", "none", "garbage", "cut", "another", "twice")
"""What the next results can be answered instead of what is true; the last three are filed all the same."""
_REFUSALS: Final = frozenset({"AE", "AR", "CE", "CR"})


class MllpDesk:
    """Takes results on loopback and sends orders to a reader's desk.

    Args:
        store: The hub.
        faults: The knobs of the line.
        port: Where to listen; 0 for any.
    """

    def __init__(self, store: Store, faults: Faults, port: int) -> None:
        self._store = store
        self._faults = faults
        self._planned: deque[str] = deque()
        self._guard = threading.Lock()
        self._lines: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve, name="demo-mllp", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and end every line."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()
        if self._thread.is_alive():
            self._thread.join(10)

    def drop_connections(self) -> None:
        """End every open line, once."""
        with self._guard:
            for one in self._lines:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def plan(self, answer: str, count: int = 1) -> None:
        """Answer the next results so.

        Args:
            answer: One of `ANSWERS`.
            count: How many.

        Raises:
            ValueError: There is no such answer.
        """
        if answer not in ANSWERS:
            raise ValueError(answer)
        self._planned.extend([answer] * min(count, 1000))

    def tell(self, task: str, port: int) -> list[str]:
        """Send how a case stands to a desk that listens on this machine.

        Args:
            task: The task's id.
            port: Where the desk listens (``hl7_listen``).

        Returns:
            MSA-1 of each answer.

        Raises:
            ValueError: Nobody listens there, or nothing came back.
        """
        try:
            with socket.create_connection(("127.0.0.1", port), _SEND_SECONDS) as line:
                line.settimeout(_SEND_SECONDS)
                return [self._sent(line, one) for one in orders_of(self._store, task)]
        except OSError as problem:
            raise ValueError("nobody listens there") from problem

    @staticmethod
    def _sent(line: socket.socket, message: bytes) -> str:
        line.sendall(b"\x0b" + message + b"\x1c\r")
        answer = _read(line)
        found = [one.split("|")[1] for one in answer.decode("utf-8").split("\r") if one.startswith("MSA|")]
        if not found:
            raise ValueError("it did not answer")
        return found[0]

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            if self._faults.line_cut:
                line.close()
                continue
            threading.Thread(target=self._talk, args=(line,), name="demo-mllp-in", daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with self._guard:
            self._lines.add(line)
        try:
            with contextlib.suppress(OSError, ValueError):
                line.settimeout(_SECONDS)
                while message := _read(line):
                    time.sleep(self._faults.delay_seconds)
                    answer, ends = self._answer(message)
                    if not self._faults.line_cut:
                        line.sendall(answer)
                    if ends or self._faults.line_cut:
                        return
        finally:
            with self._guard:
                self._lines.discard(line)
            line.close()

    def _answer(self, message: bytes) -> tuple[bytes, bool]:
        """The bytes that go back, and whether the line ends after them."""
        planned = self._planned.popleft() if self._planned else ""
        if planned in _REFUSALS:
            return _framed(acknowledged(message, planned, "The demo was told to refuse it")), False
        if planned in _UNFILED:
            return _UNFILED[planned], True
        try:
            file_result(self._store, message)
        except RefusedError as no:
            return _framed(acknowledged(message, no.code, no.words)), False
        if self._faults.take_loss(transaction=True):
            return b"", True
        return _FILED.get(planned, _true)(message), planned in _FILED


def _true(message: bytes) -> bytes:
    return _framed(acknowledged(message, "AA"))


_UNFILED: Final = {"none": b"", "garbage": b"\x0bnot hl7\x1c\r"}
_FILED: Final[dict[str, Callable[[bytes], bytes]]] = {
    "cut": lambda message: _true(message)[:60],
    "another": lambda message: _framed(acknowledged(message, "AA", about="SOMETHING-ELSE")),
    "twice": lambda message: _true(message) * 2,
}
"""Answers to a result that was filed all the same."""


def _framed(message: bytes) -> bytes:
    return b"\x0b" + message + b"\x1c\r"


def _read(line: socket.socket) -> bytes:
    """The next message; empty where the line ends.

    Raises:
        ValueError: It is too long.
    """
    held = bytearray()
    while not held.endswith(b"\x1c\r"):
        piece = line.recv(65536)
        if not piece:
            return b""
        held += piece
        if len(held) > _LARGEST:
            raise ValueError
    return bytes(held).strip(b"\x0b\x1c\r") + b"\r"
