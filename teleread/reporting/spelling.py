"""Spelling: British English, the words of radiology, the site's lists and the reader's own; all local.

The lists and their licences stand in `lexicon/NOTICE`. Nothing is ever corrected by itself.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from teleread.model.errors import UsageError
from teleread.model.text import clean

if TYPE_CHECKING:
    from .spelling_search import Index

__all__ = ["Doubt", "Speller", "check_own_word", "load_word_lists"]

MAX_FILES: Final = 20
MAX_BYTES: Final = 4 * 1024 * 1024
MAX_WORDS: Final = 400_000

_WORD: Final = re.compile(
    r"(?<![\w.@/-])[^\W\d_]+(?:['’][^\W\d_]+)*(?:-[^\W\d_]+(?:['’][^\W\d_]+)*)*(?![\w@/]|://)"
)
_LATIN: Final = re.compile(r"[a-zà-öø-ÿœ'’-]+")
_PLAIN: Final = re.compile(r"[a-z']{2,40}")
_FIRST_IN_SENTENCE: Final = re.compile(r"(?:^|[.!?:\n•*-])[\s\d.)(\"“]*$")
_PREFIXES: Final = re.compile(
    r"^(?:anti|bi|contra|de|extra|hyper|hypo|infra|inter|intra|juxta|macro|micro|multi|non|over|para|peri|post|pre|"
    r"pseudo|re|retro|sub|super|supra|trans|un|under)(?=[a-z]{4})"
)
_HYPHENED: Final = frozenset(
    {
        "anti",
        "contra",
        "extra",
        "hyper",
        "hypo",
        "infra",
        "inter",
        "intra",
        "juxta",
        "macro",
        "micro",
        "multi",
        "non",
        "para",
    }
    | {
        "peri",
        "post",
        "pre",
        "pseudo",
        "retro",
        "semi",
        "sub",
        "supra",
        "trans",
        "uni",
        "tri",
        "bi",
        "ill",
        "atlanto",
    }
)
"""First parts of words with a hyphen."""
_RADIOLOGY: Final = 20
_OWN: Final = 10
"""How common words of a list count as being: SCOWL's levels, 10 for the commonest."""

_CONFUSED: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"\bplural\b(?=\s+(?:effusion|fluid|thicken\w+|space\w*|plaque\w*|reaction|surface|disease|based|cavity))",
        "plural",
        "pleural",
    ),
    (r"\bspeculated\b(?=\s+(?:\w+\s+)?(?:mass|nodule|lesion|margin\w*|opacity))", "speculated", "spiculated"),
    (r"\bf(?:a)?ecal\b(?=\s+sac\b)", "faecal", "thecal"),
    (r"\bprostrate\b", "prostrate", "prostate"),
    (r"\bhumorous\b", "humorous", "humerus"),
    (r"(?<=terminal )\bilium\b", "ilium", "ileum"),
    (r"\bileum\b(?=\s+(?:wing|crest|fracture))", "ileum", "ilium"),
    (r"\bileac\b", "ileac", "iliac"),
    (
        r"\bdiscreet\b(?=\s+(?:\w+\s+)?(?:mass|nodule|lesion|collection|focus|fracture))",
        "discreet",
        "discrete",
    ),
    (r"\bperineal\b(?=\s+(?:tendon\w*|nerve|longus|brevis|retinacul\w+))", "perineal", "peroneal"),
    (r"\bvesicle\b(?=\s+(?:junction|calcul\w+|wall))", "vesicle", "vesical"),
    (r"\bscene\b(?=\s+(?:in|on|within)\b)", "scene", "seen"),
    (r"\bmucus\b(?=\s+membrane)", "mucus", "mucous"),
)
"""Real words heard or typed in place of another, told by what stands beside them."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A word that may be wrong."""

    start: int
    """Offset in the text, characters."""
    end: int
    word: str
    instead: tuple[str, ...] = ()
    """What is meant, where that is plain from the context; else ask `Speller.suggest`."""


