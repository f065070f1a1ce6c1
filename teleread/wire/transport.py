"""The lowest layer of HTTP: a connection pool whose every wait also ends at the request's deadline.

httpx limits each read and each write; a server that sends one byte every twenty seconds would hold a request
for ever. Here a deadline set by the calling thread shortens every wait, from the connection to the last byte.
No proxy and no other setting is taken from the environment: patient data goes where the hub file says.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
from httpcore._backends.sync import SyncBackend

__all__ = ["Deadline", "LimitedTransport"]

_SHORTEST = 0.001


class Deadline(threading.local):
    """When the request of this thread has to be over; None for no end."""

    at: float | None = None

    def start(self, seconds: float | None) -> None:
        """Begin a request that may last so long."""
        self.at = None if seconds is None else time.monotonic() + seconds

    def shortened(self, timeout: float | None) -> float | None:
        """The smaller of a time limit and what is left."""
        if self.at is None:
            return timeout
        left = max(self.at - time.monotonic(), _SHORTEST)
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.shortened(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.shortened(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.shortened(timeout))
        return _Stream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(SyncBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        inner = super().connect_tcp(
            host, port, self._deadline.shortened(timeout), local_address, socket_options
        )
        return _Stream(inner, self._deadline)


class LimitedTransport(httpx.HTTPTransport):
    """httpx's transport over a pool that knows the deadline.

    Args:
        context: TLS context; used for https only.
        deadline: Shared with the client, which starts it for each request.
        proxy: ``http://HOST:PORT`` of the hub file; empty for none.
    """

    def __init__(self, context: ssl.SSLContext, deadline: Deadline, proxy: str = "") -> None:
        super().__init__(verify=context, trust_env=False)
        options: dict[str, Any] = {
            "ssl_context": context,
            "max_connections": 8,
            "max_keepalive_connections": 4,
            "keepalive_expiry": 20.0,
            "network_backend": _Backend(deadline),
        }
        self._pool = (
            httpcore.HTTPProxy(proxy_url=proxy, **options) if proxy else httpcore.ConnectionPool(**options)
        )
