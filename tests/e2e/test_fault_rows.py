"""Each row of the table for reconnecting: made by ``teleread demo fault``, met and settled by keys.

One test a row. What the hub holds afterwards is asked of the hub itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from teleread.cli.main import run
from teleread.model.delivery import OutboxItem
from teleread.model.task import TaskKey
from teleread.tui.screens.outbox import Outbox
from tests.e2e.test_reconnect import Ward
from tests.unit.test_tui_screens import Driver, walk

WITHDRAW = "withdraw"


class Tried(Ward):
    """A ward whose levers are turned by the command, and whose outbox is worked by keys."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ready = folder / "ready.json"
        port = self.server.store.note("port HTTP")
        self.ready.write_text(json.dumps({"fhir": f"http://127.0.0.1:{port}/fhir"}))

    def fault(self, *words: str) -> None:
        """As typed in a second shell."""
        assert run(["--quiet", "demo", "fault", *words, "--ready-file", str(self.ready)]) == 0

    def waiting(self, key: TaskKey) -> OutboxItem | None:
        """The item of a case that asks something."""
        found = [one for one in self.desk.outbox() if one.key == key and one.state == "needs_attention"]
        return found[-1] if found else None

    def at_the_outbox(self, item: OutboxItem, choice: str = "") -> str:
        """Open the outbox, go to an item, and choose by keys; answers what stood beside the list."""
        shown: list[str] = []

        async def steps(do: Driver) -> None:
            await do.press("g", "o")
            place = do.app.place
            assert isinstance(place, Outbox)
            await do.until(lambda: any(one.id == item.id for one in place.table.rows))
            place.table.go([one.id for one in place.table.rows].index(item.id))
            await do.settle()
            shown.append(" ".join(row[114:].strip() for row in do.text().splitlines()))
            if choice:
                await _choose(do, place, item, choice)

        walk(steps, size=(160, 50), station=cast(Any, self.desk))
        return shown[0]


async def _choose(do: Driver, place: Outbox, item: OutboxItem, choice: str) -> None:
    number = [one.id for one in item.choices].index(choice) + 1
    row = place.row_of(item)
    assert row is not None
    await do.press(str(number))
    await do.until(lambda: place.sheets)
    do.clock.advance(1.0)
    await do.press("enter", *"Seen", "enter")
    for digit in row.birth_date[8:10]:
        do.clock.advance(1.5)
        await do.press(digit)
    await do.until(lambda: not place.sheets)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    one = Tried(tmp_path_factory.mktemp("rows"))
    one.desk.sync()
    yield one
    one.close()


@dataclass(frozen=True)
class Row:
    """One row that asks something, and one of its choices."""

    name: str
    lever: tuple[str, ...]
    """``CASE`` stands for the case."""
    offers: tuple[str, ...]
    choice: str
    becomes: str
    """``final``, ``preliminary``, ``held back``, ``sign again``, ``note``, ``asked again``."""
    draft: bool = False
    """It is met with an open draft, else with a signed report."""
    words: tuple[str, ...] = field(default=())
    """On the screen."""


ROWS = (
    Row("order cancelled, draft open", ("cancel", "CASE"), ("discard", "keep-note"), "keep-note", "kept",
        draft=True, words=("cancelled", "Keep the text as a note")),
    Row("order cancelled, report signed", ("cancel", "CASE"), ("send-with-note", WITHDRAW), "send-with-note",
        "final", words=("cancelled", "with a note")),
    Row("reassigned, draft open", ("reassign", "CASE"), ("hand-over", "discard", "keep-note"), "hand-over",
        "handed over", draft=True, words=("Your draft, not your case",)),
    Row("reassigned, report signed", ("reassign", "CASE"), ("ask-back", "preliminary", WITHDRAW),
        "preliminary", "preliminary", words=("has this case now",)),
    Row("someone else's final report exists", ("report", "CASE"), ("second-opinion", "addendum", WITHDRAW),
        "second-opinion", "final", words=("Theirs", "Reported by somebody else.")),
    Row("order amended", ("amend", "CASE"), ("resign", WITHDRAW), "resign", "sign again",
        words=("amended", "Read again and sign again")),
    Row("patient corrected", ("correct-patient", "CASE"), ("verify-identity", WITHDRAW), "verify-identity",
        "sign again", words=("birth date", "Check identity")),
    Row("patient merged", ("merge", "CASE"), ("verify-identity", WITHDRAW), WITHDRAW, "held back",
        words=("merged",)),
    Row("hub refuses", ("refuse",), ("resend", WITHDRAW), "resend", "final", words=("Send it again",)),
)  # fmt: skip


