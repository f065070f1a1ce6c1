"""What the rules may know besides a draft and its case: other patients, held priors, the site's own rules."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from teleread.model.report import Draft
from teleread.model.task import TaskContext
from teleread.model.text import SafeText

from .core import Core
from .worklist import listing

if TYPE_CHECKING:
    from teleread.reporting.checks_basis import Around, OtherPatients
    from teleread.reporting.checks_site import SiteRules

__all__ = ["around", "site_rules", "with_prior_reports"]

_FRESH_SECONDS: Final = 60.0
"""How long a list of the worklist's patients serves: a check runs at every pause of typing."""


def around(core: Core, draft: Draft, context: TaskContext) -> Around:
    """Everything known on this machine that a draft is checked against."""
    from teleread.reporting.alerts import alert_in
    from teleread.reporting.checks_basis import Around
    from teleread.reporting.marks import marks_in

    hub_id = draft.key.hub_id
    studies = [core.vault.studies.get(hub_id, one.study_uid) for one in context.priors]
    held = frozenset(one.key.study_uid for one in studies if one is not None and one.held)
    hub = next((one for one in core.hubs if one.hub_id == hub_id), None)
    people = (context.order.requester, context.task.owner_name, hub.reader_name if hub else "")
    return Around(
        held=held,
        alert=alert_in(draft.fields),
        others=_others(core),
        marks=marks_in(draft.fields),
        site=site_rules(core, hub.name if hub else ""),
        people=tuple(SafeText(one) for one in people if one),
    )


def _others(core: Core) -> OtherPatients:
    from teleread.reporting.checks_basis import OtherPatients

    now = time.monotonic()
    if core.people is None or now - core.people[0] > _FRESH_SECONDS:
        lines = listing(core).items()
        people = ((one.name, (one.patient_id, one.nhs_number, one.accession)) for one in lines)
        core.people = (now, OtherPatients.of(people))
    return core.people[1]


def site_rules(core: Core, hub: str) -> SiteRules:
    """The profile's own rules that hold for a hub; read again when a file has changed."""
    from teleread.reporting.checks_site import load_site_rules

    folder = core.paths.config / "rules"
    try:
        seen = tuple((one.name, one.stat().st_mtime_ns) for one in sorted(folder.glob("*.toml")))
    except OSError:
        seen = ()
    name = (hub, seen)
    if core.site is None or core.site[0] != name:
        core.site = (name, load_site_rules(folder, hub))
    return core.site[1]


def with_prior_reports(core: Core, context: TaskContext) -> TaskContext:
    """The case with the prior reports that the vault holds besides those the hub listed with it."""
    known = {one.id for one in context.prior_reports}
    more = core.vault.prior_reports.list(context.key.hub_id, context.patient.id)
    return replace(
        context, prior_reports=(*context.prior_reports, *(one for one in more if one.id not in known))
    )
