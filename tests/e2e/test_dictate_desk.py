"""Dictation at the reading desk, in a real terminal, without a microphone: from sound to a delivered report.

The sound comes by a FIFO, by a sound server that plays into a null sink, or by a recorder that goes away; it
is heard by a real model in its child. Key words, sides and denials are looked at, never letters: another
processor rounds otherwise.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from teleread.dictation.audio import read_wav
from teleread.dictation.extra import installed
from teleread.dictation.models import available, install
from teleread.dictation.ports import BYTES_A_SECOND
from tests.e2e.flow import Place, delivered, set_up
from tests.e2e.terminal import COLUMNS, LINES, Terminal, kill_engine, open_report
from tests.e2e.test_dictate import KEY_WORDS, SOUND, heard_well
from tests.e2e.test_full_disk import fill
from tests.e2e.test_kill_tui import Case, Storm, make_ready
from tests.e2e.world import Cli, Demo
from tests.peers.pulse import sound_server

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="finds children as Linux tells them"),
    pytest.mark.skipif(
        not (installed() and available()) and not os.environ.get("TELEREAD_REQUIRE_DICTATION"),
        reason="the extra `dictation` or a package with a speech model is not here: these tests did NOT run",
    ),
]

MODEL = "whisper-tiny.en"
FIRST_WORDS = {"heart", "enlarged"}
"""Of the first sentence, which ends before `MIDDLE` does."""
MIDDLE = int(2.6 * BYTES_A_SECOND) & ~1
"""Bytes up to the middle of the second sentence."""
F3, F4 = "\x1bOR", "\x1bOS"
PEDAL = "\x1b[25~"
"""The left pedal: F13 as terminals send it."""
PAUSE = bytes(BYTES_A_SECOND)
"""A breath: it ends an utterance."""
WRONG = {"consolidation", "right", "lung"}
"""Of: there is consolidation in the right lung. That was wrong, and is taken back."""


@dataclass
class Room:
    """A desk with cases that wait for their report, and a model in place."""

    cli: Cli
    demo: Demo
    place: Place
    cases: list[Case]
    disk: Path | None
    """Where it lies on a small disk of its own."""
    open: list[Terminal] = field(default_factory=list)

    def sit_down(self, source: str, **more: str) -> tuple[Terminal, Case]:
        """Open the next case's report and switch the microphone on."""
        case = self.cases.pop()
        return self.dictating(case, source, **more), case

    def dictating(self, case: Case, source: str, **more: str) -> Terminal:
        """A desk on a case, its microphone on."""
        desk = self.at(case, source, **more)
        desk.send(F4)
        desk.wait("listening")
        return desk

    def at(self, case: Case, source: str, **more: str) -> Terminal:
        """A desk on a case, typing into its report."""
        desk = Terminal(self.cli, size=(COLUMNS, LINES), TELEREAD_DICTATION_SOURCE=source, **more)
        self.open.append(desk)
        open_report(desk, case.accession)
        return desk

    def findings(self, case: Case) -> str:
        """What is on disk."""
        return str(self.cli.json("report", "show", case.draft)["sections"]["findings"])

    def leave(self) -> None:
        """End what a test left open."""
        for desk in self.open:
            if desk.alive():
                desk.kill()
        self.open.clear()
        kill_engine(self.cli.home)


@contextlib.contextmanager
def small_disk(point: Path) -> Iterator[Path | None]:
    """A disk of 160 MiB of its own, where one can be mounted."""
    options = ["-o", "size=160m,mode=700"]
    mounted = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(point)], capture_output=True)
    if mounted.returncode:
        yield None
        return
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


