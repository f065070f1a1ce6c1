"""kill -9 of the engine at random moments of a fetch: each study completes, nothing whole is fetched twice.

The archive is the test's own and counts what it sends; the moment of each death is a random byte of what is
still missing, so that no clock decides.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from teleread.host.paths import Home
from teleread.model.study import StudyKey
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault
from tests.archive_factories import ct
from tests.e2e.counting_archive import CountingArchive
from tests.e2e.world import PASSPHRASE, Cli, environment

ROUNDS, ROUNDS_FULL = 10, 100
SLICES, SIZE = 60, 200
RATE = 6_000_000.0
PATIENCE = 120.0


def studies(count: int) -> dict[str, dict[str, bytes]]:
    """Made-up CT studies."""
    out = {}
    for number in range(1, count + 1):
        uid = f"1.2.826.0.1.3680043.8.498.9{number:04}"
        out[uid] = {f"{uid}.1.{index}": ct(index, size=SIZE, study=uid) for index in range(1, SLICES + 1)}
    return out


@dataclass
class Desk:
    """A reader's machine whose engine dies and comes back."""

    cli: Cli
    archive: CountingArchive
    hub_id: str = ""
    process: subprocess.Popen[bytes] | None = None
    lost: list[int] = field(default_factory=list)
    """Instances sent whole and not kept, for each death: what was on the line and in memory."""

    @contextmanager
    def vault(self) -> Iterator[Vault]:
        """The vault, as another process sees it."""
        from teleread.vault.keys import KeyFile

        paths = Home.find({"TELEREAD_HOME": str(self.cli.home)}).profile("default")
        master = KeyFile.load(paths.keys).by_passphrase(PASSPHRASE)
        vault = Vault.open(paths, Unlock("handoff", master))
        try:
            yield vault
        finally:
            vault.close()

    def start(self) -> None:
        """Start the engine."""
        more = {"TELEREAD_PULL_SECONDS": "3600", "TELEREAD_PREFETCH_CASES": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "teleread", "engine"],
            env=environment(self.cli.home, **self.cli.env, **more),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            cwd=self.cli.home,
        )

    def kill(self) -> None:
        """SIGKILL, and see it gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def die_at(self, byte: int) -> None:
        """Start the engine, and kill it when the archive has sent so many bytes in all."""
        reached = threading.Event()
        self.archive.on_bytes = lambda total: reached.set() if total >= byte else None
        self.start()
        assert reached.wait(PATIENCE), "the engine fetched nothing"
        self.kill()
        self.archive.on_bytes = lambda _: None
        self._settle()

    def _settle(self) -> None:
        """Wait until the archive notices that nobody reads any more."""
        before = -1
        while before != self.archive.bytes:
            before = self.archive.bytes
            time.sleep(0.1)

    def held(self, study: str) -> dict[str, str]:
        """What is here after a restart would have rescued it; whoever died holds no lock any more."""
        with self.vault() as vault:
            vault.recover()
            return vault.studies.held(self.hub_id, study)

    def until_whole(self, study: str) -> None:
        """Let the engine go on until the study is whole, then stop it in order."""
        self.start()
        assert self.process is not None
        with self.vault() as vault:
            end = time.monotonic() + PATIENCE
            while True:
                found = vault.studies.get(self.hub_id, study)
                if found is not None and found.state == "all":
                    break
                assert self.process.poll() is None
                assert time.monotonic() < end, found
                time.sleep(0.05)
        self.process.terminate()
        assert self.process.wait(60) == 0


def test_an_engine_killed_at_random_moments_of_a_fetch_completes_and_fetches_nothing_whole_twice(
    cli: Cli,
) -> None:
    rounds = ROUNDS_FULL if os.environ.get("TELEREAD_FULL") == "1" else ROUNDS
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    files = studies(rounds)
    archive = CountingArchive(files, RATE)
    with archive.serving() as address:
        hub = ("--fhir", "http://127.0.0.1:9/fhir", "--dicomweb", address)
        cli.json("init", "--hub", "site", *hub, "--no-input")
        desk = Desk(cli, archive)
        desk.hub_id = cli.json("hub", "show", "site")["hub_id"]
        deaths, waiting = 0, list(files)
        while deaths < rounds:
            study = waiting.pop(0)
            with desk.vault() as vault:
                vault.wishes.put(StudyKey(desk.hub_id, study), "first")
            held: dict[str, str] = {}
            for _ in range(dice.randint(1, 4)):
                missing = sum(len(data) for uid, data in files[study].items() if uid not in held)
                if deaths >= rounds or missing < 200_000:
                    break
                asked, sent = dict(archive.asked), dict(archive.sent)
                desk.die_at(archive.bytes + dice.randrange(missing * 9 // 10))
                deaths += 1
                again = [uid for uid in held if archive.asked[uid] > asked.get(uid, 0)]
                assert again == [], f"{len(again)} instances that were whole here were asked for again"
                now = desk.held(study)
                assert set(held) <= set(now), "what was whole is gone"
                came = sum(archive.sent[uid] - sent.get(uid, 0) for uid in files[study])
                desk.lost.append(came - (len(now) - len(held)))
                held = now
            asked = dict(archive.asked)
            desk.until_whole(study)
            assert [uid for uid in held if archive.asked[uid] > asked.get(uid, 0)] == []
            with desk.vault() as vault:
                check = vault.objects.verify(desk.hub_id, study)
                assert (check.good, check.damaged) == (SLICES, ())
                one = dice.choice(list(files[study]))
                assert vault.objects.read(desk.hub_id, study, one) == files[study][one]
    told = cli.json("cache", "verify")
    assert told["damaged"] == []
    print(f"{deaths} deaths; instances sent whole and not kept at a death: {sorted(desk.lost)}")
