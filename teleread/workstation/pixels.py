"""What is held of pixels: listed, verified, purged, taken in from files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile
from teleread.model.study import InstanceInfo, StudyInfo, StudyKey

from .api import SeriesView
from .core import Core
from .naming import resolve_study

__all__ = ["import_paths", "purge", "series_json", "stats", "studies", "verify", "where"]


def studies(core: Core) -> list[dict[str, Any]]:
    """Every study something is held of."""
    return [_study_json(core, one) for one in core.vault.studies.list()]


def _study_json(core: Core, one: StudyInfo) -> dict[str, Any]:
    return {
        "hub": core.hub_name(one.key.hub_id),
        "study_uid": one.key.study_uid,
        "state": one.state,
        "held": one.held,
        "expected": one.expected,
        "bytes": one.bytes,
        "verified_at": one.verified_at or None,
        "missing_why": one.missing_why or None,
        "modality": one.modality,
        "date": one.date or None,
    }


def _held(core: Core, text: str) -> StudyKey:
    key = resolve_study(core, text)
    found = core.vault.studies.get(key.hub_id, key.study_uid)
    if found is None or not found.held:
        raise UsageError(
            "Nothing of that study is held here.",
            remedy="teleread cache list shows what is.",
            code="not-held",
        )
    return key


def where(core: Core, text: str) -> dict[str, Any]:
    """Where a study lies, sealed."""
    key = _held(core, text)
    files = core.vault.objects.files(key.hub_id, key.study_uid)
    return {"study_uid": key.study_uid, "sealed": True, "segments": [str(one) for one in files]}


def verify(core: Core, text: str | None) -> dict[str, Any]:
    """Read every byte of one study, or of all, against its digest."""
    keys = [_held(core, text)] if text else [one.key for one in core.vault.studies.list()]
    good, damaged = 0, []
    for key in keys:
        found = core.vault.objects.verify(key.hub_id, key.study_uid)
        good += found.good
        damaged += [{"study_uid": key.study_uid, "sop_uid": one} for one in found.damaged]
    return {"studies": len(keys), "verified": good, "damaged": damaged}


def purge(core: Core, text: str) -> dict[str, Any]:
    """Shred a study; the ledger and the audit say so."""
    key = _held(core, text)
    size = core.vault.objects.shred(key.hub_id, key.study_uid, "purged by the reader")
    return {"study_uid": key.study_uid, "bytes": size}


def stats(core: Core) -> dict[str, Any]:
    """How much is held, and how much room there is."""
    held = core.vault.studies.list()
    return {
        "studies": len(held),
        "whole": sum(one.state == "all" for one in held),
        "instances": sum(one.held for one in held),
        "bytes": sum(one.bytes for one in held),
        "free_bytes": shutil.disk_usage(core.paths.data).free,
    }


def series_json(one: SeriesView) -> dict[str, Any]:
    """A series as the contract prints it."""
    return {
        "series_uid": one.series_uid,
        "modality": one.modality,
        "description": one.description,
        "number": one.number,
        "instances": [_instance_json(instance) for instance in one.instances],
    }


def _instance_json(one: InstanceInfo) -> dict[str, Any]:
    return {
        "sop_uid": one.sop_uid,
        "sop_class": one.sop_class,
        "frames": one.frames,
        "rows": one.rows,
        "columns": one.columns,
        "instance_number": one.instance_number,
        "transfer_syntax": one.transfer_syntax,
        "size": one.size,
        "sha256": one.sha256,
    }


def import_paths(core: Core, paths: list[str], hub_name: str | None) -> dict[str, Any]:
    """Take in local files; they belong to a hub, since bytes are never shared between hubs."""
    from teleread.archive.local import import_paths as take_in

    hub = _hub_for(core, hub_name)
    told = take_in(core.vault, [Path(one) for one in paths], hub.hub_id)
    core.vault.audit.append(
        "import", hub_id=hub.hub_id, detail={"instances": told.kept, "studies": len(told.studies)}
    )
    return {
        "hub": hub.name,
        "imported": told.kept,
        "duplicates": told.duplicates,
        "skipped": told.skipped,
        "refused": told.refused,
        "studies": sorted(one.study_uid for one in told.studies),
        "problems": [str(one) for one in told.problems],
    }


def _hub_for(core: Core, name: str | None) -> HubFile:
    hubs = [one for one in core.hubs if name is None or name in {one.name, one.hub_id}]
    if len(hubs) == 1:
        return hubs[0]
    if not hubs:
        raise UsageError("There is no such hub.", remedy="teleread hub list shows them.", code="no-hub")
    raise UsageError(
        "There are several hubs.",
        remedy="Say whose the files are with --hub: " + ", ".join(one.name for one in hubs) + ".",
        code="ambiguous",
    )
