"""After five wrong PINs: how to go on is said, and only a change that was made forgets the tries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from teleread.model.errors import LockedError, UsageError
from teleread.workstation.ways import change
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import AWAY, World

WAYS = (
    "TELEREAD_PASSPHRASE_FILE",
    "TELEREAD_RECOVERY_CODE_FILE",
    "teleread key pin",
    "TELEREAD_NEW_PIN_FILE",
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("TELEREAD_PIN", "TELEREAD_PIN_FILE", "TELEREAD_NEW_PIN", "TELEREAD_NEW_PIN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TELEREAD_PASSPHRASE", cases.PASSPHRASE)
    made = World(tmp_path)
    yield made
    made.desk.close()


def block(world: World) -> LockedError:
    draft = world.written(world.task(cases.context()))
    for _ in range(5):
        with pytest.raises(LockedError) as told:
            world.desk.sign(draft, AWAY, pin="000000")
    return told.value


def test_the_fifth_wrong_pin_says_by_what_names_to_go_on(world: World) -> None:
    last = block(world)
    assert all(one in last.remedy for one in WAYS)
    with pytest.raises(LockedError) as told:
        world.vault.pin.check(cases.PIN)
    assert told.value.code == "pin-blocked"
    assert all(one in told.value.remedy for one in WAYS)


@pytest.mark.parametrize("new", ["", "123"])
def test_a_pin_that_was_not_changed_leaves_the_tries_counted(
    world: World, monkeypatch: pytest.MonkeyPatch, new: str
) -> None:
    block(world)
    monkeypatch.setenv("TELEREAD_NEW_PIN", new)
    with pytest.raises(UsageError):
        change(world.core, "pin")
    assert world.vault.pin.tries_left == 0


def test_a_right_old_pin_costs_no_try_and_forgives_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LockedError):
        world.vault.pin.check("000000")
    monkeypatch.setenv("TELEREAD_PIN", cases.PIN)
    with pytest.raises(UsageError):
        change(world.core, "pin")
    assert world.vault.pin.tries_left == 4


def test_the_passphrase_sets_another_pin_which_signs_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    block(world)
    monkeypatch.setenv("TELEREAD_NEW_PIN", "another pin")
    told = change(world.core, "pin")
    assert told["new_signing_key"] is False
    assert world.vault.pin.tries_left == 5
    draft = world.written(world.task(cases.context("t2", accession="A2")))
    assert world.desk.sign(draft, AWAY, pin="another pin").version == 1
