"""A site's own rules: `rules/*.toml` in the profile, read and run.

A file may change the severity of rules of the text, add rules made of phrases, and add critical findings. It
can't touch right patient and right study, and it can't bring a pattern that never ends: it has phrases only.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from teleread.model.errors import UsageError
from teleread.model.report import Check, Section
from teleread.model.text import SafeText, clean

from .checks_phrases import pattern_of
from .checks_rulebook import FIXED, rules

__all__ = ["SiteRule", "SiteRules", "Subject", "load_site_rules", "parse_site_rules", "run_site"]

MAX_BYTES: Final = 128 * 1024
MAX_FILES: Final = 50
MAX_RULES: Final = 500
MAX_PHRASES: Final = 200
MAX_PHRASE: Final = 120

_ID: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_SECTIONS: Final = ("findings", "impression")


@dataclass(frozen=True, slots=True)
class SiteRule:
    """One rule of a site."""

    id: str
    severity: str
    text: SafeText
    hazard: SafeText
    sections: tuple[str, ...]
    says: re.Pattern[str] | None = None
    """It fires where one of the sections says this..."""
    lacks: re.Pattern[str] | None = None
    """...or where all of them lack this."""
    unless: re.Pattern[str] | None = None
    procedures: re.Pattern[str] | None = None
    modalities: frozenset[str] = frozenset()
    sex: str = ""


@dataclass(frozen=True, slots=True)
class SiteRules:
    """Everything the sites of one hub changed."""

    severities: Mapping[str, str] = field(default_factory=dict)
    own: tuple[SiteRule, ...] = ()
    critical: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """``critical:FILE-N`` or ``urgent:FILE-N`` to phrases."""
    failed: tuple[tuple[SafeText, SafeText], ...] = ()
    """(file, why) of files that could not be used."""

    def joined(self, other: SiteRules) -> SiteRules:
        """Both; what comes later wins."""
        return SiteRules(
            {**self.severities, **other.severities},
            (*self.own, *other.own),
            {**self.critical, **other.critical},
            (*self.failed, *other.failed),
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """What a site's rule may ask of a case."""

    procedure: str
    modality: str
    sex: str


def load_site_rules(folder: Path, hub: str = "") -> SiteRules:
    """The rules in a folder that hold for a hub; one bad file costs itself only, and is told.

    Args:
        folder: The profile's ``rules`` folder; it may be missing.
        hub: The hub's name; a file with ``hub = "..."`` holds for that hub alone.
    """
    found = SiteRules()
    for path in sorted(folder.glob("*.toml"))[:MAX_FILES] if folder.is_dir() else ():
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise UsageError(f"It is larger than {MAX_BYTES // 1024} KiB.")
            wanted, more = parse_site_rules(data, path.stem)
        except (OSError, UsageError) as error:
            why = clean(error.title if isinstance(error, UsageError) else "It can't be read.", limit=200)
            more, wanted = SiteRules(failed=((clean(path.name, limit=80), why),)), hub
        if wanted in {"", hub}:
            found = found.joined(more)
    return found


def parse_site_rules(data: bytes, name: str) -> tuple[str, SiteRules]:
    """Read one file of site rules.

    Args:
        data: TOML.
        name: The file's stem; tells its critical findings from others'.

    Returns:
        The hub it holds for (empty: all) and its rules.

    Raises:
        UsageError: It is no TOML, or something in it is missing, of the wrong kind, or not allowed.
    """
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"It is not a TOML file: {clean(error, limit=120)}") from None
    own = tuple(_rule(one) for one in _tables(table, "rule"))
    ids = [one.id for one in own]
    twice = next((one for one in ids if ids.count(one) > 1 or one in rules()), None)
    if twice:
        raise UsageError(f"There is a rule {twice} already.")
    critical = {}
    for index, one in enumerate(_tables(table, "critical")):
        urgency = _text(one, "urgency", "critical")
        if urgency not in {"critical", "urgent"}:
            raise UsageError("The urgency of a critical finding is critical or urgent.")
        pattern = _pattern(one, "says")
        if pattern is None:
            raise UsageError("A critical finding needs says = [...].")
        critical[f"{urgency}:{name}-{index}"] = pattern
    return _text(table, "hub", ""), SiteRules(_severities(table), own, critical)


