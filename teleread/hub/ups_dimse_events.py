"""Hearing from a UPS hub by N-EVENT-REPORT (PS3.4 CC.2.4): it calls us, where it knows our title and address.

An event is a hint and never more: whatever comes, the worklist is searched. Only a request to cancel is told
by its event alone, so it is kept. Anybody could call: only who calls from the hub's own address is heard.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Final

from teleread.hub.ups_dimse_wire import EVENT, UpsDimseWire
from teleread.hub.ups_memory import UpsMemory
from teleread.model.errors import AttentionError
from teleread.model.hubfile import HubFile
from teleread.wire.dicom_dataset import read_data_set
from teleread.wire.dicom_json import words
from teleread.wire.dimse_events import EventReport, EventScp
from teleread.wire.dimse_tls import listening
from teleread.wire.fhir_json import Unreadable

__all__ = ["UpsDimseEvents"]

GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"
"""UPS Global Subscription SOP Instance UID."""
CANCEL_REQUESTED: Final = 2
_SECONDS: Final = 0.5


class UpsDimseEvents:
    """One hub's events.

    Args:
        wire: The hub.
        hub: Its file: our AE title, its address.
        port: Where it brings events; 0 for nowhere.
        memory: Keeps requests to cancel.
    """

    def __init__(self, wire: UpsDimseWire, hub: HubFile, port: int, memory: UpsMemory) -> None:
        self._wire = wire
        self._hub = hub
        self._port = port
        self._memory = memory

    def listen(self, stop: threading.Event, heard: Callable[[], None]) -> bool:
        """Listen until stopped. Listening first, then subscribed, then searched: nothing falls between.

        Returns:
            False where there are no events to be had.

        Raises:
            OfflineError: The hub does not answer.
            TelereadError: The port can't be listened on.
        """
        if not self._port:
            return False
        assert self._hub.ups is not None
        host, theirs = _addresses(self._hub.ups.host, self._hub.ups.port)

        def take(event: EventReport) -> None:
            self._note(event)
            heard()

        scp = EventScp(host, self._port, self._hub.aet, EVENT, take, allowed=theirs, tls=listening(self._hub))
        with scp:
            try:
                self._wire.subscribe(GLOBAL)
            except AttentionError:
                return False  # it takes no subscriptions, or does not know where we are
            heard()
            while not stop.wait(_SECONDS):
                pass
        return True

    def _note(self, event: EventReport) -> None:
        """Keep a request to cancel what this machine holds."""
        if event.kind != CANCEL_REQUESTED:
            return
        known = self._memory.claim(event.sop_uid)
        if known is None or known.state not in {"held", "wanted"}:
            return
        try:
            why = str(words(read_data_set(event.data), "00741238"))
        except Unreadable:
            why = ""
        self._memory.ask_to_cancel(event.sop_uid, why)


def _addresses(host: str, port: int) -> tuple[str, frozenset[str]]:
    """Our address on the way to the hub, and the hub's own; loopback where it can't be found."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, place = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(place)  # sends nothing
            ours = str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1", frozenset({"127.0.0.1"})
    return ours, frozenset(str(one[4][0]) for one in found)
