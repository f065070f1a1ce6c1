"""What is held of pixels: listed, verified, purged, taken in from files."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile
from teleread.model.study import InstanceInfo, StudyInfo, StudyKey
from teleread.model.text import clean

from .api import SeriesView
from .core import Core
from .naming import resolve_study

if TYPE_CHECKING:
    from teleread.vault.copies import Copy

__all__ = [
    "ask_again",
    "held_study",
    "import_paths",
    "legal_hold",
    "legal_holds",
    "purge",
    "receipts",
    "series_json",
    "stats",
    "studies",
    "verify",
    "where",
    "wish",
]


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
        "changed": one.changed or None,
        "modality": one.modality,
        "date": one.date or None,
        "legal_hold": core.vault.holds.get(one.key) is not None,
    }


def held_study(core: Core, text: str) -> StudyKey:
    """A study by its name of which something is here.

    Raises:
        UsageError: It names none, or nothing of it is held.
    """
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
    """Where a study lies, sealed, and every copy there was of it."""
    key = held_study(core, text)
    files = core.vault.objects.files(key.hub_id, key.study_uid)
    held = core.vault.studies.get(key.hub_id, key.study_uid)
    copies = _copies(core, key)
    if held is not None:  # the ledger counts what went; a copy that is here is as large as what is here
        copies = [
            one if one.purged_at else replace(one, instances=held.held, bytes=held.bytes) for one in copies
        ]
    return {
        "study_uid": key.study_uid,
        "sealed": True,
        "segments": [str(one) for one in files],
        "copies": [_copy_json(core, one) for one in copies],
    }


def _copies(core: Core, key: StudyKey) -> list[Copy]:
    return [one for one in core.vault.copies.list(key.hub_id) if one.study_uid == key.study_uid]


def _copy_json(core: Core, one: Copy) -> dict[str, Any]:
    return {
        "hub": core.hub_name(one.hub_id),
        "study_uid": one.study_uid,
        "why": one.why,
        "at": one.at.isoformat(timespec="seconds"),
        "purged_at": one.purged_at.isoformat(timespec="seconds") if one.purged_at else None,
        "purged_why": one.purged_why or None,
        "receipt": one.receipt or None,
        "instances": one.instances,
        "bytes": one.bytes,
    }


def verify(core: Core, text: str | None) -> dict[str, Any]:
    """Read every byte of one study, or of all, against its digest; what is damaged is asked for again."""
    keys = [held_study(core, text)] if text else [one.key for one in core.vault.studies.list()]
    good, damaged = 0, []
    for key in keys:
        found = core.vault.objects.verify(key.hub_id, key.study_uid)
        good += found.good
        damaged += [{"study_uid": key.study_uid, "sop_uid": one} for one in found.damaged]
        if found.damaged:
            ask_again(core, key)
    return {"studies": len(keys), "verified": good, "damaged": damaged}


def ask_again(core: Core, key: StudyKey) -> None:
    """Have what is missing of a study fetched before all others; audited, since something was damaged."""
    from .outlook import wish as put_first

    core.vault.audit.append("images-damaged", subject=key.study_uid, hub_id=key.hub_id)
    put_first(core, key, "first")


def purge(core: Core, text: str) -> dict[str, Any]:
    """Shred a study; the ledger and the audit say so.

    Raises:
        AttentionError: ``legal-hold``.
    """
    key = held_study(core, text)
    core.vault.holds.refuse(key)
    core.vault.objects.shred(key.hub_id, key.study_uid, "purged by the reader")
    gone = _copies(core, key)[-1:]
    told = _copy_json(core, gone[0]) if gone else {"instances": 0, "bytes": 0, "receipt": None}
    return {**told, "study_uid": key.study_uid}


def stats(core: Core) -> dict[str, Any]:
    """How much is held, how much room there is, and what stays whatever happens."""
    from teleread.sync.room import Room

    from .outlook import policy

    held = core.vault.studies.list()
    free = shutil.disk_usage(core.paths.data).free
    wanted = policy(core)
    keeps = Room(core.vault, core.hubs, wanted).keeps()
    total = sum(one.bytes for one in held)
    kept = Counter(keeps[name] for one in held if (name := (one.key.hub_id, one.key.study_uid)) in keeps)
    fixed = sum(one.bytes for one in held if (one.key.hub_id, one.key.study_uid) in keeps)
    return {
        "studies": len(held),
        "whole": sum(one.state == "all" for one in held),
        "instances": sum(one.held for one in held),
        "bytes": total,
        "free_bytes": free,
        "quota_bytes": wanted.budget.quota,
        "room_bytes": max(0, wanted.budget.room(total, free)),
        "evictable_bytes": total - fixed,
        "kept": dict(kept),
    }


def legal_hold(core: Core, text: str, reason: str, *, off: bool) -> dict[str, Any]:
    """Put a study under legal hold, or end it; audited.

    Raises:
        UsageError: It is held already, or not.
    """
    key = resolve_study(core, text) if off else held_study(core, text)
    words = clean(reason, limit=2000)
    if off:
        core.vault.holds.release(key, words)
    else:
        core.vault.holds.put(key, words)
    return {"study_uid": key.study_uid, "held": not off, "reason": words}


def legal_holds(core: Core) -> list[dict[str, Any]]:
    """Every study under legal hold."""
    return [
        {
            "hub": core.hub_name(one.key.hub_id),
            "study_uid": one.key.study_uid,
            "reason": one.reason,
            "at": one.at.isoformat(timespec="seconds"),
        }
        for one in core.vault.holds.list()
    ]


def receipts(core: Core, hub_name: str | None) -> dict[str, Any]:
    """Purge receipts, with the audit trail's last link: what a hub that wants proof is given."""
    hub_id = None if hub_name is None else _hub_for(core, hub_name).hub_id
    found = [one for one in core.vault.copies.list(hub_id) if one.purged_at is not None]
    return {
        "profile": core.vault.profile_id,
        "audit_head": core.vault.audit.verify().head,
        "receipts": [_copy_json(core, one) for one in found],
    }


def wish(core: Core, verb: str, text: str | None) -> dict[str, Any]:
    """Put a study first, pause it or everything, or go on."""
    from teleread.vault.wishes import ALL

    from .outlook import wish as put

    key = resolve_study(core, text) if text else ALL
    kind = "first" if verb == "first" else "pause"
    put(core, key, kind, off=verb == "go")
    return {"study_uid": key.study_uid or None, "all": key == ALL}


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
