"""How requests and frames travel between the pool and its children.

A message is a fixed head (lengths of its two parts), a JSON part and a part of raw bytes. Both sides check
lengths before they read, and the pool checks every figure of an answer: a child that fell to a hostile file
must not be believed.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from teleread.model.text import SafeText, clean

from .frames import FUNCTIONS, CannotShow, Frame, LookupTable, Region, Window

if TYPE_CHECKING:
    from .objects import ReadObject

__all__ = [
    "MAX_BLOB",
    "MAX_REQUEST",
    "BrokenMessageError",
    "Place",
    "answer_from",
    "at_place",
    "frame_from",
    "pack_frame",
    "read_message",
    "write_message",
]

MAX_REQUEST: Final = 512 * 1024 * 1024
"""Largest object sent to a child, bytes."""
MAX_JSON: Final = 8 * 1024 * 1024
"""Largest JSON part, bytes."""
MAX_BLOB: Final = 300 * 1024 * 1024
"""Largest answer of a child, bytes: one frame with its overlay and tables."""
MAX_TABLES: Final = 17

_HEAD: Final = struct.Struct("<4sIQ")
_MAGIC: Final = b"tlr1"
_PLAIN: Final = ("|u1", "|i1", "<u2", "<i2", ">u2", ">i2")
_DTYPES: Final = ("uint8", "int8", "uint16", "int16", "uint32", "int32")


class BrokenMessageError(Exception):
    """A message that holds no water; the other end is not believed any more."""


def write_message(pipe: IO[bytes], head: dict[str, Any], *blobs: bytes | memoryview) -> None:
    """Send one message.

    Args:
        pipe: Where to.
        head: Its JSON part.
        blobs: Its raw part, in pieces.
    """
    text = json.dumps(head, separators=(",", ":")).encode()
    pipe.write(_HEAD.pack(_MAGIC, len(text), sum(len(blob) for blob in blobs)) + text)
    for blob in blobs:
        if len(blob):
            pipe.write(blob)
    pipe.flush()


def read_message(pipe: IO[bytes], largest: int) -> tuple[dict[str, Any], bytearray]:
    """Read one message.

    Args:
        pipe: Where from.
        largest: Most bytes its raw part may have.

    Raises:
        EOFError: The other end is gone.
        BrokenMessageError: It is no message, or over a limit.
    """
    magic, text_length, blob_length = _HEAD.unpack(_exactly(pipe, _HEAD.size))
    if magic != _MAGIC or text_length > MAX_JSON or blob_length > largest:
        raise BrokenMessageError
    try:
        head = json.loads(_exactly(pipe, text_length))
    except (ValueError, RecursionError) as error:
        raise BrokenMessageError from error
    if not isinstance(head, dict):
        raise BrokenMessageError
    return head, _exactly(pipe, blob_length)


def _exactly(pipe: IO[bytes], count: int) -> bytearray:
    buffer = bytearray(count)
    view, held = memoryview(buffer), 0
    while held < count:
        got = pipe.readinto(view[held:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError
        held += got
    return buffer


@dataclass(frozen=True, slots=True)
class Place:
    """Where the plain pixels of a frame lie in the object's own bytes: they need not cross at all."""

    offset: int
    """Of the first, bytes."""
    rows: int
    columns: int
    dtype: str
    """One of `_PLAIN`."""
    above: int = 0
    """Bits above High Bit."""
    unused: int = 0
    """Bits Allocated less Bits Stored."""


def at_place(data: bytes | bytearray | memoryview, place: Place) -> Any:
    """The stored values at a place, rows x columns.

    What lies outside Bits Stored (old overlays, garbage) is dropped and the sign extended; PS3.5 8.1.1. It
    is a view on ``data`` where that is possible and no waste, else a copy.

    Raises:
        ValueError: They are not there.
    """
    dtype = np.dtype(place.dtype)
    stored = np.frombuffer(data, dtype, place.rows * place.columns, place.offset)
    if place.unused and 0 <= place.above <= place.unused:
        stored = np.left_shift(stored, place.above, dtype=dtype.newbyteorder("="))
        np.right_shift(stored, place.unused, out=stored)
    elif type(data) is not bytes or not dtype.isnative or 2 * stored.nbytes < len(data):
        stored = stored.astype(dtype.newbyteorder("="))
    return stored.reshape(place.rows, place.columns)


