"""Ways into the vault, and its end: recovery, new secrets, lock, a second hub, wipe."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.flow import Place, a_film, from_worklist_to_receipt, set_up, written
from tests.e2e.world import PASSPHRASE, PIN, Cli, Demo, environment

NOBODY: dict[str, str | None] = {"TELEREAD_PASSPHRASE": None, "TELEREAD_PIN": None}


def test_the_recovery_code_opens_and_a_new_pin_makes_a_new_key_while_the_old_stays_own(
    cli: Cli, place: Place, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.write_text(set_up(cli, place)["recovery_code"] + "\n")
    old = from_worklist_to_receipt(cli, place, tmp_path, interrupted=False)
    by_code = {**NOBODY, "TELEREAD_RECOVERY_CODE_FILE": str(code)}
    assert cli.json("worklist", env=by_code)["items"]
    changed = cli.json("key", "pin", env={**by_code, "TELEREAD_NEW_PIN": "another-pin"})
    assert changed["new_signing_key"] is True
    task = a_film(cli)["task"]
    cli.json("claim", task)
    cli.json("fetch", task)
    written(cli, task)
    assert cli.run("report", "sign", task).code == 6, "the old PIN signs nothing"
    new = cli.json("report", "sign", task, env={"TELEREAD_PIN": "another-pin"})
    for one in (old, new):
        verdict = cli.json("report", "verify", one["report"])
        assert (verdict["valid"], verdict["trust"]) == (True, "own")
    wrong = tmp_path / "wrong"
    wrong.write_text("AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGG\n")
    assert cli.run("worklist", env={**NOBODY, "TELEREAD_RECOVERY_CODE_FILE": str(wrong)}).code in {2, 6}


def test_a_new_passphrase_and_a_new_recovery_code_replace_the_old_ones(
    cli: Cli, place: Place, tmp_path: Path
) -> None:
    first = set_up(cli, place)["recovery_code"]
    cli.json("key", "passphrase", env={"TELEREAD_NEW_PASSPHRASE": "a new one altogether"})
    assert cli.run("worklist").code == 6
    fresh = {"TELEREAD_PASSPHRASE": "a new one altogether"}
    assert cli.run("worklist", env=fresh).code == 0
    second = cli.json("key", "recovery", env=fresh)["recovery_code"]
    for text, code in ((first, 6), (second, 0)):
        path = tmp_path / "code"
        path.write_text(text)
        assert cli.run("worklist", env={**NOBODY, "TELEREAD_RECOVERY_CODE_FILE": str(path)}).code == code


def test_secrets_come_from_files_too(cli: Cli, place: Place, tmp_path: Path) -> None:
    set_up(cli, place)
    word, pin = tmp_path / "word", tmp_path / "pin"
    word.write_text(PASSPHRASE + "\n")
    pin.write_text(PIN + "\n")
    files = {**NOBODY, "TELEREAD_PASSPHRASE_FILE": str(word), "TELEREAD_PIN_FILE": str(pin)}
    cli.json("sync", env=files)
    task = a_film(cli)["task"]
    written(cli, task)
    rules = cli.run("report", "check", task, "--json").json["rules"]
    lifts = [f"--override={one['id']}=seen" for one in rules if one["blocking"]]
    assert cli.json("report", "sign", task, *lifts, env=files)["version"] == 1


def test_without_a_pin_the_passphrase_signs_and_a_given_pin_is_wrong(place: Place, tmp_path: Path) -> None:
    home = tmp_path / "bare"
    home.mkdir()
    cli = Cli(home, {"TELEREAD_PASSPHRASE": PASSPHRASE})
    set_up(cli, place)
    cli.json("sync")
    task = a_film(cli)["task"]
    cli.json("claim", task)
    cli.json("fetch", task)
    written(cli, task)
    assert cli.run("report", "sign", task, env={"TELEREAD_PIN": "123456"}).code == 6
    cli.json("report", "sign", task)
    signs = [one for one in cli.json("audit", "list")["rows"] if one["kind"] == "sign"]
    assert signs[-1]["detail"]["authenticated"] == "passphrase"


def test_a_wipe_asks_for_the_exact_number_of_reports_that_would_be_lost(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    cli.json("sync")
    task = a_film(cli)["task"]
    written(cli, task)
    rules = cli.run("report", "check", task, "--json").json["rules"]
    lifts = [f"--override={one['id']}=seen" for one in rules if one["blocking"]]
    signed = cli.json("report", "sign", task, *lifts)
    assert cli.json("wipe", code=5)["error"]["code"] == "undelivered"
    cli.json("wipe", "--discard-undelivered", "2", code=5)
    receipt = cli.json("wipe", "--discard-undelivered", "1")
    assert receipt["discarded"] == [signed["sha256"]]
    assert not (cli.home / "data" / "profiles" / "default").exists()
    assert cli.run("worklist").code == 1
    assert set_up(cli, place)["created"] is True


def test_a_second_hub_is_added_beside_the_first(cli: Cli, place: Place) -> None:
    name = set_up(cli, place)["reader_name"]
    more = cli.json("init", "--hub", "night", "--fhir", place.fhir, "--reader-id", "reader", "--no-input")
    assert (more["created"], more["recovery_code"]) == (False, None)
    assert more["reader_name"] == name != "", "one reader, one name, unless told otherwise"
    assert [one["name"] for one in cli.json("hub", "list")["hubs"]] == ["night", "site"]
    told = cli.json("sync")
    assert len(told["hubs"]) == 2
    bare = cli.items()[0]["task"].partition(":")[2]
    assert cli.run("claim", bare).code == 2, "the same id at two hubs is ambiguous"


def test_the_first_run_wizard_asks_on_a_terminal(demo: Demo, tmp_path: Path) -> None:
    home = tmp_path / "desk"
    home.mkdir()
    answers = ["north", demo.fhir, demo.dicomweb, "", "reader", "Dr Typed", ""]
    secrets = ["words to open", "words to open", "135791", "135791"]
    said = typed_at_a_terminal(home, ["init"], [*answers, *secrets])
    assert "Recovery code" in said
    assert "signed as Dr Typed" in said
    assert "135791" not in said
    assert Cli(home, {"TELEREAD_PASSPHRASE": "words to open"}).json("sync")["pulled"] > 0


def typed_at_a_terminal(home: Path, words: list[str], answers: list[str]) -> str:
    """Run a command in a pty, answering each question as it comes; what the terminal showed."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "teleread", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(home, TERM="xterm"),
        cwd=home,
        start_new_session=True,
    )
    os.close(slave)
    said, left, asked = "", list(answers), 0
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([master], [], [], 0.2)[0]:
            try:
                data = os.read(master, 4096)
            except OSError:
                break
            said += data.decode("utf-8", "replace")
        elif left and said.count(": ") > asked:
            asked = said.count(": ")
            os.write(master, left.pop(0).encode() + b"\n")
        elif child.poll() is not None:
            break
    assert child.wait(20) == 0, said
    os.close(master)
    return said
