"""Drafts: begun, written, checked, discarded."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from teleread.model.delivery import OutboxItem
from teleread.model.errors import AttentionError, UsageError
from teleread.model.evidence import Alert
from teleread.model.report import RIGHTS, Check, Draft, Template
from teleread.model.task import TaskContext, TaskKey
from teleread.model.text import clean

from .around import around, with_prior_reports
from .cases import all_templates, context_of, template_of, templates_for
from .core import Core
from .lifecycle import allow, standing, withdrawn
from .naming import resolve_task, task_name
from .rightness import match_of, rights_outlived

__all__ = [
    "addendum",
    "alert_item",
    "change_template",
    "checks",
    "clear_alert",
    "digest_of",
    "discard",
    "find_draft",
    "named_template",
    "save",
    "set_alert",
    "start",
]


def find_draft(core: Core, text: str) -> str:
    """A draft by its UUID, or the open draft of a task.

    Raises:
        UsageError: None, or the task has several.
    """
    if ":" not in text and _is_uuid(text):
        return core.vault.drafts.get(text.lower()).id
    key = resolve_task(core, text)
    found = core.vault.drafts.open_for(key)
    if len(found) == 1:
        return found[0].id
    if found:
        names = ", ".join(f"{one.id} ({one.kind})" for one in found)
        raise UsageError(
            "This task has more than one open draft.", remedy=f"Say which: {names}.", code="ambiguous"
        )
    raise UsageError(
        "This task has no open draft.",
        remedy=f"teleread report start {task_name(core, key)} begins one.",
        code="no-draft",
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def start(core: Core, key: TaskKey, template_id: str | None = None) -> Draft:
    """The task's open report draft, or a new one.

    Raises:
        UsageError: There is no such template.
        AttentionError: The task is reported already, or ``forbidden``: no right to report here.
    """
    for one in core.vault.drafts.open_for(key):
        if one.kind == "report":
            return one
    context = context_of(core, key)
    allow(core, key.hub_id, "report")
    _refuse_reported(core, key)
    template = templates_for(core, key)[0][0] if template_id is None else named_template(core, template_id)
    from teleread.reporting.drafting import new_sections

    return core.vault.drafts.start(
        key,
        template.id,
        template.version,
        new_sections(template, context),
        opened_versions=context.versions,
        opened_study_digest=digest_of(core, context),
    )


def named_template(core: Core, template_id: str) -> Template:
    """The template of an id.

    Raises:
        UsageError: There is none.
    """
    known = {one.id: one for one in all_templates(core.paths)[0]}
    if template_id not in known:
        raise UsageError(
            f"There is no template “{clean(template_id, limit=64)}”.",
            remedy="teleread template list shows them.",
            code="no-template",
        )
    return known[template_id]


def change_template(core: Core, draft: Draft, template_id: str) -> None:
    """Go on with another template; what was written stays, section by section.

    A section that stands as the old template left it takes the new one's words; one that was written in
    keeps its own. Sections that only the old template has stay where they are.

    Raises:
        UsageError: There is no such template, or the draft is an addendum.
        AttentionError: Another window writes this draft.
    """
    from teleread.reporting.drafting import new_sections

    if draft.kind not in {"report", "opinion"}:
        raise UsageError("An addendum has no template of its own.", "Nothing was changed.", code="addendum")
    template, context = named_template(core, template_id), context_of(core, draft.key)
    old = template_of(core, draft)
    began = {one.id: one.text for one in new_sections(old, context)} if old is not None else {}
    held = {one.id: one.text for one in draft.sections}
    wanted = new_sections(template, context)
    untouched = {name for name, text in held.items() if not text.strip() or text == began.get(name)}
    changed = {one.id: one.text for one in wanted if one.id in untouched and one.text != held[one.id]}
    # a field of the old template must not linger, unfilled, in a section the new one does not have
    changed |= {name: clean("") for name in untouched - {one.id for one in wanted} if held[name]}
    core.vault.drafts.change_template(
        draft.id,
        draft.seq,
        template.id,
        template.version,
        sections=changed,
        added=[one for one in wanted if one.id not in held],
        holder=core.holder,
    )


def _refuse_reported(core: Core, key: TaskKey) -> None:
    signed = core.vault.reports.for_task(key)
    if core.vault.reports.states().get(key) in {"signed", "issued"}:
        raise AttentionError(
            "You have reported this task already.",
            "The signed report stays as it is.",
            f"teleread report addendum {signed[-1].report_id} adds to it.",
            code="already-reported",
        )


def digest_of(core: Core, context: TaskContext) -> str:
    """Digest over the study's images as held now; empty where none are."""
    from teleread.reporting.drafting import study_digest

    if context.study is None:
        return ""
    return study_digest(core.vault.studies.instances(context.key.hub_id, context.study.study_uid))


