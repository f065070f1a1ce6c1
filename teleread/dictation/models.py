"""Speech models on this machine: put in place whole and verified, or not at all. Nothing is fetched here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

from teleread.host.paths import check_name
from teleread.model.errors import IntegrityError, UsageError

from .engines import COMMANDS_ONLY, DEFAULT, MANIFEST, engine_in, engines, sort_of

__all__ = ["Model", "available", "in_use", "install", "known_names", "models", "verify"]

NEEDED: Final = ("model.bin", "config.json", "tokenizer.json")
MOST_FILES: Final = 40
"""Files of a model for another engine."""
TAKEN: Final = frozenset(
    {*NEEDED, "vocabulary.txt", "vocabulary.json", "preprocessor_config.json", "LICENSE", "LICENSE.txt"}
)
LARGEST: Final = 2 * 1024**3
"""Largest file of a model, bytes."""
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _KnownFile:
    name: str
    sha256: str
    ways: tuple[tuple[str, ...], ...]
    """Ways to get it: each a row of ``package:path`` to be joined."""


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    title: str
    rank: int
    files: tuple[_KnownFile, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A model in place."""

    name: str
    folder: Path
    rank: int
    """Known models by how good they are; a folder of the reader's own comes first."""
    sha256: str
    """Of its weights."""
    known: bool = field(default=False)
    engine: str = DEFAULT
    """The adapter that hears with it (`teleread.dictation.engines`)."""


@lru_cache(maxsize=1)
def _known() -> dict[str, _Known]:
    raw = tomllib.loads((resources.files("teleread.dictation") / "models.toml").read_text("utf-8"))
    return {name: _read_known(name, one) for name, one in raw.items()}


def _read_known(name: str, raw: dict[str, Any]) -> _Known:
    files = tuple(
        _KnownFile(file, str(told["sha256"]), tuple(tuple(way) for way in told["parts"]))
        for file, told in raw["files"].items()
    )
    return _Known(name, str(raw["title"]), int(raw["rank"]), files)


def known_names() -> dict[str, str]:
    """Names that can be installed, and what they are."""
    return {name: one.title for name, one in _known().items()}


def models(folder: Path) -> tuple[Model, ...]:
    """The models in place, the best first.

    Args:
        folder: Where models lie.
    """
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        with contextlib.suppress(OSError, ValueError, KeyError):
            told = json.loads((path / MANIFEST).read_text("utf-8"))
            known = _known().get(path.name)
            weights = _sum_of(told["files"])
            certain = known is not None and weights == _weights(known)
            rank = known.rank if known is not None and certain else 10
            found.append(Model(path.name, path, rank, weights, certain, engine_in(told)))
    return tuple(sorted(found, key=lambda one: (-one.rank, one.name)))


def _sum_of(files: dict[str, dict[str, Any]]) -> str:
    """The checksum of the weights; over all files where they are not one."""
    if "model.bin" in files:
        return str(files["model.bin"]["sha256"])
    rows = "".join(f"{one['sha256']}  {name}\n" for name, one in sorted(files.items()))
    return hashlib.sha256(rows.encode()).hexdigest()


def _weights(known: _Known) -> str:
    return next(one.sha256 for one in known.files if one.name == "model.bin")


def available() -> tuple[str, ...]:
    """Known models that an installed package brings, though they are not in place yet."""
    return tuple(
        name
        for name, known in _known().items()
        if all(any(_ways_open(way) for way in file.ways) for file in known.files)
    )


def in_use(folder: Path, most: int = 2) -> tuple[Model, ...]:
    """The models dictation works with: the best, and a second one to disagree with it.

    A known one that an installed package brings is put in place first.

    Raises:
        UsageError: There is none.
    """
    if not models(folder):
        for name in available():
            install(folder, name)
    found = tuple(one for one in models(folder) if one.engine != COMMANDS_ONLY)
    if not found:
        raise UsageError(
            "No speech model is installed.",
            "Everything else works as before.",
            "teleread dictation install PATH|NAME; teleread help dictation says where they come from.",
            code="no-model",
        )
    return found[:most]


