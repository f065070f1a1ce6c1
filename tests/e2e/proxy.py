"""A line that breaks at the worst moment: after a hub has applied a report, before its answer comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class CutProxy:
    """Passes bytes on to a hub until a transaction was answered; that answer, and all later calls, are lost.

    Args:
        target: The hub's base address.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self._to = (parts.hostname, parts.port)
        self._path = parts.path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._dead = threading.Event()
        self.sent = 0
        """Transactions that were passed on."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def base(self) -> str:
        """The hub's address through it."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}{self._path}"

    def mend(self) -> None:
        """Pass everything on from now on, answers too."""
        self._dead.clear()
        self.sent = 1

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self._dead.is_set():
                return
            with socket.create_connection(self._to, 20) as hub:
                back = threading.Thread(target=self._answers, args=(hub, client), daemon=True)
                back.start()
                while data := client.recv(65536):
                    if b'"transaction"' in data and not self.sent:
                        self.sent += 1
                        self._dead.set()
                    hub.sendall(data)
                back.join(20)

    def _answers(self, hub: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := hub.recv(65536):
                if self._dead.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
