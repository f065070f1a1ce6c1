"""`teleread report`: write, check, sign, export and verify reports."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from teleread.cli import report_aids, report_alert, report_life, report_overrides
from teleread.cli.call import Call, asker, read_words, subcommands
from teleread.model.errors import ExitCode, UsageError
from teleread.model.report import Draft, SignedReport, Verdict
from teleread.model.text import clean

__all__ = ["arguments", "run"]

_VERBS = (
    ("start", "open a task's draft, or start one"),
    ("show", "print a draft"),
    ("set", "write one section of a draft"),
    ("discard", "put a draft into the trash"),
    ("check", "run the checks on a draft"),
    ("spell", "words of a draft that may be wrong"),
    ("diff", "a draft beside an earlier report"),
    ("versions", "every signed version of a report, and what each changed"),
    ("alert", "keep with a draft who was told of its critical finding"),
    ("sign", "sign a draft; it never sends"),
    *report_life.VERBS,
    ("export", "write a signed report to a file"),
    ("verify", "prove a signed report or an exported file"),
    ("list", "own signed reports, newest first"),
    ("search", "search own and prior reports"),
)


_FORMS = (
    *("text", "html", "pdf", "fhir", "dicom-sr", "dicom-measurements", "dicom-pdf", "key-objects", "hl7v2"),
)
"""As `documents.forms` has them; a test holds the two together."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(parser, _VERBS)
    verbs["start"].add_argument("task", metavar="TASK")
    verbs["start"].add_argument("--template", metavar="ID", help="teleread template list shows them")
    for verb in ("show", "set", "discard", "check", "sign"):
        verbs[verb].add_argument("draft", metavar="TASK|DRAFT")
    verbs["set"].add_argument(
        "section", metavar="SECTION", help="clinical-information, technique, comparison, findings, impression"
    )
    verbs["set"].add_argument("text", metavar="TEXT|-", help="the whole section; - reads standard input")
    verbs["discard"].add_argument("--reason", required=True, metavar="TEXT|-")
    report_alert.arguments(verbs["alert"])
    report_aids.spell_arguments(verbs["spell"])
    report_aids.diff_arguments(verbs["diff"])
    report_aids.versions_arguments(verbs["versions"])
    report_overrides.arguments(verbs["sign"])
    report_life.arguments(verbs)
    verbs["export"].add_argument("report", metavar="REPORT")
    verbs["export"].add_argument("--format", required=True, choices=_FORMS)
    verbs["export"].add_argument("--out", required=True, metavar="PATH")
    verbs["verify"].add_argument("report", metavar="REPORT|PATH")
    verbs["search"].add_argument("words", nargs="+", metavar="WORDS|-")


def run(call: Call) -> int:
    """Do the verb."""
    if not call.args.verb:
        raise UsageError(
            "teleread report needs a verb.", remedy="See: teleread report --help", code="bad-arguments"
        )
    return _DO[call.args.verb](call)


def _draft_id(call: Call) -> str:
    from teleread.workstation.drafts import find_draft

    return find_draft(call.desk.core, call.args.draft)


def _show_draft(call: Call, draft: Draft) -> int:
    from teleread.reporting.alerts import plain_fields
    from teleread.workstation.naming import task_name

    call.out.document(
        "draft",
        {
            "draft": draft.id,
            "task": task_name(call.desk.core, draft.key),
            "kind": draft.kind,
            "state": draft.state,
            "template": draft.template_id,
            "sections": {one.id: one.text for one in draft.sections},
            "fields": plain_fields(draft.fields),
        },
    )
    call.out.say(f"Draft {draft.id}")
    for one in draft.sections:
        call.out.say(f"\n{one.label}\n{one.text}" if one.text else f"\n{one.label}\n(empty)")
    return 0


def _start(call: Call) -> int:
    key = call.desk.resolve_task(call.args.task)
    return _show_draft(call, call.desk.start_draft(key, call.args.template))


def _show(call: Call) -> int:
    return _show_draft(call, call.desk.draft(_draft_id(call)))


def _set(call: Call) -> int:
    draft = call.desk.draft(_draft_id(call))
    section = draft.section(call.args.section)
    if section is None:
        raise UsageError(
            f"This report has no section “{clean(call.args.section, limit=40)}”.",
            remedy="Its sections are " + ", ".join(one.id for one in draft.sections) + ".",
            code="no-section",
        )
    call.desk.save_draft(draft.id, draft.seq, {section.id: read_words(call.args.text)})
    return _show_draft(call, call.desk.draft(draft.id))


def _discard(call: Call) -> int:
    draft_id = _draft_id(call)
    call.desk.discard_draft(draft_id, read_words(call.args.reason))
    call.out.document("discard", {"draft": draft_id, "state": "discarded"})
    call.out.say("The draft is in the trash.")
    return 0


