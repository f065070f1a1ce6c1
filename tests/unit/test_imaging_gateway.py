"""The local gateway: who is let in, what is shown, and that nothing else is."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from teleread.archive.local import import_paths
from teleread.host.clock import FakeClock
from teleread.imaging.gateway import CODE_SECONDS, Gateway, Serving
from teleread.imaging.gateway_codes import AGAIN_SECONDS
from teleread.imaging.gateway_study import Shared, Shown
from teleread.vault.vault import Vault
from tests.archive_factories import STUDY, ct, explicit, file_of, item, sequence
from tests.unit import vault_cases as cases

HUB = "hub-1"
PRIOR = f"{STUDY}.9"
OTHER = f"{STUDY}.77"
EVIL = b"MZ" + bytes(range(1, 127))


@dataclass(frozen=True, slots=True)
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> list[dict[str, dict[str, object]]]:
        """Its DICOM JSON."""
        found: list[dict[str, dict[str, object]]] = json.loads(self.body)
        return found


def ask(
    gateway: Gateway, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
) -> Got:
    """One request; the token is given unless `Authorization` says otherwise."""
    if not path.startswith("/"):
        path = f"{urlsplit(gateway.root).path}/{path}"
    sent = {"Authorization": f"Bearer {gateway.token}"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    line = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        line.request(method, path, body, {name: value for name, value in sent.items() if value})
        answer = line.getresponse()
        found = {name.title(): value for name, value in answer.getheaders()}
        return Got(answer.status, found, answer.read())
    finally:
        line.close()


def files(vault: Vault, folder: Path, *contents: bytes) -> None:
    """Put files into the vault."""
    folder.mkdir(exist_ok=True)
    places = [folder / f"{os.urandom(8).hex()}.dcm" for _ in contents]
    for place, content in zip(places, contents, strict=True):
        place.write_bytes(content)
    import_paths(vault, places, HUB)


@pytest.fixture
def held(vault: Vault, tmp_path: Path) -> Vault:
    """A study, a prior and a study of nobody's business."""
    slices = [ct(number, preamble=EVIL) for number in (1, 2, 3)]
    files(vault, tmp_path / "in", *slices, ct(1, study=PRIOR), ct(1, study=OTHER, name="Secret^Other"))
    return vault


def gateway_over(vault: Vault, serving: Serving | None = None, clock: FakeClock | None = None) -> Gateway:
    shared = Shared(vault, [Shown(HUB, STUDY), Shown(HUB, PRIOR)])
    return Gateway(shared, clock or FakeClock(cases.START), serving or Serving())


@pytest.fixture
def gateway(held: Vault) -> Iterator[Gateway]:
    made = gateway_over(held)
    yield made
    made.close()


def test_without_the_token_or_with_a_wrong_one_nothing_is_told(gateway: Gateway) -> None:
    for wrong in ("", "Bearer x", f"Bearer {gateway.token}x", f"Basic {gateway.token}", "Bearer é"):
        got = ask(gateway, "studies", Authorization=wrong)
        assert (got.status, got.headers["Www-Authenticate"]) == (401, "Bearer"), wrong
        assert b"Test" not in got.body
    assert ask(gateway, "studies").status == 200
    assert ask(gateway, "/wrong-path/dicom-web/studies").status == 404


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "https://127.0.0.1"]
)
def test_a_page_of_another_origin_is_refused_even_with_the_token(gateway: Gateway, origin: str) -> None:
    got = ask(gateway, "studies", Origin=origin)
    assert got.status == 403
    assert "Access-Control-Allow-Origin" not in got.headers
    assert ask(gateway, "studies", method="OPTIONS", Origin=origin).status == 403


def test_its_own_pages_may_ask(gateway: Gateway) -> None:
    for name in ("127.0.0.1", "localhost"):
        assert ask(gateway, "studies", Origin=f"http://{name}:{gateway.port}").status == 200
        assert ask(gateway, "studies", Host=f"{name}:{gateway.port}").status == 200


def test_another_name_for_this_host_is_refused(gateway: Gateway) -> None:
    for name in ("evil.example", f"evil.example:{gateway.port}", "127.0.0.1", "127.0.0.1:1"):
        assert ask(gateway, "studies", Host=name).status == 403


