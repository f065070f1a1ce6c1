"""A report beside an earlier one: sections put side by side, changes told word by word. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from teleread.model.report import Section
from teleread.model.text import EMPTY, SafeText, clean

from .words import unwrapped

__all__ = [
    "Piece",
    "SectionDiff",
    "SentencePair",
    "copied_from",
    "diff",
    "sections_in",
    "sentence_pairs",
    "word_diff",
]

SAME: Final = "same"
GONE: Final = "gone"
NEW: Final = "new"

_TOKEN: Final = re.compile(r"\n|[ \t]+|\d+(?:\.\d+)?|[^\W\d_]+(?:['’-][^\W\d_]+)*|.")
_SENTENCE: Final = re.compile(r"[^\n.!?]*(?:[.!?](?=\S)[^\n.!?]*)*[.!?]*[ \t]*\n?(?<=.)", re.DOTALL)
_MOST_TOKENS: Final = 2000
"""Longest run compared word by word; a longer one has been written anew."""

_HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "clinical-information": (
        *("clinical information", "clinical details", "clinical history", "clinical indication", "history"),
        *(
            "indication",
            "indications",
            "reason for exam",
            "reason for examination",
            "clinical question",
            "clinical data",
        ),
    ),
    "technique": ("technique", "procedure", "protocol", "examination", "exam", "method"),
    "comparison": ("comparison", "comparisons", "previous imaging", "prior", "priors", "correlation"),
    "findings": ("findings", "report", "interpretation", "observations", "description"),
    "impression": (
        "impression",
        "conclusion",
        "conclusions",
        "opinion",
        "summary",
        "comment",
        "diagnosis",
        "impressions",
    ),
}
_HEADING: Final = re.compile(r"^[ \t]*([A-Za-z][A-Za-z /]{2,30}?)[ \t]*(?::[ \t]*|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text."""

    kind: str
    """``same``; ``gone``: only the earlier report has it; ``new``: only this one has it."""
    text: SafeText


@dataclass(frozen=True, slots=True)
class SectionDiff:
    """One section of both."""

    id: str
    label: SafeText
    pieces: tuple[Piece, ...]
    """In reading order; what is gone stands before what came in its place."""
    before: bool
    """The earlier report has this section."""
    after: bool
    """This report has it."""

    @property
    def changed(self) -> bool:
        """Whether a word differs."""
        return any(one.kind != SAME and one.text.strip() for one in self.pieces)

    @property
    def likeness(self) -> float:
        """Share of the words of both that are the same, 0 to 1; 1 where neither has any."""
        words = {
            kind: sum(len(p.text.split()) for p in self.pieces if p.kind == kind)
            for kind in (SAME, GONE, NEW)
        }
        total = 2 * words[SAME] + words[GONE] + words[NEW]
        return 2 * words[SAME] / total if total else 1.0


def diff(before: Sequence[Section], after: Sequence[Section]) -> tuple[SectionDiff, ...]:
    """Two reports section by section: this one's sections in their order, then those only the earlier has.

    Args:
        before: The earlier report's sections; of one in plain text, `sections_in` finds them.
        after: This report's.
    """
    old = {one.id: one for one in before}
    mine = {one.id for one in after}
    out = [
        SectionDiff(
            one.id,
            one.label,
            word_diff(old[one.id].text if one.id in old else "", one.text),
            one.id in old,
            True,
        )
        for one in after
    ]
    out += [
        SectionDiff(one.id, one.label, word_diff(one.text, ""), True, False)
        for one in before
        if one.id not in mine
    ]
    return tuple(out)


@lru_cache(maxsize=64)
def word_diff(before: str, after: str) -> tuple[Piece, ...]:
    """Two texts word by word; case and signs count, blanks alone don't.

    Args:
        before: The earlier text.
        after: The later one; the pieces that are ``same`` are as it writes them.
    """
    pieces: list[tuple[str, str]] = []
    for same, old, new in _aligned(_SENTENCE.findall(before), _SENTENCE.findall(after)):
        if not same:
            pieces += _by_word("".join(old), "".join(new))
            continue
        pieces.append((SAME, "".join(new)))
        if old[-1][-1:].isspace() and not new[-1][-1:].isspace():
            pieces.append((GONE, " "))  # this one ends here, the earlier one goes on
    return tuple(Piece(kind, clean(text, multiline=True)) for kind, text in _joined(pieces))


def _by_word(before: str, after: str) -> list[tuple[str, str]]:
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if len(old) > _MOST_TOKENS or len(new) > _MOST_TOKENS:
        return [(GONE, before), (NEW, after)]
    out: list[tuple[str, str]] = []
    for same, gone, fresh in _aligned(old, new):
        out += [(SAME, "".join(fresh))] if same else [(GONE, "".join(gone)), (NEW, "".join(fresh))]
    return out


