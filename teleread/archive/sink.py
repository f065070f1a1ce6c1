"""From a stream of Part 10 files to sealed segments of the vault: the header is read on the way.

An instance of another study, without usable UIDs, or too large is refused by itself; the others go on.
Nothing is held but the head of one instance.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from teleread.model.errors import TelereadError
from teleread.model.study import InstanceInfo
from teleread.model.text import SafeText, clean
from teleread.wire.dicom_header import HeaderReader
from teleread.wire.dicom_index import instance_info
from teleread.wire.dicom_pixels_end import PixelsEnd
from teleread.wire.part10 import PREAMBLE, file_meta

from .intake import refused

__all__ = ["Segment", "SinkLimits", "VaultSink"]

_LEAD: Final = 132
"""Bytes that tell how a file begins: preamble and prefix."""

_SHORT: Final = (
    "An instance ended before its own header said it would, and was not kept.",
    "The archive's copy may be damaged.",
)


class Segment(Protocol):
    """One segment of the object store, open for writing; what was begun and not ended is left out."""

    def begin(self, info: InstanceInfo | None = None) -> None:
        """Start an instance; its size and digest are not known yet."""
        ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Its next bytes."""
        ...

    def end(self, info: InstanceInfo | None = None) -> str:
        """It is whole; the hex SHA-256 of its bytes."""
        ...

    def close(self) -> None:
        """Make everything that ended durable, and list it."""
        ...

    def abandon(self) -> None:
        """Stop where it is; what reached the disk whole is rescued later."""
        ...


@dataclass(frozen=True, slots=True)
class SinkLimits:
    """What one stream may cost."""

    head: int = 4 << 20
    """Bytes held of one instance until its header is known."""
    instance: int = 8 << 30
    """Largest instance, bytes."""
    segment: int = 128 << 20
    """Bytes after which a segment is closed, so that what came is safe and no file grows without end."""
    studies: int = 4
    """Segments open at once, one a study; only local folders mix studies."""


