"""`teleread report alert`: who was told of a critical finding; kept with the draft, then signed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from teleread.cli.call import Call, read_words
from teleread.model.errors import UsageError

if TYPE_CHECKING:
    from teleread.model.evidence import Alert

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("draft", metavar="TASK|DRAFT")
    parser.add_argument("--category", metavar="CODE", help="one of the hub's; without it they are listed")
    parser.add_argument("--told", metavar="WHO|-", help="the person; - reads standard input")
    parser.add_argument("--at", metavar="WHEN", help="for example 14:10")
    parser.add_argument("--method", metavar="HOW", default="telephone", help="telephone, in person, message")
    parser.add_argument("--clear", action="store_true", help="take the alert away again")


def run(call: Call, draft_id: str) -> int:
    """Show, keep or clear a draft's alert.

    Args:
        call: The call.
        draft_id: The draft it names.
    """
    from teleread.reporting.alerts import alert_in, categories_of
    from teleread.workstation.drafts import clear_alert, set_alert

    args, core = call.args, call.desk.core
    draft = call.desk.draft(draft_id)
    if args.clear:
        clear_alert(core, draft)
        return _tell(call, draft_id, None)
    if args.category:
        if not args.told or not args.at:
            raise UsageError(
                "An alert needs who was told and when.",
                "Nothing was kept.",
                "Give --told WHO and --at WHEN.",
                code="bad-alert",
            )
        alert = set_alert(core, draft, args.category, read_words(args.told), args.at, args.method)
        return _tell(call, draft_id, alert)
    for one in categories_of(core.hub(draft.key.hub_id).extra):
        call.out.note(f"{one.code}: {one.text}")
    return _tell(call, draft_id, alert_in(draft.fields))


def _tell(call: Call, draft_id: str, alert: Alert | None) -> int:
    from teleread.workstation.drafts import alert_item

    told = alert and {"category": alert.category, "told": alert.told, "at": alert.at, "method": alert.method}
    item = alert_item(call.desk.core, call.desk.draft(draft_id))
    document = {"draft": draft_id, "alert": told, "outbox": item.id if item else None}
    call.out.document("alert", {**document, "state": item.state if item else None})
    if alert is None:
        call.out.say("No alert is kept with this draft.")
    else:
        call.out.say(f"{alert.category}. Told: {alert.told}, {alert.at}, by {alert.method}.")
    if item is not None:
        call.out.say(f"To the hub by itself: {item.state}.")
    elif alert is not None:
        call.out.say("It goes with the report.")
    return 0
