"""What is missing: sections, fields, an impression that says something of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from teleread.model.report import Check
from teleread.model.text import clean

from .checks_basis import Basis
from .drafting import fields_of
from .words import sentences

__all__ = ["gaps", "impression"]

_NOTHING: Final = re.compile(
    r"^\W*(?:(?:please\s+)?(?:see|as)\s+(?:the\s+)?(?:above|below|findings|body|text|report|described\s+above|detailed\s+above|"
    r"in\s+the\s+(?:body|text|findings)|described|detailed)(?:\s+(?:findings|of\s+(?:the\s+)?report|above))*|findings\s+as\s+(?:above|described)(?:\s+above)?|"
    r"tbc|tba|to\s+follow|pending|dictated|draft|xxx+|nil|-+|\.+|n/?a)?\W*$",
    re.IGNORECASE,
)
_COPIED_WORDS: Final = 25
"""Fewest words of an impression that can count as copied from the findings: short ones may say the same."""


def gaps(basis: Basis) -> Iterator[Check]:
    """Sections and fields that must be filled."""
    draft, template = basis.draft, basis.template
    texts = {section.id: section.text.strip() for section in draft.sections}
    if not basis.first:
        if not (texts.get("findings") or texts.get("impression")):
            yield from basis.rules.found("empty-addendum", "findings")
    else:
        if not texts.get("impression"):
            yield from basis.rules.found("empty-impression", "impression", label=basis.label("impression"))
        required = {one.id for one in template.sections if one.required} if template else {"findings"}
        for section in draft.sections:
            if section.id in required and section.id != "impression" and not section.text.strip():
                yield from basis.rules.found("missing-section", section.id, label=section.label)
    yield from _fields(basis)


def _fields(basis: Basis) -> Iterator[Check]:
    """Fields nobody filled: by the template's completion action, else all that must be filled block."""
    actions = {
        (section.id, field.id): field.action
        for section in (basis.template.sections if basis.template else ())
        for field in section.fields
    }
    marks = [mark for section in basis.draft.sections for mark in fields_of(section, basis.template)]
    for mark in marks:
        action = actions.get((mark.section, mark.id), "")
        if mark.text or not (mark.must or action in {"alert", "prohibit"}):
            continue
        rule = "field-empty" if action == "alert" else "unresolved-field"
        label = mark.label or clean(f"A blank in {basis.label(mark.section)}")
        yield from basis.rules.found(rule, mark.section, mark.id or str(mark.start), label=label)


def impression(basis: Basis) -> Iterator[Check]:
    """An impression that says nothing, or nothing of its own."""
    text = basis.page.text("impression").strip()
    if not text or not basis.first:
        return
    label = basis.label("impression")
    if _NOTHING.match(text):
        yield from basis.rules.found("impression-says-nothing", "impression", label=label)
        return
    own = [_bare(one) for one in sentences(text)]
    own = [one for one in own if one]
    words = sum(len(one.split()) for one in own)
    findings = {_bare(one) for one in sentences(basis.page.text("findings"))}
    if (
        words >= _COPIED_WORDS
        and own
        and all(one in findings for one in own)
        and len(own) > 0.7 * len(findings)
    ):
        yield from basis.rules.found("impression-copied", "impression", label=label)
        return
    for report in basis.context.prior_reports:
        before = [_bare(one) for one in sentences(report.conclusion or "")]
        before = [one for one in before if one]
        if before and words >= _COPIED_WORDS // 3 and own == before:
            yield from basis.rules.found("impression-of-prior", "impression", label=label)
            return


@lru_cache(maxsize=2048)
def _bare(sentence: str) -> str:
    """A sentence without numbering, signs and case."""
    return " ".join(re.findall(r"[^\W_]+(?:\.\d+)?", re.sub(r"^\s*\d{1,2}[.)]\s*", "", sentence.casefold())))
