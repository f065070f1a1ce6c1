"""multipart/related, read in pieces (RFC 2387, RFC 2046 section 5.1.1). I/O-free, in bounded memory.

A part with a Content-Length is passed on without a search, and the boundary is then demanded after it; other
parts are searched. The closing boundary is demanded too: a server that ends by hanging up makes a cut answer
look like a whole one (PS3.18 8.6.1.2.1 asks for it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from teleread.model.errors import OfflineError

__all__ = ["MultipartParser", "PartHandler", "boundary_of"]

MAX_PART_HEAD: Final = 16 * 1024
"""Bytes of one part's header fields."""
MAX_PREAMBLE: Final = 64 * 1024
"""Bytes before the first boundary, or of linear blanks after one."""


class PartHandler(Protocol):
    """Takes the parts."""

    def begin(self, headers: Mapping[str, str]) -> None:
        """A part starts; names in lower case."""
        ...

    def write(self, chunk: bytes | memoryview) -> None:
        """Its next bytes; the view is only valid during the call."""
        ...

    def end(self) -> object:
        """It is whole."""
        ...

    def cut(self, why: str) -> None:
        """It will not become whole."""
        ...


def boundary_of(content_type: str) -> bytes:
    """The boundary parameter of a Content-Type.

    Raises:
        OfflineError: ``code="garbled"``: it is no multipart, or has none.
    """
    kind, _, rest = content_type.partition(";")
    if kind.strip().lower().startswith("multipart/"):
        for one in _parameters(rest):
            name, _, value = one.partition("=")
            if name.strip().lower() == "boundary":
                text = value.strip().strip('"')
                if 0 < len(text) <= 200 and text.isascii():
                    return text.encode("ascii")
    raise _garbled("Its answer is not in parts, as asked.")


def _parameters(text: str) -> list[str]:
    """Split at semicolons outside quotes."""
    out, quoted = [""], False
    for char in text[:2000]:
        if char == '"':
            quoted = not quoted
        if char == ";" and not quoted:
            out.append("")
        else:
            out[-1] += char
    return out


class MultipartParser:
    """Feed it; it calls the handler.

    Args:
        boundary: From `boundary_of`.
        handler: Takes the parts.
    """

    def __init__(self, boundary: bytes, handler: PartHandler) -> None:
        self._dash = b"--" + boundary
        self._mark = b"\r\n" + self._dash
        self._handler = handler
        # The first boundary may stand at the very start: as if a line break came before it.
        self._buf = bytearray(b"\r\n")
        self._state = "preamble"
        self._steps: Mapping[str, Callable[[], bool]] = {
            "preamble": self._preamble,
            "boundary": self._boundary,
            "head": self._head,
            "length": self._length,
            "after": self._after,
            "resync": self._resync,
            "search": self._search,
        }
        self._left = 0
        self._passed = 0
        self.parts = 0
        """Parts that came whole."""
        self.broken = 0
        """Parts whose length lied."""
        self.closed = False
        """The closing boundary came."""

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes.

        Raises:
            OfflineError: ``code="garbled"``: this follows no rule and can't be read on.
        """
        view = memoryview(chunk)
        while len(view) and not self.closed:
            if self._state == "length" and not self._buf:
                here = min(self._left, len(view))
                self._handler.write(view[:here])
                self._left -= here
                view = view[here:]
                if not self._left:
                    self._state = "after"
                continue
            piece = view[: 1 << 16]
            self._buf += piece
            view = view[len(piece) :]
            while self._advance():
                pass

    def finish(self) -> None:
        """There are no more bytes.

        Raises:
            OfflineError: ``code="cut"``: the closing boundary is missing.
        """
        if self.closed:
            return
        if self._state == "after" and not self._buf.strip(b"\r\n-"):
            self._whole()  # its length was reached; only what follows is missing
        elif self._state in {"length", "search", "after"}:
            self._handler.cut("The answer ends in the middle of it.")
        self._state = "end"
        raise OfflineError(
            "The archive's answer was cut short.",
            f"{self.parts} instances came whole and are kept.",
            "The rest is asked for again.",
            code="cut",
        )

    def _advance(self) -> bool:
        """One step within the buffer; False where more bytes are needed."""
        step = self._steps.get(self._state)
        return step is not None and step()

    def _preamble(self) -> bool:
        at = self._buf.find(self._mark)
        if at < 0:
            keep = len(self._mark) - 1
            self._passed += max(0, len(self._buf) - keep)
            del self._buf[:-keep]
            if self._passed > MAX_PREAMBLE:
                raise _garbled("It never comes to its first part.")
            return False
        del self._buf[: at + len(self._mark)]
        self._state = "boundary"
        return True

    def _boundary(self) -> bool:
        """After a boundary: ``--`` closes, a line break opens a part (blanks may stand before it)."""
        if self._buf[:2] == b"--":
            self.closed = True
            self._buf.clear()
            return False
        at = self._buf.find(b"\r\n")
        if at < 0 and len(self._buf) < 256:
            return False
        if at < 0 or self._buf[:at].strip(b" \t"):
            raise _garbled("A boundary is followed by something else.")
        del self._buf[:at]
        self._state = "head"
        return True

    def _head(self) -> bool:
        # The line break that ended the boundary is still there, so an empty head reads as two of them.
        at = self._buf.find(b"\r\n\r\n")
        if at < 0:
            if len(self._buf) > MAX_PART_HEAD:
                raise _garbled("A part's header is longer than any is.")
            return False
        headers = _fields(bytes(self._buf[:at]))
        del self._buf[: at + 4]
        length = headers.get("content-length", "")
        self._handler.begin(headers)
        if length.isascii() and length.isdigit() and len(length) < 19:
            self._left = int(length)
            self._state = "length"
        else:
            self._state = "search"
        return True

    def _length(self) -> bool:
        here = min(self._left, len(self._buf))
        if here:
            self._handler.write(bytes(self._buf[:here]))
            del self._buf[:here]
            self._left -= here
        if self._left:
            return False
        self._state = "after"
        return True

    def _after(self) -> bool:
        """What follows a part of known length must be the boundary."""
        if len(self._buf) < len(self._mark):
            return False
        if not self._buf.startswith(self._mark):
            self.broken += 1
            self._handler.cut("Its length is not what the archive says it is.")
            self._passed = 0
            self._state = "resync"
            return True
        self._whole()
        del self._buf[: len(self._mark)]
        self._state = "boundary"
        return True

    def _resync(self) -> bool:
        """Pass over bytes, as many as there are, to the next boundary."""
        self._passed = 0
        return self._preamble()

    def _search(self) -> bool:
        at = self._buf.find(self._mark)
        if at < 0:
            free = len(self._buf) - len(self._mark) + 1
            if free > 0:
                self._handler.write(bytes(self._buf[:free]))
                del self._buf[:free]
            return False
        if at:
            self._handler.write(bytes(self._buf[:at]))
        del self._buf[: at + len(self._mark)]
        self._whole()
        self._state = "boundary"
        return True

    def _whole(self) -> None:
        self.parts += 1
        self._handler.end()


def _fields(raw: bytes) -> dict[str, str]:
    out: dict[str, str] = {}
    for line in raw.decode("latin_1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            out[name.strip().lower()] = value.strip()
    return out


def _garbled(what: str) -> OfflineError:
    return OfflineError(
        "The archive's answer makes no sense.", what, "What came before it is kept.", code="garbled"
    )
