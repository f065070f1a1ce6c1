"""What commands and windows ask for: one function each, run by the engine or by the command itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import (
    AttentionError,
    ExitCode,
    IntegrityError,
    LockedError,
    NotSignedInError,
    OfflineError,
    TelereadError,
    UsageError,
)
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskContext, TaskKey
from teleread.model.text import clean
from teleread.sync.works import Works

if TYPE_CHECKING:
    from teleread.hub.port import Hub

__all__ = ["Works", "error_json", "perform", "raise_told"]


def perform(works: Works, kind: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Do what is asked.

    Args:
        works: The parts.
        kind: A name in the table of acts below, such as ``sync``, ``claim`` or ``sign-in``.
        args: JSON values, as each needs them.

    Returns:
        JSON values for whoever asked.

    Raises:
        TelereadError: It could not be done; all kinds of it.
    """
    act = _ACTS.get(kind)
    if act is None:
        raise UsageError("The engine does not know that request.", code="bad-request")
    return act(works, args)


# -- one pass ------------------------------------------------------------------------------------------


def _sync(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    pull, push = bool(args.get("pull", True)), bool(args.get("push", True))
    wanted = args.get("hub_id")
    files = [one for one in works.sites.files() if wanted in (None, one.hub_id)]
    hubs = [
        pass_over(works, one, pull=pull, push=push, ignore_backoff=bool(args.get("typed", True)))
        for one in files
    ]
    totals = {
        name: sum(one[name] for one in hubs)
        for name in ("pulled", "pushed", "held", "needs_attention", "waiting")
    }
    return {**totals, "offline": any(one["offline"] for one in hubs), "hubs": hubs}


def pass_over(works: Works, file: HubFile, *, pull: bool, push: bool, ignore_backoff: bool) -> dict[str, Any]:
    """Pull from and push to one hub; what went wrong is told, not raised."""
    told: dict[str, Any] = {
        "name": file.name,
        "hub_id": file.hub_id,
        "pulled": 0,
        "pushed": 0,
        "offline": False,
    }
    problem: TelereadError | None = None
    with works.locks.of("hub", file.hub_id):
        try:
            hub = works.sites.hub(file.hub_id)
            problem = _pull(works, hub, file, told) if pull else None
            # A hub that refuses a search may still take a report; one that is silent will not.
            if push and not isinstance(problem, OfflineError | NotSignedInError):
                from teleread.sync.receipts import look_now_and_then

                look_now_and_then(works, hub, told, typed=ignore_backoff)
                problem = _push(works, hub, file, told, ignore_backoff=ignore_backoff) or problem
        except TelereadError as error:
            problem = error
    told |= _left(works, file.hub_id)
    if problem is not None:
        told["offline"] = isinstance(problem, OfflineError)
        told["error"] = clean(problem)
        told["code"] = problem.code
        told["exit"] = int(problem.exit_code)
    return told


def _pull(works: Works, hub: Hub, file: HubFile, told: dict[str, Any]) -> TelereadError | None:
    from teleread.sync.pull import pull

    try:
        found = pull(works.vault, hub, file, works.clock, ahead=works.prefetch_cases, asked=works.asked)
    except (OfflineError, NotSignedInError, AttentionError) as error:
        return error
    told.update(
        backwards=found.backwards, pulled=found.pulled, skipped=list(found.skipped), lost=len(found.lost)
    )
    return None


def _push(
    works: Works, hub: Hub, file: HubFile, told: dict[str, Any], *, ignore_backoff: bool
) -> TelereadError | None:
    from teleread.sync.push import push

    done = push(works.vault, hub, file, works.clock, ignore_backoff=ignore_backoff, dice=works.dice)
    told["pushed"] = done.pushed
    return done.problem


def _left(works: Works, hub_id: str) -> dict[str, int]:
    """What stays in the outbox for a hub."""
    states = [one.state for one in works.vault.outbox.open() if one.key.hub_id == hub_id]
    return {
        "held": states.count("held"),
        "needs_attention": states.count("needs_attention"),
        "waiting": states.count("queued") + states.count("sending"),
    }


# -- tasks ---------------------------------------------------------------------------------------------


def _key(args: Mapping[str, Any]) -> TaskKey:
    return TaskKey(str(args["hub_id"]), str(args["task_id"]))


def _context(works: Works, key: TaskKey) -> TaskContext:
    context = works.vault.worklist.get(key)
    if context is None:
        raise UsageError("That task is not in the worklist.", code="no-task")
    return context


def _claim(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    key = _key(args)
    context = _context(works, key)
    # Noted before it is asked: if no answer comes, the next pull asks again.
    works.vault.claims.put(key, "wanted")
    try:
        held = works.sites.hub(key.hub_id).claim(context)
    except OfflineError:
        raise
    except AttentionError as refusal:
        works.vault.claims.put(key, "lost", why=refusal.title)
        works.vault.events.emit("claim-lost", _names(key))
        _look_again(works, key)
        raise
    except TelereadError:
        works.vault.claims.forget(key)
        raise
    _keep(works, held)
    if held.priors_at is None:
        _keep(works, _with_priors(works, held))
    works.vault.claims.put(key, "held", version=held.task.version)
    works.vault.events.emit("claimed", _names(key))
    return {"state": str(held.task.status)}


def _with_priors(works: Works, context: TaskContext) -> TaskContext:
    """With its earlier studies, if the hub tells: a report that starts now names what it compares with."""
    from teleread.sync.pull import look_back

    if not context.patient.id:
        return context
    try:
        return look_back(works.sites.hub(context.key.hub_id), context, works.clock)
    except TelereadError:
        return context  # the next pull asks again


def _keep(works: Works, context: TaskContext) -> None:
    works.vault.worklist.put_page(context.key.hub_id, [context], works.clock.now())


def _look_again(works: Works, key: TaskKey) -> None:
    """See who has it now, so that the list tells the truth; a silent hub is asked at the next pull."""
    try:
        _reread(works, {"hub_id": key.hub_id, "task_id": key.task_id})
    except TelereadError:
        return


def _reread(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    key = _key(args)
    before = works.vault.worklist.get(key)
    now = works.sites.hub(key.hub_id).read(key)
    now = now.carrying(before)
    _keep(works, now if now.priors_at else _with_priors(works, now))
    return {"changed": list(before.versions.changed(now.versions)) if before is not None else []}


def _give_back(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    """The wish is in the outbox already; see it delivered."""
    item_id = str(args["item"])
    item = works.vault.outbox.get(item_id)
    told = pass_over(works, works.file(item.key.hub_id), pull=False, push=True, ignore_backoff=True)
    state = works.vault.outbox.get(item_id)
    return {
        "state": state.state,
        "why": str(state.why),
        "offline": told["offline"],
        "error": told.get("error"),
    }


def _names(key: TaskKey) -> dict[str, str]:
    return {"hub": key.hub_id, "task": key.task_id}


# -- studies -------------------------------------------------------------------------------------------


def _fetch(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    from teleread.sync.fetching import fetch_study

    hub_id, study_uid = str(args["hub_id"]), str(args["study_uid"])
    via, priors = str(args.get("via", "auto")), int(args.get("priors", 0))
    return fetch_study(works, hub_id, study_uid, via=via, priors=priors)


def _handoff(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    return {"url": works.handoffs.begin(works.vault, works.clock, args)}


def _handoff_close(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    return {"closed": works.handoffs.end(str(args["hub_id"]), str(args["study_uid"]))}


def _sign_in(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    """Sign in for a window, which sees what to do as an event with its own mark."""
    if works.sign_in is None:
        raise UsageError(
            "Nobody can sign in from here.", remedy="Use teleread hub sign-in.", code="bad-request"
        )
    hub_id, mark = str(args["hub_id"]), str(args["mark"])
    told = works.sign_in(
        hub_id,
        lambda prompt: works.vault.events.emit("sign-in-code", {**prompt, "mark": mark}),
        lambda: mark in works.given_up,
    )
    pass_over(works, works.file(hub_id), pull=True, push=True, ignore_backoff=True)
    return told


def _sign_in_stop(works: Works, args: Mapping[str, Any]) -> dict[str, Any]:
    works.given_up.add(str(args["mark"]))
    return {}


_ACTS: Final[dict[str, Callable[[Works, Mapping[str, Any]], dict[str, Any]]]] = {
    "sync": _sync,
    "claim": _claim,
    "give-back": _give_back,
    "fetch": _fetch,
    "handoff": _handoff,
    "handoff-close": _handoff_close,
    "reread": _reread,
    "sign-in": _sign_in,
    "sign-in-stop": _sign_in_stop,
}


# -- errors as rows ------------------------------------------------------------------------------------

_KINDS: Final = {
    ExitCode.USAGE: UsageError,
    ExitCode.OFFLINE: OfflineError,
    ExitCode.NOT_SIGNED_IN: NotSignedInError,
    ExitCode.ATTENTION: AttentionError,
    ExitCode.LOCKED: LockedError,
    ExitCode.INTEGRITY: IntegrityError,
}


def error_json(error: TelereadError) -> dict[str, Any]:
    """An error as an event row carries it."""
    return {
        "exit": int(error.exit_code),
        "code": error.code,
        "title": error.title,
        "detail": error.detail,
        "remedy": error.remedy,
    }


def raise_told(told: Mapping[str, Any]) -> None:
    """Raise the error an event row carries.

    Raises:
        TelereadError: Always, of the kind it was.
    """
    kind: type[TelereadError] = _KINDS.get(ExitCode(int(told.get("exit", 1))), TelereadError)
    raise kind(
        str(told.get("title", "")),
        str(told.get("detail", "")),
        str(told.get("remedy", "")),
        code=str(told.get("code", "error")),
    )
