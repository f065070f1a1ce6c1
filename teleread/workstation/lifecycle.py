"""What becomes of a report besides its signature: corrected, withdrawn, read twice, read unsigned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from teleread.model.errors import AttentionError, UsageError
from teleread.model.report import Draft, Override, Section, SignedReport
from teleread.model.task import TaskKey
from teleread.model.text import SafeText, clean

from .cases import context_of, template_of, templates_for
from .core import Core

if TYPE_CHECKING:
    from teleread.model.evidence import CoSigner

__all__ = [
    "allow",
    "correct",
    "name_cosigner",
    "opinion",
    "preliminary",
    "standing",
    "unname_cosigner",
    "withdraw",
    "withdrawn",
]


def allow(core: Core, hub_id: str, *rights: str) -> None:
    """Go on only with these rights at a hub.

    Raises:
        AttentionError: ``forbidden``: the hub file does not give one; the words name it.
    """
    from teleread.signing.rights import denied

    hub = core.hub(hub_id)
    why = next((words for one in rights if (words := denied(hub, one))), "")
    if why:
        raise AttentionError(
            why, "Nothing was changed.", "Ask the site; the hub file says what it allows.", code="forbidden"
        )


def standing(core: Core, report_id: str, *, unsigned: bool = False) -> SignedReport:
    """The version of a report that counts now: the last that was not taken back.

    Args:
        core: The desk.
        report_id: The report.
        unsigned: An unsigned reading will do.

    Raises:
        UsageError: There is no such report.
        AttentionError: ``nothing-stands``: every version was taken back; ``withdrawn``; ``unsigned``.
    """
    from teleread.signing.sign import standing_versions

    versions = standing_versions(core.vault, core.vault.reports.get(report_id).report_id)
    if not versions:
        raise AttentionError(
            "That report was taken back before it was sent.", "Nothing was changed.", code="nothing-stands"
        )
    last = versions[-1]
    if last.kind == "withdrawal":
        raise AttentionError(
            "That report was withdrawn.",
            "What was signed is kept.",
            "A new report on the case can be begun.",
            code="withdrawn",
        )
    if last.kind == "preliminary" and not unsigned:
        raise AttentionError(
            "That is an unsigned reading.",
            "Nothing was changed.",
            "Go on with its draft, and sign it.",
            code="unsigned",
        )
    return last


def withdrawn(core: Core, key: TaskKey) -> bool:
    """Whether the last report on a task was withdrawn, so that the case may be reported anew."""
    signed = core.vault.reports.for_task(key)
    return bool(signed) and signed[-1].kind == "withdrawal"


def correct(core: Core, report_id: str, reason: str = "", told: str = "") -> Draft:
    """A correction's draft: the whole text that stands now, to be put right; the open one where there is one.

    Args:
        core: The desk.
        report_id: The report.
        reason: What was wrong, in the reader's words; frozen and shown first.
        told: Who was told.
    """
    return _changing(core, report_id, "correction", reason, told)


def withdraw(core: Core, report_id: str, reason: str, told: str) -> Draft:
    """A withdrawal's draft (the report is on the wrong patient, or should not exist); it is signed as any.

    Raises:
        UsageError: ``no-reason``: it does not say why, or who was told.
    """
    if not clean(reason).strip() or not clean(told).strip():
        raise UsageError(
            "A withdrawal says why, and who was told not to act on the report.",
            "Nothing was changed.",
            "Give --reason TEXT and --told WHO.",
            code="no-reason",
        )
    return _changing(core, report_id, "withdrawal", reason, told)


def _changing(core: Core, report_id: str, kind: str, reason: str, told: str) -> Draft:
    from teleread.documents.frozen import thaw
    from teleread.signing.acts import CHANGE, Changing, changing_out

    report = standing(core, report_id, unsigned=kind == "withdrawal")
    allow(core, report.key.hub_id, "addend")
    words = (clean(one, multiline=True, limit=2000).strip() for one in (reason, told))
    changing = Changing(report.sha256, *(SafeText(one) for one in words))
    fields = {CHANGE: changing_out(changing)}
    for one in core.vault.drafts.open_for(report.key):
        if one.kind == kind and one.report_id == report.report_id:
            return _said_again(core, one, changing)
    context = context_of(core, report.key)
    form = thaw(report.frozen)
    sections = [
        Section(one["id"], SafeText(one["label"]), one["loinc"], SafeText(one["text"]))
        for one in form["sections"]
    ]
    first = core.vault.drafts.find(report.draft_id)
    template = template_of(core, first) if first else None
    if template is None:
        template = templates_for(core, report.key)[0][0]
    from .drafts import digest_of

    return core.vault.drafts.start(
        report.key,
        template.id,
        template.version,
        sections,
        fields={**form["fields"], **fields},
        kind=kind,
        report_id=report.report_id,
        opened_versions=context.versions,
        opened_study_digest=digest_of(core, context),
    )


def _said_again(core: Core, draft: Draft, changing: object) -> Draft:
    """The open draft, with the reason given now; its text, and what it was begun on, stay."""
    from teleread.signing.acts import CHANGE, Changing, changing_in, changing_out

    held = changing_in(draft.fields)
    assert isinstance(changing, Changing)
    if held is None or changing.change is None:
        return draft
    now = Changing(held.base, changing.reason or held.reason, changing.told or held.told)
    if now != held:
        fields = {CHANGE: changing_out(now)}
        core.vault.drafts.append(draft.id, draft.seq, fields=fields, holder=core.holder)
    return core.vault.drafts.get(draft.id)


def opinion(core: Core, key: TaskKey, template_id: str | None = None) -> Draft:
    """A second opinion's draft, beside whatever was reported on the case; the open one where there is one."""
    from teleread.reporting.drafting import new_sections

    from .drafts import digest_of, named_template

    for one in core.vault.drafts.open_for(key):
        if one.kind == "opinion":
            return one
    context = context_of(core, key)
    allow(core, key.hub_id, "report")
    template = templates_for(core, key)[0][0] if template_id is None else named_template(core, template_id)
    return core.vault.drafts.start(
        key,
        template.id,
        template.version,
        new_sections(template, context),
        kind="opinion",
        opened_versions=context.versions,
        opened_study_digest=digest_of(core, context),
    )


