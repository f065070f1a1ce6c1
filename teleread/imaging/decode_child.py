"""The decode child: the one process that meets hostile pixels.

Started by `DecodePool`, it holds no key, no database and no socket, caps itself first thing, and answers each
object on stdin with a frame, or with words, on stdout. Whatever a codec does to it costs one picture.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import IO, TYPE_CHECKING, Any, Final

from teleread.host import limits

from .sharing import map_region

if TYPE_CHECKING:
    from .part10 import Part10

__all__ = ["main"]

_HELLO: Final = "hello"


def main() -> int:
    """Serve until stdin ends."""
    limits.apply_from_environment()
    inward, outward = _pipes()
    from . import framewire  # numpy and the codecs count against the caps, so they come after them

    _warm_up()
    shared = _Shared([int(word) for word in sys.argv[1:3] if word.isdigit()])
    framewire.write_message(outward, {"kind": _HELLO, "shared": shared.usable})
    worker = _Worker()
    while True:
        try:
            request, blob = framewire.read_message(inward, framewire.MAX_REQUEST)
        except (EOFError, framewire.BrokenMessageError):
            return 0
        if request.get("want") == "many":
            many = worker.many(request["sizes"], request["totals"], shared.taken(request, blob))
            framewire.write_message(outward, {"answers": many, "cpu": time.process_time()})
            continue
        head, blobs = worker.answer(request, shared.taken(request, blob))
        head["cpu"] = time.process_time()
        if shared.given(blobs):
            head["shared"], blobs = sum(len(blob) for blob in blobs), []
        framewire.write_message(outward, head, *blobs)


class _Shared:
    """The memory shared with the pool: objects come in one region, pixels go out in the other."""

    def __init__(self, descriptors: list[int]) -> None:
        self.usable = len(descriptors) == 2
        self._descriptors = descriptors
        self._inward: Any = None
        self._outward: memoryview = memoryview(b"")
        if self.usable:
            from .decode_link import ANSWER_ROOM

            self._outward = memoryview(map_region(descriptors[1], ANSWER_ROOM, writable=True))

    def taken(self, request: dict[str, Any], blob: bytearray) -> memoryview:
        """The object a request brings; it stays valid until the next one comes."""
        size, mapped = request.get("size", sum(request.get("sizes", []))), request.get("mapped")
        if not isinstance(size, int) or not isinstance(mapped, int):
            return memoryview(blob).toreadonly()
        if self._inward is None or len(self._inward) != mapped:
            self._inward = None
            self._inward = map_region(self._descriptors[0], mapped, writable=False)
        return memoryview(self._inward)[:size]

    def given(self, blobs: list[memoryview]) -> bool:
        """Put an answer where the pool finds it; False where it is too large."""
        total = sum(len(blob) for blob in blobs)
        if not 0 < total <= len(self._outward):
            return False
        at = 0
        for blob in blobs:
            self._outward[at : at + len(blob)] = blob
            at += len(blob)
        return True


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep stdin and stdout for messages alone: what a codec prints must not land between them."""
    inward = os.fdopen(os.dup(0), "rb", buffering=0)
    outward = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return inward, outward


def _warm_up() -> None:
    """Import what every picture needs, while nobody waits."""
    import pydicom.pixels

    from . import overlays, pixels, shutters

    del overlays, pixels, shutters
    logging.disable(logging.CRITICAL)
    assert pydicom.pixels is not None


