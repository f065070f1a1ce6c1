"""`teleread outbox`: what has to reach a hub."""

from __future__ import annotations

import argparse
from typing import Any

from teleread.cli.call import Call, read_words, subcommands
from teleread.model.delivery import CHOICES, OutboxItem

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(
        parser,
        (
            ("list", "every item"),
            ("show", "one item"),
            ("retry", "make an item due now"),
            ("resolve", "act on a choice of an item that needs you"),
            ("told", "close an escalation line by word of mouth"),
        ),
    )
    for verb in ("show", "retry", "resolve", "told"):
        verbs[verb].add_argument("id", metavar="ID")
    verbs["resolve"].add_argument("--choose", required=True, choices=tuple(CHOICES), metavar="CHOICE")
    verbs["resolve"].add_argument("--reason", default="", metavar="TEXT|-")
    verbs["told"].add_argument("--whom", required=True, metavar="W")
    verbs["told"].add_argument("--when", required=True, metavar="T")


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    return {"show": _show, "retry": _retry, "resolve": _resolve, "told": _told}.get(
        call.args.verb or "list", _list
    )(call)


def _list(call: Call) -> int:
    items = call.desk.outbox()
    names = _hub_names(call)
    call.out.document("outbox", {"items": [item_json(one, names) for one in items]})
    rows = [
        (
            one.id,
            one.kind,
            names.get(one.key.hub_id, ""),
            one.state,
            one.accession,
            one.receipt.id if one.receipt else one.why,
        )
        for one in items
    ]
    call.out.table(
        ("ID", "KIND", "HUB", "STATE", "ACCESSION", "RECEIPT OR WHY"), rows, empty="Nothing was ever sent."
    )
    return 0


def _hub_names(call: Call) -> dict[str, str]:
    return {hub.hub_id: hub.name for hub in call.desk.hubs()}


def _show(call: Call) -> int:
    return _tell(call)


def _tell(call: Call) -> int:
    from teleread.workstation.outbox import outbox_item

    item = outbox_item(call.desk.core, call.args.id)
    told = item_json(item, _hub_names(call))
    call.out.document("outbox-item", {**told, "theirs": theirs_json(item)})
    call.out.table(("KEY", "VALUE"), [(key, "" if value is None else value) for key, value in told.items()])
    _beside(call, item)
    return 0


def _beside(call: Call, item: OutboxItem) -> None:
    """Somebody else's report, and how the reader's differs from it line by line: words to choose by."""
    from teleread.workstation.outbox import beside

    for heading, lines in beside(call.desk.core, item):
        call.out.say("")
        call.out.say(heading)
        for line in lines:
            call.out.say(f"  {line}")


def _retry(call: Call) -> int:
    call.desk.outbox_retry(call.args.id)
    return _tell(call)


def _resolve(call: Call) -> int:
    reason = read_words(call.args.reason) if call.args.reason else ""
    call.desk.outbox_resolve(call.args.id, call.args.choose, reason)
    return _tell(call)


def _told(call: Call) -> int:
    call.desk.outbox_told(call.args.id, call.args.whom, call.args.when)
    return _tell(call)


def item_json(item: OutboxItem, names: dict[str, str]) -> dict[str, Any]:
    """One item as the contract prints it."""
    receipt = item.receipt
    return {
        "id": item.id,
        "kind": item.kind,
        "report": item.report_id or None,
        "version": item.report_version or None,
        "hub": names.get(item.key.hub_id, item.key.hub_id),
        "accession": item.accession or None,
        "state": item.state,
        "why": item.why or None,
        "choices": [{"id": one.id, "text": one.text} for one in item.choices],
        "attempts": item.attempts,
        "not_before": _time(item.not_before),
        "told": item.told or None,
        "receipt": None
        if receipt is None
        else {
            "id": receipt.id,
            "version": receipt.version,
            "sha256": receipt.sha256,
            "hub_time": receipt.hub_time or None,
            "stored_at": _time(receipt.stored_at),
            "task_status": receipt.task_status or None,
        },
    }


def theirs_json(item: OutboxItem) -> list[dict[str, str]]:
    """Others' reports that were put beside the item: ``id``, ``author``, ``issued``, ``text``."""
    from teleread.workstation.outbox import theirs

    return [dict(one) for one in theirs(item)]


def _time(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