def _typed(lever: tuple[str, ...], key: TaskKey) -> list[str]:
    return [key.task_id if word == "CASE" else word for word in lever]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_row_is_made_by_a_command_and_settled_by_keys(ward: Tried, row: Row) -> None:
    (key,) = ward.claim(1)
    ward.fault("line", "cut")
    report = "" if row.draft else ward.sign(key)
    if row.draft:
        draft = ward.desk.start_draft(key)
        ward.desk.save_draft(draft.id, draft.seq, {draft.sections[0].id: "Half a thought."})
    assert ward.desk.sync()["offline"]
    ward.fault("line", "up")
    ward.fault(*_typed(row.lever, key))
    ward.desk.sync()
    item = ward.waiting(key)
    assert item is not None
    assert tuple(one.id for one in item.choices) == row.offers
    if report:
        assert report not in ward.held()

    shown = ward.at_the_outbox(item, row.choice)
    assert "needs you" in shown
    for words in row.words:
        assert words in shown
    ward.desk.sync()
    assert ward.waiting(key) is None
    _BECOMES[row.becomes](ward, key, report)


def _final(ward: Tried, key: TaskKey, report: str) -> None:
    assert ward.held()[report]["status"] == "final"
    assert ward.item(report).state == "delivered"


def _preliminary(ward: Tried, key: TaskKey, report: str) -> None:
    assert ward.held()[report]["status"] == "preliminary"


def _held_back(ward: Tried, key: TaskKey, report: str) -> None:
    assert report not in ward.held()
    assert ward.item(report).state == "closed"


def _sign_again(ward: Tried, key: TaskKey, report: str) -> None:
    (draft,) = ward.desk.core.vault.drafts.open_for(key)
    again = ward.sign_draft(draft.id)
    ward.desk.sync()
    assert report not in ward.held()
    _final(ward, key, again)


def _kept(ward: Tried, key: TaskKey, report: str) -> None:
    assert ward.desk.core.vault.drafts.open_for(key) == ()
    assert not ward.server.store.all("Communication") or "Half a thought." not in str(_notes(ward, key))


def _handed_over(ward: Tried, key: TaskKey, report: str) -> None:
    assert "Half a thought." in str(_notes(ward, key))


def _notes(ward: Tried, key: TaskKey) -> list[object]:
    about = f"Task/{key.task_id}"
    return [one.body for one in ward.server.store.all("Communication") if about in str(one.body["about"])]


_BECOMES = {
    "final": _final,
    "preliminary": _preliminary,
    "held back": _held_back,
    "sign again": _sign_again,
    "kept": _kept,
    "handed over": _handed_over,
}


QUIET = {
    "order unchanged": (),
    "answer lost after the hub applied it": ("lose-answer",),
    "new images after signing": ("new-images", "CASE"),
    "claim lease expired, still free": ("release", "CASE"),
    "hub restarted and forgot us": ("restart",),
}


@pytest.mark.parametrize("name", QUIET)
def test_a_row_that_asks_nothing_ends_issued_once(ward: Tried, name: str) -> None:
    (key,) = ward.claim(1)
    ward.fault("line", "cut")
    report = ward.sign(key)
    ward.desk.sync()
    ward.fault("line", "up")
    if QUIET[name]:
        ward.fault(*_typed(QUIET[name], key))
    ward.desk.sync()
    ward.desk.sync()
    ward.desk.sync()
    assert ward.waiting(key) is None
    _final(ward, key, report)
    stored = ward.server.store.all("DiagnosticReport")
    assert len([one for one in stored if report in str(one.body.get("identifier"))]) == 1
    shown = ward.at_the_outbox(ward.item(report))
    assert "issued" in shown
    assert "Receipt DiagnosticReport/" in shown


@pytest.mark.parametrize("choice", ["resign", WITHDRAW])
def test_parent_of_our_addendum_superseded_asks_for_another_signature(ward: Tried, choice: str) -> None:
    (key,) = ward.claim(1)
    report = ward.sign(key)
    ward.desk.sync()
    ward.fault("line", "cut")
    draft = ward.desk.addendum(report)
    ward.desk.save_draft(draft.id, draft.seq, {draft.sections[-1].id: "Added later."})
    ward.sign_draft(draft.id)
    ward.desk.sync()
    ward.fault("line", "up")
    ward.fault("supersede", key.task_id)
    ward.desk.sync()
    item = ward.waiting(key)
    assert item is not None
    assert {one.id for one in item.choices} == {"resign", WITHDRAW}
    shown = ward.at_the_outbox(item, choice)
    assert "was changed at the hub" in shown
    assert "Changed at the hub." in shown.replace("  ", " ")
    ward.desk.sync()
    assert ward.waiting(key) is None
    assert "Changed at the hub." in str(ward.held()[report])
    if choice == "resign":
        (draft,) = ward.desk.core.vault.drafts.open_for(key)
        again = ward.sign_draft(draft.id)
        ward.desk.sync()
        assert ward.waiting(key) is None
        _final(ward, key, again)
        words = str(ward.desk.report(again).frozen)
        assert "Addendum to the report of" in words
        assert "Added later." in words
        assert "Changed at the hub." in str(ward.held()[report])


def test_a_hub_restored_from_a_backup_gets_its_report_again(ward: Tried) -> None:
    (key,) = ward.claim(1)
    report = ward.sign(key)
    ward.desk.sync()
    assert report in ward.held()
    ward.fault("forget", key.task_id)
    assert report not in ward.held()
    ward.desk.sync()
    item = ward.waiting(key)
    assert item is not None
    assert "NOT ISSUED" in ward.at_the_outbox(item, "resend")
    ward.desk.sync()
    _final(ward, key, report)
