"""The engine signs in for a window: the code is an event, the end an answer; a closed window ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from teleread.model.errors import NotSignedInError, UsageError
from teleread.sync.engine import _printable
from teleread.sync.requests import Works, perform
from teleread.workstation import signin
from teleread.workstation.signin import Prompt, SignedIn, qr_rows, signs_in, site_keys
from teleread.workstation.sites import Sites
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import World

PROMPT = Prompt("north", "device", "https://id.example/type", "ABCD-EFGH", "https://id.example/type?c", 60)


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the sign-in was asked with; it shows a code and then waits until it may go on."""
    seen: dict[str, Any] = {"goes-on": threading.Event()}

    def sign_in(
        core: Any, hub: Any, show: Callable[[Prompt], None], pause: Callable[[float], bool]
    ) -> SignedIn:
        show(PROMPT)
        while not seen["goes-on"].is_set():
            if not pause(0.05):
                raise NotSignedInError("You gave it up.", code="sign-in-other")
        return SignedIn(hub, "device", "Practitioner/17", "", 60, True)

    monkeypatch.setattr(signin, "sign_in", sign_in)
    return seen


def works(world: World) -> tuple[Works, threading.Event]:
    stop = threading.Event()
    core = world.core
    return Works(world.vault, Sites(core), core.clock, sign_in=signs_in(core, stop)), stop


def test_the_window_sees_the_code_and_the_hub_is_asked_when_it_is_over(
    world: World, asked: dict[str, Any]
) -> None:
    asked["goes-on"].set()
    before = world.vault.events.last_id()
    told = perform(works(world)[0], "sign-in", {"hub_id": cases.HUB, "mark": "m1"})
    assert told == {"hub": "north", "who": "Practitioner/17", "renews": True}
    events = {one.kind: one for one in world.vault.events.since(before)}
    assert events["sign-in-code"].data["mark"] == "m1"
    assert events["sign-in-code"].data["code"] == "ABCD-EFGH"
    assert "hub-offline" in events, "the hub of this world does not answer, but it was asked at once"
    shown = _printable(events["sign-in-code"])
    assert "ABCD-EFGH" not in str(shown), "no code in what a foreground engine prints"
    assert shown.data["mark"] == "m1"


def test_a_window_that_closes_ends_the_sign_in_and_so_does_the_engines_end(
    world: World, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, stop = works(world)
    perform(mine, "sign-in-stop", {"mark": "m2"})
    with pytest.raises(NotSignedInError):
        perform(mine, "sign-in", {"hub_id": cases.HUB, "mark": "m2"})
    stop.set()
    with pytest.raises(NotSignedInError):
        perform(mine, "sign-in", {"hub_id": cases.HUB, "mark": "m3"})


def test_a_hub_without_a_sign_in_of_its_own_says_so(world: World) -> None:
    with pytest.raises(UsageError) as caught:
        perform(works(world)[0], "sign-in", {"hub_id": cases.HUB, "mark": "m"})
    assert caught.value.code == "no-sign-in"
    with pytest.raises(UsageError):
        perform(Works(world.vault, Sites(world.core), world.clock), "sign-in", {"hub_id": "h", "mark": "m"})


def test_a_key_for_the_site_is_made_once_and_anew_only_when_asked(world: World) -> None:
    hub = world.core.hub(cases.HUB)
    first = site_keys(world.core, hub)
    assert site_keys(world.core, hub) == first
    assert site_keys(world.core, hub, fresh=True) != first
    kinds = [row.kind for row in world.vault.audit.export()]
    assert kinds.count("system-key-made") == 2


def test_a_qr_picture_is_as_wide_as_high_and_a_text_too_long_has_none() -> None:
    pytest.importorskip("segno", reason="the QR picture needs segno: this test did NOT run")
    rows = qr_rows("https://id.example/type?user_code=ABCD-EFGH")
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) * 2 - len(rows[0]) in {0, 1}
    assert set("".join(rows)) <= set(" ▄▀█")
    assert qr_rows("x" * 5000) == ()
