"""The worklist in memory: whatever moves in the vault, it equals a fresh look at all of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from teleread.host.clock import FakeClock
from teleread.model.study import StudyInfo, StudyKey
from teleread.model.task import PRIORITIES, PriorStudy, TaskContext
from teleread.model.text import EMPTY, SafeText, clean
from teleread.workstation import worklist
from teleread.workstation.api import WorklistItem
from teleread.workstation.core import Core
from teleread.workstation.listing import Listing
from tests.unit.vault_cases import START, context, keep, key, new_draft, new_vault, paths, sign

HUBS = ("north", "south")
TASKS = 24
STEPS = 60
STATES = ("requested", "accepted", "in-progress", "completed", "cancelled")
OWNERS = ("", "Practitioner/reader", "Practitioner/other")


def hub_file(core: Core, hub: str, *, rights: str = '["read", "draft", "sign"]') -> None:
    """Write a hub's file; its time moves even where the clock of the disk is coarse."""
    path = core.paths.hubs / f"{hub}.toml"
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(
        f'hub_id = "{hub}"\nfhir = "https://{hub}.example/fhir"\ndicomweb = "https://{hub}.example/web"\n'
        f'reader_id = "reader"\nrights = {rights}\n'
    )
    if before:
        import os

        os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    clock = FakeClock(START)
    vault = new_vault(tmp_path, clock=clock)
    made = Core(paths(tmp_path), vault, clock)
    made.paths.hubs.mkdir(parents=True, exist_ok=True)
    for hub in HUBS:
        hub_file(made, hub)
    yield made
    vault.close()


def study_of(number: int) -> str:
    return f"1.2.826.0.1.3680043.8.498.9.{number}"


