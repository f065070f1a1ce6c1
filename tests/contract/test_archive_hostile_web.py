"""DICOMweb against a server that misbehaves: whole studies or a named shortfall, never a wrong byte."""

from __future__ import annotations

import gzip
import json
import re
import ssl
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from teleread.archive.dicomweb import DicomwebArchive
from teleread.archive.fetcher import FetchLimits, FetchOutcome, fetch
from teleread.archive.link import Governor, LinkEstimate
from teleread.archive.sink import SinkLimits, VaultSink
from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.study import StudyKey
from teleread.vault.vault import Vault
from teleread.wire.http_answers import Timeouts
from tests.archive_factories import STUDY, ct
from tests.contract import archive_hostile_web as web
from tests.contract.archive_hostile_web import BOUNDARY, Ask, HostileWeb, Quirk, hostile_web, slices

KEY = StudyKey("hub", STUDY)
LIMITS = Timeouts(connect=5, read=0.6, write=5, total=20, window=1.0, least=4096)
TRIES = FetchLimits(tries=2, rounds=30, first_wait=0.01, longest_wait=0.02)
SINK = SinkLimits(head=1 << 20, instance=4 << 20)
OTHER = "1.2.826.0.1.3680043.10.5.99"


@dataclass(frozen=True)
class Case:
    """One way to misbehave, and how it has to end."""

    name: str
    quirk: Callable[[], Quirk]
    whole: bool = True
    held: int = 7
    """Instances kept in the end."""
    words: str = ""
    """In what is told of the shortfall."""


def refuse(status: int, **headers: str) -> Callable[[Ask], None]:
    return lambda ask: ask.plain(status, b"no", **headers)


def also_others(ask: Ask) -> None:
    ask.parts([ct(1, study=OTHER, size=32), *(ask.server.files[one] for one in ask.uids)])


def others_instead(ask: Ask) -> None:
    ask.parts([ct(1, study=OTHER, size=32) for _ in ask.uids])


def no_dicom(ask: Ask) -> None:
    ask.parts([b"<html>" + bytes(5000) for _ in ask.uids])


def huge(ask: Ask) -> None:
    ask.begin()
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\nContent-Length: {10 << 30}\r\n\r\n"
    ask.put(head.encode() + ask.server.files[ask.uids[0]])
    ask.hang_up()


def wrong_boundary(ask: Ask) -> None:
    ask.begin('multipart/related; boundary="another"')
    ask.put(web.body_of([ask.server.files[one] for one in ask.uids]))


def long_part_header(ask: Ask) -> None:
    ask.begin()
    ask.put(f"--{BOUNDARY}\r\nX: ".encode() + b"a" * (1 << 20))


def packed_unasked(ask: Ask) -> None:
    ask.begin(Content_Encoding="gzip")
    ask.put(b"\x1f\x8b" + bytes(100))


def bare(ask: Ask) -> bool:
    """A server that knows no parts: single instances alone, by themselves."""
    if not ask.is_bytes:
        return False
    if "multipart" in ask.headers["Accept"] or ask.level != "instance":
        ask.plain(406)
    else:
        ask.plain(200, ask.server.files[ask.uids[0]], Content_Type="application/dicom")
    return True


def bare_without_length(ask: Ask) -> bool:
    if ask.is_bytes and ask.level == "instance" and "multipart" not in ask.headers["Accept"]:
        ask.begin("application/dicom")
        ask.put(ask.server.files[ask.uids[0]][:3000])
        return True
    return bare(ask)


def without_star(ask: Ask) -> bool:
    if ask.is_bytes and "*" in ask.headers["Accept"]:
        ask.plain(400)
        return True
    return False


def without_counts(ask: Ask) -> bool:
    if ask.level == "list-series":
        ask.listing(ask.rows(counts=False))
        return True
    return False


def wrong_counts(more: int) -> Quirk:
    def quirk(ask: Ask) -> bool:
        if ask.level == "list-series":
            ask.listing(ask.rows(more=more))
            return True
        return False

    return quirk


def without_paging(ask: Ask) -> bool:
    if ask.level == "list-instances":
        ask.plain(200, json.dumps(ask.rows()).encode(), Content_Type=web.JSON)
        return True
    return without_counts(ask)


def repeating_pages(ask: Ask) -> bool:
    """Pages of two, each beginning with the last row of the one before."""
    if ask.level == "list-instances":
        at = max(0, int(ask.query["offset"][0]) - 1)
        ask.plain(200, json.dumps(ask.rows()[at : at + 2]).encode(), Content_Type=web.JSON)
        return True
    return without_counts(ask)


