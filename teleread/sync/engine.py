"""The engine: pull, prefetch and push in the background, one a vault, until it is told to stop."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from teleread.host.clock import Clock
from teleread.host.filelock import OsLock
from teleread.hub.port import Listens
from teleread.model.errors import TelereadError
from teleread.model.events import Event
from teleread.model.hubfile import HubFile
from teleread.vault.exchange import Request
from teleread.vault.vault import Vault

if TYPE_CHECKING:
    from .policy import Policy
    from .works import SignIn

from .listening import QUIET_SECONDS, Listener
from .prefetch import SLOTS, Prefetcher
from .requests import error_json, pass_over, perform
from .works import Sites, Works

__all__ = ["Engine", "EngineSettings", "run"]

POLL_SECONDS: Final = 0.05
"""How often requests are looked for."""
WATCH_SECONDS: Final = 0.25
"""How often stat studies that were not there are looked for: a stat case goes first within a second."""
LONGEST_PAUSE: Final = 300.0
"""Longest pause between two looks at a hub that does not answer, seconds."""
IDLE_SECONDS: Final = 5
"""How long nobody has to need an engine until it leaves."""
JOIN_SECONDS: Final = 20.0
"""How long an engine that was told to stop waits for work in hand."""

Emit = Callable[[Event], None]
_WAKING: Final = frozenset({"case-opened", "fetch-wished", "claimed", "pulled"})
"""Events after which the plan may be another one."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How an engine works."""

    pull_seconds: float = 20.0
    prefetch_cases: int = 5
    prefetch_priors: int = 2
    policy: Callable[[], Policy] | None = None
    """What is wanted of prefetching and the cache, asked for again and again; the two numbers by default."""
    sign_in: SignIn | None = None
    """Signs in at a hub for a window."""
    once: bool = False
    """One pass, then stop."""
    leave_when_idle: Callable[[], bool] | None = None
    """Asked now and then: whether nobody needs the engine any more."""


def run(
    vault: Vault,
    sites: Sites,
    clock: Clock,
    stop: threading.Event,
    settings: EngineSettings,
    emit: Emit | None = None,
) -> bool:
    """Work until stopped.

    Args:
        vault: The open vault.
        sites: Hubs and archives.
        clock: Local clock.
        stop: Ends it.
        settings: How it works.
        emit: Takes every event, as it is stored.

    Returns:
        Whether nothing was left undone by a hub that did not answer.

    Raises:
        TelereadError: ``engine-runs``: another one does.
    """
    lock = OsLock(vault.paths.engine_lock)
    # A probe of somebody who asks whether an engine runs holds the lock for an instant.
    if not lock.acquire(1.0):
        raise TelereadError(
            "An engine is running for this vault already.",
            remedy="There is nothing to do.",
            code="engine-runs",
        )
    try:
        return Engine(vault, sites, clock, stop, settings, emit).run()
    finally:
        lock.release()


@dataclass(slots=True)
class _Line:
    """How one hub's line has been."""

    failures: int = 0
    due: float = 0.0
    dice: random.Random = field(default_factory=random.Random)
    listener: Listener | None = None
    """Where the hub tells by itself that something changed."""

    @property
    def heard(self) -> bool:
        """Whether the hub told so since it was last asked."""
        return self.listener is not None and self.listener.heard()


