"""Whatever a DIMSE archive does wrong ends in whole studies or in words, and never with a wrong byte."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from teleread.archive import dimse_requests
from teleread.archive.dimse import DimseArchive
from teleread.archive.fetcher import FetchLimits, fetch
from teleread.model.errors import TelereadError
from teleread.model.hubfile import DimseAddress, HubFile
from teleread.model.study import StudyKey
from teleread.vault.vault import Vault
from teleread.wire.dimse_line import DEFAULT_LIMITS, DimseLimits
from tests.archive_factories import STUDY, ct
from tests.contract.archive_hostile_dimse import Fault, HostileDimse, Session, hostile
from tests.contract.archive_hostile_faults import FAULTS, PAUSE
from tests.ports import free_port

KEY = StudyKey("hub", STUDY)
FILES = {
    f"{STUDY}.{series}.{number}": ct(number, series=series, size=64)
    for series, size in (("1", 5), ("2", 4))
    for number in range(1, size + 1)
}
MANY = {
    f"{STUDY}.{series}.{number}": ct(number, series=str(series))
    for series in (1, 2, 3)
    for number in (1, 2, 3)
}
LIMITS = DimseLimits(
    connect=2, associate=1, silence=3 * PAUSE, send=2, release=0.2, max_pdu=16384, matches=300, strays=12
)
IMPATIENT = FetchLimits(tries=2, first_wait=0.001, longest_wait=0.001)
CASES = [
    (name, way, lines)
    for name, fault in FAULTS.items()
    for way in fault.ways
    for lines in (("one", "several", "ahead") if way == "c-get" else ("one",))
    if lines == "one" or fault.get is not None
]


@pytest.fixture
def listen() -> int:
    return free_port()


@pytest.fixture
def server(listen: int) -> Iterator[HostileDimse]:
    with hostile(FILES, listen) as one:
        yield one


def archive_at(server: HostileDimse, listen: int, way: str) -> DimseArchive:
    address = DimseAddress("HOSTILE", "127.0.0.1", server.port)
    return DimseArchive(HubFile("hub", "hostile", dimse=address, listen=listen), via=way, limits=LIMITS)


def data_set(data: bytes) -> bytes:
    return data[144 + int.from_bytes(data[140:144], "little") :]


def held(vault: Vault) -> set[str]:
    """What is here; each compared byte for byte with what the archive holds, and against its digest."""
    uids = set(vault.studies.held("hub", STUDY))
    for uid in uids:
        assert data_set(vault.objects.read("hub", STUDY, uid)) == data_set(FILES[uid])
    if uids:
        assert vault.objects.verify("hub", STUDY).good == len(uids)
    return uids


def attempt(vault: Vault, archive: DimseArchive) -> str:
    """Fetch; everything that is told of what went wrong."""
    try:
        outcome = fetch(vault, [archive], KEY, limits=IMPATIENT)
    except TelereadError as error:
        return str(error)
    assert outcome.complete is (held(vault) == set(FILES) and not outcome.missing_why)
    assert outcome.complete or outcome.missing_why
    reasons = [why for _, why in outcome.fallbacks]
    return " ".join([outcome.missing_why, *outcome.problems, *reasons])


@pytest.mark.parametrize(("name", "way", "lines"), CASES)
def test_a_hostile_archive_costs_what_it_keeps_back_and_nothing_else(
    server: HostileDimse,
    listen: int,
    vault: Vault,
    name: str,
    way: str,
    lines: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if lines == "several":
        monkeypatch.setattr(dimse_requests, "_SHORT_LINE", -1.0)
    server.counts = lines == "ahead"
    fault = server.fault = FAULTS[name]
    words = attempt(vault, archive_at(server, listen, way))
    here = held(vault)
    # Which objects came before the fault depends on how the work is shared out.
    came = "whole" if here == set(FILES) else "part" if here else "none"
    assert came == fault.ends or (lines == "several" and came in {"part", "none"}), words
    if way == "c-get" and lines != "several":
        assert re.search(fault.words, words), words
    if fault.ends != "whole":
        assert words
    assert STUDY not in words
    assert "\x1b" not in words

    server.fault = None
    server.asked.clear()
    assert attempt(vault, archive_at(server, listen, way)) == ""
    assert held(vault) == set(FILES)
    assert not here & {uid for asked in server.asked for uid in asked}
    if here:
        assert [] not in server.asked


def test_an_archive_may_think_for_two_minutes() -> None:
    assert DEFAULT_LIMITS.silence > 120


def test_a_study_comes_in_one_request_without_a_listing_where_its_series_are_counted(
    server: HostileDimse, listen: int, vault: Vault
) -> None:
    server.counts = True
    assert attempt(vault, archive_at(server, listen, "c-get")) == ""
    assert held(vault) == set(FILES)
    assert (server.asked, server.listed) == ([[]], 0)


@pytest.mark.parametrize("series", [2, 3])
def test_a_long_line_lists_many_series_by_one_query_and_believes_it_only_where_counts_agree(
    listen: int, vault: Vault, monkeypatch: pytest.MonkeyPatch, series: int
) -> None:
    monkeypatch.setattr(dimse_requests, "_SHORT_LINE", -1.0)
    files = {uid: data for uid, data in MANY.items() if int(uid.split(".")[-2]) <= series}
    with hostile(files, listen) as server:
        server.counts = True
        archive = archive_at(server, listen, "c-get")
        assert archive.manifest(STUDY).sop_uids == set(files)
        assert server.listed == (1 if series > 2 else 2)
        server.fault = Fault("lists half", "whole", find=lists_half_at_once)
        server.listed = 0
        assert archive.manifest(STUDY).sop_uids == set(files)
        assert server.listed >= 2
        archive.close()


def lists_half_at_once(session: Session) -> None:
    """A query over all series finds only some of the first one's."""
    if session.asked.get(0x00080052) == b"IMAGE" and not session.asked.get(0x0020000E):
        session.archive.listed += 1
        one = session.wanted()[0]
        session.match(one, (0x0008, 0x0018, one.sop_uid.encode()), (0x0020, 0x000E, one.series.encode()))
        session.respond(0)
        return
    session.find()


def test_several_associations_bring_a_study_whole_and_share_the_work(
    server: HostileDimse, listen: int, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dimse_requests, "_SHORT_LINE", -1.0)
    assert attempt(vault, archive_at(server, listen, "c-get")) == ""
    assert held(vault) == set(FILES)
    assert sorted(uid for asked in server.asked for uid in asked) == sorted(FILES)
    assert len(server.asked) > 2


@pytest.mark.parametrize(("way", "lines"), [("c-get", "one"), ("c-get", "several"), ("c-move", "one")])
def test_a_reader_who_stops_the_fetch_keeps_what_came(
    server: HostileDimse,
    listen: int,
    vault: Vault,
    way: str,
    lines: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class StoppedError(Exception):
        pass

    def stop(held: int, expected: int, size: int) -> None:
        if held >= 3:
            raise StoppedError

    if lines == "several":
        monkeypatch.setattr(dimse_requests, "_SHORT_LINE", -1.0)
    with pytest.raises(StoppedError):
        fetch(vault, [archive_at(server, listen, way)], KEY, limits=IMPATIENT, progress=stop)
    assert 0 < len(held(vault)) < len(FILES)
    assert attempt(vault, archive_at(server, listen, way)) == ""
    assert held(vault) == set(FILES)
