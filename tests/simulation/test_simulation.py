"""Sync, outbox, vault and reconciling in simulated worlds; a failing seed says how it is replayed.

Some hundred fresh seeds every time, ten thousand in a full run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import timedelta

import pytest

pytest.importorskip("apsw", reason="apsw is not installed (pip install apsw): the simulation did NOT run")

from tests.simulation.world import run

SHARES = 8
SEEDS = 200
FULL_SEEDS = 10_000
FIRST = os.environ.get("TELEREAD_SIMULATION_SEED", "")
"""The first seed, where a run is to be the same as another."""


@pytest.mark.parametrize("share", range(SHARES))
def test_whatever_happens_every_report_arrives_once_and_nothing_is_lost(share: int, full: bool) -> None:
    count = (FULL_SEEDS if full else SEEDS) // SHARES
    # Seeds nobody has seen, unless the first is given: a failure prints its own.
    first = int(FIRST) + share * count if FIRST else random.SystemRandom().randrange(10**9)
    told: Counter[str] = Counter()
    simulated = timedelta()
    for seed in range(first, first + count):
        happened, passed = run(seed)
        told.update(happened)
        simulated += passed
    print(f"from seed {first}: {simulated.total_seconds() / 3600:.0f} h; {dict(sorted(told.items()))}")
    assert told["signed"]
    assert told["power cut"]


def test_a_seed_is_the_same_world_each_time() -> None:
    assert run(20) == run(20)
