"""More bad input: a hub's own words, answers without an end, redirections, local files, no network at all."""

from __future__ import annotations

import http.server
import io
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.archive_factories import STUDY, ct, explicit, file_of
from tests.e2e.flow import Place, a_film, set_up, written
from tests.e2e.test_bad_input import ESC, element, lies, part10, plain
from tests.e2e.world import PASSPHRASE, PIN, Answer, Cli, environment

HOSTILE = {"\x1b", "\x07", "\x9b", "\u202e", "\x00"}


class Hub:
    """A server that gives one answer to everything.

    Args:
        answer: (status, headers, body); a body that is called writes for as long as it likes.
    """

    def __init__(self, answer: tuple[int, dict[str, str], bytes | Callable[[socket.socket], None]]) -> None:
        status, headers, body = answer
        asked = self.asked = []  # type: list[str]

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if isinstance(body, bytes):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if isinstance(body, bytes):
                    self.wfile.write(body)
                else:
                    self.close_connection = True
                    body(self.connection)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server.server_port}/fhir"


@pytest.fixture
def hub() -> Iterator[Callable[..., Hub]]:
    """Starts such servers, and ends them."""
    running: list[Hub] = []

    def start(status: int, headers: dict[str, str], body: bytes | Callable[[socket.socket], None]) -> Hub:
        running.append(Hub((status, headers, body)))
        return running[-1]

    yield start
    for one in running:
        one.server.shutdown()
        one.server.server_close()


def asked(cli: Cli, base: str) -> Answer:
    """A desk on a hub, and one pull."""
    cli.json("init", "--hub", "site", "--fhir", base, "--no-input")
    return cli.run("sync", "--json", timeout=200)


def endless(line: socket.socket) -> None:
    """Megabytes without an end."""
    try:
        for _ in range(4000):
            line.sendall(b'{"resourceType":"Bundle","entry":[' + b" " * 1_000_000)
    except OSError:
        return


BUNDLE = b'{"resourceType":"Bundle","type":"searchset"'
FHIR = {"Content-Type": "application/fhir+json"}
OUTCOME = json.dumps(
    {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "x" + ESC,
                "diagnostics": "Refused\x00" + ESC,
                "details": {"text": ESC},
            }
        ],
    }
).encode()
ANSWERS: tuple[tuple[str, int, dict[str, str], bytes | Callable[[socket.socket], None], set[int]], ...] = (
    ("own words of a 422", 422, FHIR, OUTCOME, {5}),
    ("own words of a 403", 403, FHIR, OUTCOME, {5}),
    ("own words of a 500", 500, FHIR, OUTCOME, {3}),
    ("words in HTML", 502, {"Content-Type": "text/html"}, f"<h1>{ESC}</h1>".encode(), {3}),
    ("without an end", 200, FHIR, endless, {1, 3, 5}),
    ("another house", 302, {"Location": "http://127.0.0.1:9/elsewhere"}, b"", {1, 3, 5}),
    ("a file", 302, {"Location": "file:///etc/passwd"}, b"", {1, 3, 5}),
    ("round and round", 302, {"Location": "/fhir/again"}, b"", {1, 3, 5}),
    ("nothing", 200, FHIR, b"", {3}),
    ("a number", 200, FHIR, b"17", {3}),
    ("300 deep", 200, FHIR, b"[" * 100_000, {3}),
    ("a wrong bundle", 200, FHIR, b'{"resourceType":"Patient","entry":7}', {3, 5}),
    ("entries of nothing", 200, FHIR, BUNDLE + b',"entry":[null,7,{}]}', {0, 3, 5}),
    ("gzip of a gigabyte", 200, {**FHIR, "Content-Encoding": "gzip"}, b"", {1, 3, 5}),
)  # fmt: skip


def a_gigabyte() -> bytes:
    """A gigabyte of blanks in gzip, about a megabyte long."""
    press = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    return b"".join(press.compress(block) for _ in range(1024)) + press.flush()


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: str(one[0]))
def test_whatever_a_hub_answers_it_costs_one_sentence(
    cli: Cli, hub: Callable[..., Hub], answer: tuple[str, int, dict[str, str], bytes, set[int]]
) -> None:
    name, status, headers, body, codes = answer
    told = asked(cli, hub(status, headers, a_gigabyte() if name.startswith("gzip") else body).base)
    assert told.code in codes, told
    if told.code:
        plain(told)
    assert not HOSTILE & set(told.out + told.err)
    assert cli.json("worklist")["items"] == []


REQUEST = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"


