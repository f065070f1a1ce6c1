"""Stored values of one frame, by pydicom's decoders and our own. Runs in the decode child.

Every figure was checked before (`header.read_shape`), and a codec is given the bytes of one frame alone.
"""

from __future__ import annotations

import itertools
import struct
import warnings
import zlib
from dataclasses import replace
from typing import Any, Final

import numpy as np

from teleread.model.errors import TelereadError

from . import codestream, jpeg_dct, jpeg_lossless, palette, plugins
from .frames import Pixels
from .framewire import Place, at_place
from .header import Shape
from .part10 import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Part10, cannot

__all__ = ["as_words", "decode_pixels", "plain_place"]

MAX_COMPRESSED: Final = 144 * 1024 * 1024
"""Largest compressed frame, decoded, bytes: a codec holds it two or three times over."""
MAX_JPEG2000: Final = 96 * 1024 * 1024
"""The same for JPEG 2000, whose codec counts in words of 32 bits."""

_NATIVE: Final = frozenset({IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_LE})
_DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
_RLE: Final = "1.2.840.10008.1.2.5"
_VIDEO: Final = "1.2.840.10008.1.2.4.10"
_JPEG_LOSSLESS: Final = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
_JPEG_BASELINE: Final = "1.2.840.10008.1.2.4.50"
_JPEG_LS: Final = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JPEG_DCT: Final = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (51, 53, 55))
"""Extended, and the retired spectral selection and full progression: JPEG with the cosine transform."""
_PREFERRED: Final = ("openjpeg", "rle", "pyjpegls", "pillow", "gdcm", "pydicom")
"""Order in which plugins are tried."""


def decode_pixels(
    part: Part10, shape: Shape, number: int, reduce: int = 0
) -> tuple[Pixels, str, tuple[float, float]]:
    """Decode one frame.

    Args:
        part: The scanned object.
        shape: Its checked shape.
        number: Which frame, from 1.
        reduce: Halvings of the resolution that are welcome; grey JPEG 2000 alone has them.

    Returns:
        Stored values, or RGB uint8 for colour; the decoder's name; slope and intercept the values still need
        (floating point pixels are kept in 16 bits).

    Raises:
        TelereadError: In words, whatever went wrong.
    """
    if part.encapsulated:
        pixels, decoder = _encapsulated(part, shape, number, reduce)
    else:
        pixels, decoder = _native(part, shape, number)
    if shape.floating:
        return _quantised(pixels, decoder)
    if shape.photometric == "PALETTE COLOR":
        return palette.apply(part.elements, pixels), decoder, (1.0, 0.0)
    if shape.samples == 3:
        return _eight_bits(pixels, shape.stored), decoder, (1.0, 0.0)
    return np.ascontiguousarray(pixels), decoder, (1.0, 0.0)


def plain_place(part: Part10, shape: Shape, number: int) -> Place | None:
    """Where the values of a frame lie as they are wanted; None where they need a decoder.

    Args:
        part: The scanned object.
        shape: Its checked shape.
        number: Which frame, from 1.
    """
    pixel, big = part.pixel, part.elements.big
    native = pixel is not None and not part.encapsulated and part.transfer_syntax in _NATIVE
    if pixel is None or not native or shape.samples != 1 or shape.floating or shape.allocated not in (8, 16):
        return None
    size = shape.allocated // 8
    count = shape.rows * shape.columns * size
    if (big and size == 1) or pixel.length < count * shape.frames:
        return None  # bytes turned round in words, or too few of them: for `_native` to say
    order = "|" if size == 1 else ">" if big else "<"
    above = shape.allocated - 1 - shape.high_bit
    return Place(
        pixel.offset + (number - 1) * count,
        shape.rows,
        shape.columns,
        f"{order}{'i' if shape.signed else 'u'}{size}",
        max(0, above),
        shape.allocated - shape.stored if above >= 0 else 0,
    )