def install(folder: Path, what: str, name: str = "", engine: str = "") -> Model:
    """Put a model in place.

    Args:
        folder: Where models lie.
        what: A known name; or a folder, a wheel, or a folder of wheels that holds a model.
        name: What to call it; a known one keeps its name.
        engine: The adapter it is for; told by its files where none is given.

    Raises:
        UsageError: There is no model there.
        IntegrityError: A known model's bytes are not what they should be.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = Path(what).expanduser()
    if what in _known() and not path.exists():
        return _place(folder, what, _from_packages(_known()[what]))
    if not path.exists():
        raise UsageError(
            "There is no such model, and no such file.",
            "Known by name: " + ", ".join(_known()) + ".",
            "Give one of these, or the path of a model folder or wheel.",
            code="no-model",
        )
    if path.is_dir() and all((path / one).is_file() for one in NEEDED) and engine in {"", DEFAULT}:
        files = {one.name: [one] for one in sorted(path.iterdir()) if one.name in TAKEN}
        return _place(folder, name or _named(path.name, files), files)
    meant = engine or (sort_of([one.name for one in path.iterdir()]) if path.is_dir() else "")
    if path.is_dir() and meant not in {"", DEFAULT}:
        return _place_other(folder, path, name, meant)
    wheels = sorted(path.glob("*.whl")) if path.is_dir() else [path]
    with contextlib.ExitStack() as stack:
        return _from_wheels(folder, wheels, name, stack)


def _place_other(folder: Path, path: Path, name: str, engine: str) -> Model:
    """A folder for another adapter, with all its files."""
    if engine not in engines():
        raise UsageError(
            "There is no such engine.",
            "There are: " + ", ".join(engines()) + ".",
            "teleread help dictation says which package brings which.",
            code="no-engine",
        )
    found = [one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith(".")]
    files = {one.name: [one] for one in found if one.name != MANIFEST}
    if not 0 < len(files) <= MOST_FILES:
        raise _no_model()
    return _place(folder, check_name(name or path.name, "model"), files, engine)


_Source = Path | tuple[zipfile.ZipFile, str]


def _from_packages(known: _Known) -> dict[str, list[_Source]]:
    out: dict[str, list[_Source]] = {}
    for file in known.files:
        way = next((way for way in file.ways if _ways_open(way)), None)
        if way is None:
            packages = sorted({part.partition(":")[0].replace("_", "-") for way in file.ways for part in way})
            raise UsageError(
                f"The package that brings {known.name} is not installed.",
                "Nothing was changed.",
                f"pip install one of these, all parts of it: {', '.join(packages)}.",
                code="no-model",
            )
        out[file.name] = [_in_package(part) for part in way]
    return out


def _ways_open(way: Sequence[str]) -> bool:
    return all(_package_file(part) is not None for part in way)


def _in_package(part: str) -> Path:
    found = _package_file(part)
    assert found is not None
    return found


def _package_file(part: str) -> Path | None:
    """A file of an installed package, found without running any of its code."""
    package, _, inside = part.partition(":")
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(place) / inside
        if path.is_file():
            return path
    return None


def _from_wheels(folder: Path, wheels: Sequence[Path], name: str, stack: contextlib.ExitStack) -> Model:
    """A model out of wheels: files by their name, those in numbered parts joined."""
    found: dict[str, list[tuple[str, _Source]]] = {}
    for wheel in wheels[:8]:
        try:
            archive = stack.enter_context(zipfile.ZipFile(wheel))
        except (OSError, zipfile.BadZipFile):
            raise _no_model() from None
        for entry in archive.infolist():
            plain = re.sub(r"\.part\d+$", "", entry.filename.rpartition("/")[2])
            if plain in TAKEN and entry.file_size <= LARGEST:
                found.setdefault(plain, []).append((entry.filename, (archive, entry.filename)))
    files = {
        plain: [source for _, source in sorted(rows, key=lambda row: row[0].rpartition("/")[2])]
        for plain, rows in found.items()
    }
    for plain in set(files) - {"model.bin"}:
        files[plain] = files[plain][:1]
    if any(one not in files for one in NEEDED):
        raise _no_model()
    return _place(folder, name or _named("model", files), files)


def _named(fallback: str, files: dict[str, list[Any]]) -> str:
    """The name of a known model by its weights; else what its folder was called."""
    sha = hashlib.sha256()
    for piece in _pieces(files["model.bin"]):
        sha.update(piece)
    known = {_weights(one): one.name for one in _known().values()}
    return known.get(sha.hexdigest(), check_name(fallback, "model"))


def _place(folder: Path, name: str, files: dict[str, Any], engine: str = DEFAULT) -> Model:
    """Copy the files beside each other, verified, then under their name at once."""
    if engine == DEFAULT and any(one not in files for one in NEEDED):
        raise _no_model()
    part = folder / f".{check_name(name, 'model')}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    try:
        told = {plain: _copy(sources, part / plain) for plain, sources in files.items()}
        _compare(name, told)
        (part / MANIFEST).write_text(json.dumps({"engine": engine, "files": told}, indent=1) + "\n", "utf-8")
        final = folder / name
        shutil.rmtree(final, ignore_errors=True)
        part.replace(final)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return next(one for one in models(folder) if one.name == name)


def _compare(name: str, told: dict[str, dict[str, Any]]) -> None:
    known = _known().get(name)
    for file in known.files if known is not None else ():
        if told.get(file.name, {}).get("sha256") != file.sha256:
            raise IntegrityError(
                f"The model {name} is not the one it should be.",
                f"{file.name} has another checksum. Nothing was changed.",
                "Take it from its package again, or install it under another name.",
                code="model-damaged",
            )


def _copy(sources: Sequence[_Source], to: Path) -> dict[str, Any]:
    sha, size = hashlib.sha256(), 0
    with to.open("wb") as file:
        for piece in _pieces(sources):
            size += len(piece)
            if size > LARGEST:
                raise _no_model()
            sha.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return {"sha256": sha.hexdigest(), "bytes": size}


def _pieces(sources: Sequence[_Source]) -> Iterator[bytes]:
    for source in sources:
        with _opened(source) as file:
            while piece := file.read(_PIECE):
                yield piece


def _opened(source: _Source) -> IO[bytes]:
    return source.open("rb") if isinstance(source, Path) else source[0].open(source[1])


def verify(model: Model) -> bool:
    """Whether every byte of a model is as it was installed."""
    try:
        told = json.loads((model.folder / MANIFEST).read_text("utf-8"))["files"]
        return all(_digest(model.folder / name) == one["sha256"] for name, one in told.items())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _no_model() -> UsageError:
    return UsageError(
        "There is no speech model in that.",
        "Whisper has model.bin, config.json and tokenizer.json; sherpa-onnx tokens.txt and .onnx files.",
        "teleread help dictation says which models fit.",
        code="no-model",
    )