def _aligned(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[bool, Sequence[str], Sequence[str]]]:
    """Runs of both that are the same, or not."""
    matcher = SequenceMatcher(None, [_key(one) for one in old], [_key(one) for one in new], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        yield tag == "equal", old[a:b], new[c:d]


def _key(token: str) -> str:
    """What is compared: blanks alone make no difference, line breaks do."""
    if token.isspace():
        return token.strip(" \t") or " "
    return " ".join(part for part in token.split(" ") if part)


def _joined(pieces: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Runs of one kind joined; a lone blank between two changes belongs to both."""
    out: list[tuple[str, str]] = []
    for index, (kind, text) in enumerate(pieces):
        if not text:
            continue
        lonely = kind == SAME and text.isspace() and "\n" not in text and 0 < index < len(pieces) - 1
        parts = [(GONE, text), (NEW, text)] if lonely else [(kind, text)]
        out += parts
    return _runs(out)


def _runs(pieces: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    gone = fresh = ""
    for kind, text in (*pieces, (SAME, "")):
        if kind == SAME:
            out += [(name, words) for name, words in ((GONE, gone), (NEW, fresh)) if words]
            gone = fresh = ""
            if text and out and out[-1][0] == SAME:
                out[-1] = (SAME, out[-1][1] + text)
            elif text:
                out.append((SAME, text))
        elif kind == GONE:
            gone += text
        else:
            fresh += text
    return out


def sections_in(text: str, conclusion: str = "") -> tuple[Section, ...]:
    """The sections of a report that came as plain text, found by their headings.

    What stands before the first heading, or under none known, is findings; so nothing is ever left out.

    Args:
        text: The report.
        conclusion: Its conclusion, where the hub gives it by itself and the text has none.
    """
    parts: dict[str, list[str]] = {}
    here, at = "findings", 0
    labels: dict[str, SafeText] = {}
    for one in _HEADING.finditer(text):
        name = _section_of(one[1])
        if name is None:
            continue
        parts.setdefault(here, []).append(text[at : one.start()])
        here, at = name, one.end()
        labels.setdefault(name, clean(one[1]))
    parts.setdefault(here, []).append(text[at:])
    if conclusion.strip() and "impression" not in parts:
        parts["impression"] = [conclusion]
    kept = (
        (name, "\n".join(one.strip() for one in parts.get(name, ()) if one.strip())) for name in _HEADINGS
    )
    return tuple(
        Section(
            name,
            labels.get(name) or clean(name.replace("-", " ").capitalize()),
            "",
            clean(words, multiline=True),
        )
        for name, words in kept
        if words
    )


def _label(name: str) -> SafeText:
    return clean(name.replace("-", " ").capitalize())


def _section_of(heading: str) -> str | None:
    low = " ".join(heading.lower().split())
    return next((name for name, words in _HEADINGS.items() if low in words), None)


def copied_from(before: Sequence[Section], section: Section) -> SafeText:
    """What an earlier report says in a section, to be copied forward into this one; empty where nothing."""
    return next((one.text for one in before if one.id == section.id), EMPTY)


# -- sentence by sentence -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A sentence of one report beside its like in the other."""

    kind: str
    """``same``, ``changed``, ``gone`` (the earlier one's alone) or ``new`` (this one's alone)."""
    before: SafeText
    after: SafeText
    sided: bool = False
    """Left and right are not the same in both: to be shown before all else."""
    denied: bool = False
    """One denies what the other tells."""


_LIKE: Final = 0.55
"""How alike two sentences must be to be one that was changed."""
_SIDES: Final = re.compile(r"\b(left|right|bilateral|both)\b", re.IGNORECASE)
_DENIALS: Final = re.compile(r"\b(?:no|not|without|never|nor|absent|resolved)\b", re.IGNORECASE)


@lru_cache(maxsize=64)
def sentence_pairs(before: str, after: str) -> tuple[SentencePair, ...]:
    """Two texts sentence by sentence, in the order of the later one; what is gone stands where it stood.

    Args:
        before: A section of the earlier report.
        after: The same section of this one.
    """
    old, new = _plain_sentences(before), _plain_sentences(after)
    out: list[SentencePair] = []
    for same, gone, fresh in _aligned(old, new):
        if same:
            out += [_pair("same", one, other) for one, other in zip(gone, fresh, strict=True)]
        else:
            out += _matched(gone, fresh)
    return tuple(out)


def _plain_sentences(text: str) -> list[str]:
    return [one.strip() for one in _SENTENCE.findall(unwrapped(text)) if one.strip()]


def _matched(gone: Sequence[str], fresh: Sequence[str]) -> list[SentencePair]:
    """Each new sentence beside the gone one it is most like, if it is like any; each used once."""
    left = list(gone)
    likes = {one: {*_words_of(one)} for one in (*gone, *fresh)}
    out = []
    for sentence in fresh:
        scored = [(_likeness(likes[sentence], likes[other]), -index) for index, other in enumerate(left)]
        best, place = max(scored, default=(0.0, 0))
        if best >= _LIKE:
            out.append(_pair("changed", left.pop(-place), sentence))
        else:
            out.append(_pair("new", "", sentence))
    return [*(_pair("gone", one, "") for one in left), *out]


def _words_of(sentence: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+", sentence.lower())


def _likeness(one: set[str], other: set[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 1.0


def _pair(kind: str, before: str, after: str) -> SentencePair:
    both = bool(before and after)
    sides = [sorted(word.lower() for word in _SIDES.findall(text)) for text in (before, after)]
    denials = [bool(_DENIALS.search(text)) for text in (before, after)]
    return SentencePair(
        kind, clean(before), clean(after), both and sides[0] != sides[1], both and denials[0] != denials[1]
    )
