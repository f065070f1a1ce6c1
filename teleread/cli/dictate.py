"""`teleread dictate`: speech to report text, on this machine alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from teleread.cli.call import Call
from teleread.model.errors import UsageError

if TYPE_CHECKING:
    from teleread.dictation.bias import CaseWords
    from teleread.dictation.session import Reader, Said

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--wav", metavar="PATH", required=True, help="a WAV file, any rate")
    parser.add_argument("--task", metavar="TASK", help="its order, template and earlier reports help hearing")
    parser.add_argument("--context", metavar="PATH", help="JSON that tells the case, instead of a task")
    parser.add_argument(
        "--model", metavar="NAME", action="append", default=[], help="a model in place; twice: two hearings"
    )


def run(call: Call) -> int:
    """Hear the file."""
    from teleread.workstation import dictation

    if call.args.task and call.args.context:
        raise UsageError(
            "A task or a context, not both.", remedy="Leave one of them out.", code="bad-arguments"
        )
    source = dictation.wav(Path(call.args.wav))
    case, who = _case(call)
    heard_by = dictation.recogniser(call.args.model)
    try:
        made = dictation.dictation(heard_by, case, who)
        said: list[Said] = []
        for one in made.listen(source, before=lambda: dictation.running_text(said)):
            said.append(one)
    finally:
        heard_by.close()
    text = dictation.report_text(said)
    call.out.document(
        "dictation",
        {
            "utterances": [dictation.told(one) for one in said],
            "report_text": text,
            "engine": heard_by.capabilities.name,
        },
    )
    call.out.say(text or "Nothing was heard.")
    marked = sum(len(one.marks) for one in said)
    if marked:
        call.out.note(f"{marked} words to look at before signing.")
    return 0


def _case(call: Call) -> tuple[CaseWords, Reader | None]:
    from teleread.dictation.bias import CaseWords
    from teleread.workstation import dictation

    if call.args.context:
        return dictation.context_words(Path(call.args.context)), None
    if not call.args.task:
        return CaseWords(), None
    key = call.desk.resolve_task(call.args.task)
    return dictation.case_words(call.desk.core, key), dictation.reader(call.desk.core)
