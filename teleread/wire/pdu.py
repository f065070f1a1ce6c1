"""DICOM upper layer PDUs (PS3.8 section 9.3) and DIMSE command sets (PS3.7 section 6.3). I/O-free.

Only what a service class user needs, and an acceptor for C-MOVE's sub-operations.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from teleread.model.errors import OfflineError
from teleread.model.text import clean

from .part10 import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION

__all__ = [
    "ABORT",
    "ASSOCIATE_AC",
    "ASSOCIATE_RJ",
    "ASSOCIATE_RQ",
    "IMPLICIT",
    "P_DATA",
    "RELEASE_RP",
    "RELEASE_RQ",
    "Accepted",
    "Context",
    "Request",
    "associate_ac",
    "associate_rq",
    "command",
    "element",
    "fragments",
    "garbled",
    "number",
    "pack",
    "parse_associate_ac",
    "parse_associate_rq",
    "parse_command",
    "rejection",
    "values",
    "walk",
]

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
IMPLICIT: Final = "1.2.840.10008.1.2"
_APPLICATION: Final = b"1.2.840.10008.3.1.1.1"
NO_DATA_SET: Final = 0x0101


@dataclass(frozen=True, slots=True)
class Context:
    """One presentation context to offer (PS3.8 9.3.2.2)."""

    id: int
    """Odd, 1 to 255."""
    abstract: str
    syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the other side agreed to."""

    contexts: Mapping[int, str]
    """Context id to transfer syntax; refused ones are absent."""
    max_pdu: int
    """Longest P-DATA it takes from us, bytes; 0 for no limit."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a requestor asked of us."""

    called: str
    calling: str
    contexts: tuple[Context, ...]
    max_pdu: int
    roles: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def garbled(what: str) -> OfflineError:
    """The error for bytes that follow no rule."""
    return OfflineError(
        "The archive's answer makes no sense.",
        what,
        "What came before it is kept. If it happens again, tell the site.",
        code="garbled",
    )


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(body)) + body


def pack(kind: int, body: bytes) -> bytes:
    """One PDU."""
    return struct.pack(">BBI", kind, 0, len(body)) + body


def _user_information(max_pdu: int, roles: Mapping[str, tuple[int, int]]) -> bytes:
    out = _item(0x51, struct.pack(">I", max_pdu)) + _item(0x52, IMPLEMENTATION_UID.encode())
    for uid, (scu, scp) in roles.items():
        raw = uid.encode()
        out += _item(0x54, struct.pack(">H", len(raw)) + raw + bytes((scu, scp)))
    return _item(0x50, out + _item(0x55, IMPLEMENTATION_VERSION.encode()))


def _titles(called: str, calling: str) -> bytes:
    names = (name.encode("ascii", "replace")[:16].ljust(16) for name in (called, calling))
    return struct.pack(">HH", 1, 0) + b"".join(names) + bytes(32)


def associate_rq(
    called: str, calling: str, contexts: Sequence[Context], max_pdu: int, storage: Sequence[str] = ()
) -> bytes:
    """A-ASSOCIATE-RQ.

    Args:
        called: Their AE title.
        calling: Ours.
        contexts: At most 128.
        max_pdu: Longest P-DATA we take, bytes.
        storage: SOP classes for which we take the SCP role too (C-GET; PS3.7 D.3.3.4).
    """
    body = _titles(called, calling) + _item(0x10, _APPLICATION)
    for one in contexts:
        syntaxes = b"".join(_item(0x40, syntax.encode()) for syntax in one.syntaxes)
        body += _item(0x20, bytes((one.id, 0, 0, 0)) + _item(0x30, one.abstract.encode()) + syntaxes)
    roles = dict.fromkeys(storage, (0, 1))
    return pack(ASSOCIATE_RQ, body + _user_information(max_pdu, roles))


def associate_ac(request: Request, accepted: Mapping[int, str], max_pdu: int) -> bytes:
    """A-ASSOCIATE-AC; contexts that are not accepted are refused as not supported."""
    body = _titles(request.called, request.calling) + _item(0x10, _APPLICATION)
    for one in request.contexts:
        syntax = accepted.get(one.id)
        result = 0 if syntax else 3
        body += _item(0x21, bytes((one.id, 0, result, 0)) + _item(0x40, (syntax or IMPLICIT).encode()))
    return pack(ASSOCIATE_AC, body + _user_information(max_pdu, {}))


def _items(body: memoryview, start: int = 0) -> Iterator[tuple[int, memoryview]]:
    at = start
    while at + 4 <= len(body):
        kind, length = struct.unpack_from(">BxH", body, at)
        if at + 4 + length > len(body):
            raise garbled("An item of the association is longer than what holds it.")
        yield kind, body[at + 4 : at + 4 + length]
        at += 4 + length


def _text(raw: memoryview | bytes) -> str:
    return bytes(raw).decode("ascii", "replace").strip(" \0")


def _max_pdu(user: memoryview) -> int:
    for kind, body in _items(user):
        if kind == 0x51 and len(body) == 4:
            return int(struct.unpack(">I", body)[0])
    return 0


