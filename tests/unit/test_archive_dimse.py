"""The DIMSE adapter: what it offers, and how it asks when an archive fails a whole request for one object."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.archive.contexts import ALWAYS, storage_contexts
from teleread.archive.dimse import MAX_FAILURES, DimseArchive, _Requests
from teleread.archive.intake import Intake
from teleread.archive.port import Manifest, SeriesManifest
from teleread.model.errors import AttentionError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.text import clean
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dimse import Outcome
from teleread.wire.pdu import IMPLICIT
from tests.archive_factories import CT, STUDY


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
        if self.bad & set(uids):
            return Outcome(0xC000)
        for uid in uids:
            self.intake.begin("")
            self.intake.write(uid.encode())
            self.intake.end()
        return Outcome(0, completed=len(uids))

    def run(self, wanted: set[str] | None = None) -> None:
        series = SeriesManifest(f"{STUDY}.1", clean("CT"), dict.fromkeys(self.uids, CT))
        manifest = Manifest(STUDY, (series,))
        _Requests(self, self.intake).run(manifest, frozenset(wanted or self.uids))


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
    with pytest.raises(AttentionError, match="did not send the study"):
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
    assert ("1.2.840.10008.1.2.4.90",) in alone
    assert ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2") in alone


def test_a_hub_without_a_dimse_address_is_told() -> None:
    with pytest.raises(UsageError, match="DIMSE"):
        DimseArchive(replace(HubFile("hub", "north"), dimse=None))
