"""Telling a loop: Whisper saying the same words over and over where there is nothing more to hear."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["loops"]

_REPEATS: Final = {1: 5, 2: 4, 3: 3, 4: 3, 5: 3, 6: 3, 7: 3, 8: 3}
"""Words in the repeated phrase, and how often it must stand in a row to be a loop."""


def loops(text: str) -> bool:
    """Whether it repeats a phrase of up to eight words, or all of itself, as no speaker would."""
    words = re.findall(r"[\w']+", text.lower())
    half = len(words) // 2
    if half >= 3 and words[:half] == words[half : 2 * half] and len(words) - 2 * half == 0:
        return True  # all of it, said twice over
    for size, times in _REPEATS.items():
        for at in range(len(words) - size * times + 1):
            phrase = words[at : at + size]
            if all(words[at + size * turn : at + size * (turn + 1)] == phrase for turn in range(1, times)):
                return True
    return False