def without(*levels: str) -> Callable[[], Quirk]:
    def quirk(ask: Ask) -> bool:
        if ask.level in levels or (ask.level == "list-instances" and "list-study" in levels):
            ask.plain(404)
            return True
        return without_counts(ask)

    return lambda: quirk


def without_study_listing(ask: Ask) -> bool:
    if ask.level == "list-instances" and "/series/" not in ask.where:
        ask.plain(404)
        return True
    return without_counts(ask)


def each_line_once(ask: Ask) -> bool:
    """Says keep-alive and hangs up after each answer."""
    if ask.is_bytes:
        files = [ask.server.files[one] for one in ask.uids]
        ask.plain(200, web.body_of(files), Content_Type=f"multipart/related; boundary={BOUNDARY}")
        ask.wfile.flush()
        ask.hang_up()
        return True
    return without_counts(ask)


def old_http(ask: Ask) -> None:
    body = web.body_of([ask.server.files[one] for one in ask.uids])
    kind = f"multipart/related; boundary={BOUNDARY}"
    ask.put(f"HTTP/1.0 200 fine\nContent-Type: {kind}\r\n\r\n".replace("\n", "\r\n", 1).encode() + body)
    ask.hang_up()


def redirected(target: str) -> Callable[[], Quirk]:
    def quirk(ask: Ask) -> bool:
        if ask.is_bytes and "again" not in ask.query:
            where = target or f"/dw/{ask.where}"
            ask.plain(307, Location=f"{where}?again=1")
            return True
        return False

    return lambda: quirk


def uid_that_is_none(ask: Ask) -> bool:
    if ask.level == "list-instances":
        rows = [*ask.rows(), {**ask.rows()[0], "00080018": {"vr": "UI", "Value": ["../../etc/x"]}}]
        ask.plain(200, json.dumps(rows).encode(), Content_Type=web.JSON)
        return True
    return without_counts(ask)


def bulk_broken(act: Callable[[Ask], None]) -> Callable[[], Quirk]:
    """Studies and series come broken; single instances come well."""

    def quirk(ask: Ask) -> bool:
        if ask.level in {"study", "series"}:
            act(ask)
            return True
        return False

    return lambda: quirk


CASES = (
    Case("nothing", lambda: web.good),
    Case("parts without lengths", web.always("bytes", lambda ask: ask.parts(_files(ask), lengths=False))),
    Case("chunks", web.always("bytes", web.in_chunks)),
    Case("chunks that are cut, once", web.once("study", lambda ask: web.in_chunks(ask, cut=True))),
    Case("chunks that are garbage, once", web.once("study", lambda ask: web.in_chunks(ask, garbage=True))),
    Case("a cut in the middle, once", web.once("study", web.cut_at(0.5))),
    Case("a cut before the closing boundary, once", web.once("study", web.cut_at(0.9995))),
    Case("no closing boundary", web.always("bytes", lambda ask: ask.parts(_files(ask), close=False))),
    Case("cuts of every whole study", bulk_broken(web.cut_at(0.3))),
    Case("a cut in one instance, always", web.for_one(2, web.cut_at(0.4)), False, 6, "cut short"),
    Case("lengths too long in bulk", bulk_broken(lambda ask: ask.parts(_files(ask), lie=40))),
    Case("lengths too short in bulk", bulk_broken(lambda ask: ask.parts(_files(ask), lie=-40))),
    Case(
        "a length that lies for one instance",
        web.for_one(2, lambda ask: ask.parts(_files(ask), lie=7)),
        False,
        6,
        "missing",
    ),
    Case("a wrong boundary in bulk", bulk_broken(wrong_boundary)),
    Case("a wrong boundary for one instance", web.for_one(3, wrong_boundary), False, 6, "missing"),
    Case("a part of ten gibibytes in bulk", bulk_broken(huge)),
    Case("a part of ten gibibytes for one", web.for_one(1, huge), False, 6, "missing"),
    Case("a part without end in bulk", bulk_broken(web.endless_part)),
    Case("a part without end for one", web.for_one(1, web.endless_part), False, 6, "larger than any"),
    Case("a part header without end", bulk_broken(long_part_header)),
    Case("other people's objects too", bulk_broken(also_others)),
    Case("other people's objects alone, in bulk", bulk_broken(others_instead)),
    Case("another's object for one", web.for_one(1, others_instead), False, 6, "another study"),
    Case(
        "other people's objects without end",
        bulk_broken(web.endless(lambda number: ct(number, study=OTHER, size=32))),
    ),
    Case("one object again and again", bulk_broken(web.endless(lambda number: ct(1, size=32)))),
    Case("no DICOM for one", web.for_one(1, no_dicom), False, 6, "missing"),
    Case("packed unasked, in bulk", bulk_broken(packed_unasked)),
    Case("silence before the answer, once", web.once("study", web.stall(0))),
    Case("silence in the middle, once", web.once("study", web.stall(0.5))),
    Case("silence for one, always", web.for_one(2, web.stall(0.5)), False, 6, "in time"),
    Case("drops for one, always", web.for_one(2, web.drip), False, 6, "in time"),
    Case("no star", lambda: without_star),
    Case("no parts", lambda: bare),
    Case("no parts and no lengths", lambda: bare_without_length, False, 0, "cut short"),
    Case("no whole studies", web.always("study", refuse(501))),
    Case("neither studies nor series", bulk_broken(refuse(404))),
    Case("errors for whole studies", bulk_broken(refuse(500))),
    Case("an error for one", web.for_one(2, refuse(500)), False, 6, "failed"),
    Case("one is gone", web.for_one(2, refuse(404)), False, 6, "not there"),
    Case("busy, once", web.once("bytes", refuse(503, Retry_After="0"))),
    Case("no counts", lambda: without_counts),
    Case("counts too high", lambda: wrong_counts(2)),
    Case("counts too low", lambda: wrong_counts(-1)),
    Case("pages are ignored", lambda: without_paging),
    Case("pages repeat", lambda: repeating_pages),
    Case("no listing of a study's instances", lambda: without_study_listing),
    Case("metadata is the only listing", without("list-instances", "list-series")),
    Case("each line once", lambda: each_line_once),
    Case("HTTP 1.0", web.always("bytes", old_http)),
    Case("redirected at home", redirected("")),
    Case("a UID that is none", lambda: uid_that_is_none, False, 7, "no usable identifier"),
)


