"""Replay seeds: ``python -m tests.simulation SEED [COUNT [KIND...]]``."""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import timedelta

from tests.simulation.kinds import MIXED
from tests.simulation.world import Failed, run


def main() -> int:
    """Run the seeds named; says what happened in them."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    kinds = sys.argv[3:] or MIXED
    told: Counter[str] = Counter()
    passed, failed, began = timedelta(), 0, time.process_time()
    for seed in range(first, first + count):
        try:
            happened, simulated = run(seed, kinds=kinds)
        except Failed as problem:
            if count == 1:
                raise
            failed += 1
            print(problem, flush=True)
            continue
        told.update(happened)
        passed += simulated
    seconds = time.process_time() - began
    hours = passed.total_seconds() / 3600
    print(f"{count} seeds, {failed} failed, {hours:.0f} h simulated in {seconds:.1f} s of processor time")
    print(f"{hours / max(seconds, 1e-9) * 60:.0f} simulated hours a minute")
    print(", ".join(f"{name}: {number}" for name, number in sorted(told.items())))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