def preliminary(
    core: Core, draft: Draft, overrides: Sequence[Override] = (), *, secret: str | None = None
) -> SignedReport:
    """Send a draft out as an unsigned reading, where the site takes them; the draft stays open.

    Raises:
        UsageError: The draft is no first report.
        AttentionError: ``forbidden``: the site takes none, or the right is missing; ``blocked`` by a check.
        LockedError: The PIN is missing or wrong: the reading is sealed with the reader's key.
    """
    from .signing import sign

    if draft.kind != "report":
        raise UsageError(
            "Only a first report goes out unsigned.", "Nothing was sent.", code="not-a-first-report"
        )
    return sign(core, draft, overrides, secret=secret, act="preliminary")


def name_cosigner(
    core: Core, draft: Draft, name: str, role: str, person_id: str = ""
) -> tuple[CoSigner, ...]:
    """Name somebody beside the reader; an empty name takes everybody of that role away again. Audited.

    Raises:
        UsageError: There is no such role, there are too many, or the draft is closed.
        AttentionError: The draft was changed in another window.
    """
    from teleread.signing import acts

    held = acts.cosigners_in(draft.fields)
    if clean(name).strip():
        one = acts.cosigner(name, role, person_id)
        people = (*(held_one for held_one in held if held_one.name != one.name), one)
    else:
        people = tuple(one for one in held if one.role != role)
    if len(people) > acts.MOST:
        raise UsageError("So many people can't be named.", "Nothing was changed.", code="bad-cosigner")
    return _put_cosigners(core, draft, people, role)


def unname_cosigner(core: Core, draft: Draft, name: str) -> tuple[CoSigner, ...]:
    """Take one person away again, whatever the role; audited.

    Raises:
        AttentionError: The draft was changed in another window.
    """
    from teleread.signing import acts

    held = acts.cosigners_in(draft.fields)
    gone = next((one for one in held if str(one.name) == name), None)
    if gone is None:
        return held
    return _put_cosigners(core, draft, tuple(one for one in held if one is not gone), gone.role)


def _put_cosigners(core: Core, draft: Draft, people: Sequence[CoSigner], role: str) -> tuple[CoSigner, ...]:
    from teleread.signing import acts

    with core.vault.transaction():
        fields = {acts.COSIGNERS: acts.cosigners_out(people)}
        core.vault.drafts.append(draft.id, draft.seq, fields=fields, holder=core.holder)
        detail = {"role": role, "named": len(people)}
        core.vault.audit.append("cosigners", subject=draft.id, hub_id=draft.key.hub_id, detail=detail)
    return acts.cosigners_in(core.vault.drafts.get(draft.id).fields)
