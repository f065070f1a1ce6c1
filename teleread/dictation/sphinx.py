"""Commands alone, by grammar: pocketsphinx hears one of the phrases that can be said, or nothing.

It forces whatever it hears into a phrase, so it is never asked for report text. Needs the extra `sphinx`;
its English model comes with its wheel.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from teleread.model.errors import TelereadError
from teleread.model.text import clean

from .commands import Grammar
from .ports import Bias, Capabilities, HeardWord, Hearing, Utterance, seconds_of

__all__ = ["SphinxCommands", "jsgf"]

_FRAMES_A_SECOND: Final = 100
_WORD: Final = re.compile(r"[a-z']+")
MOST_PHRASES: Final = 400


def jsgf(phrases: Iterable[str]) -> str:
    """A grammar of the JSpeech Grammar Format that takes one of these phrases.

    Args:
        phrases: Small letters; what has no letter in it is left out.
    """
    kept = dict.fromkeys(" ".join(_WORD.findall(phrase.lower())) for phrase in phrases)
    ways = " | ".join(phrase for phrase in list(kept)[:MOST_PHRASES] if phrase)
    return f"#JSGF V1.0;\ngrammar commands;\npublic <command> = {ways};\n"


class SphinxCommands:
    """Implements `Recogniser` for commands alone.

    Args:
        folder: Not used: the model comes with the library. Its name is the engine's.
        phrases: What can be said; every phrase of the commands where none is given.
        library: The module `pocketsphinx`; looked for where none is given.

    Raises:
        TelereadError: The extra is not installed.
    """

    def __init__(
        self, folder: Path | None = None, *, phrases: Iterable[str] | None = None, library: Any = None
    ) -> None:
        native = library if library is not None else _library()
        self._name = folder.name if folder is not None else "pocketsphinx"
        self._decoder = native.Decoder(lm=None, loglevel="FATAL")
        known = [
            phrase
            for phrase in (Grammar().phrases if phrases is None else phrases)
            if all(self._decoder.lookup_word(word) for word in _WORD.findall(phrase.lower()))
        ]
        self._decoder.add_jsgf_string("commands", jsgf(known))
        self._decoder.activate_search("commands")

    @property
    def capabilities(self) -> Capabilities:
        """Commands alone; its confidence tells nothing (measured), so it claims none."""
        return Capabilities(self._name, times=True, commands_only=True)

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        """Hear a command; see the port. A bias changes nothing: the grammar is the bias."""
        length = seconds_of(audio)
        if len(audio) < 2:  # the library fails on nothing
            return Utterance(start, start + length, Hearing((), self._name))
        self._decoder.reinit_feat()  # what it learnt of the room: an utterance is heard the same every time
        self._decoder.start_utt()
        self._decoder.process_raw(audio[: len(audio) & ~1], no_search=False, full_utt=True)
        self._decoder.end_utt()
        words = []
        for part in self._decoder.seg() or () if self._decoder.hyp() is not None else ():
            text = re.sub(r"\(\d+\)$", "", str(part.word))
            if _WORD.fullmatch(text):
                begins = min(part.start_frame / _FRAMES_A_SECOND, length)
                ends = min(max((part.end_frame + 1) / _FRAMES_A_SECOND, begins), length)
                words.append(HeardWord(clean(text, limit=100), start + begins, start + ends, 1.0))
        return Utterance(start, start + length, Hearing(tuple(words), self._name))

    def close(self) -> None:
        """Free the model."""
        self._decoder = None


def _library() -> Any:
    try:
        return importlib.import_module("pocketsphinx")
    except ImportError:
        raise TelereadError(
            "pocketsphinx is not installed.",
            "Commands are heard by the main engine as before.",
            "pip install 'teleread[sphinx]'",
            code="no-dictation",
        ) from None
