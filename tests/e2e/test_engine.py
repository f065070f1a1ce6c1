"""The engine as a process: one a vault, asked by rows, alive under a locked screen, patient with a hub."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.flow import Place, a_film, set_up, written
from tests.e2e.world import Cli, Demo, environment, reports_at

PATIENCE = 60.0


class Engine:
    """`teleread engine`, with its events."""

    def __init__(self, cli: Cli, **more: str) -> None:
        self.cli = cli
        self.log = cli.home / "events.ndjson"
        settings = {"TELEREAD_PULL_SECONDS": "1", "TELEREAD_PREFETCH_CASES": "0", **more}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "teleread", "engine"],
                env=environment(cli.home, **cli.env, **settings),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=cli.home,
            )

    def events(self) -> list[dict[str, Any]]:
        """What it said so far."""
        return [json.loads(line) for line in self.log.read_bytes().splitlines() if line.endswith(b"}")]

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event that fits."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for one in self.events():
                if wanted(one):
                    return one
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(f"no such event: {self.log.read_text()}")

    def kind(self, kind: str) -> dict[str, Any]:
        """The first event of a kind."""
        return self.wait_for(lambda one: one["kind"] == kind)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(40)


@pytest.fixture
def engine(cli: Cli, place: Place) -> Iterator[Engine]:
    """A desk with a running engine."""
    set_up(cli, place)
    running = Engine(cli)
    running.kind("pulled")
    yield running
    if running.process.poll() is None:
        running.stop()


def test_commands_ask_the_running_engine_and_sigterm_ends_it_in_order(cli: Cli, engine: Engine) -> None:
    task = a_film(cli)["task"]
    assert cli.json("claim", task)["mine"] is True
    told = cli.json("fetch", task, "--no-priors")
    assert told["complete"] is True
    assert cli.json("sync")["offline"] is False
    lost = next(one for one in cli.items("state:in-progress") if not one["mine"])
    assert cli.json("claim", lost["task"], code=5)["error"]["code"] == "claim-lost"
    # What it prints may come a moment after the answer it gives through the vault.
    engine.wait_for(lambda _: sum(one["kind"] == "request-done" for one in engine.events()) >= 4)
    assert engine.stop() == 0
    assert engine.events()[-1]["kind"] == "engine-stopped"


def test_a_second_engine_is_refused_in_words(cli: Cli, engine: Engine) -> None:
    answer = cli.run("engine", "--once")
    assert answer.code == 1
    assert "running" in answer.err


def test_what_is_signed_leaves_by_itself_also_under_a_locked_screen(
    cli: Cli, place: Place, engine: Engine
) -> None:
    task = a_film(cli)["task"]
    cli.json("claim", task)
    cli.json("fetch", task, "--no-priors")
    written(cli, task)
    cli.json("lock")
    signed = cli.json("report", "sign", task)
    engine.wait_for(lambda one: one["kind"] == "delivered" and one.get("report") == signed["report"])
    assert len(reports_at(place.fhir, signed["report"])) == 1


def test_a_dead_hub_is_reported_and_served_again_when_it_is_back(
    cli: Cli, place: Place, engine: Engine, demo: Demo
) -> None:
    task = a_film(cli)["task"]
    cli.json("claim", task)
    cli.json("fetch", task, "--no-priors")
    written(cli, task)
    demo.stop()
    engine.kind("hub-offline")
    signed = cli.json("report", "sign", task)
    assert cli.json("sync", code=3)["waiting"] == 1
    demo.start()
    place.fhir = demo.fhir
    set_up(cli, place)
    engine.kind("hub-online")
    engine.wait_for(lambda one: one["kind"] == "delivered" and one.get("report") == signed["report"])
    assert len(reports_at(place.fhir, signed["report"])) == 1


def test_an_engine_that_died_leaves_its_work_to_the_command(cli: Cli, engine: Engine) -> None:
    engine.process.kill()
    engine.process.wait(20)
    assert cli.json("sync")["offline"] is False
    assert cli.json("claim", a_film(cli)["task"])["mine"] is True


def test_the_next_cases_are_here_before_they_are_opened(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    assert cli.run("engine", "--once", env={"TELEREAD_PREFETCH_CASES": "3"}).code == 0
    held = cli.items("cached:all")
    assert len(held) >= 3
    free = [one for one in cli.items("state:requested") if not one["mine"]]
    assert {one["task"] for one in held} & {one["task"] for one in free}


def test_events_hold_no_name_of_a_patient(cli: Cli, engine: Engine) -> None:
    row = a_film(cli)
    cli.json("claim", row["task"])
    cli.json("fetch", row["task"])
    text = engine.log.read_text()
    for one in cli.items():
        family = one["patient"]["name"].partition("^")[0]
        assert family not in text
