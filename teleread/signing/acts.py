"""What a draft says of itself besides its text: what it changes and why, and who is named beside the reader.

Kept in the draft's journal under ids with an @, which are never frozen as fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from teleread.model.errors import UsageError
from teleread.model.evidence import Change, CoSigner
from teleread.model.text import EMPTY, SafeText, clean

__all__ = [
    "CHANGE",
    "COSIGNERS",
    "ROLES",
    "Changing",
    "changing_in",
    "changing_out",
    "cosigner",
    "cosigners_in",
    "cosigners_out",
]

CHANGE: Final = "@change"
COSIGNERS: Final = "@cosigners"
ROLES: Final = ("trainee", "supervisor")
MOST: Final = 8
"""People named beside the reader, at most."""
_LONGEST: Final = 2000
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Changing:
    """What a correction or a withdrawal is about."""

    base: str
    """SHA-256 of the version it was begun on."""
    reason: SafeText = EMPTY
    told: SafeText = EMPTY

    @property
    def change(self) -> Change | None:
        """As it is frozen; None where nothing is said."""
        return Change(self.reason, self.told) if self.reason or self.told else None


def changing_out(what: Changing) -> str:
    """As the journal keeps it."""
    return json.dumps([what.base, what.reason, what.told], ensure_ascii=False)


def changing_in(fields: Mapping[str, str]) -> Changing | None:
    """A draft's; what can't be read is none."""
    row = _list(fields, CHANGE)
    if len(row) != 3 or not all(isinstance(one, str) for one in row):
        return None
    reason, told = (clean(one, multiline=True, limit=_LONGEST).strip() for one in row[1:])
    return Changing(row[0], SafeText(reason), SafeText(told))


def cosigner(name: str, role: str, person_id: str = "") -> CoSigner:
    """Somebody named beside the reader.

    Args:
        name: As it is to be printed.
        role: One of `ROLES`.
        person_id: Their reference at the hub, ``Practitioner/ID``; empty where it is not known.

    Raises:
        UsageError: No name, or no such role.
    """
    words = clean(name, limit=_LONGEST_NAME).strip()
    if not words or role not in ROLES:
        raise UsageError(
            "A co-signer has a name and a role.",
            "Nothing was changed.",
            f"The roles are {', '.join(ROLES)}.",
            code="bad-cosigner",
        )
    return CoSigner(SafeText(words), role, str(clean(person_id, limit=_LONGEST_NAME)).strip())


def cosigners_out(people: Sequence[CoSigner]) -> str:
    """As the journal keeps them; empty for nobody."""
    rows = [[one.name, one.role, one.id] for one in people]
    return json.dumps(rows, ensure_ascii=False) if rows else ""


def cosigners_in(fields: Mapping[str, str]) -> tuple[CoSigner, ...]:
    """A draft's, trainees first; what can't be read is left out."""
    found = []
    for row in _list(fields, COSIGNERS)[:MOST]:
        if isinstance(row, list) and len(row) == 3 and all(isinstance(one, str) for one in row):
            found.append(cosigner(*row))
    return tuple(sorted(found, key=lambda one: ROLES.index(one.role)))


def _list(fields: Mapping[str, str], name: str) -> list[Any]:
    try:
        row = json.loads(fields.get(name) or "[]")
    except ValueError:
        return []
    return row if isinstance(row, list) else []
