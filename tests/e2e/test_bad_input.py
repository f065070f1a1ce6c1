"""Bad input of every kind: one plain sentence, the right exit code, nothing lost, and the rest goes on.

`Cli.run` itself refuses a traceback and any escape byte in what a command prints.
"""

from __future__ import annotations

import json
import resource
import socket
import struct
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.flow import Place, a_film, set_up, written
from tests.e2e.world import Cli, Demo, read_json

ESC = "\x1b]52;c;ZXZpbA==\x07\x1b[2J[@click=app.quit]x[/]\u202e\x9b31m"
"""What a hostile name carries: the clipboard, a cleared screen, markup, a reversal, C1."""


def plain(answer: Any) -> None:
    """Words, and few of them."""
    assert answer.err.strip(), answer
    assert len(answer.err) < 1500
    assert "\x07" not in answer.err


@pytest.fixture
def ready(cli: Cli, place: Place) -> Cli:
    """A desk that has pulled once."""
    set_up(cli, place)
    cli.json("sync")
    return cli


@pytest.mark.parametrize(
    ("lever", "code"),
    [
        ("status?code=401&area=fhir&count=20", 4),
        ("status?code=403&area=fhir&count=20", 5),
        ("status?code=404&area=fhir&count=20", 5),
        ("status?code=409&area=fhir&count=20", 5),
        ("status?code=412&area=fhir&count=20", 5),
        ("status?code=500&area=fhir&count=20", 3),
        ("status?code=503&retry_after=1&area=fhir&count=20", 3),
        ("garbage?area=fhir&count=20", 3),
        ("truncate?area=fhir&count=20", 3),
    ],
)
def test_a_hub_that_misbehaves_costs_one_sync_and_nothing_else(
    ready: Cli, demo: Demo, lever: str, code: int
) -> None:
    before = len(ready.items())
    demo.lever(lever)
    try:
        answer = ready.run("sync", "--json")
    finally:
        demo.lever("mend")
    assert answer.code == code, answer
    plain(answer)
    assert len(ready.items()) == before
    assert ready.json("sync")["offline"] is False


def test_a_claim_that_is_refused_says_so_and_keeps_the_list(ready: Cli, demo: Demo) -> None:
    task = a_film(ready)["task"]
    demo.lever("status?code=403&area=fhir&count=20")
    try:
        answer = ready.run("claim", task)
    finally:
        demo.lever("mend")
    assert answer.code == 5, answer
    plain(answer)


def test_an_archive_that_dies_in_the_middle_is_asked_again_for_the_rest(ready: Cli, demo: Demo) -> None:
    study = next(one for one in ready.items("modality:CT state:requested") if 20 < one["instances"] < 100)
    demo.lever("archive-dies?after=7")
    told = ready.json("fetch", study["task"], "--no-priors", "--via", "dicomweb")
    assert told["complete"] is True
    assert told["instances_held"] == study["instances"]
    ready.json("cache", "purge", study["study_uid"])
    demo.lever("archive-dies?after=7")
    again = ready.json("fetch", study["task"], "--no-priors", "--via", "c-get")
    assert again["complete"] is True


def test_an_archive_without_an_answer_is_offline_in_words(ready: Cli, demo: Demo) -> None:
    task = a_film(ready)["task"]
    demo.lever("status?code=503&area=dicom-web&count=50")
    try:
        answer = ready.run("fetch", task, "--via", "dicomweb", timeout=200)
    finally:
        demo.lever("mend")
    assert answer.code == 3, answer
    plain(answer)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://hub.example", 2),
        ("http://hub.example/fhir", 2),
        ("https://user:word@hub.example/fhir", 2),
        ("nonsense", 2),
    ],
)
def test_a_wrong_address_is_refused_before_anything_is_made(cli: Cli, url: str, code: int) -> None:
    answer = cli.run("init", "--hub", "site", "--fhir", url, "--no-input", "--json")
    assert answer.code == code, answer
    plain(answer)
    assert not (cli.home / "data").exists()


