"""Fetching ahead: what is pressing goes at once, what gave way goes on, what failed waits, room is made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from teleread.archive.eviction import Budget
from teleread.archive.plans import Lane, Rules
from teleread.archive.port import Archive, InstanceSink, Manifest, RetrieveResult, StudyMatch
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.hubfile import HubFile
from teleread.model.study import StudyKey
from teleread.model.task import PriorStudy, TaskContext, TaskKey
from teleread.model.text import EMPTY, clean
from teleread.sync.fetching import fetch_study
from teleread.sync.policy import Policy
from teleread.sync.prefetch import SLOTS, Prefetcher
from teleread.sync.requests import Works
from teleread.vault.vault import Vault
from teleread.vault.wishes import ALL
from tests.archive_factories import MemoryArchive, ct
from tests.unit.vault_cases import context

HUB = HubFile("hub", "site", fhir="http://127.0.0.1:9", dicomweb="http://127.0.0.1:9", reader_id="reader")
PATIENCE = 30.0


def uid(name: int) -> str:
    return f"1.2.3.{name}"


class Shelf:
    """One archive with several studies; a study may wait for the test before each instance, or fail."""

    def __init__(self) -> None:
        self.capabilities = MemoryArchive({}).capabilities
        self.studies: dict[str, MemoryArchive] = {}
        self.gates: dict[str, threading.Semaphore] = {}
        self.began: dict[str, threading.Event] = {}
        self.listed: dict[str, tuple[StudyMatch, ...]] = {}
        self.asked_for: list[str] = []

    def add(self, number: int, instances: int = 4, *, size: int = 8, gated: bool = False) -> str:
        study = uid(number)
        files = {f"{study}.1.{one}": ct(one, study=study, size=size) for one in range(1, instances + 1)}
        self.studies[study] = MemoryArchive(files, study=study)
        self.began[study] = threading.Event()
        if gated:
            self.gates[study] = threading.Semaphore(0)
        return study

    def echo(self) -> float:
        return 0.0

    def find_studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        self.asked_for.append(patient_id)
        return self.listed.get(patient_id, ())

    def manifest(self, study_uid: str) -> Manifest:
        found = self.studies.get(study_uid)
        return found.manifest(study_uid) if found else Manifest(study_uid, ())

    def retrieve(
        self,
        manifest: Manifest,
        wanted: Collection[str],
        sink: InstanceSink,
        progress: Callable[[int, int], None],
    ) -> RetrieveResult:
        study = manifest.study_uid
        self.began[study].set()
        gate = self.gates.get(study)

        def gated(instances: int, size: int) -> None:
            if gate is not None:
                assert gate.acquire(timeout=PATIENCE)
            progress(instances, size)

        return self.studies[study].retrieve(manifest, wanted, sink, gated)

    def close(self) -> None:
        pass


class Sites:
    """One hub with one archive; no platform."""

    def __init__(self, shelf: Shelf, *more: HubFile) -> None:
        self.shelf = shelf
        self.hubs = (HUB, *more)
        self.dead: set[str] = set()

    def files(self) -> tuple[HubFile, ...]:
        return self.hubs

    def hub(self, hub_id: str) -> Any:
        raise OfflineError("There is no platform.")

    def archives(self, hub_id: str, via: str = "auto") -> tuple[Archive, ...]:
        if hub_id in self.dead:
            raise OfflineError("The archive can't be reached.")
        return (self.shelf,)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def works(vault: Vault, shelf: Shelf, *more: HubFile, **rules: Any) -> Works:
    wanted = Policy(Rules(**{"cases": 5, "priors": 0, "thumbnails": 0, "later": 0, **rules}), Budget(None, 0))
    return Works(vault, Sites(shelf, *more), vault.clock, policy=lambda: wanted)


def task(
    vault: Vault, number: int, *, priority: str = "routine", owner: str = "", **changes: Any
) -> TaskContext:
    made = context(f"t{number}", hub=changes.pop("hub", "hub"), priority=priority, study_uid=uid(number))
    made = replace(
        made,
        task=replace(
            made.task, owner=clean(owner), due=datetime(2026, 11, 24, 9, tzinfo=UTC) + timedelta(hours=number)
        ),
        **changes,
    )
    vault.worklist.put_page(made.key.hub_id, [made], vault.clock.now())
    return made


def state(vault: Vault, study: str, hub: str = "hub") -> str:
    found = vault.studies.get(hub, study)
    return found.state if found else "none"


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def kinds(vault: Vault) -> list[tuple[str, str]]:
    return [(one.kind, str(one.data.get("study", ""))) for one in vault.events.since(0)]


class Running:
    """The workers, as the engine runs them."""

    def __init__(self, works: Works) -> None:
        self.stop = threading.Event()
        self.prefetcher = Prefetcher(works, self.stop)
        self.threads = [threading.Thread(target=self.prefetcher.loop, args=(slot,)) for slot in SLOTS]
        for one in self.threads:
            one.start()

    def __enter__(self) -> Prefetcher:
        return self.prefetcher

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.prefetcher.nudge()
        for one in self.threads:
            one.join(PATIENCE)
            assert not one.is_alive()


def test_one_pass_brings_the_plan_in_order(vault: Vault, shelf: Shelf) -> None:
    studies = [shelf.add(number) for number in (1, 2, 3)]
    task(vault, 2)
    task(vault, 1, owner="Practitioner/reader")
    task(vault, 3, priority="stat")
    assert Prefetcher(works(vault, shelf), threading.Event()).once() == 3
    assert [study for kind, study in kinds(vault) if kind == "fetched"] == [
        studies[2],
        studies[0],
        studies[1],
    ]
    assert vault.wishes.rates() == {}
    assert [one.why for one in vault.copies.list()] == ["prefetch"] * 3


def test_a_stat_case_is_fetched_beside_a_running_fetch_which_gives_way_and_goes_on(
    vault: Vault, shelf: Shelf
) -> None:
    slow, stat = shelf.add(1, 6, gated=True), shelf.add(2)
    task(vault, 1)
    with Running(works(vault, shelf)) as prefetcher:
        assert shelf.began[slow].wait(PATIENCE)
        task(vault, 2, priority="stat")
        prefetcher.watch()
        wait_for(lambda: state(vault, stat) == "all")
        # The slow one had no chance to say anything meanwhile: the stat case did not wait for it.
        assert ("fetch-yielded", slow) not in kinds(vault)
        shelf.gates[slow].release(50)
        wait_for(lambda: state(vault, slow) == "all")
    assert vault.objects.verify("hub", slow).good == 6


def test_a_fetch_gives_way_at_the_end_of_an_instance_and_asks_later_for_the_rest_alone(
    vault: Vault, shelf: Shelf
) -> None:
    slow, stat = shelf.add(1, 6, gated=True), shelf.add(2, 3, gated=True)
    task(vault, 1)
    with Running(works(vault, shelf)) as prefetcher:
        assert shelf.began[slow].wait(PATIENCE)
        shelf.gates[slow].release(2)
        task(vault, 2, priority="stat")
        prefetcher.watch()
        assert shelf.began[stat].wait(PATIENCE)
        shelf.gates[slow].release(1)
        wait_for(lambda: ("fetch-yielded", slow) in kinds(vault))
        kept = set(vault.studies.held("hub", slow))
        assert 1 <= len(kept) <= 3
        shelf.gates[stat].release(50)
        shelf.gates[slow].release(50)
        wait_for(lambda: state(vault, slow) == "all" and state(vault, stat) == "all")
    first, second = shelf.studies[slow].asked
    assert len(first) == 6
    assert second == first - kept


def test_the_case_on_the_screen_is_not_starved_by_stat_cases(vault: Vault, shelf: Shelf) -> None:
    reading = shelf.add(1, 3)
    stats = [shelf.add(number, 2, gated=True) for number in (2, 3)]
    for number in (2, 3):
        task(vault, number, priority="stat")
    task(vault, 1, owner="Practitioner/reader")
    with Running(works(vault, shelf)) as prefetcher:
        prefetcher.watch()
        assert shelf.began[stats[0]].wait(PATIENCE)
        vault.events.emit("case-opened", {"hub": "hub", "study": reading})
        prefetcher.nudge()
        wait_for(lambda: state(vault, reading) == "all")
        assert state(vault, stats[0]) != "all"
        for study in stats:
            shelf.gates[study].release(50)
        wait_for(lambda: all(state(vault, study) == "all" for study in stats))


def test_what_the_reader_puts_first_goes_first_and_what_is_paused_waits(vault: Vault, shelf: Shelf) -> None:
    for number in (1, 2, 3):
        shelf.add(number)
        task(vault, number)
    vault.wishes.put(StudyKey("hub", uid(3)), "first")
    vault.wishes.put(StudyKey("hub", uid(1)), "pause")
    Prefetcher(works(vault, shelf), threading.Event()).once()
    assert [study for kind, study in kinds(vault) if kind == "fetched"] == [uid(3), uid(2)]
    assert state(vault, uid(1)) == "none"
    # The wish is fulfilled, and does not stay.
    assert [one.kind for one in vault.wishes.list()] == ["pause"]
    vault.wishes.drop(StudyKey("hub", uid(1)), "pause")
    vault.wishes.put(ALL, "pause")
    assert Prefetcher(works(vault, shelf), threading.Event()).once() == 0


def test_a_silent_archive_is_left_alone_and_others_go_on(vault: Vault, shelf: Shelf) -> None:
    other = replace(HUB, hub_id="other", name="other")
    for number in (1, 2):
        shelf.add(number)
        task(vault, number)
    third = shelf.add(3)
    task(vault, 3, hub="other")
    made = works(vault, shelf, other)
    assert isinstance(made.sites, Sites)
    made.sites.dead.add("hub")
    shelf.studies[uid(1)].dead = OfflineError("The archive can't be reached.")
    made.sites.dead.clear()
    prefetcher = Prefetcher(made, threading.Event())
    prefetcher.once()
    assert state(vault, third, "other") == "all"
    plan = prefetcher.plan()
    waits = {one.key.study_uid: one.wait for one in plan.decisions}
    assert "can't be reached" in waits[uid(1)]
    assert [kind for kind, study in kinds(vault) if study == uid(1)] == ["fetch-started", "fetch-failed"]
    # The line as a whole waits too: the second study of the hub was not even tried.
    assert "does not answer" in waits[uid(2)]


def test_a_study_that_is_refused_is_told_and_tried_later_and_the_line_is_not_blamed(
    vault: Vault, shelf: Shelf
) -> None:
    for number in (1, 2):
        shelf.add(number)
        task(vault, number)
    shelf.studies[uid(1)].dead = AttentionError("The archive refuses.")
    prefetcher = Prefetcher(works(vault, shelf), threading.Event())
    prefetcher.once()
    assert state(vault, uid(2)) == "all"
    wait = next(one.wait for one in prefetcher.plan().decisions if one.key.study_uid == uid(1))
    assert "refuses; tried again in 30 s" in wait


def test_first_pictures_then_documents_then_pixels(vault: Vault, shelf: Shelf) -> None:
    case, old, far = shelf.add(1), shelf.add(2), shelf.add(3, 9)
    listed = PriorStudy(clean(old), clean("CT"), clean("CT abdomen"), datetime(2025, 1, 1, tzinfo=UTC), 4)
    task(vault, 1, priors=(listed,))
    task(vault, 3)
    made = works(vault, shelf, cases=1, priors=2, thumbnails=5, later=0)
    prefetcher = Prefetcher(made, threading.Event())
    prefetcher.once()
    fetched = [study for kind, study in kinds(vault) if kind == "fetch-started"]
    assert fetched == [case, old, old, far]
    assert state(vault, old) == "all"
    found = vault.studies.get("hub", far)
    assert found is not None
    assert (found.held, found.state) == (1, "part")
    assert "Only its first pictures" in found.missing_why
    assert shelf.studies[far].asked == [frozenset({f"{far}.1.5"})]


def test_late_images_are_noticed_kept_and_told(vault: Vault, shelf: Shelf) -> None:
    study = shelf.add(1, 3)
    task(vault, 1, owner="Practitioner/reader")
    made = works(vault, shelf)
    assert fetch_study(made, "hub", study)["complete"]
    late = f"{study}.1.9"
    shelf.studies[study].files[late] = ct(9, study=study)
    shelf.studies[study].listed[late] = ""
    del shelf.studies[study].listed[f"{study}.1.1"]
    told = fetch_study(made, "hub", study)
    assert told["complete"]
    assert "1 image came after it was whole here" in told["changed"]
    assert "no longer lists 1 image that is kept here" in told["changed"]
    assert ("study-changed", study) in kinds(vault)
    assert len(vault.studies.held("hub", study)) == 4
    found = vault.studies.get("hub", study)
    assert found is not None
    assert found.changed.startswith("Seen 20")


def test_priors_are_asked_of_the_archive_by_the_qualified_identifier_alone(
    vault: Vault, shelf: Shelf
) -> None:
    shelf.add(1)
    old, other = shelf.add(7), shelf.add(8)
    mine = StudyMatch(old, clean("20250101"), clean("CT"), clean("CT abdomen"), EMPTY, 4)
    foreign = StudyMatch(
        other, clean("20250101"), clean("CT"), clean("CT abdomen"), EMPTY, 4, clean("elsewhere")
    )
    shelf.listed["NG777001"] = (mine, foreign)
    task(vault, 1)
    bare = works(vault, shelf, priors=2)
    Prefetcher(bare, threading.Event()).once()
    assert shelf.asked_for == []
    named = works(vault, shelf, priors=2)
    assert isinstance(named.sites, Sites)
    named.sites.hubs = (replace(HUB, patient_id_issuer="https://northgate.example/mrn"),)
    prefetcher = Prefetcher(named, threading.Event())
    prefetcher.once()
    assert shelf.asked_for == ["NG777001"]
    assert state(vault, old) == "all"
    assert state(vault, other) == "none"
    prefetcher.once()
    assert shelf.asked_for == ["NG777001"]


# -- room ------------------------------------------------------------------------------------------------


def limited(vault: Vault, shelf: Shelf, quota: int, **more: Any) -> Works:
    wanted = Policy(Rules(cases=5, priors=0, thumbnails=0, later=0), Budget(quota, 0), **more)
    return Works(vault, Sites(shelf), vault.clock, policy=lambda: wanted)


def test_room_is_made_by_what_was_delivered_and_never_by_a_claimed_drafted_or_held_study(
    vault: Vault, shelf: Shelf
) -> None:
    free = works(vault, shelf)
    for number in (1, 2, 3, 4):
        fetch_study(free, "hub", shelf.add(number, 3, size=64))
        task(vault, number)
    vault.claims.put(TaskKey("hub", "t1"), "held")
    vault.holds.put(StudyKey("hub", uid(2)), "a court asks")
    size = vault.studies.bytes()
    done = limited(vault, shelf, size).room()
    assert done.make(1) > 0
    gone = {one.study_uid for one in vault.copies.list() if one.purged_at}
    assert len(gone) == 1
    assert gone < {uid(3), uid(4)}
    assert done.make(10 * size) > 0
    gone = {one.study_uid for one in vault.copies.list() if one.purged_at}
    assert gone == {uid(3), uid(4)}
    receipt = next(one for one in vault.copies.list() if one.study_uid == uid(3))
    assert receipt.receipt
    assert receipt.instances == 3
    assert "room was needed" in receipt.purged_why
    assert {kind for kind, study in kinds(vault) if study == uid(3)} >= {"fetched", "purged"}


def test_what_there_is_no_room_for_waits_in_words(vault: Vault, shelf: Shelf) -> None:
    for number in (1, 2):
        shelf.add(number, 3, size=64)
        task(vault, number)
    one = sum(map(len, shelf.studies[uid(1)].files.values()))
    # What is held teaches how large the next one will be.
    fetch_study(works(vault, shelf), "hub", uid(1))
    prefetcher = Prefetcher(limited(vault, shelf, one * 3 // 2), threading.Event())
    prefetcher.once()
    assert state(vault, uid(2)) == "none"
    wait = next(one.wait for one in prefetcher.plan().decisions if one.key.study_uid == uid(2))
    assert wait.startswith("no room")


def test_an_open_case_takes_the_room_of_one_that_is_only_next(vault: Vault, shelf: Shelf) -> None:
    for number in (1, 2):
        shelf.add(number, 3, size=64)
        task(vault, number)
    one = sum(map(len, shelf.studies[uid(1)].files.values()))
    fetch_study(works(vault, shelf), "hub", uid(1))
    vault.events.emit("case-opened", {"hub": "hub", "study": uid(2)})
    prefetcher = Prefetcher(limited(vault, shelf, one * 3 // 2), threading.Event())
    found = prefetcher.plan().to_fetch[0]
    assert (found.key.study_uid, found.lane) == (uid(2), Lane.NOW)
    prefetcher.once()
    assert state(vault, uid(2)) == "all"
    assert state(vault, uid(1)) == "none"


def test_a_study_is_purged_when_its_time_after_the_receipt_is_over(vault: Vault, shelf: Shelf) -> None:
    from teleread.model.delivery import Receipt
    from tests.unit.vault_cases import new_draft, sign

    study = shelf.add(1, 2)
    fetch_study(works(vault, shelf), "hub", study)
    made = task(vault, 1)
    draft = vault.drafts.start(made.key, "ct", "1", new_draft(vault).sections)
    sign(vault, draft)
    item = vault.outbox.list()[0]
    made_works = limited(vault, shelf, 10**9, retain_hours={"hub": 0.0})
    assert made_works.room().sweep() == 0, "a report on its way keeps its images"
    vault.outbox.mark_sending(item.id)
    vault.outbox.mark_delivered(
        item.id, Receipt(clean("DiagnosticReport/1"), clean("1"), "0" * 64, "", vault.clock.now())
    )
    assert limited(vault, shelf, 10**9, retain_hours={"hub": 24.0}).room().sweep() == 0
    assert made_works.room().sweep() > 0
    assert state(vault, study) == "none"
    assert vault.copies.list()[0].purged_why == "0 h after the receipt are over"


def test_a_study_in_hand_is_asked_about_again_after_a_while_and_late_images_come(
    vault: Vault, shelf: Shelf
) -> None:
    study = shelf.add(1, 3)
    task(vault, 1, owner="Practitioner/reader")
    made = works(vault, shelf)
    fetch_study(made, "hub", study)
    found = vault.studies.get("hub", study)
    assert found is not None
    late = f"{study}.1.9"
    shelf.studies[study].files[late] = ct(9, study=study)
    shelf.studies[study].listed[late] = ""
    with Running(made):
        pass
    assert state(vault, study) == "all", "it was asked about a moment ago"
    long_ago = (vault.clock.now() - timedelta(hours=1)).isoformat(timespec="seconds")
    vault.studies.put_study(replace(found, asked_at=long_ago))
    with Running(made) as prefetcher:
        prefetcher.nudge()
        wait_for(lambda: late in vault.studies.held("hub", study))
        wait_for(lambda: ("study-changed", study) in kinds(vault))


def test_stat_cases_of_others_wake_nobody_twice(vault: Vault, shelf: Shelf) -> None:
    task(vault, 1, priority="stat", owner="Practitioner/other")
    prefetcher = Prefetcher(works(vault, shelf), threading.Event())
    woken = prefetcher._wake["stat"]
    prefetcher.watch()
    assert woken.is_set()
    woken.clear()
    prefetcher.watch()
    assert not woken.is_set()
    task(vault, 2, priority="stat")
    prefetcher.watch()
    assert woken.is_set()
