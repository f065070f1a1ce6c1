"""Signing at the desk: the key opened by PIN or passphrase, the sheet, the one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from teleread.model.errors import AttentionError, LockedError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.report import IDENTITY_CHECKED, RIGHTS, Draft, Override, SignedReport
from teleread.model.study import StudyKey
from teleread.model.task import TaskContext
from teleread.model.text import EMPTY, SafeText, clean

from .api import SignSheet
from .around import site_rules
from .cases import context_of, template_of
from .core import Core
from .drafts import checks
from .lifecycle import withdrawn
from .rightness import match_of, rights_outlived
from .seals import seals_of

if TYPE_CHECKING:
    from teleread.signing.keys import Signer

__all__ = ["close_key", "secret_for_command", "sign", "sign_sheet", "undo"]

_TITLES: Final = {
    "report": "final report",
    "opinion": "second opinion",
    "preliminary": "unsigned reading",
}
"""A kind of version as the sign sheet calls it; all others by their own name."""
_SIDES: Final = {"LEFT": "left", "RIGHT": "right", "BILATERAL": "both sides"}


def signer_of(core: Core) -> Signer:
    """The session's signer, shut at first."""
    if core.session is None:
        from teleread.signing.keys import Signer

        core.session = Signer(core.clock)
    return core.session


def close_key(core: Core) -> None:
    """Let the signing key go, and every sentence the checks have read: lock, exit."""
    from teleread.reporting.forgetting import forget

    core.people = None
    forget()
    if core.session is not None:
        core.session.close()


def secret_for_command(core: Core, ask: object = None) -> str | None:
    """What a command signs with: the PIN given, asked for, or (no PIN set, none given) the passphrase.

    Raises:
        LockedError: A PIN is given where none is set, or one is needed and there is no terminal to ask on.
    """
    import os

    from teleread.vault.unlock import given_pin

    pin = core.vault.pin
    given = given_pin(os.environ)
    if given is not None:
        if pin.mode != "pin":
            raise LockedError(
                "The PIN is wrong: this vault has none.",
                "Nothing was signed.",
                "Take TELEREAD_PIN away, or set a PIN with teleread key pin.",
                code="wrong-pin",
            )
        if pin.tries_left == 0:
            pin.check(given)
        return given
    if pin.mode == "none":
        return None
    if pin.mode == "passphrase" and core.passphrase:
        return core.passphrase
    if callable(ask):
        return str(ask("PIN: " if pin.mode == "pin" and pin.tries_left else "Passphrase: "))
    word = "PIN" if pin.mode == "pin" else "passphrase"
    raise LockedError(
        f"A signature needs the {word}.",
        "Nothing was signed; the draft is kept.",
        f"Set TELEREAD_{word.upper()}_FILE, or run it on a terminal.",
        code="pin-needed",
    )


def _authenticate(core: Core, hub: HubFile, secret: str | None) -> str:
    """Open the signing key; how the reader proved who they are."""
    signer, pin = signer_of(core), core.vault.pin
    if secret is None and signer.ready:
        return "held"
    kind = pin.mode
    if secret is None and kind != "none":
        raise LockedError(
            f"A signature needs the {'PIN' if kind == 'pin' else 'passphrase'}.",
            "Nothing was signed.",
            "Give it.",
            code="pin-needed",
        )
    if kind == "pin" and pin.tries_left == 0:
        kind = "passphrase"
    unwrap = pin.check(secret or "", kind)
    current = core.vault.signing_keys.current()
    if current is None:
        raise LockedError(
            "This vault has no signing key.",
            "Nothing was signed.",
            "teleread key pin makes one.",
            code="no-signing-key",
        )
    signer.open(core.vault.signing_keys.private_key(unwrap), current.certificate, hub.sign_again_hours)
    return kind


def sign(
    core: Core, draft: Draft, overrides: Sequence[Override] = (), *, secret: str | None = None, act: str = ""
) -> SignedReport:
    """Sign a draft: one transaction, or nothing.

    Args:
        core: The desk.
        draft: The draft as read.
        overrides: Reasons for rules.
        secret: PIN or passphrase, where one is given.
        act: ``preliminary``: it goes out as an unsigned reading and stays a draft.

    Raises:
        UsageError: A reason is given for a rule there is not.
        LockedError: The PIN is missing or wrong.
        AttentionError: ``blocked`` by a check, ``forbidden`` by rights, ``stale-draft``.
    """
    from teleread.signing import sign as signatures
    from teleread.signing.compose import Case

    from .picture_evidence import key_images, measurements
    from .sr_values import measured_in

    context = context_of(core, draft.key)
    hub = core.hub(draft.key.hub_id)
    _open(draft)
    _known_rules(core, hub, overrides)
    if why := rights_outlived(core, hub):
        raise AttentionError("Not signed.", why, "The draft is kept.", code="rights-outlived")
    authenticated = _authenticate(core, hub, secret)
    uid = context.study.study_uid if context.study else ""
    studies = core.vault.studies
    held = studies.instances(hub.hub_id, uid) if uid else ()
    marks = core.vault.picture_marks.list(StudyKey(hub.hub_id, uid)) if uid else ()
    case = Case(
        draft=draft,
        context=context,
        study=studies.get(hub.hub_id, uid) if uid else None,
        instances=held,
        match=match_of(core, context),
        checks=checks(core, draft, act),
        overrides=tuple(overrides),
        template=template_of(core, draft),
        predecessor=_predecessor(core, draft),
        act=act,
        again=withdrawn(core, draft.key),
        key_images=key_images(marks, held),
        measurements=(
            *measurements(marks, held, draft.sections),
            *measured_in(core, StudyKey(hub.hub_id, uid), held, draft.sections),
        ),
    )
    report = signatures.sign(
        core.vault,
        case,
        hub=hub,
        signer=signer_of(core),
        clock=core.clock,
        authenticated=authenticated,
        offset_seconds=core.vault.worklist.hub_state(hub.hub_id).offset_seconds,
        seals=seals_of(hub, offline=core.offline),
    )
    if not context.task.owner and draft.kind != "opinion":
        core.vault.claims.put(draft.key, "wanted")  # nobody's yet: the next look at the hub claims it
    core.vault.ballast.restore()
    return report


