"""One HTTP request and its reply, as the demo's services see them."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["Reply", "Request", "json_reply"]


@dataclass(frozen=True)
class Request:
    """What came in, its body whole."""

    method: str
    """Upper case."""
    path: tuple[str, ...]
    """Path segments after the service's root, percent-decoded."""
    query: list[tuple[str, str]]
    """Names and values in the order sent."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes = b""
    """At most the server's limit."""
    base: str = ""
    """Absolute URL of the service's root, without a slash at the end."""

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return self.headers.get(name.lower(), "")

    def form(self) -> list[tuple[str, str]]:
        """The body read as a form."""
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@dataclass
class Reply:
    """What goes out. A body given as an iterator is sent as it comes."""

    status: int
    """HTTP status code."""
    body: bytes | Iterator[bytes] = b""
    """Bytes, or chunks of them."""
    headers: dict[str, str] = field(default_factory=dict)
    """Besides Date, Content-Length and Transfer-Encoding, which the server writes."""
    after: Callable[[], None] | None = None
    """Called once the answer has been sent."""
    takeover: Callable[[socket.socket], None] | None = None
    """For 101: speaks on the connection until it ends."""


def json_reply(
    status: int, document: Any, *, media: str = "application/json", headers: dict[str, str] | None = None
) -> Reply:
    """A reply that carries JSON."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": f"{media}; charset=utf-8", **(headers or {})})
