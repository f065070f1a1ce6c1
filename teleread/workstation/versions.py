"""Signed versions of what was reported on a case: who, when, what became of each, and what one changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from teleread.model.delivery import OutboxItem, Receipt
from teleread.model.report import Section, SignedReport, Verdict
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText, clean

from .core import Core

if TYPE_CHECKING:
    from teleread.reporting.diff import SentencePair

__all__ = ["Version", "changes", "of_report", "versions"]


@dataclass(frozen=True, slots=True)
class Version:
    """One signed version, proved, with what became of it."""

    report: SignedReport
    verdict: Verdict
    """What verifying this very version found."""
    delivery: str = ""
    """State of its outbox item; empty where it has none."""
    receipt: Receipt | None = None
    why: SafeText = EMPTY
    """What the outbox says of it."""

    @property
    def signer(self) -> SafeText:
        """Who signed it, as frozen."""
        return _text(_table(self.verdict.content, "reader"), "name")

    @property
    def beside(self) -> tuple[SafeText, ...]:
        """Those named beside the reader, each with the role."""
        named = self.verdict.content.get("cosigners") or ()
        return tuple(clean(f"{one.get('name', '')} ({one.get('role', '')})") for one in named)

    @property
    def reason(self) -> SafeText:
        """Why it was changed; empty for none."""
        return _text(_table(self.verdict.content, "change"), "reason")

    @property
    def told(self) -> SafeText:
        """Who was told of the change; empty for nobody."""
        return _text(_table(self.verdict.content, "change"), "told")

    @property
    def sections(self) -> tuple[Section, ...]:
        """The text as signed."""
        return tuple(
            Section(
                str(one.get("id", "")),
                _text(one, "label"),
                str(one.get("loinc", "")),
                clean(one.get("text", ""), multiline=True),
            )
            for one in self.verdict.content.get("sections") or ()
        )


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(table: Mapping[str, Any], name: str) -> SafeText:
    return clean(table.get(name) or "", multiline=True)


def versions(core: Core, key: TaskKey) -> tuple[Version, ...]:
    """Every version signed on a case here, in the order they were signed."""
    return _proved(core, core.vault.reports.for_task(key), core.vault.outbox.of_task(key))


def of_report(core: Core, report_id: str) -> tuple[Version, ...]:
    """Every version of one report, the first first.

    Raises:
        UsageError: There is no such report.
    """
    report = core.vault.reports.get(report_id.lower())
    found = core.vault.reports.versions(report.report_id)
    return _proved(core, found, core.vault.outbox.of_report(report.report_id))


def _proved(core: Core, reports: Sequence[SignedReport], items: Sequence[OutboxItem]) -> tuple[Version, ...]:
    from .exports import verify_report

    by = {(one.report_id, one.report_version): one for one in items if one.report_id}
    made = []
    for one in reports:
        item = by.get((one.report_id, one.version))
        verdict = verify_report(core, one)
        if item is None:
            made.append(Version(one, verdict))
        else:
            made.append(Version(one, verdict, item.state, item.receipt, item.why))
    return tuple(made)


def changes(before: Version, after: Version) -> tuple[tuple[Section, tuple[SentencePair, ...]], ...]:
    """What a version changed, section by section, sentence by sentence; sections left alone are left out."""
    from teleread.reporting.diff import sentence_pairs

    old = {one.id: one for one in before.sections}
    mine = {one.id for one in after.sections}
    found = [
        (one, sentence_pairs(str(old[one.id].text) if one.id in old else "", str(one.text)))
        for one in after.sections
    ]
    found += [(one, sentence_pairs(str(one.text), "")) for name, one in old.items() if name not in mine]
    return tuple((one, pairs) for one, pairs in found if any(pair.kind != "same" for pair in pairs))
