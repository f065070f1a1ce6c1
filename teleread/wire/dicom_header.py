"""A bounded, incremental reader of DICOM headers (PS3.5 section 7, PS3.10 section 7). I/O-free.

It is fed with chunks as they arrive, keeps the few values the index needs, and stops at Pixel Data. It never
recurses, never inflates without a limit, never holds a long value and never trusts a length: one that lies
costs this instance's header, nothing else.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from teleread.model.errors import TelereadError

from .dicom_tags import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    FUNCTIONAL,
    IMPLICIT,
    ITEM,
    ITEM_END,
    LONG_VRS,
    OTHER_IDS,
    PER_FRAME,
    PIXELS,
    SEQUENCE_END,
    SHARED,
    TOP,
    UNDEFINED,
    WANTED_IN,
)

__all__ = ["HeaderLimits", "HeaderReader"]


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """What one header may cost."""

    elements: int = 60_000
    """Data elements walked before the reader gives up on the rest."""
    value: int = 16 * 1024
    """Longest value kept, bytes; longer ones are passed over."""
    depth: int = 32
    """Sequences within sequences."""
    inflated: int = 8 * 1024 * 1024
    """Bytes inflated of a deflated data set."""


class _Level:
    """One open sequence or item. ``end`` is an absolute offset, None where a delimiter ends it."""

    __slots__ = ("context", "end", "implicit", "items", "kind")

    def __init__(self, kind: str, end: int | None, context: str, implicit: bool) -> None:
        self.kind = kind
        self.end = end
        self.context = context
        self.implicit = implicit
        self.items = 0


class HeaderReader:
    """Reads one instance's header from a stream.

    Args:
        limits: What it may cost.
        syntax: Transfer Syntax UID of a bare data set, without preamble and meta (a DIMSE identifier).
    """

    def __init__(self, limits: HeaderLimits = HeaderLimits(), *, syntax: str = "") -> None:  # frozen
        self.done = False
        """Nothing more is read: Pixel Data was met, or the end, or a limit."""
        self.truncated = False
        """The header ended early or a limit was met; what was read before stays."""
        self.pixel_offset: int | None = None
        """Absolute offset of the Pixel Data value, bytes; None where none was met."""
        self.pixel_length: int | None = None
        """Its announced length, bytes; None where undefined."""
        self.cut = False
        """The bytes ended inside an element."""
        self.has_pixels = False
        self.values: dict[int, bytes] = {}
        """Raw values of the top level by tag."""
        self.frame_values: dict[int, bytes] = {}
        """Raw values of the shared or first frame's functional groups."""
        self.other_ids: list[dict[int, bytes]] = []
        """Raw values of each item of Other Patient IDs Sequence."""
        self._limits = limits
        self._buf = bytearray()
        self._pos = 0
        self._base = 0
        self._skip = 0
        self._elements = 0
        self._levels: list[_Level] = []
        self._inflater: zlib._Decompress | None = None
        self._inflated = 0
        self.transfer_syntax = syntax
        self._stage = "set" if syntax else "start"
        self._big = False
        self._implicit = syntax == IMPLICIT

    # ------------------------------------------------------------------ feeding

    def feed(self, chunk: bytes | memoryview) -> bool:
        """Take the next bytes.

        Returns:
            `done`.

        Raises:
            TelereadError: ``code="dicom-header"``: this is no DICOM, or it is nested too deep.
        """
        if self.done:
            return True
        if self._inflater is not None:
            self._inflate(chunk)
        else:
            self._take(chunk)
        return self.done

    def finish(self) -> None:
        """There are no more bytes.

        Raises:
            TelereadError: ``code="dicom-header"``: nothing of a header was there.
        """
        if self.done:
            return
        if self._stage == "start":
            self._start(final=True)
            self._walk()
        open_ = any(level.end is None or level.end > self._base + self._pos for level in self._levels)
        whole = not self._skip and self._pos >= len(self._buf) and not open_
        if not self.done:
            self.cut = not whole or (self._inflater is not None and not self._inflater.eof)
            self._stop(truncated=self.cut)
        if self._stage != "set":
            raise _refusal("It holds no DICOM data set.")

    def _take(self, chunk: bytes | memoryview) -> None:
        if self._skip >= len(chunk) and self._pos >= len(self._buf):
            self._skip -= len(chunk)
            self._base += len(self._buf) + len(chunk)
            self._buf.clear()
            self._pos = 0
            return
        if self._pos:
            del self._buf[: self._pos]
            self._base += self._pos
            self._pos = 0
        self._buf += chunk
        self._walk()

    def _inflate(self, chunk: bytes | memoryview) -> None:
        assert self._inflater is not None
        pending = bytes(chunk)
        while pending and not self.done:
            room = self._limits.inflated - self._inflated
            if room <= 0:
                self._stop(truncated=True)
                return
            try:
                piece = self._inflater.decompress(pending, min(room, 1 << 16))
            except zlib.error:
                self._stop(truncated=True)
                return
            pending = self._inflater.unconsumed_tail
            self._inflated += len(piece)
            self._take(piece)
            if self._inflater.eof:
                break

    def _stop(self, *, truncated: bool) -> None:
        self.done = True
        self.truncated = self.truncated or truncated
        self._buf.clear()
        self._pos = 0
        self._levels.clear()

    # ------------------------------------------------------------------ walking

    def _walk(self) -> None:
        while not self.done:
            if self._skip:
                here = min(self._skip, len(self._buf) - self._pos)
                self._pos += here
                self._skip -= here
                if self._skip:
                    return
            if self._stage == "start":
                if not self._start(final=False):
                    return
            elif not self._step():
                return

    def _start(self, *, final: bool) -> bool:
        """Find where the meta group begins: after a preamble, after a bare prefix, or at once."""
        buf = self._buf
        if len(buf) < 132 and not final:
            return False
        if buf[128:132] == b"DICM":
            self._pos, self._stage = 132, "meta"
        elif buf[:4] == b"DICM":
            self._pos, self._stage = 4, "meta"
        elif buf[:2] == b"\x02\x00":
            self._stage = "meta"
        elif buf[:2] == b"\x08\x00" and len(buf) >= 8:
            self._enter_set("")
        else:
            raise _refusal("It does not begin as a DICOM file does.")
        return True

    def _enter_set(self, syntax: str) -> None:
        """Start the data set; where the syntax is unknown or lies, the first VR decides."""
        self._stage = "set"
        self.transfer_syntax = syntax
        self._implicit = syntax == IMPLICIT
        self._big = syntax == BIG_ENDIAN
        if syntax == DEFLATED:
            rest = bytes(self._buf[self._pos :])
            self._buf.clear()
            self._pos = 0
            self._inflater = zlib.decompressobj(-15)
            self._inflate(rest)
            return
        letters = bytes(self._buf[self._pos + 4 : self._pos + 6])
        if len(letters) == 2:
            explicit = letters.isalpha() and letters.isupper()
            self._implicit = not explicit
            if not syntax:
                self.transfer_syntax = EXPLICIT if explicit else IMPLICIT

    def _step(self) -> bool:
        """Read one element header, item or delimiter; False where more bytes are needed."""
        levels = self._levels
        at = self._base + self._pos
        while levels and levels[-1].end is not None and at >= levels[-1].end:
            levels.pop()
        if len(self._buf) - self._pos < 8:
            return False
        if self._stage == "meta":
            return self._meta_step()
        self._elements += 1
        if self._elements > self._limits.elements:
            self._stop(truncated=True)
            return False
        if levels and levels[-1].kind != "item":
            return self._item_step(levels[-1])
        return self._element_step(levels[-1] if levels else None)

    def _meta_step(self) -> bool:
        group = struct.unpack_from("<H", self._buf, self._pos)[0]
        if group != 2:
            if len(self._buf) - self._pos < 12:
                return False
            raw = self.values.get(0x00020010, b"")
            self._enter_set(raw.decode("ascii", "replace").strip(" \0"))
            return True
        return self._element_step(None)

    def _element_step(self, level: _Level | None) -> bool:
        buf, pos = self._buf, self._pos
        order = ">" if self._big and self._stage == "set" else "<"
        group, element = struct.unpack_from(order + "HH", buf, pos)
        tag = group << 16 | element
        if group == 0xFFFE:
            return self._delimiter(tag, level)
        implicit = self._stage == "set" and (level.implicit if level else self._implicit)
        vr = b""
        if implicit:
            length, head = struct.unpack_from(order + "I", buf, pos + 4)[0], 8
        else:
            vr = bytes(buf[pos + 4 : pos + 6])
            if vr not in LONG_VRS:
                length, head = struct.unpack_from(order + "H", buf, pos + 6)[0], 8
            elif len(buf) - pos < 12:
                return False
            else:
                length, head = struct.unpack_from(order + "I", buf, pos + 8)[0], 12
        return self._element(tag, vr, length, head, level, implicit)

    def _element(
        self, tag: int, vr: bytes, length: int, head: int, level: _Level | None, implicit: bool
    ) -> bool:
        if level is None and tag > 0x7FE00007:
            self._end_of_header(tag, head, length)
            return False
        context = level.context if level else ""
        inner = self._context_of(tag, context, level)
        if length == UNDEFINED:
            self._pos += head
            kind = "fragments" if vr in {b"OB", b"OW"} else "sequence"
            self._push(_Level(kind, None, inner, implicit or vr == b"UN"))
            return True
        if inner and (vr in {b"SQ", b"UN", b""}):
            self._pos += head
            end = self._base + self._pos + length
            self._push(_Level("sequence", end, inner, implicit or vr == b"UN"))
            return True
        wanted = TOP if level is None else WANTED_IN.get(context.partition(":")[0], frozenset())
        if tag in wanted and length <= self._limits.value:
            if len(self._buf) - self._pos < head + length:
                return False
            start = self._pos + head
            self._keep(tag, bytes(self._buf[start : start + length]), context)
            self._pos = start + length
            return True
        self._pos += head
        self._skip = length
        return True

    def _end_of_header(self, tag: int, head: int, length: int) -> None:
        if tag in PIXELS:
            self.has_pixels = True
            if self._inflater is None:  # an offset into inflated bytes would name nothing in the file
                self.pixel_offset = self._base + self._pos + head
                self.pixel_length = None if length == UNDEFINED else length
        self._stop(truncated=False)

    @staticmethod
    def _context_of(tag: int, context: str, level: _Level | None) -> str:
        """Which of the few sequences of interest a tag opens; empty for all others."""
        if level is None:
            if tag == OTHER_IDS:
                return "other"
            if tag in {SHARED, PER_FRAME}:
                return "frame:all" if tag == SHARED else "frame:first"
            return ""
        return "frame:all" if context.startswith("frame") and tag in FUNCTIONAL else ""

    def _keep(self, tag: int, value: bytes, context: str) -> None:
        if not context:
            self.values[tag] = value  # a tag that comes twice: the last one counts, as in other readers
        elif context == "other":
            self.other_ids[-1][tag] = value
        else:
            self.frame_values.setdefault(tag, value)

    def _push(self, level: _Level) -> None:
        if len(self._levels) >= 2 * self._limits.depth:  # a sequence and its item are two levels
            raise _refusal(f"Its sequences are nested more than {self._limits.depth} deep.")
        self._levels.append(level)

    def _item_step(self, level: _Level) -> bool:
        order = ">" if self._big else "<"
        group, element, length = struct.unpack_from(order + "HHI", self._buf, self._pos)
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            self._pos += 8
            self._levels.pop()
            return True
        if tag != ITEM:
            self._stop(truncated=True)  # the nesting lies: nothing after it can be found
            return False
        self._pos += 8
        level.items += 1
        inside = self._item_context(level)
        if length != UNDEFINED and (not inside or level.kind == "fragments"):
            self._skip = length
            return True
        end = None if length == UNDEFINED else self._base + self._pos + length
        self._push(_Level("item", end, inside, level.implicit))
        return True

    def _item_context(self, level: _Level) -> str:
        if level.context == "other":
            if len(self.other_ids) >= 64:
                return ""
            self.other_ids.append({})
        elif level.items > 1:
            return ""  # only the first frame's place is of use
        return level.context

    def _delimiter(self, tag: int, level: _Level | None) -> bool:
        if level is None or tag not in {ITEM_END, SEQUENCE_END}:
            self._stop(truncated=True)
            return False
        self._pos += 8
        self._levels.pop()
        if tag == SEQUENCE_END and self._levels:
            self._levels.pop()  # a writer that forgot the item's own delimiter
        return True

    # ------------------------------------------------------------------ answers

    def uid(self, *tags: int) -> str:
        """The first of the tags that has a value, as a UID; empty where none has."""
        for tag in tags:
            value = self.values.get(tag, b"").decode("ascii", "replace").strip(" \0")
            if value:
                return value
        return ""


def _refusal(why: str) -> TelereadError:
    return TelereadError("A file is not readable as DICOM.", why, code="dicom-header")