def test_a_second_name_for_this_host_is_refused(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as line:
        hosts = f"Host: 127.0.0.1:{gateway.port}\r\nHost: evil.example\r\n"
        line.sendall(f"GET /{gateway.token}/dicom-web/studies HTTP/1.1\r\n{hosts}\r\n".encode())
        assert line.recv(64).split()[1] == b"403"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_every_method_that_writes_is_refused(gateway: Gateway, held: Vault, method: str) -> None:
    got = ask(gateway, "studies", method=method, body=ct(9) if method == "POST" else None)
    assert got.status == 405
    assert got.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert len(held.studies.instances(HUB, STUDY)) == 3


def test_a_get_with_a_body_is_refused(gateway: Gateway) -> None:
    assert ask(gateway, "studies", body=b"x").status == 413


def test_every_answer_is_kept_nowhere(gateway: Gateway) -> None:
    for path in ("studies", "/nothing", f"studies/{STUDY}/metadata"):
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            got = ask(gateway, path, method=method)
            assert got.headers["Cache-Control"] == "no-store"
            assert got.headers["Referrer-Policy"] == "no-referrer"
            assert "Access-Control-Allow-Origin" not in got.headers


def test_only_the_study_and_its_priors_are_listed_under_made_up_names(gateway: Gateway) -> None:
    rows = ask(gateway, "studies").json
    found = {str(row["0020000D"]["Value"]) for row in rows}
    assert found == {str([one.alias]) for one in gateway.shared.studies}
    assert not found & {str([STUDY]), str([PRIOR])}
    assert {row["00201208"]["Value"][0] for row in rows} == {3, 1}  # type: ignore[index]
    assert b"Secret" not in ask(gateway, "studies").body
    assert ask(gateway, f"studies/{OTHER}/metadata").status == 404
    assert ask(gateway, f"studies/{OTHER}").status == 404
    assert ask(gateway, f"wado?requestType=WADO&studyUID={OTHER}&objectUID={OTHER}.1.1").status == 404


def test_searches_match_page_and_follow_the_tree(gateway: Gateway) -> None:
    alias = gateway.shared.studies[0].alias
    assert len(ask(gateway, f"studies?StudyInstanceUID={alias}").json) == 1
    assert len(ask(gateway, f"studies?0020000D={OTHER}").json) == 0
    assert len(ask(gateway, "studies?PatientName=test*&StudyDate=20260101-20260103").json) == 2
    assert len(ask(gateway, "studies?PatientName=nobody*&includefield=all").json) == 0
    assert len(ask(gateway, f"studies/{alias}/series?Modality=CT").json) == 1
    assert len(ask(gateway, f"studies/{alias}/series?Modality=MR").json) == 0
    numbers = [
        row["00200013"]["Value"] for row in ask(gateway, f"studies/{alias}/instances?limit=2&offset=1").json
    ]
    assert numbers == [[2], [3]]
    assert len(ask(gateway, f"studies/{alias}/series/{STUDY}.1/instances").json) == 3
    assert ask(gateway, f"studies/{alias}/nothing").status == 404


def test_metadata_carries_every_element_but_the_pixels_and_its_own_study_name(gateway: Gateway) -> None:
    alias = gateway.shared.studies[0].alias
    (one,) = ask(gateway, f"studies/{alias}/series/{STUDY}.1/instances/{STUDY}.1.2/metadata").json
    assert one["0020000D"] == {"vr": "UI", "Value": [alias]}
    assert one["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Test^Slice"}]}
    assert one["00280010"] == {"vr": "US", "Value": [16]}
    assert one["00200032"] == {"vr": "DS", "Value": [0.0, 0.0, 2.0]}
    assert one["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]
    assert "7FE00010" not in one
    assert not any(name.startswith("0002") for name in one)


def test_no_address_of_anything_shown_holds_a_uid_of_the_hospital(gateway: Gateway) -> None:
    told = ask(gateway, "instances").body + ask(gateway, "series").body
    (first, *_) = ask(gateway, f"studies/{STUDY}/metadata").json
    series, sop = (first[tag]["Value"][0] for tag in ("0020000E", "00080018"))  # type: ignore[index]
    assert STUDY.encode() not in told
    where = f"studies/{gateway.shared.studies[0].alias}/series/{series}/instances/{sop}"
    assert ask(gateway, f"{where}/frames/1", Accept="application/octet-stream").body == bytes([1]) * 512


def test_long_and_nested_values_come_by_address_and_references_keep_to_the_made_up_name(
    held: Vault, tmp_path: Path
) -> None:
    table = bytes(range(256)) * 40
    nested = sequence(
        0x00081110,
        [item(explicit(0x00081150, b"UI", "1.2.3") + explicit(0x00081155, b"UI", STUDY))],
    )
    lut = sequence(0x00283010, [item(explicit(0x00283006, b"OW", table), undefined=True)], undefined=True)
    one = file_of(
        (
            explicit(0x00080016, b"UI", "1.2.840.10008.5.1.4.1.1.2"),
            explicit(0x00080018, b"UI", f"{STUDY}.1.50"),
            nested,
            explicit(0x00080060, b"CS", "CT"),
            explicit(0x0020000D, b"UI", STUDY),
            explicit(0x0020000E, b"UI", f"{STUDY}.1"),
            lut,
        ),
        sop_uid=f"{STUDY}.1.50",
    )
    files(held, tmp_path / "more", one)
    gateway = gateway_over(held)
    try:
        where = f"studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.50"
        (found,) = ask(gateway, f"{where}/metadata").json
        assert found["00081110"]["Value"][0]["00081155"]["Value"] == [gateway.shared.studies[0].alias]  # type: ignore[index]
        address = found["00283010"]["Value"][0]["00283006"]["BulkDataURI"]  # type: ignore[index]
        assert ask(gateway, urlsplit(address).path).body == table
        assert ask(gateway, f"{where}/bulkdata/7FE00010").status == 404
        assert ask(gateway, f"{where}/bulkdata/zz").status == 404
        assert ask(gateway, f"{where}/frames/1").status == 404
    finally:
        gateway.close()


def test_a_frame_is_the_stored_pixels(gateway: Gateway) -> None:
    where = f"studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.3/frames"
    got = ask(gateway, f"{where}/1", Accept='multipart/related; type="application/octet-stream"')
    assert got.status == 200
    boundary = re.search(r"boundary=(\w+)", got.headers["Content-Type"])
    assert boundary
    head, _, rest = got.body.partition(b"\r\n\r\n")
    assert b"transfer-syntax=1.2.840.10008.1.2.1" in head
    assert rest == bytes([3]) * 512 + f"\r\n--{boundary[1]}--\r\n".encode()
    assert ask(gateway, f"{where}/1", Accept="application/octet-stream").body == bytes([3]) * 512
    for wrong in ("0", "2", "x", "1,2"):
        assert ask(gateway, f"{where}/{wrong}").status == 404
    wish = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90"
    assert ask(gateway, f"{where}/1", Accept=wish).status == 406


def test_big_endian_pixels_are_turned_round(held: Vault, tmp_path: Path) -> None:
    def big(tag: int, vr: bytes, value: bytes) -> bytes:
        size = struct.pack(">HI", 0, len(value)) if vr == b"OW" else struct.pack(">H", len(value))
        return struct.pack(">HH2s", tag >> 16, tag & 0xFFFF, vr) + size + value

    figures = {0x00280002: 1, 0x00280010: 2, 0x00280011: 2, 0x00280100: 16, 0x00280101: 16, 0x00280102: 15}
    elements = [
        big(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        big(0x00080018, b"UI", f"{STUDY}.1.60".ljust(len(STUDY) + 6, "\0").encode()),
        big(0x0020000D, b"UI", STUDY.encode().ljust(len(STUDY) + len(STUDY) % 2, b"\0")),
        big(0x0020000E, b"UI", f"{STUDY}.1".encode().ljust(len(STUDY) + 2 + len(STUDY) % 2, b"\0")),
        big(0x00280002, b"US", struct.pack(">H", figures.pop(0x00280002))),
        big(0x00280004, b"CS", b"MONOCHROME2 "),
        *(big(tag, b"US", struct.pack(">H", value)) for tag, value in figures.items()),
        big(0x00280103, b"US", b"\0\0"),
        big(0x7FE00010, b"OW", struct.pack(">4H", 1, 2, 3, 0x1234)),
    ]
    files(
        held,
        tmp_path / "big",
        file_of(elements, syntax="1.2.840.10008.1.2.2", sop_uid=f"{STUDY}.1.60"),
    )
    gateway = gateway_over(held)
    try:
        where = f"studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.60"
        got = ask(gateway, f"{where}/frames/1", Accept="application/octet-stream")
        assert struct.unpack("<4H", got.body) == (1, 2, 3, 0x1234)
    finally:
        gateway.close()


def test_an_object_leaves_with_a_preamble_of_zeros_and_is_otherwise_what_came(gateway: Gateway) -> None:
    stored = ct(1, preamble=EVIL)
    where = f"studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.1"
    assert ask(gateway, where, Accept="application/dicom").body == bytes(128) + stored[128:]
    whole = ask(gateway, f"studies/{STUDY}").body
    assert whole.count(b"Content-Type: application/dicom") == 3
    assert EVIL not in whole
    by_uri = f"wado?requestType=WADO&studyUID={STUDY}&seriesUID={STUDY}.1&objectUID={STUDY}.1.1"
    assert ask(gateway, f"{by_uri}&contentType=application%2Fdicom").body == bytes(128) + stored[128:]


def test_a_picture_is_drawn_for_who_asks_for_one(gateway: Gateway) -> None:
    from PIL import Image

    where = f"studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.1"
    png = ask(gateway, f"{where}/rendered", Accept="image/png")
    assert png.headers["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(png.body)).size == (16, 16)
    assert ask(gateway, f"{where}/thumbnail").headers["Content-Type"] == "image/jpeg"
    assert ask(gateway, f"{where}/frames/2/rendered").status == 404


def test_a_withdrawn_image_is_not_there(held: Vault) -> None:
    shared = Shared(held, [Shown(HUB, STUDY, frozenset({f"{STUDY}.1.2"}))])
    gateway = Gateway(shared, FakeClock(cases.START))
    try:
        assert len(ask(gateway, f"studies/{STUDY}/metadata").json) == 2
        assert ask(gateway, f"studies/{STUDY}/series/{STUDY}.1/instances/{STUDY}.1.2").status == 404
    finally:
        gateway.close()


def ohif(tmp_path: Path) -> Path:
    folder = tmp_path / "ohif" / "dist"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<html>viewer</html>")
    (folder / "app.js").write_text("1")
    (tmp_path / "ohif" / "private.txt").write_text("private")
    (folder / "way-out.txt").symlink_to(tmp_path / "ohif" / "private.txt")
    return folder


def test_the_link_is_good_once_and_leaves_neither_name_nor_key_in_an_address(
    held: Vault, tmp_path: Path
) -> None:
    gateway = gateway_over(held, Serving(ohif=ohif(tmp_path)))
    try:
        path = urlsplit(gateway.link("page")).path
        assert ask(gateway, path, method="HEAD", Authorization="").status == 405
        first = ask(gateway, path, Authorization="")
        assert first.status == 303
        assert first.headers["Location"] == f"/viewer?StudyInstanceUIDs={gateway.shared.studies[0].alias}"
        for word in (gateway.token, STUDY, "Test", "P0001"):
            assert word not in path + first.headers["Location"]
        cookie = first.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Expires" not in cookie
        assert ask(gateway, path, Authorization="").status == 403
        sent = cookie.partition(";")[0]
        assert ask(gateway, "studies", Authorization="", Cookie=sent).status == 200
        assert ask(gateway, "studies", Authorization="", Cookie=sent + "x").status == 401
        assert ask(gateway, first.headers["Location"], Authorization="").body == b"<html>viewer</html>"
        config = ask(gateway, "/app-config.js", Authorization="").body
        assert gateway.root.encode() in config
        assert gateway.token.encode() not in config
        for way_out in ("/../private.txt", "/%2e%2e/private.txt", "/way-out.txt", "/..%2fprivate.txt"):
            assert b"private" not in ask(gateway, way_out, Authorization="").body
    finally:
        gateway.close()


def test_a_code_is_too_old_after_a_minute(held: Vault) -> None:
    clock = FakeClock(cases.START)
    gateway = gateway_over(held, clock=clock)
    try:
        path = urlsplit(gateway.link("weasis")).path
        clock.advance(CODE_SECONDS + 1)
        got = ask(gateway, path, Authorization="")
        assert got.status == 403
        assert gateway.token.encode() not in got.body
    finally:
        gateway.close()


def weasis(gateway: Gateway, path: str, program: str = "Weasis/4.5") -> Got:
    return ask(gateway, path, Authorization="", User_Agent=program)


def test_weasis_may_ask_again_where_its_first_answer_was_lost(gateway: Gateway) -> None:
    path = urlsplit(gateway.link("weasis")).path
    first = weasis(gateway, path)
    assert first.status == 200
    assert weasis(gateway, path).body == first.body
    assert ask(gateway, path, method="POST", Authorization="").status == 405
    assert weasis(gateway, path).status == 200


def test_weasis_may_not_ask_again_once_its_key_was_used(gateway: Gateway) -> None:
    path, waiting = (urlsplit(gateway.link("weasis")).path for _ in range(2))
    assert weasis(gateway, path).status == 200
    assert ask(gateway, "studies", Authorization="Bearer wrong").status == 401
    assert weasis(gateway, path).status == 200, "a wrong key is no use of the key"
    assert ask(gateway, "studies").status == 200
    got = weasis(gateway, path)
    assert got.status == 403
    assert gateway.token.encode() not in got.body
    assert weasis(gateway, waiting).status == 200, "a code that nobody asked for yet still works"


def test_weasis_may_not_ask_again_after_half_a_minute_however_often_it_asked(held: Vault) -> None:
    clock = FakeClock(cases.START)
    gateway = gateway_over(held, clock=clock)
    try:
        path = urlsplit(gateway.link("weasis")).path
        for _ in range(3):
            assert weasis(gateway, path).status == 200
            clock.advance(AGAIN_SECONDS / 3)
        assert weasis(gateway, path).status == 403
        late = urlsplit(gateway.link("weasis")).path
        clock.advance(CODE_SECONDS - 5)
        assert weasis(gateway, late).status == 200
        clock.advance(6)
        assert weasis(gateway, late).status == 403, "asking late makes a code no older than a minute"
    finally:
        gateway.close()


def test_another_program_does_not_ask_again_and_ends_the_code(gateway: Gateway) -> None:
    path = urlsplit(gateway.link("weasis")).path
    assert weasis(gateway, path).status == 200
    assert ask(gateway, path, Authorization="", Origin="https://evil.example").status == 403
    assert weasis(gateway, path, "curl/8").status == 403
    assert weasis(gateway, path).status == 403, "two programs have it: nobody is told more"


def test_weasis_gets_a_manifest_with_its_key_behind_the_code(gateway: Gateway) -> None:
    got = ask(gateway, urlsplit(gateway.link("weasis")).path, Authorization="")
    import xml.etree.ElementTree as Tree

    root = Tree.fromstring(got.body)
    space = "{http://www.weasis.org/xsd/2.5}"
    query = root.find(f"{space}arcQuery")
    assert query is not None
    assert query.get("baseUrl") == f"{gateway.root}/wado"
    tag = query.find(f"{space}httpTag")
    assert tag is not None
    assert tag.get("value") == f"Bearer {gateway.token}"
    listed = [one.get("SOPInstanceUID") for one in query.iter(f"{space}Instance")]
    assert len(listed) == 4
    assert f"{STUDY}.1.1" in listed
    assert b"Secret" not in got.body


def test_a_viewer_elsewhere_is_let_in_alone_by_its_origin(held: Vault) -> None:
    gateway = gateway_over(held, Serving(origin="https://viewer.example"))
    try:
        got = ask(
            gateway, urlsplit(gateway.link("proxy")).path, Authorization="", Origin="https://viewer.example"
        )
        assert json.loads(got.body)["servers"]["dicomWeb"][0]["wadoRoot"] == gateway.root
        allowed = ask(gateway, "studies", Authorization="", Origin="https://viewer.example")
        assert allowed.status == 200
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://viewer.example"
        before = ask(gateway, "studies", method="OPTIONS", Authorization="", Origin="https://viewer.example")
        assert (before.status, before.headers["Access-Control-Allow-Private-Network"]) == (204, "true")
        for other in ("https://viewer.example.evil", "http://viewer.example", "https://viewer.example:1"):
            assert ask(gateway, "studies", Origin=other).status == 403
    finally:
        gateway.close()


def test_a_path_that_is_a_key_is_never_told_by_pages(held: Vault, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key"):
        gateway_over(held, Serving(ohif=ohif(tmp_path), open_path=True))


def test_a_closed_gateway_takes_no_connection(held: Vault) -> None:
    gateway = gateway_over(held)
    assert ask(gateway, "studies").status == 200
    gateway.close()
    with pytest.raises(ConnectionError):
        ask(gateway, "studies")
    gateway.close()


def test_it_closes_by_itself_when_told_that_it_is_over(held: Vault) -> None:
    over: list[bool] = []
    gateway = Gateway(Shared(held, [Shown(HUB, STUDY)]), FakeClock(cases.START), over=lambda: bool(over))
    try:
        assert not gateway.closed
        over.append(True)
        assert gateway._ended.wait(60)
    finally:
        gateway.close()


def test_it_closes_by_itself_after_nobody_asked_for_long(held: Vault) -> None:
    clock = FakeClock(cases.START)
    gateway = gateway_over(held, clock=clock)
    try:
        clock.advance(31 * 60)
        assert gateway._ended.wait(60)
    finally:
        gateway.close()
