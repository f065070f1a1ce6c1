"""A report's whole life by commands: read unsigned, signed, added to, corrected, withdrawn, reported anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.flow import Place, a_film, set_up, written
from tests.e2e.seeding import copy_hub
from tests.e2e.world import Cli, Demo, read_json, reports_at
from tests.peers import sekmet

AWAY = ("--override", "study-not-held=Read elsewhere.", "--override", "identity-unknown=Seen.")
LIFE = ("partial", "final", "appended", "corrected", "entered-in-error")
"""DiagnosticReport.status after each version."""


def sent(cli: Cli, place: Place, report_id: str) -> dict[str, Any]:
    """Bring what waits to the hub; the one report it holds under that id."""
    done = cli.json("sync")
    assert (done["pushed"], done["needs_attention"], done["waiting"]) == (1, 0, 0)
    (found,) = reports_at(place.fhir, report_id)
    return found


def task_status(place: Place, task: str) -> str:
    return str(read_json(f"{place.fhir}/Task/{task.partition(':')[2]}")["status"])


def life(cli: Cli, place: Place) -> tuple[str, list[dict[str, Any]], str]:
    """The report's id, what the hub held of it after every version, and its task."""
    set_up(cli, place)
    cli.json("sync")
    task = a_film(cli)["task"]
    cli.json("claim", task)
    draft = written(cli, task)
    assert cli.json("report", "preliminary", draft, code=5)
    (file,) = cli.home.rglob("hubs/site.toml")
    file.write_text("preliminary = true\n" + file.read_text("utf-8"), "utf-8")
    cli.json("report", "cosign", draft, "--role", "supervisor", "--name", "Dr Super Visor")
    reading = cli.json("report", "preliminary", draft, *AWAY)
    report_id = str(reading["report"])
    held = [sent(cli, place, report_id)]
    assert task_status(place, task) == "in-progress"
    signed = cli.json("report", "sign", draft, *AWAY)
    assert (signed["report"], signed["version"]) == (report_id, 2)
    held.append(sent(cli, place, report_id))
    assert task_status(place, task) == "completed"
    for words in (
        ("addendum", report_id),
        ("correct", report_id, "--reason", "Wrong level."),
        ("withdraw", report_id, "--reason", "Wrong patient.", "--told", "Ward 7"),
    ):
        later = cli.json("report", *words)["draft"]
        if words[0] != "withdraw":
            cli.json("report", "set", later, "findings", "A small effusion as well.")
        cli.json("report", "sign", later, *AWAY)
        held.append(sent(cli, place, report_id))
    assert cli.json("report", "verify", report_id)["valid"] is True
    anew = written(cli, task)
    again = cli.json("report", "sign", anew, *AWAY)
    assert again["report"] != report_id
    assert sent(cli, place, again["report"])["status"] == "final"
    return report_id, held, task


def test_the_hub_holds_one_report_through_its_whole_life(cli: Cli, place: Place) -> None:
    report_id, held, _ = life(cli, place)
    assert [one["status"] for one in held] == list(LIFE)
    assert len({one["id"] for one in held}) == 1
    assert "Dr Super Visor" in [one.get("display") for one in held[1]["performer"]]
    assert len(reports_at(place.fhir, report_id)) == 1


@pytest.fixture
def elsewhere(demo: Demo, tmp_path: Path) -> Iterator[tuple[Place, sekmet.Sekmet]]:
    """SEKMET, filled from the demo."""
    sekmet.sekmet_command()
    hub = sekmet.start_sekmet(tmp_path / "sekmet")
    try:
        copy_hub(demo.fhir, hub.call)
        yield Place(hub.base, demo.dicomweb, demo.dimse, hub.stop, lambda: hub.base), hub
    finally:
        hub.stop()


@pytest.mark.peer("sekmet")
def test_sekmets_history_has_one_version_a_signature_each_with_its_provenance(
    cli: Cli, elsewhere: tuple[Place, sekmet.Sekmet], full: bool
) -> None:
    place, hub = elsewhere
    report_id, held, task = life(cli, place)
    assert [one["status"] for one in held] == list(LIFE)
    first = history(hub, held[-1], report_id, LIFE)
    for reading in range(
        2 if full else 0
    ):  # two opinions on one case: neither in the place of a report, or of the other
        opinion_id, said = opinion(cli, place, task, added=not reading)
        statuses = ("final", "appended", "corrected", "entered-in-error")[: len(said)]
        assert [one["status"] for one in said] == list(statuses)
        history(hub, said[-1], opinion_id, statuses)
        assert said[-1]["id"] != held[-1]["id"]
    assert history(hub, held[-1], report_id, LIFE) == first
    assert task_status(place, task) == "completed"


def opinion(cli: Cli, place: Place, task: str, *, added: bool) -> tuple[str, list[dict[str, Any]]]:
    """A second opinion's id, and what the hub held of it after every version."""
    draft = cli.json("report", "opinion", task)["draft"]
    for section in ("technique", "findings", "impression"):
        cli.json("report", "set", draft, section, "Seen again: nothing abnormal.")
    report_id = str(cli.json("report", "sign", draft, *AWAY)["report"])
    held = [sent(cli, place, report_id)]
    for words in (
        ("addendum", report_id),
        ("correct", report_id, "--reason", "Wrong level."),
        ("withdraw", report_id, "--reason", "Wrong patient.", "--told", "Ward 7"),
    )[: 3 * added]:
        later = cli.json("report", *words)["draft"]
        if words[0] != "withdraw":
            cli.json("report", "set", later, "findings", "No effusion.")
        cli.json("report", "sign", later, *AWAY)
        held.append(sent(cli, place, report_id))
    assert cli.json("report", "verify", report_id)["valid"] is True
    return report_id, held


def history(
    hub: sekmet.Sekmet, last: dict[str, Any], report_id: str, statuses: Sequence[str]
) -> list[dict[str, Any]]:
    """Its versions, newest first: one a signature, each with a Provenance of its own key and activity."""
    name = f"DiagnosticReport/{last['id']}"
    versions: list[dict[str, Any]] = hub.call("GET", f"{name}/_history")["entry"]
    assert [one["resource"]["status"] for one in reversed(versions)] == list(statuses)
    found = [one["resource"] for one in hub.call("GET", f"Provenance?target={name}&_count=50")["entry"]]
    keys = {
        entity["what"]["identifier"]["value"]
        for one in found
        for entity in one["entity"]
        if entity["role"] == "source"
    }
    own = {one["value"] for one in last["identifier"]}
    assert len(found) == len(keys) == len(statuses)
    assert len(keys & own) == len(statuses) - 1
    assert f"urn:uuid:{report_id}" in own
    codes = [one["activity"]["coding"][0]["code"] for one in found]
    assert sorted(codes) == sorted("PA" if one == "partial" else "LA" for one in statuses)
    return versions
