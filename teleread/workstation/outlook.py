"""What comes next and why: the policy from the settings, the plan explained, and the reader's wishes."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import UsageError
from teleread.model.settings import SPAN, Sources, resolve
from teleread.model.study import StudyKey
from teleread.model.task import TaskKey

from .config import sources
from .core import Core

if TYPE_CHECKING:
    from teleread.archive.plans import Decision, Plan
    from teleread.archive.priors import RankedPrior
    from teleread.sync.outlook import Outlook
    from teleread.sync.policy import Policy

__all__ = ["Ready", "opened", "pin", "plan", "policy", "priors_json", "ranked", "why", "wish"]

_SPAN: Final = re.compile(SPAN)
_READY_SECONDS: Final = 10.0
_READY_LOOKS: Final = 60
_POWER_SECONDS: Final = 60.0
_power: dict[str, tuple[float, bool]] = {}
"""What the system said of battery and line, and when: asking it costs a process."""


def policy(core: Core) -> Policy:
    """What is wanted of prefetching and the cache, by the settings of this moment."""
    from teleread.archive.eviction import Budget
    from teleread.archive.plans import Rules
    from teleread.sync.policy import GIGABYTE, Policy

    found = sources(core.paths, core.flags)

    def value(key: str) -> Any:
        return resolve(key, found).value

    quota = float(value("cache_quota_gb"))
    return Policy(
        rules=Rules(
            cases=value("prefetch_cases"),
            priors=value("prefetch_priors"),
            thumbnails=value("prefetch_thumbnails"),
            later=value("prefetch_later"),
            quiet=_span(value("prefetch_quiet")),
            on_metered=value("prefetch_metered"),
            on_battery=value("prefetch_battery"),
            reading_minutes=float(value("reading_minutes")),
        ),
        budget=Budget(
            int(quota * GIGABYTE) if quota else None, int(float(value("cache_free_gb")) * GIGABYTE)
        ),
        retain_hours={hub.hub_id: _retained(found, hub.name) for hub in core.hubs},
        check_minutes=float(value("check_minutes")),
        metered=_told("metered", value("metered")),
        battery=_told("on_battery", "auto"),
    )


def _retained(found: Sources, hub: str) -> float:
    """Hours a study of a hub stays after its receipt: the site's own default counts for that site alone."""
    own = replace(found, hubs=[one for one in found.hubs if one[0] == hub])
    return float(resolve("cache_retain_hours", own).value)


def _span(text: str) -> tuple[int, int] | None:
    """``HH:MM-HH:MM`` as minutes of the day; None for empty.

    Raises:
        UsageError: It is something else.
    """
    if not text.strip():
        return None
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            "The setting prefetch_quiet is to be a span of the day.", remedy="Example: 19:00-21:30."
        )
    first, first_minute, last, last_minute = (int(one) for one in found.groups())
    return first * 60 + first_minute, last * 60 + last_minute


def _told(what: str, said: str) -> bool:
    """What the setting says; ``auto`` asks the system, not more often than once a minute."""
    if said != "auto":
        return said == "yes"
    from teleread.host import power

    now = time.monotonic()
    known = _power.get(what)
    if known is None or now - known[0] > _POWER_SECONDS:
        known = _power[what] = (now, getattr(power, what)())
    return known[1]


# -- the plan --------------------------------------------------------------------------------------------


def plan(core: Core) -> Plan:
    """The plan of this moment, as the engine would make it, with what there is no room for held back."""
    from teleread.archive.plans import Line
    from teleread.sync.outlook import Outlook
    from teleread.sync.room import Room

    wanted = policy(core)
    outlook = Outlook(core.vault, core.hubs, wanted)
    outlook.lines = {hub_id: Line(rate) for hub_id, rate in core.vault.wishes.rates().items()}
    return Room(core.vault, core.hubs, wanted).fit(outlook.plan())


def why(core: Core, key: TaskKey) -> dict[str, Any]:
    """Why a case's images are here, are coming, or are not, in words.

    Raises:
        UsageError: It is not in the worklist.
    """
    from .worklist import item

    row = item(core, key)
    made = plan(core)
    decisions = [one for one in made.decisions if _about(one, key, row.study_uid)]
    own = next((one for one in decisions if one.key.study_uid == row.study_uid), None)
    return {
        "task": row.task,
        "study_uid": row.study_uid,
        "cached": row.cached,
        "decision": _decision(own, row.cached),
        "reason": own.reason if own is not None else _outside(core, key),
        "wait": (own.wait or None) if own is not None else None,
        "missing_why": _missing(core, key, row.study_uid),
        "place": _place(made, own),
        "lane": own.lane.words if own is not None else None,
        "score": own.score if own is not None else None,
        "bytes": own.bytes if own is not None else None,
        "eta_seconds": round(own.eta, 1) if own is not None and own.eta is not None else None,
        "priors": [_prior_decision(one) for one in decisions if one.key.study_uid != row.study_uid],
    }


def _about(one: Decision, key: TaskKey, study_uid: str) -> bool:
    return one.task == key or (one.key.hub_id == key.hub_id and one.key.study_uid == study_uid)


def _decision(own: Decision | None, cached: str) -> str:
    """``here``, ``fetch``, ``wait`` or ``not-planned``."""
    if cached == "all":
        return "here"
    if own is None:
        return "not-planned"
    return "fetch" if own.fetch else "wait" if own.wait else "here"


def _place(made: Plan, own: Decision | None) -> int | None:
    """How many fetches go before it, plus one."""
    if own is None or not own.fetch:
        return None
    return made.to_fetch.index(own) + 1