def pack_frame(
    fields: dict[str, Any], pixels: Any, overlays: Any, shutter: Any, place: Place | None = None
) -> tuple[dict[str, Any], list[memoryview]]:
    """A frame as a message.

    Args:
        fields: Keywords of `Frame` but pixels, overlays and shutter.
        pixels: Its pixels.
        overlays: Its overlays, or None.
        shutter: Its shutter, or None.
        place: Where the reader finds the pixels itself; then they are not sent.
    """
    fields = dict(fields)
    blobs = [_bytes_of(pixels)] if place is None else []
    masks = {"overlays": overlays, "shutter": shutter}
    blobs += [_bytes_of(np.packbits(mask)) for mask in masks.values() if mask is not None]
    modality, voi = fields.pop("modality_lut"), fields.pop("voi_tables")
    tables = [] if modality is None else [modality]
    described = []
    for table in (*tables, *voi):
        blobs.append(_bytes_of(table.values))
        described.append(
            {"first": table.first, "bits": table.bits, "name": table.name, "count": len(table.values)}
        )
    fields["windows"] = [[w.centre, w.width, w.function, w.name] for w in fields["windows"]]
    head = {
        "kind": "frame",
        "dtype": str(pixels.dtype) if place is None else place.dtype,
        "shape": list(pixels.shape) if place is None else [place.rows, place.columns],
        "place": None if place is None else [place.offset, place.above, place.unused],
        "masks": [name for name, mask in masks.items() if mask is not None],
        "modality": modality is not None,
        "tables": described,
        "fields": fields,
    }
    return head, blobs


def _bytes_of(array: Any) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def answer_from(
    head: dict[str, Any], blob: bytearray, data: bytes | memoryview
) -> Frame | CannotShow | ReadObject:
    """Build what a child answered.

    Args:
        head: The JSON part.
        blob: The raw part.
        data: The object that was asked about.

    Raises:
        BrokenMessageError: A figure is not what it can be.
    """
    try:
        if head["kind"] != "object":
            return frame_from(head, blob, data)
        from .objectwire import unpack_object

        return unpack_object(head, blob)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
        raise BrokenMessageError from error


def frame_from(head: dict[str, Any], blob: bytearray, data: bytes | memoryview = b"") -> Frame | CannotShow:
    """Build what a child answered to the question for a frame; arguments and errors as for `answer_from`."""
    try:
        if head["kind"] == "words":
            return _words(head)
        return _frame(head, blob, data)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise BrokenMessageError from error


def _words(head: dict[str, Any]) -> CannotShow:
    return CannotShow(
        _text(head["reason"], 300),
        str(_text(head["code"], 20)),
        _text(head["transfer_syntax"]),
        _text(head["sop_class"]),
        _text(head["photometric"]),
        _whole(head["rows"], 0, 65535),
        _whole(head["columns"], 0, 65535),
        _whole(head["frames"], 0, 1 << 31),
    )


