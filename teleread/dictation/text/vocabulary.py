"""The word lists of the pipeline, read once from `vocabulary.toml`."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources
from typing import Any, Final

__all__ = ["pairs", "words"]

_FILE: Final = "vocabulary.toml"


@lru_cache(maxsize=64)
def words(name: str) -> frozenset[str]:
    """A list of words, by its name under ``[words]``."""
    return frozenset(str(_all()["words"][name]).split())


@lru_cache(maxsize=64)
def pairs(name: str) -> dict[tuple[str, ...], str]:
    """A table of phrases, by its name: words said (small letters) to what is written."""
    return {tuple(said.split()): str(written) for said, written in _all()[name].items()}


@lru_cache(maxsize=1)
def _all() -> dict[str, Any]:
    raw = (resources.files("teleread.dictation.text") / _FILE).read_text("utf-8")
    return tomllib.loads(raw)
