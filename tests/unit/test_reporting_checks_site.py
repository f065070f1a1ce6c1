"""A site's own rules: what a file may change, what it may not, and that a bad one costs itself alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from teleread.model.errors import UsageError
from teleread.reporting.checks import Around
from teleread.reporting.checks_site import SiteRules, load_site_rules, parse_site_rules
from tests.checks_corpus import check
from tests.unit.test_reporting_checks_text import BASE, fired

RULE = """
[[rule]]
id = "nodule-guideline"
severity = "block"
text = "Name the guideline."
hazard = "A nodule is followed up wrongly."
sections = ["impression"]
says = ["nodule*"]
unless = ["bts", "fleischner"]
modalities = ["CT"]
"""
DOSE = """
hub = "north"
[[rule]]
id = "dose-told"
text = "Give the dose."
hazard = "The dose is not on record."
sections = ["technique"]
lacks = ["dlp", "mgy cm"]
procedures = ["ct *", "chest"]
"""


def rules(text: str) -> SiteRules:
    return parse_site_rules(text.encode(), "site")[1]


def with_rules(text: str, **texts: str) -> frozenset[str]:
    return fired(replace(BASE, around=Around(site=rules(text))), **texts)


def test_a_site_rule_fires_where_it_says_and_not_where_it_is_met() -> None:
    assert "nodule-guideline" in with_rules(RULE, impression="6 mm nodules.")
    assert "nodule-guideline" not in with_rules(
        RULE, impression="6 mm nodule, by the BTS guideline in 3 months."
    )
    assert "nodule-guideline" not in with_rules(RULE, findings="A nodule.", impression="None of note.")
    other = replace(BASE, modality="MR", around=Around(site=rules(RULE)))
    assert "nodule-guideline" not in fired(other, impression="A nodule.")


def test_a_rule_on_what_is_lacking() -> None:
    assert "dose-told" in with_rules(DOSE, technique="CT with IV contrast.")
    assert "dose-told" not in with_rules(DOSE, technique="CT with IV contrast. DLP 420 mGy cm.")


def test_a_site_may_make_a_rule_graver_lighter_or_silent() -> None:
    table = '[severity]\nfollowup-no-interval = "off"\nsex-organ = "warn"\n'
    assert "followup-no-interval" not in with_rules(table, impression="Follow-up CT is recommended.")
    assert "sex-organ" in with_rules(table, findings="The prostate is enlarged.")


def test_a_sites_critical_findings_need_somebody_told() -> None:
    table = '[[critical]]\nurgency = "critical"\nsays = ["purple spots"]\n'
    assert "critical-no-alert" in with_rules(table, impression="Purple spots in the lung.")
    assert "critical-no-alert" not in with_rules(table, impression="No purple spots.")
    assert "critical-no-alert" in with_rules(table, impression="Acute aortic dissection.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[severity]\nidentity-patient-id = 'off'", "can't be changed"),
        ("[severity]\nstudy-part = 'warn'", "can't be changed"),
        ("[severity]\nno-such = 'off'", "no rule"),
        ("[severity]\nsex-organ = 'stop'", "block, warn or off"),
        ("severity = 5", "table"),
        ("[[rule]]\nid = 'X y'\ntext='a'\nhazard='b'\nsays=['c']", "small words"),
        ("[[rule]]\nid = 'x'\ntext='a'\nhazard='b'", "says or lacks"),
        ("[[rule]]\nid = 'x'\ntext='a'\nhazard='b'\nsays=['c']\nlacks=['d']", "says or lacks"),
        ("[[rule]]\nid = 'x'\nhazard='b'\nsays=['c']", "text is missing"),
        ("[[rule]]\nid = 'x'\ntext='a'\nsays=['c']", "hazard is missing"),
        ("[[rule]]\nid = 'x'\ntext='a'\nhazard='b'\nsays='c'", "list"),
        ("[[rule]]\nid = 'x'\ntext='a'\nhazard='b'\nsays=['***']", "without a word"),
        ("[[rule]]\nid = 'x'\ntext='a'\nhazard='b'\nsays=['c']\nseverity='stop'", "block or warn"),
        ("[[rule]]\nid = 'sex-organ'\ntext='a'\nhazard='b'\nsays=['c']", "already"),
        ("rule = 5", "list of tables"),
        ("[[critical]]\nurgency='soon'\nsays=['c']", "critical or urgent"),
        ("[[critical]]\nurgency='urgent'", "needs says"),
        ("[[rule]", "TOML"),
    ],
)
def test_what_a_file_may_not_say_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        rules(text)


def test_a_phrase_is_no_pattern_and_can_not_run_away() -> None:
    nasty = RULE.replace('"nodule*"', '"(a+)+$", "a* a* a* a* a* a* a* b", "[x"')
    assert "nodule-guideline" not in with_rules(nasty, impression="a" * 20_000 + " " + "a " * 20_000)


def test_one_bad_file_is_told_and_the_others_hold(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[[rule]", "utf-8")
    (tmp_path / "b.toml").write_text(RULE, "utf-8")
    (tmp_path / "c.toml").write_text(DOSE, "utf-8")
    (tmp_path / "d.toml").write_bytes(b"#" * (200 * 1024))
    north, south = load_site_rules(tmp_path, "north"), load_site_rules(tmp_path, "south")
    assert [one.id for one in north.own] == ["nodule-guideline", "dose-told"]
    assert [one.id for one in south.own] == ["nodule-guideline"]
    assert [str(file) for file, _ in north.failed] == ["a.toml", "d.toml"]
    found = check(replace(BASE, around=Around(site=north))).fired
    assert "site-rules-unread" in found
    assert load_site_rules(tmp_path / "none") == SiteRules()
