"""A draft as the checks read it: sentences, what they find, where, on which side, and whether they deny it.

The reading is that of NegEx (Chapman 2001), with what radiologists write besides: denials with a reserve
("no suspicious nodule"), and words that look like denials and are none ("no change in the effusion").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from teleread.model.report import Section
from teleread.model.text import SafeText, clean

from .checks_phrases import vocabulary
from .words import sentences, side_spans, unwrapped

__all__ = ["LATER", "PAST", "Mention", "Page", "Sentence", "page_of", "quoted", "side_at", "standing_of"]

READ: Final = ("technique", "comparison", "findings", "impression")
"""Sections the reader answers for; the clinical information is the referrer's."""

_NOT_A_DENIAL: Final = re.compile(
    r"\b(?:no|without|not)\s+(?:(?:significant|interval|appreciable|definite|substantial|major|further|real|"
    r"convincing|overall)(?:ly)?\s+){0,3}(?:chang\w+|increas\w+|decreas\w+|progress\w+|enlarg\w+|reduc\w+|"
    r"improv\w+)\b|\bnot\s+only\b|\b(?:can\s?not|not|can't)\s+(?:be\s+)?(?:(?:entirely|completely|definitely|"
    r"fully|totally)\s+)?(?:excluded?|ruled\s+out)\b|\bdifficult\s+to\s+(?:\w+\s+)?exclude\b|\bno\s+longer\s+needed\b|"
    r"\binvasion\s+not\s+excluded\b"
)
_DENIAL: Final = re.compile(
    r"\b(?:no|not|without|never|nor|neither|denies|free\s+of|negative\s+for|absence\s+of|resolution\s+of|"
    r"rather\s+than|fails?\s+to\s+demonstrate|excludes?|rules?\s+out|lack\s+of|clear\s+of|devoid\s+of)\b"
)
_DENIED_AFTER: Final = re.compile(
    r"^[^,;.]{0,60}?\b(?:(?:not|never|no\s+longer)\s+(?:been\s+|clearly\s+|definitely\s+)?(?:seen|identified|"
    r"demonstrated|detected|visuali[sz]ed|present|evident|shown|found|appreciated|suspected|noted|apparent)|"
    r"is\s+absent|are\s+absent|(?:has|have)\s+(?:completely\s+|fully\s+|now\s+)?(?:resolved|cleared|healed)|excluded|ruled\s+out)\b"
    r"|^\s*:?\s+(?:none|nil|absent|negative)\b"
)
_MAYBE: Final = re.compile(
    r"\?|\b(?:possib\w+|probab\w+|suspect\w*|suspicious|suspicion|may|might|could|likely|unlikely|versus|vs|query|consider\w*|"
    r"equivocal|differential|exclude[ds]?|suggest\w*|concern\w*|favou?r\w*|presum\w+|or)\b"
)
PAST: Final = re.compile(
    r"\b(?:previous\w*|prior|known|old|chronic|history\s+of|healed|resolved|resolution|status\s+post|post|unchanged|"
    r"stable|long[\s-]?standing|former|again|persist\w+|old|treated|residual|background)\b"
)
LATER: Final = re.compile(
    r"\b(?:risk\s+of|if|in\s+case\s+of|to\s+exclude|to\s+rule\s+out|to\s+assess|exclude)\b"
)
_NO_RESERVE: Final = frozenset(
    {
        "evidence",
        "sign",
        "signs",
        "suggestion",
        "features",
        "of",
        "a",
        "an",
        "any",
        "the",
        "and",
        "or",
        "nor",
        "definite",
        "convincing",
    }
    | {
        "obvious",
        "visible",
        "radiographic",
        "radiological",
        "sonographic",
        "ct",
        "cts",
        "mr",
        "mri",
        "other",
        "is",
        "are",
        "there",
    }
    | {
        "to",
        "suggest",
        "indicate",
        "clear",
        "in",
        "on",
        "left",
        "right",
        "sided",
        "either",
        "numerous",
        "multiple",
        "several",
        "many",
        "bilateral",
        "bilaterally",
        "both",
        "significant",
        "demonstrable",
        "identifiable",
        "longer",
    }
)
"""Words between a denial and what it denies that don't weaken it."""
_HEADED: Final = re.compile(r"\s*(?:on\s+the\s+)?(left|right)\b[^.:\n]{0,40}:", re.IGNORECASE)
"""A line about one side: ``Left kidney: ...``."""
_DISC: Final = re.compile(r"\b([CTL])(\d{1,2})\s?[/–-]\s?[CTLS]?(\d{1,2})\b")
_ABOUT: Final = ((r"\bhead\b", "brain"), (r"\b(?:chest|thorax)\b", "lung"))
"""What a text about a region is about where it names no organ."""
_ALIASES: Final = {
    "bleed@brain": "intracranial_bleed",
    "stone@gallbladder": "gallstones",
    "effusion@heart": "pericardial_effusion",
    **dict.fromkeys(("effusion@lung", "effusion@pleura", "effusion@mediastinum"), "pleural_effusion"),
    **dict.fromkeys(
        (f"effusion@{one}" for one in ("knee", "hip", "shoulder", "elbow", "ankle")), "joint_effusion"
    ),
}
"""Two ways to name one finding."""
_DIRECTED: Final = frozenset({"midline_shift"})
"""Findings whose side is a direction, not a place."""
_ENDS: Final = re.compile(
    r"[;]|\b(?:but|however|although|though|except|apart\s+from|aside\s+from|other\s+than|which|whereas|while|with(?!\s+or\s+without)|"
    r"because|secondary\s+to|due\s+to|causing|despite)\b"
)
_NEW_PART: Final = re.compile(
    r"(?:,|\band\b)\s+(?=(?:and\s+)?(?:there|a|an|this|it|small|tiny|large|mild|moderate|severe|minor|trace|minimal|new|"
    r"stable|unchanged|known|left|right|bilateral|both|possible|probable|\d|likely|is|are|was|has|incidental|normal|multiple|"
    r"several|old|marked|extensive)\b)"
)
_COLON: Final = re.compile(r":\s")