def addendum(core: Core, report_id: str) -> Draft:
    """An addendum draft on a signed report; the one that is open, if there is one."""
    from teleread.reporting.drafting import addendum_sections

    report = standing(core, report_id)
    allow(core, report.key.hub_id, "addend")
    for one in core.vault.drafts.open_for(report.key):
        if one.kind == "addendum" and one.report_id == report.report_id:
            return one
    context = context_of(core, report.key)
    first = core.vault.drafts.find(report.draft_id)
    template = template_of(core, first) if first else None
    if template is None:
        template = templates_for(core, report.key)[0][0]
    return core.vault.drafts.start(
        report.key,
        template.id,
        template.version,
        addendum_sections(template),
        kind="addendum",
        report_id=report.report_id,
        opened_versions=context.versions,
        opened_study_digest=digest_of(core, context),
    )


def save(core: Core, draft_id: str, seq: int, texts: Mapping[str, str]) -> int:
    """Write changed sections to the journal; on disk when it returns."""
    cleaned = {name: clean(text, multiline=True) for name, text in texts.items()}
    return core.vault.drafts.append(draft_id, seq, sections=cleaned, holder=core.holder)


def discard(core: Core, draft_id: str, reason: str) -> None:
    """Put a draft into the trash.

    Raises:
        UsageError: No reason was given.
    """
    words = clean(reason).strip()
    if not words:
        raise UsageError("Discarding needs a reason.", remedy="Give --reason TEXT.", code="no-reason")
    core.vault.drafts.discard(draft_id, words)


def set_alert(core: Core, draft: Draft, category: str, told: str, at: str, method: str) -> Alert:
    """Keep with a draft who was told of its critical finding, and tell the hub where it takes it; audited.

    Raises:
        UsageError: The hub has no such category, something is empty, or the draft is no open one.
        AttentionError: The draft was changed in another window.
    """
    from teleread.reporting import alerts

    hub = core.hub(draft.key.hub_id)
    allow(core, hub.hub_id, "alert")
    alert = alerts.make_alert(alerts.categories_of(hub.extra), category, told, at, method)
    _put_alert(core, draft, alert)
    return alert


def clear_alert(core: Core, draft: Draft) -> None:
    """Take a draft's alert away again, at the hub too; audited."""
    _put_alert(core, draft, None)


def _put_alert(core: Core, draft: Draft, alert: Alert | None) -> None:
    from teleread.reporting import alerts

    fields = {alerts.FIELD: alerts.alert_out(alert)}
    fresh = alert != alerts.alert_in(draft.fields)
    with core.vault.transaction():
        core.vault.drafts.append(draft.id, draft.seq, fields=fields, holder=core.holder)
        detail = (
            {"category": alert.category, "told": alert.told, "at": alert.at} if alert else {"cleared": True}
        )
        core.vault.audit.append("alert", subject=draft.id, hub_id=draft.key.hub_id, detail=detail)
        if fresh:
            _tell_hub(core, draft, alert)


def _tell_hub(core: Core, draft: Draft, alert: Alert | None) -> None:
    """Part of the transaction: what was recorded goes to the hub by itself, before any signature."""
    from teleread.reporting.alerts import coding_of
    from teleread.sync.alerts import Coded, add_alert, takes_alerts

    hub = core.hub(draft.key.hub_id)
    context = core.vault.worklist.get(draft.key)
    if takes_alerts(hub) and context is not None:
        add_alert(core.vault, draft.id, context, alert, Coded(*coding_of(hub.extra, alert)))


def alert_item(core: Core, draft: Draft) -> OutboxItem | None:
    """What the outbox last had to tell the hub of a draft's alert; None where nothing goes by itself."""
    from teleread.sync.alerts import told_of

    return next(reversed(told_of(core.vault, draft.key, draft.id)), None)


def checks(core: Core, draft: Draft, act: str = "") -> Sequence[Check]:
    """Run the rules on a draft.

    Args:
        core: The desk.
        draft: The draft.
        act: ``preliminary`` where it is to go out unsigned: another right opens that.
    """
    from teleread.reporting import checks as rules

    context = with_prior_reports(core, context_of(core, draft.key))
    forbidden = _forbidden(core, draft, context, act or draft.kind)
    if draft.kind == "withdrawal":
        return forbidden  # it takes the text back; whatever is wrong with it must not keep it standing
    uid = context.study.study_uid if context.study else ""
    hub_id = draft.key.hub_id
    found = rules.run(
        draft,
        context,
        core.vault.studies.get(hub_id, uid) if uid else None,
        core.vault.studies.instances(hub_id, uid) if uid else (),
        match_of(core, context),
        template_of(core, draft),
        context.priors,
        around(core, draft, context),
    )
    return (*forbidden, *found)


def _forbidden(core: Core, draft: Draft, context: TaskContext, kind: str) -> tuple[Check, ...]:
    """Why this reader may not sign, as a check: whoever writes is to know it before the end."""
    from teleread.reporting.checks import rules
    from teleread.signing.rights import held_by, may_sign

    hub = core.hub(draft.key.hub_id)
    allowed, why = may_sign(hub, context, kind=kind, again=withdrawn(core, draft.key))
    if allowed and (why := rights_outlived(core, hub)):
        return (rules()[RIGHTS[1]].found(why=why),)
    if allowed:
        return ()
    other = held_by(context.task, hub.reader_reference)
    rule = rules()[RIGHTS[0] if other else RIGHTS[1]]
    return (rule.found(who=other, why=why),)
