"""What a choice does to an item that needs the reader.

Each is one transaction, audited; nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from teleread.documents.frozen import thaw
from teleread.host.clock import Clock
from teleread.model.delivery import OutboxItem
from teleread.model.errors import UsageError
from teleread.model.report import Draft, Section
from teleread.model.task import Versions
from teleread.model.text import EMPTY, SafeText, clean
from teleread.sync.backoff import Extras

if TYPE_CHECKING:
    from teleread.vault.vault import Vault

__all__ = ["NEEDS_REASON", "resolve"]

NEEDS_REASON: Final = frozenset({"withdraw", "send-with-note"})
"""Choices that are not taken without words."""


def resolve(vault: Vault, item: OutboxItem, choice: str, reason: str, clock: Clock) -> Draft | None:
    """Act on a choice.

    Args:
        vault: The open vault.
        item: An item that needs attention.
        choice: One of the choices it offers.
        reason: The reader's words.
        clock: Local clock.

    Returns:
        The draft that is to be read and signed again, where the choice makes one.

    Raises:
        UsageError: It is not offered, or it needs a reason.
    """
    act = _ACTS.get(choice)
    if act is None or choice not in {one.id for one in item.choices}:
        raise UsageError("That choice is not offered for this item.", code="bad-choice")
    words = clean(reason, multiline=True).strip()
    if choice in NEEDS_REASON and not words:
        raise UsageError(
            "That choice needs a reason.", "Nothing was changed.", "Say why with --reason.", code="no-reason"
        )
    with vault.transaction():
        vault.audit.append(
            "resolved",
            subject=item.report_id or item.id,
            hub_id=item.key.hub_id,
            detail={"item": item.id, "choice": choice, "reason": words},
        )
        return act(vault, item, words, clock)


def _again(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    vault.outbox.reschedule(item.id, None, "")


def _with_note(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    note = f"Reported although the order had been cancelled: {reason}"
    vault.outbox.set_payload(item.id, str(Extras(item.payload).settle("cancelled", note)))
    vault.outbox.reschedule(item.id, None, "")


def _withdraw(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    vault.outbox.close(item.id, f"Withdrawn before it was sent: {reason}")


def _sign_again(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> Draft:
    """The same words as a draft; the signature over the old context counts no more."""
    report = vault.reports.get(item.report_id, item.report_version)
    form = thaw(report.frozen)
    # A new addendum stands on all that was signed before, the one taken back too: it begins empty.
    addendum = report.version > 1
    sections = [
        Section(one["id"], SafeText(one["label"]), one["loinc"], EMPTY if addendum else SafeText(one["text"]))
        for one in form["sections"]
        if not one["id"].startswith("addendum-")
    ]
    seen = vault.worklist.versions(item.key) or Versions()
    draft = vault.drafts.start(
        item.key,
        form["template"]["id"],
        form["template"]["version"],
        sections,
        fields=form["fields"],
        kind=report.kind,
        report_id=report.report_id if addendum else "",
        opened_versions=seen,
    )
    vault.outbox.close(item.id, "To be read and signed again.")
    return draft


_ACTS: Final[dict[str, Callable[[Vault, OutboxItem, str, Clock], Draft | None]]] = {
    "resend": _again,
    "ask-back": _again,
    "send-with-note": _with_note,
    "withdraw": _withdraw,
    "resign": _sign_again,
    "verify-identity": _sign_again,
}
