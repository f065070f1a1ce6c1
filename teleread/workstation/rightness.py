"""Right patient, right study: what the vault holds, put before the pure comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from teleread.model.hubfile import HubFile
from teleread.model.identity import Match, compare
from teleread.model.study import ImageIdentity
from teleread.model.task import TaskContext, TaskKey
from teleread.model.text import EMPTY, SafeText

from .core import Core

__all__ = ["known_stop", "match_of", "rights_outlived"]

_MOST_KEPT = 20_000


def match_of(core: Core, context: TaskContext, hub_now: TaskContext | None = None) -> Match:
    """Compare the order, the images held and what the hub said last."""
    hub = core.hub(context.key.hub_id)
    images = identities(core, context)
    accessions = tuple(one.accession for one in images if one.accession)
    return compare(
        context.patient, context.order, context.study, images, accessions, hub_now, hub.patient_id_issuer
    )


def rights_outlived(core: Core, hub: HubFile) -> str:
    """Words where the hub was last heard too long ago for a signature; empty where it was not."""
    if hub.offline_hours <= 0:
        return ""
    from teleread.signing.rights import outlived

    return outlived(hub, core.vault.worklist.hub_state(hub.hub_id).last_pull_at, core.clock.now())


def identities(core: Core, context: TaskContext) -> Sequence[ImageIdentity]:
    """Who the held images of a task say they are of, each variant once."""
    if context.study is None:
        return ()
    return core.vault.studies.identities(context.key.hub_id, context.study.study_uid)


def known_stop(core: Core, key: TaskKey, held: int) -> SafeText:
    """Why the images held forbid signing; empty where they don't."""
    name = (key, held, core.vault.worklist.versions(key))
    found = core.stops.get(name)
    if found is None:
        context = core.vault.worklist.get(key)
        stops = match_of(core, context).stops if context else ()
        found = stops[0].text if stops else EMPTY
        if len(core.stops) > _MOST_KEPT:
            core.stops.clear()
        core.stops[name] = found
    return found