def _files(ask: Ask) -> list[bytes]:
    return [ask.server.files[one] for one in ask.uids]


def archive_of(server: HostileWeb, **how: object) -> DicomwebArchive:
    hub = HubFile("hub", "hostile", dicomweb=server.base)
    return DicomwebArchive(hub, limits=LIMITS, again=1, **how)  # type: ignore[arg-type]


def fetched(vault: Vault, server: HostileWeb, **how: object) -> FetchOutcome:
    archive = archive_of(server, **how)
    try:
        return fetch(vault, [archive], KEY, limits=TRIES, sink_limits=SINK)
    finally:
        archive.close()


def assert_no_wrong_byte(vault: Vault, server: HostileWeb) -> int:
    """What is held is what was sent, byte for byte; how many."""
    held = vault.studies.held("hub", STUDY)
    for uid in held:
        assert vault.objects.read("hub", STUDY, uid) == server.files[uid]
    check = vault.objects.verify("hub", STUDY)
    assert (check.good, check.damaged) == (len(held), ())
    return len(held)


@pytest.mark.parametrize("way", ["near", "far"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_quirk_ends_in_a_whole_study_or_a_named_shortfall(
    case: Case, way: str, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "far":
        monkeypatch.setattr("teleread.archive.dicomweb.LAN_RTT", 0.0)
    with hostile_web(slices(), case.quirk()) as server:
        outcome = fetched(vault, server)
        assert assert_no_wrong_byte(vault, server) == case.held
        assert outcome.complete == case.whole
        assert server.sent < 200 << 20
    if not case.whole:
        assert "missing" in outcome.missing_why
        assert case.words in " ".join((outcome.missing_why, *outcome.problems))
    told = " ".join((outcome.missing_why, *outcome.problems, *(why for _, why in outcome.fallbacks)))
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", told), "no identifier in words"


@pytest.mark.parametrize(
    ("quirk", "kind"),
    [
        (web.always("list-series", web.raw(b"\0\1\2 garbage")), OfflineError),
        (web.always("list-series", web.bomb), OfflineError),
        (web.always("list-series", web.raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * (2 << 20))), OfflineError),
        (web.always("list-series", lambda ask: ask.plain(200, b"[" * 100_000)), OfflineError),
        (web.always("list-series", web.stall(0)), OfflineError),
        (web.always("list-series", refuse(403)), AttentionError),
        (web.always("list-series", refuse(401)), NotSignedInError),
    ],
)
def test_a_listing_that_is_none_is_told_in_words(
    quirk: Callable[[], Quirk], kind: type[TelereadError], vault: Vault
) -> None:
    with hostile_web(slices(), quirk()) as server, pytest.raises(kind) as caught:
        fetched(vault, server)
    assert "hostile" in str(caught.value)
    assert vault.studies.list() == ()


@pytest.mark.parametrize("status", [b"HTTP/9 oops", b"", b"\xff" * 70_000, b"HTTP/1.1 2000 x\r\n\r\n"])
def test_bytes_that_are_no_http_are_told(status: bytes, vault: Vault) -> None:
    with hostile_web(slices(), web.always("bytes", web.raw(status))()) as server:
        outcome = fetched(vault, server)
    assert (outcome.complete, outcome.instances_held, outcome.offline) == (False, 0, True)


def test_a_redirect_to_another_server_is_not_followed(vault: Vault) -> None:
    with hostile_web(slices(), redirected("http://127.0.0.9:1/x")()) as server:
        outcome = fetched(vault, server)
    assert (outcome.complete, outcome.instances_held) == (False, 0)
    assert any("another server" in why for _, why in outcome.fallbacks)


class Tokens:
    """A sign-in whose tokens end; `good` is the one the server takes."""

    def __init__(self, fresh: list[str]) -> None:
        self._fresh = fresh
        self.now = "old"
        self.asked = 0

    def header(self) -> str:
        return f"Bearer {self.now}"

    def renewed(self, refused: str) -> bool:
        self.asked += 1
        if self._fresh:
            self.now = self._fresh.pop(0)
        return self.header() != refused


def expiring(after: int) -> Callable[[], Quirk]:
    """The first token ends in mid-study: the answer is cut, then nothing goes without another."""

    def make() -> Quirk:
        seen = {"cut": False}

        def quirk(ask: Ask) -> bool:
            token = ask.headers.get("Authorization", "")
            if token == "Bearer old" and seen["cut"]:
                ask.plain(401)
                return True
            if ask.level == "study" and not seen["cut"]:
                seen["cut"] = True
                web.cut_at(after / 7)(ask)
                return True
            return False

        return quirk

    return make


def test_a_token_that_ends_in_mid_study_is_renewed_and_only_the_rest_is_asked_for(vault: Vault) -> None:
    tokens = Tokens(["new"])
    with hostile_web(slices(), expiring(4)()) as server:
        outcome = fetched(vault, server, sign_in=tokens)
        assert assert_no_wrong_byte(vault, server) == 7
    assert outcome.complete
    assert tokens.asked >= 1
    asked_again = [one for one in server.asked if "/instances/" in one]
    assert 0 < len(asked_again) < 7
    assert len(asked_again) == len(set(asked_again))


def test_a_token_that_nobody_renews_is_told_and_what_came_is_kept(vault: Vault) -> None:
    with hostile_web(slices(), expiring(4)()) as server, pytest.raises(NotSignedInError):
        fetched(vault, server, sign_in=Tokens([]))
    with hostile_web(slices(), web.good) as server:
        assert 0 < assert_no_wrong_byte(vault, server) < 7


def test_a_deflated_object_that_is_a_bomb_is_refused_by_itself(vault: Vault) -> None:
    files = slices()
    name = f"{STUDY}.1.1"
    good = files[name]
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(bytes(64 << 20)) + body.flush()
    meta = good[132 : good.index(b"\x08\x00\x05\x00")].replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    )
    meta = meta.replace(
        struct.pack("<H", 20) + b"1.2.840.10008.1.2.1.99", struct.pack("<H", 22) + b"1.2.840.10008.1.2.1.99"
    )
    length = struct.unpack_from("<I", meta, 8)[0]
    meta = meta[:8] + struct.pack("<I", length + 2) + meta[12:]
    hostile = bytes(128) + b"DICM" + meta[4:] if not meta.startswith(b"\x02") else bytes(128) + b"DICM" + meta
    with hostile_web(files, web.for_one(1, lambda ask: ask.parts([hostile + packed]))()) as server:
        outcome = fetched(vault, server)
        assert assert_no_wrong_byte(vault, server) == 6
    assert not outcome.complete


def test_an_archive_with_a_certificate_for_another_name_gets_nothing(vault: Vault, tmp_path: Path) -> None:
    from tests.unit.test_wire_http_tls import Authority

    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("site", "127.0.0.9"))
    with hostile_web(slices(), web.good) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        hub = HubFile(
            "hub", "hostile", dicomweb=server.base.replace("http:", "https:"), ca_file=str(authority.path)
        )
        archive = DicomwebArchive(hub, limits=LIMITS)
        with pytest.raises(OfflineError) as caught:
            fetch(vault, [archive], KEY, limits=TRIES)
        archive.close()
    assert caught.value.code == "tls"


