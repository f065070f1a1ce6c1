"""The bounded header reader: every way in, and every lie."""

from __future__ import annotations

import csv
import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.model.errors import TelereadError
from teleread.model.study import InstanceInfo
from teleread.model.text import was_cleaned
from teleread.wire import dicom_text
from teleread.wire.dicom_header import HeaderLimits, HeaderReader
from teleread.wire.dicom_index import instance_info
from tests.archive_factories import CT, STUDY, ct, explicit, file_of, item, sequence

UIDS = (
    explicit(0x00080016, b"UI", CT),
    explicit(0x00080018, b"UI", "1.2.3.4"),
    explicit(0x0020000D, b"UI", STUDY),
    explicit(0x0020000E, b"UI", "1.2.3"),
)
PIXELS = explicit(0x7FE00010, b"OW", bytes(64))


def read(data: bytes, piece: int = 4096, limits: HeaderLimits | None = None) -> HeaderReader:
    reader = HeaderReader(limits or HeaderLimits())
    for start in range(0, len(data), piece):
        reader.feed(data[start : start + piece])
    reader.finish()
    return reader


def info(data: bytes, piece: int = 4096) -> InstanceInfo:
    return instance_info(read(data, piece), len(data))


def refusal(data: bytes, piece: int = 4096) -> str:
    """The code of the error that reading raises; empty for none."""
    try:
        info(data, piece)
    except TelereadError as error:
        return error.code
    return ""


def in_order(*elements: bytes) -> tuple[bytes, ...]:
    return tuple(sorted(elements, key=lambda one: struct.unpack("<HH", one[:4])))


@pytest.mark.parametrize("piece", [1, 7, 132, 1000, 1 << 20])
def test_an_instance_reads_the_same_whatever_the_pieces(piece: int) -> None:
    data = ct(7, name="Müller^Jürgen")
    found = info(data, piece)
    assert found.sop_uid == f"{STUDY}.1.7"
    assert found.identity.name == "Müller^Jürgen"
    assert found.identity.birth_date == "1950-01-01"
    assert (found.rows, found.columns, found.frames) == (16, 16, 1)
    assert found.window == (40.0, 400.0)
    assert found.position == (0.0, 0.0, 7.0)
    assert found.orientation == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert found.study_date == "2026-01-02"
    assert found.pixel_offset is not None
    assert data[found.pixel_offset :] == bytes([7]) * 512


def test_other_patient_ids_come_with_their_issuers() -> None:
    items = [
        item(explicit(0x00100020, b"LO", "9991234560") + explicit(0x00100021, b"LO", "NHS")),
        item(explicit(0x00100020, b"LO", "X1"), undefined=True),
    ]
    for undefined in (False, True):
        data = file_of(in_order(*UIDS, sequence(0x00101002, items, undefined=undefined), PIXELS))
        assert info(data).identity.other_ids == (("9991234560", "NHS"), ("X1", ""))


def test_an_enhanced_object_takes_place_and_window_from_its_first_frame() -> None:
    def frame(z: int) -> bytes:
        place = sequence(0x00209113, [item(explicit(0x00200032, b"DS", f"1\\2\\{z}"))])
        window = sequence(
            0x00289132, [item(explicit(0x00281050, b"DS", "50") + explicit(0x00281051, b"DS", "9"))]
        )
        return item(place + window)

    shared = sequence(
        0x52009229, [item(sequence(0x00209116, [item(explicit(0x00200037, b"DS", "1\\0\\0\\0\\1\\0"))]))]
    )
    frames = sequence(0x52009230, [frame(z) for z in (5, 6, 7)])
    found = info(file_of((*UIDS, explicit(0x00280008, b"IS", "3"), shared, frames, PIXELS)))
    assert found.position == (1.0, 2.0, 5.0)
    assert found.orientation == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert found.window == (50.0, 9.0)
    assert found.frames == 3


def test_an_object_without_pixels_has_no_frames() -> None:
    found = info(file_of(UIDS))
    assert found.frames == 0
    assert found.pixel_offset is None


def test_pixels_of_an_icon_are_not_taken_for_the_image() -> None:
    icon = sequence(0x00880200, [item(explicit(0x7FE00010, b"OW", b"icon"), undefined=True)], undefined=True)
    data = file_of((*UIDS, icon, PIXELS))
    found = info(data)
    assert found.pixel_offset == len(data) - 64


def test_implicit_data_that_claims_to_be_explicit_is_read_all_the_same() -> None:
    def implicit(tag: int, value: bytes) -> bytes:
        return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value

    body = (
        implicit(0x00080018, b"1.2.3.4\0"),
        implicit(0x0020000D, STUDY.encode() + b"\0" * (len(STUDY) % 2)),
        implicit(0x0020000E, b"1.2.3\0"),
    )
    for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"):
        assert info(file_of(body, syntax=syntax)).sop_uid == "1.2.3.4"


