"""`teleread worklist`: what there is to read, from the vault, never the network."""

from __future__ import annotations

import argparse
from typing import Any, Final

from teleread.cli.call import Call, read_words
from teleread.workstation.api import WorklistItem

__all__ = ["arguments", "item_json", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument(
        "query",
        nargs="*",
        metavar="QUERY|-|why TASK|priors TASK|pin TASK STUDY|unpin TASK STUDY",
        help="words and key:value terms; - reads it; or why a task's images are here or not",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="at most this many")


def positive(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it is to be 1 or more")
    return number


_VERBS: Final = ("why", "priors", "pin", "unpin")
"""Words that, with a task after them, are no query."""


def run(call: Call) -> int:
    """List, or explain one task."""
    words: list[str] = call.args.query
    if len(words) >= 2 and words[0] in _VERBS and _names_task(call, words[1]):
        from teleread.cli.outlook import act

        return act(call, words[0], words[1:])
    query = read_words("-") if words == ["-"] else " ".join(words)
    items = call.desk.items(query, call.args.limit)
    age = call.desk.age_seconds()
    body = {"items": [item_json(one) for one in items], "age_seconds": None if age is None else round(age, 1)}
    call.out.document("worklist", body)
    heads = ("TASK", "PRIORITY", "DUE", "PATIENT", "EXAMINATION", "IMAGES", "STATE", "REPORT")
    rows = [
        (
            one.task,
            one.priority,
            one.due.strftime("%d %b %H:%M") if one.due else "",
            one.name,
            one.procedure,
            one.cached,
            f"{one.state}{' (mine)' if one.mine else ''}",
            one.report_state or "",
        )
        for one in items
    ]
    call.out.table(
        heads, rows, empty="Nothing matches." if query else "Nothing to read. teleread sync asks the hubs."
    )
    return 0


def _names_task(call: Call, word: str) -> bool:
    """Whether a word is HUB:ID of a hub that is there; ``why modality:CT`` stays a query."""
    hub, colon, rest = word.partition(":")
    return bool(colon and rest) and any(hub == one.name for one in call.desk.core.hubs)


def item_json(item: WorklistItem) -> dict[str, Any]:
    """One row as the contract prints it."""
    return {
        "task": item.task,
        "hub": item.hub,
        "state": item.state,
        "mine": item.mine,
        "signable": item.signable,
        "why_not": item.why_not or None,
        "priority": item.priority,
        "due": item.due.strftime("%Y-%m-%dT%H:%M:%SZ") if item.due else None,
        "patient": {
            "name": item.name,
            "id": item.patient_id,
            "issuer": item.issuer,
            "birth_date": item.birth_date,
            "sex": item.sex,
            "nhs_number": item.nhs_number or None,
            "nhs_status": item.nhs_status or None,
        },
        "accession": item.accession,
        "procedure": item.procedure,
        "modality": item.modality,
        "site": item.site,
        "study_uid": item.study_uid,
        "instances": item.instances,
        "cached": item.cached,
        "draft": item.draft,
        "report_state": item.report_state,
    }
