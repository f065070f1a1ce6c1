"""kill -9 at random moments: what was said to be on disk is there, and no report is doubled."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.flow import Place, set_up
from tests.e2e.world import Cli, environment, reports_at

ROUNDS, ROUNDS_FULL = 8, 50
WORDS = 120
"""Saves a reader makes before signing."""


@dataclass
class Round:
    """What one killed reader had been told."""

    task: str
    draft: str = ""
    saved: int = 0
    signed: str = ""
    lines: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """Take one line of the reader's."""
        self.lines.append(line)
        word, _, rest = line.partition(" ")
        if word == "draft":
            self.draft = rest
        elif word == "saved":
            self.saved = int(rest)
        elif word == "signed":
            self.signed = rest


def engine(cli: Cli) -> subprocess.Popen[bytes]:
    """An engine that looks often."""
    more = {"TELEREAD_PULL_SECONDS": "1", "TELEREAD_PREFETCH_CASES": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "teleread", "engine"],
        env=environment(cli.home, **cli.env, **more),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd=cli.home,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, and see it gone."""
    process.kill()
    process.wait(20)


def read_and_die(cli: Cli, task: str, dice: random.Random) -> Round:
    """A reader types and signs until killed, at a moment from the first save to after the signature."""
    told = Round(task)
    reader = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.typist", task, str(WORDS)],
        env=environment(cli.home, **cli.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=cli.home,
    )
    timer = threading.Timer(60.0, reader.kill)
    timer.start()
    assert reader.stdout is not None
    die_at = dice.choice(
        [f"saved {dice.randint(1, WORDS)}", f"saved {dice.randint(1, WORDS)}", "signing", "signed"]
    )
    for line in reader.stdout:
        told.hear(line.strip())
        if line.startswith(die_at):
            time.sleep(dice.choice([0.0, 0.0, dice.uniform(0, 0.05), dice.uniform(0, 0.4)]))
            break
    reader.kill()
    # What it managed to say before it died counts as well: it was said after the disk had it.
    for line in reader.stdout:
        if line.endswith("\n"):
            told.hear(line.strip())
    reader.wait(20)
    reader.stdout.close()
    timer.cancel()
    assert told.draft, "the reader died of itself"
    return told


@pytest.mark.campaign
def test_nothing_said_to_be_saved_is_lost_and_nothing_is_delivered_twice(
    cli: Cli, place: Place, full: bool
) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    print(f"seed {seed}")
    set_up(cli, place)
    cli.json("sync")
    films = [one["task"] for one in cli.items("modality:CR state:requested")]
    rounds: list[Round] = []
    worker = engine(cli)
    try:
        for number in range(ROUNDS_FULL if full else ROUNDS):
            rounds.append(read_and_die(cli, films[number % len(films)], dice))
            if dice.random() < 0.6:
                time.sleep(dice.uniform(0, 1.2))
                kill(worker)
                worker = engine(cli)
    finally:
        kill(worker)
    for one in rounds:
        nothing_lost(cli, one)
    finish(cli, rounds)
    delivered_once(cli, place, rounds)
    assert cli.json("audit", "verify")["valid"] is True


def nothing_lost(cli: Cli, told: Round) -> None:
    """Every acknowledged save is in the draft."""
    draft = cli.json("report", "show", told.draft)
    numbers = [int(one) for one in draft["sections"]["findings"].split() if one.isdigit()]
    assert numbers == list(range(1, len(numbers) + 1)), told
    assert len(numbers) >= told.saved, told
    if told.signed:
        assert draft["state"] == "signed", told


def finish(cli: Cli, rounds: list[Round]) -> None:
    """Sign what was left open, and bring everything to the hub."""
    for one in rounds:
        if cli.json("report", "show", one.draft)["state"] == "open":
            rules = [rule["id"] for rule in cli.run("report", "check", one.draft, "--json").json["rules"]]
            cli.json("report", "set", one.draft, "impression", "Signed after the storm.")
            words = [f"--override={rule}=A campaign of kills" for rule in rules]
            cli.json("report", "sign", one.draft, *words)
    for _ in range(5):
        if cli.run("sync", "--json").code == 0:
            break
        time.sleep(1.0)


def delivered_once(cli: Cli, place: Place, rounds: list[Round]) -> None:
    """One report a task here, one DiagnosticReport a report there, each with its receipt."""
    reports = cli.json("report", "list")["reports"]
    tasks = [one["task"] for one in reports]
    assert sorted(tasks) == sorted({one.task for one in rounds})
    items = {one["report"]: one for one in cli.json("outbox")["items"]}
    for one in reports:
        item = items[one["report"]]
        assert (item["state"], item["receipt"]["sha256"]) == ("delivered", one["sha256"]), item
        assert len(reports_at(place.fhir, one["report"])) == 1
        assert cli.json("report", "verify", one["report"])["valid"] is True
    for told in rounds:
        if told.signed:
            assert told.signed in items, told


def test_an_engine_killed_while_it_fetches_leaves_whole_instances_and_goes_on(
    cli: Cli, place: Place, tmp_path: Path
) -> None:
    set_up(cli, place)
    cli.json("sync")
    chest = max(cli.items("modality:CT state:requested"), key=lambda one: int(one["instances"]))
    held = 0
    for _ in range(2):
        fetch = subprocess.Popen(
            [sys.executable, "-m", "teleread", "fetch", chest["task"], "--no-priors", "--quiet"],
            env=environment(cli.home, **cli.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=cli.home,
        )
        time.sleep(3.0)
        kill(fetch)
    told = cli.json("fetch", chest["task"], "--no-priors")
    assert told["complete"] is True
    assert told["instances_held"] == chest["instances"] > held
    assert cli.json("cache", "verify")["damaged"] == []
    found = re.findall(r"\w+", cli.run("cache", "list").out)
    assert "all" in found
