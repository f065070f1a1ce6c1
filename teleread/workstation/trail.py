"""The audit trail, as commands print it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from .api import AuditView
from .core import Core

__all__ = ["audit_rows", "audit_verdict", "audit_view"]


def audit_rows(core: Core) -> Iterator[dict[str, Any]]:
    """Every row, oldest first."""
    for row in core.vault.audit.export():
        yield {
            "seq": row.seq,
            "at": row.at.isoformat().replace("+00:00", "Z"),
            "kind": row.kind,
            "hub": core.hub_name(row.hub_id) if row.hub_id else None,
            "subject": row.subject or None,
            "detail": dict(row.detail),
            "chain": row.chain,
        }


def audit_view(core: Core, limit: int) -> AuditView:
    """The newest rows, for a screen; the chain is proved whole."""
    newest = deque(core.vault.audit.export(), maxlen=limit)
    found = core.vault.audit.verify()
    rows = tuple(
        (
            one.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            one.kind,
            " ".join(part for part in (core.hub_name(one.hub_id) if one.hub_id else "", one.subject) if part),
        )
        for one in reversed(newest)
    )
    return AuditView(rows, found.valid, found.rows)


def audit_verdict(core: Core) -> dict[str, Any]:
    """What verifying the chain found."""
    found = core.vault.audit.verify()
    return {"valid": found.valid, "rows": found.rows, "head": found.head}
