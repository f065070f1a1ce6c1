"""What the next case needs, made ready while nobody waits: modules, templates, rules, a decoder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import TelereadError

if TYPE_CHECKING:
    from .pictures import Decoder

__all__ = ["Ahead", "DecoderFactory"]

DecoderFactory = Callable[[], Any]
"""Makes the pool that decodes pictures outside this process."""

AGAIN_SECONDS: Final = 0.5
"""How long after a decoder was taken the next one is started: the case is on the screen by then."""


class Ahead:
    """Keeps one decoder running that has seen no picture; each case gets its own, and takes it along.

    Args:
        factory: Makes a decoding pool; None uses the built-in one.
    """

    def __init__(self, factory: DecoderFactory | None = None) -> None:
        self._factory = factory
        self.active = False
        """Off until the program is really run: a test starts no process it does not ask for."""
        self._guard = threading.Lock()
        self._spare: Decoder | None = None
        self._due = float("inf")
        self._closed = False

    def begin(self) -> None:
        """The first list is on the screen: load, beside whatever the reader does."""
        if self.active:
            threading.Thread(target=self._load, name="ahead", daemon=True).start()

    def _load(self) -> None:
        self._start()
        from PIL import Image  # noqa: F401 # the resampler waits for its first picture to ask for it

        from teleread.imaging import frames, halfblock, planes, presentation, render, resample, ways  # noqa: F401
        from teleread.reporting import checks, templates
        from teleread.reporting.checks_phrases import vocabulary

        from .screens import reading, sign  # noqa: F401
        from .widgets import picture_paint  # noqa: F401

        try:
            templates.builtin_templates()
            checks.rules()
            vocabulary()
        except TelereadError:
            return  # whoever needs it is told

    def keep(self) -> None:
        """Start the next decoder where its time has come; called a few times a second."""
        if time.monotonic() >= self._due:
            self._due = float("inf")
            threading.Thread(target=self._start, name="ahead", daemon=True).start()

    def _start(self) -> None:
        made = self._make()
        with self._guard:
            if not self._closed and self._spare is None:
                self._spare = made
                return
        made.close()

    def _make(self) -> Decoder:
        if self._factory is not None:
            made: Decoder = self._factory()
            return made
        from teleread.imaging.decode import DecodePool

        return DecodePool()

    def decoder(self) -> Decoder:
        """The one that is ready, or a fresh one; whoever takes it closes it."""
        with self._guard:
            found, self._spare = self._spare, None
            if self.active and not self._closed:
                self._due = time.monotonic() + AGAIN_SECONDS
        return found if found is not None else self._make()

    def close(self) -> None:
        """End the one that was not taken."""
        with self._guard:
            self._closed = True
            found, self._spare = self._spare, None
        if found is not None:
            found.close()
