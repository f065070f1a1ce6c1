"""Claims on a shared drive: one new numbered file an event, made with O_EXCL, so that one of two wins.

No file is ever changed, and none is locked: locks of drives are not to be trusted (NFS, SMB), but that a name
is made once is. The file with the highest number says who has a task; its number is the version that the next
event is compared with. A claim carries a lease; one that has run out may be taken over, and that is told.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from teleread.host.paths import sync_folder
from teleread.model.text import clean
from teleread.wire.orders import State

__all__ = ["GRACE", "Claim", "FolderClaims", "LostRaceError", "make_new"]

UNKNOWN: Final = "Practitioner/unknown"
GRACE: Final = timedelta(minutes=5)
"""How far the clocks of two readers may be apart before a lease is wrongly thought to have run out."""
_NAME: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]{0,63})\.(\d{6})\.json")
MAX_BYTES: Final = 64 * 1024


class LostRaceError(Exception):
    """Somebody else made the next event of a task first."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The newest event of a task."""

    number: int
    status: str
    """``in-progress`` or ``requested``."""
    owner: str = ""
    owner_name: str = ""
    until: datetime | None = None
    """When the lease runs out."""
    reason_code: str = ""
    reason: str = ""

    def lapsed(self, now: datetime) -> bool:
        """Whether the lease has run out."""
        return self.status == "in-progress" and self.until is not None and now > self.until + GRACE

    def state(self, now: datetime) -> State:
        """As the task shows it."""
        if self.lapsed(now):
            return State(version=str(self.number))
        return State(
            str(self.number), self.status, self.owner, self.owner_name, self.reason_code, self.reason
        )


NONE: Final = Claim(0, "requested")


def make_new(path: Path, data: bytes) -> bool:
    """Make a file that was not there, and see it reach the disk; False where it was there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o660)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return True


class FolderClaims:
    """The claims below one folder.

    Args:
        folder: ``claims`` of the drop box.
        lease: How long a claim holds without being renewed.
    """

    def __init__(self, folder: Path, lease: timedelta) -> None:
        self._folder = folder
        self._lease = lease

    def all(self) -> dict[str, Claim]:
        """The newest event of each task."""
        newest: dict[str, int] = {}
        for entry in os.scandir(self._folder):
            found = _NAME.fullmatch(entry.name)
            if found is not None:
                newest[found[1]] = max(newest.get(found[1], 0), int(found[2]))
        return {task: self._read(task, number) for task, number in newest.items()}

    def of(self, task: str) -> Claim:
        """The newest event of a task."""
        return self.all().get(task, NONE)

    def put(self, task: str, before: Claim, status: str, now: datetime, **words: str) -> Claim:
        """The next event of a task.

        Args:
            task: The task's id.
            before: The event it is made on.
            status: What becomes of the task.
            now: Our clock, UTC.
            words: ``owner``, ``owner_name``, ``reason_code``, ``reason``.

        Raises:
            LostRaceError: There is a newer event than ``before``.
        """
        until = now + self._lease if status == "in-progress" else None
        table: dict[str, Any] = {"schema": "teleread.claim-file/1", "status": status, **words}
        table |= {"at": now.isoformat(), "until": until.isoformat() if until else None}
        number = before.number + 1
        data = json.dumps(table, ensure_ascii=False, indent=1).encode()
        if not make_new(self._path(task, number), data):
            raise LostRaceError
        if self.of(task).number != number:
            raise LostRaceError  # ours took so long to write that it was taken for abandoned
        return Claim(number, status, until=until, **words)

    def half_over(self, claim: Claim, now: datetime) -> bool:
        """Whether a claim is to be renewed."""
        return claim.until is not None and claim.until - now < self._lease / 2

    def _path(self, task: str, number: int) -> Path:
        return self._folder / f"{task}.{number:06}.json"

    def _read(self, task: str, number: int) -> Claim:
        try:
            with self._path(task, number).open("rb") as file:
                table = json.loads(file.read(MAX_BYTES))
            until = datetime.fromisoformat(table["until"]) if table.get("until") else None
            if until is not None and until.tzinfo is None:
                raise ValueError
            words = {name: str(clean(table.get(name), limit=256)) for name in _WORDS}
            return Claim(number, str(table["status"]), until=until, **words)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Being written just now, or left so by a crash: somebody's for a while.
            return Claim(number, "in-progress", UNKNOWN, "somebody", self._made(task, number))

    def _made(self, task: str, number: int) -> datetime | None:
        try:
            return datetime.fromtimestamp(self._path(task, number).stat().st_mtime, UTC)
        except OSError:
            return None


_WORDS: Final = ("owner", "owner_name", "reason_code", "reason")
