"""What the reader and the sites want of prefetching and the cache, as the engine uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from teleread.archive.eviction import Budget
from teleread.archive.plans import Rules

__all__ = ["GIGABYTE", "Policy"]

GIGABYTE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings of prefetching and the cache, after precedence."""

    rules: Rules = field(default_factory=Rules)
    budget: Budget = field(default_factory=lambda: Budget(None, 2 * GIGABYTE))
    retain_hours: Mapping[str, float] = field(default_factory=dict)
    """By hub id: how long a study stays after its report's receipt; a hub not named keeps them for room."""
    check_minutes: float = 10.0
    """How often the archive is asked whether a study in hand has changed."""
    metered: bool = False
    """The line is metered, as told or as the system says."""
    battery: bool = False
