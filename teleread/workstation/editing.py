"""A draft in the reader's own editor: in memory alone, for as long as the editor runs, then destroyed.

The text leaves the vault as a file, which nothing else here ever does. So it is done only where the reader
asked for it (the setting ``editor``), in a folder of its own (0700, the file 0600) on a file system that lies
in memory, and a guard process removes the folder should this one die. What the editor keeps elsewhere by
itself is switched off for those editors whose switches are known.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.report import Draft
from teleread.model.text import clean
from teleread.reporting.one_file import joined, parted

from .core import Core

__all__ = ["MOST", "Edited", "Trip", "edit", "prepare", "room", "sweep", "terminal_idle"]

NAME: Final = "draft.txt"
"""Nothing of a patient stands in a name."""
PREFIX: Final = "teleread-editor-"
MOST: Final = 1024 * 1024
"""Longest file taken back, bytes."""
LONGEST: Final = 4 * 3600.0
"""Seconds after which an editor is ended, whatever it does."""
IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
LOOK: Final = 1.0
"""Seconds between two looks at whether the editor has to end."""
TO_END: Final = 5.0
"""Seconds an editor has to end when it is asked to."""
_QUIET: Final[Mapping[str, tuple[str, ...]]] = {
    "vim": ("-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noswapfile noundofile"),
    "nvim": ("-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noswapfile noundofile"),
    "nano": ("--ignorercfiles",),
    "emacs": ("-nw", "--no-init-file", "--eval", "(setq make-backup-files nil auto-save-default nil)"),
    "micro": ("-backup", "false", "-savecursor", "false", "-saveundo", "false", "-savehistory", "false"),
}
"""Switches with which an editor keeps no copy elsewhere: backup, swap, undo and history files."""
_GUARD: Final = (
    "import shutil,signal,sys\n"
    "for one in ('SIGINT','SIGTERM','SIGHUP'):\n"
    "    if hasattr(signal,one): signal.signal(getattr(signal,one), signal.SIG_IGN)\n"
    "sys.stdin.buffer.read()\n"
    "shutil.rmtree(sys.argv[1], ignore_errors=True)\n"
)
"""Waits for the end of its input, which comes however the one that holds it ends."""


@dataclass(frozen=True, slots=True)
class Trip:
    """What is needed to bring a draft into an editor."""

    command: tuple[str, ...]
    """Program and arguments, the file's name left out."""
    shelf: Path
    """A folder of the file system in memory."""

    @property
    def program(self) -> str:
        """The editor's name, as shown."""
        return str(clean(Path(self.command[0]).name, limit=40))


@dataclass(frozen=True, slots=True)
class Edited:
    """What came back."""

    texts: Mapping[str, str]
    """Section id to its text, of all sections; empty where the editor ended with an error."""
    notes: tuple[str, ...] = ()
    """What the reader is to know of it."""
    ended: bool = False
    """It had to be ended: the screen has to lock."""


# -- where, and by what -----------------------------------------------------------------------------------


def prepare(core: Core, draft: Draft, environment: Mapping[str, str] | None = None) -> Trip:
    """See that a draft may go into an editor here; audited without a word of it.

    Args:
        core: The open profile.
        draft: The draft.
        environment: Variables; this process's by default.

    Raises:
        UsageError: It is not switched on, no editor is named or found, or nothing here lies in memory alone.
    """
    variables = os.environ if environment is None else environment
    if not core.setting("editor"):
        raise UsageError(
            "Writing in your own editor is off.",
            "The draft's text would lie outside the vault meanwhile, in memory.",
            "teleread config set editor on, or the settings (g s), switches it on.",
            code="editor-off",
        )
    command, shelf = _command(variables), room(variables)
    sweep(shelf)
    trip = Trip(command, shelf)
    core.vault.audit.append(
        "draft-editor", subject=draft.id, hub_id=draft.key.hub_id, detail={"editor": trip.program}
    )
    return trip


def _command(variables: Mapping[str, str]) -> tuple[str, ...]:
    said = variables.get("VISUAL", "").strip() or variables.get("EDITOR", "").strip()
    try:
        words = shlex.split(said)
    except ValueError:
        words = []
    if not words:
        raise UsageError(
            "No editor is named.",
            "The draft is as it was.",
            "Set the variable EDITOR, such as EDITOR=vim, and start teleread again.",
            code="no-editor",
        )
    found = shutil.which(words[0], path=variables.get("PATH"))
    if found is None:
        raise UsageError(
            f"The editor {clean(words[0], limit=40)} is not here.",
            "The draft is as it was.",
            "Install it, or name another one in EDITOR.",
            code="no-editor",
        )
    # what an editor is depends on what it is a link to: `vi` is vim on many systems
    names = (Path(words[0]).name, Path(found).resolve().name.partition(".")[0])
    quiet = next((_QUIET[name] for name in names if name in _QUIET), ())
    return (found, *quiet, *words[1:])


