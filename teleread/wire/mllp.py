"""The minimal lower layer protocol (HL7 2.5.1 appendix C): messages framed on a stream, sent and answered.

One message a connection: an answer that comes too late can't be taken for the next message's.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Final

from teleread.model.addresses import MllpAddress
from teleread.model.errors import OfflineError
from teleread.model.hubfile import HubFile
from teleread.model.text import clean
from teleread.wire.hl7_acks import Ack, read_ack, worst

__all__ = ["END", "LIMITS", "START", "Frames", "MllpLimits", "TooLongError", "exchange", "framed", "reach"]

START: Final = b"\x0b"
END: Final = b"\x1c"
MAX_STRAY: Final = 64 * 1024
"""Most bytes outside frames on one connection."""
_PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class MllpLimits:
    """How long and how much, seconds and bytes."""

    connect: float = 10.0
    """Connection and TLS handshake."""
    send: float = 60.0
    """The whole message."""
    answer: float = 30.0
    """From the message's last byte to its acknowledgement."""
    largest: int = 1024 * 1024
    """Longest acknowledgement."""


LIMITS: Final = MllpLimits()


class TooLongError(ValueError):
    """More came than is taken: a frame beyond the limit, or too much that is in no frame."""


@dataclass(slots=True)
class Frames:
    """Cuts a stream into frames. A block is over at its END, whether or not a CR follows."""

    largest: int
    """Longest frame, bytes."""
    stray: int = 0
    """Bytes outside frames so far, line ends not counted."""
    _held: bytearray = field(default_factory=bytearray)
    _inside: bool = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came; the contents of the frames it completes.

        Raises:
            TooLongError: A limit was passed; the connection is of no more use.
        """
        done: list[bytes] = []
        while data:
            if not self._inside:
                between, start, data = data.partition(START)
                self.stray += len(between.strip(b"\r\n" + END))
                self._inside = bool(start)
                if self.stray > MAX_STRAY:
                    raise TooLongError
                continue
            content, end, data = data.partition(END)
            cut, again, rest = content.rpartition(START)
            if again:  # its sender began anew; what came before was never finished
                self.stray += len(self._held) + len(cut)
                self._held.clear()
                content = rest
            self._held += content
            if len(self._held) > self.largest:
                raise TooLongError
            if end:
                done.append(bytes(self._held))
                self._held.clear()
                self._inside = False
        return done

    @property
    def partly(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._inside


def framed(message: bytes) -> bytes:
    """A message as it travels."""
    return START + message + END + b"\r"


def exchange(
    hub: HubFile, address: MllpAddress, message: bytes, control_id: str, limits: MllpLimits = LIMITS
) -> Ack:
    """Send one message and wait for its acknowledgement.

    Args:
        hub: Its file: certificates, and whether TLS is spoken.
        address: Where to.
        message: ER7, unframed.
        control_id: Its MSH-10: an acknowledgement that names another is not its own.
        limits: Time and size limits.

    Raises:
        OfflineError: ``offline`` or ``tls``: no byte of it was sent. ``unknown``: it was, and no
            acknowledgement of it came: it may have been taken.
        UsageError: A certificate file can't be read.
    """
    with _connected(hub, address, limits) as line:
        try:
            line.settimeout(limits.send)
            line.sendall(framed(message))
            return _awaited(line, control_id, limits)
        except TooLongError:
            raise _unknown(hub, "It answered with more than an acknowledgement can be.") from None
        except OSError as problem:
            raise _unknown(hub, _why(problem)) from problem


def reach(hub: HubFile, address: MllpAddress, limits: MllpLimits = LIMITS) -> None:
    """See whether a connection is taken; nothing is sent.

    Raises:
        OfflineError: It is not.
        UsageError: A certificate file can't be read.
    """
    _connected(hub, address, limits).close()


def _awaited(line: socket.socket, control_id: str, limits: MllpLimits) -> Ack:
    """The acknowledgement of that very message.

    Raises:
        OSError: It did not come.
        TooLongError: Something else did, without end.
    """
    deadline = time.monotonic() + limits.answer
    frames, total = Frames(limits.largest), 0
    while (left := deadline - time.monotonic()) > 0:
        line.settimeout(left)
        piece = line.recv(_PIECE)
        if not piece:
            raise ConnectionError
        total += len(piece)
        if total > 4 * limits.largest:
            raise TooLongError
        told = [ack for one in frames.feed(piece) if (ack := read_ack(one)) is not None]
        found = worst(one for one in told if one.control_id == control_id)
        if found is not None:
            return found
    raise TimeoutError


def _connected(hub: HubFile, address: MllpAddress, limits: MllpLimits) -> socket.socket:
    context = None
    if hub.hl7_tls:
        from teleread.wire.auth import tls_context

        context = tls_context(hub)
    line: socket.socket | None = None
    try:
        line = socket.create_connection((address.host, address.port), limits.connect)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            line.settimeout(limits.connect)
            line = context.wrap_socket(line, server_hostname=hub.hl7_name or address.host)
        return line
    except ssl.SSLError as problem:
        _close(line)
        raise _no_tls(hub, problem) from problem
    except OSError as problem:
        _close(line)
        silent = isinstance(problem, TimeoutError)
        why = "No answer came in time" if silent else clean(problem.strerror or "No connection", limit=120)
        raise OfflineError(
            f"The HL7 receiver of {hub.name} does not answer.",
            f"{why}. Nothing was sent.",
            "It is tried again. If it lasts, ask the site whether its HL7 interface runs.",
            code="offline",
        ) from problem


def _why(problem: OSError) -> str:
    if isinstance(problem, TimeoutError):
        return "No answer came in time."
    if isinstance(problem, ssl.SSLError):
        # TLS 1.3 tells only now that it does not take our certificate.
        return f"TLS was broken off: {clean((problem.reason or '').replace('_', ' ').lower(), limit=80)}."
    return "The line broke."


def _close(line: socket.socket | None) -> None:
    if line is not None:
        line.close()


def _no_tls(hub: HubFile, problem: ssl.SSLError) -> OfflineError:
    told = getattr(problem, "verify_message", "") or (problem.reason or "").replace("_", " ").lower()
    return OfflineError(
        f"No safe connection to the HL7 receiver of {hub.name} could be made.",
        f"The reason given: {clean(told or 'the handshake failed', limit=200)}. Nothing was sent.",
        "Check ca_file, client_cert and hl7_name in the hub file; else ask the site.",
        code="tls",
        retryable=False,
    )


def _unknown(hub: HubFile, why: str) -> OfflineError:
    return OfflineError(
        f"The HL7 receiver of {hub.name} did not acknowledge the message.",
        f"{why} Whether it has it is not known; it is not shown as issued.",
        "It is sent again under the same number, which the receiver knows it by.",
        code="unknown",
    )
