"""The effect of the planner's rules on a simulated evening, as a table and a picture for the manual.

usage: python tests/bench/plot_evening.py [--seeds 8] [--out teleread/help/pictures/prefetch-evening.svg]
Writes SVG by hand; prints the table that stands in `teleread/help/prefetch.md`. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from teleread.archive.plans import Rules  # noqa: E402 # the checkout comes first
from tests.evening import Told, evenings, share  # noqa: E402

NOTHING = {"priors": 0, "thumbnails": 0, "later": 0}
CASES = (1, 2, 3, 5, 10)
RATES = (5, 10, 20, 50, 100)


def of_rules(job: tuple[int, bool, int]) -> list[Told]:
    """Evenings with so many cases kept ready, with or without what is further down."""
    cases, later, seeds = job
    rules = Rules(cases=cases) if later else Rules(cases=cases, thumbnails=0, later=0)
    return evenings(range(seeds), rules=rules, claimed=0.0)


def of_rate(job: tuple[int, int]) -> list[Told]:
    """Evenings on another line, with the rules as they come."""
    rate, seeds = job
    return evenings(range(seeds), rate=rate * 1e6 / 8)


def polyline(points: list[tuple[float, float]], colour: str, dash: str = "") -> str:
    """One curve with its points."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{style}/>{dots}'


def panel(
    left: int, title: str, labels: list[str], curves: list[tuple[str, str, str, list[float]]], bottom: float
) -> str:
    """One diagram: share of opens that were ready over the labels.

    Args:
        left: Its left edge, pixels.
        title: Above it.
        labels: Of the horizontal axis.
        curves: (name, colour, dash, shares).
        bottom: Share at the bottom.
    """
    width, height, top = 330, 220, 50

    def at(index: int, value: float) -> tuple[float, float]:
        x = left + 20 + index * (width - 40) / max(1, len(labels) - 1)
        return x, top + height * (1 - (max(bottom, value) - bottom) / (1 - bottom))

    out = [f'<text x="{left}" y="24" font-size="14">{title}</text>']
    for step in range(6):
        value = bottom + (1 - bottom) * step / 5
        y = at(0, value)[1]
        out.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ccc"/>')
        out.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * value:.0f} %</text>')
    y99 = at(0, 0.99)[1]
    out.append(
        f'<line x1="{left}" y1="{y99:.1f}" x2="{left + width}" y2="{y99:.1f}"'
        ' stroke="#888" stroke-dasharray="2 3"/>'
    )
    for index, label in enumerate(labels):
        x, y = at(index, bottom)[0], top + height + 18
        out.append(f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{label}</text>')
    for number, (name, colour, dash, shares) in enumerate(curves):
        out.append(polyline([at(index, one) for index, one in enumerate(shares)], colour, dash))
        out.append(
            f'<text x="{left + 8}" y="{top + height + 40 + 16 * number}" fill="{colour}">{name}</text>'
        )
    return "".join(out)


def waited(told: list[Told]) -> float:
    """Minutes waited in a mean evening."""
    return sum(one.waited for one in told) / len(told) / 60


def main() -> int:
    """Simulate, print, draw."""
    words = argparse.ArgumentParser()
    words.add_argument("--seeds", type=int, default=8)
    words.add_argument("--out", type=Path, default=ROOT / "teleread/help/pictures/prefetch-evening.svg")
    asked = words.parse_args()
    rules = [(cases, later, asked.seeds) for later in (False, True) for cases in CASES]
    rates = [(rate, asked.seeds) for rate in RATES]
    with ProcessPoolExecutor(2) as pool:
        by_rules, by_rate = list(pool.map(of_rules, rules)), list(pool.map(of_rate, rates))
    bare, full = by_rules[: len(CASES)], by_rules[len(CASES) :]
    print("| cases kept ready | next cases alone | further down too (default) | minutes waited |")
    print("|---|---|---|---|")
    for cases, without, more in zip(CASES, bare, full, strict=True):
        shares = f"{100 * share(without):.1f} % | {100 * share(more):.1f} %"
        print(f"| {cases} | {shares} | {waited(without):.1f}, {waited(more):.1f} |")
    print("\n| line | ready at open | with priors | minutes waited | of the misses, beyond any plan |")
    print("|---|---|---|---|---|")
    for rate, told in zip(RATES, by_rate, strict=True):
        missed = sum(one.opened - one.ready for one in told)
        soon = sum(one.too_soon for one in told)
        shares = f"{100 * share(told):.1f} % | {100 * share(told, lambda one: one.with_priors):.1f} %"
        print(f"| {rate} Mbit/s | {shares} | {waited(told):.1f} | {soon} of {missed} |")
    left = panel(
        60,
        "Ready at open, by cases kept ready (20 Mbit/s)",
        [str(one) for one in CASES],
        [
            ("next cases alone", "#b3561b", "6 4", [share(one) for one in bare]),
            ("and further down while line and room are free", "#1b6ab3", "", [share(one) for one in full]),
        ],
        0.5,
    )
    right = panel(
        470,
        "Ready at open, by line (rules as they come)",
        [f"{one}" for one in RATES],
        [("Mbit/s; dotted: 99 %", "#1b6ab3", "", [share(one) for one in by_rate])],
        0.5,
    )
    asked.out.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="830" height="340" viewBox="0 0 830 340"'
        ' font-family="sans-serif" font-size="11" fill="#222">'
        f'<rect width="830" height="340" fill="#fff"/>{left}{right}</svg>\n',
        "utf-8",
    )
    print(f"\nwritten: {asked.out.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
