"""Objects that are no pictures: what is read of them, and that nothing else is believed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from teleread.imaging.decode import DecodePool
from teleread.imaging.frames import CannotShow, Frame
from teleread.imaging.framewire import BrokenMessageError, answer_from
from teleread.imaging.objects import Contours, Document, Waveform, hidden_images
from teleread.imaging.objectwire import pack_object, unpack_object
from teleread.imaging.plot import plot_waveform
from teleread.imaging.show import picture_of_file
from teleread.model.errors import TelereadError
from tests.unit.imaging_dct import encode_dct
from tests.unit.imaging_files import IMPLICIT_LE, element, encapsulated, item, part10, us

STORAGE = "1.2.840.10008.5.1.4.1.1."
EXTENDED = "1.2.840.10008.1.2.4.51"
PROGRESSIVE = "1.2.840.10008.1.2.4.55"


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool() as pool:
        yield pool


FINDING = "Größe 12 mm\r\nunverändert \\ stabil"


class Writer:
    """Elements in explicit or implicit VR."""

    def __init__(self, implicit: bool = False) -> None:
        self.implicit = implicit

    def __call__(self, tag: int, vr: str, value: bytes) -> bytes:
        return element(tag, vr, value, implicit=self.implicit)

    def code(self, tag: int, value: bytes, meaning: bytes) -> bytes:
        inside = self(0x00080100, "SH", value) + self(0x00080102, "SH", b"DCM")
        return self(tag, "SQ", item(inside + self(0x00080104, "LO", meaning)))

    def content(self, kind: bytes, name: bytes, *more: bytes) -> bytes:
        head = self(0x0040A040, "CS", kind) + self.code(0x0040A043, b"121071", name)
        return item(head + b"".join(more))


def report(implicit: bool = False, charset: bytes = b"ISO_IR 192") -> bytes:
    write = Writer(implicit)
    unit = write(
        0x004008EA, "SQ", item(write(0x00080100, "SH", b"mm") + write(0x00080104, "LO", b"millimetre"))
    )
    measured = write(0x0040A300, "SQ", item(write(0x0040A30A, "DS", b"12.5") + unit))
    image = write(
        0x00081199,
        "SQ",
        item(
            write(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2")
            + write(0x00081155, "UI", b"1.2.3.4")
            + write(0x00081160, "IS", b"3")
        ),
    )
    inner = write.content(b"NUM", b"Length", measured) + write.content(b"IMAGE", b"Source", image)
    tree = (
        write.content(
            b"TEXT", b"Finding", write(0x0040A160, "UT", "Größe 12 mm\r\nunverändert \\ stabil".encode())
        )
        + write.content(b"CONTAINER", b"Measurements", write(0x0040A730, "SQ", inner))
        + write.content(b"CODE", b"Side", write.code(0x0040A168, b"G-A101", b"Left"))
        + write.content(b"DATETIME", b"When", write(0x0040A120, "DT", b"20260503140210"))
        + write.content(b"PNAME", b"By", write(0x0040A123, "PN", b"READER^ANNA"))
    )
    evidence = item(
        write(
            0x00081115,
            "SQ",
            item(
                write(0x00081199, "SQ", item(write(0x00081155, "UI", b"1.2.3.4")))
                + write(0x0020000E, "UI", b"1.2.3")
            ),
        )
        + write(0x0020000D, "UI", b"1.2")
    )
    return part10(
        {
            0x00080005: ("CS", charset),
            0x00080016: ("UI", (STORAGE + "88.33").encode()),
            0x0040A040: ("CS", b"CONTAINER"),
            0x0040A043: (
                "SQ",
                item(write(0x00080100, "SH", b"18748-4") + write(0x00080104, "LO", b"Imaging report")),
            ),
            0x0040A375: ("SQ", evidence),
            0x0040A491: ("CS", b"COMPLETE"),
            0x0040A493: ("CS", b"VERIFIED"),
            0x0040A730: ("SQ", tree),
        },
        syntax=IMPLICIT_LE if implicit else "1.2.840.10008.1.2.1",
    )


@pytest.mark.parametrize("implicit", [False, True])
def test_a_structured_report_becomes_lines_and_links(pool: DecodePool, implicit: bool) -> None:
    found = pool.read(report(implicit))
    assert isinstance(found, Document), found
    assert found.title == "Imaging report"
    assert found.text.splitlines() == [
        "State: complete, verified",
        "Finding: Größe 12 mm",
        "unverändert \\ stabil",
        "Measurements",
        "  Length: 12.5 mm",
        "  Source: image 1, frame 3",
        "Side: Left",
        "When: 2026-05-03 14:02:10",
        "By: READER ANNA",
    ]
    [link] = found.links
    assert (link.sop_uid, link.series_uid, link.study_uid, link.frames) == ("1.2.3.4", "1.2.3", "1.2", (3,))
    assert not found.rejects


def test_the_command_prints_a_reports_text_beside_its_placeholder(pool: DecodePool) -> None:
    found = picture_of_file(report(), pool=pool)
    assert found.answer["placeholder"] == "This is a structured report (Comprehensive SR), not a picture."
    assert found.answer["document"]["links"][0]["sop_uid"] == "1.2.3.4"
    assert "Length: 12.5 mm" in found.text


def key_objects(code: bytes) -> bytes:
    write = Writer()
    names = b"".join(
        write.content(b"IMAGE", b"", write(0x00081199, "SQ", item(write(0x00081155, "UI", uid))))
        for uid in (b"1.1", b"1.2")
    )
    return part10(
        {
            0x00080016: ("UI", (STORAGE + "88.59").encode()),
            0x0040A043: ("SQ", item(write(0x00080100, "SH", code) + write(0x00080104, "LO", b"Title"))),
            0x0040A730: ("SQ", names),
        }
    )


def test_a_rejection_note_hides_its_images_and_says_why(pool: DecodePool) -> None:
    found = pool.read(key_objects(b"113037"))
    assert isinstance(found, Document)
    assert found.rejects == "rejected for patient safety reasons"
    wanted = pool.read(key_objects(b"113000"))
    assert isinstance(wanted, Document)
    assert not wanted.rejects
    assert hidden_images([found, wanted]) == dict.fromkeys(("1.1", "1.2"), found.rejects)
    assert hidden_images([wanted]) == {}
    assert (
        "2 images are rejected for patient safety reasons"
        in picture_of_file(key_objects(b"113037"), pool=pool).text
    )


def test_a_report_that_never_ends_is_cut_and_says_so(pool: DecodePool) -> None:
    write = Writer()
    line = write.content(b"TEXT", b"Finding", write(0x0040A160, "UT", b"x" * 200))
    found = pool.read(
        part10({0x00080016: ("UI", (STORAGE + "88.11").encode()), 0x0040A730: ("SQ", line * 6000)})
    )
    assert isinstance(found, Document)
    assert len(found.text) < 500_000
    assert found.note == "It is longer than is shown here."


def test_control_characters_in_a_report_do_not_reach_the_terminal(pool: DecodePool) -> None:
    write = Writer()
    line = write.content(b"TEXT", b"a\x1b[2Jb", write(0x0040A160, "UT", b"c\x1b]52;c;AAAA\x07d"))
    found = pool.read(part10({0x00080016: ("UI", (STORAGE + "88.11").encode()), 0x0040A730: ("SQ", line)}))
    assert isinstance(found, Document)
    assert found.text.isprintable()


# -- documents


def pdf(text: str, pages: int = 1) -> bytes:
    """A PDF as plain as can be."""
    kids = " ".join(f"{3 + 2 * page} 0 R" for page in range(pages))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode()]
    font = 3 + 2 * pages
    for page in range(pages):
        rest = f"/Resources<</Font<</F1 {font} 0 R>>>>/Contents {4 + 2 * page} 0 R"
        content = f"BT /F1 24 Tf 72 700 Td ({text} {page + 1}) Tj ET".encode()
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]{rest}>>".encode())
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(content), content))
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    out, places = io.BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))
    return out.getvalue()


def document(sop_class: str, body: bytes) -> bytes:
    return part10(
        {
            0x00080016: ("UI", (STORAGE + sop_class).encode()),
            0x00420010: ("ST", b"Old letter"),
            0x00420011: ("OB", body),
        }
    )


def test_a_pdf_is_read_page_by_page(pool: DecodePool) -> None:
    pytest.importorskip("pypdf", reason="pypdf is not installed: PDFs are named, not read")
    found = pool.read(document("104.1", pdf("No fracture", 3)))
    assert isinstance(found, Document), found
    assert (found.title, found.pages, found.note) == ("Old letter", 3, "")
    assert found.text.splitlines() == [
        line for page in (1, 2, 3) for line in (f"Page {page} of 3", f"  No fracture {page}")
    ]


def test_a_page_of_a_pdf_is_drawn_where_the_extra_is(pool: DecodePool) -> None:
    found = pool.page(document("104.1", pdf("No fracture", 2)), 2)
    if find_spec("pypdfium2") is None:
        assert isinstance(found, CannotShow)
        assert "PDF viewer" in found.reason
        return
    assert isinstance(found, Frame), found
    assert (found.number, found.frames, found.is_colour) == (2, 2, True)
    assert found.pixels.max() == 255
    assert found.pixels.min() < 60


@pytest.mark.parametrize("body", [b"no pdf", pdf("x")[:200], b"%PDF-1.4\n" + b"\0" * 500])
def test_a_damaged_pdf_gets_words(pool: DecodePool, body: bytes) -> None:
    pytest.importorskip("pypdf")
    found = pool.read(document("104.1", body))
    assert isinstance(found, CannotShow), found
    with pytest.raises(TelereadError):
        picture_of_file(document("104.1", body), pool=pool)


CDA = b"""<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Discharge letter</title>
<component><structuredBody><component><section><title>Findings</title>
<text><paragraph>Liver normal.</paragraph>
<table><tr><td>Aorta</td><td>24 mm</td></tr></table></text></section></component></structuredBody></component>
</ClinicalDocument>"""


def test_a_clinical_document_is_read_section_by_section(pool: DecodePool) -> None:
    found = pool.read(document("104.2", CDA))
    assert isinstance(found, Document), found
    assert found.title == "Discharge letter"
    assert found.text.splitlines() == ["Findings", "  Liver normal.", "  Aorta | 24 mm"]


def test_a_clinical_document_with_entities_of_its_own_is_not_read(pool: DecodePool) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><a>&b;</a>'
    found = pool.read(document("104.2", bomb))
    assert isinstance(found, CannotShow)
    assert "document type" in found.reason


# -- waveforms and contours


def ecg(samples: NDArray[np.int16], padding: int | None = None) -> bytes:
    write = Writer()
    channels = b"".join(
        item(
            write.code(0x003A0208, b"2:1", name)
            + write(0x003A0210, "DS", b"2.5")
            + write.code(0x003A0211, b"uV", b"microvolt")
            + write(0x003A0212, "DS", b"1")
            + write(0x003A0213, "DS", b"10")
        )
        for name in (b"Lead I", b"Lead II")
    )
    group = (
        write(0x003A0005, "US", us(2))
        + write(0x003A0010, "UL", np.array([len(samples)], "<u4").tobytes())
        + write(0x003A001A, "DS", b"500")
        + write(0x003A0200, "SQ", channels)
        + write(0x54001004, "US", us(16))
        + write(0x54001006, "CS", b"SS")
        + (write(0x5400100A, "OW", np.array([padding], "<i2").tobytes()) if padding is not None else b"")
        + write(0x54001010, "OW", np.ascontiguousarray(samples).tobytes())
    )
    return part10({0x00080016: ("UI", (STORAGE + "9.1.1").encode()), 0x54000100: ("SQ", item(group))})


def test_a_waveform_is_read_in_its_unit_and_plotted(pool: DecodePool) -> None:
    samples = np.stack((np.arange(500), np.full(500, -4)), axis=1).astype(np.int16)
    samples[3, 1] = -9999
    found = pool.read(ecg(samples, -9999))
    assert isinstance(found, Waveform), found
    one, two = found.channels
    assert (one.label, one.unit, one.rate) == ("Lead I", "uV", 500.0)
    assert one.samples[:3].tolist() == [10.0, 12.5, 15.0]  # stored x 2.5 + 10
    assert two.samples[2] == 0.0
    assert np.isnan(two.samples[3])
    plot = plot_waveform(found, 600, 60)
    assert plot.shape == (140, 600)
    assert plot.max() == 255
    columns = np.flatnonzero((plot[5:55, 140:] == 255).any(axis=0))
    assert len(columns) > 440  # the line goes through every column
    assert (plot[:60, 140:] == 255).argmax(axis=0)[[20, 430]].tolist() == sorted(
        (plot[:60, 140:] == 255).argmax(axis=0)[[20, 430]].tolist(), reverse=True
    )  # a rising line stands higher on the right
    shown = picture_of_file(ecg(samples), pool=pool)
    assert shown.picture is not None
    assert shown.answer["placeholder"].startswith("This is a waveform")
    assert [one["label"] for one in shown.answer["document"]["channels"]] == ["Lead I", "Lead II"]


def test_a_waveform_that_lies_about_its_length_is_read_as_far_as_it_goes(pool: DecodePool) -> None:
    data = ecg(np.zeros((50, 2), np.int16)).replace(
        np.array([50], "<u4").tobytes(), np.array([1 << 31], "<u4").tobytes()
    )
    found = pool.read(data)
    assert isinstance(found, Waveform)
    assert len(found.channels[0].samples) == 50


def test_structures_are_read_as_lines_in_the_patient(pool: DecodePool) -> None:
    write = Writer()
    line = item(
        write(0x30060016, "SQ", item(write(0x00081155, "UI", b"1.2.3.4")))
        + write(0x30060042, "CS", b"CLOSED_PLANAR")
        + write(0x30060046, "IS", b"3")
        + write(0x30060050, "DS", b"0\\0\\5\\10\\0\\5\\10\\10\\5")
    )
    roi = (
        write(0x3006002A, "IS", b"255\\0\\300")
        + write(0x30060040, "SQ", line)
        + write(0x30060084, "IS", b"7")
    )
    found = pool.read(
        part10(
            {
                0x00080016: ("UI", (STORAGE + "481.3").encode()),
                0x30060002: ("SH", b"plan"),
                0x30060020: ("SQ", item(write(0x30060022, "IS", b"7") + write(0x30060026, "LO", b"Liver"))),
                0x30060039: ("SQ", item(roi)),
            }
        )
    )
    assert isinstance(found, Contours), found
    assert (found.names, found.colours) == (("Liver",), ((255, 0, 255),))
    [contour] = found.contours
    assert (contour.image, contour.closed) == ("1.2.3.4", True)
    assert contour.points.tolist() == [[0, 0, 5], [10, 0, 5], [10, 10, 5]]
    assert picture_of_file(part10({0x00080016: ("UI", (STORAGE + "481.3").encode())}), pool=pool).text == ""


# -- the line to the child


def test_what_a_child_says_of_an_object_is_checked(pool: DecodePool) -> None:
    found = pool.read(ecg(np.zeros((5, 2), np.int16)))
    assert isinstance(found, Waveform)
    head, blobs = pack_object(found)
    blob = bytearray(b"".join(blobs))
    assert isinstance(unpack_object(head, blob), Waveform)
    channel = head["object"]["channels"][0]
    for lie in (
        {"type": "Frame"},
        {"object": head["object"] | {"extra": 1}},
        {"object": head["object"] | {"channels": [channel | {"rate": -1.0}]}},
        {"object": head["object"] | {"channels": [channel | {"rate": float("nan")}]}},
        {"object": head["object"] | {"channels": [channel | {"samples": [1 << 40]}]}},
        {"object": head["object"] | {"channels": [channel | {"label": 7}]}},
        {"object": head["object"] | {"channels": []}},
        {"object": None},
    ):
        with pytest.raises(BrokenMessageError):
            answer_from(head | lie, bytearray(blob), b"")


def test_texts_of_a_child_are_cleaned_again() -> None:
    head: dict[str, Any] = {
        "kind": "object",
        "type": "Document",
        "object": {
            "kind": "a\x1bb",
            "title": "c\nd",
            "lines": [{"level": 0, "name": "e\x9bf", "text": "g\nh\x1b"}],
            "links": [],
            "rejects": "",
            "pages": 0,
            "note": "",
        },
    }
    found = answer_from(head, bytearray(), b"")
    assert isinstance(found, Document)
    assert (found.kind, found.title) == ("ab", "c d")
    assert found.lines[0].text == "g\nh"
    assert found.lines[0].name == "ef"


# -- 12-bit JPEG


def _blocks(rng: np.random.Generator, count: int) -> list[list[int]]:
    blocks = []
    for _ in range(count):
        block = [int(rng.integers(-8000, 8000)), *[0] * 63]
        for place in rng.integers(1, 64, int(rng.integers(0, 12))):
            block[place] = int(rng.integers(-300, 300))
        blocks.append(block)
    blocks[1][1:] = [0] * 63
    blocks[2][1:] = [0] * 63
    blocks[3] = [0, *[1 if place % 3 else -1 for place in range(63)]]
    blocks[4] = [0, *[0] * 62, 2]
    return blocks


ZIGZAG = sorted(
    range(64),
    key=lambda at: (at // 8 + at % 8, at // 8 if (at // 8 + at % 8) % 2 else at % 8),
)


def _by_definition(blocks: list[list[int]], across: int, rows: int, columns: int) -> NDArray[np.int64]:
    """The inverse transform as T.81 A.3.3 writes it."""
    out = np.zeros((len(blocks) // across * 8, across * 8))
    u, x = np.arange(8), np.arange(8)
    cosines = np.cos((2 * x[:, None] + 1) * u[None, :] * np.pi / 16) * np.where(u == 0, 1 / np.sqrt(2), 1)
    for number, block in enumerate(blocks):
        square = np.zeros(64)
        square[ZIGZAG] = block
        values = cosines @ square.reshape(8, 8) @ cosines.T / 4
        top, left = number // across * 8, number % across * 8
        out[top : top + 8, left : left + 8] = values
    whole: NDArray[np.int64] = np.clip(np.rint(out) + 2048, 0, 4095).astype(np.int64)
    return whole[:rows, :columns]


@pytest.mark.parametrize("scans", ["sequential", "spectral", "successive"])
def test_twelve_bit_jpeg_is_the_transform_of_its_coefficients(pool: DecodePool, scans: str) -> None:
    blocks = _blocks(np.random.default_rng(12), 12)
    stream = encode_dct(blocks, 21, 30, scans=scans)
    syntax = EXTENDED if scans == "sequential" else PROGRESSIVE
    data = encapsulated(np.zeros((21, 30), np.uint16), stream, syntax)
    frame = pool.decode(data)
    assert isinstance(frame, Frame), frame
    assert frame.decoder == "teleread"
    assert np.abs(frame.pixels - _by_definition(blocks, 4, 21, 30)).max() == 0


@pytest.mark.parametrize("cut", [30, 0.5, 0.9])
def test_a_cut_twelve_bit_jpeg_gets_words(pool: DecodePool, cut: float) -> None:
    stream = encode_dct(_blocks(np.random.default_rng(13), 12), 21, 30, scans="sequential")
    short = stream[: int(cut if cut > 1 else cut * len(stream))]
    found = pool.decode(encapsulated(np.zeros((21, 30), np.uint16), short, EXTENDED))
    assert isinstance(found, CannotShow)
    assert found.code in ("truncated", "damaged")
