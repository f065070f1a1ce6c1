"""What has to be done about the report: someone told, a follow-up dated, marked words read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from teleread.model.report import Check

from .checks_basis import Basis
from .checks_phrases import vocabulary
from .checks_reading import Sentence, quoted, standing_of
from .marks import COPIED, DICTATED, standing

__all__ = ["critical", "follow_up", "marked"]

_TOLD: Final = re.compile(
    r"\b(?:(?:discussed|communicated|conveyed|relayed|reported|passed|handed|given|phoned|spoken|spoke|called)\s+"
    r"(?:\w+\s+){0,4}?(?:with|to|through)|informed|telephoned|phoned|notified|alerted|made\s+aware)\b",
    re.IGNORECASE,
)
_INTENDED: Final = re.compile(
    r"\b(?:will\s+be|to\s+be|should\s+be|please|needs?\s+to\s+be|unable|could\s+not|not)\b", re.IGNORECASE
)


def critical(basis: Basis) -> Iterator[Check]:
    """A critical finding nobody is said to have been told of."""
    if basis.around.alert is not None:
        return
    urgencies = {**vocabulary().critical, **basis.around.site.critical}
    for name, pattern in urgencies.items():
        urgency = name.partition(":")[0]
        for one in basis.page.of("impression", "findings"):
            found = _affirmed(pattern, one)
            if not found:
                continue
            if not _somebody_told(basis):
                rule = "critical-no-alert" if urgency == "critical" else "urgent-no-alert"
                yield from basis.rules.found(
                    rule, one.section, label=basis.label(one.section), words=found, urgency=urgency
                )
            return


def _affirmed(pattern: re.Pattern[str], sentence: Sentence) -> str:
    for one in pattern.finditer(sentence.low):
        standing, _ = standing_of(sentence.low, one.start(), one.end())
        if standing == "yes" or (standing == "maybe" and _strongly(sentence.low, one.start())):
            return one.group()
    return ""


def _strongly(low: str, at: int) -> bool:
    """Whether a doubt is one to act on: "suspicious for", "highly suspected"; never "to exclude"."""
    return bool(
        re.search(
            r"\b(?:suspicious\s+(?:for|of)|suspected|probable|likely|consistent\s+with|in\s+keeping\s+with)\b",
            low[:at],
        )
    )


def _somebody_told(basis: Basis) -> bool:
    return any(
        _TOLD.search(one.text) and not _INTENDED.search(one.text)
        for one in basis.page.of("findings", "impression")
    )


# -- follow-up --------------------------------------------------------------------------------------------

_AGAIN: Final = (
    r"(?:follow[\s-]?up|repeat(?:ed)?|surveillance|re-?imag\w+|re-?scan\w*|re-?assess\w*|interval\s+(?:scan|imaging|ct|mri?|ultrasound|radiograph)|"
    r"further\s+(?:\w+\s+){0,2}(?:imaging|evaluation|assessment|investigation|characteri[sz]ation|ct|mri?|ultrasound)|"
    r"(?:new|another|dedicated)\s+(?:\w+\s+){0,2}(?:ct|mri?|us|ultrasound|radiograph|x-?ray|scan|study))"
)
_WANTED: Final = (
    r"(?:recommend\w*|advis\w+|suggest(?:ed)?|required|necessary|needed|warranted|arranged?|"
    r"should\s+be|is\s+indicated|please)"
)
_FOLLOWS: Final = re.compile(rf"\b{_AGAIN}\b.*\b{_WANTED}\b|\b{_WANTED}\b.*\b{_AGAIN}\b", re.IGNORECASE)
_NOT_WANTED: Final = re.compile(
    r"\b(?:no|not|without|nor|neither|n't)\s+(?:\w+\s+){0,5}?(?:follow[\s-]?up|repeat|surveillance|further|required|necessary|needed|warranted|recommended|indicated|warrant)\b|"
    r"\bif\b|\bshould\s+(?:symptoms|there|the\s+patient)|\bcould\b|\bmay\b|\bcan\s+be\b|\bconsider\w*\b|\b(?:last|previous|prior|on)\s+follow[\s-]?up\b|\bclinical\s+follow[\s-]?up\b",
    re.IGNORECASE,
)
_WHEN: Final = re.compile(
    r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve|eighteen|a|several|few)(?:\s*(?:-|–|to|or)\s*(?:\d+|two|three|four|five|six|eight|ten|twelve))?"
    r"[\s-]*(?:hours?|hrs?|h|days?|d|weeks?|wks?|w|months?|mths?|m|years?|yrs?|y)\b|\b(?:today|tomorrow|tonight|immediate\w*|urgent\w*|emergen\w+|asap|as\s+soon\s+as|now|"
    r"annual\w*|yearly|monthly|weekly|daily|short[\s-](?:term|interval)|same[\s-]day|2ww|two[\s-]week|prompt\w*|straight\s?away|next\s+(?:\w+\s+)?(?:day|week|month|year|visit|"
    r"screening\s+round)|routine\s+recall|at\s+(?:the\s+)?(?:next|completion|end|term)|(?:after|following|post|on)\s+(?:\w+\s+){0,3}(?:treatment|completion|antibiotic\w*|therapy|chemotherapy|delivery|"
    r"resolution|cycle\w*|course)|before\s+(?:surgery|discharge|treatment)|prior\s+to|per\s+(?:the\s+)?(?:\w+\s+)?(?:guideline|protocol)s?|guidelines?|protocol|mdt|interval\s+of|(?:19|20)\d\d|"
    r"jan\w*|feb\w*|march|april|june|july|aug\w*|sept?\w*|oct\w*|nov\w*|dec\w*|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday)\b",
    re.IGNORECASE,
)


def follow_up(basis: Basis) -> Iterator[Check]:
    """A follow-up that is asked for and not dated, each sentence once."""
    said = basis.page.of("impression", "findings")
    for index, one in enumerate(said):
        if not _FOLLOWS.search(one.text) or _NOT_WANTED.search(one.text):
            continue
        beside = (
            said[index + 1].text if index + 1 < len(said) and said[index + 1].section == one.section else ""
        )
        if not _WHEN.search(one.text) and not _WHEN.search(beside[:60]):
            yield from basis.rules.found(
                "followup-no-interval", one.section, label=basis.label(one.section), words=quoted(one.text)
            )


# -- marks ------------------------------------------------------------------------------------------------


def marked(basis: Basis) -> Iterator[Check]:
    """Passages copied forward or dictated that nobody has looked at since."""
    stands = standing(basis.around.marks, basis.draft.sections)
    for kind, rule in (
        (COPIED, "copied-unedited"),
        (DICTATED, "dictated-unread"),
        ("unsure", "words-unsure"),
    ):
        of_kind = [one for one in stands if one.mark.kind == kind]
        if of_kind:
            first = of_kind[0].mark
            yield from basis.rules.found(
                rule,
                first.section,
                label=basis.label(first.section),
                words=quoted(first.text, 50),
                count=len(of_kind),
            )
