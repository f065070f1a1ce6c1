"""The audit trail, as commands print it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .core import Core

__all__ = ["audit_rows", "audit_verdict"]


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


def audit_verdict(core: Core) -> dict[str, Any]:
    """What verifying the chain found."""
    found = core.vault.audit.verify()
    return {"valid": found.valid, "rows": found.rows, "head": found.head}
