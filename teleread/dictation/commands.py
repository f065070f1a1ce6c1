"""Voice commands: a whole utterance that is one, told by its words, then by its sound with a margin.

Commands are said alone. None signs, sends or discards: `case.sign` opens the sheet, a key does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .sound import alike

__all__ = ["COMMANDS", "Command", "Grammar", "Match", "confusable", "grammar"]

FUZZY: Final = 0.75
"""How alike an utterance has to sound to a phrase it is not."""
MARGIN: Final = 0.1
"""How much more alike than the best phrase of any other command."""
LONGEST: Final = 5
"""Words of an utterance that may be a command without being one to the letter."""
_WORDS: Final = re.compile(r"[a-z0-9']+")
_ARGUMENT: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be said."""

    id: str
    action: str
    """Id in the one action table; empty for what only dictation has."""
    phrases: tuple[str, ...]
    """Ways to say it; ``{section}``, ``{name}``, ``{text}`` and ``{window}`` stand for words."""
    text: str
    """What it does, for "what can I say"."""
    needs_key: bool = False
    """Voice alone only asks for it."""


@dataclass(frozen=True, slots=True)
class Match:
    """An utterance that is a command."""

    command: Command
    argument: str = ""
    second: str = ""
    """What to put instead, of `replace`."""
    sure: float = 1.0


COMMANDS: Final = (
    Command(
        "scratch-that",
        "",
        ("scratch that", "strike that", "delete that", "delete last sentence", "remove that"),
        "take the last utterance back, its sound too",
    ),
    Command("undo", "text.undo", ("undo", "undo that"), "undo in the text"),
    Command("redo", "text.redo", ("redo", "redo that"), "redo in the text"),
    Command("field.next", "field.next", ("next field", "go to next field"), "the next field to fill"),
    Command("field.previous", "field.previous", ("previous field", "last field"), "the field before"),
    Command("section.next", "section.next", ("next section",), "the next section"),
    Command("section.previous", "section.previous", ("previous section",), "the section above"),
    Command(
        "section.go",
        "report.outline",
        ("go to {section}", "go to the {section}", "{section} section"),
        "the cursor into a section",
    ),
    Command(
        "insert",
        "text.expand",
        ("insert {name}", "insert autotext {name}", "insert template {name}"),
        "an autotext, at the cursor",
    ),
    Command("select", "text.find", ("select {text}",), "select words of the text"),
    Command("replace", "", ("replace {text} with {second}",), "put words in the place of others"),
    Command("correct", "", ("correct that",), "choose between what was heard"),
    Command("image.next", "move.down", ("next image", "next slice"), "the next image"),
    Command("image.previous", "move.up", ("previous image", "previous slice"), "the image before"),
    Command("window", "preset.n", ("{window} window", "show {window} window"), "a window preset"),
    Command(
        "measure.insert",
        "measure.list",
        ("insert measurement", "insert the measurement", "insert last measurement"),
        "the last measurement, into the text",
    ),
    Command("image.key", "image.key", ("mark key image", "key image"), "mark this image as a key image"),
    Command("compare", "case.compare", ("compare with prior", "show prior"), "beside the prior, and back"),
    Command("case.next", "case.next", ("next case",), "the next case; the draft is kept"),
    Command("stop", "", ("stop listening", "stop dictation", "microphone off"), "the microphone off"),
    Command("say", "", ("what can i say", "show commands"), "this list"),
    Command(
        "sign",
        "case.sign",
        ("sign report", "sign the report", "sign this report"),
        "open the sign sheet",
        True,
    ),
    Command(
        "discard", "case.discard", ("discard report", "discard the report"), "open the discard sheet", True
    ),
)

_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "clinical-information": ("clinical information", "clinical details", "history", "indication"),
    "technique": ("technique", "protocol"),
    "comparison": ("comparison", "comparisons"),
    "findings": ("findings", "the findings"),
    "impression": ("impression", "conclusion", "opinion", "summary"),
}
_WINDOWS: Final = (
    "lung", "bone", "brain", "soft tissue", "abdomen", "mediastinum", "mediastinal", "liver", "stroke",
    "subdural", "default", "angio", "spine",
)  # fmt: skip


