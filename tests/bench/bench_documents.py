"""How long every document of a signed report takes: p50 and p95; the goal is 1 s together.

python tests/bench/bench_documents.py [REPORTS]
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from teleread.documents.facts import facts_of
from teleread.documents.forms import FORMS, render_form
from tests.unit import documents_cases as cases


def main(count: int) -> None:
    """Write every form of so many reports and print the figures."""
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    together = []
    for report in cases.reports(count):
        start = time.perf_counter()
        for form in FORMS:
            if form == "dicom-measurements" and not facts_of(report).measurements:
                continue
            before = time.perf_counter()
            render_form(report, form)
            times[form].append(time.perf_counter() - before)
        together.append(time.perf_counter() - start)
    print(f"{count} reports; milliseconds")
    print(f"{'form':<20} {'p50':>8} {'p95':>8} {'first':>8}")
    for form, found in {**times, "together": together}.items():
        p95 = statistics.quantiles(found, n=20)[-1] if len(found) > 1 else found[0]
        print(f"{form:<20} {statistics.median(found) * 1e3:8.1f} {p95 * 1e3:8.1f} {found[0] * 1e3:8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
