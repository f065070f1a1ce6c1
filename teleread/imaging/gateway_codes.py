"""The codes of the local gateway's links: each is exchanged once, for a minute.

Weasis asks again by itself where the first answer was lost on its way. So its code may be asked again
by the same program for half a minute, until the key it was exchanged for is used: then the answer came.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from teleread.host.clock import Clock

__all__ = ["AGAIN_SECONDS", "CODE_SECONDS", "Codes"]

CODE_SECONDS: Final = 60.0
"""How long a code works."""
AGAIN_SECONDS: Final = 30.0
"""How long after its first use a code of `AGAIN` may be asked once more."""
AGAIN: Final = frozenset({"weasis"})
"""Kinds whose viewer asks again by itself; a browser's page is opened by a person, who presses the key."""
MAX_CODES: Final = 16


@dataclass(slots=True)
class _Code:
    kind: str
    """``page``, ``proxy`` or ``weasis``."""
    ends: float
    """Monotonic seconds."""
    program: str | None = None
    """Which program exchanged it, by the name it gives itself; None before that."""


class Codes:
    """The codes that are out; safe to use from several threads.

    Args:
        clock: Monotonic time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, _Code] = {}

    def new(self, kind: str) -> str:
        """Make a code; the oldest goes where there are too many.

        Args:
            kind: What it is exchanged for.
        """
        code = secrets.token_urlsafe(24)
        with self._lock:
            now = self._clock.monotonic()
            live = {name: one for name, one in self._codes.items() if one.ends > now}
            for name in list(live)[: max(0, len(live) - MAX_CODES + 1)]:
                del live[name]
            self._codes = live | {code: _Code(kind, now + CODE_SECONDS)}
        return code

    def exchange(self, code: str, program: str) -> str:
        """What a code is for; empty where it is unknown, used up or too old.

        Args:
            code: As it was asked for.
            program: What the asking program calls itself: another one does not ask again.
        """
        with self._lock:
            found, now = self._codes.pop(code, None), self._clock.monotonic()
            if found is None or found.ends <= now or found.program not in (None, program):
                return ""
            if found.kind in AGAIN:
                ends = found.ends if found.program is not None else min(found.ends, now + AGAIN_SECONDS)
                self._codes[code] = _Code(found.kind, ends, program)
            return found.kind

    def key_used(self) -> None:
        """The key has come: what was exchanged for it can't be asked again."""
        with self._lock:
            self._codes = {name: one for name, one in self._codes.items() if one.program is None}

    def clear(self) -> None:
        """Take all of them back."""
        with self._lock:
            self._codes.clear()