class Mover:
    """Moves anything in the vault that a row shows, by chance."""

    def __init__(self, core: Core, seed: int) -> None:
        self.core, self.chance = core, random.Random(seed)
        self.reports = 0

    def context(self) -> TaskContext:
        chance = self.chance
        number, hub = chance.randrange(TASKS), chance.choice(HUBS)
        study = study_of(number // 2)  # two tasks a study
        made = context(
            f"t{number}",
            hub=hub,
            priority=chance.choice(PRIORITIES),
            version=str(chance.randrange(4)),
            study_uid=study,
            name=f"Family{number % 5}^Given",
        )
        owner = chance.choice(OWNERS)
        due = chance.choice((None, START + timedelta(minutes=chance.randrange(-60, 5000))))
        earlier = PriorStudy(
            SafeText(study_of(chance.randrange(TASKS))), clean("CT"), clean("CT abdomen"), START
        )
        task = replace(
            made.task,
            status=clean(chance.choice(STATES)),
            owner=clean(owner),
            owner_name=clean("Dr Other") if owner else EMPTY,
            due=due,
        )
        return replace(made, task=task, priors=(earlier,) if chance.random() < 0.5 else ())

    def pull(self) -> None:
        for _ in range(self.chance.randrange(1, 6)):
            one = self.context()
            self.core.vault.worklist.put_page(one.key.hub_id, [one], self.core.clock.now())

    def pull_the_same_again(self) -> None:
        rows = list(self.core.vault.worklist.items())
        for row in rows[:3]:
            found = self.core.vault.worklist.get(row.key)
            assert found is not None
            self.core.vault.worklist.put_page(row.hub_id, [found], self.core.clock.now())

    def hold_images(self) -> None:
        hub, study = self.chance.choice(HUBS), study_of(self.chance.randrange(TASKS // 2))
        keep(self.core.vault, [b"one", b"two"][: self.chance.randrange(1, 3)], study, hub)

    def expect_images(self) -> None:
        hub, study = self.chance.choice(HUBS), study_of(self.chance.randrange(TASKS // 2))
        told = StudyInfo(StudyKey(hub, study), expected=self.chance.choice((None, 1, 2)))
        self.core.vault.studies.put_study(told)

    def shred(self) -> None:
        hub, study = self.chance.choice(HUBS), study_of(self.chance.randrange(TASKS // 2))
        self.core.vault.objects.shred(hub, study, "a test")

    def draft(self) -> None:
        vault, task = self.core.vault, key(f"t{self.chance.randrange(TASKS)}", self.chance.choice(HUBS))
        found = vault.drafts.open_for(task)
        if not found:
            vault.drafts.start(task, "general", "1", ())
        elif self.chance.random() < 0.5:
            vault.drafts.discard(found[0].id, "a test")
        else:
            self.reports += 1
            sign(vault, found[0], f"r-{self.reports}")

    def report(self) -> None:
        found = self.core.vault.reports.list()
        if found:
            one = self.chance.choice(found)
            self.core.vault.reports.set_state(
                one.report_id, one.version, self.chance.choice(("issued", "needs_attention", "signed"))
            )

    def rights(self) -> None:
        rights = self.chance.choice(('["read", "draft"]', '["read", "draft", "sign"]'))
        hub_file(self.core, self.chance.choice(HUBS), rights=rights)

    def forget_a_hub(self) -> None:
        if self.chance.random() < 0.2:
            self.core.vault.worklist.drop_hub(self.chance.choice(HUBS))

    def nothing(self) -> None:
        """The same look twice."""

    def move(self) -> None:
        """One of them."""
        ways: tuple[Callable[[], None], ...] = (
            self.pull,
            self.pull,
            self.pull_the_same_again,
            self.hold_images,
            self.expect_images,
            self.expect_images,
            self.shred,
            self.draft,
            self.draft,
            self.report,
            self.rights,
            self.forget_a_hub,
            self.nothing,
        )
        self.chance.choice(ways)()


def afresh(core: Core) -> list[WorklistItem]:
    """What somebody sees who looks for the first time."""
    return Listing(Core(core.paths, core.vault, core.clock)).items()


def untimed(items: list[WorklistItem]) -> list[WorklistItem]:
    """Without the share of time used, which may be a minute old; its quarter stays."""
    return [
        replace(one, due_used=None if one.due_used is None else float(int(4 * one.due_used))) for one in items
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_list_kept_up_equals_a_fresh_look_after_any_sequence_of_changes(core: Core, seed: int) -> None:
    clock = core.clock
    assert isinstance(clock, FakeClock)
    mover, seen = Mover(core, seed), worklist.listing(core)
    for _ in range(8):
        mover.pull()
    for step in range(STEPS):
        mover.move()
        clock.advance(61.0)  # beliefs about priors and shares of time are renewed
        assert untimed(seen.items()) == untimed(afresh(core)), (seed, step)


def test_lines_that_did_not_move_stay_the_same_objects(core: Core) -> None:
    tasks = [context(f"t{number}", hub="north", study_uid=study_of(number)) for number in range(9)]
    core.vault.worklist.put_page("north", tasks, START)
    before = list(worklist.items(core))
    core.vault.worklist.put_page("north", tasks, START + timedelta(minutes=5))
    assert [a is b for a, b in zip(before, worklist.items(core), strict=True)] == [True] * 9
    keep(core.vault, [b"x"], study_of(4), "north")
    changed = [b.key.task_id for b in worklist.items(core) if not any(b is a for a in before)]
    assert changed == ["t4"]


def test_a_new_identity_from_the_hub_reaches_the_line_though_no_column_shows_it(core: Core) -> None:
    first = context("t1", hub="north")
    core.vault.worklist.put_page("north", [first], START)
    number = core.vault.worklist.moves()[0]
    core.vault.worklist.put_page("north", [context("t1", hub="north", version="2")], START)
    assert [row.task_id for row in core.vault.worklist.moved_since(number)] == ["t1"]


def test_a_list_of_more_lines_than_one_stretch_is_read_whole(core: Core) -> None:
    count = 1201
    tasks = (context(f"t{number}", hub="north", study_uid=study_of(number)) for number in range(count))
    core.vault.worklist.put_page("north", tasks, START)
    assert len({one.key for one in worklist.items(core)}) == count
    assert {row.key for row in core.vault.worklist.every()} == {
        row.key for row in core.vault.worklist.items()
    }


def test_another_thread_sees_what_the_first_one_wrote(core: Core) -> None:
    core.vault.worklist.put_page("north", [context("t1", hub="north")], START)
    assert len(worklist.items(core)) == 1
    new_draft(core.vault, "t0")
    core.vault.worklist.put_page("north", [context("t2", hub="north")], START)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(len(worklist.items(core))))
    thread.start()
    thread.join()
    assert found == [2]


def test_a_line_says_when_the_priors_it_needs_have_come_and_when_they_are_gone(core: Core) -> None:
    clock = core.clock
    assert isinstance(clock, FakeClock)
    earlier = PriorStudy(SafeText(study_of(1)), clean("CT"), clean("CT abdomen"), START - timedelta(days=99))
    one = replace(context("t0", hub="north", study_uid=study_of(0)), priors=(earlier,))
    core.vault.worklist.put_page("north", [one], START)

    def whole(number: int) -> None:
        keep(core.vault, [b"x"], study_of(number), "north")
        core.vault.studies.put_study(StudyInfo(StudyKey("north", study_of(number)), expected=1))

    def ready() -> bool:
        clock.advance(11.0)
        return worklist.items(core)[0].priors_ready

    whole(0)
    assert not ready()
    assert not ready()
    whole(1)
    assert ready()
    core.vault.objects.shred("north", study_of(1), "a test")
    assert not ready()
