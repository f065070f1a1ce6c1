"""The Hub port over UPS by DIMSE, as a claim protocol for sites whose archive speaks nothing else.

The same state machine as over UPS-RS (`teleread.hub.ups`); reports go to the archive by STOW-RS or C-STORE.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from teleread.host.clock import Clock, SystemClock
from teleread.hub.dimse_peer import DimsePeer
from teleread.hub.document_delivery import Documents, archive_of
from teleread.hub.port import Capabilities, Health
from teleread.hub.ups import UpsHub
from teleread.hub.ups_dimse_events import UpsDimseEvents
from teleread.hub.ups_dimse_wire import UpsDimseWire
from teleread.hub.ups_memory import KeyStore
from teleread.hub.ups_wire import dialect_of
from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile

if TYPE_CHECKING:
    from teleread.wire.sign_in import SignIn

__all__ = ["UpsDimseHub"]


class UpsDimseHub(UpsHub):
    """A UPS worklist over DIMSE with the archive beside it.

    Args:
        hub: The hub file; ``ups`` is set, and ``dicomweb`` or ``dimse`` to take reports.
        secret: Password or token of the archive's DICOMweb.
        clock: Our clock.
        memory: Where Transaction UIDs are kept; the vault's hub secrets.
        sign_in: Another way to sign in at the DICOMweb than the secret.
        documents: Another archive, for tests.

    Raises:
        UsageError: The hub file's ``ups_options`` are wrong, or it names no archive.
    """

    def __init__(
        self,
        hub: HubFile,
        secret: str | None = None,
        clock: Clock | None = None,
        *,
        memory: KeyStore,
        sign_in: SignIn | None = None,
        documents: Documents | None = None,
    ) -> None:
        if hub.ups is None:
            raise UsageError(f"Hub {hub.name} has no worklist address.", remedy="Give one with --ups.")
        dialect = dialect_of(hub)
        self._line = UpsDimseWire(DimsePeer(hub, hub.ups, f"The hub {hub.name}"), hub.aet, dialect)
        archive = documents if documents is not None else archive_of(hub, secret, sign_in)
        if archive is None:
            raise UsageError(
                f"The hub {hub.name} has nowhere for reports to go.",
                "A worklist takes no reports itself.",
                "Give --dicomweb URL or --dimse AET@HOST:PORT too.",
                code="no-archive",
            )
        super().__init__(hub, dialect, self._line, archive, memory, clock or SystemClock())
        self._events = UpsDimseEvents(self._line, hub, dialect.listen, self.memory)

    def health(self) -> Health:
        """Look whether the hub answers; it tells no clock."""
        began = self._clock.monotonic()
        self._line.reach()
        passed = self._clock.monotonic() - began
        can = Capabilities("UPS over DIMSE", if_match=False, transactions=False)
        return Health("a UPS worklist over DIMSE", None, passed * 1000, can)

    def listen(self, stop: threading.Event, heard: Callable[[], None]) -> bool:
        """Take the hub's event reports until stopped.

        Returns:
            False where the hub file names no port for them, or the hub has none: it is asked every so often.

        Raises:
            OfflineError: The hub does not answer.
            TelereadError: The port can't be listened on.
        """
        return self.dialect.events and self._events.listen(stop, heard)