class Speller:
    """Knows words, finds those that may be wrong, and says what may be meant.

    Args:
        levels: Word (small letters) to how common it is: 10 for the commonest, 60 for rare.
    """

    def __init__(self, levels: dict[str, int]) -> None:
        self._levels = levels
        self._index: Index | None = None
        self._suggest = lru_cache(maxsize=512)(self._search)

    @classmethod
    def standard(cls, own: Iterable[str] = ()) -> Self:
        """British English and radiology, with words of the reader's or the site's own."""
        levels = dict(_standard())
        levels.update((word.casefold(), _OWN) for word in own)
        return cls(levels)

    @property
    def levels(self) -> Mapping[str, int]:
        """Words (small letters) to how common they are: 10 for the commonest."""
        return self._levels

    def known(self, word: str) -> bool:
        """Whether a word is right: listed, or a listed one with a common prefix or a possessive."""
        low = word.casefold().replace("’", "'")
        if low in self._levels or low.removesuffix("'s") in self._levels:
            return True
        if not _LATIN.fullmatch(low) or len(low) <= 2:
            return True
        parts = low.split("-")
        if len(parts) > 1:
            return all(part in _HYPHENED or self.known(part) for part in parts if part)
        bare = _PREFIXES.sub("", low)
        return bare != low and bare in self._levels

    def doubts(self, text: str) -> tuple[Doubt, ...]:
        """The words of a text that may be wrong, in order.

        Words in capitals, with figures, or written as a name inside a sentence are left alone.
        """
        found = [*self._unknown(text), *_confused(text)]
        return tuple(sorted(found, key=lambda one: one.start))

    def _unknown(self, text: str) -> Iterator[Doubt]:
        for one in _WORD.finditer(text):
            word = one.group()
            if word.isupper() or self.known(word):
                continue
            named = word[:1].isupper() and not _FIRST_IN_SENTENCE.search(
                text[max(0, one.start() - 12) : one.start()]
            )
            if not named and not (any(map(str.isupper, word[1:]))):
                yield Doubt(one.start(), one.end(), word)

    def suggest(self, word: str, most: int = 6) -> tuple[str, ...]:
        """What may be meant by a word, the likeliest first, in the case it was written in."""
        made = self._suggest(word.casefold().replace("’", "'"))[:most]
        if word[:1].isupper():
            made = tuple(one[:1].upper() + one[1:] for one in made)
        return made

    def _search(self, low: str) -> tuple[str, ...]:
        if not _PLAIN.fullmatch(low):
            return ()
        if self._index is None:
            from .spelling_search import Index

            self._index = Index(self._levels)
        british = (one for one in _british(low) if one in self._levels)
        return tuple(dict.fromkeys((*british, *self._index.nearest(low))))


_AMERICAN: Final[tuple[tuple[str, str], ...]] = (
    (r"or(?=$|ed$|ing$|s$|less$|al$)", "our"),
    (r"er(?=$|s$)", "re"),
    (r"iz(?=e|ing|ation)", "is"),
    (r"yz(?=e|ing)", "ys"),
    (r"(?<=[aeiou])l(?=ed$|ing$|er$)", "ll"),
    (r"e", "ae"),
    (r"e", "oe"),
    (r"og(?=$|s$)", "ogue"),
    (r"se$", "ce"),
)
"""American spellings, and what stands for them here; each tried at each place it fits."""


def _british(low: str) -> Iterator[str]:
    for pattern, put in _AMERICAN:
        for one in re.finditer(pattern, low):
            yield low[: one.start()] + put + low[one.end() :]


def _confused(text: str) -> Iterator[Doubt]:
    for pattern, _, meant in _confusions():
        for one in pattern.finditer(text):
            kept = meant.capitalize() if one.group()[:1].isupper() else meant
            yield Doubt(one.start(), one.end(), one.group(), (kept,))


@lru_cache(maxsize=1)
def _confusions() -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), wrong, meant) for pattern, wrong, meant in _CONFUSED)


@lru_cache(maxsize=1)
def _standard() -> dict[str, int]:
    folder = resources.files("teleread.reporting") / "lexicon"
    levels: dict[str, int] = {}
    level = _RADIOLOGY
    for line in gzip.decompress((folder / "english.txt.gz").read_bytes()).decode("ascii").split("\n"):
        if line.startswith("#"):
            level = int(line[2:])
        elif line:
            levels[line] = level
    for word in _radiology((folder / "radiology.txt").read_text("utf-8")):
        levels[word] = min(levels.get(word, _RADIOLOGY), _RADIOLOGY)
    return levels


def _radiology(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        for word in line.split() if not line.startswith("#") else ():
            stem, slash, plural = word.partition("/")
            yield stem
            if slash and plural == "s":
                yield stem + "s"
            yield from stem.split("-") if "-" in stem else ()


def check_own_word(word: str) -> str:
    """A word as it is kept in the reader's own list.

    Raises:
        UsageError: It is no single word.
    """
    kept = clean(word).strip().casefold()
    if not _LATIN.fullmatch(kept) or not 2 <= len(kept) <= 40:
        raise UsageError(
            f"“{clean(word, limit=40)}” is no single word.",
            "Nothing was kept.",
            "Give one word of letters.",
            code="bad-word",
        )
    return kept


def load_word_lists(folder: Path) -> tuple[str, ...]:
    """The site's words: ``words/*.txt`` in the profile, one a line; ``#`` begins a comment.

    Hunspell's ``.dic`` files are read too, their words as they stand, without their affixes.
    """
    out: list[str] = []
    files = sorted((*folder.glob("*.txt"), *folder.glob("*.dic"))) if folder.is_dir() else []
    for path in files[:MAX_FILES]:
        try:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES).decode("utf-8", "replace")
        except OSError:
            continue
        words = (line.partition("#")[0].partition("/")[0].strip().casefold() for line in text.splitlines())
        out += [word for word in words if 2 <= len(word) <= 40 and _LATIN.fullmatch(word)]
    return tuple(out[:MAX_WORDS])
