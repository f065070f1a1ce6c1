"""A case: a task opened for reading, from the vault alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from teleread.host.paths import ProfilePaths
from teleread.model.errors import IntegrityError, UsageError
from teleread.model.report import Draft, Template
from teleread.model.study import StudyKey
from teleread.model.task import PriorReport, TaskContext, TaskKey
from teleread.model.text import SafeText, clean

from . import worklist
from .api import Case, PriorView, SeriesView
from .core import Core
from .rightness import match_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from teleread.model.study import InstanceInfo

__all__ = [
    "all_templates",
    "context_of",
    "instance_bytes",
    "open_case",
    "priors_of",
    "study_series",
    "template_of",
    "templates_for",
]


def context_of(core: Core, key: TaskKey) -> TaskContext:
    """A task with everything that hangs on it, as last seen.

    Raises:
        UsageError: It is not in the vault.
    """
    context = core.vault.worklist.get(key)
    if context is None:
        raise UsageError(
            "That task is not in the worklist.", remedy="teleread sync asks the hubs.", code="no-task"
        )
    return context


def open_case(core: Core, key: TaskKey) -> Case:
    """Everything the reading screen needs; audited as a view.

    Raises:
        AttentionError: ``forbidden``: the hub file gives no right to view its cases.
    """
    from .lifecycle import allow

    allow(core, key.hub_id, "view")
    context = context_of(core, key)
    uid = context.study.study_uid if context.study else ""
    study = core.vault.studies.get(key.hub_id, uid) if uid else None
    draft = _open_draft(core, key)
    core.vault.audit.append("view", subject=key.task_id, hub_id=key.hub_id)
    if uid:
        from .outlook import opened

        opened(core, key.hub_id, uid)
    return Case(
        item=worklist.item(core, key),
        context=context,
        study=study,
        series=study_series(core, key.hub_id, uid) if uid else (),
        priors=priors_of(core, context),
        match=match_of(core, context),
        draft=draft,
        draft_writable=draft is None or core.vault.drafts.hold(draft.id, core.holder),
    )


def _open_draft(core: Core, key: TaskKey) -> Draft | None:
    drafts = core.vault.drafts.open_for(key)
    return drafts[-1] if drafts else None


def priors_of(core: Core, context: TaskContext) -> tuple[PriorView, ...]:
    """The earlier studies of a case's patient: relevant ones first, of those the newest."""
    from .outlook import ranked

    key = context.key
    reports: dict[str, PriorReport] = {}
    listed = (*context.prior_reports, *core.vault.prior_reports.list(key.hub_id, context.patient.id))
    for report in listed:
        reports.setdefault(report.study_uid or report.accession, report)
    views = []
    for one in ranked(core, key):
        prior = one.prior
        study = core.vault.studies.get(key.hub_id, prior.study_uid)
        words = (reports.get(name) for name in (prior.study_uid, *prior.accessions))
        views.append(
            PriorView(
                study_uid=prior.study_uid,
                date=prior.started,
                modality=prior.modality,
                description=prior.description,
                cached=study.state if study else "none",
                relevant=one.relevant,
                why=one.why,
                report=next((found for found in words if found is not None), None),
            )
        )
    newest = sorted(views, key=lambda one: one.date.timestamp() if one.date else 0.0, reverse=True)
    return tuple(sorted(newest, key=lambda one: not one.relevant))


def study_series(core: Core, hub_id: str, study_uid: str) -> tuple[SeriesView, ...]:
    """The series of a held study, each sorted for scrolling."""
    from teleread.imaging.stack import sort_instances

    by_series: dict[str, list[InstanceInfo]] = {}
    for one in core.vault.studies.instances(hub_id, study_uid):
        by_series.setdefault(one.series_uid, []).append(one)
    views = [_series(uid, sort_instances(held)) for uid, held in by_series.items()]
    return tuple(sorted(views, key=lambda one: (one.number is None, one.number or 0, one.series_uid)))


def _series(uid: str, instances: Sequence[InstanceInfo]) -> SeriesView:
    first = instances[0]
    return SeriesView(uid, first.modality, first.series_description, first.series_number, tuple(instances))


def instance_bytes(core: Core, hub_id: str, study_uid: str, sop_uid: str) -> bytes:
    """One held instance as a Part 10 file, unsealed and verified.

    Raises:
        IntegrityError: Its bytes are damaged; it is out of the index now, and asked for again.
        UsageError: It is not held.
    """
    try:
        return bytes(core.vault.objects.read(hub_id, study_uid, sop_uid))
    except IntegrityError:
        from .pixels import ask_again

        core.vault.studies.forget_instance(hub_id, study_uid, sop_uid)
        ask_again(core, StudyKey(hub_id, study_uid))
        raise


def all_templates(paths: ProfilePaths) -> tuple[tuple[Template, ...], tuple[SafeText, ...]]:
    """The built-in templates and the profile's own, and words on those that can't be used."""
    from teleread.reporting.templates import load_templates

    loaded = load_templates(paths.config / "templates")
    return loaded.templates, tuple(clean(f"{name}: {why}") for name, why in loaded.failed)


def templates_for(core: Core, key: TaskKey) -> Sequence[tuple[Template, SafeText]]:
    """Templates that suit a task, with the reason, best first."""
    from teleread.reporting.templates import suggest

    templates, _ = all_templates(core.paths)
    found = suggest(templates, context_of(core, key), core.clock.now().date())
    return tuple((one.template, one.why) for one in found)


def template_of(core: Core, draft: Draft) -> Template | None:
    """The template a draft was begun with; None where it is gone."""
    templates: Mapping[str, Template] = {one.id: one for one in all_templates(core.paths)[0]}
    return templates.get(draft.template_id)
