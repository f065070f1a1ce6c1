"""How the app keeps up with the vault: it looks a few times a second, and reads what moved."""

from __future__ import annotations

from typing import Final

from teleread.host.clock import Clock
from teleread.workstation.api import Status, Workstation

from .ahead import Ahead
from .calm import Calm
from .routes import Routes
from .screens.place import Place
from .telling import Teller, outside

__all__ = ["POLL_SECONDS", "Watching"]

POLL_SECONDS: Final = 0.4
ENGINE_SECONDS: Final = 5.0
"""How long the engine may be away until it is started again."""
RELOAD_SECONDS: Final = 1.0
"""Shortest pause between two readings of what moved in the worklist."""
TYPING_SECONDS: Final = 0.2
"""A key so short ago: what moved is read a little later, between the keys."""
LATEST_SECONDS: Final = 3.0
"""Longest wait for such a gap."""
REST_AFTER_SECONDS: Final = 0.5
"""How long after the last key a case that was just opened is read, not waited for."""
UNMOVED_SECONDS: Final = 15.0
"""The same where nothing moved: time alone changes what is due and what is believed of priors."""


class Watching(Routes, inherit_bindings=False):
    """Polls; tells the places what is new.

    Args:
        workstation: The use cases.
        demo: Show DEMO on every screen and behind every name.
        clock: Where time comes from.
    """

    ahead: Ahead

    def __init__(self, workstation: Workstation, *, demo: bool = False, clock: Clock | None = None) -> None:
        super().__init__(workstation, demo=demo, clock=clock)
        self.calm = Calm()
        self.teller = Teller()
        self._engine_seen = self.clock.monotonic()
        self._version: tuple[int, int] | None = None
        self._loaded_at = self._status_at = -1e9
        self._load_cost = 0.0
        self._case, self._depth = self.last_case, 1
        """The case that was open at the last look, and how many places lay on each other."""
        self._left = False
        """A case was left, and its screen not freed yet."""

    def preload(self) -> None:
        """Read the first rows and counts before the first paint."""
        self.items = list(self.workstation.items())
        self.items_age = self.workstation.age_seconds()
        self.status = self.workstation.status()
        self._version = self.workstation.data_version()
        self._loaded_at = self._status_at = self.clock.monotonic()

    def _poll(self) -> None:
        self.fit_window()
        self.spawn(self._look(), "poll", exclusive=False) if not self._looking else None

    _looking = False

    async def _look(self) -> None:
        self._looking = True
        try:
            await self._look_once()
        finally:
            self._looking = False

    async def _look_once(self) -> None:
        station, now = self.workstation, self.clock.monotonic()
        if await self.calls.vault(station.locked):
            self.act("app.show_lock")
            return
        self._lock_when_idle()
        self.calm.breathe(self.idle_seconds())
        self.ahead.keep()
        self._clear_up()
        version = await self.calls.vault(station.data_version)
        moved = version != self._version
        if moved or now - self._status_at > 1.0:
            self._status_at = now
            status = await self.calls.vault(station.status)
            await self._keep_engine(status.engine)
            if status != self.status:
                self.status = status
                for place in self._places():
                    place.show_status()
            self._tell_news(status)
        pause = max(RELOAD_SECONDS, 8 * self._load_cost)
        if self.calm.active and self.idle_seconds() < TYPING_SECONDS:
            pause = max(pause, LATEST_SECONDS)
        if now - self._loaded_at >= (pause if moved else UNMOVED_SECONDS):
            self._version = version
            await self._reload()

    def _tell_news(self, status: Status) -> None:
        """Tell once what needs the reader: in the status row, and outside as the setting says."""
        fresh = self.teller.fresh(status)
        if not fresh:
            return
        for words, role in fresh:
            self.tell(words, role)
        how = str(self.setting("notify", "none"))
        if how != "none":
            from teleread.host.spawn import spawn_viewer

            driver = self._driver
            write = driver.write if driver is not None else None
            outside([words for words, _ in fresh], how, bell=self.bell, write=write, start=spawn_viewer)

    def _clear_up(self) -> None:
        """Free the screen of a case that was left: in the list at once, before another case at a pause."""
        depth = len(self._places())
        self._left |= depth < self._depth or (self.last_case != self._case and self._depth > 1)
        self._case, self._depth = self.last_case, depth
        if self._left and (depth == 1 or self.idle_seconds() > REST_AFTER_SECONDS):
            self._left = False
            self.calm.after_case()

    def _lock_when_idle(self) -> None:
        minutes = self.setting("idle_minutes", 10)
        if self.idle_seconds() > 60 * float(minutes):
            self.act("app.lock")

    async def _keep_engine(self, running: bool) -> None:
        """An engine that ended, or was still ending when this window opened, is started again."""
        now = self.clock.monotonic()
        if running:
            self._engine_seen = now
        elif now - self._engine_seen > ENGINE_SECONDS:
            self._engine_seen = now
            await self.calls.vault(self.workstation.keep_engine)

    async def _reload(self) -> None:
        started = self.clock.monotonic()
        items = await self.calls.vault(lambda: list(self.workstation.items()))
        self.items_age = await self.calls.vault(self.workstation.age_seconds)
        self._loaded_at = self.clock.monotonic()
        self._load_cost = self._loaded_at - started
        self.items = items
        for place in self._places():
            place.data_moved()
        if len(self.screen_stack) == 1 and self.idle_seconds() > RELOAD_SECONDS:
            self.calm.settle()

    def wake(self) -> None:
        """Look at the vault again at once."""
        self._version, self._loaded_at = None, -1e9
        self._poll()

    def _places(self) -> list[Place]:
        return [screen for screen in self.screen_stack if isinstance(screen, Place) and screen.is_mounted]
