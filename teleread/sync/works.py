"""What every act of the engine needs: vault, adapters, clock, and what is remembered between acts."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, MutableMapping, MutableSet
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from teleread.host.clock import Clock
from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey
from teleread.sync.handoff import Handoffs
from teleread.sync.lines import Lines

if TYPE_CHECKING:
    from teleread.archive.port import Archive
    from teleread.hub.port import Hub
    from teleread.model.study import StudyKey
    from teleread.sync.outlook import Outlook
    from teleread.sync.policy import Policy
    from teleread.sync.room import Room
    from teleread.vault.vault import Vault

__all__ = ["Locks", "SignIn", "Sites", "Works"]


class Sites(Protocol):
    """The adapters, by hub id."""

    def files(self) -> tuple[HubFile, ...]:
        """The hub files as they are now."""
        ...

    def hub(self, hub_id: str) -> Hub:
        """The adapter to a hub."""
        ...

    def archives(self, hub_id: str, via: str = "auto") -> tuple[Archive, ...]:
        """The archives of a hub, best first."""
        ...


class SignIn(Protocol):
    """Signs in at a hub's identity server, while a window shows what the reader has to do."""

    def __call__(
        self, hub_id: str, show: Callable[[Mapping[str, Any]], object], given_up: Callable[[], bool]
    ) -> dict[str, Any]:
        """Sign in.

        Args:
            hub_id: Where.
            show: Takes what the reader has to do, as JSON values, once.
            given_up: Asked again and again.

        Returns:
            Who signed in, as JSON values; no token.
        """
        ...


class Locks:
    """One lock a name, made when first asked for: one push a hub, one fetch a study at a time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._made: dict[tuple[str, ...], threading.Lock] = {}

    def of(self, *name: str) -> AbstractContextManager[object]:
        """The lock of that name."""
        with self._guard:
            return self._made.setdefault(name, threading.Lock())


@dataclass(slots=True)
class Works:
    """What every act needs."""

    vault: Vault
    sites: Sites
    clock: Clock
    prefetch_cases: int = 5
    prefetch_priors: int = 2
    locks: Locks = field(default_factory=Locks)
    asked: MutableMapping[TaskKey, float] = field(default_factory=dict)
    """When priors were last asked for."""
    policy: Callable[[], Policy] | None = None
    """What is wanted of prefetching and the cache now; made of the two numbers above by default."""
    lines: Lines = field(default_factory=Lines)
    busy: MutableSet[StudyKey] = field(default_factory=set)
    """Studies being fetched."""
    dice: random.Random = field(default_factory=random.Random)
    """Jitter of retries."""
    receipts_due: MutableMapping[str, float] = field(default_factory=dict)
    """When a hub's receipts are looked after again, by the clock's `monotonic`; not there: not yet asked."""
    silent: MutableMapping[tuple[str, str], float] = field(default_factory=dict)
    """Until when an archive is not asked for a patient again, since it did not answer."""
    handoffs: Handoffs = field(default_factory=Handoffs)
    """Gateways of open cases."""
    sign_in: SignIn | None = None
    """Signs in at a hub for a window; None where nobody can."""
    given_up: MutableSet[str] = field(default_factory=set)
    """Marks of sign-ins whose window was closed."""
    _outlook: Outlook | None = None

    def file(self, hub_id: str) -> HubFile:
        """The hub file of that id.

        Raises:
            UsageError: It is gone.
        """
        for one in self.sites.files():
            if one.hub_id == hub_id:
                return one
        raise UsageError("The hub file is gone.", "What was kept of it is safe.", code="no-hub")

    def wanted(self) -> Policy:
        """What is wanted of prefetching and the cache."""
        if self.policy is not None:
            return self.policy()
        from teleread.archive.plans import Rules
        from teleread.sync.policy import Policy

        return Policy(Rules(self.prefetch_cases, self.prefetch_priors))

    def outlook(self) -> Outlook:
        """The plan's maker, with the policy, the hub files and the lines of this moment."""
        from teleread.sync.outlook import Outlook

        found = Outlook(self.vault, self.sites.files(), self.wanted())
        if self._outlook is not None:
            found.remember(self._outlook)
        self._outlook = found
        found.lines = self.lines.view(self.clock.monotonic())
        return found

    def forget_outlook(self) -> None:
        """Rank priors anew: there are others now."""
        self._outlook = None

    def room(self) -> Room:
        """The cache's room, as it is now."""
        from teleread.sync.room import Room

        return Room(self.vault, self.sites.files(), self.wanted(), busy=self.busy)
