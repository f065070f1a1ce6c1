"""Everything a desk leaves on disk, read raw: nothing of a patient, a report or a secret, no open database.

The scan takes every file under the desk's home, its temporary folder included, while the desk and its engine
run and again when they have ended: databases and their logs, packs, ballast, journals of mishaps, settings.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.flow import READER, Place, a_film, set_up, written
from tests.e2e.terminal import Terminal, engine_of, open_report
from tests.e2e.world import PASSPHRASE, PIN, Cli, environment, reports_at

TOKEN = "bearer-0d8f2c1ab7"
FINDING = "zygomaticotemporal"
"""A word of the report that nothing else holds."""
DRAFTED = "sphenopalatine"
"""A word of a draft that stays a draft."""


def both_ways(words: Iterable[str]) -> list[bytes]:
    """Each word as it may stand in a file: UTF-8 and UTF-16; words too short to mean anything left out."""
    found = {word for word in words if len(word) >= 6}
    return sorted({word.encode() for word in found} | {word.encode("utf-16-le") for word in found})


class Needles:
    """Byte strings looked for in many megabytes, upper and lower case alike.

    Args:
        wanted: The strings, at least four bytes each.
    """

    def __init__(self, wanted: Iterable[bytes]) -> None:
        self.folded = sorted({one.lower() for one in wanted})
        self._first = np.zeros(1 << 16, dtype=bool)
        for one in self.folded:
            self._first[one[0] | one[1] << 8] = True

    def within(self, data: bytes) -> list[bytes]:
        """Those that stand in some bytes."""
        lower = data.lower()
        octets = np.frombuffer(lower, dtype=np.uint8).astype(np.uint16)
        places = np.flatnonzero(self._first[octets[:-1] | octets[1:] << 8])
        heads = {lower[place : place + 4] for place in places}
        return [one for one in self.folded if one[:4] in heads and one in lower]


def scan(root: Path, needles: Needles) -> tuple[list[str], int]:
    """Look into every file under a folder and at every name.

    Returns:
        What was found where, and how many bytes were read.
    """
    found: list[str] = []
    total = 0
    for path in sorted(root.rglob("*")):
        where = path.relative_to(root)
        try:
            data = path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else b""
        except FileNotFoundError:  # a database's log that was closed meanwhile
            data = b""
        total += len(data)
        found += [f"{one!r} in {where}" for one in needles.within(data)]
        found += [f"{one!r} names {where}" for one in needles.within(os.fsencode(where))]
    return found, total


def what_must_not_be_seen(cli: Cli) -> list[bytes]:
    """Of every patient on the list, of every held image, of what was written, and of what opens the vault."""
    words = [PASSPHRASE, TOKEN, FINDING, DRAFTED]
    for one in cli.items():
        who = one["patient"]
        words += [who["name"], *who["name"].split("^"), who["id"], who["nhs_number"] or "", who["birth_date"]]
        words += [one["accession"], one["study_uid"]]
        if one["cached"] == "all":
            for series in cli.json("study", one["study_uid"])["series"]:
                words += [series["series_uid"], *(each["sop_uid"] for each in series["instances"])]
    # Any image or dataset in the open names a transfer syntax or a class of DICOM's; any report its schema.
    words += ["1.2.840.10008.", "SQLite format 3", "teleread.report/1", "presentedForm"]
    return both_ways(words)


def test_the_scan_finds_what_is_planted(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "pack").write_bytes(os.urandom(5000) + "OKONKWO^Adaeze".encode("utf-16-le"))
    (tmp_path / "okonkwo.log").write_bytes(b"x")
    found, total = scan(tmp_path, Needles(both_ways(["Okonkwo^adaeze", "OKONKWO", "Li"])))
    assert len(found) == 3, found
    assert total == 5000 + 28 + 1


@pytest.mark.skipif(sys.platform != "linux", reason="finds the engine as Linux tells it")
def test_a_desk_at_work_and_a_desk_at_rest_show_nothing_on_disk(
    cli: Cli, place: Place, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    (cli.home / "tmp").mkdir()
    cli.env["TMPDIR"] = str(cli.home / "tmp")
    made = set_up(cli, place, "--auth", "bearer", "--secret-file", str(secret))
    cli.json("sync")
    case = ready(cli)
    other = next(one for one in cli.items("state:requested modality:CT") if one["instances"] < 100)
    cli.json("fetch", other["task"])
    written(cli, other["task"], f"A word that stays here: {DRAFTED}.")
    desk = Terminal(cli, TELEREAD_PREFETCH_CASES="2")
    try:
        open_report(desk, case["accession"])
        desk.word(FINDING)
        desk.pump(1.0)
        wanted = Needles([*what_must_not_be_seen(cli), made["recovery_code"].encode()])
        assert len(wanted.folded) > 200
        assert engine_of(cli.home) is not None
        found, total = scan(cli.home, wanted)
        assert found == [], "while somebody types"
        assert total > 1_000_000, "images were on disk when it was read"
        sign(desk, case["born"])
        found, _ = scan(cli.home, wanted)
        assert found == [], "after the signature"
        desk.pump(1.0)
        desk.send("g")
        desk.pump(1.0)
        desk.send("q")
        desk.pump(1.0)
        if desk.alive() and "NOT ISSUED" in desk.text():
            desk.send("y")
        assert desk.leave() == 0
    finally:
        desk.kill()
    cli.run("sync", "--json")
    report = cli.json("report", "list")["reports"][0]["report"]
    assert len(reports_at(place.fhir, report)) == 1
    found, _ = scan(cli.home, wanted)
    assert found == [], "at rest"
    the_reader_is_named_in_settings_alone(cli)


def ready(cli: Cli) -> dict[str, str]:
    """A case whose sign sheet has little left to settle."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.waiting_room", "1"],
        env=environment(cli.home, **cli.env),
        capture_output=True,
        timeout=200,
        cwd=cli.home,
    )
    assert done.returncode == 0, done.stderr.decode()
    case: dict[str, str] = json.loads(done.stdout.splitlines()[0])
    return case


def sign(desk: Terminal, born: str) -> None:
    """Open the sign sheet, settle what it asks, sign."""
    desk.send("\x1b[19~")
    desk.wait("nothing is sent yet")
    desk.pump(0.5)
    for _ in range(4):
        if " to settle" in desk.text():
            desk.send("\r")
            desk.pump(0.5)
            desk.send("seen\r")
            desk.pump(0.5)
    desk.send(PIN)
    desk.send("\r")
    desk.wait(" digit. Esc")
    for digit in born[8:10]:
        desk.pump(0.8)  # the same digit twice at once would be a finger that stays on the key
        desk.send(digit)
    desk.wait("Signed ")


def the_reader_is_named_in_settings_alone(cli: Cli) -> None:
    """The name stands in the hub file that the reader wrote, nowhere else."""
    found, _ = scan(cli.home, Needles([READER[3].encode()]))
    assert [one for one in found if "hubs/site.toml" not in one] == []


def test_a_command_that_fails_leaves_no_name_in_its_log(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    cli.json("sync")
    film = a_film(cli)
    family = film["patient"]["name"].partition("^")[0]
    for words in (
        ("worklist", family),
        ("claim", family),
        ("report", "search", family),
        ("fetch", film["study_uid"] + ".9"),
        ("report", "set", film["task"], "findings", f"{family} has {FINDING}"),
        ("image", f"/nowhere/{family}.dcm"),
        ("import", f"/nowhere/{family}"),
    ):
        cli.run(*words, "--json")
    found, _ = scan(cli.home, Needles(both_ways([film["patient"]["name"], film["study_uid"], FINDING])))
    assert found == []
