"""What the worklist can be sorted by: column to the key that orders its rows."""

from __future__ import annotations

from teleread.workstation.query import order_key

__all__ = ["ORDERS"]

ORDERS = {
    "due": order_key,
    "priority": lambda item: (
        ("stat", "urgent", "asap").index(item.priority) if item.priority in ("stat", "urgent", "asap") else 3,
        order_key(item),
    ),
    "patient": lambda item: (item.name.casefold(), order_key(item)),
    "examination": lambda item: (item.procedure.casefold(), order_key(item)),
    "site": lambda item: (item.site.casefold(), order_key(item)),
    "images": lambda item: ({"all": 0, "part": 1}.get(item.cached, 2), order_key(item)),
    "report": lambda item: (item.report_state or "~", order_key(item)),
}
