"""Listening to a hub that tells when something changed, so that it need not be asked.

A channel is a hint and never more: while it is open the hub is asked seldom, and each time it was opened anew
or something came it is asked at once. Nothing is lost by a channel that is silent, cut or absent.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from teleread.hub.port import Hub, Listens
from teleread.model.errors import TelereadError
from teleread.model.hubfile import HubFile

__all__ = ["QUIET_SECONDS", "Listener"]

QUIET_SECONDS: Final = 600.0
"""How often a hub is asked all the same while its channel is open."""
NONE_SECONDS: Final = 1800.0
"""When a hub without a channel is tried again."""
LOOK_SECONDS: Final = 2.0
"""How often it is looked whether a hub file still says the same."""
LONGEST_PAUSE: Final = 120.0
"""Longest wait before a broken channel is opened again; each time a random part of up to twice the last."""


class _Sites(Protocol):
    def files(self) -> tuple[HubFile, ...]:
        """The hub files as they are now."""
        ...

    def hub(self, hub_id: str) -> Hub:
        """The adapter of the calling thread."""
        ...


class _Until(threading.Event):
    """Set with another one, or by a reason of its own that is looked for now and then.

    Args:
        other: Sets this one too.
        over: Whether it is over.
    """

    def __init__(self, other: threading.Event, over: Callable[[], bool]) -> None:
        super().__init__()
        self._other = other
        self._over = over
        self._looked = time.monotonic()

    def is_set(self) -> bool:
        """Whether it is."""
        if (
            not super().is_set()
            and not self._other.is_set()
            and time.monotonic() - self._looked > LOOK_SECONDS
        ):
            self._looked = time.monotonic()
            if self._over():
                self.set()
        return super().is_set() or self._other.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it."""
        self._other.wait(timeout)
        return self.is_set()


class Listener:
    """One hub's channel, kept open by a thread that runs `loop`.

    Args:
        sites: Where the adapter comes from.
        hub_id: The hub.
        stop: Ends it.
        dice: Jitter.
    """

    def __init__(
        self, sites: _Sites, hub_id: str, stop: threading.Event, dice: random.Random | None = None
    ) -> None:
        self._sites = sites
        self._hub_id = hub_id
        self._stop = stop
        self._dice = dice or random.Random()
        self._told = threading.Event()
        self._open = False
        self._failures = 0

    @property
    def open(self) -> bool:
        """Whether the hub will say when something changes."""
        return self._open

    def heard(self) -> bool:
        """Whether something was heard since the last call."""
        if not self._told.is_set():
            return False
        self._told.clear()
        return True

    def loop(self) -> None:
        """Keep the channel open until stopped."""
        while not self._stop.is_set():
            self._stop.wait(self._once())

    def _once(self) -> float:
        """Listen as long as it goes; how long to wait before the next try, seconds."""
        try:
            hub = self._sites.hub(self._hub_id)
            if not isinstance(hub, Listens) or not hub.listen(self._while_the_same(), self._hear):
                return NONE_SECONDS
        except TelereadError:
            self._failures += 1
        else:
            self._failures = 0
        finally:
            self._open = False
        # Whatever came while nobody listened is asked for at the usual pace, and when it opens again.
        return self._dice.uniform(0.5, min(LONGEST_PAUSE, 2.0 * 2.0 ** min(self._failures, 6)))

    def _while_the_same(self) -> threading.Event:
        """An end that also comes when the hub file goes or says something else."""

        def now() -> HubFile | None:
            return next((one for one in self._sites.files() if one.hub_id == self._hub_id), None)

        before = now()
        return _Until(self._stop, lambda: now() != before)

    def _hear(self) -> None:
        self._open, self._failures = True, 0
        self._told.set()