def _frame(head: dict[str, Any], blob: bytearray, data: bytes | memoryview) -> Frame:
    fields = head["fields"]
    rows, columns = _whole(fields["rows"], 1, 65535), _whole(fields["columns"], 1, 65535)
    if head["shape"] not in ([rows, columns], [rows, columns, 3]):
        raise BrokenMessageError
    if head["place"] is not None:
        pixels, at = _placed(head, rows, columns, data), 0
    else:
        pixels, at = _sent(head, rows, columns, blob)
    pixels.flags.writeable = False
    masks: dict[str, Any] = {}
    for name in head["masks"]:
        if name not in ("overlays", "shutter"):
            raise BrokenMessageError
        size = -(-rows * columns // 8)
        bits = np.unpackbits(np.frombuffer(blob, np.uint8, size, at), count=rows * columns)
        masks[name], at = bits.astype(np.bool_).reshape(rows, columns), at + size
    tables, at = _tables(head["tables"], blob, at)
    if at != len(blob):
        raise BrokenMessageError
    modality = tables.pop(0) if head["modality"] else None
    return Frame(
        pixels,
        rows,
        columns,
        **masks,
        modality_lut=modality,
        voi_tables=tuple(tables),
        **_fields(fields),
    )


def _sent(head: dict[str, Any], rows: int, columns: int, blob: bytearray) -> tuple[Any, int]:
    colour = len(head["shape"]) == 3
    if head["dtype"] not in _DTYPES or (colour and head["dtype"] != "uint8"):
        raise BrokenMessageError
    dtype = np.dtype(head["dtype"])
    count = rows * columns * (3 if colour else 1)
    return np.frombuffer(blob, dtype, count).reshape(head["shape"]), count * dtype.itemsize


def _placed(head: dict[str, Any], rows: int, columns: int, data: bytes | memoryview) -> Any:
    offset, above, unused = (_whole(figure, 0) for figure in head["place"])
    if head["dtype"] not in _PLAIN or head["shape"] != [rows, columns]:
        raise BrokenMessageError
    return at_place(data, Place(offset, rows, columns, head["dtype"], above, min(unused, 15)))


def _tables(described: list[dict[str, Any]], blob: bytearray, at: int) -> tuple[list[LookupTable], int]:
    tables: list[LookupTable] = []
    for one in described[:MAX_TABLES]:
        count = _whole(one["count"], 1, 65536)
        values = np.frombuffer(blob, np.uint16, count, at)
        tables.append(
            LookupTable(
                _whole(one["first"], -65536, 65536), _whole(one["bits"], 1, 16), values, _text(one["name"])
            )
        )
        at += 2 * count
    return tables, at


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    position, orientation = fields["position"], fields["orientation"]
    spacing, padding = fields["pixel_spacing"], fields["padding"]
    number, time = fields["instance_number"], fields["frame_time"]
    texts = (
        "photometric",
        "transfer_syntax",
        "unit",
        "laterality",
        "sop_class",
        "sop_uid",
        "modality",
        "body_part",
        "spacing_kind",
        "calibration",
        "suv_note",
        "frame_of_reference",
    )
    return {name: _text(fields[name], 128) for name in texts} | {
        "comments": _text(fields["comments"], 500),
        "regions": tuple(_region(one) for one in fields["regions"][:64]),
        "suv": _real_or_none(fields["suv"]),
        "thickness": _real_or_none(fields["thickness"]),
        "frames": _whole(fields["frames"], 1, 1 << 31),
        "number": _whole(fields["number"], 1, 1 << 31),
        "bits_stored": _whole(fields["bits_stored"], 1, 64),
        "signed": bool(fields["signed"]),
        "slope": _real(fields["slope"]),
        "intercept": _real(fields["intercept"]),
        "windows": tuple(
            Window(_real(centre), _real(width), _function(function), _text(name, 64))
            for centre, width, function, name in fields["windows"][:MAX_TABLES]
        ),
        "padding": None if padding is None else (_whole(padding[0]), _whole(padding[1])),
        "voi_function": _function(fields["voi_function"]),
        "presentation_invert": bool(fields["presentation_invert"]),
        "pixel_spacing": None if spacing is None else (_real(spacing[0]), _real(spacing[1])),
        "aspect": _real(fields["aspect"]),
        "position": None if position is None else _reals(position, 3),
        "orientation": None if orientation is None else _reals(orientation, 6),
        "instance_number": None if number is None else _whole(number, -(1 << 40), 1 << 40),
        "frame_time": None if time is None else _real(time),
        "lossy": bool(fields["lossy"]),
        "reduced": _whole(fields.get("reduced", 0), 0, 16),
        "decoder": str(_text(fields["decoder"], 32)),
    }


def _text(value: Any, limit: int = 64) -> SafeText:
    if not isinstance(value, str):
        raise BrokenMessageError
    return clean(value, limit=limit)


def _whole(value: Any, low: int = -(1 << 32), high: int = 1 << 32) -> int:
    if type(value) is not int or not low <= value <= high:
        raise BrokenMessageError
    return value


def _real(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise BrokenMessageError
    return float(value)


def _reals(values: Any, count: int) -> tuple[float, ...]:
    if len(values) != count:
        raise BrokenMessageError
    return tuple(_real(value) for value in values)


def _real_or_none(value: Any) -> float | None:
    return None if value is None else _real(value)


def _region(values: Any) -> Region:
    left, top, right, bottom, across, unit_across, down, unit_down = values
    edges = [_whole(edge, 0, 65535) for edge in (left, top, right, bottom)]
    return Region(
        edges[0],
        edges[1],
        edges[2],
        edges[3],
        _real(across),
        _text(unit_across, 8),
        _real(down),
        _text(unit_down, 8),
    )


def _function(value: Any) -> str:
    if value not in FUNCTIONS:
        raise BrokenMessageError
    return str(value)
