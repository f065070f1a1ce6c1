"""Signing: one transaction of report, outbox row, audit rows and the draft's end."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from teleread.host.clock import Clock
from teleread.model.errors import AttentionError, LockedError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.report import Check, SignedReport
from teleread.reporting.checks import Settled, rules, settle

from .acts import changing_in
from .compose import Case, as_signed, freeze_case, freezing, uuid7, words_of
from .keys import Signer
from .rights import may_sign

if TYPE_CHECKING:
    from teleread.vault.vault import Vault

__all__ = ["FAR_OFF_SECONDS", "local_zone", "sign", "standing_versions", "undo_until"]

Seals = Callable[[SignedReport, Signer], Mapping[str, bytes]]
"""From a signed report and the open key to the signatures its forms carry, by form."""

FAR_OFF_SECONDS: Final = 300.0
"""A clock further than this from the hub's is warned about at sign (the design, section 4)."""


def sign(
    vault: Vault,
    case: Case,
    *,
    hub: HubFile,
    signer: Signer,
    clock: Clock,
    authenticated: str,
    offset_seconds: float | None = None,
    zone: str = "",
    seals: Seals | None = None,
) -> SignedReport:
    """Sign a draft: everything is stored in one transaction, or nothing is.

    Args:
        vault: Where it is kept.
        case: What is signed.
        hub: The hub it will go to.
        signer: Holds the opened key.
        clock: Local clock.
        authenticated: How the reader proved who they are for this signature: ``pin``, ``passphrase``,
            ``none`` (a vault without either) or ``held`` (the key was open still).
        offset_seconds: The hub's clock minus ours, as last measured.
        zone: The zone seen; this machine's where empty.
        seals: Makes the signatures that forms of the report carry besides, while the key is open.

    Raises:
        AttentionError: ``blocked`` by checks, ``forbidden`` by rights, or ``stale-draft``.
        LockedError: The PIN is needed.
    """
    settled = _allowed(case, hub, authenticated)
    # only reasons that lifted something are frozen: one for nothing would mislead whoever reads it
    case = _on_what_stands(vault, replace(case, overrides=settled.overridden))
    now = clock.now()
    what = freezing(
        case,
        idempotency_key=uuid7(now),
        report_id=str(uuid.uuid4()),
        reader_id=hub.reader_reference,
        reader_name=hub.reader_name,
        signed_at=now,
        zone=zone or local_zone(),
        offset_seconds=offset_seconds,
    )
    frozen = freeze_case(what)
    try:
        report = as_signed(what, signer.sign(frozen, hold=True), frozen)
        made = seals(report, signer) if seals else {}
    finally:
        signer.settle()

    def store() -> None:
        _store(vault, case, report, hub, authenticated, offset_seconds)
        for form, data in made.items():
            vault.reports.seal(report.report_id, report.version, form, data)

    vault.precious(store)
    return report


def _allowed(case: Case, hub: HubFile, authenticated: str) -> Settled:
    allowed, why = may_sign(hub, case.context, kind=case.kind, again=case.again)
    if not allowed:
        raise AttentionError("Not signed.", why, "The draft is kept.", code="forbidden")
    settled = settle(case.checks, case.overrides)
    if settled.blocking:
        raise AttentionError(
            "Not signed: " + " ".join(dict.fromkeys(_plain(one) for one in settled.blocking)),
            "The draft is kept.",
            "Settle what is named, or give a reason: "
            + ", ".join(sorted({one.override for one in settled.blocking if one.override})),
            code="blocked",
        )
    if settled.identity_checked and authenticated == "held":
        raise LockedError(
            "“Identity checked” needs the PIN each time.",
            "Nothing was signed.",
            "Give the PIN.",
            code="pin-needed",
        )
    return settled


def _plain(check: Check) -> str:
    """What an error may say of a finding: no word of the report, nothing of the patient."""
    rule = rules().get(check.id)
    return (rule.told or check.text) if rule else f"{check.id}."


