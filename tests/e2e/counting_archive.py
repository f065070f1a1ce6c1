"""A DICOMweb archive of the tests' own that counts what it sends to the last byte, slowly if told."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.archive_factories import CT

PIECE = 16 * 1024


class CountingArchive:
    """Studies in memory: study UID to SOP Instance UID to Part 10 file; one series a study."""

    def __init__(self, studies: Mapping[str, Mapping[str, bytes]], rate: float = 0.0) -> None:
        self.studies = {uid: dict(files) for uid, files in studies.items()}
        self.rate = rate
        """Bytes a second of one answer; 0 for as fast as it goes."""
        self.sent: Counter[str] = Counter()
        """How often each instance went out whole."""
        self.asked: Counter[str] = Counter()
        """How often each instance was begun."""
        self.bytes = 0
        self.on_bytes: Callable[[int], None] = lambda _: None
        """Told how many bytes of instances went out so far, after each piece."""
        self.guard = threading.Lock()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve on loopback; the base address."""
        archive = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                archive.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
        finally:
            server.shutdown()
            server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        parts = urlsplit(handler.path)
        words = [unquote(one) for one in parts.path.split("/") if one][1:]
        query = parse_qs(parts.query)
        try:
            if (len(words) >= 2 and words[1] not in self.studies) or words == ["studies"]:
                self._json(handler, [])
            elif words[-1] == "series":
                self._json(handler, [self._series(words[1])])
            elif words[-1] == "instances":
                self._json(handler, self._page(words[1], query))
            else:
                self._send(handler, words)
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True

    def _series(self, study: str) -> dict[str, Any]:
        return {
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "0020000D": {"vr": "UI", "Value": [study]},
            "0020000E": {"vr": "UI", "Value": [f"{study}.1"]},
            "00201209": {"vr": "IS", "Value": [len(self.studies[study])]},
        }

    def _page(self, study: str, query: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        start, size = int(query.get("offset", ["0"])[0]), int(query.get("limit", ["1000"])[0])
        return [
            {
                **self._series(study),
                "00080016": {"vr": "UI", "Value": [CT]},
                "00080018": {"vr": "UI", "Value": [uid]},
            }
            for uid in list(self.studies[study])[start : start + size]
        ]

    def _json(self, handler: BaseHTTPRequestHandler, body: object) -> None:
        data = json.dumps(body).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/dicom+json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _send(self, handler: BaseHTTPRequestHandler, words: list[str]) -> None:
        files = self.studies[words[1]]
        wanted = [words[5]] if len(words) >= 6 else list(files)
        handler.send_response(200)
        handler.send_header("Content-Type", 'multipart/related; type="application/dicom"; boundary=XX')
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        began, out = time.monotonic(), 0
        for uid in wanted:
            data = files[uid]
            with self.guard:
                self.asked[uid] += 1
            head = f"--XX\r\nContent-Type: application/dicom\r\nContent-Length: {len(data)}\r\n\r\n"
            handler.wfile.write(head.encode())
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                handler.wfile.write(piece)
                out += len(piece)
                with self.guard:
                    self.bytes += len(piece)
                    total = self.bytes
                self.on_bytes(total)
                if self.rate:
                    time.sleep(max(0.0, out / self.rate - (time.monotonic() - began)))
            handler.wfile.write(b"\r\n")
            with self.guard:
                self.sent[uid] += 1
        handler.wfile.write(b"--XX--\r\n")
