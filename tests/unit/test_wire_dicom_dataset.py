"""Data sets over DIMSE: read whatever comes, write what any peer reads."""

from __future__ import annotations

import contextlib
import random
import struct
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from teleread.wire.dicom_dataset import read_data_set, write_data_set
from teleread.wire.dicom_json import inside, texts, words
from teleread.wire.dicom_tags import EXPLICIT
from teleread.wire.fhir_json import Unreadable
from teleread.wire.pdu import IMPLICIT
from tests.contract.mwl_peers import item


def encoded(ds: Dataset, *, explicit: bool = False) -> bytes:
    """As pydicom writes it."""
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, not explicit
    write_dataset(out, ds)
    found: bytes = out.getvalue()
    return found


def raw(tag: int, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, size) + value


@pytest.mark.parametrize("explicit", [False, True])
def test_an_item_is_read_in_either_syntax_as_it_was_written(explicit: bool) -> None:
    data = read_data_set(encoded(item(1), explicit=explicit), EXPLICIT if explicit else IMPLICIT)
    assert words(data, "00100010") == "Müller^Zoë"
    (step,) = inside(data, "00400100")
    assert (words(step, "00400002"), words(step, "00080060")) == ("20261124", "CT")
    (other,) = inside(data, "00101002")
    assert words(other, "00100020") == "9990000001"


@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_of_known_and_of_undefined_length_are_read_alike(undefined: bool) -> None:
    ds = item(1)
    for element in ds:
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for one in element.value:
                one.is_undefined_length_sequence_item = undefined
    assert words(inside(read_data_set(encoded(ds)), "00400100")[0], "00400009") == "S1"


@pytest.mark.parametrize(
    ("term", "name"),
    [
        ("ISO_IR 100", "Müller^Zoë"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 192", "山田^太郎"),
        ("GB18030", "王^小东"),
        ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    ],
)
def test_each_answer_is_read_in_the_character_set_it_names(term: str, name: str) -> None:
    ds = Dataset()
    ds.SpecificCharacterSet, ds.PatientName = term, name
    assert words(read_data_set(encoded(ds), fallback="ISO_IR 100"), "00100010") == name


def test_what_names_no_character_set_is_read_in_the_peers_own() -> None:
    name = raw(0x00100010, "Müller^Zoë ".encode()[:-1] + b" ")
    assert words(read_data_set(name, fallback="ISO_IR 192"), "00100010") == "Müller^Zoë"
    assert words(read_data_set(name), "00100010") == "MÃ¼ller^ZoÃ«"


def test_a_character_set_that_is_none_costs_letters_and_nothing_else() -> None:
    data = read_data_set(
        raw(0x00080005, b"KLINGON ") + raw(0x00100010, b"M\xfcller") + raw(0x00100020, b"N1")
    )
    assert words(data, "00100020") == "N1"
    assert read_data_set(raw(0x00080005, b"ISO_IR 192") + raw(0x00100010, b"M\xfc\xff\xfe"))["00100010"]


def test_an_items_own_character_set_holds_in_it_alone() -> None:
    inner = raw(0x00080005, b"ISO_IR 192") + raw(0x00100020, "Zoë".encode())
    item_ = raw(0xFFFEE000, inner)
    data = read_data_set(
        raw(0x00080005, b"ISO_IR 100") + raw(0x00101002, item_) + raw(0x00321060, b"M\xfcller")
    )
    assert words(inside(data, "00101002")[0], "00100020") == "Zoë"
    assert words(data, "00321060") == "Müller"


def test_a_backslash_inside_a_character_parts_nothing() -> None:
    ds = Dataset()
    ds.SpecificCharacterSet, ds.ReasonForTheRequestedProcedure = "GB18030", ["誠表", "x"]
    assert list(texts(read_data_set(encoded(ds)), "00401002")) == ["誠表", "x"]


@pytest.mark.parametrize(
    "damaged",
    [
        b"\x10\x00\x10",
        raw(0x00100010, b"Te", 400),
        raw(0x00400100, b"", 0xFFFFFFFF),
        raw(0x00400100, raw(0xFFFEE000, b"", 0xFFFFFFFF)),
        raw(0x00400100, raw(0x00100010, b"Te")),
        raw(0x00400100, raw(0xFFFEE000, b"Te", 99)),
        raw(0x00400100, raw(0xFFFEE000, b""), 400),
    ],
)
def test_what_is_cut_off_or_does_not_end_is_refused_in_words(damaged: bytes) -> None:
    with pytest.raises(Unreadable):
        read_data_set(damaged)


def test_a_data_set_nested_beyond_reason_is_refused_and_not_followed() -> None:
    deep = b""
    for _ in range(2000):
        deep = raw(0x00400100, raw(0xFFFEE000, deep))
    with pytest.raises(Unreadable, match="deeper"):
        read_data_set(deep)
    with pytest.raises(Unreadable, match="larger"):
        read_data_set(raw(0x00400100, raw(0xFFFEE000, b"") * 60_000))


def test_nul_and_control_letters_do_not_leave_the_edge() -> None:
    found = words(read_data_set(raw(0x00100010, b"Te\x00st\x1b[31m\x07\x00")), "00100010")
    assert found.isprintable()
    assert "\x1b" not in found


def test_no_bytes_whatever_raise_anything_else() -> None:
    dice = random.Random(20261124)
    whole = encoded(item(1))
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(dice.randrange(1, 12)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        cut = bytes(damaged[: dice.randrange(len(damaged))])
        with contextlib.suppress(Unreadable):
            assert isinstance(read_data_set(cut, dice.choice([IMPLICIT, EXPLICIT])), dict)


def test_what_is_written_is_read_by_another_library_and_by_ours() -> None:
    data = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Zoë", "Ideographic": "山田"}]},
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00401002": {"vr": "LO", "Value": ["a", "b"]},
        "00400100": {"vr": "SQ", "Value": [{"00400002": {"vr": "DA", "Value": ["20261124-"]}}]},
        "00321064": {"vr": "SQ"},
    }
    written = write_data_set(data)
    theirs = dcmread(BytesIO(written), force=True)
    assert str(theirs.PatientName) == "Müller^Zoë=山田"
    assert theirs.StudyInstanceUID == "1.2.3"
    assert list(theirs.ReasonForTheRequestedProcedure) == ["a", "b"]
    assert theirs.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate == "20261124-"
    assert read_data_set(written)["00100010"] == data["00100010"]