@pytest.fixture(scope="module")
def furnished(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    point = tmp_path_factory.mktemp("disk")
    speech = tmp_path_factory.mktemp("speech")
    install(speech, MODEL)
    with small_disk(point) as disk:
        cli = Cli(point / "desk")
        (cli.home / "data").mkdir(parents=True)
        (cli.home / "data" / "speech").symlink_to(speech)
        place = Place(demo.fhir, demo.dicomweb, demo.dimse, demo.stop, lambda: demo.fhir)
        set_up(cli, place)
        cli.json("sync")
        yield Room(cli, demo, place, make_ready(cli, 8), disk)


@pytest.fixture
def room(furnished: Room) -> Iterator[Room]:
    yield furnished
    furnished.leave()


class Fifo:
    """Somebody who speaks into a FIFO and can stop in the middle of a word."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sound"
        os.mkfifo(self.path)
        self._end: int | None = None

    def speak(self, sound: bytes) -> None:
        """Say something; returns when all of it was taken."""
        if self._end is None:
            self._end = os.open(self.path, os.O_WRONLY)
        for at in range(0, len(sound), 4096):
            os.write(self._end, sound[at : at + 4096])

    def fall_silent(self) -> None:
        """Close it."""
        if self._end is not None:
            os.close(self._end)
            self._end = None


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    made = Fifo(tmp_path)
    yield made
    made.fall_silent()


def until(desk: Terminal, seen: Callable[[], object], seconds: float = 120.0) -> None:
    """Read what is drawn until something is so."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, f"it did not come to pass\n{desk.text()}"
        desk.pump(0.1)


def words_of(desk: Terminal) -> set[str]:
    """Words on the screen."""
    return {word.strip(".,“”") for word in desk.text().lower().split()}


def all_heard(desk: Terminal) -> None:
    """Until the microphone is off and the sentences are in the text."""
    until(desk, lambda: len(KEY_WORDS - words_of(desk)) <= 1 and not still(desk))


def still(desk: Terminal) -> bool:
    """Whether words may still come."""
    return any(word in desk.text() for word in ("listening", "hearing", "recognising"))


def child_of(desk: Terminal, program: str) -> int | None:
    """Process id of a child of a desk."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            continue
        if parent == desk.pid and any(program in word for word in words):
            return int(folder.name)
    return None


def read_all(desk: Terminal) -> None:
    """Settle every marked word by its key."""
    for _ in range(30):
        if "unread" not in desk.text():
            return
        desk.send(F3)
        desk.pump(0.4)
    raise AssertionError(f"words stay unread\n{desk.text()}")


@pytest.mark.parametrize("way", ["fifo", "a sound server"])
def test_from_sound_at_the_desk_to_a_signed_delivered_report(
    room: Room, way: str, fifo: Fifo, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        if way == "fifo":
            desk, case = room.sit_down(f"fifo:{fifo.path}")
            fifo.speak(read_wav(SOUND))
            fifo.fall_silent()
        else:
            server = stack.enter_context(sound_server(tmp_path))
            mine = {name: value for name, value in server.environment.items() if name.startswith("PULSE")}
            desk, case = room.sit_down("parec", TELEREAD_DICTATION_DEVICE=server.microphone, **mine)
            server.play(bytes(BYTES_A_SECOND) + read_wav(SOUND) + bytes(BYTES_A_SECOND))
            until(desk, lambda: len(KEY_WORDS - words_of(desk)) <= 1)
            desk.send(F4)
        all_heard(desk)
        read_all(desk)
        sign(room, desk, case)
    assert heard_well(room.findings(case))


def test_a_new_user_dictates_a_normal_chest_with_one_correction_by_pedal_and_signs(
    room: Room, fifo: Fifo
) -> None:
    """One sitting: the foot on the pedal, a hand on F3; only the sign sheet asks for more."""
    case = room.cases.pop()
    desk = room.at(case, f"fifo:{fifo.path}")

    def say(name: str) -> None:
        fifo.speak(read_wav(SOUND.parent / f"{name}.wav") + PAUSE)

    desk.send(PEDAL)
    desk.wait("listening")
    say("normal-chest")
    until(desk, lambda: {"heart", "effusion"} <= words_of(desk))
    before = words_of(desk)
    say("right-lung")
    until(desk, lambda: (words_of(desk) - before) & WRONG)
    say("scratch-that")
    until(desk, lambda: not (words_of(desk) - before) & WRONG)
    say("lungs-clear")
    until(desk, lambda: {"lungs", "clear"} & (words_of(desk) - before))
    desk.send(PEDAL)
    until(desk, lambda: not still(desk))
    read_all(desk)
    text = room.findings(case)
    assert heard_well(text)
    assert not WRONG & {word.strip(".,").lower() for word in text.split()}
    sign(room, desk, case)


def sign(room: Room, desk: Terminal, case: Case) -> None:
    """By the sign sheet, to the hub; the sound is gone with it."""
    assert sounds(room, case) != []
    for step in Storm(room.cli, room.demo, random.Random(0), 1.0).sign_steps(desk, case):
        step()
    until(desk, lambda: desk.signed)
    desk.kill()
    kill_engine(room.cli.home)
    room.cli.json("sync")
    report = next(one for one in room.cli.json("report", "list")["reports"] if one["task"] == case.task)
    delivered(room.cli, room.place, report)
    assert sounds(room, case) == []


def sounds(room: Room, case: Case) -> list[Path]:
    """Files of sound beside a case's draft."""
    return [path for path in room.cli.home.rglob("*.sound") if path.parent.name == case.draft]


def test_a_recogniser_killed_in_mid_utterance_costs_no_word(room: Room, fifo: Fifo) -> None:
    desk, case = room.sit_down(f"fifo:{fifo.path}")
    sound = read_wav(SOUND)
    fifo.speak(sound[:BYTES_A_SECOND])
    desk.wait("hearing")
    until(desk, lambda: child_of(desk, "teleread.dictation.child"))
    child = child_of(desk, "teleread.dictation.child")
    assert child is not None
    os.kill(child, signal.SIGKILL)
    fifo.speak(sound[BYTES_A_SECOND:])
    fifo.fall_silent()
    all_heard(desk)
    assert heard_well(room.findings(case))


def test_a_microphone_that_is_unplugged_in_mid_utterance_keeps_what_was_said(
    room: Room, fifo: Fifo, tmp_path: Path
) -> None:
    recorder = tmp_path / "bin" / "parec"
    recorder.parent.mkdir()
    recorder.write_text(f"#!/bin/sh\nexec cat '{fifo.path}'\n")
    recorder.chmod(0o700)
    desk, case = room.sit_down("parec", PATH=f"{recorder.parent}:{os.environ['PATH']}")
    sound = read_wav(SOUND)[:MIDDLE]
    fifo.speak(sound[:BYTES_A_SECOND])
    desk.wait("hearing")
    fifo.speak(sound[BYTES_A_SECOND:])
    fifo.fall_silent()  # the recorder ends as it does when its device is pulled out
    desk.wait("went away")
    until(desk, lambda: not still(desk) and words_of(desk) >= FIRST_WORDS)
    kept = {word.strip(".,").lower() for word in room.findings(case).split()}
    assert kept >= {*FIRST_WORDS, "not"}
    assert held(room, case) >= len(sound)


def test_a_full_disk_in_mid_utterance_costs_no_word(room: Room, fifo: Fifo) -> None:
    if room.disk is None:
        pytest.skip("A SMALL DISK CAN'T BE MOUNTED HERE (root only): the full disk was not tried")
    desk, case = room.sit_down(f"fifo:{fifo.path}")
    sound = read_wav(SOUND)
    fifo.speak(sound[:BYTES_A_SECOND])
    desk.wait("hearing")
    try:
        fill(room.disk)
        fifo.speak(sound[BYTES_A_SECOND:])
        fifo.fall_silent()
        desk.wait("disk is full")
        until(desk, lambda: not still(desk))
        assert plain_sound_is_nowhere(room, sound)
    finally:
        (room.disk / "fill").unlink()
    desk.send(F4)  # there is room again: what only memory held is heard now
    until(desk, lambda: len(KEY_WORDS - words_of(desk)) <= 1)
    assert heard_well(room.findings(case))
    assert held(room, case) >= len(sound)


def plain_sound_is_nowhere(room: Room, sound: bytes) -> bool:
    """Whether no file beside a draft holds sound as it is."""
    loud = max((sound[at : at + 64] for at in range(0, len(sound) - 64, 64)), key=lambda part: len(set(part)))
    return not any(loud in path.read_bytes() for path in (room.cli.home / "data").rglob("*.sound"))


@pytest.mark.parametrize("end", ["killed", "its window closed"])
def test_a_terminal_that_goes_in_mid_utterance_leaves_all_sound_to_be_heard(
    room: Room, fifo: Fifo, end: str
) -> None:
    desk, case = room.sit_down(f"fifo:{fifo.path}")
    sound = read_wav(SOUND)[:MIDDLE]
    fifo.speak(sound[:BYTES_A_SECOND])
    desk.wait("hearing")
    os.kill(child := wait_for_child(desk), signal.SIGSTOP)  # the words never come: nothing is heard yet
    fifo.speak(sound[BYTES_A_SECOND:])
    until(desk, lambda: held(room, case) >= len(sound) - BYTES_A_SECOND // 4)
    if end == "killed":
        desk.kill()
    else:
        os.kill(desk.pid, signal.SIGHUP)
        desk.leave(60.0)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    fifo.fall_silent()
    kept = held(room, case)
    assert kept >= (len(sound) if end != "killed" else len(sound) - BYTES_A_SECOND // 4)
    again = room.at(case, f"fifo:{fifo.path}")
    until(again, lambda: words_of(again) >= FIRST_WORDS and not still(again))
    assert "not" in room.findings(case).split()


def wait_for_child(desk: Terminal) -> int:
    """The recogniser, once it runs."""
    until(desk, lambda: child_of(desk, "teleread.dictation.child"))
    child = child_of(desk, "teleread.dictation.child")
    assert child is not None
    return child


SEALED = 28
"""Bytes that sealing adds to a segment: a nonce and a tag."""


def held(room: Room, case: Case) -> int:
    """Bytes of sound beside a draft."""
    total = 0
    for path in sounds(room, case):
        with contextlib.suppress(OSError):
            total += path.stat().st_size - SEALED
    return total