@dataclass(frozen=True, slots=True)
class Mention:
    """A finding where it is named."""

    finding: str
    """Its name in the vocabulary, with ``@organ`` where only the organ makes it one."""
    words: str
    """As written, folded."""
    standing: str
    """``yes``; ``no`` (denied); ``partly`` (denied with a reserve); ``maybe``; ``past``."""
    reserve: frozenset[str]
    """The reserve: ``suspicious`` of "no suspicious nodule"; empty where there is none."""
    side: str
    """``LEFT``, ``RIGHT``, ``BOTH`` or empty."""
    organ: str
    near: frozenset[str] = frozenset()
    """The words of its sentence."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, with what it names."""

    section: str
    text: str
    low: str
    """The same in small letters."""
    organs: tuple[tuple[str, int, int], ...]
    """(organ, start, end)."""
    sides: tuple[tuple[str, int], ...]
    """(``LEFT``, ``RIGHT`` or ``BOTH``, place)."""
    mentions: tuple[Mention, ...]
    carried: str = ""
    """The side the line's heading names, where the sentence names none."""
    level: str = ""
    """The one disc of the spine the sentence is about, ``C5/6``; empty for none or several."""


@dataclass(frozen=True, slots=True)
class Page:
    """The sections of a draft that the reader answers for, read."""

    sections: tuple[Section, ...]
    """With text, in their order."""
    sentences: tuple[Sentence, ...]

    def of(self, *section_ids: str) -> list[Sentence]:
        """The sentences of some sections."""
        return [one for one in self.sentences if one.section in section_ids]

    def mentions(self, section_id: str) -> list[Mention]:
        """What a section names."""
        return [mention for one in self.sentences if one.section == section_id for mention in one.mentions]

    def text(self, section_id: str) -> str:
        """A section's text; empty where there is none."""
        return next((str(one.text) for one in self.sections if one.id == section_id), "")


def page_of(sections: Iterable[Section], procedure: str = "") -> Page:
    """Read a draft.

    Args:
        sections: Its sections.
        procedure: What was examined; where it names one organ, that is what a text without one is about.
    """
    kept = tuple(one for one in sections if one.id in READ and one.text.strip())
    named = {organ for organ, _, _ in vocabulary().organs.find(procedure.lower())}
    organ = named.pop() if len(named) == 1 else ""
    organ = organ or next((one for word, one in _ABOUT if re.search(word, procedure.lower())), "")
    read = [sentence for one in kept for sentence in _section(one.id, str(one.text), organ)]
    return Page(kept, tuple(read))


@lru_cache(maxsize=64)
def _section(section_id: str, text: str, about: str) -> tuple[Sentence, ...]:
    """A section's sentences; cached, for while one section is typed into the others stay."""
    out: list[Sentence] = []
    for line in unwrapped(text).split("\n"):
        head = _HEADED.match(line)
        carried = (about, head[1].upper() if head else "")
        level = ""
        for sentence in sentences(line):
            levels = {f"{one[1]}{one[2]}/{one[3]}" for one in _DISC.finditer(sentence)}
            level = level if not levels else levels.pop() if len(levels) == 1 else ""
            read = _sentence(section_id, sentence, carried)
            out.append(replace(read, level=level) if level else read)
            carried = (read.organs[0][0] if read.organs else carried[0], carried[1])
    return tuple(out)


