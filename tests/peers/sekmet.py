"""Starts SEKMET (PyPI ``sekmet-fhir``), an independent FHIR R4 server, on a free port of loopback.

Found by TELEREAD_SEKMET or as ``sekmet`` on PATH; install it in an environment of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port

TOKEN = "teleread-test-token"
_START_SECONDS = 40.0


def sekmet_command() -> str:
    """The command, or a loud skip; a failure where peers are required."""
    found = os.environ.get("TELEREAD_SEKMET") or shutil.which("sekmet")
    if found and Path(found).exists():
        return found
    words = (
        "SEKMET is not installed (pip install sekmet-fhir; TELEREAD_SEKMET names it): these tests did NOT run"
    )
    if os.environ.get("TELEREAD_REQUIRE_PEERS") == "1":
        pytest.fail(words)
    pytest.skip(words)


@dataclass
class Sekmet:
    """A running server."""

    base: str
    token: str
    _process: subprocess.Popen[bytes]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request, by another HTTP client than ours; the answer's JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"{self.base}/{path}" if path else self.base
        request = urllib.request.Request(url, data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def start_sekmet(
    folder: Path,
    *,
    absolute: bool = False,
    auth: str = "none",
    jwks: Mapping[str, Any] | None = None,
    seconds: int = 2,
) -> Sekmet:
    """Start it in a folder.

    Args:
        folder: Holds its data.
        absolute: References come back absolute.
        auth: ``none``, ``bearer`` (token `TOKEN`) or ``smart`` (backend services, and `TOKEN` for the test).
        jwks: Public keys of the client ``teleread``, for ``smart``.
        seconds: Life of an access token, for ``smart``.
    """
    types = "smart, bearer" if auth == "smart" else auth
    client = {"client_id": "teleread", "jwks": jwks, "scopes": "system/*.*"}
    command = sekmet_command()
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    (folder / "settings.yaml").write_text(
        "\n".join(
            (
                "host: 127.0.0.1",
                f"port: {port}",
                f"base_url: {base}",
                "data_dir: data",
                "validation: {inbound: strict}",
                "simulator: {enabled: false}",
                f"server_behaviour: {{absolute_references: {str(absolute).lower()}}}",
                "server_auth:",
                f"  types: [{types}]",
                f"  tokens: [{TOKEN}]",
                f"  smart_clients: {json.dumps([client] if jwks else [])}",
                f"  token_lifetime: {seconds}",
                "",
            )
        ),
        encoding="utf-8",
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [command, "serve", "-c", "settings.yaml"], cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    server = Sekmet(base, "" if auth == "none" else TOKEN, process)
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            server.call("GET", "metadata")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
        else:
            return server
    server.stop()
    pytest.fail("SEKMET did not start: " + (folder / "log").read_text(errors="replace")[-2000:])
