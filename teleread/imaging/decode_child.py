"""The decode child: the one process that meets hostile pixels.

Started by `DecodePool`, it holds no key, no database and no socket, caps itself first thing, and answers each
object on stdin with a frame, or with words, on stdout. Whatever a codec does to it costs one picture.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import IO, Any, Final

from teleread.host import limits

__all__ = ["main"]

_HELLO: Final = "hello"


def main() -> int:
    """Serve until stdin ends."""
    limits.apply_from_environment()
    inward, outward = _pipes()
    from . import framewire  # numpy and the codecs count against the caps, so they come after them

    _warm_up()
    framewire.write_message(outward, {"kind": _HELLO})
    worker = _Worker()
    while True:
        try:
            request, blob = framewire.read_message(inward, framewire.MAX_REQUEST)
        except (EOFError, framewire.BrokenMessageError):
            return 0
        head, blobs = worker.answer(request, blob)
        head["cpu"] = time.process_time()
        framewire.write_message(outward, head, *blobs)


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
        self._blob: bytearray = bytearray()
        self._part: Any = None

    def answer(self, request: dict[str, Any], blob: bytearray) -> tuple[dict[str, Any], list[memoryview]]:
        from .pixels import as_words

        known: dict[str, Any] = {}
        try:
            if not request.get("held"):
                self._take(str(request.get("key", "")), blob)
            elif self._part is None or not self._key or request.get("key") != self._key:
                return {"kind": "gone"}, []
            answer = self._decode(int(request["frame"]), known)
            if not self._key:
                self._part, self._blob = None, bytearray()
            return answer
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            words = as_words(error)
            return _words(words.title, words.code, known), []

    def _take(self, key: str, blob: bytearray) -> None:
        from . import part10

        self._key, self._part, self._blob = "", None, blob
        self._part = part10.scan(memoryview(blob).toreadonly())
        self._key = key

    def _decode(self, number: int, known: dict[str, Any]) -> tuple[dict[str, Any], list[memoryview]]:
        from . import framewire, header, overlays, pixels, shutters, sop_classes

        part = self._part
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
        array, decoder, (step, low) = pixels.decode_pixels(part, shape, number)
        fields = header.describe(part, shape, number)
        fields |= {"decoder": decoder, "signed": array.dtype.kind == "i"}
        if shape.floating:
            fields |= {
                "intercept": low * fields["slope"] + fields["intercept"],
                "slope": step * fields["slope"],
                "bits_stored": 16,
            }
        mask = overlays.overlay_mask(part, shape, number)
        cover = shutters.shutter_mask(found, shape)
        return framewire.pack_frame(fields, array, mask, cover)


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
