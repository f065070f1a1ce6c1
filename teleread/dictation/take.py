"""A take: the microphone on, for one draft, until it is off. What it hears belongs to that draft alone.

Two threads: one takes sound in and seals it, one has it recognised. Sound counts as heard once whoever
keeps the words has said that they are kept; what is not heard is found again at the next take of the draft.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from teleread.model.errors import TelereadError

from .levels import Meter, decibels
from .ports import BYTES_A_SECOND, FRAME, AudioSource, Cut, Endpointer, seconds_of
from .session import Dictation, Said

__all__ = ["Listener", "Standing", "Take"]

GHOST_AFTER: Final = 1.2
"""Seconds of new speech before words are shown that are still being said."""
GHOST_MOST: Final = 9.0
"""Seconds of speech up to which that is done: longer ones would hold up the words themselves."""
LOOK_AGAIN: Final = 0.2


@dataclass(frozen=True, slots=True)
class Standing:
    """What the dictation line shows."""

    state: str = "off"
    """``off``, ``listening``, ``hearing`` or ``recognising``."""
    level: float = -99.0
    """Decibels of full scale."""
    ghost: str = ""
    """Words that are still being said."""


class Listener(Protocol):
    """Who a take works for. Every method is called from the take's own threads."""

    def began(self, number: int) -> None:
        """An utterance begins: the place its words go to is where the cursor stands now."""
        ...

    def before(self, number: int) -> str:
        """The text before the place of an utterance; number 0 is sound left from before."""
        ...

    def keep(self, number: int, said: Said) -> bool:
        """Keep an utterance's words; whether they are on disk."""
        ...

    def stands(self, standing: Standing) -> None:
        """The line shows something else."""
        ...

    def trouble(self, error: TelereadError) -> None:
        """Something went wrong; the sound is kept."""
        ...

    def ended(self) -> None:
        """The microphone is off and every word is in."""
        ...


