"""Events: what the engine noticed or did, as rows and as NDJSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["EVENT_KINDS", "Event"]

EVENT_KINDS = (
    "engine-started",
    "engine-stopped",
    "pulled",
    "hub-offline",
    "hub-online",
    "hub-waits",
    "fetch-started",
    "fetch-progress",
    "fetched",
    "fetch-failed",
    "fetch-yielded",
    "fetch-wished",
    "study-changed",
    "purged",
    "case-opened",
    "submitting",
    "delivered",
    "held",
    "needs-attention",
    "claimed",
    "claim-lost",
    "given-back",
    "request-done",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the event table; a hint, never the truth itself."""

    id: int
    at: datetime
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    """JSON values only; ids, counts and words, no names of patients."""
    request_id: int | None = None
