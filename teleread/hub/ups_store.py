"""A report's documents at a hub's archive: stored by STOW-RS, read back by WADO-RS (PS3.18 chapter 10)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from teleread.hub.ups_memory import Stored
from teleread.model.delivery import Submission
from teleread.model.errors import AttentionError, TelereadError
from teleread.model.task import PriorStudy
from teleread.model.text import SafeText, clean
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dicom_json import data_sets, inside, integer, texts, uid, words
from teleread.wire.dicom_tags import is_uid
from teleread.wire.fhir_parts import when
from teleread.wire.http import HttpClient

__all__ = ["DocumentStore", "digest_of", "documents_of", "studies_of", "words_in"]

_JSON: Final = {"Accept": "application/dicom+json"}
_DEEPEST: Final = 16


class DocumentStore:
    """One archive.

    Args:
        http: The client, on the archive's DICOMweb base address.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def store(self, study_uid: str, files: list[bytes]) -> None:
        """Store Instances. That it went well is not taken from the answer: `holds` asks.

        Raises:
            OfflineError: ``unknown``: it may have been applied.
            AttentionError: The archive's refusal.
        """
        boundary = f"teleread-{secrets.token_hex(16)}"
        pieces: list[bytes] = []
        for one in files:
            pieces += [f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(), one, b"\r\n"]
        body = b"".join([*pieces, f"--{boundary}--\r\n".encode()])
        media = f'multipart/related; type="application/dicom"; boundary={boundary}'
        self._http.send_json("POST", f"studies/{study_uid}", body, {**_JSON, "Content-Type": media})

    def holds(self, document: Stored) -> str | None:
        """The digest of the signed bytes that a stored document names; None where it is not there.

        Only a structured report tells it; of another document, that it is there counts.
        """
        data = self._metadata(document.path)
        if data is None or uid(data, "00080018") != document.sop_uid:
            return None
        if document.form != "dicom-sr":
            return document.sha256
        return digest_of(data)

    def words_of(self, study_uid: str, series_uid: str, sop_uid: str) -> str:
        """What a structured report says, a line an item; empty where it cannot be had."""
        if not (is_uid(study_uid) and is_uid(series_uid) and is_uid(sop_uid)):
            return ""
        try:
            path = f"studies/{study_uid}/series/{series_uid}/instances/{sop_uid}"
            data = self._metadata(path)
        except TelereadError:
            return ""
        return words_in(data) if data is not None else ""

    def studies(self, patient_id: str, issuers: frozenset[str]) -> list[PriorStudy]:
        """A patient's studies; those whose number another issuer gave are left out."""
        query = {"PatientID": patient_id, "includefield": ["00081030", "00080061", "00201208", "00100021"]}
        answer = self._http.get_json("studies", {**query, "limit": 1000}, _JSON).json
        return studies_of(data_sets(answer), patient_id, issuers)

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def _metadata(self, path: str) -> Mapping[str, Any] | None:
        try:
            found = data_sets(self._http.get_json(f"{path}/metadata", None, _JSON).json)
        except AttentionError as refusal:
            if refusal.code != "gone":
                raise
            return None
        return found[0] if found else None


def studies_of(
    rows: Iterable[Mapping[str, Any]], patient_id: str, issuers: frozenset[str]
) -> list[PriorStudy]:
    """The patient's own among the studies of an answer.

    Args:
        rows: Data sets at study level (PS3.4 C.6.2.1.2).
        patient_id: Whose.
        issuers: Who may have given that number; empty for anybody.
    """
    found: list[PriorStudy] = []
    for one in rows:
        issuer = str(words(one, "00100021"))
        if words(one, "00100020").strip() != patient_id or not is_uid(uid(one, "0020000D")):
            continue  # an archive that ignores the key lists everybody's
        if issuer and issuers and issuer not in issuers:
            continue
        day = str(words(one, "00080020"))
        found.append(
            PriorStudy(
                SafeText(uid(one, "0020000D")),
                next(iter(texts(one, "00080061")), SafeText("")),
                words(one, "00081030"),
                when(f"{day[:4]}-{day[4:6]}-{day[6:8]}") if len(day) == 8 else None,
                integer(one, "00201208"),
                tuple(texts(one, "00080050")),
            )
        )
    return found


def documents_of(submission: Submission) -> tuple[Stored, ...]:
    """What is going to be stored, from the files' own headers.

    Raises:
        AttentionError: ``unsendable``: a file has no UIDs.
    """
    return tuple(_document(submission, form, data) for form, data in submission.parts.items())


def _document(submission: Submission, form: str, data: bytes) -> Stored:
    reader = HeaderReader()
    try:
        reader.feed(data)
        reader.finish()
    except TelereadError:
        reader = HeaderReader()  # without any UID, which is told below
    names = [reader.uid(tag) for tag in (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)]
    if not all(is_uid(one) for one in names):
        raise AttentionError("This report could not be made ready to send.", code="unsendable")
    return Stored(
        submission.version,
        submission.key,
        submission.sha256,
        form,
        names[0],
        names[1],
        names[2],
        names[3],
        str(clean(submission.author, limit=200)),
    )


def words_in(data: Mapping[str, Any]) -> str:
    """What a structured report says, a line an item."""
    return "\n".join(_texts(data))[:64_000]


def digest_of(data: Mapping[str, Any]) -> str:
    """The digest of the signed bytes that a structured report names; empty for none."""
    return next((found for text in _texts(data) if (found := _digest_in(text))), "")


def _texts(data: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Every text in a structured report's content, in its order."""
    for item in inside(data, "0040A730"):
        element = item.get("0040A160")
        values = element.get("Value") if isinstance(element, Mapping) else None
        if isinstance(values, list) and values and isinstance(values[0], str):
            yield str(clean(values[0], multiline=True, limit=16_384))
        if depth < _DEEPEST:
            yield from _texts(item, depth + 1)


def _digest_in(text: str) -> str:
    """The digest in the mark that every document of ours carries; empty for none."""
    if not text.startswith("teleread.report/1 "):
        return ""
    found = next((one for one in text.split() if one.startswith("sha256=")), "")
    return found.removeprefix("sha256=") if len(found) == 71 else ""
