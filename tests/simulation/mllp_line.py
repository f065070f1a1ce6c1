"""MLLP without sockets: a machine's line to a site, both ways, and what may happen on it.

The product's own framing, acknowledgement and listener's work run on it.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from unittest import mock

from teleread.hub import hl7
from teleread.model.addresses import MllpAddress
from teleread.model.errors import OfflineError
from teleread.model.hubfile import HubFile
from teleread.wire import mllp
from tests.simulation.connection import SimCrash

if TYPE_CHECKING:
    from tests.simulation.hl7_site import Hl7Site

__all__ = ["LINES", "Frame", "MllpLine", "mllp_wires", "number_of"]

FAULTS: Final = (
    "mllp offline",
    "mllp drop",
    "mllp lose",
    "mllp garbage",
    "mllp other ack",
    "mllp half ack",
    "mllp no CR",
    "mllp AE",
    "mllp AR",
    "mllp late",
    "mllp twice",
    "mllp die",
    "mllp die-done",
)
IN_FAULTS: Final = ("mllp in drop", "mllp in lose", "mllp in twice")
LINES: Final[dict[tuple[str, int], MllpLine]] = {}
"""By the address in the hub files: what stands for the network."""


@dataclass(frozen=True)
class Frame:
    """A message of the site's on its way."""

    data: bytes
    number: int
    """The case's."""
    what: str
    """What it tells."""
    value: str


@dataclass
class MllpLine:
    """One machine's line to the site, both ways."""

    site: Hl7Site
    at: int
    wait: Any
    dice: random.Random
    counts: Counter[str]
    up: bool = True
    chance: float = 0.0
    expired: bool = False
    """The receiver is not ready: AR to everything."""
    queue: list[Frame] = field(default_factory=list)
    """What the site has to tell this machine, in order; it goes on only after an AA."""
    told: dict[tuple[int, str], tuple[datetime, str]] = field(default_factory=dict)
    """(case, what) to when this machine acknowledged it, and what it says."""

    def forget(self, frame: Frame) -> None:
        """What a message will replace: an order has one state."""
        for what in {"cancelled", "reported"} if frame.what in {"cancelled", "reported"} else {frame.what}:
            self.told.pop((frame.number, what), None)

    def fault(self, kinds: Sequence[str]) -> str:
        """What happens to the next message."""
        # A report is one message here, not a handful of requests: each meets more.
        drawn = self.dice.choice(kinds) if self.dice.random() < 3 * self.chance else ""
        if drawn:
            self.counts[drawn] += 1
        return drawn


class _Socket:
    """The client's end of a connection: what `teleread.wire.mllp` needs of one."""

    def __init__(self, line: MllpLine, fault: str) -> None:
        self._line, self._fault = line, fault
        self._pieces: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def settimeout(self, seconds: float) -> None:
        """Time is the simulation's."""

    def sendall(self, data: bytes) -> None:
        """A framed message leaves."""
        message = data.removeprefix(mllp.START).rstrip(b"\r").removesuffix(mllp.END)
        line, site, fault = self._line, self._line.site, self._fault
        if fault == "mllp die":
            raise SimCrash
        if fault == "mllp drop":
            return
        if fault == "mllp late":
            site.later.append(
                (site.now + timedelta(seconds=line.dice.choice([1, 40, 3600])), message, line.at)
            )
            return
        if line.expired or fault in {"mllp AE", "mllp AR"}:
            self._answer(_ack(message, "AE" if fault == "mllp AE" else "AR"))
            return
        if fault == "mllp twice":
            site.receive(message, line)
        site.receive(message, line)
        if fault == "mllp die-done":
            raise SimCrash
        self._pieces = _answers(fault, message)
        if line.dice.random() < 0.2:
            self._pieces = [bytes([one]) for piece in self._pieces for one in piece]

    def _answer(self, ack: bytes) -> None:
        self._pieces = [mllp.framed(ack)]

    def recv(self, size: int) -> bytes:
        """The next piece of the answer; a receiver that says nothing lets us wait."""
        if self._pieces:
            return self._pieces.pop(0)
        if self._fault in {"mllp garbage", "mllp half ack", "mllp other ack"}:
            return b""  # it hangs up
        self._line.wait(30)
        raise TimeoutError


def _ack(message: bytes, code: str, number: bytes = b"") -> bytes:
    head = b"MSH|^~\\&|RIS|NORTH|TELEREAD||20261124040000+0000||ACK|A1|P|2.5.1\r"
    return head + b"MSA|" + code.encode() + b"|" + (number or number_of(message)) + b"\r"


def number_of(message: bytes) -> bytes:
    return message.split(b"\r", 1)[0].split(b"|")[9]


def _answers(fault: str, message: bytes) -> list[bytes]:
    """What the receiver says of a message it has filed."""
    good = _ack(message, "AA")
    return {
        "mllp lose": [],
        "mllp garbage": [mllp.framed(b"HTTP/1.1 200 OK\r"), b"MSA|AA|" + number_of(message)],
        "mllp other ack": [mllp.framed(_ack(message, "AA", b"ANOTHER"))],
        "mllp half ack": [mllp.framed(good)[: len(good) // 2]],
        "mllp no CR": [mllp.START + good.rstrip(b"\r") + mllp.END],
    }.get(fault, [mllp.framed(good)])


def _connected(hub: HubFile, address: MllpAddress, limits: Any) -> _Socket:
    line = LINES[address.host, address.port]
    fault = line.fault(FAULTS)
    if not line.up or fault == "mllp offline":
        raise OfflineError(f"The HL7 receiver of {hub.name} does not answer.")
    return _Socket(line, fault)


class _Listener:
    """Stands for `teleread.wire.mllp_listen.MllpListener`: brings what waits, then nothing comes any more."""

    def __init__(
        self,
        address: MllpAddress,
        allowed: Sequence[str],
        take: Callable[[bytes], list[bytes]],
        **_: Any,
    ) -> None:
        self._line = LINES[address.host, address.port]
        self._take = take

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def serve(self, stop: threading.Event) -> None:
        """Message after message; one that is not acknowledged is sent again, the others behind it wait."""
        line = self._line
        while line.up and line.queue:
            frame, fault = line.queue[0], line.fault(IN_FAULTS)
            if fault == "mllp in drop":
                return
            line.forget(frame)  # from here on the machine may have it, whatever becomes of the answer
            answer = b"".join(self._take(frame.data))
            if fault == "mllp in twice":
                answer = b"".join(self._take(frame.data))
            if b"\rMSA|AE|" in answer or b"\rMSA|AA|" + number_of(frame.data) not in answer:
                if b"\rMSA|AR|" not in answer:
                    line.site.wrong.append(f"a good message of {line.site.name} was refused")
                return
            if fault == "mllp in lose":
                return
            line.queue.pop(0)
            line.told[frame.number, frame.what] = (line.site.now, frame.value)


@contextlib.contextmanager
def mllp_wires() -> Iterator[None]:
    """No sockets: the simulated lines."""
    LINES.clear()
    with (
        mock.patch.object(mllp, "_connected", _connected),
        mock.patch.object(hl7, "MllpListener", _Listener),
    ):
        yield
