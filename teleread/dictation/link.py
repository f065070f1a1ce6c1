"""The parent's end of the recogniser child: started early, capped, watched, and replaced when it dies."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from teleread.host.spawn import spawn_capped
from teleread.model.errors import TelereadError
from teleread.model.text import clean

from .ports import Bias, Capabilities, HeardWord, Hearing, Utterance, seconds_of

__all__ = ["ChildRecogniser"]

MEMORY: Final = 3 * 1024**3
"""Address space of a child, bytes. It uses a tenth of that: what is mapped counts, not what is touched."""
LIFETIME_CPU: Final = 4 * 3600
"""Processor seconds of a child's life; it is replaced at half of them."""
START_TIMEOUT: Final = 60.0
ANSWER_TIMEOUT: Final = 60.0
"""Seconds one utterance may take, both models together."""
TRIES: Final = 3
"""How often the same sound is sent to a new child before words take its place."""
MAX_WORDS: Final = 1000
CHILD: Final = (sys.executable, "-m", "teleread.dictation.child")


class ChildRecogniser:
    """Implements `Recogniser` by a warm child with one model or two.

    Args:
        folders: Model folders, the one whose words are taken first.
        start: Start the child now, while nobody waits.
        argv: Program of the child (tests put their own).
        patience: Seconds one utterance may take.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        start: bool = True,
        argv: Sequence[str] = CHILD,
        patience: float = ANSWER_TIMEOUT,
    ) -> None:
        self._folders = tuple(folders)
        self._argv = tuple(argv)
        self._patience = patience
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._closed = False
        self.restarts = -1
        """How often a child had to be replaced."""
        if start:
            with contextlib.suppress(OSError):  # the first utterance says so
                self._start()

    @property
    def capabilities(self) -> Capabilities:
        """Those of the models together."""
        name = " + ".join(folder.name for folder in self._folders)
        return Capabilities(name, bias=True, punctuation=True, times=True, confidence=True, alternatives=True)

    @property
    def pid(self) -> int | None:
        """The child's process id, while it lives."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        """Hear an utterance; a child that dies over it is replaced, and the sound sent again.

        Raises:
            TelereadError: No child gets through it; the sound is still the caller's.
        """
        request = {"start": start, "phrases": list(bias.phrases), "carrier": bias.carrier}
        with self._lock:
            for _ in range(TRIES):
                if self._closed:
                    break
                answer = self._ask(request, audio)
                if answer is not None:
                    return _utterance(answer, start, start + seconds_of(audio))
        raise TelereadError(
            "The recogniser stops again and again.",
            "The sound is kept.",
            "Try another model: teleread dictation list",
            code="recogniser-stopped",
        )

    def close(self) -> None:
        """End the child."""
        self._closed = True
        self._end()

    def _ask(self, request: dict[str, Any], audio: bytes) -> dict[str, Any] | None:
        """One question to the child; None where it died, hung or answered nonsense."""
        from teleread.imaging import framewire as wire

        try:
            child = self._living()
            with _Deadline(child, self._patience):
                assert child.stdin is not None
                assert child.stdout is not None
                wire.write_message(child.stdin, request, audio)
                answer, _ = wire.read_message(child.stdout, 0)
        except (OSError, EOFError, ValueError, wire.BrokenMessageError):
            self._end()
            return None
        if answer.get("kind") == "words":
            raise _told(answer)
        return answer

    def _living(self) -> subprocess.Popen[bytes]:
        """A child that has loaded its models.

        Raises:
            TelereadError: It says that it can't.
            EOFError: It ended without a word.
        """
        from teleread.imaging import framewire as wire

        if self._child is None or self._child.poll() is not None:
            self._end()
            self._start()
        child = self._child
        assert child is not None
        assert child.stdout is not None
        if not self._ready:
            with _Deadline(child, START_TIMEOUT):
                hello, _ = wire.read_message(child.stdout, 0)
            if hello.get("kind") != "hello":
                self._end()
                raise _told(hello)
            self._ready = True
        return child

    def _start(self) -> None:
        self.restarts += 1
        self._ready = False
        self._child = spawn_capped(
            (*self._argv, *map(str, self._folders)), memory=MEMORY, cpu=LIFETIME_CPU, files=32
        )

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class _Deadline:
    """Kills a child whose time is over, so that whoever reads from it is woken."""

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        self._timer = threading.Timer(seconds, child.kill)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *exc_info: object) -> None:
        self._timer.cancel()


def _told(answer: dict[str, Any]) -> TelereadError:
    words = {name: clean(answer.get(name, ""), limit=300) for name in ("title", "detail", "remedy")}
    title = words["title"] or "The recogniser can't work."
    return TelereadError(
        title, words["detail"], words["remedy"], code=str(answer.get("code") or "recogniser")
    )


def _utterance(answer: dict[str, Any], start: float, end: float) -> Utterance:
    """What a child answered, every figure looked at: a child is not believed.

    Raises:
        TelereadError: It makes no sense.
    """
    try:
        hearings = [_hearing(one, start, end) for engine in answer["engines"] for one in engine][:20]
        best, *others = hearings
    except (KeyError, TypeError, ValueError):
        raise TelereadError(
            "The recogniser answered nonsense.", "The sound is kept.", code="recogniser-stopped"
        ) from None
    return Utterance(start, end, best, tuple(others))


def _hearing(raw: dict[str, Any], start: float, end: float) -> Hearing:
    words = []
    for text, begins, ends, sure in raw["words"][:MAX_WORDS]:
        first = min(max(float(begins), start), end)
        last = min(max(float(ends), first), end)
        words.append(HeardWord(clean(text, limit=100), first, last, min(max(float(sure), 0.0), 1.0)))
    return Hearing(tuple(words), clean(raw["engine"], limit=80), float(raw["score"]))
