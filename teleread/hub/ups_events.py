"""Hearing from a UPS-RS hub: a subscription and its event channel (RAD-86, RAD-87, RAD-109).

An event is a hint and never more: whatever comes, and whenever the channel was opened anew, the worklist is
searched. Only a request to cancel is told by its event alone, so it is kept. Subscribed first, then opened,
then searched: in whichever order a hub expects the first two, nothing falls between.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from teleread.hub.ups_memory import UpsMemory
from teleread.hub.ups_wire import UpsWire
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.hubfile import HubFile
from teleread.wire.auth import tls_context
from teleread.wire.dicom_json import data_sets, integer, uid, words
from teleread.wire.sign_in import SignIn

__all__ = ["UpsEvents", "channel_of"]

GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"
"""UPS Global Subscription SOP Instance UID."""
STATE, CANCEL_REQUESTED, PROGRESS, MANAGER, ASSIGNED = 1, 2, 3, 4, 5
_LARGEST: Final = 1 << 18
"""Longest event taken, bytes."""
_SECONDS: Final = 15.0
"""Until a channel has to be open; and between looks whether anybody is there."""


class UpsEvents:
    """One hub's events.

    Args:
        wire: The hub.
        hub: Its file: our AE title, its certificate.
        memory: Keeps requests to cancel.
        sign_in: Signs the opening of the channel.
    """

    def __init__(self, wire: UpsWire, hub: HubFile, memory: UpsMemory, sign_in: SignIn) -> None:
        self._wire = wire
        self._hub = hub
        self._memory = memory
        self._sign_in = sign_in

    def listen(self, stop: threading.Event, heard: Callable[[], None]) -> bool:
        """Listen until stopped or until the channel ends.

        Args:
            stop: Ends it.
            heard: Called once the channel is open, and at every event: search again.

        Returns:
            False where this installation or this hub has no event channels: nobody need try again soon.

        Raises:
            OfflineError: The hub does not answer, or the channel broke.
            NotSignedInError: It wants a sign-in.
        """
        try:
            from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            return False  # the library is not installed: the hub is asked every so often
        try:
            address = channel_of(self._hub.ups_rs, self._wire.subscribe(GLOBAL), self._hub.aet)
        except AttentionError:
            return False
        try:
            with self._opened(address) as channel:
                heard()
                self._hear(channel, stop, heard)
        except (InvalidHandshake, InvalidURI):
            return False  # it takes subscriptions and has no channel
        except (OSError, WebSocketException) as error:
            raise OfflineError(
                f"The event channel of {self._wire.http.who} broke.",
                "The hub is asked every so often until it is open again.",
                code="cut",
            ) from error
        return True

    def _opened(self, address: str) -> Any:
        from websockets.sync.client import connect  # type: ignore[import-not-found, unused-ignore]

        header = self._sign_in.header()
        return connect(
            address,
            ssl=tls_context(self._hub) if address.startswith("wss:") else None,
            additional_headers={"Authorization": header} if header else None,
            open_timeout=_SECONDS,
            close_timeout=1,
            ping_interval=_SECONDS,
            ping_timeout=_SECONDS,
            max_size=_LARGEST,
            compression=None,
            proxy=None,  # patient data goes where the hub file says, never where the environment does
        )

    def _hear(self, channel: Any, stop: threading.Event, heard: Callable[[], None]) -> None:
        from websockets.exceptions import ConnectionClosedOK  # type: ignore[import-not-found, unused-ignore]

        while not stop.is_set():
            try:
                message = channel.recv(timeout=0.5)
            except TimeoutError:
                continue
            except ConnectionClosedOK:
                return
            if self._takes(message):
                heard()

    def _takes(self, message: str | bytes) -> bool:
        """Note a request to cancel; whether there was anything to hear."""
        try:
            events = data_sets(json.loads(message))
        except (ValueError, RecursionError):
            return True  # something happened that cannot be read: the search will tell
        for event in events:
            kind, workitem = integer(event, "00001002"), uid(event, "00001000")
            if kind != CANCEL_REQUESTED:
                continue
            known = self._memory.claim(workitem)
            if known is not None and known.state in {"held", "wanted"}:
                self._memory.ask_to_cancel(workitem, str(words(event, "00741238")))
        return bool(events)


def channel_of(base: str, told: str, aet: str) -> str:
    """Where the channel is: on the hub's own origin whatever it says, for some leave out their port.

    Args:
        base: The hub's UPS-RS address.
        told: Content-Location of the subscription; may be empty.
        aet: Our AE title.
    """
    parts: Any = urlsplit(base)
    try:
        given = urlsplit(told)
        path = given.path if given.path.startswith("/") else ""
        query = f"?{given.query}" if path and given.query else ""
    except ValueError:
        path = query = ""
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}{path or f'{parts.path}/subscribers/{aet}'}{query}"
