"""What an HTTP answer is to its caller, and the time limits of asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from teleread.wire.http_errors import http_date

__all__ = ["JsonAnswer", "StreamAnswer", "Timeouts", "same_origin"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits in seconds."""

    connect: float = 10.0
    read: float = 30.0
    """Longest silence between two pieces."""
    write: float = 30.0
    total: float | None = 120.0
    """Whole request with its body; None for no end (streams, where silence is limited anyway)."""
    window: float = 300.0
    """A stream has to bring `least` bytes in so many seconds of waiting, however it spreads them."""
    least: int = 16 << 10
    """See `window`; bytes."""


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """A JSON document and what its headers say."""

    status: int
    json: Any
    """The parsed body; None where there was none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names."""
    body: bytes = b""
    """The body as it came, unpacked."""

    @property
    def version(self) -> str:
        """Version id of the ETag (``W/"3"`` is ``3``); empty where there is none."""
        tag = self.headers.get("etag", "").strip()
        tag = tag[2:] if tag.startswith(("W/", "w/")) else tag
        return tag.strip('"')

    @property
    def date(self) -> datetime | None:
        """The server's clock."""
        return http_date(self.headers.get("date"))

    @property
    def location(self) -> str:
        """Where a created resource stands."""
        return self.headers.get("location", "")


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """An answer whose body is read as it comes."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names."""
    pieces: Iterator[bytes | memoryview]
    """The body: capped, each wait limited, unpacked where packing was asked for. Each piece stays valid.
    Raises OfflineError ``cut`` or ``timeout``."""

    @property
    def packed(self) -> bool:
        """The body came packed."""
        return self.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}

    @property
    def framed(self) -> bool:
        """Its end is told apart from a line that breaks."""
        return self.length is not None or "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def length(self) -> int | None:
        """What Content-Length says; None where it is absent or makes no sense."""
        value = self.headers.get("content-length", "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses share scheme, host and port."""
    return _origin(one) == _origin(other)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower())
    return parts.scheme.lower(), (parts.hostname or "").lower(), port