def test_a_certificate_of_nobody_is_refused_and_nothing_is_sent(cli: Cli, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl: TLS with a certificate of nobody was NOT tried")
    key, certificate = tmp_path / "key.pem", tmp_path / "own.pem"
    subprocess.run(
        [openssl, *REQUEST.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Hub((200, FHIR, b'{"resourceType":"Bundle","type":"searchset"}'))
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    base = server.base.replace("http:", "https:")
    try:
        told = asked(cli, base)
        assert told.code in {1, 3}, told
        plain(told)
        assert "certificate" in told.err.lower()
        assert server.asked == []
        cli.json("init", "--hub", "site", "--fhir", base, "--ca-file", str(certificate), "--no-input")
        assert cli.run("sync", "--json").code == 0
        assert server.asked
    finally:
        server.server.shutdown()
        server.server.server_close()


def media(folder: Path) -> Path:
    """Three images in a folder, as a disc holds them."""
    (folder / "DICOM").mkdir(parents=True)
    for number in range(1, 4):
        (folder / "DICOM" / f"I{number}").write_bytes(ct(number))
    (folder / "README.TXT").write_text("no image")
    return folder


@pytest.mark.parametrize("kind", ["folder", "file", "zip", "dicomdir", "zip of a disc and a file"])
def test_local_files_come_in_whole_and_can_be_looked_at(
    cli: Cli, place: Place, tmp_path: Path, kind: str
) -> None:
    set_up(cli, place)
    folder = media(tmp_path / "disc")
    packed = tmp_path / "disc.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for one in sorted((folder / "DICOM").iterdir()):
            archive.write(one, f"../../{one.name}")
    directory = file_of((explicit(0x00041500, b"CS", "DICOM\\I1"),), sop_uid="1.2.3")
    directory = directory.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0")
    (folder / "DICOMDIR").write_bytes(directory)
    paths = {
        "folder": [folder],
        "file": [folder / "DICOM" / f"I{number}" for number in (1, 2, 3)],
        "zip": [packed],
        "dicomdir": [folder / "DICOMDIR"],
        "zip of a disc and a file": [packed, folder / "DICOM" / "I1"],
    }[kind]
    told = cli.json("import", *map(str, paths))
    assert told["imported"] >= 3
    assert len(told["studies"]) == 1
    series = cli.json("study", STUDY)["series"]
    assert sum(len(one["instances"]) for one in series) == 3
    assert cli.json("cache", "verify")["damaged"] == []
    assert not list(cli.home.parent.glob("I1")), "a name in a zip leads nowhere"


def bomb() -> bytes:
    """A deflated Part 10 file that unpacks to a gigabyte."""
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = element(0x10, 0x10, b"PN", b"A^B ") + element(0x20, 0xD, b"UI", b"1.2.3\0")
    body = press.compress(head + b"\xe0\x7f\x10\x00OW\0\0" + (1 << 30).to_bytes(4, "little"))
    block = bytes(1 << 20)
    body += b"".join(press.compress(block) for _ in range(1024)) + press.flush()
    return part10(body, b"1.2.840.10008.1.2.1.99\0\0")


def evil_files() -> dict[str, bytes]:
    """Files that lie, and one whose every text is hostile."""
    evil = ESC.encode("latin-1", "ignore")
    named = file_of(
        (
            explicit(0x00080060, b"CS", b"CT"),
            explicit(0x0008103E, b"LO", b"Words " + evil[:40]),
            explicit(0x00100010, b"PN", b"Evil^" + evil[:40]),
            explicit(0x0020000D, b"UI", b"../../../../etc/passwd"),
            explicit(0x0020000E, b"UI", b"../evil"),
        ),
        sop_uid="../../evil",
    )
    return {**lies(), "bomb": bomb(), "names": named}


@pytest.mark.parametrize("name", ["size", "cut", "nested", "length", "empty", "text", "bomb", "names"])
def test_a_file_that_lies_costs_itself_alone_at_import(
    cli: Cli, place: Place, tmp_path: Path, name: str
) -> None:
    set_up(cli, place)
    folder = tmp_path / "disc"
    folder.mkdir()
    (folder / "bad.dcm").write_bytes(evil_files()[name])
    (folder / "good.dcm").write_bytes(ct(2))
    told = cli.run("import", str(folder), "--json", timeout=200)
    assert told.code == 0, told
    assert not HOSTILE & set(told.out + told.err)
    assert f"{STUDY}" in cli.run("cache", "list", "--json").out
    assert not list(cli.home.rglob("*evil*"))
    alone = cli.run(
        "image", str(folder / "bad.dcm"), "--png", str(tmp_path / "out.png"), "--json", timeout=200
    )
    assert alone.code in {0, 1}, alone
    if alone.code:
        plain(alone)
    assert not HOSTILE & set(alone.out + alone.err)


def test_a_zip_that_was_cut_short_is_told_and_is_no_success(cli: Cli, place: Place, tmp_path: Path) -> None:
    set_up(cli, place)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as disc:
        disc.writestr("good.dcm", ct(2))
    path = tmp_path / "disc.zip"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    told = cli.json("import", str(path), code=1)
    assert told["imported"] == 0
    assert "zip file was left out" in told["problems"][0]


OFFLINE = (
    (("worklist",), 0),
    (("sync",), 3),
    (("claim", "{film}"), 3),
    (("give-back", "{mine}", "--reason", "110513"), 3),
    (("fetch", "{film}"), 3),
    (("engine", "--once"), 3),
    (("report", "start", "{mine}"), 0),
    (("report", "show", "{mine}"), 0),
    (("report", "check", "{mine}"), 5),
    (("outbox",), 0),
    (("cache", "list"), 0),
    (("audit", "verify"), 0),
    (("config", "show"), 0),
    (("template", "list"), 0),
)


def test_off_line_by_wish_nothing_is_asked_and_everything_local_works(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    cli.json("sync")
    mine, film = a_film(cli, 0)["task"], a_film(cli, 1)["task"]
    cli.json("claim", mine)
    hub = Hub((500, {}, b""))
    base = hub.base
    cli.json("init", "--hub", "site", "--fhir", base, "--dicomweb", base, "--no-input")
    hub.asked.clear()
    try:
        for words, code in OFFLINE:
            line = [one.format(mine=mine, film=film) for one in words]
            for before in (True, False):
                told = cli.run(*(["--offline", *line] if before else [*line, "--offline"]), "--json")
                assert told.code == code, (line, told)
                if code == 3:
                    plain(told)
        written(cli, mine)
        rules = cli.run("report", "check", mine, "--json", "--offline").json["rules"]
        lifts = [f"--override={one['id']}=seen" for one in rules]
        signed = cli.json("report", "sign", mine, *lifts, "--offline")
        assert signed["state"] == "signed"
        assert cli.json("report", "verify", signed["report"], "--offline")["valid"] is True
        assert hub.asked == [], "the network was touched"
    finally:
        hub.server.shutdown()
        hub.server.server_close()


KEYRING = """
set -e
printf '%s' "$WORD" | gnome-keyring-daemon --unlock --components=secrets >/dev/null
t="$PYTHON -m teleread"
$t init --hub site --fhir "$FHIR" --dicomweb "$WEB" --reader-id reader --no-input --json
$t sync --json
$t worklist --json >/dev/null
TELEREAD_PIN= $t worklist --json >/dev/null
env -u TELEREAD_PIN $t worklist --json >/dev/null
$t lock --json
if env -u TELEREAD_PIN $t worklist --json; then exit 9; fi
$t worklist --json >/dev/null
"""


@pytest.mark.peer("gnome-keyring")
def test_a_keyring_alone_opens_the_vault_until_it_is_locked(place: Place, tmp_path: Path) -> None:
    for program in ("dbus-run-session", "gnome-keyring-daemon"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: a vault opened by the keyring alone was NOT tried")
    home = tmp_path / "desk"
    home.mkdir()
    where = environment(
        home, TELEREAD_PIN=PIN, HOME=str(tmp_path), WORD="opens the keyring", PYTHON=sys.executable,
        FHIR=place.fhir, WEB=place.dicomweb, PYTHONWARNINGS="ignore", XDG_RUNTIME_DIR=str(tmp_path),
    )  # fmt: skip
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", KEYRING], env=where, cwd=home, capture_output=True, timeout=200
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    assert lines[0]["created"] is True
    assert lines[0]["recovery_code"]
    assert lines[1]["pulled"] > 0
    assert lines[-1]["error"]["code"], "after a lock the keyring alone opens nothing"
    code = tmp_path / "code"
    code.write_text(lines[0]["recovery_code"])
    # Without the session there is no keyring: the recovery code still opens.
    cli = Cli(home, {"TELEREAD_PIN": PIN})
    assert cli.run("worklist", "--json").code == 6
    assert cli.json("worklist", env={"TELEREAD_RECOVERY_CODE_FILE": str(code)})["items"]
    assert PASSPHRASE not in done.stdout.decode()
