"""The line by which a form without the signed bytes says what it was made from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from teleread.model.errors import IntegrityError

__all__ = ["Mark", "mark_text", "read_mark"]


@dataclass(frozen=True, slots=True)
class Mark:
    """What a form that doesn't carry the signed bytes says it was made from."""

    form: str
    renderer: int
    report_id: str
    version: int
    sha256: str


def mark_text(mark: Mark) -> str:
    """One line for machines; the text form's last line has the same shape."""
    return (
        f"teleread.report/1 form={mark.form} renderer={mark.renderer} report={mark.report_id} "
        f"version={mark.version} sha256={mark.sha256}"
    )


def read_mark(text: str) -> Mark:
    """Read such a line.

    Raises:
        IntegrityError: It is none.
    """
    words = text.split()
    table = dict(word.partition("=")[::2] for word in words[1:])
    try:
        if words[0] != "teleread.report/1" or len(table) != 5 or len(table["sha256"]) != 64:
            raise ValueError
        return Mark(
            table["form"],
            int(table["renderer"]),
            str(uuid.UUID(table["report"])),
            int(table["version"]),
            table["sha256"],
        )
    except (IndexError, KeyError, ValueError):
        raise IntegrityError(
            "This file is not a report that teleread exported.", code="not-a-report"
        ) from None
