"""A draft as one text file and back, for an editor that knows nothing of sections. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.text import clean

__all__ = ["joined", "parted"]

HEAD: Final = "%% Lines that begin with %% part the sections: leave them as they are."
LONGEST: Final = 100_000
"""Longest section taken back, characters."""


def joined(sections: Sequence[tuple[str, str, str]]) -> str:
    """A draft as one file.

    Args:
        sections: (id, label, text) of each.
    """
    return "\n".join([f"{HEAD}\n", *(f"%% [{name}] {label}\n{text}\n" for name, label, text in sections)])


def parted(text: str, names: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The sections of a file; no word of it is lost, whatever became of the lines that part them.

    Args:
        text: The file.
        names: Ids of the draft's sections, at least one.

    Returns:
        Section id to its text, without line breaks at its ends; and what the reader is to look at.

    Raises:
        UsageError: A section is longer than a draft's may be.
    """
    found: dict[str, list[str]] = {}
    loose: list[str] = []
    here = loose
    for line in text.replace("\r\n", "\n").split("\n"):
        name = line[4:].partition("]")[0] if line.startswith("%% [") else ""
        if name in names and name not in found:
            here = found[name] = []
        elif line != HEAD:
            here.append(line)
    notes = []
    missing = [name for name in names if name not in found]
    if missing:
        notes.append(f"The line of {', '.join(missing)} was gone: look where its text stands now.")
    if any(line.strip() for line in loose):
        first = next((name for name in names if name in found), names[0])
        found[first] = [*loose, *found.get(first, [])]
        notes.append("Words stood before the first section: they are in it now.")
    made = {name: "\n".join(found.get(name, [])).strip("\n") for name in names}
    if any(len(one) > LONGEST for one in made.values()):
        raise UsageError(
            f"A section is longer than {LONGEST:,} characters.", "The draft is as it was.", code="too-long"
        )
    return {name: str(clean(one, multiline=True, limit=2 * LONGEST)) for name, one in made.items()}, tuple(
        notes
    )
