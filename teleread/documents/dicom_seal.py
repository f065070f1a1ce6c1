"""A DICOM digital signature (PS3.15 annex C, PS3.3 C.12.1.1.3) on a file of ours; no key is used here.

Both of its sequences have tags above every other element we write, so a sealed file is the plain file with
bytes after it. The signature covers every element of the data set, so that no byte can change unseen; the
file's meta information, which archives write anew, is outside of it by the standard.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from teleread.model.errors import IntegrityError
from teleread.wire.part10 import file_meta

__all__ = ["Seal", "meta_is_ours", "read", "signed_bytes", "split", "write"]

_HEAD: Final = 128 + 4
_MAC_PARAMETERS: Final = (0x4FFE, 0x0001)
_SIGNATURES: Final = (0xFFFA, 0xFFFA)
_ITEM: Final = b"\xfe\xff\x00\xe0"
_END: Final = b"\xfe\xff\xdd\xe0"
_LONG: Final = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
"""Value representations with a length of four bytes (PS3.5 7.1.2)."""
_EXPLICIT_LE: Final = b"1.2.840.10008.1.2.1"
_DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Seal:
    """What a signature says."""

    uid: str
    """Digital Signature UID (0400,0100)."""
    at: str
    """Digital Signature DateTime (0400,0105)."""
    certificate: bytes
    """Certificate of Signer (0400,0115), X.509, DER."""
    signature: bytes = b""
    """Signature (0400,0120), for ECDSA its DER form."""


@dataclass(frozen=True, slots=True)
class _Element:
    """Where an element stands."""

    tag: tuple[int, int]
    vr: bytes
    start: int
    """Of its tag."""
    value: int
    """Of its value."""
    end: int


def _elements(data: bytes, start: int, end: int) -> Iterator[_Element]:
    """Elements in explicit VR little endian with defined lengths, as we write them.

    Raises:
        IntegrityError: It is written otherwise.
    """
    at = start
    while at < end:
        if end - at < 8:
            raise _broken()
        group, number = struct.unpack_from("<HH", data, at)
        vr = data[at + 4 : at + 6]
        if vr in _LONG:
            if end - at < 12:
                raise _broken()
            (length,), value = struct.unpack_from("<I", data, at + 8), at + 12
        else:
            (length,), value = struct.unpack_from("<H", data, at + 6), at + 8
        if length > end - value:
            raise _broken()
        yield _Element((group, number), vr, at, value, value + length)
        at = value + length


def _body(data: bytes) -> int:
    """Where the data set begins."""
    if data[128:132] != b"DICM":
        raise _broken()
    end = _HEAD
    for one in _elements(data, _HEAD, len(data)):
        if one.tag[0] != 2:
            break
        end = one.end
    return end


def split(data: bytes) -> tuple[bytes, bytes]:
    """A file without its signature, and the signature; empty where it has none.

    Raises:
        IntegrityError: It is no file in explicit VR little endian with defined lengths.
    """
    for one in _elements(data, _body(data), len(data)):
        if one.tag >= _MAC_PARAMETERS:
            return data[: one.start], data[one.start :]
    return data, b""


def meta_is_ours(plain: bytes) -> bool:
    """Whether preamble and meta information are as we write them for what stands in the data set."""
    found = {one.tag: plain[one.value : one.end] for one in _elements(plain, _body(plain), len(plain))}
    kind, name = (
        found.get((8, number), b"").rstrip(b"\0").decode("ascii", "replace") for number in (0x16, 0x18)
    )
    return plain[: _body(plain)] == file_meta(kind, name, _EXPLICIT_LE.decode())


def signed_bytes(plain: bytes, seal: Seal) -> bytes:
    """The bytes a signature is over (PS3.3 C.12.1.1.3.1.1).

    Every element of the data set, without the lengths of sequences and items and with a delimiter after each
    sequence; then the signature item's own elements but the certificate and the signature.

    Args:
        plain: The file without its signature.
        seal: What the signature says; its certificate and signature are not looked at.
    """
    out = bytearray()
    _feed(plain, _body(plain), len(plain), out, 0)
    return bytes(out) + _head(seal)


def _feed(data: bytes, start: int, end: int, out: bytearray, depth: int) -> None:
    if depth > _DEEPEST:
        raise _broken()
    for one in _elements(data, start, end):
        if one.vr != b"SQ":
            out += data[one.start : one.end]
            continue
        out += data[one.start : one.start + 8]
        at = one.value
        while at < one.end:
            if data[at : at + 4] != _ITEM or one.end - at < 8:
                raise _broken()
            (length,) = struct.unpack_from("<I", data, at + 4)
            if length > one.end - at - 8:
                raise _broken()
            out += _ITEM
            _feed(data, at + 8, at + 8 + length, out, depth + 1)
            at += 8 + length
        out += _END


# -- the signature's own elements ---------------------------------------------------------------------


def write(plain: bytes, seal: Seal) -> bytes:
    """The bytes that stand after a plain file: MAC Parameters Sequence and Digital Signatures Sequence."""
    tags = b"".join(struct.pack("<HH", *one.tag) for one in _elements(plain, _body(plain), len(plain)))
    parameters = (
        _element(0x0400, 0x0005, b"US", struct.pack("<H", 0))
        + _element(0x0400, 0x0010, b"UI", _even(_EXPLICIT_LE, b"\0"))
        + _element(0x0400, 0x0015, b"CS", b"SHA256")
        + _element(0x0400, 0x0020, b"AT", tags)
    )
    signature = (
        _head(seal)
        + _element(0x0400, 0x0115, b"OB", _even(seal.certificate, b"\0"))
        + _element(0x0400, 0x0120, b"OB", _even(seal.signature, b"\0"))
    )
    return _sequence(_MAC_PARAMETERS, parameters) + _sequence(_SIGNATURES, signature)


def read(plain: bytes, tail: bytes) -> Seal:
    """A signature of ours, strictly: it is written in the one way there is, over every element.

    Raises:
        IntegrityError: It is not.
    """
    found: dict[tuple[int, int], bytes] = {}
    sequences = list(_elements(tail, 0, len(tail)))
    if [one.tag for one in sequences] != [_MAC_PARAMETERS, _SIGNATURES]:
        raise _broken()
    one = sequences[1]
    for inner in _elements(tail, one.value + 8, one.end):
        found[inner.tag] = tail[inner.value : inner.end]
    try:
        certificate, signature = _der(found[0x0400, 0x0115]), _der(found[0x0400, 0x0120])
        uid = found[0x0400, 0x0100].rstrip(b"\0").decode("ascii")
        at = found[0x0400, 0x0105].rstrip(b" ").decode("ascii")
    except (KeyError, ValueError):
        raise _broken() from None
    seal = Seal(uid, at, certificate, signature)
    if write(plain, seal) != tail:
        raise _broken()
    return seal


def _head(seal: Seal) -> bytes:
    return (
        _element(0x0400, 0x0005, b"US", struct.pack("<H", 0))
        + _element(0x0400, 0x0100, b"UI", _even(seal.uid.encode("ascii"), b"\0"))
        + _element(0x0400, 0x0105, b"DT", _even(seal.at.encode("ascii"), b" "))
        + _element(0x0400, 0x0110, b"CS", b"X509_1993_SIG ")
    )


def _element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    tag = struct.pack("<HH", group, number) + vr
    if vr in _LONG:
        return tag + b"\0\0" + struct.pack("<I", len(value)) + value
    return tag + struct.pack("<H", len(value)) + value


def _sequence(tag: tuple[int, int], item: bytes) -> bytes:
    return _element(*tag, b"SQ", _ITEM + struct.pack("<I", len(item)) + item)


def _even(value: bytes, pad: bytes) -> bytes:
    return value + pad if len(value) % 2 else value


def _der(value: bytes) -> bytes:
    """A DER structure without the byte that made its length even.

    Raises:
        ValueError: Its length is another than it says.
    """
    if len(value) < 2 or value[0] != 0x30:
        raise ValueError
    if value[1] < 0x80:
        size = 2 + value[1]
    else:
        count = value[1] & 0x7F
        size = 2 + count + int.from_bytes(value[2 : 2 + count], "big")
    if not 0 <= len(value) - size <= 1:
        raise ValueError
    return value[:size]


def _broken() -> IntegrityError:
    return IntegrityError("The DICOM signature is not one that teleread writes.", code="signature")
