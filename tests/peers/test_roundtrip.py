"""Everything we have goes into Orthanc and comes back by every way, unchanged.

By WADO-RS a file comes back identical. By C-GET and C-MOVE an archive writes the data set anew (PS3.5 7.1
lets it choose how), so elements, transfer syntax and pixel bytes are compared. Over the real files in
``../shared/data`` where they are, and always over a made set of classes and syntaxes.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from teleread.archive.dicomweb import DicomwebArchive
from teleread.archive.dimse import DimseArchive
from teleread.archive.fetcher import FetchOutcome, fetch
from teleread.model.errors import TelereadError
from teleread.model.study import InstanceInfo, StudyKey
from teleread.vault.vault import Vault
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dicom_index import instance_info
from tests.archive_factories import make_vault
from tests.contract.archive_peers import ArchivePeer, orthanc_peer
from tests.peers.roundtrip_files import made_files

pytestmark = pytest.mark.peer("orthanc")
WAYS = ("dicomweb", "c-get", "c-move")
UNKNOWN_TO_ORTHANC = "1.2.840.10008.1.2.8.1"
"""Frames deflated one by one: newer than the toolkit behind Orthanc 1.10, which sends it by WADO-RS alone."""
CLASSES = 33
"""SOP classes among the real files."""


@dataclass
class Stock:
    """What was put into the archive."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By SOP Instance UID."""
    infos: dict[str, InstanceInfo] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """By name of the file: why it is not among them."""

    @property
    def studies(self) -> Mapping[str, list[str]]:
        """SOP Instance UIDs by study."""
        out: dict[str, list[str]] = defaultdict(list)
        for uid, info in self.infos.items():
            out[str(info.identity.study_uid)].append(uid)
        return out

    def put(self, peer: ArchivePeer, name: str, data: bytes) -> None:
        reader = HeaderReader()
        try:
            reader.feed(data)
            reader.finish()
            info = instance_info(reader, len(data))
        except TelereadError as error:
            self.refused[name] = error.detail
            return
        if info.sop_uid in self.files:  # one CT in fifteen syntaxes, say: each gets a name of its own
            fresh = f"{info.sop_uid[:-3]}{len(self.files):03}"
            if fresh in self.files or info.sop_uid.encode() not in data[:4096]:
                self.refused[name] = "its SOP Instance UID is another file's"
                return
            self.put(peer, name, data.replace(info.sop_uid.encode(), fresh.encode()))
            return
        try:
            peer.store(data)
        except AssertionError as error:
            self.refused[name] = f"the archive does not take it: {error}"
            return
        self.files[info.sop_uid], self.infos[info.sop_uid] = data, info


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArchivePeer]:
    with orthanc_peer(tmp_path_factory.mktemp("orthanc")) as one:
        yield one


@pytest.fixture(scope="module")
def real(peer: ArchivePeer, shared_data: Path, full: bool) -> Stock:
    stock = Stock()
    alike: dict[Path, int] = defaultdict(int)
    for path in sorted(one for one in shared_data.rglob("*") if one.is_file()):
        if "malformed" not in path.parts and is_dicom(path):
            alike[path.parent] += 1
            if full or alike[path.parent] <= 20:
                stock.put(peer, str(path.relative_to(shared_data)), path.read_bytes())
    for name, why in stock.refused.items():
        print(f"NOT TAKEN {name}: {why}")
    return stock


def is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(132)
    return head[128:] == b"DICM" or head[:2] in {b"\x08\x00", b"\x02\x00"}


@pytest.fixture(scope="module")
def made(peer: ArchivePeer) -> Stock:
    stock = Stock()
    for name, data in made_files().items():
        stock.put(peer, name, data)
    assert not stock.refused
    return stock


def bring(peer: ArchivePeer, way: str, stock: Stock, vault: Vault) -> dict[str, FetchOutcome]:
    archive = DicomwebArchive(peer.hub) if way == "dicomweb" else DimseArchive(peer.hub, via=way)
    outcomes = {study: fetch(vault, [archive], StudyKey("hub", study)) for study in stock.studies}
    archive.close()
    return outcomes


def compare(way: str, stock: Stock, vault: Vault) -> list[str]:
    """What is not as it was, in words."""
    wrong = []
    for study, uids in stock.studies.items():
        held = {one.sop_uid: one for one in vault.studies.instances("hub", study)}
        for uid in uids:
            if uid not in held:
                wrong.append(f"{uid} of {stock.infos[uid].sop_class} did not come")
                continue
            got, info = vault.objects.read("hub", study, uid), held[uid]
            if info.sha256 != hashlib.sha256(got).hexdigest() or info.via != way:
                wrong.append(f"{uid}: its digest is not of what arrived by {way}")
            sent = stock.files[uid]
            wrong += identical(got, sent, uid) if way == "dicomweb" else equal(got, sent, uid)
            if info.transfer_syntax != stock.infos[uid].transfer_syntax:
                wrong.append(f"{uid}: {stock.infos[uid].transfer_syntax} became {info.transfer_syntax}")
    return wrong