class Grammar:
    """What can be said in a case.

    Args:
        names: Autotext names.
        labels: Section id to its label in the template, where it has another.
    """

    def __init__(self, names: Iterable[str] = (), labels: Mapping[str, str] | None = None) -> None:
        sections = {said: known for known, ways in _SECTIONS.items() for said in ways}
        sections |= {label.lower(): known for known, label in (labels or {}).items()}
        self._slots: dict[str, dict[str, str]] = {
            "section": sections,
            "window": {said: said for said in _WINDOWS},
            "name": {name.lower().replace("-", " "): name for name in names},
        }
        self._fixed: dict[str, Match] = {}
        self._open: list[tuple[Command, re.Pattern[str]]] = []
        for command in COMMANDS:
            for phrase in command.phrases:
                self._add(command, phrase)

    def _add(self, command: Command, phrase: str) -> None:
        slot = _ARGUMENT.search(phrase)
        if slot is None:
            self._fixed.setdefault(phrase, Match(command))
        elif slot[1] in self._slots:
            for said, argument in self._slots[slot[1]].items():
                self._fixed.setdefault(phrase.replace(slot.group(), said), Match(command, argument))
        else:
            pattern = phrase.replace("{text}", r"(?P<text>.+?)").replace("{second}", r"(?P<second>.+)")
            self._open.append((command, re.compile(pattern)))

    @property
    def phrases(self) -> tuple[str, ...]:
        """Every phrase without an open end."""
        return tuple(self._fixed)

    def match(self, said: str) -> Match | None:
        """The command an utterance is, or None: then it is report text."""
        words = _once(_WORDS.findall(said.lower().replace("-", " ")))
        text = " ".join(words)
        if text in self._fixed:
            return self._fixed[text]
        for command, pattern in self._open:
            found = pattern.fullmatch(text)
            if found and len(words) <= 12:
                parts = found.groupdict()
                return Match(command, parts.get("text", ""), parts.get("second", ""))
        return self._by_sound(words, text) if 2 <= len(words) <= LONGEST else None

    def _by_sound(self, words: Sequence[str], text: str) -> Match | None:
        """A phrase that sounds nearly like it, clearly more so than those of other commands."""
        scored = sorted(
            ((_likeness(text, phrase), phrase) for phrase in self._fixed), key=lambda row: (-row[0], row[1])
        )
        best, phrase = scored[0]
        match = self._fixed[phrase]
        if best < FUZZY or not _head_alike(words[0], phrase.split()[0]):
            return None
        rivals = [
            score
            for score, other in scored
            if (self._fixed[other].command.id, self._fixed[other].argument)
            != (match.command.id, match.argument)
        ]
        if rivals and best - rivals[0] < MARGIN:
            return None
        return Match(match.command, match.argument, sure=best)


def _once(words: list[str]) -> list[str]:
    """A phrase that the recogniser wrote two or three times over, once; anything else as it is."""
    for times in (2, 3):
        size, over = divmod(len(words), times)
        if size > 1 and not over and words == words[:size] * times:
            return words[:size]
    return words


def _head_alike(said: str, meant: str) -> bool:
    return said[:1] == meant[:1] or alike(said, meant) >= 0.6


@lru_cache(maxsize=8192)
def _likeness(said: str, phrase: str) -> float:
    """Likeness of two short phrases: as one sound, and word by word where they have as many."""
    whole = alike(said.replace(" ", ""), phrase.replace(" ", ""))
    one, other = said.split(), phrase.split()
    if len(one) != len(other):
        return whole * 0.95
    least = min(alike(a, b) for a, b in zip(one, other, strict=True))
    return whole if least >= 0.5 else whole * 0.85


@lru_cache(maxsize=8)
def grammar(names: tuple[str, ...] = ()) -> Grammar:
    """A grammar with these autotext names."""
    return Grammar(names)


def confusable(names: Sequence[str], *, enough: float = 0.72) -> list[tuple[str, str, float]]:
    """Names that sound too much like each other or like a command: (name, the other, how alike).

    A name should have two syllables or more and no sign in it.
    """
    found: list[tuple[str, str, float]] = []
    spoken = [name.lower().replace("-", " ") for name in names]
    fixed = [phrase for command in COMMANDS for phrase in command.phrases if "{" not in phrase]
    for at, name in enumerate(spoken):
        for other in (*spoken[at + 1 :], *fixed):
            score = _likeness(name, other)
            if score >= enough:
                found.append((name, other, round(score, 2)))
        if len(re.findall(r"[aeiouy]+", name)) < 2:
            found.append((name, "too short to be heard surely", 1.0))
    return found
