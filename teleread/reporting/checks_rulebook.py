"""The rules as data: ids, words, severities and hazards from `rules.toml`, and what a site changes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Final

from teleread.model.report import RIGHTS, Check
from teleread.model.text import EMPTY, SafeText, clean

__all__ = ["FIXED", "Rule", "Rules", "rules"]

FIXED: Final = ("identity-", "study-", *RIGHTS)
"""Rules a site can't change: right patient, right study, right reader."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as `rules.toml` words it."""

    id: str
    severity: str
    text: str
    hazard: SafeText
    told: SafeText = EMPTY
    """The finding without a word of report or patient, for errors and logs; empty where `text` is such."""

    def found(self, section: str = "", field: str = "", **words: object) -> Check:
        """This rule's finding, with the words put in."""
        text = self.text
        for name, value in words.items():
            text = text.replace("{" + name + "}", str(value))
        return Check(self.id, self.severity, clean(text, limit=600), self.hazard, section, field)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rulebook of one run: the built-in rules with the site's severities; ``off`` ones give nothing."""

    severities: Mapping[str, str] = field(default_factory=dict)
    """Rule id to a site's severity: ``block``, ``warn`` or ``off``."""

    def found(self, rule_id: str, section: str = "", field: str = "", **words: object) -> list[Check]:
        """A rule's finding as a list of one; of none where the site turned the rule off."""
        check = rules()[rule_id].found(section, field, **words)
        severity = self.severities.get(rule_id, check.severity)
        if severity == "off":
            return []
        return [Check(check.id, severity, check.text, check.hazard, check.section, check.field)]


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    """Every built-in rule by its id."""
    data = (resources.files("teleread.reporting") / "rules.toml").read_bytes()
    entries = tomllib.loads(data.decode("utf-8"))["rule"]
    return {
        one["id"]: Rule(
            one["id"], one["severity"], one["text"], clean(one["hazard"]), clean(one.get("told", ""))
        )
        for one in entries
    }