def _on_what_stands(vault: Vault, case: Case) -> Case:
    """A later version stands on the last one that was not taken back; its number comes after them all."""
    if case.predecessor is None:
        return case
    versions = vault.reports.versions(case.predecessor.report_id)
    standing = standing_versions(vault, case.predecessor.report_id)
    if not standing and not case.draft.report_id:
        return replace(case, predecessor=None, version=0)  # only an unsigned reading, taken back
    if not standing:
        raise AttentionError(
            "Not signed: the report this adds to was taken back.",
            "The draft is kept.",
            "Sign the report itself again.",
            code="nothing-stands",
        )
    _still_as_read(case, standing[-1])
    return replace(case, predecessor=standing[-1], version=versions[-1].version + 1)


def standing_versions(vault: Vault, report_id: str) -> list[SignedReport]:
    """The versions of a report that were not taken back before they were sent."""
    items = vault.outbox.of_report(report_id)
    closed = {one.report_version for one in items if one.state == "closed"}
    return [one for one in vault.reports.versions(report_id) if one.version not in closed]


def _still_as_read(case: Case, last: SignedReport) -> None:
    """A whole text that takes the place of another must have been begun on that other."""
    if last.kind == "withdrawal":
        raise AttentionError(
            "Not signed: that report was withdrawn.",
            "The draft is kept.",
            "A new report on the case can be begun.",
            code="withdrawn",
        )
    changing = changing_in(case.draft.fields)
    if case.kind == "correction" and (changing is None or changing.base != last.sha256):
        raise AttentionError(
            "Not signed: the report has changed since this correction was begun.",
            "The draft is kept.",
            "Discard it and begin the correction anew on what stands now.",
            code="base-changed",
        )


def _store(
    vault: Vault,
    case: Case,
    report: SignedReport,
    hub: HubFile,
    authenticated: str,
    offset_seconds: float | None,
) -> None:
    """Everything a signature leaves behind; runs inside one transaction of reports.db."""
    draft = vault.drafts.get(case.draft.id)
    if draft.state != "open" or draft.seq != case.draft.seq:
        raise AttentionError(
            "Not signed: this draft was changed in another window since it was read.",
            "Both texts are kept.",
            "Read it again, then sign.",
            code="stale-draft",
        )
    vault.reports.add(report, words_of(report))
    priority = case.context.task.priority
    vault.outbox.add(
        "report",
        report.key,
        idempotency_key=report.idempotency_key,
        accession=report.accession,
        report_id=report.report_id,
        report_version=report.version,
        priority=priority,
        not_before=undo_until(hub, priority, report.signed_at),
    )
    for one in case.overrides:
        vault.audit.append(
            "override",
            subject=report.report_id,
            hub_id=hub.hub_id,
            detail={"rule": one.rule, "reason": one.reason, "version": report.version},
        )
    vault.audit.append(
        "sign" if case.kind != "preliminary" else "preliminary",
        subject=report.report_id,
        hub_id=hub.hub_id,
        detail={
            "version": report.version,
            "kind": report.kind,
            "sha256": report.sha256,
            "draft": case.draft.id,
            "authenticated": authenticated,
            "clock_offset": offset_seconds,
            "identity": case.match.level,
        },
    )
    if case.kind != "preliminary":  # the writing of the report goes on
        vault.drafts.mark_signed(case.draft.id)


def undo_until(hub: HubFile, priority: str, signed_at: datetime) -> datetime | None:
    """End of the undo window; None where there is none, always for stat."""
    minutes = min(max(hub.undo_minutes, 0), 10)
    return None if priority == "stat" or not minutes else signed_at + timedelta(minutes=minutes)


def local_zone() -> str:
    """This machine's zone as an offset, ``+01:00``."""
    try:
        text = datetime.now().astimezone().strftime("%z")
    except (OverflowError, OSError) as error:
        raise TelereadError("This machine's time zone can't be read.") from error
    return f"{text[:3]}:{text[3:5]}" if text else "+00:00"
