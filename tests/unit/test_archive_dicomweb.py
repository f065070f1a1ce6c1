"""The DICOMweb adapter against servers that lie, cut, page oddly and refuse."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.archive.dicomweb import DicomwebArchive
from teleread.archive.sink import VaultSink
from teleread.model.errors import AttentionError, NotSignedInError, OfflineError
from teleread.model.hubfile import HubFile
from teleread.model.study import InstanceInfo
from teleread.wire.http import HttpClient
from teleread.wire.http_answers import StreamAnswer
from teleread.wire.http_errors import of_status
from tests.archive_factories import CT, STUDY, ct

BOUNDARY = "b0undary"
SERIES = f"{STUDY}.1"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
Answer = Callable[[httpx.Request], httpx.Response]


class MemorySegment:
    """A segment that keeps whole instances by UID."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        self._kept = kept
        self._data = bytearray()

    def begin(self, info: InstanceInfo | None = None) -> None:
        self._data = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._data += data

    def end(self, info: InstanceInfo | None = None) -> str:
        assert info is not None
        self._kept[info.sop_uid] = bytes(self._data)
        return "digest"

    def close(self) -> None:
        pass

    def abandon(self) -> None:
        pass


class Server:
    """A DICOMweb server in memory.

    Args:
        files: By SOP Instance UID.
        quirk: Changes an answer before it leaves.
    """

    def __init__(self, files: Mapping[str, bytes], quirk: Answer | None = None) -> None:
        self.files = dict(files)
        self.quirk = quirk
        self.asked: list[str] = []
        self.accepts: list[str] = []
        self.literal: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        made = self.answer(request)
        # As a stream that nobody has read yet, as from a line.
        return httpx.Response(made.status_code, headers=made.headers, stream=httpx.ByteStream(made.content))

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/dw/")
        self.asked.append(path)
        self.accepts.append(request.headers.get("accept", ""))
        self.literal.append(request.url.query)
        if self.quirk is not None:
            made = self.quirk(request)
            if made.status_code != 299:
                return made
        if path.endswith("/instances") and "multipart" not in request.headers["accept"]:
            return self.page(request, [listing(uid) for uid in self.files])
        wanted = re.search(r"instances/([^/]+)$", path)
        uids = [wanted.group(1)] if wanted else list(self.files)
        if not any(uid in self.files for uid in uids):
            return httpx.Response(404)
        return multipart([self.files[uid] for uid in uids])

    def page(self, request: httpx.Request, rows: list[dict[str, Any]]) -> httpx.Response:
        limit, offset = (int(request.url.params.get(name, 0)) for name in ("limit", "offset"))
        return as_json(rows[offset : offset + limit])

    def archive(self, **hub: Any) -> DicomwebArchive:
        file = HubFile("hub", "north", dicomweb="http://127.0.0.1/dw", **hub)
        client = HttpClient(file, None, base=file.dicomweb, transport=httpx.MockTransport(self))
        return DicomwebArchive(file, client=client, streams=self)

    @contextmanager
    def stream(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        allow: Collection[int] = (),
        max_bytes: int = 1 << 40,
        packed: bool = False,
        watch: Any = None,
    ) -> Iterator[StreamAnswer]:
        """As `teleread.wire.http_bulk.BulkClient.stream`, without a line."""
        made = self.answer(httpx.Request("GET", f"http://127.0.0.1/dw/{path}", headers=headers))
        if not made.is_success and made.status_code not in allow:
            raise of_status("the archive north", made.status_code, {}, "", write=False, now=NOW)
        body = made.content
        yield StreamAnswer(
            made.status_code,
            {name.lower(): value for name, value in made.headers.items()},
            (body[at : at + 1000] for at in range(0, len(body), 1000)),
        )


def normal(request: httpx.Request) -> httpx.Response:
    """Whatever the server would say."""
    return httpx.Response(299)


