"""The reading screen's dictation: the line, the key, words into the text, marks, commands."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from teleread.dictation.levels import FLOOR, filled
from teleread.model.errors import TelereadError, UsageError
from teleread.tui.keys import textual_key
from teleread.tui.releases import watch, watch_no_more
from teleread.tui.widgets.bars import StatusLine

from .reading_report import ReadingReport

if TYPE_CHECKING:
    from teleread.dictation.placing import Anchor, Placement
    from teleread.dictation.session import Said
    from teleread.dictation.take import Standing
    from teleread.reporting.marks import Mark
    from teleread.reporting.marks import Standing as Marked
    from teleread.tui.dictation import HoldKey, Microphone, Placed, Showing
    from teleread.tui.face import Face

__all__ = ["ReadingDictation"]

BARS: Final = " ▁▃▅▇"
PLAIN_BARS: Final = " .-=#"
AROUND: Final = 0.25
"""Seconds played before and behind a word."""
LAST_WORDS: Final = 60.0
"""Seconds the sign sheet waits for the last words."""


def _screens_of(app: Face) -> list[Showing]:
    """Reading screens there are; none while the app goes down."""
    stack = app.screen_stack if app.is_running else []
    return [cast("Showing", one) for one in stack if isinstance(one, ReadingDictation)]


class ReadingDictation(ReadingReport):
    """What the reader does by voice, and with what was said."""

    _hold: HoldKey | None = None
    _away = False
    """This screen is going: words that come now are put into the draft behind it."""
    _last_words = ""
    _timer: object = None

    # -- the microphone ---------------------------------------------------------------------------
    @property
    def microphone(self) -> Microphone:
        """The window's microphone; made with the first word that is to be said."""
        found: Microphone | None = getattr(self.app, "microphone", None)
        if found is None:
            from teleread.tui.dictation import Microphone

            app = self.face
            found = Microphone(app, app.workstation.speech, partial(_screens_of, app))
            self.app.microphone = found  # type: ignore[attr-defined] # lazily: without dictation there is none
        return found

    @property
    def _known(self) -> Microphone | None:
        return getattr(self.app, "microphone", None)

    def do_dictate(self, key: str) -> None:
        """The microphone on or off; a key that is held keeps it on until it is let go."""
        from teleread.tui.dictation import REPEAT, HoldKey

        self._hold = self._hold or HoldKey()
        step = self._hold.press(self.face.clock.monotonic())
        if step == "on":
            keys = self.face.keymap.keys("dictate", self.context)
            name = textual_key(keys[int(key)]) if key.isdecimal() and int(key) < len(keys) else ""
            watch(self.app._driver, name, self.key_released)
            self.face.spawn(self._begin_take(), "dictate")
        elif step == "off":
            self._off()
        elif step == "held":
            if self._timer is not None:
                self._timer.stop()  # type: ignore[attr-defined] # a timer of Textual's
            self._timer = self.set_timer(REPEAT, self._let_go)

    def key_released(self) -> None:
        """The key that dictates was let go: a hold ends at once, a press stays on."""
        if self._hold is not None and self._hold.released(self.face.clock.monotonic()):
            if self._timer is not None:
                self._timer.stop()  # type: ignore[attr-defined] # a timer of Textual's
            self._let_go()

    def _let_go(self) -> None:
        self._timer = None
        self._off()

    def _off(self) -> None:
        watch_no_more(self.app._driver)
        if self._hold is not None and not (self._hold.on is False and self._hold.held is False):
            self._hold.stopped()
        if self._known is not None:
            self._known.off()

    async def _begin_take(self) -> None:
        if self.keeper.draft is None:
            await self.begin_report()
        draft, here = self._draft, self.here()
        if draft is None or here is None:
            self._off()
            return
        try:
            await self.microphone.begin(draft.id, draft.key, here)
        except TelereadError:
            if self._hold is not None:
                self._hold.stopped()
            raise

    def draft_taken(self) -> None:
        """A draft is shown: hear what was left of its sound."""
        super().draft_taken()
        self.face.spawn(self._hear_left(), "left")

    async def _hear_left(self) -> None:
        draft = self.keeper.draft
        if draft is None or self.keeper.stale:
            return
        left = await self._left(draft.id)
        here = self.here()
        if not left or here is None or self.microphone.busy(draft.id):
            return
        self.face.tell(f"{left:.0f} s of sound were not heard yet. They are heard now.", "warn")
        await self.microphone.begin(draft.id, draft.key, here, only_left=True)

    async def _left(self, draft_id: str) -> float:
        """Seconds of sound that nobody has heard yet."""
        if self._known is not None:
            return await self._known.left(draft_id)
        return await self.face.calls.vault(self.face.workstation.speech.left, draft_id)

    async def words_in(self) -> bool:
        """End the utterance and wait for its words; whether nothing said is missing."""
        microphone, draft = self._known, self.keeper.draft
        if microphone is None or draft is None:
            return True
        self._off()
        with suppress(TimeoutError):
            await asyncio.wait_for(microphone.words_in(draft.id), LAST_WORDS)
        left = await self._left(draft.id)
        if left:
            self.face.tell(f"{left:.0f} s of sound are not heard yet: F4 hears it, Ctrl+R drops it.", "warn")
        return not left

    async def leave(self) -> None:
        """An utterance ends with the case; its words still go where they belong."""
        self._away = True
        self._off()
        await super().leave()

    async def before_lock(self) -> None:
        """The microphone is off while locked."""
        self._off()
        await super().before_lock()

    def on_unmount(self) -> None:
        """However the screen went: no microphone stays on; what was not heard stays sealed."""
        super().on_unmount()
        if self._known is not None:
            self._known.off()

    # -- the line ---------------------------------------------------------------------------------
    def line_moved(self) -> None:
        """The dictation line shows something else."""
        if self._hold is not None and self._known is not None and self._known.standing.state == "off":
            self._hold.ended()
        if self.is_mounted and not self._away:
            self._show_standing()

    def _show_standing(self) -> None:
        super()._show_standing()
        if self.keeper.draft is None:
            return
        line, right = self.query_one(StatusLine), []
        unread = len(self.report.unread())
        if unread:
            right.append((f"{self.face.glyphs.warn} {unread} unread  ", "warn"))
        microphone = self._known
        if microphone is not None and microphone.standing.state != "off":
            if self.size.width >= 120:
                right.append((f"{microphone.engine}  ", "soft"))
            line.standing = self._line(microphone.standing)
        line.right = (*right, *line.right)

    def _line(self, standing: Standing) -> tuple[tuple[str, str], ...]:
        glyphs = self.face.glyphs
        if standing.state == "recognising":
            parts = [(f"{glyphs.offline} recognising ", "voice")]
        else:
            parts = [(f"{glyphs.online} {standing.state} ", "voice"), (self._bars(standing.level), "voice")]
        words = standing.ghost or self._last_words
        room = max(10, self.size.width - 56)
        if words:
            shown = words if len(words) <= room else f"{glyphs.more}{words[-room:]}"
            parts.append((f" “{shown}”", "voice" if standing.ghost else "text"))
        return tuple(parts)

    def _bars(self, level: float) -> str:
        signs = PLAIN_BARS if self.face.glyphs.online == "*" else BARS
        if not hasattr(self, "_levels"):
            self._levels: deque[float] = deque([FLOOR] * 7, maxlen=7)
        self._levels.append(level)
        steps = len(signs) - 1
        return "".join(signs[filled(one, steps)] for one in self._levels)

    # -- words into the text ----------------------------------------------------------------------
    def shows(self, draft_id: str) -> bool:
        """Whether this screen writes that draft now."""
        draft = self.keeper.draft if self.is_mounted and not self._away else None
        return draft is not None and draft.id == draft_id and not self.keeper.stale

    def here(self) -> Anchor | None:
        """Where the report's cursor stands."""
        from teleread.dictation.placing import Anchor

        buffer = self.report.buffer
        if not buffer.ids:
            return None
        start, end = buffer.selection or (buffer.at, buffer.at)
        return Anchor(buffer.ids[buffer.section], buffer.text, start, end)

    def text_of(self, section: str) -> str:
        """A section's text now."""
        buffer = self.report.buffer
        return buffer.texts[buffer.ids.index(section)] if section in buffer.ids else ""

    async def put_said(self, anchor: Anchor, said: Said, engine: str) -> Placement:
        """Put words at their place and onto the disk; their marks are on disk before them."""
        from teleread.dictation.placing import place
        from teleread.workstation.speech import DICTATED_FIELD

        buffer, draft = self.report.buffer, self.keeper.draft
        if draft is None or anchor.section not in buffer.ids:
            raise UsageError("The section these words were said for is gone.", code="no-section")
        if said.marks or DICTATED_FIELD not in draft.fields:
            draft = await self.keeper.note(self.face.workstation.speech.mark, anchor.section, said, engine)
            self._show_notes(draft)
        made = place(anchor, self.text_of(anchor.section), said.text)
        length = made.end - made.start
        buffer.put_at(
            buffer.ids.index(anchor.section),
            made.start,
            made.start + len(made.replaced),
            made.text[made.start : made.start + length],
        )
        self._last_words = said.text.strip()
        self.report.changed()
        await self.keeper.flush()
        if self.keeper.stale:
            raise UsageError("Another window writes this draft now.", code="not-holder")
        self._show_standing()
        return made

    # -- marks ------------------------------------------------------------------------------------
    def do_word_next(self, key: str) -> None:
        """Mark this word or copied passage read; to the next unread one."""
        self.face.spawn(self._word_next(held=self.face.held_down("word.next")), "words")

    async def _word_next(self, *, held: bool = False) -> None:
        if self._draft is None:
            return
        self.look_at_report()
        here = self.report.unread_here()
        if here is not None and here.mark.kind == "copied" and held:
            self.face.tell("Too fast to have been read: look at it, then F3.", "warn")
            return
        if here is not None:
            await self._mark_read(here.mark)
        found = self.report.next_unread()
        if found is None:
            self.face.tell("All that was dictated or copied is read.", "good")
        elif found.mark.kind == "copied":
            source = self.report.sources.get(found.mark.source, "from an earlier report")
            self.face.tell(f"Copied {source}. F3: read, still true. Left goes into it to mend it.", "warn")
        else:
            why, _ = self._told_of(found)
            other = ", Ctrl+O what else" if self.heard_otherwise(found) else ""
            words = f"“{found.mark.text}”: {why}. F3 is read{other}, typing mends it, k plays it."
            self.face.tell(words, "warn")
        self._show_standing()

    async def _mark_read(self, mark: Mark) -> None:
        """The reader has looked at it: a dictated word is read, a copied passage still true."""
        station = self.face.workstation
        call = station.writing.accept_copied if mark.kind == "copied" else station.speech.read_marks
        self._show_notes(await self.keeper.note(call, [mark]))

    def _said_at(self, marked: Marked) -> tuple[Placed, int] | None:
        """The utterance a marked word came with, and the index of its piece; None in another window."""
        microphone, draft = self._known, self.keeper.draft
        placed = microphone.placed.get(draft.id, []) if microphone is not None and draft is not None else []
        for one in reversed(placed):
            for at in one.said.marks:
                piece = one.said.written.placed[at]
                before = one.said.written.text[: piece.start]
                same = piece.piece.text == marked.mark.text and before.endswith(marked.mark.before)
                if same and one.section == marked.mark.section:
                    return one, at
        return None

    def heard_otherwise(self, marked: Marked) -> bool:
        """Whether something else was heard at a marked word, as far as is known here."""
        found = self._said_at(marked)
        return found is not None and bool(found[0].said.others.get(found[1]))

    def _told_of(self, marked: Marked) -> tuple[str, tuple[Placed, float, float] | None]:
        """Why a word is marked, and where its sound lies: (utterance, start, end in seconds)."""
        found = self._said_at(marked)
        if found is not None:
            one, at = found
            return one.said.marks[at].why, (one, *one.said.times(one.said.written.placed[at]))
        if marked.mark.source:
            return str(marked.mark.source), None
        kind = "a side, denial or number" if marked.mark.kind == "dictated" else "not heard surely"
        return kind, None

    def do_dictate_play(self, key: str) -> None:
        """Play the marked word's sound, else the last utterance's."""
        self.face.spawn(self._play(), "play")

    async def _play(self) -> None:
        from teleread.dictation.ports import BYTES_A_SECOND

        microphone, draft = self._known, self.keeper.draft
        placed = microphone.placed.get(draft.id, []) if microphone is not None and draft is not None else []
        marked = self.report.unread_here()
        where = self._told_of(marked)[1] if marked is not None else None
        if where is None and not placed:
            self.face.tell("No sound of this draft is at hand in this window.", "soft")
            return
        one = where[0] if where is not None else placed[-1]
        start, end = one.said.cut.start, one.said.cut.end
        if where is not None:
            start = max(start, int((where[1] - AROUND) * BYTES_A_SECOND) & ~1)
            end = min(end, int((where[2] + AROUND) * BYTES_A_SECOND) & ~1)
        sound = await asyncio.to_thread(one.take.ring.read, start, end)
        await asyncio.to_thread(self.face.workstation.speech.play, sound)

    def do_dictate_scratch(self, key: str) -> None:
        """The last utterance back, its sound too."""
        self.face.spawn(self._scratch(), "scratch", exclusive=False)

    async def _scratch(self) -> None:
        if self._known is None:
            await self._drop_left()
            return
        async with self._known.lock:
            await self._take_back()

    async def _take_back(self) -> None:
        from teleread.dictation.placing import span_now

        microphone, draft = self._known, self._draft
        placed = microphone.placed.get(draft.id) if microphone is not None and draft is not None else None
        if draft is None or microphone is None or not placed:
            await self._drop_left()
            return
        one = placed[-1]
        now = self.text_of(one.section)
        found = span_now(one.placement.text, now, one.placement.start, one.placement.end)
        if found is None:
            self.face.tell("The last utterance was edited since: it is yours to mend.", "warn")
            return
        placed.pop()
        self.report.buffer.put_at(self.report.buffer.ids.index(one.section), *found, one.placement.replaced)
        self.report.changed()
        await self.keeper.flush()
        await asyncio.to_thread(one.take.ring.silence, one.said.cut.start, one.said.cut.end)
        self._last_words = ""
        self.face.tell("The last utterance is gone, its sound too.", "text")

    async def _drop_left(self) -> None:
        draft = self.keeper.draft
        if draft is None or (self._known is not None and self._known.busy(draft.id)):
            return
        if not await self._left(draft.id):
            self.face.tell("Nothing was dictated here in this window.", "soft")
            return
        await self.microphone.drop_left(draft.id)
        self.face.tell("The sound that was not heard is destroyed.", "text")

    def do_dictate_say(self, key: str) -> None:
        """What can be said."""
        from .dictation_sheets import SaySheet

        self.open_sheet(SaySheet())
