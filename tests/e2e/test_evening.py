"""A simulated evening over the real planner: the next case is here when the reader opens it."""

from __future__ import annotations

import os
import random

import pytest

from teleread.archive.plans import Rules
from tests.evening import Evening, Simulation, Told, evenings, share

FULL = os.environ.get("TELEREAD_FULL") == "1"
SEEDS = tuple(range(20)) if FULL else (1, 3)


@pytest.fixture(scope="module")
def told() -> list[Told]:
    """The evenings, and in a full run as many fresh ones."""
    fresh = [random.SystemRandom().randrange(1 << 30) for _ in range(20)] if FULL else []
    print(f"fresh seeds {fresh}")
    return evenings((*SEEDS, *fresh))


def test_the_next_case_is_ready_at_99_of_100_opens(told: list[Told]) -> None:
    ready, opened = share(told), sum(one.opened for one in told)
    print(f"{opened} opened, {100 * ready:.2f} % ready: {told}")
    assert opened >= 180 * len(told)
    assert ready >= 0.99


def test_the_quota_holds_all_evening_and_next_to_nothing_is_fetched_twice(told: list[Told]) -> None:
    for one in told:
        assert one.most <= Evening(0).quota + 1
        assert one.purged > 20
        assert one.refetched <= 2


def test_without_prefetching_the_reader_waits(told: list[Told]) -> None:
    rules = Rules(cases=0, priors=0, thumbnails=0, later=0)
    bare = Simulation(Evening(SEEDS[0], claimed=0.0, rules=rules)).run()
    assert bare.share < 0.1
    assert bare.waited > 20 * sum(one.waited for one in told) / len(told)