def _predecessor(core: Core, draft: Draft) -> SignedReport | None:
    """What the new version stands on: the report it changes, or the unsigned reading of the same case."""
    from teleread.signing.sign import standing_versions

    if draft.report_id:
        return core.vault.reports.get(draft.report_id)
    if draft.kind != "report":
        return None
    read = {one.report_id for one in core.vault.reports.for_task(draft.key) if one.kind == "preliminary"}
    last = [versions[-1] for one in read if (versions := standing_versions(core.vault, one))]
    return next((one for one in last if one.kind == "preliminary"), None)


def _known_rules(core: Core, hub: HubFile, overrides: Sequence[Override]) -> None:
    """See that every reason names a rule: a slip of the pen must not look like a reason given."""
    from teleread.reporting.checks import rules

    known = {IDENTITY_CHECKED, *rules(), *(one.id for one in site_rules(core, hub.name).own)}
    strange = next((one.rule for one in overrides if one.rule not in known), None)
    if strange is not None:
        raise UsageError(
            f"There is no rule “{clean(strange, limit=60)}” to override.",
            "Nothing was signed.",
            f"The rules are {', '.join(sorted(known - set(RIGHTS)))}.",
            code="no-rule",
        )


def _open(draft: Draft) -> None:
    if draft.state != "open":
        raise AttentionError(
            f"That draft is {draft.state} already.", "Nothing was signed again.", code="draft-closed"
        )


def sign_sheet(core: Core, draft: Draft, overrides: Sequence[Override] = (), *, act: str = "") -> SignSheet:
    """What the sign sheet shows for these overrides.

    Args:
        core: The desk.
        draft: The draft.
        overrides: Reasons for rules.
        act: ``preliminary``: it is to go out as an unsigned reading.
    """
    from teleread.reporting.checks import settle
    from teleread.reporting.words import sides
    from teleread.signing.acts import cosigners_in

    context = context_of(core, draft.key)
    hub = core.hub(draft.key.hub_id)
    found = tuple(checks(core, draft, act))
    settled = settle(found, overrides)
    state = core.vault.worklist.hub_state(hub.hub_id)
    signer, mode = signer_of(core), core.vault.pin.mode
    impression = draft.section("impression")
    needs_pin = mode != "none" and (not signer.ready or settled.identity_checked)
    challenge, answer = _challenge(context)
    return SignSheet(
        draft=draft,
        title=_title(core, draft, act),
        impression=impression.text if impression else EMPTY,
        sides=sides(draft.sections),
        order_side=SafeText(_SIDES.get(context.order.laterality, "")),
        checks=found,
        overridden=settled.overridden,
        hub=SafeText(hub.name),
        hub_online=state.offline_since is None and state.last_pull_at is not None,
        undo_minutes=0 if context.task.priority == "stat" else min(max(hub.undo_minutes, 0), 10),
        needs_pin=needs_pin,
        pin_is_passphrase=mode == "passphrase" or (mode == "pin" and core.vault.pin.tries_left == 0),
        challenge=challenge,
        answer=answer,
        beside=tuple(clean(f"{one.name} ({one.role})") for one in cosigners_in(draft.fields)),
    )


def _title(core: Core, draft: Draft, act: str) -> SafeText:
    before = _predecessor(core, draft)
    version = len(core.vault.reports.versions(before.report_id)) + 1 if before else 1
    if draft.kind == "addendum":
        return clean(f"addendum {version - 1}")
    kind = act or draft.kind
    words = _TITLES.get(kind, kind)
    return clean(f"{words}, version {version}")


def _challenge(context: TaskContext) -> tuple[str, str]:
    """What only this patient has: the day of birth, else the accession's end, else the PIN."""
    parts = context.patient.birth_date.split("-")
    if len(parts) == 3 and parts[2].isdigit():
        return "day", parts[2]
    digits = "".join(char for char in context.order.accession if char.isdigit())
    return ("accession", digits[-2:]) if len(digits) >= 2 else ("pin", "")


def undo(core: Core, outbox_id: str) -> Draft:
    """Take a signature back inside its undo window; the text is a draft again.

    Raises:
        AttentionError: The window is over, or it is under way.
    """
    vault = core.vault
    with vault.transaction():
        item = vault.outbox.get(outbox_id)
        now = core.clock.now()
        if item.state != "held" or item.not_before is None or item.not_before <= now or not item.report_id:
            raise AttentionError(
                "It can't be taken back any more.",
                "The report goes to the hub as signed.",
                "An addendum can add to it.",
                code="undo-over",
            )
        report = vault.reports.get(item.report_id, item.report_version)
        before = vault.drafts.get(report.draft_id)
        vault.outbox.close(item.id, "taken back by the reader")
        vault.reports.set_state(report.report_id, report.version, "needs_attention")
        vault.audit.append(
            "undo-sign",
            subject=report.report_id,
            hub_id=report.key.hub_id,
            detail={"version": report.version, "sha256": report.sha256},
        )
        if before.state == "open":  # of an unsigned reading, which is still being written
            return before
        return vault.drafts.start(
            before.key,
            before.template_id,
            before.template_version,
            before.sections,
            fields=before.fields,
            kind=before.kind,
            report_id=before.report_id,
            opened_versions=before.opened_versions,
            opened_study_digest=before.opened_study_digest,
        )