def test_an_address_nobody_listens_on_is_offline(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    cli.json("init", "--hub", "site", "--fhir", f"http://127.0.0.1:{port}/fhir", "--no-input")
    answer = cli.run("sync", "--json")
    assert answer.code == 3
    plain(answer)


def test_tls_that_fails_is_told_and_nothing_is_sent(cli: Cli, demo: Demo) -> None:
    cli.json("init", "--hub", "site", "--fhir", demo.fhir.replace("http:", "https:"), "--no-input")
    answer = cli.run("sync", "--json")
    assert answer.code in {1, 3}
    plain(answer)


def test_a_hub_that_never_answers_is_left_after_its_time(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        held: list[socket.socket] = []
        threading.Thread(target=lambda: held.append(silent.accept()[0]), daemon=True).start()
        cli.json("init", "--hub", "site", "--fhir", f"http://127.0.0.1:{port}/fhir", "--no-input")
        answer = cli.run("sync", "--json", timeout=200)
        for one in held:
            one.close()
    assert answer.code == 3
    plain(answer)


def put(demo: Demo, kind: str, ident: str, change: Any) -> None:
    """Change a resource at the demo's hub."""
    found = read_json(f"{demo.fhir}/{kind}/{ident}")
    change(found)
    request = urllib.request.Request(
        f"{demo.fhir}/{kind}/{ident}",
        json.dumps(found).encode(),
        {"Content-Type": "application/fhir+json", "If-Match": f'W/"{found["meta"]["versionId"]}"'},
        method="PUT",
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
        assert answer.status == 200


def test_a_hostile_name_is_inert_wherever_it_is_printed(ready: Cli, demo: Demo) -> None:
    row = a_film(ready, 1)
    task = read_json(f"{demo.fhir}/Task/{row['task'].partition(':')[2]}")
    patient = task["for"]["reference"].partition("/")[2]
    order = task["basedOn"][0]["reference"].partition("/")[2]

    def rename(body: dict[str, Any]) -> None:
        body["name"] = [{"family": "Evil" + ESC, "given": ["Given" + ESC]}]

    def question(body: dict[str, Any]) -> None:
        body["reasonCode"] = [{"text": "Why" + ESC}]
        body["code"]["text"] = "XR Hand" + ESC

    put(demo, "Patient", patient, rename)
    put(demo, "ServiceRequest", order, question)
    put(demo, "Task", task["id"], lambda body: body.update(description="Read" + ESC))
    ready.json("sync")
    for words in (("worklist",), ("worklist", "--json")):
        answer = ready.run(*words)
        assert answer.code == 0
        assert "Evil" in answer.out
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(answer.out)
    draft = ready.run("report", "start", row["task"])
    assert "Why" in draft.out
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(draft.out)


def test_a_study_uid_that_climbs_out_of_the_vault_goes_nowhere(ready: Cli, demo: Demo) -> None:
    row = a_film(ready, 2)
    task = read_json(f"{demo.fhir}/Task/{row['task'].partition(':')[2]}")
    study = task["focus"]["reference"].partition("/")[2]

    def climb(body: dict[str, Any]) -> None:
        for one in body["identifier"]:
            if one.get("system") == "urn:dicom:uid":
                one["value"] = "urn:oid:../../../../evil"

    put(demo, "ImagingStudy", study, climb)
    put(demo, "Task", task["id"], lambda body: body.update(description="again"))
    assert ready.run("sync", "--json").code == 0
    answer = ready.run("fetch", row["task"], "--json")
    assert answer.code not in {0}
    plain(answer)
    assert not list(ready.home.rglob("*evil*"))
    assert len(ready.items()) > 10


@pytest.mark.parametrize(
    "query", ["foo:bar", "due:soon", "due:", "priority:high", "mine:maybe", "report:lost", "x" * 3000]
)
def test_a_query_that_makes_no_sense_exits_2(ready: Cli, query: str) -> None:
    answer = ready.run("worklist", query, "--json")
    assert answer.code == 2
    plain(answer)


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("claim",),
        ("claim", "nowhere:1"),
        ("fetch", "1.2.x"),
        ("report",),
        ("report", "show", "nowhere:1"),
        ("report", "verify", "/does/not/exist"),
        ("report", "correct", "x"),
        ("outbox", "show", "x"),
        ("dictate",),
        ("image", "/does/not/exist.dcm"),
        ("hub", "show", "nowhere"),
        ("config", "set", "nonsense", "1"),
        ("config", "set", "idle_minutes", "never"),
        ("--profile", "../evil", "worklist"),
        ("help", "nonsense"),
        ("claim", "\x1b]0;evil\x07"),
    ],
)
def test_words_that_name_nothing_exit_2(ready: Cli, words: tuple[str, ...]) -> None:
    answer = ready.run(*words, "--json")
    assert answer.code == 2, answer
    plain(answer)
    assert json.loads(answer.out)["error"]["title"]


def test_a_wrong_passphrase_exits_6_and_says_what_to_do(ready: Cli) -> None:
    answer = ready.run("worklist", "--json", env={"TELEREAD_PASSPHRASE": "wrong"})
    assert answer.code == 6
    plain(answer)
    none = ready.run("worklist", "--json", env={"TELEREAD_PASSPHRASE": None})
    assert none.code == 6
    plain(none)


def test_five_wrong_pins_ask_for_the_passphrase_and_nothing_is_signed(ready: Cli) -> None:
    task = a_film(ready)["task"]
    written(ready, task)
    words = ("report", "sign", task, "--override", "study-not-held=read elsewhere", "--json")
    for _ in range(5):
        assert ready.run(*words, env={"TELEREAD_PIN": "wrong-pin"}).code == 6
    blocked = ready.run(*words)
    assert blocked.code == 6
    assert "five times" in blocked.err
    assert ready.json("report", "list")["reports"] == []
    changed = ready.json("key", "pin", env={"TELEREAD_NEW_PIN": "fresh-pin", "TELEREAD_PIN": None})
    assert changed["new_signing_key"] is False


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    """One element, explicit VR little endian."""
    if kind in {b"OB", b"OW", b"SQ", b"UN"}:
        return struct.pack("<HH2sHI", group, number, kind, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, kind, len(value)) + value


def part10(body: bytes, syntax: bytes = b"1.2.840.10008.1.2.1\0") -> bytes:
    """A Part 10 file around a data set."""
    meta = element(2, 0x10, b"UI", syntax)
    return bytes(128) + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + body


def lies() -> dict[str, bytes]:
    """Files that are not what they say."""
    rows = element(0x28, 2, b"US", b"\1\0") + element(0x28, 4, b"CS", b"MONOCHROME2 ")
    size = element(0x28, 0x10, b"US", b"\xff\xff") + element(0x28, 0x11, b"US", b"\xff\xff")
    depth = element(0x28, 0x100, b"US", b"\x10\0") + element(0x28, 0x101, b"US", b"\x10\0")
    depth += element(0x28, 0x102, b"US", b"\x0f\0") + element(0x28, 0x103, b"US", b"\0\0")
    whole = part10(rows + size + depth + element(0x7FE0, 0x10, b"OW", bytes(64)))
    nested = b""
    for _ in range(300):
        nested += struct.pack("<HH2sHI", 0x8, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        nested += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    long = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, 0xFFFFFF00)
    return {
        "size": whole,
        "cut": whole[:-40],
        "nested": part10(nested),
        "length": part10(rows + long),
        "empty": b"",
        "text": b"this is no picture\n" * 50,
    }


@pytest.mark.parametrize("name", ["size", "cut", "nested", "length", "empty", "text"])
def test_a_file_that_lies_is_told_in_words(cli: Cli, tmp_path: Path, name: str) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(lies()[name])
    answer = cli.run("image", str(path), "--png", str(tmp_path / "out.png"), "--json")
    assert answer.code == 1, answer
    plain(answer)
    assert not (tmp_path / "out.png").exists()


def test_a_full_disk_costs_a_fetch_and_nothing_that_was_saved(ready: Cli, demo: Demo) -> None:
    film = a_film(ready, 3)
    written(ready, film["task"], "Kept.")
    study = next(one for one in ready.items("modality:CT state:requested") if 20 < one["instances"] < 100)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Inherited by the command: no file may grow past this, as on a disk without room.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, before[1]))
    try:
        answer = ready.run("fetch", study["task"], "--no-priors", "--json", timeout=200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.code in {1, 3}, answer
    plain(answer)
    assert ready.json("report", "show", film["task"])["sections"]["findings"] == "Kept."
    assert ready.json("fetch", study["task"], "--no-priors")["complete"] is True
