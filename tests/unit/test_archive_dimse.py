"""The DIMSE adapter: what it offers, and how it asks when an archive fails a whole request for one object."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.archive.contexts import (
    ALWAYS,
    COMPRESSED,
    WIDE,
    class_groups,
    further_contexts,
    pairs_of,
    storage_contexts,
)
from teleread.archive.dimse import DimseArchive
from teleread.archive.dimse_requests import (
    BATCH,
    MAX_FAILURES,
    Batches,
    Requests,
    Shortfall,
    associations,
    work,
)
from teleread.archive.intake import Intake
from teleread.archive.port import Manifest, SeriesManifest
from teleread.model.errors import AttentionError, OfflineError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.text import clean
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dimse import Outcome
from teleread.wire.pdu import IMPLICIT
from tests.archive_factories import CT, EXPLICIT, STUDY


class Names:
    """A sink that takes names for files."""

    def begin(self, transfer_syntax: str) -> None:
        self.name = b""

    def write(self, chunk: bytes | memoryview) -> None:
        self.name += bytes(chunk)

    def end(self) -> str:
        return self.name.decode()

    def abort(self, why: str) -> None:
        self.name = b""


class Peer:
    """An archive that sends what it is asked for, or nothing at all where a bad object is among it."""

    def __init__(self, uids: list[str], bad: set[str], *, most: int = 1000) -> None:
        self.uids, self.bad, self.most = uids, bad, most
        self.asked: list[list[str]] = []
        self.intake = Intake(Names(), lambda count, size: None)

    def __call__(self, identifier: bytes) -> Outcome:
        reader = HeaderReader(syntax=IMPLICIT)
        reader.feed(identifier)
        reader.finish()
        uids = reader.uid(0x00080018).split("\\") if 0x00080018 in reader.values else list(self.uids)
        self.asked.append(uids)
        if self.bad & set(uids) or len(uids) > self.most:
            return Outcome(0xC000)
        for uid in uids:
            self.intake.begin("")
            self.intake.write(uid.encode())
            self.intake.end()
        return Outcome(0, completed=len(uids))

    def run(self, wanted: set[str] | None = None) -> None:
        series = SeriesManifest(f"{STUDY}.1", clean("CT"), dict.fromkeys(self.uids, CT))
        manifest = Manifest(STUDY, (series,))
        shortfall = Shortfall(manifest, self.intake)
        missing = frozenset(wanted or self.uids)
        Requests(self, self.intake, shortfall, set()).run(manifest, missing)
        shortfall.tell(missing - self.intake.arrived)


def uids(count: int) -> list[str]:
    return [f"{STUDY}.1.{number}" for number in range(1, count + 1)]


def test_a_whole_study_is_one_request() -> None:
    peer = Peer(uids(500), set())
    peer.run()
    assert len(peer.asked) == 1


def test_one_object_that_fails_the_study_costs_itself_alone_and_is_told() -> None:
    peer = Peer(uids(130), {f"{STUDY}.1.70"})
    peer.run()
    assert peer.intake.arrived == set(peer.uids) - peer.bad
    assert [len(one) for one in peer.asked[:3]] == [130, 64, 64]
    assert peer.intake.result().problems
    assert all("C000" in one for one in peer.intake.result().problems)


def test_missing_instances_are_asked_for_in_lists() -> None:
    peer = Peer(uids(100), set())
    peer.run(set(uids(100)[:70]))
    assert [len(one) for one in peer.asked] == [64, 6]


def test_an_archive_that_refuses_everything_is_left_alone_soon() -> None:
    names = uids(300)
    peer = Peer(names, set(names))
    with pytest.raises(AttentionError, match=r"did not send the study: .*\(status C000\)"):
        peer.run()
    assert len(peer.asked) <= MAX_FAILURES + 4


@settings(max_examples=50, deadline=None)
@given(
    told=st.lists(st.sampled_from(sorted({CT, *ALWAYS, *(f"1.2.3.{n}" for n in range(200))})), max_size=200)
)
def test_contexts_are_within_what_the_standard_allows(told: list[str]) -> None:
    contexts = storage_contexts(told)
    ids = [one.id for one in contexts]
    assert len(contexts) <= 127
    assert len(set(ids)) == len(ids)
    assert all(one % 2 == 1 and 3 <= one <= 255 for one in ids)
    assert len({one for one in contexts if one.abstract in set(told)}) >= min(len(set(told)), 100)


def test_papers_and_presentation_states_are_offered_whatever_the_archive_says() -> None:
    for told in ([], [CT]):
        offered = {one.abstract for one in storage_contexts(told)}
        assert set(ALWAYS) <= offered
        assert CT in offered


def test_every_compressed_syntax_of_the_study_has_a_context_of_its_own() -> None:
    alone = {one.syntaxes for one in storage_contexts([CT]) if one.abstract == CT}
    assert {(one,) for one in COMPRESSED} <= alone
    assert {(EXPLICIT,), (IMPLICIT,)} <= alone


def test_what_the_archive_tells_of_syntaxes_comes_before_what_is_likely() -> None:
    many = [CT, *(f"1.2.3.{number}" for number in range(20))]
    rare = "1.2.840.10008.1.2.4.105"
    offered = {one.syntaxes for one in storage_contexts(many, {rare, "9.9"}) if one.abstract == CT}
    assert (rare,) in offered
    assert ("9.9",) not in offered


@settings(max_examples=8, deadline=None)
@given(missing=st.sets(st.sampled_from(["", CT, "1.2.3.4", ALWAYS[0]]), min_size=1))
def test_further_offers_repeat_nothing_and_come_to_an_end(missing: set[str]) -> None:
    offered = pairs_of(storage_contexts(missing))
    for _ in range(60):
        more = further_contexts(missing, offered)
        if not more:
            break
        assert len(more) <= 127
        assert not pairs_of(more) & offered
        offered |= pairs_of(more)
    else:
        pytest.fail("it never ends")
    assert all((one, syntax) in offered for one in missing - {""} for syntax in (EXPLICIT, IMPLICIT))


def test_instances_of_a_class_that_was_not_told_are_met_by_every_storage_class() -> None:
    first = pairs_of(storage_contexts([]))
    second = pairs_of(further_contexts([""], first))
    assert {(one, EXPLICIT) for one in WIDE} <= first | second


@pytest.mark.parametrize(
    ("round_trip", "instances", "most", "count"),
    [
        (0.0002, 600, 4, 1),
        (0.003, 600, 4, 1),
        (0.04, 600, 4, 4),
        (0.04, 600, 1, 1),
        (0.04, 9, 8, 2),
        (0.04, 1, 8, 1),
        (0.04, 0, 8, 1),
    ],
)
def test_a_short_line_or_a_short_list_takes_one_association(
    round_trip: float, instances: int, most: int, count: int
) -> None:
    assert associations(round_trip, instances, most) == count


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5), workers=st.integers(2, 8))
def test_shared_work_hands_out_each_instance_once_in_lists_of_one_series(
    sizes: list[int], workers: int
) -> None:
    series = tuple(
        SeriesManifest(f"{STUDY}.{at}", clean("CT"), {f"{STUDY}.{at}.{n}": CT for n in range(1, size + 1)})
        for at, size in enumerate(sizes, 1)
    )
    manifest = Manifest(STUDY, series)
    batches = Batches(manifest, manifest.sop_uids, workers)
    seen: list[str] = []
    while (taken := batches.take()) is not None:
        series_uid, batch = taken
        assert 1 <= len(batch) <= BATCH
        assert all(one.startswith(f"{series_uid}.") for one in batch)
        seen += batch
    assert sorted(seen) == sorted(manifest.sop_uids)


def test_a_list_that_brings_nothing_is_asked_for_one_by_one_by_the_shared_work() -> None:
    peer = Peer(uids(40), set(), most=1)
    manifest = Manifest(STUDY, (SeriesManifest(f"{STUDY}.1", clean("CT"), dict.fromkeys(peer.uids, CT)),))
    batches = Batches(manifest, manifest.sop_uids, 2)
    work(STUDY, batches, peer, lambda: len(peer.intake.arrived))
    assert peer.intake.arrived == set(peer.uids)
    assert [len(one) for one in peer.asked[:2]] == [1, 9]
    assert all(len(one) == 1 for one in peer.asked[2:])


def series_of(number: int, size: int) -> SeriesManifest:
    uid = f"{STUDY}.{number}"
    return SeriesManifest(uid, clean("CT"), {f"{uid}.{at}": CT for at in range(1, size + 1)})


def test_the_middle_of_each_series_comes_first_and_then_the_order_of_the_manifest() -> None:
    manifest = Manifest(STUDY, (series_of(1, 9), series_of(2, 4)))
    batches = Batches(manifest, manifest.sop_uids, 2)
    taken = []
    while (one := batches.take()) is not None:
        taken.append(one[1])
    assert taken[:2] == [[f"{STUDY}.1.5"], [f"{STUDY}.2.3"]]
    assert [uid for one in taken[2:] for uid in one if uid.startswith(f"{STUDY}.1.")] == [
        f"{STUDY}.1.{at}" for at in (1, 2, 3, 4, 6, 7, 8, 9)
    ]


def test_what_is_wished_first_is_asked_for_first_in_that_order() -> None:
    first = (f"{STUDY}.2.2", f"{STUDY}.1.7")
    manifest = Manifest(STUDY, (series_of(1, 9), series_of(2, 4)), first)
    batches = Batches(manifest, manifest.sop_uids, 2)
    assert [batches.take(), batches.take()] == [(f"{STUDY}.2", [first[0]]), (f"{STUDY}.1", [first[1]])]
    peer = Peer(sorted(manifest.sop_uids), set())
    requests = Requests(peer, peer.intake, Shortfall(manifest, peer.intake), set())
    requests.run(manifest, manifest.sop_uids - {f"{STUDY}.1.1"})
    assert peer.asked[:2] == [[first[0]], [first[1]]]


def test_an_object_that_broke_the_line_is_asked_for_last_and_alone() -> None:
    manifest = Manifest(STUDY, (series_of(1, 5),))
    peer = Peer(sorted(manifest.sop_uids), set())
    suspects = {f"{STUDY}.1.2"}
    Requests(peer, peer.intake, Shortfall(manifest, peer.intake), suspects).run(manifest, manifest.sop_uids)
    assert peer.asked == [[f"{STUDY}.1.{at}" for at in (1, 3, 4, 5)], [f"{STUDY}.1.2"]]


def test_a_line_that_breaks_between_two_objects_makes_the_next_one_due_a_suspect() -> None:
    manifest = Manifest(STUDY, (series_of(1, 5),))
    intake = Intake(Names(), lambda count, size: None)
    suspects: set[str] = set()

    def ask(identifier: bytes) -> Outcome:
        raise OfflineError("The archive hung up.")

    requests = Requests(ask, intake, Shortfall(manifest, intake), suspects)
    with pytest.raises(OfflineError):
        requests.run(manifest, manifest.sop_uids, whole=False)
    assert suspects == {f"{STUDY}.1.1"}


@settings(max_examples=50, deadline=None)
@given(classes=st.sets(st.sampled_from(sorted(WIDE)), max_size=40))
def test_classes_are_grouped_so_that_each_offer_has_every_likely_syntax(classes: set[str]) -> None:
    groups = class_groups(classes)
    assert set().union(*groups) == classes
    assert sum(len(one) for one in groups) == len(classes)
    for group in groups[1:]:
        offered = pairs_of(storage_contexts(group))
        assert all((one, syntax) in offered for one in group for syntax in COMPRESSED)


def test_shared_work_is_left_where_everything_fails() -> None:
    peer = Peer(uids(40), set(uids(40)))
    manifest = Manifest(STUDY, (SeriesManifest(f"{STUDY}.1", clean("CT"), dict.fromkeys(peer.uids, CT)),))
    work(STUDY, Batches(manifest, manifest.sop_uids, 2), peer, lambda: len(peer.intake.arrived))
    assert len(peer.asked) == 3


def test_what_stays_away_is_told_by_kind() -> None:
    peer = Peer(uids(3), {f"{STUDY}.1.2"})
    peer.run()
    assert [str(one) for one in peer.intake.result().problems] == [
        f"One instance of SOP class {CT} did not come: it could not do it and does not say why (status C000)."
    ]


def test_a_hub_without_a_dimse_address_is_told() -> None:
    with pytest.raises(UsageError, match="DIMSE"):
        DimseArchive(replace(HubFile("hub", "north"), dimse=None))
