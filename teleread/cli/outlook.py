"""`teleread worklist why|priors|pin|unpin`: why images are here, are coming or are not, and which priors."""

from __future__ import annotations

from typing import Any, Final

from teleread.cli.call import Call
from teleread.model.errors import UsageError

__all__ = ["act"]

_WORDS: Final = {
    "here": "Here, whole.",
    "fetch": "Coming.",
    "wait": "Waits.",
    "not-planned": "Not planned.",
}


def act(call: Call, verb: str, words: list[str]) -> int:
    """Do one of the verbs.

    Args:
        call: The command.
        verb: ``why``, ``priors``, ``pin`` or ``unpin``.
        words: The task, and for a pin the study.
    """
    key = call.desk.resolve_task(words[0])
    if verb in {"pin", "unpin"}:
        from teleread.workstation.outlook import pin

        if len(words) != 2:
            raise UsageError("A pin needs a task and a study.", code="bad-arguments")
        pin(call.desk.core, key, words[1].rpartition("/")[2], off=verb == "unpin")
        call.out.document("worklist-pin", {"task": words[0], "study_uid": words[1], "pinned": verb == "pin"})
        call.out.say("Fetched with the case from now on." if verb == "pin" else "No longer pinned.")
        return 0
    if len(words) != 1:
        raise UsageError("One task is explained at a time.", code="bad-arguments")
    return _why(call, words[0]) if verb == "why" else _priors(call, words[0])


def _why(call: Call, task: str) -> int:
    from teleread.workstation.outlook import why

    told = why(call.desk.core, call.desk.resolve_task(task))
    call.out.document("worklist-why", told)
    call.out.say(f"{_WORDS[told['decision']]} {_sentence(told['reason'])}")
    if told["wait"]:
        call.out.say(f"Not yet: {told['wait']}.")
    if told["place"]:
        eta = f", here in about {round(told['eta_seconds'])} s" if told["eta_seconds"] is not None else ""
        call.out.say(f"Number {told['place']} of what is fetched{eta}.")
    if told["missing_why"]:
        call.out.say(told["missing_why"])
    for one in told["priors"]:
        wait = f" Not yet: {one['wait']}." if one["wait"] else ""
        call.out.say(f"{_WORDS[one['decision']]} {_sentence(one['reason'])}{wait}")
    return 0


def _sentence(text: Any) -> str:
    words = str(text)
    return words[:1].upper() + words[1:].rstrip(".") + "."


def _priors(call: Call, task: str) -> int:
    from teleread.workstation.outlook import priors_json

    rows = priors_json(call.desk.core, call.desk.resolve_task(task))
    call.out.document("worklist-priors", {"task": task, "priors": rows})
    table = [
        (
            one["date"] or "",
            one["modality"],
            one["description"],
            one["score"],
            "pinned" if one["pinned"] else "fetched" if one["chosen"] else "",
            one["cached"],
            ", ".join(f"{part['text']} {part['points']:+d}" for part in one["parts"]) or "another place",
            one["study_uid"],
        )
        for one in rows
    ]
    heads = ("DATE", "MODALITY", "EXAMINATION", "POINTS", "CHOSEN", "IMAGES", "WHY", "STUDY")
    call.out.table(heads, table, empty="No earlier study is known.")
    return 0
