"""One call of the command line: what was typed, where the answer goes, and the desk it works on."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from teleread.cli.output import Output
from teleread.model.errors import UsageError
from teleread.model.text import clean

if TYPE_CHECKING:
    from teleread.host.paths import ProfilePaths
    from teleread.workstation.desk import Desk

__all__ = ["Call", "Options", "Parser", "read_words"]

MAX_TYPED = 1024 * 1024
"""Longest text read from standard input, characters."""


@dataclass(frozen=True, slots=True)
class Options:
    """The global options."""

    profile: str = "default"
    json: bool = False
    offline: bool = False
    quiet: bool = False


def _formatter(prog: str) -> argparse.HelpFormatter:
    """As wide as the terminal. Given no width, argparse loads shutil and its compressors to find it."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stdout.fileno()).columns)
    except (ValueError, OSError, AttributeError):
        columns = 0
    return argparse.HelpFormatter(prog, width=(columns or 80) - 2)


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors of ours, in words and without the whole usage."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", _formatter)
        super().__init__(**kwargs)

    def error(self, message: str) -> NoReturn:
        """Complain.

        Raises:
            UsageError: Always.
        """
        text = clean(message, limit=400)
        raise UsageError(
            f"That can't be read: {text}.", remedy=f"See: {self.prog} --help", code="bad-arguments"
        )


class Call:
    """What a command holds.

    Args:
        options: The global ones.
        args: The command's own.
        out: Where the answer goes.
    """

    def __init__(self, options: Options, args: argparse.Namespace, out: Output) -> None:
        self.options = options
        self.args = args
        self.out = out
        self._desk: Desk | None = None

    @property
    def paths(self) -> ProfilePaths:
        """The profile's files."""
        from teleread.host.paths import Home

        return Home.find().profile(self.options.profile)

    @property
    def desk(self) -> Desk:
        """The desk, opened at the first need.

        Raises:
            LockedError: The vault stays shut.
        """
        if self._desk is None:
            from teleread.host.harden import harden
            from teleread.workstation.desk import Desk

            harden()  # from here on this process holds keys
            self._desk = Desk.open(self.paths, offline=self.options.offline, ask=asker())
        return self._desk

    def close(self) -> None:
        """Close the desk, if it was opened."""
        if self._desk is not None:
            self._desk.close()
            self._desk = None


def asker() -> Any:
    """How a secret is asked for: on the terminal where there is one, else not at all."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(prompt: str) -> str:
        import getpass

        return getpass.getpass(prompt)

    return ask


def read_words(text: str) -> str:
    """A text as typed, or standard input for ``-``.

    Raises:
        UsageError: Standard input is longer than any report, or no text.
    """
    if text != "-":
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    raw = sys.stdin.buffer.read(MAX_TYPED + 1)
    if len(raw) > MAX_TYPED:
        raise UsageError(
            "That text is longer than a mebibyte.", remedy="Send a shorter one.", code="too-long"
        )
    try:
        return raw.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise UsageError(
            "Standard input is not UTF-8 text.", remedy="Convert it to UTF-8 first.", code="not-text"
        ) from None


def subcommands(parser: argparse.ArgumentParser, names: Sequence[tuple[str, str]]) -> dict[str, Parser]:
    """Add a noun's verbs; the chosen one is in ``args.verb``."""
    made = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    return {name: made.add_parser(name, help=text, description=text) for name, text in names}