def _check(call: Call) -> int:
    checks = call.desk.checks(_draft_id(call))
    rules = [
        {
            "id": one.id,
            "severity": one.severity,
            "blocking": one.blocking,
            "text": one.text,
            "hazard": one.hazard,
            "override": one.override or None,
        }
        for one in checks
    ]
    call.out.document("check", {"rules": rules})
    rows = [("‼" if one.blocking else "?", one.id, one.override or "no reason", one.text) for one in checks]
    call.out.table(("", "RULE", "LIFTED BY", "WHAT"), rows, empty="Nothing to settle.")
    lifting = list(dict.fromkeys(one.override for one in checks if one.blocking and one.override))
    if lifting:
        given = " ".join(f"--override {name}=REASON" for name in lifting)
        call.out.say(f"Mend what blocks, or give a reason: teleread report sign {call.args.draft} {given}")
    if any(one.blocking and not one.override for one in checks):
        call.out.say("You may draft, not sign: no reason lifts that.")
    return int(ExitCode.ATTENTION if any(one.blocking for one in checks) else ExitCode.DONE)


def _alert(call: Call) -> int:
    return report_alert.run(call, _draft_id(call))


def _sign(call: Call) -> int:
    from teleread.workstation.naming import task_name

    draft_id = _draft_id(call)
    overrides = report_overrides.given(call)
    from teleread.workstation.signing import secret_for_command

    secret = secret_for_command(call.desk.core, asker())
    report = call.desk.sign(draft_id, overrides, pin=secret)
    call.out.document(
        "signed",
        {
            "report": report.report_id,
            "version": report.version,
            "task": task_name(call.desk.core, report.key),
            "sha256": report.sha256,
            "signed_at": report.signed_at.isoformat().replace("+00:00", "Z"),
            "state": report.state,
        },
    )
    _warn_of_clock(call, report)
    call.out.say(
        f"Signed, not issued: {report.report_id}, version {report.version}. It leaves at the next sync."
    )
    return 0


def _warn_of_clock(call: Call, report: SignedReport) -> None:
    """A clock far from the hub's is told at every signature (the design, section 4)."""
    from teleread.signing.sign import FAR_OFF_SECONDS

    offset = call.desk.core.vault.worklist.hub_state(report.key.hub_id).offset_seconds
    if offset is not None and abs(offset) > FAR_OFF_SECONDS:
        call.out.note(f"This machine's clock is {abs(offset) / 60:.0f} minutes from the hub's. Set it right.")


def _export(call: Call) -> int:
    from teleread.workstation.exports import export_report

    told = export_report(call.desk.core, call.args.report, call.args.format, call.args.out)
    call.out.document("export", told)
    call.out.say(f"Written: {told['bytes']} bytes. The file is not encrypted.")
    return 0


def _verify(call: Call) -> int:
    from teleread.workstation.exports import verify_named

    # A file can be checked without a vault; only then nobody's key counts as own.
    core = call.desk.core if call.paths.exists() else None
    verdict = verify_named(core, call.args.report)
    return _tell_verdict(call, verdict)


def _tell_verdict(call: Call, verdict: Verdict) -> int:
    call.out.document(
        "verdict",
        {
            "valid": verdict.valid,
            "trust": verdict.trust,
            "signer": verdict.signer or None,
            "signed_at": verdict.signed_at or None,
            "sha256": verdict.sha256 or None,
            "why": verdict.why or None,
        },
    )
    if verdict.valid:
        call.out.say(f"Valid. Signed by {verdict.signer} at {verdict.signed_at}; trust: {verdict.trust}.")
    if verdict.why:
        call.out.say(verdict.why)
    return int(ExitCode.DONE if verdict.valid else ExitCode.INTEGRITY)


def _list(call: Call) -> int:
    return _tell_reports(call, call.desk.reports())


def _tell_reports(call: Call, reports: Any, priors: Any = ()) -> int:
    from teleread.workstation.naming import task_name

    def row(one: SignedReport) -> dict[str, Any]:
        return {
            "report": one.report_id,
            "version": one.version,
            "kind": one.kind,
            "task": task_name(call.desk.core, one.key),
            "accession": one.accession,
            "signed_at": one.signed_at.isoformat().replace("+00:00", "Z"),
            "state": one.state,
            "sha256": one.sha256,
        }

    rows = [row(one) for one in reports]
    call.out.document("reports", {"reports": rows, "priors": list(priors)})
    table = [
        (one["report"], one["version"], one["accession"], one["signed_at"], one["state"]) for one in rows
    ]
    table += [(one["id"], "", one["accession"], one["issued"] or "", "prior") for one in priors]
    call.out.table(("REPORT", "VERSION", "ACCESSION", "SIGNED", "STATE"), table, empty="No report.")
    return 0


def _search(call: Call) -> int:
    from teleread.workstation.exports import search_priors

    words: list[str] = call.args.words
    text = read_words("-") if words == ["-"] else " ".join(words)
    return _tell_reports(call, call.desk.reports(text), search_priors(call.desk.core, text))


_DO: dict[str, Callable[[Call], int]] = {
    "start": _start,
    "show": _show,
    "set": _set,
    "discard": _discard,
    "check": _check,
    "spell": lambda call: report_aids.spell(call, _draft_id(call)),
    "diff": lambda call: report_aids.diff(call, _draft_id(call)),
    "versions": report_aids.versions,
    "alert": _alert,
    "sign": _sign,
    "addendum": report_life.addendum,
    "correct": report_life.correct,
    "withdraw": report_life.withdraw,
    "opinion": report_life.opinion,
    "preliminary": lambda call: report_life.preliminary(call, _draft_id(call)),
    "cosign": lambda call: report_life.cosign(call, _draft_id(call)),
    "export": _export,
    "verify": _verify,
    "list": _list,
    "search": _search,
}