def as_json(rows: Any) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(rows), headers={"content-type": "application/dicom+json"})


def listing(uid: str, study: str = STUDY) -> dict[str, Any]:
    return {
        "0020000D": {"vr": "UI", "Value": [study]},
        "0020000E": {"vr": "UI", "Value": [SERIES]},
        "00080018": {"vr": "UI", "Value": [uid]},
        "00080016": {"vr": "UI", "Value": [CT]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
    }


def body_of(files: list[bytes], *, lie: int = 0, closing: bool = True) -> bytes:
    out = b""
    for data in files:
        head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\nContent-Length: {len(data) + lie}\r\n\r\n"
        out += head.encode() + data + b"\r\n"
    return out + f"--{BOUNDARY}{'--' if closing else ''}\r\n".encode()


def multipart(files: list[bytes], *, body: bytes | None = None) -> httpx.Response:
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    return httpx.Response(
        200, content=body_of(files) if body is None else body, headers={"content-type": kind}
    )


def files(count: int) -> dict[str, bytes]:
    return {f"{SERIES}.{number}": ct(number) for number in range(1, count + 1)}


def fetch(archive: DicomwebArchive, wanted: set[str] | None = None) -> tuple[dict[str, bytes], Any]:
    kept: dict[str, bytes] = {}
    sink = VaultSink(lambda study_uid: MemorySegment(kept), STUDY)
    manifest = archive.manifest(STUDY)
    result = archive.retrieve(manifest, wanted or manifest.sop_uids, sink, lambda count, size: None)
    return kept, result


def test_a_study_comes_in_one_answer() -> None:
    server = Server(files(5))
    kept, result = fetch(server.archive())
    assert kept == server.files
    assert result.received == 5
    assert server.asked[-1] == f"studies/{STUDY}"
    assert "transfer-syntax=*" in server.accepts[-1]


def test_missing_instances_are_asked_for_one_by_one() -> None:
    server = Server(files(5))
    wanted = {f"{SERIES}.2", f"{SERIES}.4"}
    kept, _ = fetch(server.archive(), wanted)
    assert set(kept) == wanted
    assert sorted(server.asked[-2:]) == [
        f"studies/{STUDY}/series/{SERIES}/instances/{uid}" for uid in sorted(wanted)
    ]


def test_every_page_is_read_whatever_the_server_makes_of_the_limit() -> None:
    server = Server(files(7))

    def small_pages(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/instances"):
            return normal(request)
        offset = int(request.url.params["offset"])
        return as_json([listing(uid) for uid in list(server.files)[offset : offset + 2]])

    server.quirk = small_pages
    assert len(server.archive().manifest(STUDY).sop_uids) == 7


def test_a_server_that_ignores_the_offset_is_not_asked_for_ever() -> None:
    server = Server(files(3))
    server.quirk = lambda request: (
        as_json([listing(uid) for uid in server.files])
        if request.url.path.endswith("/instances")
        else normal(request)
    )
    assert len(server.archive().manifest(STUDY).sop_uids) == 3
    assert len(server.asked) == 2


def test_instances_of_other_studies_in_the_listing_are_left_out() -> None:
    server = Server(files(1))
    server.page = lambda request, rows: as_json([*rows, listing("1.2.99", "1.2.98")])  # type: ignore[method-assign]
    assert server.archive().manifest(STUDY).sop_uids == {f"{SERIES}.1"}


def test_a_server_that_lists_no_instances_of_a_study_is_asked_by_series() -> None:
    server = Server(files(2))

    def by_series(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith(f"{STUDY}/instances"):
            return httpx.Response(400)
        if path.endswith(f"{STUDY}/series"):
            return as_json([{"0020000E": {"Value": [SERIES]}, "00080060": {"Value": ["CT"]}}])
        if path.endswith(f"{SERIES}/instances"):
            return as_json([{"00080018": {"Value": [uid]}} for uid in server.files])
        return normal(request)

    server.quirk = by_series
    manifest = server.archive().manifest(STUDY)
    assert manifest.sop_uids == set(server.files)
    assert manifest.series[0].modality == "CT"


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(204), as_json([])])
def test_a_study_that_is_not_there_is_an_empty_manifest(answer: httpx.Response) -> None:
    assert Server({}, lambda request: answer).archive().manifest(STUDY).series == ()


def test_studies_of_other_patients_are_not_believed() -> None:
    rows = [
        {
            "0020000D": {"Value": ["1.1"]},
            "00100020": {"Value": ["P1"]},
            "00081030": {"Value": ["CT \x1b[2J"]},
        },
        {"0020000D": {"Value": ["1.2"]}, "00100020": {"Value": ["P2"]}},
        {"0020000D": {"Value": ["../x"]}, "00100020": {"Value": ["P1"]}},
        "rubbish",
    ]
    found = Server({}, lambda request: as_json(rows)).archive().find_studies("P1")
    assert [one.study_uid for one in found] == ["1.1"]
    assert "\x1b" not in found[0].description


@pytest.mark.parametrize(
    ("literal", "query"), [(True, b"PatientID=P^1,2&"), (False, b"PatientID=P%5E1%2C2&")]
)
def test_query_values_are_sent_as_the_hub_file_says(literal: bool, query: bytes) -> None:
    server = Server({}, lambda request: as_json([]))
    server.archive(literal_query=literal).find_studies("P^1,2")
    assert server.literal[0].startswith(query)


@pytest.mark.parametrize("status", [400, 406])
def test_a_server_that_knows_no_star_is_asked_without(status: int) -> None:
    server = Server(files(1))
    server.quirk = lambda request: (
        httpx.Response(status) if "transfer-syntax=*" in request.headers["accept"] else normal(request)
    )
    archive = server.archive()
    assert len(fetch(archive)[0]) == 1
    assert "transfer-syntax" not in server.accepts[-1]
    assert len(fetch(archive)[0]) == 1
    assert server.accepts[-1] != server.accepts[-3] or "transfer-syntax" not in server.accepts[-2]


def test_a_server_that_refuses_every_form_is_told() -> None:
    server = Server(files(1))
    server.quirk = lambda request: (
        normal(request) if "json" in request.headers["accept"] else httpx.Response(406)
    )
    with pytest.raises(AttentionError, match="does not send DICOM"):
        fetch(server.archive())


def test_a_bare_instance_without_parts_is_taken() -> None:
    server = Server(files(2))
    wanted = f"{SERIES}.1"
    server.quirk = lambda request: (
        httpx.Response(200, content=server.files[wanted], headers={"content-type": "application/dicom"})
        if request.url.path.endswith(wanted)
        else normal(request)
    )
    assert fetch(server.archive(), {wanted})[0] == {wanted: server.files[wanted]}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_answer_cut_at_any_byte_keeps_whole_instances_and_says_so(seed: int) -> None:
    chance = random.Random(seed)
    server = Server(files(4))
    whole = body_of(list(server.files.values()))
    cut = whole[: chance.randrange(len(whole) - 6)]
    server.quirk = lambda request: (
        multipart([], body=cut) if "multipart" in request.headers["accept"] else normal(request)
    )
    kept: dict[str, bytes] = {}
    sink = VaultSink(lambda study_uid: MemorySegment(kept), STUDY)
    archive = server.archive()
    with pytest.raises(OfflineError):
        archive.retrieve(archive.manifest(STUDY), set(server.files), sink, lambda count, size: None)
    assert all(server.files[uid] == data for uid, data in kept.items())
    assert len(kept) <= cut.count(b"DICM")


@pytest.mark.parametrize("lie", [7, -3, 10 << 30])
def test_a_part_that_lies_about_its_length_is_not_kept(lie: int) -> None:
    server = Server(files(2))
    body = body_of([server.files[f"{SERIES}.1"]], lie=lie)
    server.quirk = lambda request: (
        multipart([], body=body) if "multipart" in request.headers["accept"] else normal(request)
    )
    kept: dict[str, bytes] = {}
    sink = VaultSink(lambda study_uid: MemorySegment(kept), STUDY)
    archive = server.archive()
    with pytest.raises(OfflineError):
        archive.retrieve(archive.manifest(STUDY), set(server.files), sink, lambda count, size: None)
    assert kept == {}


def test_an_instance_that_is_gone_is_told_and_the_rest_comes() -> None:
    server = Server(files(4))
    archive = server.archive()
    manifest = archive.manifest(STUDY)
    del server.files[f"{SERIES}.2"]
    kept: dict[str, bytes] = {}
    sink = VaultSink(lambda study_uid: MemorySegment(kept), STUDY)
    wanted = {f"{SERIES}.1", f"{SERIES}.2"}
    result = archive.retrieve(manifest, wanted, sink, lambda count, size: None)
    assert set(kept) == {f"{SERIES}.1"}
    assert any("not there" in one for one in result.problems)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotSignedInError), (403, AttentionError), (503, OfflineError)]
)
def test_refusals_keep_their_kind(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Server({}, lambda request: httpx.Response(status)).archive().manifest(STUDY)


@pytest.mark.parametrize("answer", [b"<html>", b"[{", b"42", b'["x"]', b'[{"00080018": "x"}]'])
def test_garbage_for_a_listing_is_words_or_nothing(answer: bytes) -> None:
    archive = Server({}, lambda request: httpx.Response(200, content=answer)).archive()
    try:
        manifest = archive.manifest(STUDY)
    except OfflineError as error:
        assert error.title  # noqa: PT017 # both ends are right, a crash is not
    else:
        assert manifest.sop_uids <= {""}


def test_a_study_uid_that_is_none_is_never_asked_for() -> None:
    server = Server({})
    with pytest.raises(AttentionError, match="Study Instance UID"):
        server.archive().manifest("../../x")
    assert server.asked == []


@pytest.mark.parametrize("decodes", [True, False])
def test_a_patient_id_is_found_whether_or_not_the_server_decodes_what_was_encoded(decodes: bool) -> None:
    patient_id = "AB^12*3"
    row = {"0020000D": {"vr": "UI", "Value": [STUDY]}, "00100020": {"vr": "LO", "Value": [patient_id]}}
    asked: list[bytes] = []

    def by_patient(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.query)
        told = re.search(rb"PatientID=([^&]*)", request.url.query)
        assert told is not None
        value = unquote_to_bytes(told[1]) if decodes else told[1]
        first = b"offset=0" in request.url.query
        return as_json([row] if value == patient_id.encode() and first else [])

    archive = Server(files(1), by_patient).archive()
    assert [one.study_uid for one in archive.find_studies(patient_id)] == [STUDY]
    asked.clear()
    assert archive.find_studies(patient_id)
    assert (b"%5E" in asked[0]) is decodes, "what worked is asked at once the next time"


def test_the_overview_tells_counts_and_nothing_where_one_is_missing() -> None:
    row = {
        "0020000D": {"vr": "UI", "Value": [STUDY]},
        "0020000E": {"vr": "UI", "Value": [SERIES]},
        "00201209": {"vr": "IS", "Value": ["12"]},
    }
    other = {**row, "0020000E": {"vr": "UI", "Value": [f"{STUDY}.2"]}}
    without = {name: value for name, value in other.items() if name != "00201209"}
    found = Server(files(1), lambda request: as_json([row, other])).archive().overview(STUDY)
    assert found is not None
    assert [(one.series_uid, one.count) for one in found.series] == [(SERIES, 12), (f"{STUDY}.2", 12)]
    for rows in ([row, without], []):
        assert Server(files(1), lambda request, rows=rows: as_json(rows)).archive().overview(STUDY) is None  # type: ignore[misc]