def _prior_decision(one: Decision) -> dict[str, Any]:
    return {
        "study_uid": one.key.study_uid,
        "part": one.part,
        "decision": _decision(one, one.state),
        "reason": one.reason,
        "wait": one.wait or None,
        "score": one.score,
        "eta_seconds": None if one.eta is None else round(one.eta, 1),
    }


def _missing(core: Core, key: TaskKey, study_uid: str) -> str | None:
    study = core.vault.studies.get(key.hub_id, study_uid) if study_uid else None
    return (study.missing_why or study.changed or None) if study is not None else None


def _outside(core: Core, key: TaskKey) -> str:
    """Why a task is in no plan."""
    from teleread.archive.planner import READABLE

    row = core.vault.worklist.row(key)
    assert row is not None
    hub = core.hub(key.hub_id)
    if not row.study_uid:
        return "the hub names no study for it"
    if not hub.has_archive:
        return "its hub has no archive to fetch from"
    if row.status not in READABLE:
        return f"the task is {row.status}"
    if row.owner and row.owner not in (hub.reader_reference, hub.reader_id):
        return "somebody else has it"
    count = core.setting("prefetch_cases")
    return f"further down the list than the {count} cases that are kept ready (setting prefetch_cases)"


# -- priors, and what the reader wants of them --------------------------------------------------------------


def ranked(core: Core, key: TaskKey) -> tuple[RankedPrior, ...]:
    """The earlier studies of a case with their points, those of the archive too."""
    from teleread.sync.outlook import Outlook

    context = core.vault.worklist.get(key)
    if context is None:
        raise UsageError(
            "That task is not in the worklist.", remedy="teleread sync asks the hubs.", code="no-task"
        )
    outlook = Outlook(core.vault, core.hubs, policy(core))
    return outlook.ranked(context, core.hub(key.hub_id))


def priors_json(core: Core, key: TaskKey) -> list[dict[str, Any]]:
    """The same, as the command line prints it."""
    out = []
    for one in ranked(core, key):
        study = core.vault.studies.get(key.hub_id, one.prior.study_uid)
        out.append(
            {
                "study_uid": one.prior.study_uid,
                "date": one.prior.started.date().isoformat() if one.prior.started else None,
                "modality": one.prior.modality,
                "description": one.prior.description,
                "score": one.score,
                "parts": [{"text": words, "points": points} for words, points in one.parts],
                "relevant": one.relevant,
                "chosen": one.chosen,
                "pinned": one.pinned,
                "cached": study.state if study is not None else "none",
            }
        )
    return out


def pin(core: Core, key: TaskKey, study_uid: str, *, off: bool = False) -> None:
    """Have an earlier study fetched with a case whatever its points; or no longer.

    Raises:
        UsageError: The case does not list it.
    """
    if study_uid not in {one.prior.study_uid for one in ranked(core, key)}:
        raise UsageError(
            "That is no earlier study of this case.",
            remedy="teleread worklist priors TASK lists them.",
            code="no-prior",
        )
    row = core.vault.worklist.row(key)
    for_study = str(row.study_uid) if row is not None else ""
    _wish(core, StudyKey(key.hub_id, study_uid), "pin", for_study=for_study, off=off)


def wish(core: Core, study: StudyKey, kind: str, *, off: bool = False) -> None:
    """Put a study first, or pause it; `teleread.vault.wishes.ALL` pauses everything but what is open."""
    _wish(core, study, kind, off=off)


def _wish(core: Core, study: StudyKey, kind: str, *, for_study: str = "", off: bool = False) -> None:
    wishes = core.vault.wishes
    if off:
        wishes.drop(study, kind, for_study=for_study)
    else:
        wishes.put(study, kind, for_study=for_study)
    core.vault.events.emit("fetch-wished", {"hub": study.hub_id, "study": study.study_uid, "kind": kind})


# -- cases on the screen, cases that are ready ------------------------------------------------------------


def opened(core: Core, hub_id: str, study_uid: str) -> None:
    """A case is on a screen: it is used, and what is missing of it is fetched before anything else."""
    core.vault.studies.touch(hub_id, study_uid)
    study = core.vault.studies.get(hub_id, study_uid)
    if study is None or study.state != "all":
        core.vault.events.emit("case-opened", {"hub": hub_id, "study": study_uid})


class Ready:
    """Whether the priors that are fetched with a case are whole here too.

    Looked up for so many cases a look, and believed for some seconds: a list of ten thousand is drawn many
    times a minute, and gets its marks from the top down.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._outlook: Outlook | None = None
        self._left = _READY_LOOKS

    def __call__(self, key: TaskKey) -> bool:
        """Whether they are."""
        now = self._core.clock.monotonic()
        known = self._core.ready.get(key)
        if (known is None or now - known[0] > _READY_SECONDS) and self._left > 0:
            self._left -= 1
            known = self._core.ready[key] = (now, self._look(key))
        return known is not None and known[1]

    def _look(self, key: TaskKey) -> bool:
        vault = self._core.vault
        context = vault.worklist.get(key)
        if context is None:
            return False
        if self._outlook is None:
            from teleread.sync.outlook import Outlook

            self._outlook = Outlook(vault, self._core.hubs, policy(self._core))
        for one in self._outlook.ranked(context, self._core.hub(key.hub_id)):
            if one.chosen:
                study = vault.studies.get(key.hub_id, one.prior.study_uid)
                if study is None or study.state != "all":
                    return False
        return True
