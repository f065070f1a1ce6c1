"""The microphone of the screens: takes, the words they bring, and where those go. No drawing here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError as Cancelled
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from teleread.dictation.placing import Anchor, Placement, before_of
from teleread.dictation.ports import seconds_of
from teleread.dictation.session import Said
from teleread.dictation.take import Standing, Take
from teleread.model.errors import TelereadError
from teleread.model.task import TaskKey

if TYPE_CHECKING:
    from teleread.dictation.ring import SealedRing
    from teleread.workstation.speech import Prepared, Speech

    from .face import Face

__all__ = ["HoldKey", "Microphone", "Placed", "Showing"]

T = TypeVar("T")

FIRST_REPEAT: Final = 0.7
"""Seconds within which the second press of a held key comes, on every desktop as installed."""
REPEAT: Final = 0.35
"""Seconds without a repeat after which a held key counts as let go."""
TAP: Final = 0.4
"""Seconds from press to release, where the terminal tells one, up to which it was a press and no hold."""
SEAL_SECONDS: Final = 2.0
"""Longest wait for the last sound to be sealed while the window closes."""
KEEP_SECONDS: Final = 25.0
"""Longest wait for words to be on disk."""


@dataclass(slots=True)
class HoldKey:
    """One key, toggle and hold: terminals tell no release, but a key that repeats is held."""

    on: bool = False
    held: bool = False
    _last: float = -1e9
    _spent: bool = False
    """The press that switched off: what repeats of it is nothing."""
    _began: float = -1e9
    """When the press came that switched on or off."""

    def press(self, now: float) -> str:
        """A press at a time in seconds: ``on``, ``off``, ``held`` or nothing."""
        gap, self._last = now - self._last, now
        if gap < (REPEAT if self.held else FIRST_REPEAT) and (self.on or self._spent):
            self.held = not self._spent
            return "held" if self.held else ""
        self.held = self._spent = False
        self.on, self._spent = not self.on, self.on
        self._began = now
        return "on" if self.on else "off"

    def released(self, now: float) -> bool:
        """The key was let go, as the terminal tells; whether that ends a hold."""
        ends = self.on and (self.held or now - self._began >= TAP)
        self._spent = False  # nothing of that press comes any more
        return ends

    def ended(self) -> None:
        """The microphone went off by itself: the next press is on, what repeats of this one is nothing."""
        if self.on:
            self.on = self.held = False
            self._spent = True

    def stopped(self) -> None:
        """The microphone is off by something else."""
        self.on = self.held = self._spent = False
        self._last = -1e9


@dataclass(frozen=True, slots=True)
class Placed:
    """An utterance in the text."""

    section: str
    placement: Placement
    said: Said
    take: Take


class Showing(Protocol):
    """A reading screen, as the microphone knows it."""

    def shows(self, draft_id: str) -> bool:
        """Whether it writes that draft now."""
        ...

    def here(self) -> Anchor | None:
        """Where the report's cursor stands."""
        ...

    def text_of(self, section: str) -> str:
        """A section's text now."""
        ...

    async def put_said(self, anchor: Anchor, said: Said, engine: str) -> Placement:
        """Put words into the text and onto the disk."""
        ...

    async def obey(self, said: Said) -> None:
        """Do a command."""
        ...

    def line_moved(self) -> None:
        """The dictation line shows something else."""
        ...


