"""Being asked to stop: SIGINT and SIGTERM set an event, and the work in hand ends in order."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

__all__ = ["stop_event"]


def stop_event() -> threading.Event:
    """An event that SIGINT, SIGTERM (and SIGHUP, or Ctrl+Break) set. Call it in the main thread.

    A second SIGINT ends the process at once, for whoever is in a hurry.
    """
    event = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, stop)
    else:
        signal.signal(signal.SIGHUP, stop)
    return event
