"""A bar on the terminal while a fetch runs: drawn from the vault's events, whoever fetches."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from teleread.cli.call import Call

__all__ = ["FetchBar", "bar_line"]

CELLS: Final = 24
EVERY_SECONDS: Final = 0.2
WIDTH: Final = 78


def bar_line(data: dict[str, Any]) -> str:
    """One line: bar, share, images, speed, time left.

    Args:
        data: Of a ``fetch-progress`` event.
    """
    held, expected = int(data.get("held") or 0), int(data.get("expected") or 0)
    done = min(CELLS, CELLS * held // expected) if expected else 0
    share = f"{100 * held // expected:3}%" if expected else "  ?%"
    parts = [f"[{'#' * done}{'.' * (CELLS - done)}] {share}", f"{held} of {expected or '?'}"]
    if data.get("rate"):
        parts.append(f"{float(data['rate']) / 1e6:.1f} MB/s")
    if data.get("eta") is not None:
        left = round(float(data["eta"]))
        parts.append(f"{left // 60}:{left % 60:02} left")
    return "  ".join(parts)[:WIDTH]


class FetchBar:
    """Draws on standard error, where both outputs are a terminal; else does nothing.

    Args:
        call: The command.
        study_uid: Whose progress.
    """

    def __init__(self, call: Call, study_uid: str) -> None:
        shown = call.out.terminal and sys.stderr.isatty() and not (call.out.json_mode or call.out.quiet)
        self._events = call.desk.core.vault.events if shown else None
        self._study = study_uid
        self._seen = self._events.last_id() if self._events is not None else 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self._events is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._events is not None:
            self._stop.set()
            self._thread.join(2.0)
            sys.stderr.write("\r" + " " * WIDTH + "\r")
            sys.stderr.flush()

    def _draw(self) -> None:
        assert self._events is not None
        while not self._stop.wait(EVERY_SECONDS):
            for event in self._events.since(self._seen):
                self._seen = event.id
                if event.kind == "fetch-progress" and event.data.get("study") == self._study:
                    sys.stderr.write("\r" + bar_line(event.data).ljust(WIDTH))
                    sys.stderr.flush()
