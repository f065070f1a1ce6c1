"""Builders of small DICOM files and vaults for the tests of wire and archive. All patients are made up."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from teleread.archive.intake import Intake
from teleread.archive.port import (
    Capabilities,
    InstanceSink,
    Manifest,
    RetrieveResult,
    SeriesManifest,
    StudyMatch,
)
from teleread.host.clock import Clock
from teleread.host.paths import Home
from teleread.model.errors import OfflineError, TelereadError
from teleread.model.text import clean
from teleread.vault.seal import Kdf
from teleread.vault.vault import Vault
from teleread.wire.dimse_messages import StoreRequest

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
STUDY = "1.2.826.0.1.3680043.10.5.1"

_LONG = {b"OB", b"OW", b"SQ", b"UN", b"UT"}


def explicit(tag: int, vr: bytes, value: bytes | str, *, length: int | None = None) -> bytes:
    """One element in explicit VR little endian; ``length`` lies about it."""
    raw = value.encode("latin_1") if isinstance(value, str) else value
    if len(raw) % 2:
        raw += b"\0" if vr in {b"UI", b"OB"} else b" "
    size = len(raw) if length is None else length
    head = struct.pack("<HI", 0, size) if vr in _LONG else struct.pack("<H", size)
    return struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr) + head + raw


def item(body: bytes, *, undefined: bool = False) -> bytes:
    """A sequence item."""
    if undefined:
        return b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + body + b"\xfe\xff\x0d\xe0\0\0\0\0"
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(body)) + body


def sequence(tag: int, items: Iterable[bytes], *, undefined: bool = False) -> bytes:
    """A sequence element."""
    body = b"".join(items)
    head = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"SQ", 0)
    if undefined:
        return head + b"\xff\xff\xff\xff" + body + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return head + struct.pack("<I", len(body)) + body


def file_of(
    elements: Iterable[bytes],
    *,
    syntax: str = EXPLICIT,
    sop_uid: str = "",
    sop_class: str = CT,
    preamble: bytes = bytes(128),
) -> bytes:
    """A Part 10 file around data elements."""
    meta = explicit(0x00020002, b"UI", sop_class) + explicit(0x00020003, b"UI", sop_uid)
    meta += explicit(0x00020010, b"UI", syntax)
    group = explicit(0x00020000, b"UL", struct.pack("<I", len(meta)))
    return preamble + b"DICM" + group + meta + b"".join(elements)


def ct(
    number: int,
    *,
    study: str = STUDY,
    series: str = "1",
    size: int = 16,
    name: str = "Test^Slice",
    sop: str = "",
    fill: int | None = None,
    preamble: bytes = bytes(128),
) -> bytes:
    """One small CT slice, size x size pixels."""
    series_uid = f"{study}.{series}"
    sop_uid = sop or f"{series_uid}.{number}"
    pixels = bytes([number % 256 if fill is None else fill]) * (size * size * 2)
    return file_of(
        (
            explicit(0x00080005, b"CS", "ISO_IR 100"),
            explicit(0x00080016, b"UI", CT),
            explicit(0x00080018, b"UI", sop_uid),
            explicit(0x00080020, b"DA", "20260102"),
            explicit(0x00080050, b"SH", "ACC1"),
            explicit(0x00080060, b"CS", "CT"),
            explicit(0x00081030, b"LO", "CT chest"),
            explicit(0x0008103E, b"LO", "Lung"),
            explicit(0x00100010, b"PN", name),
            explicit(0x00100020, b"LO", "P0001"),
            explicit(0x00100030, b"DA", "19500101"),
            explicit(0x00100040, b"CS", "F"),
            explicit(0x0020000D, b"UI", study),
            explicit(0x0020000E, b"UI", series_uid),
            explicit(0x00200011, b"IS", series),
            explicit(0x00200013, b"IS", str(number)),
            explicit(0x00200032, b"DS", f"0\\0\\{number}"),
            explicit(0x00200037, b"DS", "1\\0\\0\\0\\1\\0"),
            explicit(0x00280002, b"US", struct.pack("<H", 1)),
            explicit(0x00280004, b"CS", "MONOCHROME2"),
            explicit(0x00280010, b"US", struct.pack("<H", size)),
            explicit(0x00280011, b"US", struct.pack("<H", size)),
            explicit(0x00280100, b"US", struct.pack("<H", 16)),
            explicit(0x00280101, b"US", struct.pack("<H", 16)),
            explicit(0x00280102, b"US", struct.pack("<H", 15)),
            explicit(0x00280103, b"US", struct.pack("<H", 0)),
            explicit(0x00281050, b"DS", "40"),
            explicit(0x00281051, b"DS", "400"),
            explicit(0x7FE00010, b"OW", pixels),
        ),
        sop_uid=sop_uid,
        preamble=preamble,
    )


def make_vault(folder: Path, *, clock: Clock | None = None) -> Vault:
    """A fresh vault that costs little to open."""
    home = Home(folder / "config", folder / "data", folder / "logs")
    vault, _ = Vault.create(
        home.profile("default"),
        passphrase="a passphrase for tests",
        pin=None,
        clock=clock,
        kdf=Kdf(memory_kib=64, passes=1),
        ballast_bytes=4096,
    )
    return vault


class Keeper:
    """Keeps the names of what is sent to our storage SCP."""

    def __init__(self) -> None:
        self.whole: list[str] = []

    def begin(self, request: StoreRequest) -> None:
        self.sop_uid = request.sop_uid

    def write(self, chunk: bytes | memoryview) -> None:
        pass

    def end(self) -> int:
        self.whole.append(self.sop_uid)
        return 0

    def cut(self, why: str) -> None:
        pass


class MemoryArchive:
    """An archive that holds files in memory: for tests of whatever sits above the port.

    Args:
        files: Part 10 files of one study, by SOP Instance UID.
        via: What it calls itself.
    """

    def __init__(self, files: Mapping[str, bytes], via: str = "dicomweb", study: str = STUDY) -> None:
        self.capabilities = Capabilities(via)
        self.files = dict(files)
        self.study = study
        self.listed = dict.fromkeys(files, CT)
        """What it says it has."""
        self.asked: list[frozenset[str]] = []
        self.faults: list[TelereadError | int | None] = []
        """For each retrieve in turn: an error at once, or after so many instances; None for none."""
        self.dead: TelereadError | None = None
        self.also: list[bytes] = []
        """Files it sends unasked."""

    def echo(self) -> float:
        return 0.0

    def find_studies(self, patient_id: str) -> tuple[StudyMatch, ...]:
        return ()

    def close(self) -> None:
        pass

    def manifest(self, study_uid: str) -> Manifest:
        if self.dead:
            raise self.dead
        if study_uid != self.study or not self.listed:
            return Manifest(study_uid, ())
        return Manifest(study_uid, (SeriesManifest(f"{study_uid}.1", clean("CT"), self.listed),))

    def retrieve(
        self,
        manifest: Manifest,
        wanted: Collection[str],
        sink: InstanceSink,
        progress: Callable[[int, int], None],
    ) -> RetrieveResult:
        self.asked.append(frozenset(wanted))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, TelereadError):
            raise fault
        intake = Intake(sink, progress)
        sent = [self.files[uid] for uid in sorted(wanted) if uid in self.files]
        for index, data in enumerate([*self.also, *sent]):
            intake.begin(EXPLICIT)
            intake.write(data[:700])
            if fault is not None and index == fault:
                intake.cut("The line broke in the middle of it.")
                raise OfflineError("The line to the archive broke.")
            intake.write(data[700:])
            intake.end()
        return intake.result()


def document(number: int, sop_class: str, modality: str, *, study: str = STUDY) -> bytes:
    """A small object without pixels, of any class."""
    sop_uid = f"{study}.9.{number}"
    return file_of(
        (
            explicit(0x00080016, b"UI", sop_class),
            explicit(0x00080018, b"UI", sop_uid),
            explicit(0x00080020, b"DA", "20260102"),
            explicit(0x00080060, b"CS", modality),
            explicit(0x00100010, b"PN", "Test^Slice"),
            explicit(0x00100020, b"LO", "P0001"),
            explicit(0x0020000D, b"UI", study),
            explicit(0x0020000E, b"UI", f"{study}.9"),
            explicit(0x00200013, b"IS", str(number)),
        ),
        sop_uid=sop_uid,
        sop_class=sop_class,
    )
