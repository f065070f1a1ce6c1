"""`teleread report spell`, `diff` and `versions`: what the desk shows beside a text, in words."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from teleread.cli.call import Call
from teleread.model.errors import UsageError

if TYPE_CHECKING:
    from teleread.workstation.versions import Version

__all__ = ["diff", "diff_arguments", "spell", "spell_arguments", "versions", "versions_arguments"]

_SIGNS = {"same": " ", "changed": "~", "new": "+", "gone": "-"}


def spell_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("draft", metavar="TASK|DRAFT")
    parser.add_argument(
        "--learn", action="append", default=[], metavar="WORD", help="take it into your own list"
    )
    parser.add_argument("--forget", action="append", default=[], metavar="WORD", help="out of your own list")


def diff_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("draft", metavar="TASK|DRAFT")
    parser.add_argument("--prior", metavar="ID", help="an earlier report; the newest by default")


def versions_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("report", metavar="REPORT")


def spell(call: Call, draft_id: str) -> int:
    """The words of a draft that may be wrong, with what may be meant."""
    from teleread.workstation.aids import own_word, speller

    core = call.desk.core
    for word in call.args.learn:
        own_word(core, word)
    for word in call.args.forget:
        own_word(core, word, forget=True)
    speak = speller(core)
    rows: list[dict[str, Any]] = [
        {
            "section": section.id,
            "word": one.word,
            "start": one.start,
            "end": one.end,
            "instead": list(one.instead or speak.suggest(one.word)),
        }
        for section in call.desk.draft(draft_id).sections
        if section.id != "clinical-information"
        for one in speak.doubts(str(section.text))
    ]
    call.out.document("spelling", {"draft": draft_id, "words": rows})
    table = [(one["section"], one["word"], ", ".join(one["instead"][:4])) for one in rows]
    call.out.table(("SECTION", "WORD", "PERHAPS"), table, empty="No doubtful word.")
    return 0


def diff(call: Call, draft_id: str) -> int:
    """A draft beside an earlier report of the patient.

    Raises:
        UsageError: There is no such earlier report here.
    """
    from teleread.workstation.aids import compared, earlier_reports

    draft = call.desk.draft(draft_id)
    known = earlier_reports(call.desk.core, draft)
    prior = next((one for one in known if call.args.prior in (None, one.id)), None)
    if prior is None:
        raise UsageError(
            "No such earlier report of this patient is here.",
            remedy="teleread sync asks the hub for earlier reports.",
            code="no-prior",
        )
    sections = compared(draft, prior)
    told = {"id": prior.id, "title": prior.title, "issued": prior.issued and prior.issued.isoformat()}
    pairs = [
        {
            "section": section.id,
            "sentences": [
                {
                    "kind": one.kind,
                    "before": one.before,
                    "after": one.after,
                    "side_differs": one.sided,
                    "denial_differs": one.denied,
                }
                for one in found
            ],
        }
        for section, found in sections
    ]
    call.out.document("diff", {"draft": draft_id, "prior": told, "sections": pairs})
    for section, found in sections:
        call.out.say(f"\n{section.label}")
        for one in found:
            mark = "  ≠ side" * one.sided + "  ≠ denial" * one.denied
            if one.kind == "changed":
                call.out.say(f"- {one.before}")
            call.out.say(
                f"{'+' if one.kind == 'changed' else _SIGNS[one.kind]} {one.after or one.before}{mark}"
            )
    return 0


def versions(call: Call) -> int:
    """Every signed version of a report: who, when, what became of it, and what it changed."""
    from teleread.workstation.versions import of_report

    found = of_report(call.desk.core, call.args.report)
    rows = [_version(before, one) for before, one in zip((None, *found[:-1]), found, strict=True)]
    call.out.document("versions", {"report": found[0].report.report_id, "versions": rows})
    names = ("kind", "signed_at", "signer", "state", "receipt")
    table = [(f"v{row['version']}", *(row[name] or "" for name in names)) for row in rows]
    call.out.table(("", "KIND", "SIGNED", "BY", "STATE", "RECEIPT"), table)
    for row in rows:
        if not row["valid"]:
            call.out.note(f"v{row['version']}: its signature does NOT hold.")
        for change in row["changes"]:
            told = " -> ".join(text for text in (change["before"], change["after"]) if text)
            call.out.say(f"v{row['version']} {change['section']}  {_SIGNS[change['kind']]} {told}")
    return 0


def _version(before: Version | None, one: Version) -> dict[str, Any]:
    from teleread.workstation.versions import changes

    return {
        "version": one.report.version,
        "kind": one.report.kind,
        "signed_at": one.report.signed_at.isoformat().replace("+00:00", "Z"),
        "signer": one.signer,
        "beside": list(one.beside),
        "valid": one.verdict.valid,
        "trust": one.verdict.trust,
        "sha256": one.report.sha256,
        "state": one.report.state,
        "delivery": one.delivery or None,
        "receipt": one.receipt.id if one.receipt else None,
        "reason": one.reason or None,
        "told": one.told or None,
        "sections": {section.id: section.text for section in one.sections},
        "changes": [
            {"section": section.id, "kind": pair.kind, "before": pair.before, "after": pair.after}
            for section, pairs in (changes(before, one) if before is not None else ())
            for pair in pairs
            if pair.kind != "same"
        ],
    }