def test_big_endian_is_read() -> None:
    def big(tag: int, vr: bytes, value: bytes) -> bytes:
        return struct.pack(">HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value

    study = STUDY.encode() + b"\0" * (len(STUDY) % 2)
    body = (
        big(0x00080018, b"UI", b"1.2.3.4\0"),
        big(0x0020000D, b"UI", study),
        big(0x0020000E, b"UI", b"1.2.3\0"),
        big(0x00280010, b"US", struct.pack(">H", 300)),
    )
    found = info(file_of(body, syntax="1.2.840.10008.1.2.2"))
    assert (found.series_uid, found.rows) == ("1.2.3", 300)


@pytest.mark.parametrize("cut", [128, 132])
def test_a_file_without_its_preamble_is_read(cut: int) -> None:
    data = ct(3)
    assert info(data[cut:]).sop_uid == info(data).sop_uid


def test_what_does_not_begin_as_dicom_is_refused() -> None:
    for data in (b"", b"GIF89a" + bytes(300), b"\x00" * 500, b"DI"):
        with pytest.raises(TelereadError) as caught:
            info(data)
        assert caught.value.code == "dicom-header"


def test_sequences_nested_300_deep_are_refused_in_words() -> None:
    body = b""
    for _ in range(300):
        body = sequence(0x00400275, [item(body, undefined=True)], undefined=True)
    with pytest.raises(TelereadError, match="readable") as caught:
        info(file_of((explicit(0x00080018, b"UI", "1.2.3"), body)))
    assert "nested" in caught.value.detail


def test_a_deflated_bomb_costs_no_memory_and_keeps_what_came_first() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(b"".join(in_order(*UIDS)))
    filler = explicit(0x00291010, b"OB", bytes(60_000))
    for _ in range(2000):
        packed += packer.compress(filler)
    packed += packer.flush()
    data = file_of((packed,), syntax="1.2.840.10008.1.2.1.99")
    tracemalloc.start()
    reader = read(data, 1 << 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    assert reader.truncated
    assert instance_info(reader, len(data)).sop_uid == "1.2.3.4"
    assert reader.pixel_offset is None


def test_a_value_that_says_it_has_four_gigabytes_is_passed_over_without_being_kept() -> None:
    liar = explicit(0x00291010, b"OB", b"x", length=0xFFFFFFF0)
    data = file_of((*UIDS, liar)) + bytes(4 << 20)
    tracemalloc.start()
    reader = read(data, 1 << 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert reader.truncated


def test_a_million_elements_are_not_walked() -> None:
    many = b"".join(explicit(0x00290000 | number, b"UN", b"") for number in range(0x10, 0x110)) * 40
    reader = read(file_of((*UIDS, many)), 1 << 16, HeaderLimits(elements=1000))
    assert reader.done
    assert reader.truncated


@pytest.mark.parametrize("uid", ["../../evil", "1.2/3", "1.2\\..\\3", "1." * 40, "", "１.2", "1.2\x1b[2J"])
def test_a_uid_that_is_none_is_refused(uid: str) -> None:
    raw = uid.encode("utf-8")
    data = file_of((explicit(0x00080018, b"UI", raw), UIDS[2], UIDS[3]))
    with pytest.raises(TelereadError) as caught:
        info(data)
    assert caught.value.code == "dicom-header"
    assert "evil" not in str(caught.value)


def test_escape_sequences_in_a_name_do_not_get_through() -> None:
    found = info(ct(1, name="DOE^\x1b]52;c;cm0gLXJm\x07JOHN\x1b[2J"))
    assert not was_cleaned(found.identity.name)
    assert "DOE" in found.identity.name


@pytest.mark.parametrize(
    ("term", "raw", "text"),
    [
        (b"ISO_IR 192", "Müller^Jürgen".encode(), "Müller^Jürgen"),
        (b"ISO_IR 100", b"M\xfcller", "Müller"),
        (b"ISO_IR 144", "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        (b"GB18030", "王^小东".encode("gb18030"), "王^小东"),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou"),
        (b"\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong^Gildong"),
        (b"ISO 2022 IR 100\\ISO 2022 IR 144", b"A\x1b-L\xbb\xee", "AЛю"),
    ],
)
def test_names_are_decoded_by_their_character_set(term: bytes, raw: bytes, text: str) -> None:
    assert dicom_text.first_name_group(raw, dicom_text.character_sets(term)) == text


def test_an_ideographic_name_stands_in_where_there_is_no_alphabetic_one() -> None:
    raw = b"^=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
    assert dicom_text.first_name_group(raw, dicom_text.character_sets(b"\\ISO 2022 IR 87")) == "山田^太郎"


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_mutated_file_raises_anything_but_our_own_error(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(
        file_of((*in_order(*UIDS, sequence(0x00101002, [item(explicit(0x00100020, b"LO", "A"))])), PIXELS))
    )
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    data = data[: chance.randint(0, len(data))]
    assert refusal(bytes(data), chance.randint(1, 300)) in {"", "dicom-header"}


def test_real_files_read_as_pydicom_reads_them(shared_data: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    import warnings

    wrong: list[str] = []
    seen = 0
    with warnings.catch_warnings(), (shared_data / "INDEX.tsv").open() as table:
        warnings.simplefilter("ignore")
        for row in csv.DictReader(table, delimiter="\t"):
            if row["pydicom_reads"] != "yes" or "malformed" in row["path"]:
                continue
            path = shared_data / row["path"]
            data = path.read_bytes()
            want = pydicom.dcmread(path, force=True, stop_before_pixels=False)
            if "StudyInstanceUID" not in want or "SeriesInstanceUID" not in want:
                continue
            seen += 1
            found = info(data, 777)
            name = str(want.get("PatientName") or "").split("=")[0].rstrip(" ^")
            pairs = [
                (found.sop_uid, want.SOPInstanceUID),
                (found.identity.name, name),
                (found.identity.patient_id, str(want.get("PatientID") or "").strip()),
                (found.rows, want.get("Rows") or 0),
            ]
            if any(str(one) != str(other) for one, other in pairs):
                wrong.append(row["path"])
    assert seen > 250
    assert wrong == []


def test_malformed_files_found_in_the_wild_cost_words_at_most(shared_data: Path) -> None:
    files = [path for path in (shared_data / "malformed").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert refusal(path.read_bytes()) in {"", "dicom-header"}, path.name
