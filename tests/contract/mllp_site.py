"""A made-up site that speaks HL7 v2: a receiver that answers as it is told, and a sender. No code of ours."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable


def segments(message: bytes) -> list[list[str]]:
    """The fields of each segment; MSH-1 is left out, so that MSH-9 is at 8."""
    return [line.split("|") for line in message.decode("utf-8").split("\r") if line]


def control_id(message: bytes) -> str:
    """MSH-10."""
    return segments(message)[0][9]


def ack(message: bytes, code: str = "AA", *, about: str = "", err: str = "", words: str = "") -> bytes:
    """An acknowledgement, unframed."""
    lines = [
        "MSH|^~\\&|RIS|SITE|TELEREAD||20261124043000+0000||ACK^R01^ACK|A1|P|2.5.1",
        f"MSA|{code}|{about or control_id(message)}|{words}",
    ]
    lines += [f"ERR|||207^Application internal error^HL70357|E||||{err}"] if err else []
    return "".join(f"{one}\r" for one in lines).encode()


def framed(data: bytes) -> bytes:
    """As it travels."""
    return b"\x0b" + data + b"\x1c\r"


Answer = Callable[[bytes], bytes]
"""From a message to the bytes that go back; none for silence."""

ANSWERS: dict[str, Answer] = {
    **{code: (lambda message, code=code: framed(ack(message, code))) for code in ("AA", "CA")},  # type: ignore[misc]
    **{
        code: (lambda message, code=code: framed(ack(message, code, err="OBR-4 is not known here")))  # type: ignore[misc]
        for code in ("AE", "AR", "CE", "CR")
    },
    "none": lambda message: b"",
    "garbage": lambda message: framed(b"not hl7"),
    "noise": lambda message: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no-last-cr": lambda message: b"\x0b" + ack(message).rstrip(b"\r") + b"\x1c",
    "line-feeds": lambda message: framed(ack(message).replace(b"\r", b"\r\n")),
    "another": lambda message: framed(ack(message, about="SOMEBODYELSE")),
    "another-first": lambda message: framed(ack(message, "AE", about="X")) + framed(ack(message)),
    "no-number": lambda message: framed(ack(message, about='""').replace(b'|""|', b"||")),
    "twice": lambda message: framed(ack(message)) * 2,
    "both-ways": lambda message: framed(ack(message)) + framed(ack(message, "AE", err="Not filed")),
    "cut": lambda message: framed(ack(message))[:60],
    "cut-then-whole": lambda message: b"\x0b" + ack(message)[:40] + framed(ack(message)),
    "endless": lambda message: b"\x0b" + b"A" * 6_000_000,
}


class Site:
    """A receiver on this machine, one message a connection or many.

    Args:
        mode: A name in `ANSWERS`; ``close``: hangs up without a word; ``drip``: one byte after another.
        tls: How it is called.
    """

    def __init__(self, mode: str = "AA", tls: ssl.SSLContext | None = None) -> None:
        self.mode = mode
        self.received: list[bytes] = []
        self.before: Callable[[bytes], object] = lambda _: None
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def filed(self) -> dict[str, bytes]:
        """What a receiver keeps that knows a message by its MSH-10."""
        return {control_id(one): one for one in self.received}

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock, contextlib.suppress(OSError):
                sock.settimeout(60)
                self._talk(self._tls.wrap_socket(sock, server_side=True) if self._tls else sock)

    def _talk(self, sock: socket.socket) -> None:
        with sock:
            message = read(sock)
            if message is None:
                return
            self.received.append(message)
            self.before(message)
            if self.mode == "close":
                return
            if self.mode == "drip":
                for byte in framed(ack(message)):
                    sock.sendall(bytes([byte]))
                return
            sock.sendall(ANSWERS[self.mode](message))
            if self.mode in {"none", "another", "garbage", "no-number", "noise"}:
                sock.recv(1)  # holds the line until the sender has had enough


def read(sock: socket.socket) -> bytes | None:
    """The content of the next frame; None where the line ends."""
    held = b""
    while not held.endswith((b"\x1c\r", b"\x1c")):
        try:
            piece = sock.recv(65536)
        except ConnectionError:
            return None
        if not piece:
            return None
        held += piece
    return held.strip(b"\x0b\x1c\r") + b"\r"


def send(port: int, *messages: bytes, raw: bytes = b"") -> list[bytes]:
    """Send to a listener on one connection; what it answers to each, or all it says where ``raw`` is sent."""
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.settimeout(60)
        if raw:
            with contextlib.suppress(ConnectionError):
                sock.sendall(raw)
            answer = read(sock)
            return [] if answer is None else [answer]
        found = []
        for one in messages:
            with contextlib.suppress(ConnectionError):
                sock.sendall(framed(one))
            answer = read(sock)
            if answer is None:
                break
            found.append(answer)
        return found


def codes(answers: list[bytes]) -> list[str]:
    """MSA-1 of each."""
    return [next(one[1] for one in segments(answer) if one[0] == "MSA") for answer in answers]