def test_the_same_archive_over_tls_brings_the_study(vault: Vault, tmp_path: Path) -> None:
    from tests.unit.test_wire_http_tls import Authority

    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("site"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.path)
    with hostile_web(slices(), web.once("study", web.cut_at(0.5))()) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        hub = HubFile(
            "hub", "hostile", dicomweb=server.base.replace("http:", "https:"), ca_file=str(authority.path)
        )
        hub = replace(hub, client_cert=str(authority.issue("reader")))
        archive = DicomwebArchive(hub, limits=LIMITS)
        outcome = fetch(vault, [archive], KEY, limits=TRIES)
        archive.close()
        assert assert_no_wrong_byte(vault, server) == 7
    assert outcome.complete


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every archive is far away."""
    monkeypatch.setattr("teleread.archive.dicomweb.LAN_RTT", 0.0)


def slow_listing(ask: Ask) -> bool:
    """The listing of all takes its time, as it does for a thousand instances."""
    if ask.level == "list-instances" and ask.query.get("limit") != ["1"]:
        ask.server.wait(0.4)
    return False


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("quirk", [web.good, slow_listing])
def test_from_afar_the_middle_of_each_series_comes_first_and_nothing_twice(
    quirk: Quirk, vault: Vault
) -> None:
    with hostile_web(slices(9, 5), quirk) as server:
        outcome = fetched(vault, server)
        assert assert_no_wrong_byte(vault, server) == 14
    assert outcome.complete
    asked = [one.rsplit("/", 1)[-1] for one in server.asked if re.search(r"/instances/[0-9.]+$", one)]
    assert set(asked[:2]) == {f"{STUDY}.1.5", f"{STUDY}.2.3"}
    assert len(asked) == len(set(asked)) == 14


@pytest.mark.usefixtures("far")
def test_what_the_reader_wants_first_comes_first(vault: Vault) -> None:
    wish = (f"{STUDY}.2.1", f"{STUDY}.1.3")
    with hostile_web(slices(), web.good) as server:
        hub = HubFile("hub", "hostile", dicomweb=server.base, connections=1)
        archive = DicomwebArchive(hub, limits=LIMITS)
        archive.echo()
        archive.overview(STUDY)
        manifest = replace(archive.manifest(STUDY), first=wish)
        sink = VaultSink(lambda study_uid: vault.objects.open_segment("hub", study_uid), STUDY)
        archive.retrieve(manifest, manifest.sop_uids, sink, lambda count, size: None)
        sink.close()
        archive.close()
    asked = [one.rsplit("/", 1)[-1] for one in server.asked if re.search(r"/instances/[0-9.]+$", one)]
    assert tuple(asked[:2]) == wish


def packing(ask: Ask) -> bool:
    """Packs whatever may be packed; the first time for each it breaks off."""
    if ask.level != "instance" or "gzip" not in ask.headers["Accept-Encoding"]:
        return False
    packed = gzip.compress(web.body_of(_files(ask)))
    first = ask.server.asked.count(ask.where) == 1
    ask.begin(Content_Encoding="gzip")
    ask.put(packed[: len(packed) // 2] if first and ask.where.endswith(".3") else packed)
    ask.hang_up()
    return True


@pytest.mark.usefixtures("far")
def test_packed_answers_are_unpacked_and_one_that_breaks_off_is_asked_for_again(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Governor(0.04, 2, LinkEstimate(0.04, 1e6, 2, packed=True))
    monkeypatch.setattr("teleread.archive.dicomweb.Governor", lambda *_: slow)
    with hostile_web(slices(), packing) as server:
        outcome = fetched(vault, server)
        assert assert_no_wrong_byte(vault, server) == 7
    assert outcome.complete
    assert server.asked.count(f"studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.3") == 2


class Enough(Exception):  # noqa: N818 - what a reader wants is no error
    """Something more urgent came."""


@pytest.mark.parametrize("way", ["near", "far"])
def test_a_fetch_can_be_stopped_while_the_archive_is_silent(
    way: str, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "far":
        monkeypatch.setattr("teleread.archive.dicomweb.LAN_RTT", 0.0)
    calls = [0]

    def stop(held: int, expected: int, size: int) -> None:
        calls[0] += 1
        raise Enough

    with hostile_web(slices(), web.always("bytes", web.stall(0))()) as server:
        hub = HubFile("hub", "hostile", dicomweb=server.base)
        archive = DicomwebArchive(hub, limits=replace(LIMITS, read=19.0))
        with pytest.raises(Enough):
            fetch(vault, [archive], KEY, limits=TRIES, progress=stop)
        archive.close()
    assert calls[0] == 1
    assert not [one for one in threading.enumerate() if one.name.startswith("teleread-lane")]
