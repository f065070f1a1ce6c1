"""What a command prints: JSON for scripts on stdout, words for people, never a control byte."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from teleread.model.errors import TelereadError
from teleread.model.text import clean

__all__ = ["Output", "force_utf8"]


def force_utf8() -> None:
    """Make stdout and stderr speak UTF-8 whatever the locale says; what cannot be coded is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


class Output:
    """Where a command's answer goes.

    Args:
        json_mode: ``--json``: one object (or a stream of lines) on stdout, words on stderr.
        quiet: No words but errors.
    """

    def __init__(
        self,
        json_mode: bool = False,
        quiet: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.json_mode = json_mode
        self.quiet = quiet
        self._out = stdout if stdout is not None else sys.stdout
        self._err = stderr if stderr is not None else sys.stderr

    @property
    def terminal(self) -> bool:
        """Whether stdout is a terminal that may be sent colours."""
        return self._out.isatty() and os.environ.get("TERM", "") != "dumb"

    @property
    def colours(self) -> bool:
        """Whether colours are wanted there (NO_COLOR is honoured)."""
        return self.terminal and not os.environ.get("NO_COLOR")

    def document(self, name: str, body: Mapping[str, Any]) -> None:
        """The answer as one JSON object, in JSON mode alone."""
        if self.json_mode:
            self._line({"schema": f"teleread.{name}/1", **body})

    def stream(self, name: str, body: Mapping[str, Any]) -> None:
        """One NDJSON line, whatever the mode."""
        self._line({"schema": f"teleread.{name}/1", **body})
        self._out.flush()

    def say(self, text: object) -> None:
        """Words for people: on stdout, or on stderr beside JSON."""
        if not self.quiet:
            self._words(self._err if self.json_mode else self._out, text)

    def note(self, text: object) -> None:
        """Words that are no answer: always on stderr."""
        if not self.quiet:
            self._words(self._err, text)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[object]], empty: str = "Nothing.") -> None:
        """Rows for people, columns aligned; nothing in JSON mode."""
        if self.json_mode or self.quiet:
            return
        if not rows:
            self.say(empty)
            return
        cells = [[clean(cell) for cell in row] for row in rows]
        widths = [max(len(head), *(len(row[column]) for row in cells)) for column, head in enumerate(heads)]
        lines: list[Sequence[str]] = [list(heads), *cells]
        for line in lines:
            text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.say(text.rstrip())

    def raw(self, text: str) -> None:
        """Lines that hold escape sequences of our own making: a picture drawn on a terminal."""
        self._out.write(text)
        self._out.flush()

    def error(self, error: TelereadError) -> None:
        """What went wrong, in words on stderr; beside it as JSON on stdout in JSON mode."""
        self._words(self._err, str(error))
        if self.json_mode:
            told = {
                "code": error.code,
                "title": clean(error.title),
                "detail": clean(error.detail, multiline=True),
                "remedy": clean(error.remedy, multiline=True),
            }
            self.document("error", {"error": told})

    def flush(self) -> None:
        """See everything leave."""
        self._out.flush()
        self._err.flush()

    def _words(self, stream: TextIO, text: object) -> None:
        stream.write(clean(text, multiline=True) + "\n")

    def _line(self, body: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n")
