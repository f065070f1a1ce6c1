"""Dictation end to end, without a microphone: from sound to a signed, delivered report."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from teleread.dictation.audio import FifoSource, read_wav
from teleread.dictation.bias import CaseWords
from teleread.dictation.extra import installed
from teleread.dictation.link import ChildRecogniser
from teleread.dictation.models import available, in_use
from teleread.dictation.ports import Bias
from teleread.dictation.session import Dictation
from tests.e2e.flow import Place, a_film, delivered, set_up
from tests.e2e.world import Cli

SOUND = Path(__file__).parent.parent / "data" / "dictation" / "normal-chest.wav"
KEY_WORDS = {"heart", "not", "enlarged", "no", "pleural", "effusion", "left"}
"""Of: the heart is not enlarged. No pleural effusion on the left. Another processor rounds otherwise: it
is not held to the letter; but a side or a denial is never lost."""

pytestmark = pytest.mark.skipif(
    not (installed() and available()) and not os.environ.get("TELEREAD_REQUIRE_DICTATION"),
    reason="the extra `dictation` or a package with a speech model is not here: these tests did NOT run",
)

NO_SOCKETS = """
import sys

def refuse(event, args):
    if event.startswith("socket."):
        raise RuntimeError("a socket was asked for")

sys.addaudithook(refuse)
from teleread.dictation.child import main
sys.exit(main())
"""


def heard_well(text: str) -> bool:
    """Whether the sentences' sides and denials are there and at most one of their other words is wrong."""
    words = {word.strip(".,").lower() for word in text.split()}
    return {"not", "no", "left"} <= words and "right" not in words and len(KEY_WORDS - words) <= 1


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The models that installed packages bring, put in place and verified."""
    return [one.folder for one in in_use(tmp_path_factory.mktemp("speech"), most=1)]


@pytest.fixture
def hearing(folders: list[Path]) -> Iterator[ChildRecogniser]:
    made = ChildRecogniser(folders, patience=300)
    yield made
    made.close()


def test_a_wav_file_becomes_text_with_times_marks_and_its_engine(cli: Cli, tmp_path: Path) -> None:
    context = tmp_path / "context.json"
    context.write_text(json.dumps({"procedure": "Chest X-ray", "modality": "DX", "body_part": "chest"}))
    told = cli.json("dictate", "--wav", str(SOUND), "--context", str(context))
    assert heard_well(told["report_text"])
    words = [word for one in told["utterances"] for word in one["words"]]
    assert heard_well(" ".join(word["text"] for word in words))
    starts = [word["start"] for word in words]
    assert starts == sorted(starts)
    assert all(0 <= word["start"] <= word["end"] <= 6.5 and 0 <= word["confidence"] <= 1 for word in words)
    assert {one["command"] for one in told["utterances"]} == {None}
    assert told["engine"].startswith("whisper-")


def test_doctor_tries_the_microphone_its_level_and_a_phrase(cli: Cli) -> None:
    env = {"TELEREAD_DICTATION_SOURCE": f"wav:{SOUND.parent / 'lungs-clear.wav'}"}
    told = {one["check"]: one for one in cli.json("doctor", "--microphone", env=env, code=1)["checks"]}
    assert told["microphone"]["ok"]
    assert "voice -1" in told["microphone"]["detail"]
    assert told["phrase"]["ok"]
    assert {"lungs", "clear"} & set(told["phrase"]["detail"].lower().replace(".", "").split())
    assert not told["vault"]["ok"]  # that is why it exits 1: there is none yet


def test_bad_sound_bad_context_and_an_unknown_model_exit_2_in_words(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"no sound")
    (tmp_path / "x.json").write_text("[]")
    for words in (
        ("--wav", str(tmp_path / "x.wav")),
        ("--wav", str(tmp_path / "nothing.wav")),
        ("--wav", str(SOUND), "--context", str(tmp_path / "x.json")),
        ("--wav", str(SOUND), "--model", "nonsense"),
        ("--wav", str(SOUND), "--task", "a:1", "--context", "x"),
    ):
        assert cli.json("dictate", *words, code=2)["error"]["title"], words


def test_models_are_listed_verified_and_a_changed_one_is_told(cli: Cli) -> None:
    name = available()[0]
    assert cli.json("dictation", "install", name)["name"] == name
    assert [one["whole"] for one in cli.json("dictation", "list")["models"]] == [True]
    weights = next(cli.home.rglob("model.bin"))
    with weights.open("r+b") as file:
        file.seek(1000)
        file.write(b"changed")
    assert [one["whole"] for one in cli.json("dictation", "list")["models"]] == [False]


def test_no_dictation_path_opens_a_socket(folders: list[Path]) -> None:
    made = ChildRecogniser(folders, argv=(sys.executable, "-c", NO_SOCKETS), patience=300)
    try:
        assert made.recognise(read_wav(SOUND), 0.0, Bias()).best.words
    finally:
        made.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFO")
def test_a_fifo_is_heard_and_a_child_killed_before_it_loses_nothing(
    hearing: ChildRecogniser, tmp_path: Path
) -> None:
    hearing.recognise(bytes(32000), 0.0, Bias())
    pid = hearing.pid
    assert pid is not None
    os.kill(pid, 9)
    path = tmp_path / "fifo"
    os.mkfifo(path)
    source = FifoSource(path)
    writer = threading.Thread(target=lambda: path.write_bytes(read_wav(SOUND)))
    writer.start()
    said = list(Dictation(hearing, CaseWords(procedure="Chest X-ray")).listen(source))
    writer.join()
    assert heard_well(" ".join(one.text for one in said))
    assert hearing.restarts == 1


def test_from_sound_to_a_signed_delivered_report(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    cli.json("sync")
    task = a_film(cli)["task"]
    cli.json("claim", task)
    draft = cli.json("report", "start", task)
    told = cli.json("dictate", "--wav", str(SOUND), "--task", task)
    assert heard_well(told["report_text"])
    for section, text in draft["sections"].items():
        if section in {"findings", "impression"}:
            cli.json("report", "set", task, section, told["report_text"])
        elif "[" in text:
            cli.json("report", "set", task, section, text.replace("[", "").replace("]", ""))
    blocked = {rule["id"] for rule in cli.json("report", "check", task, code=5)["rules"] if rule["blocking"]}
    over = [word for rule in sorted(blocked) for word in ("--override", f"{rule}=read elsewhere")]
    signed = cli.json("report", "sign", task, *over)
    cli.json("sync")
    delivered(cli, place, signed)
