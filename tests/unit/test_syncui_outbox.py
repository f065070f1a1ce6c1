"""Somebody else's report beside the reader's, on the screen and for items that carry something else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from teleread.model.delivery import OutboxItem
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.tui.screens.outbox import Outbox
from teleread.workstation.outbox import said, theirs
from tests.unit.test_tui_screens import Driver, walk


def _item(payload: str) -> OutboxItem:
    key = TaskKey("hub-n", "t1")
    return OutboxItem("o1", "note", key, "queued", "dev", 1, "k1", SafeText("A1"), payload=payload)


def test_an_item_whose_payload_is_no_json_or_another_json_has_nothing_of_others() -> None:
    for payload in ("", "Words of a note.", "[1, 2]", '{"theirs": [3]}', '{"theirs": null}'):
        assert theirs(_item(payload)) == ()
    found = theirs(_item('{"theirs": [{"id": "r", "author": "Dr Other", "issued": "", "text": "Seen."}]}'))
    assert [one["text"] for one in found] == ["Seen."]


def test_an_alert_and_a_note_are_shown_in_their_own_words_and_a_report_has_none() -> None:
    assert said(_item('{"text": "Dr Ward was told.", "about": "Told"}')) == "Dr Ward was told."
    told = {"category": "C: critical", "told": "Dr Ward", "at": "14:10", "method": "telephone"}
    alert = replace(_item(json.dumps({"alert": told})), kind="alert")
    assert said(alert) == "Critical finding, C: critical. Told: Dr Ward, 14:10 (telephone)."
    assert "taken away" in said(replace(_item(json.dumps({"alert": {}})), kind="alert"))
    for kind in ("report", "give-back", "alert", "note"):
        assert said(replace(_item("[1]"), kind=kind)) == ""
    assert said(replace(_item("Words."), kind="note")) == ""


def test_the_outbox_tells_what_is_no_report_apart_and_in_words() -> None:
    told = {"category": "C: critical", "told": "Dr Ward", "at": "14:10", "method": "telephone"}
    waits = replace(_item(json.dumps({"alert": told})), kind="alert", created_at=datetime.now(UTC))

    async def steps(do: Driver) -> None:
        do.app.workstation.outbox = lambda: (waits,)  # type: ignore[method-assign]
        await do.press("g", "o")
        await do.until(lambda: "1 besides to send" in do.text())
        await do.until(lambda: "0 not issued" in do.text())
        await do.until(lambda: "NOT SENT." in do.text())
        await do.until(lambda: "Critical finding, C: critical." in do.text())

    walk(steps, size=(160, 50))


def test_theirs_yours_and_the_difference_stand_below_the_choices_and_scroll() -> None:
    async def steps(do: Driver) -> None:
        await do.press("g", "o")
        place = cast(Outbox, do.app.place)
        await do.until(lambda: place.beside)
        await do.settle()
        await do.until(lambda: "Theirs, Dr Other" in do.text())
        text = do.text()
        assert text.index("Withdraw it, with a reason") < text.index("Theirs, Dr Other")
        await do.press("enter")
        await do.until(lambda: place.sheets)
        assert "+ Fracture of L2." not in do.text()
        for _ in range(12):
            await do.press("pagedown")
        await do.until(lambda: "+ Fracture of L2." in do.text())
        assert "Yours" in do.text()
        await do.press("1")
        await do.until(lambda: "You choose" in do.text())

    walk(steps, size=(160, 50))
