"""Sign-in against real identity servers: oidc-provider (npm) in front of a hub, and SEKMET's SMART mode."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from teleread.demo.server import DemoServer
from teleread.host.clock import SystemClock
from teleread.hub.fhir import FhirHub
from teleread.model.errors import NotSignedInError
from teleread.model.hubfile import HubFile
from teleread.vault.vault import Vault
from teleread.wire.oauth_keys import jwks, make_key
from teleread.wire.oauth_tokens import KEY, TokenSignIn
from teleread.workstation.core import Core
from teleread.workstation.signin import Prompt, SignedIn, sign_in, sign_out, token_sign_in
from tests.e2e.world import Cli, environment
from tests.peers.oidc import Provider, walk, walking
from tests.peers.sekmet import start_sekmet

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Gate:
    """Stands before a hub and its archive and lets in whoever has a token that is good now.

    Args:
        target: Origin behind it.
        provider: Says which tokens are good.
    """

    def __init__(self, target: str, provider: Provider) -> None:
        self.uses: int | None = None
        """How often it takes one token; so one ends in the middle of whatever is done."""
        self.tokens: Counter[str] = Counter()
        self.paths: list[str] = []
        self.refused = 0
        gate, guard, good = self, threading.Lock(), dict[str, bool]()

        def allowed(header: str) -> bool:
            token = header.removeprefix("Bearer ")
            with guard:
                if token not in good:
                    good[token] = bool(token) and provider.active(token)
                gate.tokens[token] += 1
                fine = good[token] and (gate.uses is None or gate.tokens[token] <= gate.uses)
                gate.refused += not fine
                return fine

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                gate.paths.append(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if not allowed(self.headers.get("Authorization", "")):
                    self._say(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, b"")
                    return
                skip = {"host", "authorization", "connection", "accept-encoding", "content-length"}
                headers = {name: one for name, one in self.headers.items() if name.lower() not in skip}
                asked = urllib.request.Request(target + self.path, body or None, headers, method=self.command)
                try:
                    answer = _OPENER.open(asked, timeout=30)
                except urllib.error.HTTPError as error:
                    answer = error
                with answer:
                    kept = {
                        name: one
                        for name, one in answer.headers.items()
                        if name.lower() not in {"connection", "transfer-encoding", "content-length"}
                    }
                    self._say(answer.status, kept, answer.read())

            def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        for verb in ("GET", "PUT", "POST", "PATCH", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler._pass)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Close."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    one = Provider(tmp_path_factory.mktemp("oidc"))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Origin of a hub and its archive."""
    server = DemoServer(tmp_path_factory.mktemp("demo"), cases=12)
    try:
        yield server.start().fhir.removesuffix("/fhir")
    finally:
        server.stop()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A reader's own machine."""
    home = tmp_path / "desk"
    home.mkdir()
    return Cli(home)


@pytest.fixture
def gate(demo: str, provider: Provider) -> Iterator[Gate]:
    one = Gate(demo, provider)
    yield one
    one.stop()


def hub(gate: Gate, provider: Provider, auth: str, reader: str = "reader") -> HubFile:
    return HubFile(
        "hub-1", "north", fhir=f"{gate.origin}/fhir", auth=auth, issuer=provider.issuer, reader_id=reader
    )


def core_of(vault: Vault) -> Core:
    return Core(vault.paths, vault, SystemClock())


def signed_in(core: Core, file: HubFile, *, allow: bool = True) -> SignedIn:
    """Sign in, with somebody at the browser."""
    seen: list[threading.Thread] = []

    def show(prompt: Prompt) -> None:
        seen.append(walking(prompt.url_complete or prompt.url, allow=allow))

    def pause(seconds: float) -> bool:
        seen[0].join(20)  # whoever waits for a code waits as long as the pages take
        return True

    try:
        return sign_in(core, file, show, pause)
    finally:
        for one in seen:
            one.join(20)


@pytest.mark.peer("oidc-provider")
@pytest.mark.parametrize("auth", ["device", "pkce"])
def test_a_reader_signs_in_and_the_hub_takes_them(
    auth: str, vault: Vault, gate: Gate, provider: Provider
) -> None:
    core, file = core_of(vault), hub(gate, provider, auth)
    done = signed_in(core, file)
    assert (done.who, done.renews) == ("Practitioner/reader", True)
    by = token_sign_in(core, file)
    one = FhirHub(file, None, sign_in=by)
    try:
        assert one.health().software
        held = by.held()
        assert held is not None
        assert provider.active(held.access)
        assert sign_out(core, file) is True
        assert by.held() is None
        assert not provider.active(held.access), "the server was told"
        with pytest.raises(NotSignedInError):
            one.health()
    finally:
        one.close()


@pytest.mark.peer("oidc-provider")
def test_a_reader_who_refuses_in_the_browser_is_not_signed_in(
    vault: Vault, gate: Gate, provider: Provider
) -> None:
    core, file = core_of(vault), hub(gate, provider, "pkce")
    with pytest.raises(NotSignedInError) as caught:
        signed_in(core, file, allow=False)
    assert caught.value.code == "sign-in-denied"
    assert token_sign_in(core, file).held() is None


@pytest.mark.peer("oidc-provider")
def test_somebody_else_than_the_hub_files_reader_is_not_signed_in(
    vault: Vault, gate: Gate, provider: Provider
) -> None:
    core, file = core_of(vault), hub(gate, provider, "device", "another")
    with pytest.raises(NotSignedInError) as caught:
        signed_in(core, file)
    assert caught.value.code == "sign-in-other"
    assert token_sign_in(core, file).held() is None