@lru_cache(maxsize=1024)
def _sentence(section_id: str, text: str, carried: tuple[str, str]) -> Sentence:
    low = text.lower()
    words = vocabulary()
    organs = tuple(words.organs.find(low))
    sides = tuple(side_spans(text))
    mentions = []
    near = frozenset(re.findall(r"[a-z]+", low))
    for finding, start, end in words.findings.find(low):
        organ = _nearest_organ(organs, start, low)
        if finding in words.organ_bound:
            organ = organ or carried[0]
            if not organ:
                continue
            finding = _ALIASES.get(f"{finding}@{organ}", f"{finding}@{organ}")
        standing, reserve = standing_of(low, start, end)
        side = side_at(sides, start, end, low) or ("" if sides else carried[1])
        side = "" if finding in _DIRECTED else side
        reserve -= frozenset(word for _, a, b in organs for word in re.findall(r"[a-z]+", low[a:b]))
        standing = "no" if standing == "partly" and not reserve else standing
        mentions.append(Mention(finding, low[start:end], standing, reserve, side, organ, near))
    return Sentence(section_id, text, low, organs, sides, tuple(mentions), "" if sides else carried[1])


def _nearest_organ(organs: Sequence[tuple[str, int, int]], at: int, low: str) -> str:
    best, least = "", 10_000
    for organ, start, end in organs:
        gap = start - at if start >= at else (at - end)
        between = low[end:at] if start < at else low[at:start]
        gap += 60 * sum(between.count(sign) for sign in ",;")
        if gap < least:
            best, least = organ, gap
    return best


def side_at(sides: Sequence[tuple[str, int]], start: int, end: int, low: str) -> str:
    """The side of what stands at a place of a sentence: the nearest one, commas and joining words apart.

    Returns:
        ``LEFT``, ``RIGHT``, ``BOTH``, or empty where none is named or two are as near.
    """
    if len({side for side, _ in sides}) <= 1:
        return sides[0][0] if sides else ""
    far = []
    for side, place in sides:
        between = low[place:start] if place < start else low[end:place]
        far.append((len(between) + 50 * len(_JOINT.findall(between)), side))
    far.sort()
    close = {side for gap, side in far if gap <= far[0][0] + 8}
    return far[0][1] if len(close) == 1 else ""


_JOINT: Final = re.compile(r"[,;:]|\b(?:and|with|but|while|whereas)\b")


def standing_of(low: str, start: int, end: int) -> tuple[str, frozenset[str]]:
    """Whether a finding at a place of a sentence is affirmed, denied or in doubt, and the reserve.

    Args:
        low: The sentence in small letters.
        start: Where the finding begins.
        end: Where it ends.
    """
    head = low[_scope_start(low, start) : start]
    for one in reversed(list(_NOT_A_DENIAL.finditer(head))):
        head = head[: one.start()] + " " * (one.end() - one.start()) + head[one.end() :]
    tail = low[end:]
    denials = list(_DENIAL.finditer(head))
    none: frozenset[str] = frozenset()
    if denials:
        reserve = _reserve(head[denials[-1].end() :])
        return ("partly" if reserve else "no"), reserve
    if _DENIED_AFTER.match(tail) and not _NOT_A_DENIAL.search(tail[:80]):
        return "no", none
    near = head + " " + tail[: _tail_end(tail)]
    if _MAYBE.search(near) or LATER.search(head) or _NOT_A_DENIAL.search(tail[:80]):
        return "maybe", none
    return ("past" if PAST.search(near) else "yes"), none


def _reserve(between: str) -> frozenset[str]:
    """Words between a denial and what it denies that leave some of it undenied: ``suspicious``."""
    last = re.split(r",|\b(?:or|nor)\b", between)[-1]
    return frozenset(re.findall(r"[a-z]+", last)) - _NO_RESERVE


def _scope_start(low: str, start: int) -> int:
    """Where the part of the sentence begins that a denial before `start` must stand in."""
    ends = [one.end() for one in _ENDS.finditer(low, 0, start)]
    ends += [one.end() for one in _COLON.finditer(low, 0, start)]
    for one in _NEW_PART.finditer(low, 0, start):
        rest = low[one.end() :]
        stop = re.search(r"[,;.]", rest)
        part = rest[: stop.start()] if stop else rest
        if not re.search(r"\b(?:or|nor)\b", part):
            ends.append(one.end())
    return max(ends, default=0)


def _tail_end(tail: str) -> int:
    stop = re.search(r"[,;]|\b(?:and|but|with)\b", tail)
    return stop.start() if stop else len(tail)


def quoted(text: str, limit: int = 90) -> SafeText:
    """A piece of a sentence to show."""
    return clean(" ".join(text.split()), limit=limit)
