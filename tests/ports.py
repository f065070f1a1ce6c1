"""Ports for servers that are told theirs before they listen."""

from __future__ import annotations

import os
import random
import socket

_FIRST, _EACH = 20_000, 1_500
"""Below what systems give to lines going out (32768 and up): none of those takes a port away."""


def free_port() -> int:
    """A port nobody listens on, and which nothing else takes in the meantime: workers have their own ranges.

    Raises:
        OSError: Of a hundred tried, none was free.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0) % 8
    for port in random.sample(range(_FIRST + worker * _EACH, _FIRST + (worker + 1) * _EACH), 100):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise OSError("no port free")
