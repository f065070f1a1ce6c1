"""kill -9 of the reading desk and its engine, in a real terminal, while somebody types, signs and sends.

What was typed 300 ms before is kept, every signature the screen spoke of is in the vault, and the hub ends
with one DiagnosticReport for each.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.flow import Place, set_up
from tests.e2e.terminal import Terminal, kill_engine, open_report
from tests.e2e.world import PIN, Cli, Demo, environment, read_json, reports_at

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the engine as Linux tells it")

ROUNDS, ROUNDS_FULL = 10, 50
PROMISE, PROMISE_IN_A_CROWD = 0.3, 1.0
"""Seconds after which a key must be on disk; the second where other tests share the machine."""
WEATHER = (
    "delay?seconds=0.2",
    "delay?seconds=1.5",
    "lose-answer?count=1",
    "lose-answer?count=3&of=writes",
    "truncate?area=fhir&count=4",
    "status?code=503&area=fhir&count=4",
    "garbage?area=fhir&count=3",
    "line?state=cut",
)
"""What a hub may do while a report is sent to it."""


@dataclass
class Case:
    """A case that waits to be signed."""

    task: str
    accession: str
    born: str
    draft: str
    text: str = "Before the storm."
    """The findings as the last kill left them; the next round types before them."""
    due: list[str] = field(default_factory=list)
    """Words that were typed long enough before the last kill."""
    begun: bool = False
    """Whether it was ever opened here."""
    signed: bool = False
    """Whether a screen said so."""


@dataclass
class Figures:
    """What a campaign saw."""

    rounds: Counter[str] = field(default_factory=Counter)
    typed: int = 0
    kept: int = 0
    lost_ages: list[float] = field(default_factory=list)
    """Age in milliseconds of the oldest key of each round that was lost."""
    said_signed: int = 0
    signed_unsaid: int = 0
    """Signed, but killed before the screen could say so."""


class Storm:
    """One campaign on one desk.

    Args:
        cli: The desk.
        demo: Its hub.
        dice: What decides.
        promise: Seconds after which a key must be on disk.
    """

    def __init__(self, cli: Cli, demo: Demo, dice: random.Random, promise: float) -> None:
        self.cli, self.demo, self.dice, self.promise = cli, demo, dice, promise
        self.figures = Figures()
        self.round = 0

    def strike(self, case: Case) -> None:
        """One round: open the case, do something, die."""
        self.round += 1
        case.begun = True
        doing = self.dice.choice(sorted(_DOINGS))
        victim = self.dice.choice(["desk", "engine", "both"])
        self.figures.rounds[f"{doing}, {victim}"] += 1
        desk = Terminal(self.cli)
        try:
            open_report(desk, case.accession)
            _DOINGS[doing](self, desk, case, victim)
        finally:
            died = desk.kill()
            self.demo.lever("mend")
        case.due = [word for word, at in desk.sent if at < died - self.promise]
        self.nothing_lost(case, desk, died, f"round {self.round}: {doing}, {victim}")

    def type_words(self, desk: Terminal, seconds: float) -> None:
        """Type numbered words, quick and slow."""
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            number += 1
            desk.word(f"r{self.round}w{number}")
            desk.pump(self.dice.uniform(0.01, 0.12))
        self.figures.typed += number

    def kill_some(self, desk: Terminal, victim: str) -> None:
        """Kill the engine, and see that the desk does not mind; the desk itself is killed by who called."""
        if victim != "desk":
            kill_engine(self.cli.home)
        if victim == "engine":
            desk.pump(self.dice.uniform(0.0, 1.0))
            assert desk.alive(), "a desk outlives its engine"

    def typing(self, desk: Terminal, case: Case, victim: str) -> None:
        """Killed in the middle of words; where only the engine dies first, the words go on."""
        self.type_words(desk, self.dice.uniform(0.3, 3.0))
        self.kill_some(desk, victim)
        if victim == "engine":
            self.type_words(desk, self.dice.uniform(0.1, 1.0))

    def sign_steps(self, desk: Terminal, case: Case) -> list[Callable[[], object]]:
        """What a reader does to sign, step by step."""
        half = len(PIN) // 2

        def sheet() -> None:
            desk.send("\x1b[19~")
            desk.wait("nothing is sent yet")
            desk.pump(0.5)  # the sheet is deaf in its first moment
            for _ in range(4):
                if " to settle" not in desk.text():
                    break
                desk.send("\r")
                desk.pump(0.5)
                desk.send("seen in the storm\r")
                desk.pump(0.5)

        def then(keys: str, pause: float = 0.0) -> Callable[[], object]:
            def act() -> None:
                desk.send(keys)
                desk.pump(pause)

            return act

        return [
            sheet,
            then(PIN[:half]),
            then(PIN[half:]),
            then("\r", 0.3),
            # The same digit twice at once would be a finger that stays on the key.
            then(case.born[8], 1.3 if case.born[8] == case.born[9] else 0.15),
            then(case.born[9]),
        ]

    def signing(self, desk: Terminal, case: Case, victim: str) -> None:
        """Killed on the sign sheet, after one of its keys; most often around the last."""
        self.type_words(desk, 0.4)
        steps = self.sign_steps(desk, case)
        last = self.dice.choice([1, 2, 3, 4, 5, 6, 6, 6, 6, 6])
        for step in steps[:last]:
            step()
        desk.pump(self.dice.choice([0.0, 0.02, 0.05, self.dice.uniform(0, 0.3), self.dice.uniform(0, 1.0)]))
        self.kill_some(desk, victim)

    def sending(self, desk: Terminal, case: Case, victim: str) -> None:
        """Killed while the engine sends to a hub that is slow, cuts its answers or talks nonsense."""
        self.type_words(desk, 0.2)
        for step in self.sign_steps(desk, case)[:-1]:
            step()
        self.demo.lever(self.dice.choice(WEATHER))
        desk.send(case.born[9])
        end = time.monotonic() + 20
        while not desk.signed and time.monotonic() < end:
            desk.pump(0.05)
        assert desk.signed, desk.text()
        desk.pump(self.dice.uniform(0.0, 2.5))
        self.kill_some(desk, victim)
        if victim == "engine":
            desk.pump(self.dice.uniform(0.0, 3.0))

    def nothing_lost(self, case: Case, desk: Terminal, died: float, where: str) -> None:
        """Every word old enough is in the draft, and a signature that was shown is in the vault."""
        draft = self.cli.json("report", "show", case.draft)
        findings = draft["sections"]["findings"]
        # The last word may be torn: its first letters stand right before what the earlier rounds left.
        assert findings.endswith(case.text), (where, findings, case.text)
        kept = findings.removesuffix(case.text).split()
        lost = [word for word in case.due if word not in kept]
        assert lost == [], (where, lost, findings)
        gone = [died - at for word, at in desk.sent if word not in kept]
        self.figures.kept += sum(word in kept for word, _ in desk.sent)
        self.figures.lost_ages += [max(gone) * 1000] if gone else []
        case.text = findings
        signed = draft["state"] == "signed"
        self.figures.said_signed += desk.signed
        self.figures.signed_unsaid += signed and not desk.signed
        assert signed or not desk.signed, f"{where}: the screen said Signed, the vault does not know"
        case.signed = signed

    def tell(self) -> None:
        """Print the figures."""
        one = self.figures
        ages = sorted(one.lost_ages)
        late = f"oldest lost key {ages[-1]:.0f} ms, median {ages[len(ages) // 2]:.0f} ms" if ages else "none"
        print(f"{self.round} kills: {dict(sorted(one.rounds.items()))}")
        print(f"words typed {one.typed}, kept {one.kept}; rounds that lost some {len(ages)}: {late}")
        print(f"the screen said Signed {one.said_signed} times, died before it could {one.signed_unsaid}")


_DOINGS: dict[str, Callable[[Storm, Terminal, Case, str], None]] = {
    "typing": Storm.typing,
    "signing": Storm.signing,
    "sending": Storm.sending,
}


def make_ready(cli: Cli, count: int) -> list[Case]:
    """Cases whose sign sheet has nothing left to settle."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.waiting_room", str(count)],
        env=environment(cli.home, **cli.env),
        capture_output=True,
        timeout=500,
        cwd=cli.home,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [Case(**json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.campaign
def test_kills_while_typing_signing_and_sending_lose_nothing_and_double_nothing(
    cli: Cli, place: Place, demo: Demo, full: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.randrange(1 << 32)
    rounds = ROUNDS_FULL if full else ROUNDS
    set_up(cli, place)
    cli.json("sync")
    cases = make_ready(cli, rounds)
    assert len(cases) > rounds / 2, "too few cases that can be signed as they are"
    storm = Storm(cli, demo, random.Random(seed), PROMISE if full else PROMISE_IN_A_CROWD)
    waiting = list(cases)
    for _ in range(rounds):
        # A case that outlived its first kill is opened again as often as not.
        begun = [one for one in waiting if one.begun]
        case = storm.dice.choice(begun) if begun and storm.dice.random() < 0.5 else waiting[-1]
        storm.strike(case)
        waiting = [one for one in waiting if not one.signed]
    kill_engine(cli.home)
    with capsys.disabled():
        print(f"\nseed {seed}")
        storm.tell()
    used = [one for one in cases if one.begun]
    finish(cli, used)
    delivered_once(cli, place, used)
    assert cli.json("audit", "verify")["valid"] is True


def finish(cli: Cli, cases: list[Case]) -> None:
    """Sign what was left open, and bring everything to the hub."""
    for one in cases:
        if not one.signed:
            rules = [rule["id"] for rule in cli.run("report", "check", one.draft, "--json").json["rules"]]
            cli.json("report", "sign", one.draft, *[f"--override={rule}=seen" for rule in rules])
    for _ in range(8):
        if cli.run("sync", "--json").code == 0:
            return
        time.sleep(1.0)


def delivered_once(cli: Cli, place: Place, cases: list[Case]) -> None:
    """One report a case here, one DiagnosticReport a report there, and there is none that is not ours."""
    reports = cli.json("report", "list")["reports"]
    assert sorted(one["task"] for one in reports) == sorted(one.task for one in cases)
    items = {one["report"]: one for one in cli.json("outbox")["items"] if one["report"]}
    for one in reports:
        item = items[one["report"]]
        assert (item["state"], item["receipt"]["sha256"]) == ("delivered", one["sha256"]), item
        assert len(reports_at(place.fhir, one["report"])) == 1
        assert cli.json("report", "verify", one["report"])["valid"] is True
    orders = Counter(orders_reported(place))
    doubled = [order for order, count in orders.items() if count > 1]
    assert doubled == []
    assert sum(orders.values()) >= len(reports)


def orders_reported(place: Place) -> list[str]:
    """The order behind each report of a reader that the hub holds, by whatever identifier it came."""
    found: list[str] = []
    url = f"{place.fhir}/DiagnosticReport?_count=500"
    while url:
        bundle: dict[str, Any] = read_json(url)
        for entry in bundle.get("entry", []):
            one = entry["resource"]
            names = [part.get("value", "") for part in one.get("identifier", [])]
            if any(name.startswith("urn:uuid:") for name in names):
                found.append(one["basedOn"][0]["reference"])
        url = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), "")
    return found
