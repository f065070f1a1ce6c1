"""A made set of DICOM files: classes and transfer syntaxes as archives hold them, without a codec.

Compressed streams are made of fragments with bytes that no decoder would take: an archive has to pass them on
as they are, so nothing has to be able to read them.
"""

from __future__ import annotations

import struct

from tests.archive_factories import explicit, file_of, item, sequence

__all__ = ["made_files"]

STUDY = "1.2.826.0.1.3680043.10.5.93"
ROOT = "1.2.840.10008.5.1.4.1.1."
PRIVATE = "1.3.12.2.1107.5.9.1"
IMPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
CLASSES = {
    "ct": "2",
    "mr": "4",
    "cr": "1",
    "dx": "1.1",
    "mg": "1.2",
    "us": "6.1",
    "us-multiframe": "3.1",
    "xa": "12.1",
    "rf": "12.2",
    "nm": "20",
    "pet": "128",
    "sc": "7",
    "enhanced-ct": "2.1",
    "enhanced-mr": "4.1",
    "rt-dose": "481.2",
}
PAPERS = {
    "sr": "88.11",
    "comprehensive-sr": "88.33",
    "dose-sr": "88.67",
    "ko": "88.59",
    "gsps": "11.1",
    "pdf": "104.1",
    "ecg": "9.1.1",
    "rt-plan": "481.5",
    "rt-structures": "481.3",
    "raw": "66",
    "registration": "66.1",
}
COMPRESSED = {
    "j2k": "1.2.840.10008.1.2.4.90",
    "jpeg-lossless": "1.2.840.10008.1.2.4.70",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg": "1.2.840.10008.1.2.4.50",
    "rle": "1.2.840.10008.1.2.5",
}


def made_files() -> dict[str, bytes]:
    """Files by name: every class in explicit little endian, a CT in every syntax, and a private class."""
    out = {name: _file(name, ROOT + tail, pixels=True) for name, tail in CLASSES.items()}
    out |= {name: _file(name, ROOT + tail, pixels=False) for name, tail in PAPERS.items()}
    out |= {name: _file(name, ROOT + "2", syntax=uid, pixels=True) for name, uid in COMPRESSED.items()}
    out["implicit"] = _implicit()
    out["private"] = _file("private", PRIVATE, pixels=False, study=f"{STUDY}.2")
    out["beside the private one"] = _file(
        "beside the private one", ROOT + "2", pixels=True, study=f"{STUDY}.2"
    )
    return out


def _head(name: str, sop_class: str, study: str) -> tuple[str, list[tuple[int, bytes, bytes | str]]]:
    sop_uid = f"{study}.1.{int.from_bytes(name.encode()[:6], 'big')}"
    return sop_uid, [
        (0x00080005, b"CS", "ISO_IR 100"),
        (0x00080016, b"UI", sop_class),
        (0x00080018, b"UI", sop_uid),
        (0x00080020, b"DA", "20260102"),
        (0x00080050, b"SH", "ACC93"),
        (0x00080060, b"CS", "OT"),
        (0x00081030, b"LO", "Größe"),
        (0x00100010, b"PN", "Test^Roundtrip"),
        (0x00100020, b"LO", "P0093"),
        (0x00100030, b"DA", ""),
        (0x0020000D, b"UI", study),
        (0x0020000E, b"UI", f"{study}.1"),
        (0x00200013, b"IS", "1"),
    ]


_SHAPE: list[tuple[int, bytes, bytes | str]] = [
    (0x00280002, b"US", struct.pack("<H", 1)),
    (0x00280004, b"CS", "MONOCHROME2"),
    (0x00280010, b"US", struct.pack("<H", 8)),
    (0x00280011, b"US", struct.pack("<H", 6)),
    (0x00280100, b"US", struct.pack("<H", 16)),
    (0x00280101, b"US", struct.pack("<H", 16)),
    (0x00280102, b"US", struct.pack("<H", 15)),
    (0x00280103, b"US", struct.pack("<H", 0)),
]
_PIXELS = bytes(range(96))


def _file(
    name: str, sop_class: str, *, pixels: bool, syntax: str = "1.2.840.10008.1.2.1", study: str = STUDY
) -> bytes:
    sop_uid, head = _head(name, sop_class, study)
    elements = [explicit(*one) for one in head]
    code = item(explicit(0x00080100, b"SH", "T-1") + explicit(0x00080104, b"LO", "A code"))
    elements.insert(7, sequence(0x00081032, [code, code]))
    elements.append(explicit(0x00290010, b"LO", "TEST PRIVATE"))
    elements.append(explicit(0x00291001, b"UN", bytes(range(31)) + b"\0"))
    order = sorted(elements, key=lambda raw: struct.unpack("<HH", raw[:4]))
    if pixels:
        order = [*order[:-2], *(explicit(*one) for one in _SHAPE), *order[-2:]]
        encapsulated = syntax != "1.2.840.10008.1.2.1"
        order.append(_fragments() if encapsulated else explicit(0x7FE00010, b"OW", _PIXELS))
    return file_of(order, syntax=syntax, sop_uid=sop_uid, sop_class=sop_class)


def _fragments() -> bytes:
    """Encapsulated pixel data: an empty offset table and two fragments (PS3.5 A.4)."""
    parts = [b"", bytes(range(200, 250)), bytes(range(100, 120))]
    body = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in parts)
    head = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    return head + body + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def _implicit() -> bytes:
    sop_uid, head = _head("implicit", ROOT + "4", STUDY)
    body = b""
    for tag, vr, value in [*head, *_SHAPE, (0x7FE00010, b"OW", _PIXELS)]:
        raw = value.encode("latin_1") if isinstance(value, str) else value
        raw += (b"\0" if vr == b"UI" else b" ") * (len(raw) % 2)
        body += struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(raw)) + raw
    return file_of([body], syntax=IMPLICIT, sop_uid=sop_uid, sop_class=ROOT + "4")
