"""What needs the network: done here under the engine lock, or asked of the engine that holds it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from teleread.host.filelock import OsLock
from teleread.model.errors import AttentionError, OfflineError, UsageError
from teleread.model.giving_back import REASONS
from teleread.model.task import TaskKey
from teleread.model.text import clean
from teleread.sync.requests import Works, perform, raise_told

from .core import Core
from .outlook import policy
from .sites import Sites

__all__ = ["answered", "ask", "claim", "fetch", "give_back", "sync"]

SLICE_SECONDS: Final = 1.0
"""How long an answer is waited for before looking whether the engine is still there."""

START_SECONDS: Final = 5.0
"""How long an engine that was started has until another one is."""

PROBE_SECONDS: Final = 0.1
"""Somebody who looks whether an engine runs holds its lock for an instant."""


def ask(core: Core, kind: str, args: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Have something done at a hub or an archive, by whoever may.

    Args:
        core: The open profile.
        kind: As `teleread.sync.requests.perform` knows it.
        args: JSON values.
        timeout: Seconds until the engine's answer is given up.

    Raises:
        OfflineError: ``--offline`` was typed, the engine did not answer in time, or the hub did not.
        TelereadError: Whatever went wrong, as if it had been done here.
    """
    if core.offline:
        raise OfflineError("Off line, as asked.", "Nothing was sent.", code="offline-asked", retryable=False)
    lock = OsLock(core.paths.engine_lock)
    end = core.clock.monotonic() + timeout
    request_id: int | None = None
    while True:
        # An engine that died meanwhile leaves the lock: then it is done here.
        if lock.acquire(PROBE_SECONDS):
            try:
                if (
                    request_id is None
                    or core.vault.requests.cancel(request_id)
                    or not _answered(core, request_id)
                ):
                    return _here(core, kind, args)
            finally:
                lock.release()
        if request_id is None:
            request_id = core.vault.requests.put(kind, args)
        told = _heard(core, request_id, end, SLICE_SECONDS)
        if told is not None:
            return _answer(told)


