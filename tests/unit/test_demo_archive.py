"""The demo's archive, asked with the standard library and with pynetdicom as a peer."""

from __future__ import annotations

import http.client
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made at run time
    ComputedRadiographyImageStorage,
    CTImageStorage,
    MRImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from teleread.demo.cases.nouns import Seed
from teleread.demo.cases.table import BUILT_IN
from teleread.demo.server import DemoAddresses, DemoServer

STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
SEED = Seed(1)


class Served:
    """A running demo and where it listens."""

    def __init__(self, server: DemoServer, addresses: DemoAddresses) -> None:
        self.server = server
        self.addresses = addresses
        self.port = int(addresses.fhir.split(":")[2].split("/")[0])

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(
                method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read()
        finally:
            connection.close()

    def qido(self, path: str) -> list[dict[str, Any]]:
        status, _, body = self.ask(f"/dicom-web/{path}")
        assert status in {200, 204}
        return list(json.loads(body)) if body else []


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = DemoServer(tmp_path_factory.mktemp("demo") / "demo")
    addresses = server.start()
    yield Served(server, addresses)
    server.stop()


def study_uid(number: int) -> str:
    case = BUILT_IN[number - 1]
    return SEED.uid(number, case.study.slug)


def parts(media: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """A multipart body taken apart by the letter: every part's length holds, and the last boundary closes."""
    found = re.search(r'boundary="?([^";]+)"?', media)
    assert found is not None
    mark = b"--" + found[1].encode()
    out: list[tuple[dict[str, str], bytes]] = []
    at = body.index(mark)
    while True:
        at += len(mark)
        if body[at : at + 2] == b"--":
            assert body[at + 2 :] in {b"", b"\r\n"}
            return out
        end = body.index(b"\r\n\r\n", at)
        lines = body[at:end].decode().strip().split("\r\n")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        start, length = end + 4, int(headers["content-length"])
        out.append((headers, body[start : start + length]))
        at = start + length
        assert body[at : at + 2] == b"\r\n"
        at += 2
        assert body[at : at + len(mark)] == mark


def value(item: dict[str, Any], tag: str) -> Any:
    return item[tag]["Value"][0]


def test_the_archive_and_the_hub_count_the_same(served: Served) -> None:
    _, _, body = served.ask("/fhir/ImagingStudy?_count=500")
    for entry in json.loads(body)["entry"]:
        study = entry["resource"]
        uid = study["identifier"][0]["value"].removeprefix("urn:oid:")
        found = served.qido(f"studies?StudyInstanceUID={uid}")
        assert value(found[0], "00201208") == study["numberOfInstances"]
        assert value(found[0], "00201206") == study["numberOfSeries"] == len(study["series"])
        held = {
            value(one, "0020000E"): value(one, "00201209") for one in served.qido(f"studies/{uid}/series")
        }
        assert held == {one["uid"]: one["numberOfInstances"] for one in study["series"]}
        assert len(served.qido(f"studies/{uid}/instances")) == study["numberOfInstances"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("PatientID=N204417", 2),
        ("00100020=N204417", 2),
        ("PatientName=ashworth*", 2),
        ("ModalitiesInStudy=MR", 2),
        ("ModalitiesInStudy=US", 1),
        ("StudyDate=19000101-19991231", 0),
        ("AccessionNumber=NG01000001", 1),
        ("limit=3", 3),
        ("limit=3&offset=21", 1),
        ("PatientName=%E5%B1%B1*", 1),
    ],
)
def test_a_query_finds_what_it_names(served: Served, query: str, count: int) -> None:
    assert len(served.qido(f"studies?{query}")) == count


def test_a_study_comes_whole_in_a_closed_multipart(served: Served) -> None:
    status, media, body = served.ask(f"/dicom-web/studies/{study_uid(3)}", Accept=STORED)
    assert status == 200
    files = parts(media, body)
    assert len(files) == 2
    for headers, data in files:
        ds = dcmread(io.BytesIO(data))
        assert headers["content-type"].startswith("application/dicom")
        assert ds.StudyInstanceUID == study_uid(3)
        assert ds.pixel_array.shape == (ds.Rows, ds.Columns)
        assert ds.Laterality == "R"


def test_compressed_series_come_as_stored_or_restored_as_asked(served: Served) -> None:
    path = f"/dicom-web/studies/{study_uid(13)}"
    _, media, stored = served.ask(path, Accept=STORED)
    _, plain_media, plain = served.ask(path, Accept='multipart/related; type="application/dicom"')
    first, second = (
        dcmread(io.BytesIO(parts(media, stored)[0][1])),
        dcmread(io.BytesIO(parts(plain_media, plain)[0][1])),
    )
    assert first.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.90"
    assert second.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert (first.pixel_array == second.pixel_array).all()


def test_metadata_tells_what_the_files_hold(served: Served) -> None:
    uid = study_uid(6)
    status, media, body = served.ask(f"/dicom-web/studies/{uid}/metadata")
    items = json.loads(body)
    assert status == 200
    assert media.startswith("application/dicom+json")
    assert len(items) == 120
    assert all("7FE00010" not in item for item in items)
    one = items[100]
    path = f"studies/{uid}/series/{value(one, '0020000E')}/instances/{value(one, '00080018')}"
    _, _, data = served.ask(f"/dicom-web/{path}", Accept="application/dicom; transfer-syntax=*")
    ds = dcmread(io.BytesIO(data))
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
    assert [float(x) for x in ds.ImagePositionPatient] == one["00200032"]["Value"]
    assert ds.pixel_array.shape == (256, 256)


def test_single_frames_come_by_number(served: Served) -> None:
    uid = study_uid(8)
    clip = next(one for one in served.qido(f"studies/{uid}/instances") if "00280008" in one)
    series, instance = value(clip, "0020000E"), value(clip, "00080018")
    path = f"/dicom-web/studies/{uid}/series/{series}/instances/{instance}/frames"
    status, media, body = served.ask(f"{path}/1,24")
    assert status == 200
    sizes = {len(data) for _, data in parts(media, body)}
    assert sizes == {value(clip, "00280010") * value(clip, "00280011") * 3}
    assert served.ask(f"{path}/25")[0] == 404


def test_nothing_found_is_not_an_error(served: Served) -> None:
    assert served.ask("/dicom-web/studies?PatientID=nobody")[0] == 204
    assert served.ask("/dicom-web/studies/1.2.3")[0] == 404


def test_what_is_stowed_is_found_and_survives_a_restart(tmp_path: Path) -> None:
    ds = made_object("1.2.3.1")
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + out.getvalue() + b"\r\n--b--\r\n"
    media = 'multipart/related; type="application/dicom"; boundary=b'
    with DemoServer(tmp_path / "demo", cases=1) as server:
        served = Served(server, server_addresses(server))
        status, _, answer = served.ask("/dicom-web/studies", method="POST", body=body, Content_Type=media)
        assert status == 200
        assert value(json.loads(answer)["00081199"]["Value"][0], "00081155") == "1.2.3.1"
        bad = b"--b\r\n\r\nnonsense\r\n--b--"
        assert served.ask("/dicom-web/studies", method="POST", body=bad, Content_Type=media)[0] == 409
    with DemoServer(tmp_path / "demo", cases=1) as server:
        served = Served(server, server_addresses(server))
        assert value(served.qido("studies?PatientID=X1")[0], "00201208") == 1
        assert served.ask("/dicom-web/studies/1.2.3", Accept=STORED)[0] == 200


def server_addresses(server: DemoServer) -> DemoAddresses:
    port, dimse = server.store.note("port HTTP"), server.store.note("port DIMSE")
    return DemoAddresses(f"http://127.0.0.1:{port}/fhir", "", "127.0.0.1", int(dimse or 0), "TELEDEMO", "")


def made_object(uid: str) -> Any:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    ds.PatientID, ds.PatientName, ds.Modality, ds.InstanceNumber = "X1", "Made^Up", "CT", 1
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = uid
    return ds


def associated(served: Served, *contexts: Any, handlers: Any = (), roles: Any = ()) -> Any:
    ae = AE("TESTER")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
    for context in contexts:
        ae.add_requested_context(context)
    assoc = ae.associate(
        "127.0.0.1",
        served.addresses.dimse_port,
        ae_title="TELEDEMO",
        ext_neg=list(roles),
        evt_handlers=list(handlers),
    )
    assert assoc.is_established
    return assoc


def query(level: str, **keys: Any) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for name, key in keys.items():
        setattr(ds, name, key)
    return ds


def test_an_echo_is_answered(served: Served) -> None:
    assoc = associated(served, Verification)
    assert assoc.send_c_echo().Status == 0
    assoc.release()


def test_a_find_gives_counts_and_accented_names(served: Served) -> None:
    assoc = associated(served, StudyRootQueryRetrieveInformationModelFind)
    keys = query(
        "STUDY", PatientID="N203390", PatientName="", NumberOfStudyRelatedInstances="", StudyInstanceUID=""
    )
    answers = [one for _, one in assoc.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind) if one]
    series = query(
        "SERIES", StudyInstanceUID=study_uid(6), SeriesInstanceUID="", NumberOfSeriesRelatedInstances=""
    )
    counts = [
        int(one.NumberOfSeriesRelatedInstances)
        for _, one in assoc.send_c_find(series, StudyRootQueryRetrieveInformationModelFind)
        if one
    ]
    assoc.release()
    assert [str(one.PatientName) for one in answers] == ["Renard^Édouard^François"]
    assert [int(one.NumberOfStudyRelatedInstances) for one in answers] == [1]
    assert counts == [24] * 5


