"""From words to a command: global options, the table of nouns, and the one place errors end."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from teleread.cli.output import Output, force_utf8
from teleread.model.errors import ExitCode, TelereadError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from teleread.cli.call import Call
    from teleread.tui.themes import Look
    from teleread.workstation.desk import Desk

__all__ = ["NOUNS", "run", "split_globals"]

NOUNS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("demo", "an embedded hub and archive with made-up patients, to try teleread on"),
    "init": ("init", "set up this machine, or add a hub"),
    "hub": ("hub", "list, show or remove hubs"),
    "lock": ("lock", "forget the keys now"),
    "wipe": ("wipe", "destroy this profile's vault"),
    "key": ("key", "change one way into the vault"),
    "config": ("config", "show, set or explain settings"),
    "doctor": ("doctor", "check this machine, the vault and the hubs"),
    "sync": ("sync", "pull and push once"),
    "engine": ("engine", "do the background work in the foreground"),
    "worklist": ("worklist", "list what there is to read"),
    "claim": ("claim", "take a task"),
    "give-back": ("give_back", "return a task with a reason"),
    "next": ("next_task", "take the most pressing task that is free"),
    "fetch": ("fetch", "bring a study here"),
    "import": ("import_files", "take in local DICOM files"),
    "cache": ("cache", "what is held of pixels"),
    "study": ("study", "the series and instances of a held study"),
    "image": ("image", "draw one picture, or write it as PNG"),
    "report": ("report", "write, check, sign, export and verify reports"),
    "outbox": ("outbox", "what has to reach a hub"),
    "template": ("template", "list or show report templates"),
    "autotext": ("autotext", "short names that become texts"),
    "dictate": ("dictate", "speech to report text, on this machine alone"),
    "dictation": ("dictation", "speech models and voice commands"),
    "audit": ("audit", "the audit trail"),
    "themes": ("themes", "list the themes"),
    "keys": ("keys", "list the keys"),
    "help": ("manual", "the manual"),
}
"""Noun to (module in this folder, one line)."""


def run(argv: Sequence[str]) -> int:
    """Run one command line; the result is its exit code."""
    force_utf8()
    try:
        profile, switches, words = split_globals(argv)
    except UsageError as error:
        Output("--json" in argv).error(error)
        return int(error.exit_code)
    out = Output("json" in switches, "quiet" in switches)
    try:
        code = _guarded(profile, switches, words, out)
        out.flush()
        return code
    except BrokenPipeError:
        # Whoever read our answer has seen enough. Python would complain at exit, so give it a sink.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.ERROR)


def split_globals(argv: Sequence[str]) -> tuple[str, frozenset[str], list[str]]:
    """Take the global options out, wherever they stand before a ``--``.

    Returns:
        The profile's name, the switches that were set, and the words that remain.

    Raises:
        UsageError: ``--profile`` without a name.
    """
    profile = os.environ.get("TELEREAD_PROFILE") or "default"
    switches: set[str] = set()
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            words += [word, *rest]
        elif word in {"--json", "--offline", "--quiet"}:
            switches.add(word[2:])
        elif word == "--profile" or word.startswith("--profile="):
            name = word[10:] if "=" in word else next(rest, "")
            if not name:
                raise UsageError("--profile needs a name.", code="bad-arguments")
            profile = name
        else:
            words.append(word)
    return profile, frozenset(switches), words


def _guarded(profile: str, switches: frozenset[str], words: list[str], out: Output) -> int:
    try:
        return _dispatch(profile, switches, words, out)
    except TelereadError as error:
        out.error(error)
        return int(error.exit_code)
    except KeyboardInterrupt:
        out.note("Stopped.")
        return 130
    except BrokenPipeError:
        raise
    except OSError as error:
        out.error(_of_the_machine(error))
        return int(ExitCode.ERROR)
    except Exception as error:  # the worker boundary of the command line
        from teleread.cli.crash import record

        out.error(record(error, profile))
        return int(ExitCode.ERROR)


def _dispatch(profile: str, switches: frozenset[str], words: list[str], out: Output) -> int:
    if words and words[0] in {"-h", "--help"}:
        words = ["help"]
    if words == ["--version"]:
        from teleread import __version__

        out.document("version", {"version": __version__})
        if not out.json_mode:
            out.say(f"teleread {__version__}")
        return 0
    noun, *rest = words or [""]
    if words and noun not in NOUNS:
        raise UsageError(
            f"There is no command “{noun[:40]}”.", remedy="teleread help lists them.", code="unknown-command"
        )
    import argparse

    from teleread.cli.call import Call, Options, Parser

    options = Options(profile, "json" in switches, "offline" in switches, "quiet" in switches)
    if not words:
        return _reading_desk(Call(options, argparse.Namespace(), out))
    module, text = NOUNS[noun]
    command = importlib.import_module(f"teleread.cli.{module}")
    parser = Parser(prog=f"teleread {noun}", description=text[0].upper() + text[1:] + ".")
    command.arguments(parser)
    try:
        args = parser.parse_args(rest)
    except SystemExit as ended:  # --help has printed
        return int(ended.code or 0)
    call = Call(options, args, out)
    try:
        return int(command.run(call))
    finally:
        call.close()


def _reading_desk(call: Call) -> int:
    """The terminal interface on this profile, with an engine behind it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The reading desk needs a terminal.",
            remedy="teleread help lists the commands that need none.",
            code="no-terminal",
        )
    try:
        desk = call.desk
        if not desk.offline:
            desk.start_engine()
        return desk_on(desk)
    finally:
        call.close()


def desk_on(desk: Desk, *, demo: bool = False) -> int:
    """Run the terminal interface. Only here and in the demo is it imported."""
    from teleread.tui.app import run as run_desk

    return run_desk(desk, demo=demo)


def themes(own: Path) -> tuple[Mapping[str, Look], Mapping[str, str]]:
    """The themes as the terminal interface loads them, and why some could not be."""
    from teleread.tui.themes import load_themes

    return load_themes(own)


def _of_the_machine(error: OSError) -> TelereadError:
    """An error of files and disks, in words; no path is told, it might name a patient."""
    import errno

    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return TelereadError(
            "The disk is full.",
            "What was saved before is safe.",
            "Free some space, then try again; teleread cache stats shows what can go.",
            code="disk-full",
        )
    what = os.strerror(error.errno).lower() if error.errno else type(error).__name__
    return TelereadError(f"A file could not be used: {what}.", "Nothing else was changed.", code="file")
