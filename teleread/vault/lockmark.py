"""The mark that `lock` leaves: every TUI of the profile sees it; the keyring alone opens nothing now."""

from __future__ import annotations

import json
from dataclasses import dataclass

from teleread.host.paths import ProfilePaths, atomic_write

__all__ = ["LockMark", "put_mark", "read_mark", "take_mark_away"]


@dataclass(frozen=True, slots=True)
class LockMark:
    """How often the profile was locked, and whether it is now."""

    generation: int
    """Grows with every lock: whoever remembers a smaller one locks too, even if it was lifted meanwhile."""
    locked: bool
    """The keyring alone does not open."""


def read_mark(paths: ProfilePaths) -> LockMark:
    """The mark as it stands; a damaged one counts as locked."""
    try:
        content = json.loads(paths.locked_flag.read_bytes()[:1000])
        return LockMark(int(content["generation"]), bool(content["locked"]))
    except FileNotFoundError:
        return LockMark(0, False)
    except (ValueError, KeyError, TypeError):
        return LockMark(0, True)


def put_mark(paths: ProfilePaths) -> LockMark:
    """Lock the profile."""
    return _write(paths, LockMark(read_mark(paths).generation + 1, True))


def take_mark_away(paths: ProfilePaths) -> None:
    """Someone proved to be the reader."""
    mark = read_mark(paths)
    if mark.locked:
        _write(paths, LockMark(mark.generation, False))


def _write(paths: ProfilePaths, mark: LockMark) -> LockMark:
    content = json.dumps({"generation": mark.generation, "locked": mark.locked})
    atomic_write(paths.locked_flag, content.encode())
    return mark
