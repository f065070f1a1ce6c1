"""Sync, outbox, vault and reconciling in simulated worlds; a failing seed says how it is replayed.

Some hundred seeds every time: fresh ones at FHIR hubs, known ones at hubs of every kind. A full run walks
through ten thousand fresh ones at hubs of every kind.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import timedelta

import pytest

pytest.importorskip("apsw", reason="apsw is not installed (pip install apsw): the simulation did NOT run")

from tests.simulation.kinds import KINDS, MIXED
from tests.simulation.world import run

SHARES = 8
SEEDS = 272
FULL_SEEDS = 10_000
OF_EVERY_KIND = 6
"""The first share of a short run that meets hubs of every kind."""
KNOWN = 9_200_000
"""Where the seeds of those begin."""
FIRST = os.environ.get("TELEREAD_SIMULATION_SEED", "")
"""The first fresh seed, where a run is to be the same as another."""


@pytest.mark.parametrize("share", range(SHARES))
def test_whatever_happens_every_report_arrives_once_and_nothing_is_lost(share: int, full: bool) -> None:
    count = (FULL_SEEDS if full else SEEDS) // SHARES
    mixed = full or share >= OF_EVERY_KIND
    # Seeds nobody has seen, unless the first is given: a failure prints its own.
    first = int(FIRST) + share * count if FIRST else random.SystemRandom().randrange(10**9)
    if mixed and not full:
        first = KNOWN + (share - OF_EVERY_KIND) * count
    told: Counter[str] = Counter()
    simulated = timedelta()
    for seed in range(first, first + count):
        happened, passed = run(seed, kinds=MIXED if mixed else ("fhir",))
        told.update(happened)
        simulated += passed
    print(f"from seed {first}: {simulated.total_seconds() / 3600:.0f} h; {dict(sorted(told.items()))}")
    assert told["signed"]
    assert told["power cut"]
    assert {f"hub {kind}" for kind in (KINDS if mixed else ("fhir",))} <= told.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_is_the_same_world_each_time(kind: str) -> None:
    assert run(20, kinds=(kind,)) == run(20, kinds=(kind,))
