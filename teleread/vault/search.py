"""What the reader typed, as a full-text query that can't be anything but words."""

from __future__ import annotations

from typing import Final

__all__ = ["phrase"]

_MOST_WORDS: Final = 32


def phrase(words: str) -> str:
    """An FTS5 query for rows that hold every word; a word counts from its beginning. Empty for none."""
    quoted = [
        '"' + word.replace('"', '""') + '"*' for word in words.split()[:_MOST_WORDS] if word.strip('"*')
    ]
    return " ".join(quoted)