def room(variables: Mapping[str, str], mounts: str | None = None) -> Path:
    """A folder of the reader's that lies in memory alone.

    Args:
        variables: Environment: XDG_RUNTIME_DIR is looked at first.
        mounts: What stands in /proc/self/mountinfo; read by default.

    Raises:
        UsageError: There is none on this machine.
    """
    if mounts is None:
        mounts = ""
        with suppress(OSError):
            mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace")
    for one in (variables.get("XDG_RUNTIME_DIR", ""), "/dev/shm"):
        if (
            one
            and os.path.isdir(one)
            and os.access(one, os.W_OK | os.X_OK)
            and _kind(one, mounts) in IN_MEMORY
        ):
            return Path(one)
    raise UsageError(
        "There is no place in memory for the text on this machine.",
        "It is never written to a disk in the clear, so the draft stays here.",
        "Write it in the report itself. A Linux machine has /dev/shm, or XDG_RUNTIME_DIR on tmpfs.",
        code="no-tmpfs",
    )


def _kind(folder: str, mounts: str) -> str:
    """The kind of file system a folder lies on, by the longest mount point above it; proc(5), mountinfo."""
    real = os.path.realpath(folder)
    best, kind = "", ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        parts = before.split()
        if len(parts) < 5 or not after:
            continue
        point = parts[4].encode().decode("unicode_escape")
        above = real == point or real.startswith(point.rstrip("/") + "/")
        if above and len(point) >= len(best):  # a later mount on the same point lies over the earlier
            best, kind = point, after.split()[0]
    return kind


def sweep(shelf: Path) -> None:
    """Remove folders of ours whose process is gone: the guard was killed too."""
    for path in shelf.glob(f"{PREFIX}*"):
        with suppress(OSError, ValueError):
            pid = int(path.name.removeprefix(PREFIX).partition("-")[0])
            if path.stat().st_uid == os.getuid() and not _alive(pid):
                shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


# -- the editor ---------------------------------------------------------------------------------------------


def terminal_idle() -> float | None:
    """Seconds since a key came to this terminal; None where that is not known."""
    try:
        return max(0.0, time.time() - os.stat(os.ttyname(0)).st_atime)
    except OSError:
        return None


def edit(
    trip: Trip, sections: Sequence[tuple[str, str, str]], must_end: Callable[[], bool] = lambda: False
) -> Edited:
    """Bring a draft into the editor and wait for it to end; the terminal is the editor's meanwhile.

    Args:
        trip: As `prepare` gave it.
        sections: (id, label, text) of each section.
        must_end: Asked each second: the screen has to lock. The editor is ended then; what it has written to
            its file is taken.

    Raises:
        UsageError: It does not start, or what it wrote is too long.
    """
    written = joined(sections).encode("utf-8")
    with _folder(trip.shelf) as folder:
        path = folder / NAME
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(written)
        code, ended = _run([*trip.command, str(path)], folder, must_end)
        if code != 0 and not ended:
            return Edited({}, ("The editor ended with an error: the draft is as it was.",))
        data = _read(path)
    notes = ["The editor was ended: the screen locks. What it had saved is in the draft."] if ended else []
    before = {name: text for name, _, text in sections}
    if data == written:
        return Edited(before, tuple(notes), ended)
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        whole = data.decode("latin-1")
        notes.append("The editor wrote no UTF-8: look at letters with accents.")
    made, told = parted(whole, list(before))
    # line breaks at the ends are the file's, not the reader's
    texts = {name: old if old.strip("\n") == made[name] else made[name] for name, old in before.items()}
    return Edited(texts, (*notes, *told), ended)


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except OSError:
        raise UsageError("The editor left no text.", "The draft is as it was.", code="editor-lost") from None
    if len(data) > MOST:
        raise UsageError(
            f"What the editor wrote is longer than {MOST // 1024} KiB.",
            "The draft is as it was.",
            code="too-long",
        )
    return data


def _run(command: Sequence[str], folder: Path, must_end: Callable[[], bool]) -> tuple[int, bool]:
    """(exit code, whether it had to be ended)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TELEREAD_")}
    environment["TMPDIR"] = str(folder)
    with _keys_to_the_editor():
        try:
            child = subprocess.Popen(list(command), cwd=folder, env=environment, close_fds=True)
        except OSError as error:
            raise UsageError(
                "The editor does not start.",
                "The draft is as it was.",
                f"It says: {clean(error.strerror, limit=80)}.",
                code="editor-start",
            ) from error
        latest = time.monotonic() + LONGEST
        while True:
            try:
                return child.wait(LOOK), False
            except subprocess.TimeoutExpired:
                if must_end() or time.monotonic() > latest:
                    _end(child)
                    return child.returncode, True


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(TO_END)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(TO_END)


@contextmanager
def _keys_to_the_editor() -> Iterator[None]:
    """Keys that interrupt are the editor's: a handler that does nothing here, the usual one in the child."""

    def nothing(number: int, frame: FrameType | None) -> None:
        return None

    kept = {one: signal.signal(one, nothing) for one in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for one, handler in kept.items():
            signal.signal(one, handler)


@contextmanager
def _folder(shelf: Path) -> Iterator[Path]:
    """A folder for one trip, 0700; gone afterwards, and gone too where this process dies."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=shelf))
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _GUARD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        close_fds=True,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        assert guard.stdin is not None
        guard.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            guard.wait(TO_END)
