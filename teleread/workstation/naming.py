"""Names as they are typed: tasks, studies, drafts; an ambiguous one is refused with the choices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.study import StudyKey
from teleread.model.task import TaskKey
from teleread.model.text import clean

from .core import Core

__all__ = ["resolve_study", "resolve_study_or_task", "resolve_task", "task_name"]

_UID: Final = re.compile(r"[0-9][0-9.]{0,63}")


def task_name(core: Core, key: TaskKey) -> str:
    """``HUB:ID`` as the worklist prints it."""
    return f"{core.hub_name(key.hub_id)}:{key.task_id}"


def resolve_task(core: Core, text: str) -> TaskKey:
    """``HUB:ID``, or an id that only one hub has.

    Raises:
        UsageError: No such task, or several.
    """
    hub_name, colon, task_id = text.partition(":")
    for hub in core.hubs if colon else ():
        if hub_name in {hub.name, hub.hub_id}:
            key = TaskKey(hub.hub_id, task_id)
            if core.vault.worklist.row(key) is not None:
                return key
    found = core.vault.worklist.find(text)
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous("task", (task_name(core, one) for one in found))
    raise UsageError(
        f"There is no task “{clean(text, limit=80)}” in the worklist.",
        remedy="teleread worklist lists them; teleread sync asks the hubs.",
        code="no-task",
    )


def resolve_study(core: Core, text: str) -> StudyKey:
    """A Study Instance UID, or ``HUB/UID``.

    Raises:
        UsageError: No UID, no such hub, nothing known of it, or known at several hubs.
    """
    hub_name, slash, uid = text.rpartition("/")
    if not _UID.fullmatch(uid):
        raise UsageError(
            f"“{clean(text, limit=80)}” is no study.",
            remedy="A study is a Study Instance UID, or HUB/UID.",
            code="no-study",
        )
    hubs = [one for one in core.hubs if not slash or hub_name in {one.name, one.hub_id}]
    if not hubs:
        raise UsageError("There is no such hub.", remedy="teleread hub list shows them.", code="no-hub")
    if len(hubs) == 1:
        return StudyKey(hubs[0].hub_id, uid)
    known = [one for one in hubs if _known(core, StudyKey(one.hub_id, uid))]
    if len(known) == 1:
        return StudyKey(known[0].hub_id, uid)
    raise _ambiguous("study", (f"{one.name}/{uid}" for one in known or hubs))


def _known(core: Core, key: StudyKey) -> bool:
    if core.vault.worklist.tasks_of_study(key.hub_id, key.study_uid):
        return True
    return core.vault.studies.get(key.hub_id, key.study_uid) is not None


def resolve_study_or_task(core: Core, text: str) -> StudyKey:
    """A study, or the study a task is about.

    Raises:
        UsageError: Neither; or the task has no study.
    """
    if _UID.fullmatch(text.rpartition("/")[2]) and ":" not in text and not core.vault.worklist.find(text):
        return resolve_study(core, text)
    key = resolve_task(core, text)
    row = core.vault.worklist.row(key)
    if row is None or not row.study_uid:
        raise UsageError(
            "The hub names no study for this task.",
            remedy="Ask the site where the images are.",
            code="no-study",
        )
    return StudyKey(key.hub_id, row.study_uid)


def _ambiguous(what: str, choices: Iterable[str]) -> UsageError:
    return UsageError(
        f"More than one {what} has this name.",
        remedy="Say which: " + ", ".join(choices) + ".",
        code="ambiguous",
    )