class Engine:
    """The loops; `run` holds the lock around them."""

    def __init__(
        self,
        vault: Vault,
        sites: Sites,
        clock: Clock,
        stop: threading.Event,
        settings: EngineSettings,
        emit: Emit | None,
    ) -> None:
        self._vault = vault
        self._sites = sites
        self._clock = clock
        self._stop = stop
        self._settings = settings
        self._emit = emit
        self._told = vault.events.last_id()
        self._works = Works(
            vault,
            sites,
            clock,
            settings.prefetch_cases,
            settings.prefetch_priors,
            policy=settings.policy,
            sign_in=settings.sign_in,
        )
        self._prefetcher = Prefetcher(self._works, stop)
        self._clean = True
        self._began = clock.now()
        self._idle = 0
        self._listeners: dict[str, Listener] = {}
        self._ask_at = clock.monotonic() + 10.0

    def run(self) -> bool:
        """Work until stopped, or one pass."""
        self._vault.objects.recover()
        self._vault.events.emit("engine-started", {})
        try:
            if self._settings.once:
                self._once()
            else:
                self._loops()
        finally:
            self._works.handoffs.close()
            self._vault.events.emit("engine-stopped", {})
            self._pass_on()
        return self._clean

    def _once(self) -> None:
        for file in self._sites.files():
            self._look(file, _Line())
            self._pass_on()
        self._prefetcher.once()
        while (request := self._vault.requests.take()) is not None:
            self._answer(request)
        self._pass_on()

    # -- the loops -----------------------------------------------------------------------------------------

    def _loops(self) -> None:
        prefetcher = self._prefetcher
        workers: dict[str, threading.Thread] = {
            f"fetch {slot}": self._start(f"fetch {slot}", partial(prefetcher.loop, slot)) for slot in SLOTS
        }
        answering: list[threading.Thread] = []
        watched = -WATCH_SECONDS
        seen: int | None = None
        while not self._stop.is_set():
            if (now := self._clock.monotonic()) - watched >= WATCH_SECONDS:
                watched = now
                self._keep_working(workers)
                prefetcher.watch()
            answering = [one for one in answering if one.is_alive()]
            # Requests and events lie in one file: where it has not moved, neither is looked for.
            if (version := self._vault.cache_database.version()) != seen:
                seen = version
                answering += self._requests()
                self._pass_on()
            if not answering and self._nobody_left():
                self._stop.set()
            self._stop.wait(POLL_SECONDS)
        for one in [*workers.values(), *answering]:
            one.join(JOIN_SECONDS)

    def _keep_working(self, workers: dict[str, threading.Thread]) -> None:
        """Start the worker of each hub and each slot that has none, or whose worker ended."""
        for file in self._sites.files():
            name = f"hub {file.hub_id}"
            if name not in workers or not workers[name].is_alive():
                workers[name] = self._start(name, self._hub_loop(file.hub_id))
        for slot in SLOTS:
            if not workers[f"fetch {slot}"].is_alive():
                work = partial(self._prefetcher.loop, slot)
                workers[f"fetch {slot}"] = self._start(f"fetch {slot}", work)

    def _nobody_left(self) -> bool:
        """Whether nobody has needed the engine for some seconds."""
        asked, now = self._settings.leave_when_idle, self._clock.monotonic()
        if asked is None or now < self._ask_at:
            return False
        self._ask_at = now + 1.0
        self._idle = self._idle + 1 if asked() else 0
        return self._idle >= IDLE_SECONDS

    def _start(self, name: str, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._bounded(work), name=name, daemon=True)
        thread.start()
        return thread

    def _bounded(self, work: Callable[[], None]) -> Callable[[], None]:
        """The boundary of a worker: an error of ours costs a pass, never the engine."""

        def guarded() -> None:
            try:
                work()
            except TelereadError:
                # Told by whoever raised it; the loop is started again by the next round.
                self._stop.wait(1.0)

        return guarded

    def _hub_loop(self, hub_id: str) -> Callable[[], None]:
        def loop() -> None:
            line, fresh = _Line(), self._newness(hub_id)
            while not self._stop.is_set():
                due = self._clock.monotonic() >= line.due or line.heard
                if due or (not line.failures and fresh()):
                    file = next((one for one in self._sites.files() if one.hub_id == hub_id), None)
                    if file is None:
                        return
                    self._look(file, line)
                self._stop.wait(0.2)

        return loop

    def _newness(self, hub_id: str) -> Callable[[], bool]:
        """Whether something never tried waits for this hub: a signature goes at once.

        Looked for when the database moved, and every second for what only waited for its time.
        """
        seen: tuple[int, int] | None = None

        def fresh() -> bool:
            nonlocal seen
            now = (self._vault.reports_database.version(), int(self._clock.monotonic()))
            moved, seen = now != seen, now
            return moved and any(
                one.key.hub_id == hub_id and not one.attempts for one in self._vault.outbox.due()
            )

        return fresh

    def _look(self, file: HubFile, line: _Line) -> None:
        line.listener = line.listener or self._listener(file.hub_id)
        told = pass_over(self._works, file, pull=True, push=True, ignore_backoff=False)
        if told.get("error"):
            self._clean = False
            line.failures += 1
            bound = min(LONGEST_PAUSE, self._settings.pull_seconds * 2 ** min(line.failures, 8))
            pause = max(1.0, line.dice.uniform(0, bound)) if told["offline"] else bound
            self._vault.events.emit("hub-waits", {"hub": file.hub_id, "seconds": round(pause)})
        else:
            line.failures = 0
            pause = self._settings.pull_seconds
            # What waits for its next try is not left lying until then, and claims are renewed in time.
            if line.listener is not None and line.listener.open and not told["waiting"]:
                quiet = min(QUIET_SECONDS, file.lease_minutes * 15 or QUIET_SECONDS)
                pause = max(pause, quiet)
        line.due = self._clock.monotonic() + pause

    def _listener(self, hub_id: str) -> Listener | None:
        """A hub's channel, opened once an engine; None where it has none, or cannot be spoken to."""
        known = self._listeners.get(hub_id)
        if known is None and not self._settings.once:
            try:
                if not isinstance(self._sites.hub(hub_id), Listens):
                    return None
            except TelereadError:
                return None  # the pass tells what is wrong
            known = self._listeners[hub_id] = Listener(self._sites, hub_id, self._stop)
            self._start(f"events {hub_id}", known.loop)
        return known

    # -- requests and events -------------------------------------------------------------------------------

    def _requests(self) -> list[threading.Thread]:
        """Take what was asked for; each is answered in its own thread, so that none waits for a fetch."""
        started = []
        while (request := self._vault.requests.take()) is not None:
            if request.kind == "stop":
                if request.at < self._began:
                    continue  # meant for an engine that ended before it read this
                self._stop.set()
                self._vault.events.emit("request-done", {}, request.id)
                break
            started.append(self._start(f"request {request.id}", self._answering(request)))
        return started

    def _answering(self, request: Request) -> Callable[[], None]:
        return lambda: self._answer(request)

    def _answer(self, request: Request) -> None:
        try:
            told = {"answer": perform(self._works, request.kind, request.args)}
        except TelereadError as error:
            told = {"error": error_json(error)}
        except Exception as error:  # the worker boundary: whoever asked must get an answer
            told = {"error": error_json(_unforeseen(error))}
        self._vault.events.emit("request-done", {"kind": request.kind, **told}, request.id)

    def _pass_on(self) -> None:
        for event in self._vault.events.since(self._told):
            self._told = event.id
            if event.kind in _WAKING:
                self._prefetcher.nudge()
            if self._emit is not None:
                self._emit(_printable(event))


def _printable(event: Event) -> Event:
    """An event without what opens something while it lives: the link of a hand-off, the code of a sign-in."""
    if event.kind == "sign-in-code":
        return replace(event, data={"mark": event.data.get("mark"), "hub": event.data.get("hub")})
    if event.data.get("kind") != "handoff":
        return event
    return replace(event, data={name: one for name, one in event.data.items() if name != "answer"})


def _unforeseen(error: Exception) -> TelereadError:
    return TelereadError(
        "Something went wrong in the engine that should not.",
        "What was saved and signed is safe.",
        "Try again; report it if it comes back.",
        code=f"engine-{type(error).__name__.lower()}",
    )