def _severities(table: Mapping[str, Any]) -> dict[str, str]:
    out = {}
    asked = table.get("severity", {})
    if not isinstance(asked, dict):
        raise UsageError("severity is a table of rule ids.")
    for rule_id, severity in asked.items():
        if rule_id not in rules():
            raise UsageError(f"There is no rule {clean(rule_id, limit=60)}.")
        if rule_id.startswith(FIXED):
            raise UsageError(f"The rule {rule_id} can't be changed: it guards the right patient and study.")
        if severity not in {"block", "warn", "off"}:
            raise UsageError(f"The severity of {rule_id} is block, warn or off.")
        out[rule_id] = severity
    return out


def _rule(table: Mapping[str, Any]) -> SiteRule:
    rule_id = _text(table, "id")
    if not _ID.fullmatch(rule_id) or len(rule_id) > 60:
        raise UsageError(f"The id {clean(rule_id, limit=60)} is not made of small words and hyphens.")
    severity = _text(table, "severity", "warn")
    if severity not in {"block", "warn"}:
        raise UsageError(f"The severity of {rule_id} is block or warn.")
    says, lacks = _pattern(table, "says"), _pattern(table, "lacks")
    if (says is None) == (lacks is None):
        raise UsageError(f"The rule {rule_id} needs either says or lacks.")
    return SiteRule(
        rule_id,
        severity,
        clean(_text(table, "text"), limit=400),
        clean(_text(table, "hazard"), limit=400),
        tuple(_words(table, "sections")) or _SECTIONS,
        says,
        lacks,
        _pattern(table, "unless"),
        _pattern(table, "procedures"),
        frozenset(one.upper() for one in _words(table, "modalities")),
        _text(table, "sex", "").upper(),
    )


def _text(table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise UsageError(f"{key} is missing, or no text.")
    return value


def _words(table: Mapping[str, Any], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(
        isinstance(one, str) and 0 < len(one) <= MAX_PHRASE for one in value
    ):
        raise UsageError(f"{key} is a list of short texts.")
    if len(value) > MAX_PHRASES:
        raise UsageError(f"{key} has more than {MAX_PHRASES} entries.")
    return value


def _pattern(table: Mapping[str, Any], key: str) -> re.Pattern[str] | None:
    words = _words(table, key)
    if any(not re.search(r"\w", one) for one in words):
        raise UsageError(f"{key} holds a phrase without a word.")
    return re.compile(pattern_of(words)) if words else None


def _tables(table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UsageError(f"{key} is a list of tables: [[{key}]].")
    if len(value) > MAX_RULES:
        raise UsageError(f"There are more than {MAX_RULES} of {key}.")
    return value


def run_site(site: SiteRules, sections: Sequence[Section], subject: Subject) -> Iterator[Check]:
    """What a site's own rules find."""
    low = {one.id: str(one.text).lower() for one in sections}
    for rule in site.own:
        if not _meant(rule, subject):
            continue
        read = {name: low[name] for name in rule.sections if name in low}
        text = "\n".join(read.values())
        if rule.unless and rule.unless.search(text):
            continue
        check = Check(rule.id, rule.severity, rule.text, rule.hazard)
        if rule.lacks is not None:
            if text.strip() and not rule.lacks.search(text):
                yield replace(check, section=next(iter(read), ""))
            continue
        where = next((name for name, words in read.items() if rule.says and rule.says.search(words)), None)
        if where is not None:
            yield replace(check, section=where)


def _meant(rule: SiteRule, subject: Subject) -> bool:
    if rule.modalities and subject.modality.upper() not in rule.modalities:
        return False
    if rule.sex and rule.sex != subject.sex:
        return False
    return rule.procedures is None or bool(rule.procedures.search(subject.procedure.lower()))