@dataclass(slots=True)
class _Voice:
    """Who a take works for: brings its words from its threads to the screens' one."""

    microphone: Microphone
    draft_id: str
    first: Anchor
    anchors: dict[int, Anchor] = field(default_factory=dict)
    last: tuple[int, Anchor, Anchor] | None = None
    """(number, where it was to go, right behind its words) of the utterance placed last."""

    def _soon(self, call: Callable[..., object], *args: object) -> None:
        loop = self.microphone.loop
        if not loop.is_closed():
            loop.call_soon_threadsafe(call, *args)

    def _ask(self, work: Coroutine[Any, Any, T], otherwise: T) -> T:
        """Have it done on the screens' thread; what that thread can't do any more is not done."""
        try:
            if self.microphone.closed:
                work.close()
                return otherwise
            future = asyncio.run_coroutine_threadsafe(work, self.microphone.loop)
            return future.result(KEEP_SECONDS)
        except (TimeoutError, Cancelled):
            return otherwise
        except RuntimeError:  # the screens' thread is gone
            work.close()
            return otherwise

    def began(self, number: int) -> None:
        """Remember where the cursor stands."""
        self._soon(self._begin, number)

    def _begin(self, number: int) -> None:
        screen = self.microphone.screen_of(self.draft_id)
        here = screen.here() if screen is not None else None
        self.anchors[number] = here or self.first

    def _anchor(self, number: int) -> Anchor:
        """Where an utterance goes: behind the one before where both were to go to one place."""
        anchor = self.anchors.get(number, self.first)
        if self.last is not None:
            before, meant, behind = self.last
            if number == before or meant == anchor:
                return behind
        return anchor

    def before(self, number: int) -> str:
        """The text before its place."""
        return self._ask(self._before(number), "")

    async def _before(self, number: int) -> str:
        anchor = self._anchor(number)
        screen = self.microphone.screen_of(self.draft_id)
        return before_of(anchor, screen.text_of(anchor.section) if screen is not None else anchor.text)

    def keep(self, number: int, said: Said) -> bool:
        """Keep words; whether they are on disk."""
        return self._ask(self._keep(number, said), otherwise=False)

    async def _keep(self, number: int, said: Said) -> bool:
        try:
            return await self._put(number, said)
        except TelereadError as error:
            self.microphone.face.tell(f"{error.title} The sound is kept.", "warn")
            return False

    async def _put(self, number: int, said: Said) -> bool:
        microphone = self.microphone
        screen = microphone.screen_of(self.draft_id)
        if said.command is not None:
            if screen is not None and number:  # a command of a case that is gone does nothing
                await screen.obey(said)
            return True
        async with microphone.lock:
            return await self._put_words(number, said, screen)

    async def _put_words(self, number: int, said: Said, screen: Showing | None) -> bool:
        microphone, engine = self.microphone, self.microphone.engine
        anchor = self._anchor(number)
        if screen is None:
            call = microphone.speech.put_late
            return await microphone.face.calls.vault(call, self.draft_id, anchor, said, engine)
        made = await screen.put_said(anchor, said, engine)
        if said.marks:
            microphone.cue("mark")
        behind = made.behind(anchor.section)
        self.last = (number, self.anchors.get(number, self.first), behind)
        take = microphone.take_of(self.draft_id)
        if take is not None:
            microphone.placed.setdefault(self.draft_id, []).append(Placed(anchor.section, made, said, take))
        return True

    def stands(self, standing: Standing) -> None:
        """Show it."""
        self._soon(self.microphone.show, self, standing)

    def trouble(self, error: TelereadError) -> None:
        """Say it."""
        self._soon(self.microphone.face.tell, str(error), "danger")
        self._soon(self.microphone.cue, "error")

    def ended(self) -> None:
        """The take is over."""
        self._soon(self.microphone.over, self)