class Take:
    """One take.

    Args:
        made: The dictation of the draft, its ring kept for the draft alone.
        source: What makes sound; None only hears what is left from before.
        cutter: Makes the endpointer that begins at a byte offset of the ring.
        listener: Who it works for.
        left: Makes the endpointer for sound left from before.
    """

    def __init__(
        self,
        made: Dictation,
        source: AudioSource | None,
        cutter: Callable[[int], Endpointer],
        listener: Listener,
        left: Callable[[int], Endpointer] | None = None,
    ) -> None:
        self.made, self.ring, self.source = made, made.ring, source
        self._listener = listener
        self._left_cutter = left or cutter
        self._left_from, self._left_to = self.ring.heard, self.ring.end
        self._cutter = cutter(self.ring.end)
        self._cuts: queue.Queue[tuple[int, Cut] | None] = queue.Queue()
        self._number, self._open = 0, False
        self._ghosted = 0
        self._standing = Standing("listening" if source is not None else "recognising")
        self._stopping = source is None
        self._failed = False
        self._threads = [
            threading.Thread(target=self._listen, name="dictation-ear", daemon=True),
            threading.Thread(target=self._hear, name="dictation-hear", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        self._listener.stands(self._standing)
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """The microphone off; the words of what was said still come."""
        self._stopping = True
        if self.source is not None:
            self.source.close()

    def wait(self, seconds: float) -> bool:
        """Wait for the last word; whether it is in."""
        for one in self._threads:
            one.join(seconds)
        return not any(one.is_alive() for one in self._threads)

    def sealed(self, seconds: float) -> bool:
        """Wait until all sound is sealed, recognised or not; whether it is. After `stop`."""
        self._threads[0].join(seconds)
        return not self._threads[0].is_alive()

    @property
    def stopping(self) -> bool:
        """Whether the microphone is off, or going off."""
        return self._stopping

    @property
    def failed(self) -> bool:
        """Whether sound is left that nobody heard."""
        return self._failed

    # -- the ear ----------------------------------------------------------------------------------
    def _listen(self) -> None:
        meter, count = Meter(), 0
        try:
            for frame in self.source.frames() if self.source is not None else ():
                self.ring.append(frame)
                self._cut(frame)
                level = decibels(meter.push(frame))
                count += 1
                if count % 4 == 0:
                    self._show(level=level)
        except TelereadError as error:
            self._listener.trouble(error)
        except OSError:
            self._listener.trouble(TelereadError("The source of sound broke.", "What was said is kept."))
        finally:
            self._end()

    def _cut(self, frame: bytes) -> None:
        cuts = self._cutter.push(frame)
        is_open = self._cutter.open_at is not None
        if (is_open and not self._open) or (cuts and not self._open):
            self._begin()
        for cut in cuts:
            self._cuts.put((self._number, cut))
        if is_open != self._open:
            self._open = is_open
            self._show(state="hearing" if is_open else "listening")

    def _begin(self) -> None:
        self._number += 1
        self._ghosted = 0
        self._listener.began(self._number)

    def _end(self) -> None:
        try:
            self.ring.flush()
            last = self._cutter.finish()
            if last and not self._open:
                self._begin()
            for cut in last:
                self._cuts.put((self._number, cut))
        finally:
            self._stopping, self._open = True, False
            self._cuts.put(None)

    # -- the hearing ------------------------------------------------------------------------------
    def _hear(self) -> None:
        try:
            for number, cut in self._all():
                self._one(number, cut)
            if not self._failed:
                self.ring.hear_to(self.ring.end)
        except (TelereadError, OSError) as error:
            self._fail(error)
        finally:
            self._show(state="off", ghost="")
            self._listener.ended()

    def _all(self) -> Iterator[tuple[int, Cut]]:
        for cut in self._left():
            yield 0, cut
        while True:
            try:
                found = self._cuts.get(timeout=LOOK_AGAIN)
            except queue.Empty:
                self._guess()
                continue
            if found is None:
                return
            yield found

    def _left(self) -> Iterator[Cut]:
        """What an earlier take left: the terminal was closed, or the recogniser gave up."""
        if self._left_to <= self._left_from:
            return
        cutter = self._left_cutter(self._left_from)
        for at in range(self._left_from, self._left_to, FRAME):
            frame = self.ring.read(at, min(at + FRAME, self._left_to)).ljust(FRAME, b"\0")
            yield from self._inside(cutter.push(frame))
        yield from self._inside(cutter.finish())

    def _inside(self, cuts: object) -> Iterator[Cut]:
        for cut in cuts:  # type: ignore[attr-defined] # a sequence of cuts, whichever endpointer made it
            yield Cut(cut.start, min(cut.end, self._left_to), cut.speech)

    def _one(self, number: int, cut: Cut) -> None:
        if self._failed:
            return
        self._show(state="recognising")
        try:
            said = self.made.hear(cut, self._listener.before(number))
            something = said.command is not None or bool(said.text.strip())
            if something and not self._listener.keep(number, said):
                self._failed = True
                self.stop()
                return
        except TelereadError as error:
            self._fail(error)
            return
        self.ring.hear_to(cut.end)
        self._show(state="listening" if not self._stopping else "recognising", ghost="")

    def _fail(self, error: Exception) -> None:
        self._failed = True
        told = error if isinstance(error, TelereadError) else TelereadError("The sound can't be read.")
        self._listener.trouble(told)
        self.stop()

    def _guess(self) -> None:
        """Words of what is still being said, while nothing else waits to be heard."""
        begins = self._cutter.open_at
        if begins is None or self._failed or self._stopping:
            return
        length = seconds_of(self.ring.end - begins)
        if length > GHOST_MOST or length - seconds_of(self._ghosted) < GHOST_AFTER:
            return
        ends = begins + int(length * BYTES_A_SECOND) // FRAME * FRAME
        self._ghosted = ends - begins
        with contextlib.suppress(TelereadError):
            heard = self.made.recogniser.recognise(
                self.ring.read(begins, ends), seconds_of(begins), self.made.bias
            )
            if self._cutter.open_at == begins:
                self._show(ghost=heard.best.text[-200:])

    def _show(
        self, *, state: str | None = None, level: float | None = None, ghost: str | None = None
    ) -> None:
        now = self._standing
        made = Standing(
            now.state if state is None else state,
            now.level if level is None else level,
            now.ghost if ghost is None else ghost,
        )
        if made != now:
            self._standing = made
            self._listener.stands(made)
