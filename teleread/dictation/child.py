"""The recogniser child: the one process that loads speech models.

It caps itself first thing, holds no key and no socket, reads utterances on stdin and answers hearings on
stdout. Started by `teleread.dictation.link`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Any, Final

from teleread.host import limits
from teleread.model.errors import TelereadError

from .agree import together
from .engines import open_engine
from .ports import BYTES_A_SECOND, Bias, Hearing, Recogniser, Utterance

__all__ = ["main"]

MAX_SOUND: Final = 31 * BYTES_A_SECOND


def main() -> int:
    """Serve until stdin ends. Arguments: model folders, the main one first."""
    limits.apply_from_environment()
    inward, outward = _pipes()
    from teleread.imaging import framewire as wire

    try:
        engines = [open_engine(Path(folder)) for folder in sys.argv[1:]]
    except TelereadError as error:
        wire.write_message(outward, _words(error))
        return 1
    wire.write_message(
        outward, {"kind": "hello", "engines": [engine.capabilities.name for engine in engines]}
    )
    while True:
        try:
            request, sound = wire.read_message(inward, MAX_SOUND)
        except (EOFError, wire.BrokenMessageError):
            return 0
        wire.write_message(outward, _answer(engines, request, bytes(sound)))


def _answer(engines: list[Recogniser], request: dict[str, Any], sound: bytes) -> dict[str, Any]:
    try:
        bias = Bias(tuple(map(str, request["phrases"])), str(request["carrier"]))
        heard = [engine.recognise(sound, float(request["start"]), bias) for engine in engines]
    except TelereadError as error:
        return _words(error)
    except Exception as error:  # the boundary of the child: one utterance fails, in words
        return {"kind": "words", "title": "The recogniser failed on that.", "detail": type(error).__name__}
    return {"kind": "heard", "engines": [_told(together(heard))]}


def _told(heard: Utterance) -> list[dict[str, Any]]:
    return [_hearing(one) for one in (heard.best, *heard.others)]


def _hearing(one: Hearing) -> dict[str, Any]:
    rows = [
        [word.text, round(word.start, 3), round(word.end, 3), round(word.confidence, 4)] for word in one.words
    ]
    return {"words": rows, "engine": one.engine, "score": one.score}


def _words(error: TelereadError) -> dict[str, Any]:
    return {
        "kind": "words",
        "title": error.title,
        "detail": error.detail,
        "remedy": error.remedy,
        "code": error.code,
    }


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep stdin and stdout for messages alone: what a library prints must not land between them."""
    inward = os.fdopen(os.dup(0), "rb", buffering=0)
    outward = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return inward, outward


if __name__ == "__main__":
    sys.exit(main())