class VaultSink:
    """Takes instances of one study (or, for local files, of any).

    Args:
        open_segment: Opens a segment for a study UID.
        study_uid: The study that was asked for; empty takes any.
        held: SOP Instance UID to SHA-256 of what is here already.
        limits: What one stream may cost.
        look_up: Where studies are mixed: asked once a study for what is held of it.
    """

    def __init__(
        self,
        open_segment: Callable[[str], Segment],
        study_uid: str,
        *,
        held: Mapping[str, str] | None = None,
        limits: SinkLimits | None = None,
        look_up: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        self._open_segment = open_segment
        self._look_up = look_up
        self._looked_up: set[str] = set()
        self._study_uid = study_uid
        self._held = dict(held or {})
        self._limits = limits or SinkLimits()
        self._segments: OrderedDict[str, tuple[Segment, int]] = OrderedDict()
        self._current: _Incoming | None = None
        self.via = ""
        """How what comes next arrives; kept with each instance."""
        self.first: dict[str, InstanceInfo] = {}
        """The first instance with pixels of each study, else the first: what lists show of it."""
        self.series: dict[str, dict[str, str]] = {}
        """Series Instance UID to (SOP Instance UID to SOP Class UID) of what this stream brought."""
        self.kept = 0
        """Instances written."""
        self.again = 0
        """Instances that were here already."""
        self.bytes = 0
        """Bytes of them."""
        self.notes: list[SafeText] = []
        """What was tolerated, in words."""

    # ------------------------------------------------------------------ the port

    def begin(self, transfer_syntax: str) -> None:
        """Start an instance; the meta group in the stream tells its syntax, this one is not needed."""
        self._current = _Incoming()

    def write(self, chunk: bytes | memoryview) -> None:
        """Take bytes of the Part 10 file.

        Raises:
            TelereadError: ``instance-refused``, or the vault can take no more.
        """
        one = self._need()
        one.size += len(chunk)
        if one.size > self._limits.instance:
            raise self._refuse("An instance is larger than any that is taken.")
        if one.started:
            self._pass_on(one, chunk)
            return
        one.head += chunk
        if len(one.head) >= _LEAD or one.reader is not None:
            self._read_head(one, final=False)

    def end(self) -> str:
        """Finish the instance; its SOP Instance UID."""
        one = self._need()
        if not one.started:
            self._read_head(one, final=True)
        assert one.info is not None
        info = one.info
        if one.pixels is not None and not one.pixels.whole:
            raise self._refuse(*_SHORT)
        if one.digest is not None:
            self._compare(info, one.digest.hexdigest())
        else:
            assert one.segment is not None
            digest = one.segment.end(info)
            self._held[info.sop_uid] = digest
            self._count(one, info)
        self._current = None
        return info.sop_uid

    def abort(self, why: str) -> None:
        """Drop the instance that was begun; the segment passes over its bytes."""
        self._current = None

    def close(self) -> None:
        """Close every open segment: what ended is durable and listed after this.

        Raises:
            TelereadError: The vault can take no more; what reached the disk whole is rescued later.
        """
        self._current = None
        try:
            while self._segments:
                _, (segment, _) = self._segments.popitem(last=False)
                segment.close()
        finally:
            while self._segments:
                self._segments.popitem()[1][0].abandon()

    def held(self, sop_uid: str) -> bool:
        """Whether an instance is here, or ended in this stream."""
        return sop_uid in self._held

    # ------------------------------------------------------------------ the head

    def _read_head(self, one: _Incoming, *, final: bool) -> None:
        """Read on in the header; once it is known, open the segment and pass the head on."""
        try:
            if one.reader is None:
                one.reader = HeaderReader()
                _normalise(one.head)
                one.fed = 0
            with memoryview(one.head) as view:
                one.reader.feed(view[one.fed :])
            one.fed = len(one.head)
            full = len(one.head) >= self._limits.head
            if not (one.reader.done or final or full):
                return
            one.reader.finish()
            one.info = self._identified(one)
        except TelereadError as error:
            raise self._refuse(error.title, error.detail) from error
        self._start(one, one.info)

    def _identified(self, one: _Incoming) -> InstanceInfo:
        assert one.reader is not None
        info = replace(instance_info(one.reader, 0), via=self.via)
        if one.head[128:132] != b"DICM":  # a bare data set: give it the meta group that it lacks
            meta = file_meta(info.sop_class, info.sop_uid, info.transfer_syntax)
            one.head[:0] = meta
            if info.pixel_offset is not None:
                info = replace(info, pixel_offset=info.pixel_offset + len(meta))
        return info

    def _start(self, one: _Incoming, info: InstanceInfo) -> None:
        study_uid = str(info.identity.study_uid)
        if self._study_uid and study_uid != self._study_uid:
            raise self._refuse(
                "An instance of another study came and was not kept.",
                "The archive sent something that was not asked for.",
            )
        assert one.reader is not None
        # What a site keeps on a disc is taken as it is; of what is asked for again, only whole instances are.
        if self._study_uid and one.reader.cut:
            raise self._refuse(*_SHORT)
        if self._study_uid and one.reader.pixel_offset is not None and info.pixel_offset is not None:
            one.pixels = PixelsEnd(info.pixel_offset, one.reader.pixel_length)
        one.started = True
        if self._look_up is not None and study_uid not in self._looked_up:
            self._looked_up.add(study_uid)
            self._held.update(self._look_up(study_uid))
        if info.sop_uid in self._held:
            one.digest = hashlib.sha256()
        else:
            one.segment = self._segment(study_uid)
            one.segment.begin(info)
        head, one.head = one.head, bytearray()
        self._pass_on(one, head)

    def _pass_on(self, one: _Incoming, chunk: bytes | bytearray | memoryview) -> None:
        one.passed += len(chunk)
        if one.pixels is not None:
            one.pixels.feed(chunk)
        if one.digest is not None:
            one.digest.update(chunk)
        elif one.segment is not None:
            one.segment.write(memoryview(chunk))

    # ------------------------------------------------------------------ segments

    def _segment(self, study_uid: str) -> Segment:
        if study_uid not in self._segments:
            while len(self._segments) >= self._limits.studies:
                _, (oldest, _) = self._segments.popitem(last=False)
                oldest.close()
            self._segments[study_uid] = (self._open_segment(study_uid), 0)
        self._segments.move_to_end(study_uid)
        return self._segments[study_uid][0]

    def _count(self, one: _Incoming, info: InstanceInfo) -> None:
        self.kept += 1
        self.bytes += one.passed
        self.series.setdefault(info.series_uid, {})[info.sop_uid] = info.sop_class
        study_uid = str(info.identity.study_uid)
        first = self.first.get(study_uid)
        if first is None or (not first.frames and info.frames):
            self.first[study_uid] = info
        segment, written = self._segments[study_uid]
        self._segments[study_uid] = (segment, written + one.passed)
        if written + one.passed >= self._limits.segment:
            del self._segments[study_uid]
            segment.close()

    def _compare(self, info: InstanceInfo, digest: str) -> None:
        self.again += 1
        if self._held[info.sop_uid] != digest:
            # Archives write their own meta group or character set: told, and the first one stays.
            note = clean("An instance came again with other bytes; the first one is kept.")
            if note not in self.notes:
                self.notes.append(note)

    def _need(self) -> _Incoming:
        if self._current is None:
            raise refused("An instance can't be taken.", "It was not begun.")
        return self._current

    def _refuse(self, title: str, detail: str = "") -> TelereadError:
        self.abort(title)
        return refused(title, detail)


class _Incoming:
    """The instance that is arriving."""

    __slots__ = ("digest", "fed", "head", "info", "passed", "pixels", "reader", "segment", "size", "started")

    def __init__(self) -> None:
        self.head = bytearray()
        self.fed = 0
        self.size = 0
        self.passed = 0
        self.started = False
        self.reader: HeaderReader | None = None
        self.info: InstanceInfo | None = None
        self.segment: Segment | None = None
        self.digest: hashlib._Hash | None = None
        self.pixels: PixelsEnd | None = None


def _normalise(head: bytearray) -> None:
    """Give a file the preamble and prefix it lacks; one it has stays: bytes and digest are what arrived.

    A preamble can make a file be two things at once (CVE-2019-11687). In a sealed pack it is harmless; it
    has to become zeros wherever a file leaves the vault in the clear.
    """
    if head[128:132] == b"DICM":
        return
    if head[:4] == b"DICM":
        head[:0] = PREAMBLE
    elif head[:2] == b"\x02\x00":
        head[:0] = PREAMBLE + b"DICM"
