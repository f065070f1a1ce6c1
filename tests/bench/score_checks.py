"""Precision and recall of every check, as the manual shows them.

    python tests/bench/score_checks.py [--list] [--write]

``--list`` names every miss and every false alarm, ``--write`` puts the table into the manual's page.
Without ``../shared/data`` only the project's own reports are scored, and that is said.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.checks_anywhere import anywhere  # noqa: E402 - a script: the repository comes first
from tests.checks_corpus import (  # noqa: E402 - a script: the repository comes first
    Trial,
    false_alarms,
    japanese,
    own_reports,
    scores,
    shared_reports,
    table,
    timelines,
    trials,
)

REPORTS = ROOT.parent / "shared" / "data" / "reports"
PAGE = ROOT / "teleread" / "help" / "checks.md"
BEGIN, END = "<!-- score -->", "<!-- /score -->"


def main(words: list[str]) -> None:
    """Score, print, and write where asked."""
    sets = {"tuned on": trials(own_reports("development")), "held out": trials(own_reports("held-out"))}
    own = [one for half in ("development", "held-out") for one in own_reports(half) if one.bare]
    terse = [one for one in own_reports("terse") if one.bare]
    everywhere = {"own": trials(anywhere(own)), "terse": trials([*terse, *anywhere(terse)])}
    quiet: list[Trial] = []
    if REPORTS.is_dir():
        sets["shared"] = trials([*shared_reports(REPORTS), *timelines(REPORTS)])
        everywhere["by others"] = trials(anywhere(shared_reports(REPORTS)))
        quiet = trials(japanese(REPORTS))
    else:
        print("No ../shared/data/reports: only the project's own reports are scored.")
    first = table({name: scores(done) for name, done in sets.items()})
    second = table({name: scores(done) for name, done in everywhere.items()})
    text = f"{first}\n\nOne error at every place where it can be made:\n\n{second}"
    print(text)
    print(_summary(sets, quiet))
    if "--list" in words:
        for name, done in (*sets.items(), *everywhere.items(), ("ja", quiet)):
            for one in done:
                for rule in sorted(one.report.expects - one.fired):
                    print(f"missed  {name}  {one.report.id}  {rule}")
                for rule in sorted(one.wrong):
                    print(f"false   {name}  {one.report.id}  {rule}")
    if "--write" in words:
        page = PAGE.read_text("utf-8")
        head, tail = page.partition(BEGIN)[0], page.partition(END)[2]
        PAGE.write_text(f"{head}{BEGIN}\n{text}\n\n{_summary(sets, quiet)}\n{END}{tail}", "utf-8")


def _summary(sets: dict[str, list[Trial]], quiet: list[Trial]) -> str:
    parts = []
    for name, done in sets.items():
        untouched = [one for one in done if not one.report.planted]
        wrong = false_alarms(untouched)
        parts.append(
            f"{name}: {len(done)} texts, {wrong.total()} false alarms on {len(untouched)} untouched ones"
        )
    if quiet:
        parts.append(f"Japanese: {false_alarms(quiet).total()} false alarms on {len(quiet)} reports")
    return "; ".join(parts) + "."


if __name__ == "__main__":
    began = time.perf_counter()
    main(sys.argv[1:])
    print(f"{time.perf_counter() - began:.1f} s", file=sys.stderr)
