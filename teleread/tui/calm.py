"""Keeps Python's garbage collector from stopping the screen.

A full collection walks every object alive: with ten thousand rows that takes 150 to 390 ms, in the middle of
a key. Rows and widgets that stay are set aside; a full collection happens only while nobody is at the keys.
"""

from __future__ import annotations

import gc
from typing import Final

from teleread.host.memory import give_back

__all__ = ["Calm"]

IDLE_SECONDS: Final = 30.0
"""Seconds without a key until a full collection can't be noticed."""


class Calm:
    """Sets what is alive aside; collects when the reader is away."""

    def __init__(self) -> None:
        self.active = False
        """Off until the program is really run: a test's process is not ours to still."""
        self._collected = False

    def begin(self) -> None:
        """The program is really run: collect nothing until the first paint, which makes little rubbish."""
        self.active = True
        gc.disable()

    def settle(self) -> None:
        """Set what is alive now aside from later collections; counting references still frees it."""
        if self.active:
            if gc.isenabled():  # not before the first paint, where all there is would be walked
                gc.collect()  # rubbish that is set aside would stay
            gc.freeze()
            gc.enable()

    def after_case(self) -> None:
        """A case was left: free its screen, whose parts hold each other, and give the pages back.

        Quick, since what was set aside is not walked; so nothing is to be set aside while a case is open.
        """
        if self.active:
            gc.collect()
            give_back()

    def breathe(self, idle: float) -> None:
        """Collect in full, once each time the reader is away.

        Args:
            idle: Seconds since the last key.
        """
        if not self.active:
            return
        if idle < IDLE_SECONDS:
            self._collected = False
        elif not self._collected:
            self._collected = True
            gc.unfreeze()
            gc.collect()
            gc.freeze()
