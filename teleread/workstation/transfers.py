"""What is on its way, what waits and why, what failed, what came: one row a study."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from teleread.model.errors import UsageError
from teleread.model.study import StudyKey
from teleread.model.task import TaskKey
from teleread.model.text import EMPTY, SafeText, clean

from . import outlook
from .api import Transfer, Transfers
from .core import Core

if TYPE_CHECKING:
    from teleread.archive.plans import Decision
    from teleread.model.events import Event
    from teleread.vault.worklist import WorklistRow

__all__ = ["first", "pause", "transfers"]

LOOKED_BACK: Final = 600
"""Events looked through for what goes on."""
SHOWN: Final = 200
_KINDS: Final = frozenset(
    {"fetch-started", "fetch-progress", "fetched", "fetch-failed", "fetch-yielded", "study-changed"}
)
_ORDER: Final = ("running", "failed", "coming", "waits", "here")


def transfers(core: Core) -> Transfers:
    """Look at the plan and at the engine's words."""
    last = _last_events(core)
    rows: dict[StudyKey, Transfer] = {}
    for one in outlook.plan(core).decisions:
        event = last.pop(one.key, None)
        if one.state == "all" and event is None:
            continue
        made = _planned(core, one)
        made = _with_event(made, event) if event is not None else made
        if one.key not in rows or one.part == "all":
            rows[one.key] = made
    for key, event in last.items():
        rows[key] = _with_event(_bare(core, key), event)
    wishes = core.vault.wishes.list()
    order = sorted(rows.values(), key=lambda one: _ORDER.index(one.state))
    return Transfers(
        tuple(order[:SHOWN]),
        paused=any(one.kind == "pause" and not one.key.study_uid for one in wishes),
        rate=sum(one.rate for one in order if one.state == "running"),
    )


def _last_events(core: Core) -> dict[StudyKey, Event]:
    """The newest event of each study since the engine began."""
    events = core.vault.events
    out: dict[StudyKey, Event] = {}
    for event in events.since(max(0, events.last_id() - LOOKED_BACK)):
        if event.kind == "engine-started":
            out = {key: one for key, one in out.items() if one.kind in {"fetch-failed", "fetched"}}
        if event.kind in _KINDS:
            key = StudyKey(str(event.data.get("hub", "")), str(event.data.get("study", "")))
            out.pop(key, None)
            out[key] = event
    return out


def _planned(core: Core, one: Decision) -> Transfer:
    row = core.vault.worklist.row(one.task) if one.task is not None else None
    own = row is not None and row.study_uid == one.key.study_uid
    made = _described(core, one.key, row, own)
    state = "here" if one.state == "all" else "waits" if one.wait else "coming"
    return replace(
        made, state=state, lane=one.lane.words, why=clean(one.reason), wait=clean(one.wait), eta=one.eta
    )


def _bare(core: Core, key: StudyKey) -> Transfer:
    tasks = core.vault.worklist.tasks_of_study(key.hub_id, key.study_uid)
    return _described(core, key, core.vault.worklist.row(tasks[0]) if tasks else None, bool(tasks))


def _described(core: Core, key: StudyKey, row: WorklistRow | None, own: bool) -> Transfer:
    study = core.vault.studies.get(key.hub_id, key.study_uid)
    held = study.held if study is not None else 0
    expected = (study.expected if study is not None else None) or (row.instances if row and own else None)
    what = row.procedure if row and own else clean("an earlier study")
    return Transfer(
        key=key,
        task=TaskKey(row.hub_id, row.task_id) if row is not None else None,
        name=row.patient_name if row is not None else EMPTY,
        what=what,
        state="here" if study is not None and study.state == "all" else "coming",
        held=held,
        expected=expected,
    )


def _with_event(made: Transfer, event: Event) -> Transfer:
    data = event.data
    why = SafeText(clean(str(data.get("why", "")), limit=300))
    if event.kind in {"fetch-started", "fetch-progress"}:
        eta = data.get("eta")
        return replace(
            made,
            state="running",
            held=int(data.get("held") or made.held),
            expected=int(data.get("expected") or 0) or made.expected,
            bytes=int(data.get("bytes") or 0),
            rate=float(data.get("rate") or 0.0),
            eta=float(eta) if eta is not None else None,
            at=event.at,
        )
    if event.kind == "fetch-failed":
        remedy = clean(str(data.get("remedy", "")), limit=300)
        return replace(made, state="failed", wait=why, remedy=remedy, at=event.at)
    return replace(made, at=event.at, changed=why if event.kind == "study-changed" else EMPTY)


def pause(core: Core, study: StudyKey | None) -> bool:
    """Pause a study, or everything but what is open; or go on. Whether it is paused now."""
    from teleread.vault.wishes import ALL

    key = study or ALL
    paused = any(one.kind == "pause" and one.key == key for one in core.vault.wishes.list())
    outlook.wish(core, key, "pause", off=paused)
    return not paused


def first(core: Core, study: StudyKey) -> None:
    """Fetch a study before all others.

    Raises:
        UsageError: It is here whole.
    """
    found = core.vault.studies.get(study.hub_id, study.study_uid)
    if found is not None and found.state == "all":
        raise UsageError("It is here already, whole.", code="here")
    outlook.wish(core, study, "pause", off=True)
    outlook.wish(core, study, "first")