@pytest.mark.peer("oidc-provider")
def test_a_refresh_token_that_somebody_used_ends_the_sign_in_in_words(
    vault: Vault, gate: Gate, provider: Provider
) -> None:
    core, file = core_of(vault), hub(gate, provider, "device")
    signed_in(core, file)
    by = token_sign_in(core, file)
    before = by.held()
    assert before is not None
    assert by.renewed(before.header) is True
    assert provider.refresh(before.refresh) == 400, "a thief comes too late, and ends it for all"
    after = by.held()
    assert after is not None
    with pytest.raises(NotSignedInError) as caught:
        by.renewed(after.header)
    assert caught.value.code == "sign-in-ended"
    assert "safe" in caught.value.detail
    assert after.refresh not in str(caught.value)


@pytest.mark.peer("oidc-provider")
@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_a_system_signs_in_by_its_key(alg: str, vault: Vault, tmp_path: Path) -> None:
    pem = make_key(alg)
    server = Provider(tmp_path / "oidc", jwks=jwks(pem), alg=alg)
    try:
        file = HubFile(
            "hub-1", "north", auth="smart", issuer=server.issuer, client_id="teleread-system", key_alg=alg
        )
        vault.hub_secrets.put("hub-1", KEY, pem)
        done = sign_in(core_of(vault), file, lambda prompt: None, lambda seconds: True)
        assert done.scope == "system/*.crus"
        held = token_sign_in(core_of(vault), file).held()
        assert held is not None
        assert not held.refresh
        vault.hub_secrets.put("hub-1", KEY, make_key(alg))
        with pytest.raises(NotSignedInError) as caught:
            sign_in(core_of(vault), file, lambda prompt: None, lambda seconds: True)
        assert caught.value.code == "sign-in-client"
    finally:
        server.stop()


def prompted(cli: Cli, *words: str) -> tuple[subprocess.Popen[str], str]:
    """Start a command that asks for a sign-in; it, and the page it names."""
    process = subprocess.Popen(
        [sys.executable, "-m", "teleread", *words],
        env=environment(cli.home, **cli.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cli.home,
        text=True,
    )
    assert process.stderr is not None
    page, code = "", ""
    for line in process.stderr:
        word = line.strip()
        if word.startswith("http://127.0.0.1"):
            page = word
        elif len(word) == 9 and word[4] == "-" and word.isupper():
            code = word
        if page and code:
            break
    return process, f"{page}?user_code={code}"


@pytest.mark.peer("oidc-provider")
def test_a_night_on_the_command_line_with_tokens_that_end_in_the_middle_of_everything(
    cli: Cli, gate: Gate, provider: Provider
) -> None:
    web = ("--fhir", f"{gate.origin}/fhir", "--dicomweb", f"{gate.origin}/dicom-web")
    told = cli.run(
        "init", "--hub", "site", *web, "--auth", "device", "--issuer", provider.issuer, "--no-input"
    )
    assert "teleread hub sign-in site" in told.err
    cut = cli.run("sync")
    assert cut.code == 4
    assert "teleread hub sign-in site" in cut.err + cut.out
    process, page = prompted(cli, "hub", "sign-in", "site", "--json")
    assert "Success" in walk(page)
    out, _ = process.communicate(timeout=60)
    done = json.loads(out)
    assert (process.returncode, done["who"], done["reader_id"]) == (0, "Practitioner/reader", "reader")

    gate.uses = 2  # from here on a token ends after two requests
    assert cli.json("sync")["pulled"] > 0
    film = next(one for one in cli.items("modality:CR state:requested") if one["signable"])
    cli.json("claim", film["task"])
    fetched = cli.json("fetch", film["task"], "--no-priors")
    assert fetched["complete"] is True
    cli.json("report", "start", film["task"])
    for section in ("technique", "findings", "impression"):
        cli.json("report", "set", film["task"], section, "Nothing abnormal is seen.")
    signed = cli.json("report", "sign", film["task"])
    done = cli.json("sync")
    assert (done["pushed"], done["waiting"], done["offline"]) == (1, 0, False)
    item = next(one for one in cli.json("outbox")["items"] if one["report"] == signed["report"])
    assert item["state"] == "delivered"
    assert gate.refused > 5, "tokens did end in the middle"
    assert max(gate.tokens.values()) <= 3, "a token that was refused is not offered again"
    assert not any(token and token in path for token in gate.tokens for path in gate.paths)

    at_once = [
        subprocess.Popen(
            [sys.executable, "-m", "teleread", "sync", "--json"],
            env=environment(cli.home, **cli.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=cli.home,
        )
        for _ in range(3)
    ]
    assert [one.wait(120) for one in at_once] == [0, 0, 0], "three processes, and no token came twice"
    logs = b"".join(path.read_bytes() for path in cli.home.rglob("*") if path.is_file())
    assert not any(token and token.encode() in logs for token in gate.tokens), "no token lies in the clear"


@pytest.mark.peer("SEKMET")
def test_sekmets_tokens_of_two_seconds_are_renewed_on_the_way(vault: Vault, tmp_path: Path) -> None:
    pem = make_key("ES384")
    server = start_sekmet(tmp_path / "sekmet", auth="smart", jwks=jwks(pem), seconds=2)
    try:
        file = HubFile("hub-1", "north", fhir=server.base, auth="smart")
        vault.hub_secrets.put("hub-1", KEY, pem)
        by = TokenSignIn(file, vault.hub_secrets, vault.paths.data / "sign-in.lock", SystemClock())
        one = FhirHub(file, None, sign_in=by)
        headers = set[str]()
        with contextlib.closing(one):
            for _ in range(3):
                assert list(one.pull(""))
                held = by.held()
                assert held is not None
                headers.add(held.header)
                time.sleep(2.1)
        assert len(headers) == 3
    finally:
        server.stop()
