"""Planning and choosing what to purge over ten thousand studies, in a real vault and as pure functions.

usage: python tests/bench/bench_plan.py [--studies 10000] [--runs 9]
Prints medians; nothing is asserted. Goals: a plan in under 50 ms, a choice in under 20 ms.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from teleread.archive.eviction import Budget, HeldStudy, choose  # noqa: E402 # the checkout comes first
from teleread.archive.planner import READABLE, plan  # noqa: E402
from teleread.archive.plans import Rules, Situation  # noqa: E402
from teleread.host.clock import SystemClock  # noqa: E402
from teleread.model.hubfile import HubFile  # noqa: E402
from teleread.model.text import clean  # noqa: E402
from teleread.sync.outlook import Outlook  # noqa: E402
from teleread.sync.policy import Policy  # noqa: E402
from teleread.sync.room import Room  # noqa: E402
from tests.archive_factories import make_vault  # noqa: E402
from tests.unit.vault_cases import context  # noqa: E402

HUB = HubFile("hub", "bench", fhir="https://h", dicomweb="https://a", reader_id="reader")


def timed(name: str, runs: int, act: Callable[[], object]) -> None:
    """Run an act some times, after once for warming up, and print its median."""
    act()
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        act()
        took.append((time.perf_counter() - start) * 1000)
    print(f"{name:66} {statistics.median(took):7.2f} ms  (worst {max(took):.2f})")


def main() -> int:
    """Fill a vault, measure, print."""
    words = argparse.ArgumentParser()
    words.add_argument("--studies", type=int, default=10_000)
    words.add_argument("--runs", type=int, default=9)
    asked = words.parse_args()
    count = asked.studies
    with tempfile.TemporaryDirectory(prefix="teleread-bench-") as name:
        vault = make_vault(Path(name), clock=SystemClock())
        tasks = []
        for number in range(count):
            one = context(f"t{number}", hub="hub", study_uid=f"1.2.{number}", accession=f"A{number}")
            owner = "Practitioner/reader" if number < 40 else "Practitioner/other" if number % 3 == 0 else ""
            status = "completed" if number % 5 == 4 else "requested"
            tasks.append(replace(one, task=replace(one.task, owner=clean(owner), status=clean(status))))
        vault.worklist.put_page("hub", tasks, vault.clock.now())
        with vault.cache_transaction() as connection:
            connection.executemany(
                "INSERT INTO study (hub_id, study_uid, expected, modality, held, bytes, used_at)"
                " VALUES ('hub', ?, 300, 'CT', ?, 5000000, ?)",
                [(f"1.2.{number}", 300 if number % 2 else 100, f"{number:06}") for number in range(count)],
            )
        policy = Policy(Rules(), Budget(count * 4_000_000, 0))
        rows = list(vault.worklist.items())
        now = vault.clock.now()
        held = [HeldStudy(*one) for one in vault.studies.sizes()]
        keep = {("hub", f"1.2.{number}"): "kept" for number in range(0, count, 3)}
        done = {("hub", f"1.2.{number}") for number in range(0, count, 7)}
        need = count * 1_000_000
        print(f"{count} studies held, {count} tasks, {asked.runs} runs, medians")
        timed(
            "plan, pure, over every task",
            asked.runs,
            lambda: plan(rows, Rules(), Situation(now), mine=lambda row: row.owner.endswith("reader")),
        )
        outlook = Outlook(vault, [HUB], policy)
        timed("plan from the vault (what the engine does before each fetch)", asked.runs, outlook.plan)
        room = Room(vault, [HUB], policy)
        made = outlook.plan()
        timed(
            "the plan fitted into the room, with every study's size read", asked.runs, lambda: room.fit(made)
        )
        timed(
            "choice of what to purge, pure", asked.runs, lambda: choose(held, need, keep=keep, delivered=done)
        )
        timed(
            "cheap look for stat cases (several times a second)",
            asked.runs,
            lambda: vault.studies.unfinished_stat(sorted(READABLE)),
        )
        vault.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
