"""Starts oidc-provider (npm), a certified OpenID Connect provider, and walks through its pages as a reader.

TELEREAD_OIDC names a folder in which ``npm install oidc-provider@9`` was run; it needs Node 20 or later,
which ``npm install node@22`` puts beside it.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest

from tests.ports import free_port

_START_SECONDS = 40.0
_FORM = re.compile(r"<form.*?</form>", re.DOTALL | re.IGNORECASE)
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"', re.IGNORECASE)


def node_modules() -> str:
    """Where it is installed, or a loud skip; a failure where peers are required."""
    named = os.environ.get("TELEREAD_OIDC", "")
    folder = Path(named, "node_modules")
    if named and shutil.which(_node(folder)) and (folder / "oidc-provider").is_dir():
        return str(folder)
    words = (
        "oidc-provider is not installed (npm install --prefix FOLDER oidc-provider@9; TELEREAD_OIDC names the"
        " folder): these tests did NOT run"
    )
    if os.environ.get("TELEREAD_REQUIRE_PEERS") == "1":
        pytest.fail(words)
    pytest.skip(words)


def _node(modules: Path) -> str:
    """The Node installed beside it (npm's package ``node``), else the machine's; Debian 12's is too old."""
    own = modules / ".bin" / "node"
    return str(own) if own.exists() else "node"


class Provider:
    """A running provider.

    Args:
        folder: Takes its log.
        seconds: Life of an access token.
        reader: Who the person is at the hub.
        jwks: Public keys of the client ``teleread-system``.
        alg: What that client signs with.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seconds: int = 300,
        reader: str = "reader",
        jwks: Mapping[str, Any] | None = None,
        alg: str = "ES384",
    ) -> None:
        modules = node_modules()
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        script = Path(__file__).with_name("oidc_provider.mjs")
        more = {"JWKS": json.dumps(jwks), "ALG": alg} if jwks else {}
        with (folder / "oidc.log").open("wb") as log:
            self._process = subprocess.Popen(
                [_node(Path(modules)), str(script), modules, str(port), str(seconds), reader],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **more},
            )
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self._call(f"{self.issuer}/.well-known/openid-configuration")
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
            else:
                return
        self.stop()
        pytest.fail(
            "oidc-provider did not start: " + (folder / "oidc.log").read_text(errors="replace")[-2000:]
        )

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def active(self, token: str) -> bool:
        """Whether an access token is good now (RFC 7662)."""
        told = self._call(f"{self.issuer}/token/introspection", {"token": token, "client_id": "teleread"})
        return bool(json.loads(told)["active"])

    def refresh(self, token: str) -> int:
        """Offer a refresh token, as a thief would; the status."""
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "teleread"}
        try:
            self._call(f"{self.issuer}/token", form)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        return 200

    @staticmethod
    def _call(url: str, form: Mapping[str, str] | None = None) -> bytes:
        body = urlencode(form).encode() if form else None
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, body, timeout=20) as answer:
            return bytes(answer.read())


def walk(url: str, *, allow: bool = True) -> str:
    """Open a page and do what it asks, as a person with a browser: log in, type the code, allow or refuse.

    Returns:
        The last page's text.
    """
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    body: bytes | None = None
    page = ""
    for _ in range(12):
        with opener.open(url, body, timeout=20) as answer:
            at, page = str(answer.geturl()), str(answer.read(), "utf-8", "replace")
        form = _FORM.search(page)
        if form is None:
            return page
        if not allow and (refuse := re.search(r'href="([^"]*/abort)"', page)):
            url, body = urljoin(at, html.unescape(refuse[1])), None
            continue
        url, body = _filled(at, form[0])
    return page


def walking(url: str, *, allow: bool = True) -> threading.Thread:
    """The same in a thread of its own: whoever listens for the answer must not wait for the page."""
    thread = threading.Thread(target=walk, args=(url,), kwargs={"allow": allow}, daemon=True)
    thread.start()
    return thread


def _filled(at: str, form: str) -> tuple[str, bytes]:
    head = dict(_ATTRIBUTE.findall(form[: form.index(">") + 1]))
    fields: dict[str, str] = {}
    for tag in re.findall(r"<(?:input|button)\b[^>]*>", form, re.IGNORECASE):
        told = dict(_ATTRIBUTE.findall(tag))
        if told.get("name") and told.get("name") != "abort":
            fields[told["name"]] = html.unescape(told.get("value", ""))
    fields |= {name: "reader" for name in ("login", "password") if name in fields}
    return urljoin(at, html.unescape(head.get("action", ""))), urlencode(fields).encode()
