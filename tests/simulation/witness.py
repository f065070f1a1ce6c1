"""What a reader was told is safe, and whether the vault still agrees."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from teleread.model.delivery import OutboxItem
from teleread.vault.vault import Vault
from tests.simulation.hubs import SimHub, Wrong

__all__ = ["Look", "Witness"]


@dataclass
class Witness:
    """What the reader was told is safe; the vault has to agree for ever."""

    signed: dict[tuple[str, int], tuple[bytes, str]] = field(default_factory=dict)
    """Report version to its frozen bytes and signature."""
    typed: dict[str, str] = field(default_factory=dict)
    """Draft to its text, once shown as saved."""
    typing: dict[str, str] = field(default_factory=dict)
    """Draft to a text that was being written when the machine died."""
    closed: set[str] = field(default_factory=set)
    """Drafts the reader closed, or was closing."""
    keys: dict[str, str] = field(default_factory=dict)
    """Outbox item to its idempotency key."""
    owners: dict[str, str] = field(default_factory=dict)
    """Idempotency key to its outbox item."""
    ended: set[str] = field(default_factory=set)
    """Outbox items the reader took back, or was taking back."""
    resent: Counter[str] = field(default_factory=Counter)
    """Outbox item to how often it was sent again by choice, in the end."""
    lines: int = 0
    """Of the worklist, at most."""


class Look:
    """One look at a machine.

    Args:
        name: For messages.
        vault: What it holds.
        witness: What its reader was told.
        hubs: What the hubs got.
    """

    def __init__(self, name: str, vault: Vault, witness: Witness, hubs: dict[str, SimHub]) -> None:
        self._name, self._vault, self._witness, self._hubs = name, vault, witness, hubs

    def all(self) -> None:
        """Every invariant.

        Raises:
            Wrong: One does not hold.
        """
        items = {(one.report_id, one.report_version): one for one in self._vault.outbox.list()}
        for (report_id, version), (frozen, signature) in self._witness.signed.items():
            self._check_report(report_id, version, frozen, signature, items)
        for draft_id, text in self._witness.typed.items():
            draft = self._vault.drafts.find(draft_id)
            if draft is None or draft.sections[0].text != text:
                raise Wrong(f"{self._name}: words shown as saved are gone")
            if draft.state != "open" and draft_id not in self._witness.closed:
                raise Wrong(f"{self._name}: a draft was closed by nobody")
        for item in self._vault.outbox.list():
            self._check_item(item)
        lines = self._vault.worklist.count()
        if lines < self._witness.lines:
            raise Wrong(f"{self._name}: a case is gone from the worklist")
        self._witness.lines = lines

    def _check_report(
        self, report_id: str, version: int, frozen: bytes, signature: str, items: dict[Any, OutboxItem]
    ) -> None:
        report = self._vault.reports.find(report_id, version)
        if report is None or (report.frozen, report.signature) != (frozen, signature):
            raise Wrong(f"{self._name}: signed bytes are lost or changed")
        item = items.get((report_id, version))
        if item is None:
            raise Wrong(f"{self._name}: a signed report waits nowhere")
        if item.idempotency_key != report.idempotency_key:
            raise Wrong(f"{self._name}: an idempotency key changed")
        if report.state == "issued":
            if item.state != "delivered" or item.receipt is None or item.receipt.sha256 != report.sha256:
                raise Wrong(f"{self._name}: shown as issued without a receipt")
            if (report_id, report.sha256) not in self._hubs[item.key.hub_id].proofs:
                raise Wrong(f"{self._name}: a receipt for what the hub never held")

    def _check_item(self, item: OutboxItem) -> None:
        kept = self._witness.keys.setdefault(item.id, item.idempotency_key)
        if kept != item.idempotency_key:
            raise Wrong(f"{self._name}: an idempotency key changed")
        if self._witness.owners.setdefault(kept, item.id) != item.id:
            raise Wrong(f"{self._name}: two things wait under one idempotency key")
        if item.state == "needs_attention" and not item.choices:
            raise Wrong(f"{self._name}: an item needs the reader and offers no choice")
        if item.kind == "report" and item.state == "closed" and item.id not in self._witness.ended:
            raise Wrong(f"{self._name}: a report was taken back by nobody")
        if item.state == "delivered" and item.receipt is None:
            raise Wrong(f"{self._name}: delivered without a receipt")
        if item.state == "needs_attention" and item.why.startswith("The version before it never"):
            before = self._vault.outbox.of_report(item.report_id)[0]
            if before.state not in {"closed"}:
                raise Wrong(f"{self._name}: an addendum was tried before its report")
