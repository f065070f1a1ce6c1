"""DICOMweb of the demo archive: QIDO-RS, WADO-RS and STOW-RS (PS3.18 chapter 10)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

from teleread.demo.archive.catalogue import Catalogue, NotDicomError
from teleread.demo.archive.files import EXPLICIT
from teleread.demo.archive.held import Attributes, HeldInstance
from teleread.demo.archive.syntax import as_json, dataset_of, keyword_of, restored
from teleread.demo.exchange import Reply, Request, json_reply
from teleread.demo.faults import Faults
from teleread.demo.web import CutError

__all__ = ["DicomWebService"]

DICOM_JSON = "application/dicom+json"
MAX_RESULTS = 5000
"""Most matches in one answer."""
_LEVEL = {"studies": "STUDY", "series": "SERIES", "instances": "IMAGE"}
_UID_OF = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}
_WORDS = frozenset(
    {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching", "multiplevaluematching"}
)


class DicomWebService:
    """Answers DICOMweb requests from the catalogue.

    Args:
        catalogue: What the archive holds.
        faults: The knobs; retrievals can be made to die on the way.
    """

    def __init__(self, catalogue: Catalogue, faults: Faults) -> None:
        self._catalogue = catalogue
        self._faults = faults

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        path = request.path
        if request.method == "POST":
            return self._store(request) if path[:1] == ("studies",) and len(path) < 3 else _plain(405, "No.")
        if request.method != "GET":
            return _plain(405, "This archive does not do that.")
        if path and path[-1] in _LEVEL:
            return self._search(request)
        if len(path) >= 2 and path[0] == "studies":
            return self._retrieve(request)
        return _plain(404, "There is nothing there.")

    def _search(self, request: Request) -> Reply:
        above = dict(zip(request.path[0::2], request.path[1::2], strict=False))
        if set(above) - set(_UID_OF):
            return _plain(404, "There is nothing there.")
        keys = [(keyword_of(name), value) for name, value in request.query if name not in _WORDS]
        if not all(keyword for keyword, _ in keys):
            return _plain(400, "A query key is no DICOM attribute.")
        wanted = {**dict(keys), **{_UID_OF[name]: uid for name, uid in above.items()}}
        try:
            offset, limit = int(request.first("offset", "0")), int(request.first("limit", str(MAX_RESULTS)))
        except ValueError:
            return _plain(400, "limit and offset are numbers.")
        limit = min(max(limit, 0), MAX_RESULTS)
        found: list[Attributes] = []
        for number, attributes in enumerate(self._catalogue.find(_LEVEL[request.path[-1]], wanted)):
            if number >= offset + limit:
                break
            if number >= max(offset, 0):
                found.append(attributes)
        if not found:
            return Reply(204)
        base = request.base
        return json_reply(
            200, [as_json(_with_url(dataset_of(one), one, base)) for one in found], media=DICOM_JSON
        )

    def _retrieve(self, request: Request) -> Reply:
        uids = dict(zip(request.path[0::2], request.path[1::2], strict=False))
        tail = request.path[len(uids) * 2 :]
        if "frames" in uids:
            return self._frames(request, uids)
        if set(uids) - set(_UID_OF) or tail not in {(), ("metadata",)}:
            return _plain(404, "There is nothing there.")
        held = self._catalogue.instances(uids["studies"], uids.get("series", ""), uids.get("instances", ""))
        if not held:
            return _plain(404, "The archive holds nothing of that name.")
        if tail:
            return json_reply(200, [as_json(one.header()) for one in held], media=DICOM_JSON)
        accept = request.header("accept")
        if "application/dicom" not in accept and "*/*" not in accept and accept:
            return _plain(406, "This archive gives application/dicom.")
        syntax = _wanted_syntax(accept)
        if "instances" in uids and "multipart" not in accept and "application/dicom" in accept:
            return Reply(
                200, restored(held[0].load(), held[0].syntax, syntax), {"Content-Type": "application/dicom"}
            )
        return self._multipart(held, syntax)

    def _multipart(self, held: list[HeldInstance], syntax: str) -> Reply:
        boundary = f"teleread-demo-{secrets.token_hex(12)}"

        def stream() -> Iterator[bytes]:
            gap = ""
            for instance in held:
                if self._faults.instance_dies():
                    raise CutError
                data = restored(instance.load(), instance.syntax, syntax)
                stored = instance.syntax if syntax in {"*", instance.syntax} else EXPLICIT
                yield (
                    f"{gap}--{boundary}\r\nContent-Type: application/dicom; transfer-syntax={stored}\r\n"
                    f"Content-Length: {len(data)}\r\n\r\n"
                ).encode()
                yield data
                gap = "\r\n"
            yield f"\r\n--{boundary}--\r\n".encode()

        media = f'multipart/related; type="application/dicom"; boundary={boundary}'
        return Reply(200, stream(), {"Content-Type": media})

    def _frames(self, request: Request, uids: dict[str, str]) -> Reply:
        held = self._catalogue.instances(uids["studies"], uids.get("series", ""), uids.get("instances", ""))
        numbers = uids["frames"].split(",")
        if not held or "instances" not in uids:
            return _plain(404, "The archive holds nothing of that name.")
        total = int(held[0].attributes.get("NumberOfFrames", 1))
        if not all(number.isdigit() and 0 < int(number) <= total for number in numbers):
            return _plain(404, "There is no such frame.")
        from teleread.demo.archive.syntax import frames_of

        frames = frames_of(held[0].load(), [int(number) for number in numbers])
        boundary = f"teleread-demo-{secrets.token_hex(12)}"
        kind = f"application/octet-stream; transfer-syntax={EXPLICIT}"
        parts = [
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Length: {len(frame)}\r\n\r\n".encode()
            + frame
            for frame in frames
        ]
        body = b"".join(parts) + f"\r\n--{boundary}--\r\n".encode()
        media = f'multipart/related; type="application/octet-stream"; boundary={boundary}'
        return Reply(200, body, {"Content-Type": media})

    def _store(self, request: Request) -> Reply:
        content_type = request.header("content-type")
        found = re.search(r'boundary="?([^";]+)"?', content_type)
        if not content_type.startswith("multipart/related") or found is None:
            return _plain(415, "STOW-RS needs multipart/related with a boundary.")
        only = request.path[1] if len(request.path) > 1 else ""
        stored, failed = [], 0
        for part in parts_of(request.body, found[1].encode()):
            try:
                study, sop_class, uid = self._catalogue.store(part)
            except NotDicomError:
                failed += 1
                continue
            if only and study != only:
                failed += 1
                continue
            stored.append((study, sop_class, uid))
        document = _stored_document(stored, failed, request.base)
        status = 409 if not stored else 202 if failed else 200
        return json_reply(status, document, media=DICOM_JSON)


def parts_of(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """Bodies of a multipart message; what is not closed by a boundary is left out."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    for piece in pieces[1:-1]:
        _, gap, content = piece.partition(b"\r\n\r\n")
        if gap:
            yield content


def _wanted_syntax(accept: str) -> str:
    found = re.search(r'transfer-syntax="?([0-9.*]+)', accept)
    return found[1] if found else EXPLICIT


def _with_url(ds: Any, attributes: Attributes, base: str) -> Any:
    url = base
    for name, keyword in _UID_OF.items():
        if keyword in attributes:
            url += f"/{name}/{attributes[keyword]}"
    ds.RetrieveURL = url
    return ds


def _stored_document(stored: list[tuple[str, str, str]], failed: int, base: str) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if stored:
        document["00081190"] = {"vr": "UR", "Value": [f"{base}/studies/{stored[0][0]}"]}
        document["00081199"] = {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": [sop_class]},
                    "00081155": {"vr": "UI", "Value": [uid]},
                    "00081190": {"vr": "UR", "Value": [f"{base}/studies/{study}"]},
                }
                for study, sop_class, uid in stored
            ],
        }
    if failed:
        # 0110H: processing failure (PS3.18 table 10.5.3-1)
        document["00081198"] = {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [272]}}] * failed}
    return document


def _plain(status: int, words: str) -> Reply:
    return Reply(status, words.encode(), {"Content-Type": "text/plain; charset=utf-8"})
