"""A report's documents at an archive that speaks DIMSE alone: stored by C-STORE, read back by C-GET.

Where the archive offers no C-GET, that its list shows an instance counts: the UIDs follow from report,
version and form, so nothing else can be there under them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from teleread.hub.dimse_peer import DimsePeer
from teleread.hub.ups_memory import Stored
from teleread.hub.ups_store import digest_of, studies_of, words_in
from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.task import PriorStudy
from teleread.wire.dicom_dataset import read_data_set, write_data_set
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dicom_json import uid
from teleread.wire.dicom_tags import EXPLICIT, is_uid
from teleread.wire.dimse_messages import StoreRequest
from teleread.wire.dimse_services import Answer
from teleread.wire.fhir_json import Unreadable
from teleread.wire.part10 import syntax_in

__all__ = ["DimseDocuments"]

FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
_LARGEST: Final = 4 << 20
"""Longest document read back, bytes."""
_STUDIES: Final = 1000
"""Most studies of one patient."""


class DimseDocuments:
    """One archive.

    Args:
        hub: The hub file; ``dimse`` is set.
    """

    def __init__(self, hub: HubFile) -> None:
        assert hub.dimse is not None
        self._who = f"The archive of {hub.name}"
        self._charset = str(hub.extra.get("dimse_charset", ""))
        self._peer = DimsePeer(hub, hub.dimse, self._who)

    def store(self, study_uid: str, files: list[bytes]) -> None:
        """C-STORE each file.

        Raises:
            OfflineError: ``unknown``: some may have been stored.
            AttentionError: The archive's refusal.
        """
        del study_uid  # each file names it
        parts = [_instance(one) for one in files]
        classes = list(dict.fromkeys(sop_class for sop_class, *_ in parts))
        asked = False
        try:
            with self._peer.open([], documents=classes) as line:
                for sop_class, sop_uid, syntax, data in parts:
                    context = line.context_for(sop_class)
                    if context is None or line.syntax_of(context) != syntax:
                        raise self._refused("it does not take such documents")
                    asked = True
                    answer = line.store(sop_class, sop_uid, data)
                    if not answer.good:
                        raise self._refused(answer.words)
        except OfflineError as problem:
            raise _unknown(problem) if asked else problem from problem

    def holds(self, document: Stored) -> str | None:
        """The digest of the signed bytes that a stored document names; None where it is not there."""
        found = self._listed(document.study_uid, document.series_uid, document.sop_uid)
        if not found:
            return None
        if document.form != "dicom-sr":
            return document.sha256
        data = self._fetched(document.sop_class, document.study_uid, document.series_uid, document.sop_uid)
        if data is None:
            return document.sha256
        return digest_of(data)

    def words_of(self, study_uid: str, series_uid: str, sop_uid: str) -> str:
        """What a structured report says, a line an item; empty where it cannot be had."""
        if not (is_uid(study_uid) and is_uid(series_uid) and is_uid(sop_uid)):
            return ""
        try:
            found = self._listed(study_uid, series_uid, sop_uid)
            sop_class = uid(found[0], "00080016") if found else ""
            if not is_uid(sop_class):
                return ""
            data = self._fetched(sop_class, study_uid, series_uid, sop_uid)
        except TelereadError:
            return ""
        return words_in(data) if data is not None else ""

    def studies(self, patient_id: str, issuers: frozenset[str]) -> list[PriorStudy]:
        """A patient's studies; those whose number another issuer gave are left out."""
        asked = ("00080020", "00080050", "00080061", "00081030", "00100021", "0020000D", "00201208")
        return studies_of(self._find("STUDY", {"00100020": patient_id}, asked), patient_id, issuers)

    def close(self) -> None:
        """Each question had a line of its own."""

    def _listed(self, study_uid: str, series_uid: str, sop_uid: str) -> list[Mapping[str, Any]]:
        keys = {"0020000D": study_uid, "0020000E": series_uid, "00080018": sop_uid}
        found = self._find("IMAGE", keys, ("00080016",))
        return [one for one in found if uid(one, "00080018") == sop_uid]

    def _find(self, level: str, keys: Mapping[str, str], wanted: tuple[str, ...]) -> list[Mapping[str, Any]]:
        asked: dict[str, Any] = {"00080052": {"vr": "CS", "Value": [level]}}
        asked |= {tag: {"vr": "LO"} for tag in wanted}
        asked |= {
            tag: {"vr": "LO" if tag == "00100020" else "UI", "Value": [one]} for tag, one in keys.items()
        }
        if not all(one.isascii() for one in keys.values()):
            asked["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
        found: list[Mapping[str, Any]] = []
        with self._peer.open([FIND]) as line:
            for one in line.answers(FIND, write_data_set(asked)):
                if isinstance(one, Answer):
                    if not one.good:
                        raise self._refused(one.words)
                elif len(found) < _STUDIES:
                    found += _read(one, self._charset)
        return found

    def _fetched(self, sop_class: str, study: str, series: str, sop_uid: str) -> Mapping[str, Any] | None:
        """One document by C-GET; None where the archive does not give it this way."""
        asked = {
            "00080018": {"vr": "UI", "Value": [sop_uid]},
            "00080052": {"vr": "CS", "Value": ["IMAGE"]},
            "0020000D": {"vr": "UI", "Value": [study]},
            "0020000E": {"vr": "UI", "Value": [series]},
        }
        taken = _Taken(sop_uid)
        try:
            with self._peer.open([GET], storage=[sop_class], documents=[sop_class]) as line:
                line.get(GET, write_data_set(asked), taken)
        except AttentionError:
            return None
        if taken.whole is None:
            return None
        try:
            return read_data_set(taken.whole, taken.syntax, self._charset)
        except Unreadable:
            return None

    def _refused(self, words: str) -> AttentionError:
        return AttentionError(
            f"{self._who} refused what it was asked.",
            f"The archive says: {words}. Your report is kept here, signed.",
            "Tell the site.",
            code="refused",
        )


class _Taken:
    """Takes the one instance that was asked for, up to a size (`StoreHandler`)."""

    def __init__(self, sop_uid: str) -> None:
        self._sop_uid = sop_uid
        self._wanted = False
        self._parts = bytearray()
        self.syntax = ""
        self.whole: bytes | None = None

    def begin(self, request: StoreRequest) -> None:
        """An instance starts."""
        self._wanted = request.sop_uid == self._sop_uid and self.whole is None
        self.syntax = request.transfer_syntax if self._wanted else self.syntax

    def write(self, chunk: bytes | memoryview) -> None:
        """The next bytes."""
        if self._wanted and len(self._parts) <= _LARGEST:
            self._parts += chunk

    def end(self) -> int:
        """It is whole."""
        if self._wanted and len(self._parts) <= _LARGEST:
            self.whole = bytes(self._parts)
        return 0

    def cut(self, why: str) -> None:
        """It will not become whole."""


def _read(raw: bytes, charset: str) -> Iterator[Mapping[str, Any]]:
    try:
        yield read_data_set(raw, fallback=charset)
    except Unreadable:
        return


def _instance(file: bytes) -> tuple[str, str, str, bytes]:
    """SOP class, SOP Instance UID, transfer syntax and data set of a Part 10 file."""
    reader = HeaderReader()
    try:
        reader.feed(file)
        reader.finish()
        sop_class, sop_uid = reader.uid(0x00080016), reader.uid(0x00080018)
    except TelereadError:
        sop_class = sop_uid = ""
    syntax = syntax_in(file[:4096])
    if not (is_uid(sop_class) and is_uid(sop_uid) and syntax == EXPLICIT):
        raise AttentionError("This report could not be made ready to send.", code="unsendable")
    # The meta group names its own length (PS3.10 7.1), after preamble, prefix and that element.
    begins = 144 + int.from_bytes(file[140:144], "little")
    return sop_class, sop_uid, syntax, file[begins:]


def _unknown(problem: OfflineError) -> OfflineError:
    return OfflineError(
        problem.title,
        "What was sent may have arrived: it is asked for before anything is sent again.",
        problem.remedy,
        code="unknown",
        retryable=True,
    )
