"""Right patient and right study: the comparisons, as pure functions (the design, section 9)."""

from __future__ import annotations

from dataclasses import dataclass

from .text import SafeText

__all__ = ["Finding", "Match"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison between order, images and what the hub says now."""

    rule: str
    """``patient-id``, ``nhs-number``, ``birth-date``, ``study-uid``, ``accession``, ``sex``, ``name``."""
    level: str
    """``stop``, ``warn``, ``unknown`` or ``ok``."""
    text: SafeText
    """What was compared with what, in words."""


@dataclass(frozen=True, slots=True)
class Match:
    """The whole comparison."""

    findings: tuple[Finding, ...]

    @property
    def level(self) -> str:
        """The worst level: ``stop``, ``warn``, ``unknown`` or ``ok``."""
        levels = {one.level for one in self.findings}
        return next((level for level in ("stop", "warn", "unknown") if level in levels), "ok")

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings that stop a signature."""
        return tuple(one for one in self.findings if one.level == "stop")
