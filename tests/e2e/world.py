"""Real processes for end-to-end tests: the command line, and the demo behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

PASSPHRASE = "plain words for a test vault"
PIN = "246813"
READY_SECONDS = 60.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a child: this one's without teleread's own variables."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TELEREAD_", "XDG_"))}
    # Hundreds of processes compile the same modules: kept once, outside the checkout.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in ("COLUMNS", "LINES"):  # a desk here has a terminal of its own
        kept.pop(name, None)
    cache = str(Path(tempfile.gettempdir()) / f"teleread-tests-{getattr(os, 'getuid', os.getpid)()}")
    base = {
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": cache,
        "TELEREAD_HOME": str(home),
        "NO_COLOR": "1",
    }
    return {**kept, **base, **more}


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its one JSON object."""
        lines = self.out.splitlines()
        assert len(lines) == 1, (self.out, self.err)
        found: dict[str, Any] = json.loads(lines[0])
        return found


@dataclass
class Cli:
    """`teleread` on one home."""

    home: Path
    env: dict[str, str] = field(
        default_factory=lambda: {"TELEREAD_PASSPHRASE": PASSPHRASE, "TELEREAD_PIN": PIN}
    )

    def run(
        self,
        *words: str,
        stdin: bytes = b"",
        env: Mapping[str, str | None] | None = None,
        timeout: float = 120,
    ) -> Answer:
        """Run one command as typed."""
        merged = {
            **environment(self.home, **self.env),
            **{k: v for k, v in (env or {}).items() if v is not None},
        }
        for name in [one for one, value in (env or {}).items() if value is None]:
            merged.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-m", "teleread", *words],
            input=stdin,
            capture_output=True,
            env=merged,
            timeout=timeout,
            cwd=self.home,
        )
        answer = Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in answer.err + answer.out, answer.err
        assert "\x1b" not in answer.err + answer.out, repr(answer)
        return answer

    def json(self, *words: str, code: int = 0, **more: Any) -> dict[str, Any]:
        """Run with ``--json``; the object it printed, after its exit code was compared."""
        answer = self.run(*words, "--json", **more)
        assert answer.code == code, (words, answer)
        return answer.json

    def items(self, query: str = "") -> list[dict[str, Any]]:
        """The worklist's items."""
        found: list[dict[str, Any]] = self.json("worklist", query)["items"]
        return found


@dataclass
class Demo:
    """`teleread demo --no-tui` as a process that can be stopped and started again."""

    home: Path
    cases: int = 0
    """How many cases; 0 for those with a story."""
    ready: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        path = self.home / "ready.json"
        path.unlink(missing_ok=True)
        words = [sys.executable, "-m", "teleread", "demo", "--no-tui", "--quiet", "--ready-file", str(path)]
        words += ["--cases", str(self.cases)] if self.cases else []
        self.process = subprocess.Popen(
            words,
            env=environment(self.home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.home,
        )
        end = time.monotonic() + READY_SECONDS
        while not path.exists():
            assert self.process.poll() is None, self.process.communicate()[1].decode()
            assert time.monotonic() < end, "the demo was not ready in time"
            time.sleep(0.05)
        self.ready = json.loads(path.read_bytes())

    def stop(self) -> int:
        """Stop it by SIGTERM; its exit code."""
        assert self.process is not None
        self.process.terminate()
        _, _ = self.process.communicate(timeout=30)
        return self.process.returncode

    @property
    def fhir(self) -> str:
        """Base address of its hub."""
        return str(self.ready["fhir"])

    @property
    def dicomweb(self) -> str:
        """Base address of its archive."""
        return str(self.ready["dicomweb"])

    @property
    def dimse(self) -> str:
        """``AET@HOST:PORT`` of its archive."""
        one = self.ready["dimse"]
        return f"{one['aet']}@{one['host']}:{one['port']}"

    def lever(self, path: str) -> None:
        """Turn one of the demo's levers."""
        base = self.fhir.removesuffix("/fhir")
        request = urllib.request.Request(f"{base}/_demo/{path}", b"", method="POST")
        with _OPENER.open(request, timeout=20) as answer:
            assert answer.status == 200


def read_json(url: str) -> Any:
    """What a server answers, by another client than ours."""
    with _OPENER.open(
        urllib.request.Request(url, headers={"Accept": "application/json"}), timeout=30
    ) as answer:
        return json.loads(answer.read())


def reports_at(fhir: str, report_id: str) -> list[dict[str, Any]]:
    """The DiagnosticReports a hub holds under a report's identifier."""
    bundle = read_json(f"{fhir}/DiagnosticReport?identifier=urn:ietf:rfc:3986%7Curn:uuid:{report_id}")
    found = [one["resource"] for one in bundle.get("entry", [])]
    return [one for one in found if one["resourceType"] == "DiagnosticReport"]