def answered(core: Core, kind: str, args: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Have the engine do what nobody else can do for it, such as holding a port open; it is started for that.

    Raises:
        OfflineError: It did not answer in time.
        TelereadError: Whatever went wrong there.
    """
    from . import background

    end = core.clock.monotonic() + timeout
    request_id: int | None = None
    while True:
        # One that was leaving may have taken the request with it.
        if background.start(core) and request_id is not None:
            core.vault.requests.cancel(request_id)
            request_id = None
        if request_id is None:
            request_id = core.vault.requests.put(kind, args)
        told = _heard(core, request_id, end, START_SECONDS)
        if told is not None:
            return _answer(told)


def _heard(core: Core, request_id: int, end: float, patience: float) -> Mapping[str, Any] | None:
    """What the engine answers within ``patience`` seconds; None where there is time left to ask on."""
    left = end - core.clock.monotonic()
    try:
        return core.vault.events.wait(request_id, max(0.0, min(patience, left))).data
    except OfflineError:
        if left <= patience:
            core.vault.requests.cancel(request_id)
            raise
        return None


def _answered(core: Core, request_id: int) -> bool:
    try:
        core.vault.events.wait(request_id, 0.0)
    except OfflineError:
        return False
    return True


def _answer(data: Mapping[str, Any]) -> dict[str, Any]:
    if "error" in data:
        raise_told(data["error"])
    return dict(data.get("answer", {}))


def _here(core: Core, kind: str, args: Mapping[str, Any]) -> dict[str, Any]:
    sites = Sites(core)
    works = Works(
        core.vault,
        sites,
        core.clock,
        core.setting("prefetch_cases"),
        core.setting("prefetch_priors"),
        policy=lambda: policy(core),
    )
    if kind == "fetch":
        # Whoever held the lock before may have been killed in the middle of one.
        core.vault.objects.recover()
    try:
        return perform(works, kind, args)
    finally:
        sites.close()


def sync(core: Core, *, pull: bool, push: bool, timeout: float) -> dict[str, Any]:
    """One pass over every hub, as the command prints it."""
    if not core.hubs:
        raise UsageError("There is no hub yet.", remedy="teleread init adds one.", code="no-hub")
    if core.offline:
        return _unasked(core)
    return ask(core, "sync", {"pull": pull, "push": push, "typed": True}, timeout)


def _unasked(core: Core) -> dict[str, Any]:
    """What waits, with no hub asked."""
    states: dict[str, list[str]] = {hub.hub_id: [] for hub in core.hubs}
    for item in core.vault.outbox.open():
        states.setdefault(item.key.hub_id, []).append(item.state)
    hubs = [
        {
            "name": core.hub_name(hub_id),
            "hub_id": hub_id,
            "pulled": 0,
            "pushed": 0,
            "held": found.count("held"),
            "needs_attention": found.count("needs_attention"),
            "waiting": found.count("queued") + found.count("sending"),
            "offline": True,
            "error": "Off line, as asked.",
            "code": "offline-asked",
            "exit": 3,
        }
        for hub_id, found in states.items()
    ]
    names = ("pulled", "pushed", "held", "needs_attention", "waiting")
    totals = {name: sum(int(str(one[name])) for one in hubs) for name in names}
    return {**totals, "offline": True, "hubs": hubs}


def claim(core: Core, key: TaskKey, timeout: float) -> None:
    """Take a task; noted where the hub can't be asked, so that the next pull asks.

    Raises:
        OfflineError: Noted, not yours yet.
        AttentionError: ``claim-lost``.
    """
    try:
        ask(core, "claim", {"hub_id": key.hub_id, "task_id": key.task_id}, timeout)
    except OfflineError:
        core.vault.claims.put(key, "wanted")
        raise


def give_back(core: Core, key: TaskKey, code: str, reason: str, timeout: float) -> None:
    """Return a task: the wish goes into the outbox, then to the hub.

    Raises:
        UsageError: There is no such reason, or the task is not yours.
        OfflineError: The wish waits in the outbox.
        AttentionError: The hub refused; the outbox tells.
    """
    from .worklist import item

    words = _reason(code)
    row = item(core, key)
    claimed = core.vault.claims.get(key)
    if claimed is not None and claimed.state == "wanted":
        core.vault.claims.forget(key)
        return
    if not row.mine:
        raise UsageError("That task is not yours.", "Nothing was sent.", code="not-yours")
    if row.report_state in {"signed", "issued"}:
        raise AttentionError("You have signed a report on it.", "Nothing was sent.", code="already-reported")
    payload = json.dumps({"reason_code": words, "reason": clean(reason, limit=2000)})
    with core.vault.transaction():
        waiting = core.vault.outbox.add(
            "give-back", key, idempotency_key=str(uuid.uuid4()), accession=row.accession, payload=payload
        )
        core.vault.audit.append("give-back", subject=key.task_id, hub_id=key.hub_id, detail={"code": words})
    told = ask(core, "give-back", {"item": waiting.id}, timeout)
    if told["state"] == "needs_attention":
        raise AttentionError(
            "The hub did not take it back.",
            told["why"],
            "teleread outbox list shows the choices.",
            code="refused",
        )
    if told["state"] not in {"delivered", "closed"}:
        raise OfflineError(
            "The hub has not taken it back yet.",
            told.get("error") or told["why"],
            "It waits in the outbox.",
            code="waits",
        )


def _reason(code: str) -> str:
    """A code that a hub takes as a reason (DICOM CID 9303)."""
    found = clean(code, limit=64).strip()
    if found not in REASONS:
        raise UsageError(
            "Giving back needs a reason that hubs know.",
            "Nothing was sent.",
            "Give --reason with one of: "
            + "; ".join(f"{key} {words}" for key, words in REASONS.items())
            + ".",
            code="no-reason",
        )
    return found


def fetch(
    core: Core, hub_id: str, study_uid: str, *, via: str, priors: int, timeout: float
) -> dict[str, Any]:
    """Bring a study here, as the command prints it."""
    args = {"hub_id": hub_id, "study_uid": study_uid, "via": via, "priors": priors}
    return ask(core, "fetch", args, timeout)
