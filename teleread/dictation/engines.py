"""Which adapter hears with a model folder: those that come with teleread, and any from an entry point.

An entry point of the group `teleread.recogniser` names a class that is made with a model folder and
implements `Recogniser`; it is imported in the recogniser child alone. A model's manifest says which adapter
it is for.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, cast

from teleread.model.errors import TelereadError

from .ports import Recogniser

__all__ = ["COMMANDS_ONLY", "DEFAULT", "GROUP", "engine_in", "engine_of", "engines", "open_engine", "sort_of"]

GROUP: Final = "teleread.recogniser"
DEFAULT: Final = "whisper"
COMMANDS_ONLY: Final = "sphinx"
"""Forces everything into a command: never one of the engines that report text comes from."""
MANIFEST: Final = "manifest.json"
_OURS: Final = {
    "whisper": "teleread.dictation.whisper.engine:WhisperEngine",
    "sherpa": "teleread.dictation.sherpa:SherpaEngine",
    "sphinx": "teleread.dictation.sphinx:SphinxCommands",
}
_LARGEST_MANIFEST: Final = 1024 * 1024


def engines() -> tuple[str, ...]:
    """Names of the adapters there are."""
    return tuple(sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))}))


def sort_of(names: Sequence[str]) -> str:
    """The adapter that the files of a folder are for; empty where none of ours knows them.

    Args:
        names: Its file names.
    """
    if "model.bin" in names and "tokenizer.json" in names:
        return "whisper"
    if any(name.endswith("tokens.txt") for name in names) and any(name.endswith(".onnx") for name in names):
        return "sherpa"
    return ""


def engine_of(folder: Path) -> str:
    """The adapter that a model in place is for; the default where its manifest tells none."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            return engine_in(json.loads(file.read(_LARGEST_MANIFEST)))
    except (OSError, ValueError, RecursionError):
        return DEFAULT


def engine_in(manifest: object) -> str:
    """The adapter that a manifest tells; the default where it tells none."""
    told = manifest.get("engine", DEFAULT) if isinstance(manifest, dict) else DEFAULT
    return told if isinstance(told, str) else DEFAULT


def open_engine(folder: Path) -> Recogniser:
    """Load a model with its adapter. In the recogniser child alone.

    Raises:
        TelereadError: No such adapter is installed, or it can't load the model.
    """
    return _maker(engine_of(folder))(folder)


def _maker(name: str) -> Callable[[Path], Recogniser]:
    where = _OURS.get(name)
    try:
        if where is not None:
            module, _, made = where.partition(":")
            return cast("Callable[[Path], Recogniser]", getattr(importlib.import_module(module), made))
        for point in entry_points(group=GROUP, name=name):
            return cast("Callable[[Path], Recogniser]", point.load())
    except ImportError:
        pass
    raise TelereadError(
        "The engine for this speech model is not installed.",
        "The model itself is in place. Everything else works as before.",
        "teleread help dictation says which package brings it.",
        code="no-dictation",
    )
