"""`teleread report spell` and `report diff`: what the desk shows beside a text, in words."""

from __future__ import annotations

import argparse
from typing import Any

from teleread.cli.call import Call
from teleread.model.errors import UsageError

__all__ = ["diff", "diff_arguments", "spell", "spell_arguments"]

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