def _native(part: Part10, shape: Shape, number: int) -> tuple[Pixels, str]:
    pixel = part.pixel
    assert pixel is not None
    if part.transfer_syntax not in _NATIVE:
        raise cannot("The file says its pixels are compressed, and they do not come so.")
    needed = -(-shape.frame_bits * shape.frames // 8)
    if pixel.length < needed:
        share = 100 * pixel.length // needed
        if pixel.claimed > pixel.length:
            raise cannot(f"The file ends after {share} % of its pixels.", "truncated")
        raise cannot(
            f"The header promises more pixels than the file holds: {share} % are there.", "truncated"
        )
    value = part.elements.data[pixel.offset : pixel.offset + pixel.length]
    syntax = EXPLICIT_BE if part.elements.big else EXPLICIT_LE
    if shape.allocated == 1 and shape.samples == 1:
        words = part.elements.big and pixel.vr != "OB"  # bytes stand in their order (PS3.5 8.1.1, A.3)
        return _bits(value, (number - 1) * shape.rows * shape.columns, shape, words), "native"
    place = plain_place(part, shape, number)
    if place is not None:
        return at_place(part.elements.data, place), "native"
    keyword = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}.get(pixel.tag, "PixelData")
    options = _options(shape, shape.frames) | {"pixel_keyword": keyword, "pixel_vr": pixel.vr or "OW"}
    return _by_pydicom(syntax, value, number - 1, options, ""), "native"


