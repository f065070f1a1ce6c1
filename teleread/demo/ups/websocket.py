"""The server's half of RFC 6455, as little of it as an event channel needs."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import select
import socket
import struct
from collections.abc import Iterator

from teleread.demo.exchange import Request

__all__ = ["accepted", "served"]

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_MOST = 1 << 16
"""Longest frame a client may send, bytes; it has nothing to say but pings."""


def accepted(request: Request) -> str:
    """The answer to a client's key (RFC 6455, 4.2.2); empty where the request opens no WebSocket."""
    key = request.header("sec-websocket-key")
    if request.header("upgrade").lower() != "websocket" or request.header("sec-websocket-version") != "13":
        return ""
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            return ""
    except ValueError:
        return ""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


def served(line: socket.socket, events: Iterator[str | None]) -> None:
    """Send events until the client closes, goes away or breaks the rules.

    Args:
        line: The connection, after the 101.
        events: Texts to send; None is a moment to see whether anybody is there.
    """
    line.settimeout(30)
    with contextlib.suppress(OSError, ValueError):
        for event in events:
            line.sendall(_frame(_PING, b"") if event is None else _frame(_TEXT, event.encode()))
            while select.select([line], [], [], 0)[0]:
                if not _answered(line):
                    return


def _frame(kind: int, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        head = struct.pack("!BB", 0x80 | kind, size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | kind, 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 127, size)
    return head + data


def _answered(line: socket.socket) -> bool:
    """Take one frame; False where the channel ends."""
    first, second = _exactly(line, 2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", _exactly(line, 2))
    elif size == 127:
        (size,) = struct.unpack("!Q", _exactly(line, 8))
    if not second & 0x80 or size > _MOST:  # a client masks what it sends (RFC 6455, 5.1)
        line.sendall(_frame(_CLOSE, struct.pack("!H", 1002)))
        return False
    mask = _exactly(line, 4)
    data = bytes(one ^ mask[at % 4] for at, one in enumerate(_exactly(line, size)))
    kind = first & 0x0F
    if kind == _PING:
        line.sendall(_frame(_PONG, data))
    elif kind == _CLOSE:
        line.sendall(_frame(_CLOSE, data[:2]))
        return False
    return True


def _exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = line.recv(size - len(data))
        if not piece:
            raise OSError("closed")
        data += piece
    return data