class Microphone:
    """The one microphone of a window.

    Args:
        face: The app.
        speech: The use cases of dictation.
        screens: Reading screens there are now.
    """

    def __init__(self, face: Face, speech: Speech, screens: Callable[[], list[Showing]]) -> None:
        self.face, self.speech, self._screens = face, speech, screens
        self.loop = asyncio.get_running_loop()
        self.closed = False
        self.lock = asyncio.Lock()
        """Held while an utterance goes into a text or out of it."""
        self.standing = Standing()
        self.placed: dict[str, list[Placed]] = {}
        """By draft: its utterances in the order they came."""
        self._deaf = False
        """No tone could be played: said once, not tried again."""
        self._tones = ThreadPoolExecutor(1, "tones")
        """Finding a player may take a moment: a thread of its own, begun with the first tone."""
        self._running: list[tuple[_Voice, Take]] = []
        self._done: dict[str, Take] = {}

    @property
    def engine(self) -> str:
        """Name of the recogniser."""
        return self.speech.recogniser().capabilities.name

    def screen_of(self, draft_id: str) -> Showing | None:
        """The screen that writes a draft now."""
        return next((one for one in self._screens() if one.shows(draft_id)), None)

    def take_of(self, draft_id: str) -> Take | None:
        """The take of a draft, running or the last one."""
        running = next((take for voice, take in self._running if voice.draft_id == draft_id), None)
        return running or self._done.get(draft_id)

    @property
    def on(self) -> bool:
        """Whether sound is taken in."""
        return any(take.source is not None and not take.stopping for _, take in self._running)

    def busy(self, draft_id: str) -> bool:
        """Whether words of a draft may still come."""
        return any(voice.draft_id == draft_id for voice, _ in self._running)

    async def begin(self, draft_id: str, key: TaskKey, first: Anchor, *, only_left: bool = False) -> None:
        """Begin a take of a draft; what an earlier one left is heard first.

        Raises:
            TelereadError: There is nothing to hear with, or no microphone.
        """
        speech, calls = self.speech, self.face.calls
        if self.busy(draft_id):
            return
        await asyncio.to_thread(speech.ready)
        only = await asyncio.to_thread(self._in_memory, draft_id)
        prepared = await calls.vault(speech.prepare, draft_id, key)
        if only is not None:
            prepared = replace(prepared, ring=only)
        take = await asyncio.to_thread(self._take, prepared, _Voice(self, draft_id, first), only_left)
        self._done.pop(draft_id, None)
        if not only_left:
            self.cue("start")
        take.start()

    def _take(self, prepared: Prepared, voice: _Voice, only_left: bool) -> Take:
        from teleread.workstation.dictation import dictation

        made = dictation(self.speech.recogniser(), prepared.case, prepared.who, prepared.ring)
        source = None if only_left else self.speech.source()
        take = Take(made, source, self.speech.cutter, voice, self.speech.left_cutter)
        self._running.append((voice, take))
        return take

    def _in_memory(self, draft_id: str) -> SealedRing | None:
        """The ring of a draft whose sound is not all on disk, because the disk is still full."""
        take = self._done.get(draft_id)
        return take.ring if take is not None and not take.ring.land() else None

    async def left(self, draft_id: str) -> float:
        """Seconds of a draft's sound that nobody has heard yet, be it on disk or in memory alone."""
        only = await asyncio.to_thread(self._in_memory, draft_id)
        if only is None:
            return await self.face.calls.vault(self.speech.left, draft_id)
        return seconds_of(only.end - only.heard)

    async def drop_left(self, draft_id: str) -> None:
        """Destroy sound that nobody has heard."""
        only = await asyncio.to_thread(self._in_memory, draft_id)
        if only is not None:
            only.silence(only.heard, only.end)
            only.hear_to(only.end)
        else:
            await self.face.calls.vault(self.speech.drop_left, draft_id)

    def cue(self, name: str) -> None:
        """Play a tone, where the reader has chosen tones; nothing waits for it."""
        if self._deaf or self.closed or self.face.setting("sound", "off") != "dictation":
            return
        self._tones.submit(self._play_tone, name)

    def _play_tone(self, name: str) -> None:
        from teleread.dictation.cues import cue

        def failed(remedy: str = "") -> None:
            if not self.loop.is_closed():
                self.loop.call_soon_threadsafe(self._no_tone, remedy)

        try:
            self.speech.play(cue(name), failed)
        except TelereadError as error:
            failed(error.remedy)

    def _no_tone(self, remedy: str) -> None:
        if not self._deaf:
            self._deaf = True
            self.face.tell(
                f"Tones can't be played here; dictation goes on without. {remedy}".rstrip(), "warn"
            )

    def off(self) -> None:
        """The microphone off; the last words still come."""
        if self.on:
            self.cue("stop")
        for _, take in self._running:
            take.stop()

    async def words_in(self, draft_id: str) -> None:
        """Wait until every word of a draft is in, or its take gave up."""
        while self.busy(draft_id) and not self.closed:
            await asyncio.sleep(0.02)

    def show(self, voice: _Voice, standing: Standing) -> None:
        """The line of the take that is on."""
        if self._running and self._running[-1][0] is voice:
            self.standing = standing
            self._moved()

    def over(self, voice: _Voice) -> None:
        """A take has ended."""
        for one, take in list(self._running):
            if one is voice:
                self._running.remove((one, take))
                self._done[voice.draft_id] = take
        if not self._running:
            self.standing = Standing()
        self._moved()

    def _moved(self) -> None:
        for screen in self._screens():
            screen.line_moved()

    def close(self) -> None:
        """The window closes: sound that is not heard yet stays sealed beside its draft."""
        self.closed = True
        self.off()
        for _, take in self._running:
            take.sealed(SEAL_SECONDS)
        self._tones.shutdown(wait=False, cancel_futures=True)
        self.speech.close()
