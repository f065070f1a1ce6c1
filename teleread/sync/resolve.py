"""What a choice does to an item that needs the reader.

Each is one transaction, audited; nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from teleread.documents.frozen import thaw
from teleread.documents.lifecycle import kind_of
from teleread.host.clock import Clock
from teleread.model.delivery import OutboxItem
from teleread.model.errors import UsageError
from teleread.model.evidence import Alert
from teleread.model.report import Draft, Section
from teleread.model.task import Versions
from teleread.model.text import EMPTY, SafeText, clean
from teleread.reporting import alerts
from teleread.signing import acts
from teleread.sync.backoff import Extras
from teleread.sync.notes import add_note
from teleread.sync.watch import draft_of

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
    _settled(vault, item, Extras(item.payload).settle("cancelled", note=note))


def _settled(vault: Vault, item: OutboxItem, extras: Extras) -> None:
    vault.outbox.set_payload(item.id, str(extras))
    vault.outbox.reschedule(item.id, None, "")


def _preliminary(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    """For whoever has the case now: it does not complete the task and ends nobody's reading."""
    _settled(vault, item, Extras(item.payload).settle("reassigned").going_as("preliminary"))


def _second_opinion(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    """Beside theirs, as a resource of its own; two readings of one case are a discrepancy to look at."""
    _discrepancy(vault, item, "second-opinion")
    extras = Extras(item.payload).answer().settle("reassigned", note=reason and f"Second opinion: {reason}")
    _settled(vault, item, extras)


def _addendum(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> Draft:
    """The words as the draft of a second opinion that says what it adds to; theirs stays the report."""
    _discrepancy(vault, item, "addendum")
    return _adding(vault, item, reason, clock, Extras(item.payload).answer().settle("reassigned"))


def _resign(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> Draft:
    """The words again; where the hub has changed what they stand on, against that and never in its place.

    An addendum's frozen form repeats what it adds to, so sent on top it would undo the hub's change: it goes
    beside the changed report instead. A correction and a withdrawal are meant to take its place.
    """
    extras = Extras(item.payload)
    if not extras.get("base"):
        return _sign_again(vault, item, reason, clock)
    extras = extras.read_base()
    if vault.reports.get(item.report_id, item.report_version).kind == "addendum":
        return _adding(vault, item, reason, clock, extras.answer())
    vault.outbox.set_payload(item.id, str(extras))
    return _sign_again(vault, item, reason, clock)


def _adding(vault: Vault, item: OutboxItem, reason: str, clock: Clock, extras: Extras) -> Draft:
    """The words as a report of their own, headed by what they add to."""
    draft = _sign_again(vault, item, reason, clock, kind="opinion")
    vault.outbox.set_payload(item.id, str(extras))
    theirs = extras.theirs[0] if extras.theirs else {}
    who, day = theirs.get("author") or "another reader", theirs.get("issued", "")[:10]
    head = f"Addendum to the report of {who}{f' of {day}' if day else ''}:"
    first = next((one for one in draft.sections if one.text.strip()), None)
    if first is not None:
        text = clean(f"{head}\n{first.text}", multiline=True)
        vault.drafts.append(draft.id, draft.seq, sections={first.id: text})
    return vault.drafts.get(draft.id)


def _discrepancy(vault: Vault, item: OutboxItem, how: str) -> None:
    theirs = [one.get("id", "") for one in Extras(item.payload).theirs]
    vault.audit.append(
        "discrepancy", subject=item.report_id, hub_id=item.key.hub_id, detail={"theirs": theirs, "ours": how}
    )


# -- an open draft whose case is somebody else's, or nobody's ------------------------------------------


def _discard_draft(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    vault.drafts.discard(draft_of(item), reason or str(item.why))
    vault.outbox.close(item.id, "The draft was put into the trash.")


def _keep_note(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    vault.drafts.keep(draft_of(item), reason or str(item.why))
    vault.outbox.close(item.id, "The draft's text was kept as a note.")


def _hand_over(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    """The text goes to the hub as a note about the case, unsigned and named so; it stays here as a note."""
    draft = vault.drafts.get(draft_of(item))
    parts = [f"{one.label}\n{one.text}" for one in draft.sections if one.text.strip()]
    text = "\n\n".join(["Unsigned draft, handed over. Not a report.", *([reason] if reason else []), *parts])
    vault.drafts.keep(draft.id, reason or "Handed over.")
    vault.outbox.close(item.id, "The draft's text was handed over.")
    add_note(vault, item.key, text, accession=item.accession, about="Text handed over")


def _withdraw(vault: Vault, item: OutboxItem, reason: str, clock: Clock) -> None:
    vault.outbox.close(item.id, f"Withdrawn before it was sent: {reason}")


def _sign_again(vault: Vault, item: OutboxItem, reason: str, clock: Clock, kind: str = "") -> Draft:
    """The same words as a draft; the signature over the old context counts no more."""
    report = vault.reports.get(item.report_id, item.report_version)
    form = thaw(report.frozen)
    sections = [
        Section(one["id"], SafeText(one["label"]), one["loinc"], SafeText(one["text"]))
        for one in form["sections"]
    ]
    if report.kind == "addendum":
        sections = _addendum_alone(sections)
    seen = vault.worklist.versions(item.key) or Versions()
    draft = vault.drafts.start(
        item.key,
        form["template"]["id"],
        form["template"]["version"],
        sections,
        fields={**form["fields"], **_notes_of(form)},
        kind=kind or report.kind,
        report_id=report.report_id if kind_of(kind or report.kind).stands_on else "",
        opened_versions=seen,
    )
    vault.outbox.close(item.id, "To be read and signed again.")
    return draft


def _addendum_alone(sections: list[Section]) -> list[Section]:
    """The last addendum's own words as a draft; what it stood on comes before them when they are signed."""
    last = next(one for one in reversed(sections) if one.id.startswith("addendum-"))
    empty = [replace(one, text=EMPTY) for one in sections if not one.id.startswith("addendum-")]
    at = next((index for index, one in enumerate(empty) if one.id == "findings"), 0)
    return [replace(one, text=last.text) if index == at else one for index, one in enumerate(empty)]


def _notes_of(form: Mapping[str, Any]) -> dict[str, str]:
    """What the draft said of itself besides its text: the alert, the change, the people named."""
    notes = {}
    if alert := form.get("alert"):
        words = (SafeText(alert[name]) for name in ("category", "told", "at", "method"))
        notes[alerts.FIELD] = alerts.alert_out(Alert(*words))
    if form["kind"] in {"correction", "withdrawal"}:
        change = form.get("change") or {"reason": "", "told": ""}
        what = acts.Changing(
            form["predecessor"]["sha256"], SafeText(change["reason"]), SafeText(change["told"])
        )
        notes[acts.CHANGE] = acts.changing_out(what)
    if people := form.get("cosigners"):
        named = [acts.cosigner(one["name"], one["role"], one["id"]) for one in people]
        notes[acts.COSIGNERS] = acts.cosigners_out(named)
    return notes


_ACTS: Final[dict[str, Callable[[Vault, OutboxItem, str, Clock], Draft | None]]] = {
    "resend": _again,
    "ask-back": _again,
    "send-with-note": _with_note,
    "preliminary": _preliminary,
    "second-opinion": _second_opinion,
    "addendum": _addendum,
    "keep-note": _keep_note,
    "discard": _discard_draft,
    "hand-over": _hand_over,
    "withdraw": _withdraw,
    "resign": _resign,
    "verify-identity": _sign_again,
}