def _bits(value: memoryview | bytes, first: int, shape: Shape, words: bool = False) -> Pixels:
    """One bit a pixel, the least significant first; a frame may begin inside a byte (PS3.5 8.1.1, D.2)."""
    count = shape.rows * shape.columns
    begin, end = first // 8, -(-(first + count) // 8)
    raw = np.frombuffer(value, np.uint8)
    if words:  # of 16 bits, turned round
        raw = raw[: len(raw) // 2 * 2].reshape(-1, 2)[:, ::-1].reshape(-1)
    bits = np.unpackbits(raw[begin:end], bitorder="little")
    return bits[first % 8 : first % 8 + count].reshape(shape.rows, shape.columns)


def _without_unused_bits(pixels: Pixels, shape: Shape) -> Pixels:
    """Drop what lies outside Bits Stored (old overlays, garbage), and extend the sign. PS3.5 8.1.1."""
    unused = shape.allocated - shape.stored
    above = shape.allocated - 1 - shape.high_bit
    if unused and 0 <= above <= unused:
        np.left_shift(pixels, above, out=pixels)
        np.right_shift(pixels, unused, out=pixels)
    return pixels


def _options(shape: Shape, frames: int) -> dict[str, Any]:
    return {
        "rows": shape.rows,
        "columns": shape.columns,
        "samples_per_pixel": shape.samples,
        "planar_configuration": shape.planar if shape.planar in (0, 1) else 0,
        "bits_allocated": shape.allocated,
        "bits_stored": shape.stored,
        "pixel_representation": int(shape.signed),
        "photometric_interpretation": shape.photometric,
        "number_of_frames": frames,
        "pixel_keyword": "PixelData",
    }


def _by_pydicom(syntax: str, value: Any, index: int, options: dict[str, Any], plugin: str) -> Pixels:
    from pydicom.pixels import get_decoder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels, _ = get_decoder(syntax).as_array(value, index=index, decoding_plugin=plugin, **options)
    array: Pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return array


def _encapsulated(part: Part10, shape: Shape, number: int, reduce: int) -> tuple[Pixels, str]:
    pixel, syntax = part.pixel, part.transfer_syntax
    assert pixel is not None
    if syntax in _NATIVE:
        raise cannot("The file says its pixels are not compressed, and they come in pieces.")
    if syntax.startswith(_VIDEO):
        raise cannot("This is video (MPEG or H.264); it is not played here.", "no-codec")
    value = part.elements.data[pixel.offset : pixel.offset + pixel.length]
    extended = [int(offset) for offset in _extended_offsets(part)]
    found = codestream.fragments(value)
    stream = codestream.frame_bytes(value, found, number, shape.frames, extended)
    if syntax == _DEFLATED_FRAMES:
        return _deflated(stream, shape), "zlib"
    if syntax == _RLE and shape.allocated == 1 and shape.samples == 1:
        return _bits(_run_lengths(stream, -(-shape.frame_bits // 8)), 0, shape), "teleread"
    said = _check_stream(stream, shape)
    if said is not None and said.signed and shape.samples == 1:
        shape = replace(shape, signed=True)  # where header and stream differ, the stream made the pixels
    if reduce > 0 and said is not None and said.name == "JPEG 2000" and shape.samples == 1:
        reduced = _reduced(stream, said, shape, reduce)
        if reduced is not None:
            return reduced, "pillow"
    if said is not None and said.name == "JPEG" and syntax in _JPEG_DCT:
        if said.precision > 8:  # Pillow's libjpeg stops at 8 bits
            samples = jpeg_dct.decode(stream, shape.rows, shape.columns)
            return _as_stored(samples, shape), "teleread"
        syntax = _JPEG_BASELINE  # whose decoder takes every way of coding 8 bits
    return _by_codec(stream, syntax, shape)


def _extended_offsets(part: Part10) -> tuple[int, ...]:
    raw = part.elements.raw(0x7FE00001)
    return struct.unpack_from(f"<{len(raw) // 8}Q", raw)


def _check_stream(stream: bytes, shape: Shape) -> codestream.Codestream | None:
    """A codec believes its stream; the header decides how much may be allocated."""
    said = codestream.inspect(stream)
    unpacked = shape.rows * shape.columns * shape.samples * max(8, shape.allocated) // 8
    most = MAX_JPEG2000 if said is not None and said.name == "JPEG 2000" else MAX_COMPRESSED
    if unpacked > most:
        raise cannot(
            f"The compressed picture claims {unpacked // 1024**2} MiB; no more than {most // 1024**2} are "
            "unpacked here.",
            "limit",
        )
    if said is None:
        return None
    if (said.rows or shape.rows, said.columns) != (shape.rows, shape.columns):
        raise cannot(
            f"The {said.name} picture is {said.columns} x {said.rows}, the header says "
            f"{shape.columns} x {shape.rows}."
        )
    if said.precision > max(8, shape.allocated):
        raise cannot(f"The {said.name} picture has {said.precision} bits, the header has {shape.allocated}.")
    return said


def _deflated(stream: bytes, shape: Shape) -> Pixels:
    """Deflated Image Frame Compression (PS3.5 A.4.13): native pixels of one frame, deflated."""
    needed = -(-shape.frame_bits // 8)
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        raw = engine.decompress(stream, needed + 1)
    except zlib.error as error:
        raise cannot("The deflated picture is damaged.") from error
    if len(raw) < needed:
        raise cannot(f"The deflated picture ends after {100 * len(raw) // needed} %.", "truncated")
    if shape.allocated == 1:
        return _bits(raw, 0, shape)
    return _by_pydicom(EXPLICIT_LE, raw + b"\0" * (len(raw) % 2), 0, _options(shape, 1), "")


def _run_lengths(stream: bytes, needed: int) -> bytes:
    """The only segment of an RLE frame of one-bit pixels (PS3.5 annex G); codecs take whole bytes alone."""
    at = struct.unpack_from("<2I", stream + b"\0" * 8)[1]
    out = bytearray()
    while len(out) < needed and at + 1 < len(stream):
        count = stream[at]
        if count < 128:
            out += stream[at + 1 : at + 2 + count]
            at += 2 + count
        else:
            out += stream[at + 1 : at + 2] * (257 - count if count > 128 else 0)
            at += 2 if count > 128 else 1
    if len(out) < needed:
        raise cannot(f"The RLE picture ends after {100 * len(out) // needed} %.", "truncated")
    return bytes(out)


def _by_codec(stream: bytes, syntax: str, shape: Shape) -> tuple[Pixels, str]:
    usable = _plugins(syntax)
    if not usable and syntax not in _JPEG_LOSSLESS:
        raise cannot(f"There is no decoder for {_name_of(syntax)} here; the image is not drawn.", "no-codec")
    for reading, plugin in itertools.product(_readings(stream, syntax), usable):
        try:
            pixels = _by_pydicom(syntax, _boxed(reading), 0, _options(shape, 1), plugin)
        except Exception:
            continue
        if plugin in ("rle", "pydicom", "gdcm"):
            pixels = _without_unused_bits(pixels, shape)
        return pixels, plugin
    if syntax in _JPEG_LOSSLESS:
        samples = jpeg_lossless.decode(stream, shape.rows, shape.columns, shape.samples)
        return _as_stored(samples, shape), "teleread"
    raise cannot("The compressed picture is damaged and could not be decoded.")


def _readings(stream: bytes, syntax: str) -> list[bytes]:
    """The stream as it came; for JPEG-LS also without a zero byte before its end.

    Old encoders made the length even there and not behind the end marker; CharLS 2 calls that damage.
    """
    stripped = stream.rstrip(b"\0")
    if syntax in _JPEG_LS and stripped.endswith(b"\0\xff\xd9"):
        return [stream, stripped[:-3] + stripped[-2:]]
    return [stream]


def _reduced(stream: bytes, said: codestream.Codestream, shape: Shape, reduce: int) -> Pixels | None:
    """A JPEG 2000 frame at a lower resolution; None where it has none, or Pillow has no JPEG 2000.

    Pillow gives samples of more than 8 bits shifted up to 16, and signed ones moved up by half their range.
    """
    halvings = min(reduce, codestream.resolutions(stream), 5)
    if halvings < 1 or not 8 <= said.precision <= 16 or shape.allocated not in (8, 16):
        return None
    import io

    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # sizes were checked before
    try:
        picture: Any = Image.open(io.BytesIO(stream), formats=["JPEG2000"])
        picture.reduce = halvings
        values = np.asarray(picture).astype(np.int32)
    except Exception:
        return None
    if values.ndim != 2:
        return None
    if said.precision > 8:
        values >>= 16 - said.precision
    if said.signed:
        values -= 1 << (said.precision - 1)
    return values.astype(f"{'i' if shape.signed else 'u'}{shape.allocated // 8}")


def _as_stored(samples: Pixels, shape: Shape) -> Pixels:
    """Unsigned 16-bit samples as Bits Allocated and Pixel Representation want them."""
    if shape.allocated not in (8, 16):
        raise cannot(f"A JPEG picture cannot have {shape.allocated} bits a pixel.")
    size = shape.allocated // 8
    stored = samples.astype(f"u{size}").view(f"i{size}" if shape.signed else f"u{size}")
    return _without_unused_bits(stored, shape)


def _name_of(syntax: str) -> str:
    from pydicom.uid import UID

    name = str(UID(syntax).name)
    return name.split(",")[0].split(" (")[0] if name != syntax else "this private compression"


def _plugins(syntax: str) -> list[str]:
    """Names of the usable plugins, best first."""
    from pydicom.pixels import get_decoder

    plugins.register()
    try:
        available = get_decoder(syntax).available_plugins
    except NotImplementedError:
        return []
    return [name for name in _PREFERRED if name in available]


def _boxed(stream: bytes) -> bytes:
    """One frame as encapsulated pixel data of its own: an empty offset table and one fragment."""
    padded = stream + b"\0" * (len(stream) % 2)
    return b"".join(
        (
            struct.pack("<HHI", 0xFFFE, 0xE000, 0),
            struct.pack("<HHI", 0xFFFE, 0xE000, len(padded)),
            padded,
            struct.pack("<HHI", 0xFFFE, 0xE0DD, 0),
        )
    )


def _eight_bits(pixels: Pixels, stored: int) -> Pixels:
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise cannot("The colours of the picture are damaged.")
    if stored > 8:
        pixels = pixels >> (stored - 8)
    return np.ascontiguousarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _quantised(pixels: Pixels, decoder: str) -> tuple[Pixels, str, tuple[float, float]]:
    finite = np.isfinite(pixels)
    if not finite.any():
        raise cannot("The picture holds no finite number.")
    low, high = float(pixels[finite].min()), float(pixels[finite].max())
    step = (high - low) / 65535 or 1.0
    scaled = np.rint((np.where(finite, pixels, low).astype(np.float64) - low) / step)
    return scaled.astype(np.uint16), decoder, (step, low)


def as_words(error: BaseException) -> TelereadError:
    """Map whatever a decoder raised to words."""
    if isinstance(error, TelereadError):
        return error
    if isinstance(error, MemoryError):
        return cannot("The picture needs more memory than one picture is given.", "limit")
    if isinstance(error, RecursionError):
        return cannot("The file nests deeper than is read.", "limit")
    return cannot("The picture is damaged and could not be decoded.")