class _Worker:
    """Answers requests; the last object read stays at hand for its other frames."""

    def __init__(self) -> None:
        self._key = ""
        self._part: Part10 | None = None
        self._blob = memoryview(b"")

    def answer(self, request: dict[str, Any], blob: memoryview) -> tuple[dict[str, Any], list[memoryview]]:
        from .pixels import as_words

        known: dict[str, Any] = {}
        try:
            if not request.get("held"):
                self._take(str(request.get("key", "")), blob)
            elif self._part is None or not self._key or request.get("key") != self._key:
                return {"kind": "gone"}, []
            assert self._part is not None
            if request.get("want") == "object":
                answer = _read(self._part)
            elif request.get("want") == "page":
                answer = _page(self._part, int(request["frame"]))
            else:
                answer = self._decode(self._part, int(request["frame"]), int(request.get("reduce", 0)), known)
            if not self._key:
                self._part, self._blob = None, memoryview(b"")
            return answer
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            told = as_words(error)
            return _words(told.title, told.code, known) | {"starved": isinstance(error, MemoryError)}, []

    def many(self, sizes: list[int], totals: list[int], blob: memoryview) -> list[dict[str, Any] | None]:
        """Answers for objects whose beginnings lie in a row; None for one to be asked for alone."""
        self._key, self._part, self._blob = "", None, memoryview(b"")
        found: list[dict[str, Any] | None] = []
        at = 0
        for size, total in zip(sizes, totals, strict=True):
            found.append(self._plain(blob[at : at + size], total))
            at += size
        return found

    def _plain(self, blob: memoryview, total: int) -> dict[str, Any] | None:
        """The first frame of an object whose pixels the pool finds by itself, without overlays or shutter."""
        from . import part10

        try:
            self._blob = blob
            part = part10.scan(blob, total)
            if part.encapsulated or any(tag >> 24 == 0x60 for tag in part.elements.table):
                return None  # what has to be decoded, or may hold an overlay in its pixels, is not here
            head, blobs = self._decode(part, 1, 0, {})
            return None if blobs or head.get("place") is None else head
        except Exception:
            return None
        finally:
            self._blob = memoryview(b"")

    def _take(self, key: str, blob: memoryview) -> None:
        from . import part10

        self._key, self._part, self._blob = "", None, blob
        self._part = part10.scan(blob)
        self._key = key

    def _decode(
        self, part: Part10, number: int, reduce: int, known: dict[str, Any]
    ) -> tuple[dict[str, Any], list[memoryview]]:
        from . import framewire, header, overlays, pixels, shutters, sop_classes

        found = part.elements
        known |= {
            "transfer_syntax": part.transfer_syntax,
            "sop_class": found.text(0x00080016),
            "photometric": found.text(0x00280004),
            "rows": found.whole(0x00280010),
            "columns": found.whole(0x00280011),
            "frames": 0 if part.pixel is None else max(1, found.whole(0x00280008, 1)),
        }
        words = sop_classes.not_a_picture(known["sop_class"], part.pixel is not None)
        if words:
            return _words(words, "not-image", known), []
        shape = header.read_shape(part)
        if not 1 <= number <= shape.frames:
            count = "one frame" if shape.frames == 1 else f"{shape.frames} frames"
            return _words(f"Frame {number} does not exist: the object has {count}.", "no-frame", known), []
        fields = header.describe(part, shape, number)
        cover = shutters.shutter_mask(found, shape)
        place = pixels.plain_place(part, shape, number) if shape.photometric != "PALETTE COLOR" else None
        if place is not None and found.data is self._blob:
            fields |= {"decoder": "native", "signed": shape.signed}
            mask = overlays.overlay_mask(part, shape, number)
            return framewire.pack_frame(fields, None, mask, cover, place)
        array, decoder, (step, low) = pixels.decode_pixels(part, shape, number, reduce)
        fields |= {"decoder": decoder, "signed": array.dtype.kind == "i"}
        if shape.floating:
            fields |= {
                "intercept": low * fields["slope"] + fields["intercept"],
                "slope": step * fields["slope"],
                "bits_stored": 16,
            }
        if array.shape[:2] != (shape.rows, shape.columns):
            return framewire.pack_frame(_reduced(fields, array), array, None, None)
        mask = overlays.overlay_mask(part, shape, number)
        return framewire.pack_frame(fields, array, mask, cover)


def _reduced(fields: dict[str, Any], array: Any) -> dict[str, Any]:
    """The fields of a frame decoded at a lower resolution: its pixels are larger."""
    by = fields["rows"] / array.shape[0]
    spacing = fields["pixel_spacing"]
    return fields | {
        "reduced": max(1, round(by).bit_length() - 1),
        "rows": array.shape[0],
        "columns": array.shape[1],
        "pixel_spacing": None if spacing is None else (spacing[0] * by, spacing[1] * by),
    }


def _read(part: Part10) -> tuple[dict[str, Any], list[memoryview]]:
    from .objectwire import pack_object
    from .readers.dispatch import read_object

    return pack_object(read_object(part))


def _page(part: Part10, number: int) -> tuple[dict[str, Any], list[memoryview]]:
    """A page of a PDF as a colour frame; words where it is no PDF, or nothing draws it here."""
    from . import framewire, header
    from .readers import encapsulated

    drawn = None
    if part.elements.text(0x00080016) == encapsulated.PDF:
        drawn = encapsulated.page_picture(part.elements, number)
    if drawn is None:
        return _words("Its pages are not drawn here; a PDF viewer shows them.", "no-codec", {}), []
    pixels, pages = drawn
    shape = header.page_shape(pixels.shape[0], pixels.shape[1], pages)
    fields = header.describe(part, shape, min(number, pages)) | {"decoder": "pypdfium2"}
    return framewire.pack_frame(fields, pixels, None, None)


def _words(reason: str, code: str, known: dict[str, Any]) -> dict[str, Any]:
    sizes = {"rows": 65535, "columns": 65535, "frames": 1 << 31}
    return {
        "kind": "words",
        "reason": reason,
        "code": code,
        **{name: str(known.get(name, "")) for name in ("transfer_syntax", "sop_class", "photometric")},
        **{name: min(max(0, known.get(name, 0)), most) for name, most in sizes.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
