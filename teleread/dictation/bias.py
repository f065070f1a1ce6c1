"""What a case makes likely to be said: one ranked list for the prompt, the lexicon snap and hotwords."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from teleread.model.text import clean

from .ports import Bias
from .safety import is_safety_word

__all__ = ["CaseWords", "bias_for", "case_from", "vocabulary"]

MOST: Final = 200
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PLAIN: Final = 5
"""Words of the order and of priors shorter than this are never hard to hear."""


@dataclass(frozen=True, slots=True)
class CaseWords:
    """What is known of a case before anything is said."""

    procedure: str = ""
    modality: str = ""
    """DICOM modality."""
    body_part: str = ""
    question: str = ""
    """Clinical question and history."""
    prior_words: tuple[str, ...] = ()
    """Words or sentences of earlier reports."""
    laterality: str = ""
    """``LEFT``, ``RIGHT``, ``BILATERAL`` or empty."""
    sex: str = ""
    """``M``, ``F`` or empty."""
    labels: tuple[str, ...] = ()
    """Sections and fields of the template."""
    own: tuple[str, ...] = ()
    """The reader's autotext names and last corrections, the latest first."""


def case_from(raw: Mapping[str, Any]) -> CaseWords:
    """A case as ``dictate --context`` gives it; keys that are not known are left alone."""

    def text(name: str) -> str:
        return clean(raw.get(name) or "", limit=4000)

    prior = raw.get("prior_words") or ()
    listed = prior.split() if isinstance(prior, str) else prior if isinstance(prior, Sequence) else ()
    words = tuple(clean(one, limit=2000) for one in listed[:5000])
    side = f"{text('laterality')} {text('procedure')}".upper()
    found = [one for one in ("BILATERAL", "LEFT", "RIGHT") if re.search(rf"\b{one}\b", side)]
    return CaseWords(
        procedure=text("procedure"),
        modality=text("modality").upper(),
        body_part=text("body_part"),
        question=text("clinical_question"),
        prior_words=words,
        laterality=found[0] if len(found) == 1 else "",
        sex=text("sex").upper()[:1],
    )


def bias_for(case: CaseWords, known: Mapping[str, int] | None = None) -> Bias:
    """The ranked list of a case.

    Args:
        case: The case.
        known: Words to how common they are; the rarer a word of the order, the likelier it needs help.
    """
    ranked = [
        *case.own,
        *_rare(case.question, known),
        *_packs(case),
        *_rare(" ".join(case.prior_words), known),
    ]
    ranked += [*case.labels, *_pack("general")]
    seen: dict[str, str] = {}
    for phrase in ranked:
        kept = " ".join(word for word in clean(phrase).split() if not is_safety_word(word))
        if kept:
            seen.setdefault(kept.casefold(), kept)
    return Bias(tuple(seen.values())[:MOST], str(_all()["carrier"]))


def _rare(text: str, known: Mapping[str, int] | None) -> Iterator[str]:
    for word in dict.fromkeys(_WORD.findall(text)):
        common = (known or {}).get(word.lower(), 70) <= 10
        if len(word) >= _PLAIN and not common:
            yield word.lower()


def _packs(case: CaseWords) -> Iterable[str]:
    told = f"{case.procedure} {case.body_part}".lower()
    words = set(_WORD.findall(told))
    regions = [one for one in _all()["region"].values() if words & set(str(one["match"]).split())]
    listed = [_split(one["terms"]) for one in regions[:3]]
    modality = _all()["modality"].get(
        {"MRI": "MR", "PET": "PT", "USS": "US"}.get(case.modality, case.modality)
    )
    if modality is not None:
        listed.append(_split(modality["terms"]))
    longest = max(map(len, listed), default=0)
    return [row[at] for at in range(longest) for row in listed if at < len(row)]


def _pack(name: str) -> list[str]:
    return _split(_all()[name]["terms"])


def _split(text: str) -> list[str]:
    return [" ".join(one.split()) for one in text.split(",")]


@lru_cache(maxsize=1)
def _all() -> dict[str, Any]:
    return tomllib.loads((resources.files("teleread.dictation") / "terms.toml").read_text("utf-8"))


def vocabulary() -> frozenset[str]:
    """Every word of every pack, small letters."""
    packs = [_all()["general"], *_all()["region"].values(), *_all()["modality"].values()]
    return frozenset(word.lower() for pack in packs for word in _WORD.findall(pack["terms"]))
