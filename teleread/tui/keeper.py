"""Keeps the draft that is being written: on disk within the promise, checked a moment later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import TelereadError
from teleread.model.report import Check, Draft

from .words import clock

if TYPE_CHECKING:
    from .face import Face
    from .widgets.report import ReportPane

__all__ = ["Keeper"]

SAVE_AFTER: Final = 0.12
"""Seconds from the first unsaved key to the write; with the write itself well under 300 ms."""
CHECK_AFTER: Final = 0.3


class Keeper:
    """Saves a draft while it is typed, in order, and runs the checks when the reader pauses.

    Args:
        shared: The app.
        pane: The report pane.
        told: Called when what stands in the status row has changed.
        taken: Called when a draft is shown.
        checked: Called when the rules have run.
    """

    def __init__(
        self,
        shared: Face,
        pane: ReportPane,
        told: Callable[[], object],
        taken: Callable[[], object],
        checked: Callable[[], object],
    ) -> None:
        self._face = shared
        self._pane = pane
        self._told, self._taken, self._checked = told, taken, checked
        self._save_timer: Any = None
        self._check_timer: Any = None
        self._lock = asyncio.Lock()
        self.draft: Draft | None = None
        self.seq = 0
        self.checks: tuple[Check, ...] = ()
        self.saved_words = ""
        self.stale = False
        """Another window has written meanwhile; nothing is saved from here until it is taken over."""

    def take(self, draft: Draft, title: str, *, writable: bool) -> None:
        """Show a draft."""
        self.draft, self.seq, self.stale = draft, draft.seq, not writable
        self._pane.take(draft, title, writable=writable)
        self.saved_words = f"saved {clock(draft.saved_at, seconds=True)}" if draft.saved_at else ""
        self._told()
        self._taken()
        self.check_soon()

    def edited(self) -> None:
        """A key was typed: save soon, counted from the first key that is not on disk; check after a pause."""
        if self._save_timer is None:
            self._save_timer = self._pane.set_timer(SAVE_AFTER, self._save_now)
        self.saved_words = ""
        self.check_soon()

    def check_soon(self) -> None:
        """Run the checks when the reader pauses."""
        if self._check_timer is not None:
            self._check_timer.stop()
        self._check_timer = self._pane.set_timer(CHECK_AFTER, self._check_now)

    def _save_now(self) -> None:
        self._save_timer = None
        self._face.spawn(self.flush(), "save", exclusive=False)

    def _check_now(self) -> None:
        self._check_timer = None
        self._face.spawn(self._check(), "check")

    async def flush(self) -> None:
        """Write what is not on disk yet; returns when it is."""
        async with self._lock:
            texts = self._pane.buffer.unsaved()
            if self.draft is None or not texts or self.stale:
                return
            station = self._face.workstation
            try:
                self.seq = await self._face.calls.vault(station.save_draft, self.draft.id, self.seq, texts)
            except TelereadError as error:
                if error.code in {"stale-draft", "not-holder"}:
                    self.stale = True
                    self._pane.writable = False
                    self._pane.refresh()
                raise
            self._pane.buffer.mark_saved(texts)
            self._pane.buffer.seq = self.seq
            if not self._pane.buffer.unsaved():
                self.saved_words = f"saved {clock(self._face.now(), seconds=True)}"
            self._told()

    async def _check(self) -> None:
        await self.check()

    async def check(self) -> tuple[Check, ...]:
        """Run the checks on what is on disk, which is everything."""
        await self.flush()
        if self.draft is None:
            return ()
        found = await self._face.calls.vault(self._face.workstation.checks, self.draft.id)
        self.checks = tuple(found)
        self._pane.show_checks(self.checks)
        self._checked()
        return self.checks

    async def note(self, call: Callable[..., Draft], *args: Any) -> Draft:
        """Write something that belongs to the draft beside its text, behind all text there is.

        Args:
            call: Takes the draft's id, its sequence and the arguments; gives the draft back.
            args: What it takes besides.

        Raises:
            AttentionError: Another window has written meanwhile.
        """
        await self.flush()
        async with self._lock:
            assert self.draft is not None
            self.draft = await self._face.calls.vault(call, self.draft.id, self.seq, *args)
            self.seq = self._pane.buffer.seq = self.draft.seq
        self.check_soon()
        return self.draft

    async def let_go(self) -> None:
        """Write what is held, and let another window have the draft."""
        for timer in (self._save_timer, self._check_timer):
            if timer is not None:
                timer.stop()
        self._save_timer = self._check_timer = None
        await self.flush()
        if self.draft is not None and not self.stale:
            await self._face.calls.vault(self._face.workstation.release_draft, self.draft.id)
