"""A whole simulated world from one seed: readers, machines, hubs, faults, time; and what must hold."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final
from unittest import mock

from teleread.documents import fhir
from teleread.host.clock import FakeClock
from teleread.host.paths import Home, ProfilePaths
from teleread.model.task import TaskKey
from teleread.signing.rights import may_sign
from teleread.vault.seal import Kdf
from teleread.vault.vault import Vault
from tests.simulation.connection import SimCrash, connector
from tests.simulation.disk import Disk
from tests.simulation.hubs import SimHub, Wrong, quirky
from tests.simulation.kinds import KINDS, MIXED, WIRES
from tests.simulation.machine import Machine

__all__ = ["Failed", "World", "run"]

START: Final = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
CASES: Final = (1, 2, 6)
"""At each hub: few, so that readers meet; more, so that reports wait side by side."""
STEPS: Final = 50
HEALING: Final = 30
"""Passes over a mended world until all must be at its end."""

ACTS: Final = {
    "work": 50,
    "engine": 22,
    "typed": 6,
    "claim": 3,
    "write": 4,
    "addendum": 14,
    "undo": 2,
    "give-back": 2,
    "choose": 6,
}
OTHERS: Final = {
    "cancel": 2,
    "reassign": 3,
    "release": 3,
    "amend": 3,
    "correct": 1,
    "touch": 3,
    "report": 2,
    "images": 2,
}


class Failed(AssertionError):  # noqa: N818 - says which seed
    """A seed found something; the message holds the command that replays it."""


@cache
def template() -> tuple[ProfilePaths, dict[str, bytes], bytes]:
    """A fresh vault, made once."""
    folder = tempfile.mkdtemp(prefix="teleread-simulation-")
    paths = Home.find({"TELEREAD_HOME": folder}).profile("test")
    disk = Disk()
    vault, _ = Vault.create(
        paths,
        passphrase="correct horse",
        pin=None,
        clock=FakeClock(START),
        connect=connector(disk, lambda: None),
        kdf=Kdf(memory_kib=8, passes=1),
        ballast_bytes=0,
    )
    key = vault.master_handoff()
    vault.close()
    disk.unregister()
    return paths, disk.image(), key


@contextlib.contextmanager
def seeded(dice: random.Random) -> Iterator[None]:
    """Names and nonces from the seed too: a seed is the same world everywhere. No PDF in each report."""

    def name() -> uuid.UUID:
        return uuid.UUID(int=dice.getrandbits(128), version=4)

    with (
        mock.patch.object(uuid, "uuid4", name),
        mock.patch.object(os, "urandom", dice.randbytes),
        mock.patch.object(fhir, "_newest", return_value=1),
        contextlib.ExitStack() as wires,
    ):
        for one in WIRES:
            wires.enter_context(one())
        yield


class World:
    """Everything from one seed."""

    def __init__(self, seed: int, kinds: Sequence[str] = MIXED) -> None:
        self.dice = random.Random(seed)
        # Of their own, so that a world of FHIR alone is the same whatever other kinds there are.
        self._kinds = random.Random(f"kinds of {seed}").choices(kinds, k=2)
        self.told: Counter[str] = Counter()
        self.now = START
        self.cases = self.dice.choice(CASES)
        paths, image, key = template()
        count = self.dice.choice([1, 1, 2])
        self.hubs = {f"hub-{n + 1}": self._hub(f"hub-{n + 1}", self._kinds[n]) for n in range(count)}
        book: dict[str, Any] = {}
        for hub in self.hubs.values():
            hub.book = book
            self.told[f"hub {hub.kind}"] += 1
        readers = self.dice.choice([["a"], ["a", "b"], ["a", "a"], ["a", "a", "b"]])
        self.machines = [
            Machine(
                n,
                reader,
                self.hubs,
                (image, key),
                paths,
                self.now + timedelta(seconds=self.dice.choice([0, 0, 400, -7200])),
                self.dice,
                self.told,
            )
            for n, reader in enumerate(readers)
        ]

    def _hub(self, name: str, kind: str) -> SimHub:
        now = self.now + timedelta(seconds=self.dice.choice([0, 90]))
        hub = KINDS[kind](quirks=quirky(self.dice), name=name, now=now)
        for number in range(1, self.cases + 1):
            hub.others("offer", number, self.dice)
        hub.back_up()
        return hub

    def close(self) -> None:
        for one in self.machines:
            one.close()
        for hub in self.hubs.values():
            hub.leave()

    # -- one step -----------------------------------------------------------------------------------------

    def step(self) -> None:
        """Time passes, the world changes, somebody does something, and all is looked at."""
        self._time()
        self._weather()
        if self.dice.random() < 0.15:
            act = self._drawn(OTHERS)
            self.told[act] += 1
            self.dice.choice(list(self.hubs.values())).others(
                act, self.dice.randint(1, self.cases), self.dice
            )
        machine = self.dice.choice(self.machines)
        act = self._drawn(ACTS)
        self._doomed(machine)
        try:
            machine.do(act)
        except SimCrash:
            self.told[f"crash in {act}"] += 1
            machine.crash(power=self.dice.random() < 0.5)
            machine.check_audit()
        machine.crash_in = machine.disk.crash_in = None
        machine.disk.full = False
        self.check(machine)

    def _drawn(self, weights: dict[str, int]) -> str:
        return self.dice.choices(list(weights), list(weights.values()))[0]

    def _time(self) -> None:
        seconds = 10 ** self.dice.uniform(0, 3.6)
        self.now += timedelta(seconds=seconds)
        for one in self.machines:
            one.clock.advance(seconds)
        for hub in self.hubs.values():
            hub.tick(self.now)

    def _weather(self) -> None:
        chance = self.dice.random
        for machine in self.machines:
            for line in machine.lines.values():
                if chance() < 0.15:
                    line.up = chance() < 0.75
                    line.chance = self.dice.choice([0.0, 0.0, 0.05, 0.3])
                if chance() < (0.3 if line.expired else 0.02):
                    line.expired = not line.expired
            if chance() < 0.02:
                self.told["clock jumped"] += 1
                machine.clock.jump(self.dice.choice([-86400, -400, 400, 86400]))
        for hub in self.hubs.values():
            if chance() < 0.05:
                hub.back_up()
            if chance() < 0.01:
                self.told["restored from backup"] += 1
                hub.restore()

    def _doomed(self, machine: Machine) -> None:
        draw = self.dice.random()
        if draw < 0.07:
            machine.crash_in = self.dice.randint(1, 80)
        elif draw < 0.14:
            machine.disk.crash_in = self.dice.randint(1, 60)
        elif draw < 0.16:
            self.told["disk full"] += 1
            machine.disk.full = True

    # -- what must hold -----------------------------------------------------------------------------------

    def check(self, machine: Machine) -> None:
        """What holds at every step."""
        for hub in self.hubs.values():
            hub.check_once()
            if hub.wrong:
                raise Wrong(hub.wrong[0])
        machine.check()

    def heal(self) -> None:
        """The world is mended; everything has to come to its end."""
        for machine in self.machines:
            for line in machine.lines.values():
                line.up, line.chance, line.expired = True, 0.0, False
        for _ in range(HEALING):
            self._passes()
            if all(self._rests(one) for one in self.machines):
                break
        for machine in self.machines:
            self._check_rest(machine)
        for _ in range(HEALING):
            if not any(one.vault.outbox.open() for one in self.machines):
                break
            for machine in self.machines:
                machine.finish()
            self._passes()
        self._passes()
        self._check_end()

    def _passes(self) -> None:
        self.now += timedelta(minutes=30)
        for hub in self.hubs.values():
            hub.tick(self.now)
        for machine in self.machines:
            machine.clock.advance(1800)
            machine.do("typed")
            self.check(machine)

    @staticmethod
    def _rests(machine: Machine) -> bool:
        return all(one.state in {"needs_attention", "held"} for one in machine.vault.outbox.open())

    def _check_rest(self, machine: Machine) -> None:
        waiting = [one for one in machine.vault.outbox.open() if one.state in {"queued", "sending"}]
        if waiting:
            raise Wrong(f"{machine.name}: an item never ends ({waiting[0].kind}, {waiting[0].why})")

    def _check_end(self) -> None:
        for machine in self.machines:
            # A question about a draft may be a new one: it is there to be answered, not to end by itself.
            left = [one for one in machine.vault.outbox.open() if one.kind != "draft"]
            if left:
                raise Wrong(f"{machine.name}: {left[0].kind} does not end by its choices ({left[0].why})")
            machine.check_audit()
            machine.check_told()
            self._check_held(machine)
        self._check_claims()
        for hub in self.hubs.values():
            hub.check_finals()

    def _check_held(self, machine: Machine) -> None:
        """Whatever was delivered is at the hub: it, or a later version of the same report."""
        for item in machine.vault.outbox.list():
            hub, reports = self.hubs[item.key.hub_id], machine.vault.reports
            report = reports.find(item.report_id, item.report_version) if item.report_id else None
            if report is None or item.state != "delivered":
                continue
            if machine.clock.now() - report.signed_at > timedelta(days=6):
                continue
            if not hub.check_held(report.report_id, report.sha256):
                raise Wrong(f"{machine.name}: {hub.name} lost a delivered report and nobody noticed")

    def _check_claims(self) -> None:
        for hub_id, hub in self.hubs.items():
            held: dict[str, set[str]] = {}
            for one in self.machines:
                for key in one.vault.claims.held():
                    if key.hub_id == hub_id and _may_sign(one, key):
                        held.setdefault(hub.case_of(key.task_id), set()).add(one.reader)
            hub.check_claims(held)


def _may_sign(machine: Machine, key: TaskKey) -> bool:
    """By what the machine knows: a case that ended for it is signed by nobody there."""
    context = machine.vault.worklist.get(key)
    file = next(one for one in machine.files_of if one.hub_id == key.hub_id)
    return context is not None and may_sign(file, context)[0]


def run(seed: int, steps: int = STEPS, kinds: Sequence[str] = MIXED) -> tuple[Counter[str], timedelta]:
    """Run one seed.

    Args:
        seed: The seed.
        steps: How much happens before the world is mended.
        kinds: Of hubs, drawn from.

    Returns:
        What happened, and how much time passed in the simulation.

    Raises:
        Failed: Something does not hold.
    """
    template()
    dice = random.Random(~seed)
    with seeded(dice):
        world = World(seed, kinds)
        at = 0
        try:
            for at in range(steps):  # noqa: B007 - told below
                world.step()
            world.heal()
        except Exception as problem:
            more = "" if kinds == MIXED else f" 1 {' '.join(kinds)}"
            raise Failed(
                f"seed {seed}, step {at}: {problem}\nreplay: python -m tests.simulation {seed}{more}"
            ) from problem
        finally:
            world.close()
    return world.told, world.now - START
