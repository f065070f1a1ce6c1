"""One retrieve's bookkeeping between a transport and the sink: shared by every adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from teleread.model.errors import TelereadError
from teleread.model.text import SafeText, clean

from .port import InstanceSink, RetrieveResult

__all__ = ["MAX_PROBLEMS", "REFUSED", "Intake", "refused"]

REFUSED: Final = "instance-refused"
"""Error code by which a sink refuses one instance; the rest of the study goes on."""
MAX_PROBLEMS: Final = 50
_STEP: Final = 1 << 20
"""Bytes between two calls of the progress function inside an instance."""


def refused(title: str, detail: str = "") -> TelereadError:
    """The error by which a sink refuses one instance."""
    return TelereadError(title, detail, code=REFUSED)


class Intake:
    """Feeds a sink, counts, and turns refusals of single instances into words.

    Args:
        sink: Where instances go.
        progress: Called with (instances, bytes) so far; may raise to stop.
    """

    def __init__(self, sink: InstanceSink, progress: Callable[[int, int], None]) -> None:
        self._sink = sink
        self._progress = progress
        self._open = False
        self._dropping = False
        self._told = 0
        self.arrived: set[str] = set()
        """SOP Instance UIDs that came whole and were taken."""
        self.bytes = 0
        """Bytes passed on so far."""
        self.fatal: TelereadError | None = None
        """Why nothing more can be taken (a full disk); whoever runs the retrieve raises it."""
        self._problems: list[SafeText] = []

    @property
    def refusing(self) -> bool:
        """The instance that is arriving was refused; its bytes are dropped."""
        return self._open and self._dropping

    def begin(self, transfer_syntax: str) -> None:
        """An instance starts."""
        self.cut("Another one began before it ended.")
        self._open, self._dropping = True, False
        self._act(lambda: self._sink.begin(transfer_syntax))

    def write(self, chunk: bytes | memoryview) -> None:
        """Its next bytes; dropped once it was refused."""
        if self._open and not self._dropping:
            self._act(lambda: self._sink.write(chunk))
        self.bytes += len(chunk)
        if self.bytes - self._told >= _STEP:
            self._tell()

    def end(self) -> bool:
        """It is whole.

        Returns:
            Whether it was taken.
        """
        taken = self._open and not self._dropping
        if taken:
            self._act(lambda: self.arrived.add(self._sink.end()))
        self._open = False
        self._tell()
        return taken and not self._dropping

    def cut(self, why: str) -> None:
        """It will not become whole."""
        if self._open:
            if not self._dropping:
                self._sink.abort(why)
                self.problem(f"One instance did not come whole. {why}")
            self._open = False

    def beat(self) -> None:
        """Nothing came for a moment: whoever watches may want to stop."""
        self._tell()

    def problem(self, text: str) -> None:
        """Note what did not come, in words."""
        safe = clean(text, limit=300)
        if safe not in self._problems and len(self._problems) < MAX_PROBLEMS:
            self._problems.append(safe)

    def result(self) -> RetrieveResult:
        """What this retrieve brought."""
        return RetrieveResult(len(self.arrived), tuple(self._problems), counters={"bytes": self.bytes})

    def _tell(self) -> None:
        self._told = self.bytes
        self._progress(len(self.arrived), self.bytes)

    def _act(self, act: Callable[[], object]) -> None:
        try:
            act()
        except TelereadError as error:
            self._dropping = True
            if error.code != REFUSED:
                self.fatal = error
                raise
            self.problem(str(error))
