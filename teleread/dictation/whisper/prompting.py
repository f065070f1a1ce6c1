"""The prompt: what Whisper is told it heard just before, so that it expects the words of the case."""

from __future__ import annotations

from collections.abc import Callable

from teleread.dictation.ports import Bias

__all__ = ["prompt_words"]


def prompt_words(bias: Bias, count: Callable[[str], int], limit: int) -> str:
    """As many of the bias's phrases as fit, the likeliest last: what is nearest to the speech counts most.

    Args:
        bias: What the case makes likely.
        count: Tokens of a text.
        limit: Most tokens.

    Returns:
        Phrases, then the carrier sentence; empty where there is neither.
    """
    room = limit - (count(bias.carrier) if bias.carrier else 0)
    taken: list[str] = []
    for phrase in bias.phrases:
        cost = count(phrase) + 1
        if cost > room:
            continue
        room -= cost
        taken.append(phrase)
    glossary = ", ".join(reversed(taken))
    return " ".join(part for part in (glossary and glossary + ".", bias.carrier) if part)