def parse_associate_ac(body: memoryview) -> Accepted:
    """Read A-ASSOCIATE-AC.

    Raises:
        OfflineError: ``code="garbled"``.
    """
    contexts: dict[int, str] = {}
    max_pdu = 0
    for kind, item in _items(body, 68):
        if kind == 0x21 and len(item) >= 4 and item[2] == 0:
            contexts[item[0]] = next((_text(sub) for which, sub in _items(item, 4) if which == 0x40), "")
        elif kind == 0x50:
            max_pdu = _max_pdu(item)
    return Accepted(contexts, max_pdu)


def parse_associate_rq(body: memoryview) -> Request:
    """Read A-ASSOCIATE-RQ.

    Raises:
        OfflineError: ``code="garbled"``.
    """
    if len(body) < 68:
        raise garbled("A request for an association is too short.")
    contexts: list[Context] = []
    max_pdu = 0
    for kind, item in _items(body, 68):
        if kind == 0x20 and len(item) >= 4 and len(contexts) < 128:
            subs = list(_items(item, 4))
            abstract = next((_text(sub) for which, sub in subs if which == 0x30), "")
            contexts.append(
                Context(item[0], abstract, tuple(_text(sub) for which, sub in subs if which == 0x40))
            )
        elif kind == 0x50:
            max_pdu = _max_pdu(item)
    return Request(_text(body[4:20]), _text(body[20:36]), tuple(contexts), max_pdu)


_REJECTIONS: Final = {
    (1, 2): "it does not know this kind of association",
    (1, 3): "it does not know our AE title",
    (1, 7): "it does not answer to the AE title it was called by",
    (2, 2): "its protocol version is another",
    (3, 1): "it has too many associations just now",
    (3, 2): "it has reached a limit just now",
}
"""(source, reason) of A-ASSOCIATE-RJ, PS3.8 table 9-21."""


def rejection(body: memoryview) -> tuple[str, bool]:
    """Why an association was rejected, and whether trying later may help."""
    if len(body) < 4:
        return "it gave no reason", False
    result, source, reason = body[1], body[2], body[3]
    return _REJECTIONS.get((source, reason), f"reason {source}.{reason}"), result == 2 or source == 3


# ---------------------------------------------------------------------- DIMSE


def element(group: int, number_: int, value: bytes | str) -> bytes:
    """One element in implicit VR little endian, padded as a UID is (text: as text is)."""
    raw = value if isinstance(value, bytes) else value.encode("utf-8")
    if len(raw) % 2:
        raw += b" " if isinstance(value, str) and group >= 8 and number_ not in {0x0D, 0x0E, 0x18} else b"\0"
    return struct.pack("<HHI", group, number_, len(raw)) + raw


def number(element_: int, value: int) -> bytes:
    """A US element of the command group."""
    return element(0, element_, struct.pack("<H", value))


def command(*elements: bytes) -> bytes:
    """A command set with its group length (PS3.7 6.3.1); elements in ascending order."""
    body = b"".join(elements)
    return element(0, 0, struct.pack("<I", len(body))) + body


def parse_command(raw: bytes | bytearray) -> dict[int, bytes]:
    """A command set by element number.

    Raises:
        OfflineError: ``code="garbled"``.
    """
    out: dict[int, bytes] = {}
    at = 0
    while at < len(raw):
        if at + 8 > len(raw):
            raise garbled("A command ends in the middle of an element.")
        group, number_, length = struct.unpack_from("<HHI", raw, at)
        if at + 8 + length > len(raw):
            raise garbled("A command is longer than what holds it.")
        if group == 0:  # some archives put status details of other groups among them
            out[number_] = bytes(raw[at + 8 : at + 8 + length])
        at += 8 + length
    return out


def values(raw: bytes | None) -> tuple[str, ...]:
    """A multi-valued UID of a command set or identifier as texts."""
    return tuple(part for part in _text(raw or b"").replace("\0", "").split("\\") if part)


def fragments(context: int, is_command: bool, raw: bytes, max_pdu: int) -> Iterator[bytes]:
    """P-DATA PDUs that carry one message part, each to be sent in one write.

    Args:
        context: Presentation context id.
        is_command: Command, else data set.
        raw: The bytes.
        max_pdu: What the other side takes; 0 for no limit.

    Raises:
        OfflineError: ``code="garbled"``: next to nothing fits.
    """
    if 0 < max_pdu < 32:
        raise garbled("It takes units too short for anything.")
    room = min(max_pdu or 1 << 17, 1 << 17) - 6
    parts = [raw[at : at + room] for at in range(0, len(raw), room)] or [b""]
    for index, part in enumerate(parts):
        flags = int(is_command) | (2 if index == len(parts) - 1 else 0)
        yield pack(P_DATA, struct.pack(">IBB", len(part) + 2, context, flags) + part)


def walk(body: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Context id, flags (1 command, 2 last) and bytes of each value in a P-DATA.

    Raises:
        OfflineError: ``code="garbled"``.
    """
    at = 0
    while at < len(body):
        if at + 6 > len(body):
            raise garbled("A data unit ends in the middle of its header.")
        length, context, flags = struct.unpack_from(">IBB", body, at)
        if length < 2 or at + 4 + length > len(body):
            raise garbled("A data value is longer than the unit that holds it.")
        yield context, flags, body[at + 6 : at + 4 + length]
        at += 4 + length


def comment(found: Mapping[int, bytes]) -> str:
    """The Error Comment (0000,0902), cleaned and short."""
    return clean(found.get(0x0902, b"").decode("ascii", "replace").strip(" \0"), limit=120)
