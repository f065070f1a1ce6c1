"""What the UPS adapters need of a line to workitems, be it UPS-RS or DIMSE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from teleread.model.errors import OfflineError
from teleread.wire.ups_json import Workitem

__all__ = ["UpsLine", "UpsPage", "garbled"]


@dataclass(frozen=True, slots=True)
class UpsPage:
    """One page of a search."""

    items: tuple[Workitem, ...]
    skipped: tuple[str, ...]
    """Words on what could not be read."""
    last: bool
    date: datetime | None
    """The server's clock; None where it tells none."""


def garbled(who: str) -> OfflineError:
    """The error for an answer that is not what was asked for.

    Args:
        who: The hub, at the beginning of a sentence.
    """
    return OfflineError(
        f"{who} sends an answer that is not what was asked for.",
        "What is here stays as it is.",
        "Check the address of the hub; tell the site if it goes on.",
        code="garbled",
    )


class UpsLine(Protocol):
    """The transactions of RRR-WF. Raises only errors of the model."""

    @property
    def who(self) -> str:
        """What errors call the hub, at the beginning of a sentence."""
        ...

    def search(self, match: Mapping[str, str]) -> Iterator[UpsPage]:
        """Query UPS (RAD-81): every page of what matches.

        Raises:
            OfflineError: No answer, or one that is no list.
            AttentionError: ``refused``: a key is not matched on.
        """
        ...

    def is_reading(self, item: Workitem) -> bool:
        """Whether a workitem is a report to be made, and none of a treatment or a machine's."""
        ...

    def read(self, uid: str) -> Workitem:
        """Get UPS contents (RAD-83), now.

        Raises:
            AttentionError: ``gone``, ``forbidden``, ``refused``.
            OfflineError: No answer, or one that is no such workitem.
        """
        ...

    def change_state(self, uid: str, state: str, transaction: str) -> bool:
        """Claim (RAD-82), or complete or cancel what is ours (RAD-85); False where it is only promised.

        Raises:
            AttentionError: ``refused`` and the other refusals.
            OfflineError: ``unknown``: it may have been applied.
        """
        ...

    def update(self, uid: str, changes: Mapping[str, Any], transaction: str) -> None:
        """Update UPS (RAD-84). Raises as `change_state`."""
        ...

    def request_cancel(self, uid: str, reason: Mapping[str, Any]) -> None:
        """Request UPS cancelation (RAD-88). Raises as `change_state`."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