def identical(got: bytes, sent: bytes, uid: str) -> list[str]:
    if sent[128:132] != b"DICM":  # a bare data set gets the meta group that a file has to have
        return [] if got.endswith(sent) and got[128:132] == b"DICM" else [f"{uid}: other bytes"]
    return [] if got == sent else [f"{uid}: other bytes"]


def equal(got: bytes, sent: bytes, uid: str) -> list[str]:
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # real files hold values no standard allows; they have to come back too
        return differences(dcmread(BytesIO(got)), dcmread(BytesIO(sent), force=True), uid)


def differences(ours: Any, theirs: Any, uid: str) -> list[str]:
    wrong = []
    for one in theirs:
        if one.tag.element == 0 or one.tag == 0xFFFCFFFC:
            continue  # group lengths and trailing padding, which carry nothing (PS3.5 7.2, PS3.10 7.2)
        if one.tag not in ours or not same(ours[one.tag], one):
            wrong.append(f"{uid}: {one.tag}")
    return wrong + [f"{uid}: {one.tag} is new" for one in ours if one.tag not in theirs]


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs.value, bytes):  # padded to an even length (PS3.5 6.2); OW of fragments becomes OB
        return bool(ours.value == theirs.value + b"\0" * (len(theirs.value) % 2))
    return bool(ours == theirs)


@pytest.mark.parametrize("way", WAYS)
def test_every_real_file_comes_back_as_it_was(
    peer: ArchivePeer, real: Stock, way: str, tmp_path: Path
) -> None:
    assert len(real.files) > 200
    assert len({one.sop_class for one in real.infos.values()}) >= CLASSES
    vault = make_vault(tmp_path)
    try:
        outcomes = bring(peer, way, real, vault)
        wrong = compare(way, real, vault)
        short = {study: one for study, one in outcomes.items() if not one.complete or one.problems}
        if way != "dicomweb":
            unsent = {uid for uid, one in real.infos.items() if one.transfer_syntax == UNKNOWN_TO_ORTHANC}
            wrong = [one for one in wrong if not ("did not come" in one and one.split()[0] in unsent)]
            for uid in unsent:
                outcome = short.pop(str(real.infos[uid].identity.study_uid))
                assert any(real.infos[uid].sop_class in one for one in outcome.problems)
        assert not wrong, "\n".join(wrong)
        assert not short
    finally:
        vault.close()


def test_the_real_files_that_are_not_taken_are_named_with_their_reason(real: Stock) -> None:
    assert all(
        "SOP Instance UID is another file's" in why or "UID is missing" in why
        for why in real.refused.values()
    ), real.refused


@pytest.mark.parametrize("way", WAYS)
def test_every_made_file_comes_back_as_it_was(
    peer: ArchivePeer, made: Stock, way: str, tmp_path: Path
) -> None:
    vault = make_vault(tmp_path)
    try:
        bring(peer, way, made, vault)
        private = {uid for uid, one in made.infos.items() if not one.sop_class.startswith("1.2.840.10008.")}
        wrong = compare(way, made, vault)
        if way == "dicomweb":
            assert wrong == []
        else:  # Orthanc as installed takes no context for a vendor's private class: named, and nothing else
            assert {one.split(" ")[0] for one in wrong} <= private
            assert all("did not come" in one for one in wrong)
    finally:
        vault.close()


@pytest.mark.parametrize("way", ["c-get", "c-move"])
def test_a_private_object_comes_or_is_named_and_comes_by_dicomweb(
    peer: ArchivePeer, made: Stock, way: str, tmp_path: Path
) -> None:
    private = next(one for one in made.infos.values() if not one.sop_class.startswith("1.2.840.10008."))
    key = StudyKey("hub", str(private.identity.study_uid))
    vault = make_vault(tmp_path)
    try:
        dimse, web = DimseArchive(peer.hub, via=way), DicomwebArchive(peer.hub)
        outcome = fetch(vault, [dimse], key)
        sent, by_dimse = made.files[private.sop_uid], outcome.complete
        if not by_dimse:
            assert any(private.sop_class in one for one in outcome.problems)
            assert fetch(vault, [dimse, web], key).complete
        web.close()
        got = vault.objects.read("hub", key.study_uid, private.sop_uid)
        assert (equal if by_dimse else identical)(got, sent, private.sop_uid) == []
    finally:
        vault.close()
