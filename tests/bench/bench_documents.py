"""What a report costs in processor time: every document of it (goal: 1 s together), a signature (p95 100 ms),
opening a template of 60 fields (100 ms), searching 50,000 prior reports (50 ms).

python tests/bench/bench_documents.py [REPORTS]
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from teleread.documents.facts import facts_of
from teleread.documents.forms import FORMS, render_form
from teleread.model.report import SECTION_IDS
from teleread.model.text import clean
from teleread.reporting.drafting import fields_of, new_sections
from teleread.reporting.template_files import parse_template
from tests.unit import documents_cases as cases
from tests.unit import signing_cases as made
from tests.unit import vault_cases
from tests.unit.test_workstation_desk import AWAY, World

PRIORS, EACH, SIGNATURES, FIELDS = 50_000, 100, 40, 60
WORDS = (
    "liver",
    "kidney",
    "normal",
    "no",
    "focal",
    "lesion",
    "free",
    "left",
    "right",
    "lung",
    "nodule",
    "mm",
)
"""Every prior report holds most of them: the dearest words to look for."""
QUERIES = ("nodule", "liver no", "normal liver left kidney nodule", "rare17", "absent")


def main(count: int) -> None:
    """Write every form of so many reports and print the figures."""
    times: dict[str, list[float]] = {form: [] for form in FORMS}
    together = []
    for report in cases.reports(count):
        start = time.process_time()
        for form in FORMS:
            if form == "dicom-measurements" and not facts_of(report).measurements:
                continue
            before = time.process_time()
            render_form(report, form)
            times[form].append(time.process_time() - before)
        together.append(time.process_time() - start)
    print(f"{count} reports; milliseconds of processor time")
    print(f"{'form':<20} {'p50':>8} {'p95':>8} {'first':>8}")
    for form, found in {**times, "together": together}.items():
        shown(form, found)


def shown(name: str, found: list[float]) -> None:
    """A line of figures, from seconds."""
    p95 = statistics.quantiles(found, n=20)[-1] if len(found) > 1 else found[0]
    print(f"{name:<20} {statistics.median(found) * 1e3:8.1f} {p95 * 1e3:8.1f} {found[0] * 1e3:8.1f}")


def timed(times: int, what: Callable[[], object]) -> list[float]:
    """Seconds of processor time, so many times over."""
    out = []
    for _ in range(times):
        start = time.process_time()
        what()
        out.append(time.process_time() - start)
    return out


def signatures(folder: Path) -> None:
    """Freeze, sign, seal, into the outbox: a vault of its own, a case a signature."""
    world, found = World(folder), []
    for number in range(SIGNATURES):
        context = vault_cases.context(f"task-{number}")
        draft = world.written(world.task(context))
        start = time.process_time()
        world.desk.sign(draft, AWAY, pin=vault_cases.PIN)
        found.append(time.process_time() - start)
    world.desk.close()
    shown("sign", found[1:])
    shown("sign, with the PIN", found[:1])


def template() -> None:
    """From the file to the fields of a new draft."""
    rows = ['id = "many"', 'title = "Many"', 'version = "1"']
    for name in (*(one for one in SECTION_IDS if one != "findings"), "findings"):
        rows += ["[[section]]", f'id = "{name}"', f'label = "{name}"', 'loinc = "59776-5"']
    text = " ".join(f"[?field {number}]" for number in range(FIELDS))
    rows.append(f'text = "{text}"')
    for number in range(FIELDS):
        rows += ["[[section.field]]", f'id = "field-{number}"', f'label = "field {number}"']
        rows.append('choices = ["normal", "enlarged", "not seen"]')
    data = "\n".join(rows).encode()

    def opened() -> None:
        whole = parse_template(data, "many.toml")
        section = new_sections(whole, made.context())[-1]
        assert len(fields_of(section, whole)) == FIELDS

    shown(f"template, {FIELDS} fields", timed(20, opened))


def search(folder: Path) -> None:
    """Full text over prior reports in a sealed vault."""
    vault, dice = vault_cases.new_vault(folder), random.Random(1)
    for at in range(0, PRIORS, EACH):
        texts = (" ".join([*dice.choices(WORDS, k=80), f"rare{dice.randrange(4000)}"]) for _ in range(EACH))
        priors = [
            replace(vault_cases.prior(f"r{at + index}"), text=clean(text)) for index, text in enumerate(texts)
        ]
        vault.prior_reports.put(vault_cases.HUB, f"p{at}", priors)
    for query in QUERIES:
        shown(f"find {query}"[:20], timed(20, partial(vault.prior_reports.search, query)))
    vault.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
    template()
    with tempfile.TemporaryDirectory() as place:
        signatures(Path(place, "desk"))
        search(Path(place, "priors"))