def test_a_get_sends_a_study_whole(served: Served) -> None:
    got: list[Any] = []

    def keep(event: Any) -> int:
        got.append(event.dataset)
        return 0

    assoc = associated(
        served,
        StudyRootQueryRetrieveInformationModelGet,
        MRImageStorage,
        handlers=[(evt.EVT_C_STORE, keep)],
        roles=[build_role(MRImageStorage, scp_role=True)],
    )
    keys = query("STUDY", StudyInstanceUID=study_uid(13))
    statuses = [status for status, _ in assoc.send_c_get(keys, StudyRootQueryRetrieveInformationModelGet)]
    assoc.release()
    assert statuses[-1].Status == 0
    assert statuses[-1].NumberOfCompletedSuboperations == 7
    assert len(got) == 7


def test_a_move_goes_to_a_registered_place_and_nowhere_else(served: Served) -> None:
    got: list[str] = []

    def keep(event: Any) -> int:
        got.append(event.request.AffectedSOPInstanceUID)
        return 0

    ae = AE("MOVER")
    ae.add_supported_context(ComputedRadiographyImageStorage)
    receiver = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    assert receiver is not None
    assert receiver.socket is not None
    port = receiver.socket.getsockname()[1]
    served.ask(f"/_demo/aet?name=MOVER&port={port}", method="POST")
    assoc = associated(served, StudyRootQueryRetrieveInformationModelMove)
    keys = query("STUDY", StudyInstanceUID=study_uid(3))
    moved = list(assoc.send_c_move(keys, "MOVER", StudyRootQueryRetrieveInformationModelMove))
    lost = list(assoc.send_c_move(keys, "ELSEWHERE", StudyRootQueryRetrieveInformationModelMove))
    assoc.release()
    receiver.shutdown()
    assert moved[-1][0].Status == 0
    assert len(got) == 2
    assert lost[-1][0].Status == 0xA801


def test_what_is_sent_by_store_is_held(tmp_path: Path) -> None:
    with DemoServer(tmp_path / "demo", cases=1) as server:
        served = Served(server, server_addresses(server))
        assoc = associated(served, CTImageStorage)
        assert assoc.send_c_store(made_object("1.2.3.9")).Status == 0
        assoc.release()
        assert [value(one, "00080018") for one in served.qido("studies/1.2.3/instances")] == ["1.2.3.9"]


def test_an_archive_that_dies_leaves_the_multipart_open(served: Served) -> None:
    served.server.faults.kill_archive_after(1)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("GET", f"/dicom-web/studies/{study_uid(3)}", headers={"Accept": STORED})
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()
    assert served.ask(f"/dicom-web/studies/{study_uid(3)}", Accept=STORED)[0] == 200
