"""What a study should have: the site's manifest document, parts of a study, late images."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.archive.fetcher import FetchLimits, FetchOutcome, fetch
from teleread.archive.port import Manifest, SeriesManifest
from teleread.host.clock import FakeClock
from teleread.model.study import StudyKey
from teleread.model.text import clean
from teleread.vault.vault import Vault
from teleread.wire.dicom_evidence import KEY_OBJECTS, evidence
from tests.archive_factories import CT, STUDY, MemoryArchive, ct, explicit, file_of

KEY = StudyKey("hub", STUDY)
KOS_SERIES, KOS = f"{STUDY}.8", f"{STUDY}.8.1"
SQ = b"SQ"


def sequence(tag: int, *items: bytes, undefined: bool = False) -> bytes:
    """A sequence of items, with lengths or with delimiters."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + SQ + b"\0\0"
    if undefined:
        body = b"".join(
            b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + one + b"\xfe\xff\x0d\xe0\0\0\0\0" for one in items
        )
        return head + b"\xff\xff\xff\xff" + body + b"\xfe\xff\xdd\xe0\0\0\0\0"
    body = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(one)) + one for one in items)
    return head + struct.pack("<I", len(body)) + body


def key_objects(
    sops: list[str], *, title: str = "113030", study: str = STUDY, undefined: bool = False
) -> bytes:
    """A key object selection document that refers to CT instances of one series."""
    refs = [explicit(0x00081150, b"UI", CT) + explicit(0x00081155, b"UI", one) for one in sops]
    series = sequence(0x00081199, *refs, undefined=undefined) + explicit(0x0020000E, b"UI", f"{study}.1")
    referred = sequence(0x00081115, series, undefined=undefined) + explicit(0x0020000D, b"UI", study)
    code = explicit(0x00080100, b"SH", title) + explicit(0x00080102, b"SH", "DCM")
    return file_of(
        (
            explicit(0x00080016, b"UI", KEY_OBJECTS),
            explicit(0x00080018, b"UI", KOS),
            explicit(0x00080060, b"CS", "KO"),
            explicit(0x00100020, b"LO", "P0001"),
            explicit(0x0020000D, b"UI", STUDY),
            explicit(0x0020000E, b"UI", KOS_SERIES),
            sequence(0x0040A043, code, undefined=undefined),
            sequence(0x0040A375, referred, undefined=undefined),
        ),
        sop_uid=KOS,
        sop_class=KEY_OBJECTS,
    )


class Listing(MemoryArchive):
    """Lists a key object document in a series of its own."""

    def manifest(self, study_uid: str) -> Manifest:
        images = {uid: CT for uid in self.listed if uid != KOS}
        return Manifest(
            study_uid,
            (
                SeriesManifest(f"{STUDY}.1", clean("CT"), images),
                SeriesManifest(KOS_SERIES, clean("KO"), {KOS: KEY_OBJECTS}),
            ),
        )


def slices(*numbers: int) -> dict[str, bytes]:
    return {f"{STUDY}.1.{number}": ct(number) for number in numbers}


def run(vault: Vault, archive: MemoryArchive, part: str = "all") -> FetchOutcome:
    clock = FakeClock(datetime(2026, 1, 2, tzinfo=UTC))
    return fetch(vault, [archive], KEY, clock=clock, limits=FetchLimits(tries=2), part=part)


@pytest.mark.parametrize("undefined", [False, True], ids=["lengths", "delimiters"])
def test_a_key_object_document_is_read_by_its_evidence(undefined: bool) -> None:
    found = evidence(key_objects(["1.2.3", "1.2.4"], undefined=undefined), "1.2.840.10008.1.2.1")
    assert found is not None
    assert found.is_manifest
    assert found.studies == {STUDY: {f"{STUDY}.1": {"1.2.3": CT, "1.2.4": CT}}}


def test_what_the_manifest_names_and_the_archive_does_not_list_is_asked_for(vault: Vault) -> None:
    archive = Listing(slices(1, 2, 3) | {KOS: key_objects([f"{STUDY}.1.{one}" for one in (1, 2, 3)])})
    del archive.listed[f"{STUDY}.1.3"]
    outcome = run(vault, archive)
    assert outcome.complete
    assert outcome.instances_expected == 4
    assert archive.asked[-1] == frozenset({f"{STUDY}.1.3"})


def test_what_the_manifest_names_and_nobody_sends_makes_the_study_part_by_name(vault: Vault) -> None:
    archive = Listing(slices(1, 2) | {KOS: key_objects([f"{STUDY}.1.{one}" for one in (1, 2, 3)])})
    outcome = run(vault, archive)
    assert (outcome.complete, outcome.instances_expected, outcome.instances_held) == (False, 4, 3)
    assert "The site's manifest names 1 that the archive does not list." in outcome.missing_why
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert study.state == "part"
    again = run(vault, archive)
    assert not again.complete, "the manifest is remembered from the vault"


def test_other_titles_and_other_studies_claim_nothing(vault: Vault) -> None:
    document = key_objects([f"{STUDY}.1.7"], title="113000")
    assert run(vault, Listing(slices(1) | {KOS: document})).complete


def test_a_manifest_of_another_study_claims_nothing_of_this_one(vault: Vault) -> None:
    assert run(vault, Listing(slices(1) | {KOS: key_objects(["1.9.7"], study="1.9")})).complete


@settings(deadline=None)
@given(st.data())
def test_a_damaged_document_is_never_an_error(data: st.DataObject) -> None:
    whole = bytearray(key_objects(["1.2.3", "1.2.4"], undefined=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(132, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    evidence(bytes(whole[:cut]), data.draw(st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])))


def test_the_first_pictures_are_the_middle_ones_and_leave_the_study_part(vault: Vault) -> None:
    archive = Listing(slices(*range(1, 8)) | {KOS: key_objects([])})
    outcome = run(vault, archive, "first")
    assert (outcome.satisfied, outcome.complete) == (True, False)
    assert archive.asked == [frozenset({f"{STUDY}.1.4"})]
    assert "Only its first pictures" in outcome.missing_why
    assert run(vault, archive).complete
    assert f"{STUDY}.1.4" not in archive.asked[-1]


def test_documents_alone_bring_no_pixels(vault: Vault) -> None:
    archive = Listing(slices(1, 2) | {KOS: key_objects([])})
    outcome = run(vault, archive, "documents")
    assert outcome.satisfied
    assert set(vault.studies.held("hub", STUDY)) == {KOS}


def test_a_study_that_grew_says_so_until_it_is_read_again_and_keeps_what_went(vault: Vault) -> None:
    archive = MemoryArchive(slices(1, 2, 3))
    assert run(vault, archive).changed == ""
    archive.files |= slices(4, 5)
    archive.listed |= dict.fromkeys(slices(4, 5), CT)
    del archive.listed[f"{STUDY}.1.1"]
    outcome = run(vault, archive)
    assert outcome.complete
    assert "2 images came after it was whole here" in outcome.changed
    study = vault.studies.get("hub", STUDY)
    assert study is not None
    assert (study.held, study.changed) == (5, outcome.changed)
    assert run(vault, archive).changed.count("no longer lists 1 image") == 1
