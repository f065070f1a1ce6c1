"""Dictation as screens and commands hold it: models, what a case tells, where the sound of a draft lies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from teleread.host.paths import Home
from teleread.model.errors import UsageError
from teleread.model.task import TaskKey
from teleread.model.text import clean

from .core import Core

if TYPE_CHECKING:
    from teleread.dictation.bias import CaseWords
    from teleread.dictation.models import Model
    from teleread.dictation.ports import AudioSource, Recogniser
    from teleread.dictation.ring import SealedRing
    from teleread.dictation.session import Dictation, Reader, Said

__all__ = [
    "case_words",
    "context_words",
    "corrections",
    "dictation",
    "draft_marks",
    "forget",
    "install_model",
    "installed",
    "learn",
    "models",
    "reader",
    "recogniser",
    "report_text",
    "running_text",
    "sound_of_draft",
    "speech_folder",
    "told",
    "wav",
]

MAX_CONTEXT: Final = 1024 * 1024
"""Largest context file, bytes."""
CORRECTION: Final = "correction"
"""Kind of the vault's phrases that holds what was heard to what is meant."""
MOST_PRIOR: Final = 20_000
"""Characters of earlier reports whose words are taken."""


def speech_folder() -> Path:
    """Where speech models lie: one place for every profile of this user."""
    return Home.find().data / "speech"


def installed() -> bool:
    """Whether the extra `dictation` is there; imports nothing of it."""
    from teleread.dictation.extra import installed

    return installed()


def models() -> tuple[Model, ...]:
    """Models in place, the best first."""
    from teleread.dictation.models import models

    return models(speech_folder())


def install_model(what: str, name: str = "", engine: str = "") -> Model:
    """Put a model in place, verified; see `teleread.dictation.models.install`."""
    from teleread.dictation.models import install

    return install(speech_folder(), what, name, engine)


def recogniser(names: Sequence[str] = ()) -> Recogniser:
    """A warm recogniser in a child of its own.

    Args:
        names: Models to use, the first one's words are taken; the best two in place where none is named.

    Raises:
        UsageError: One is not in place, or there is none.
        TelereadError: The extra is not installed.
    """
    from teleread.dictation.extra import installed, missing_extra
    from teleread.dictation.link import ChildRecogniser
    from teleread.dictation.models import in_use

    if not installed():
        raise missing_extra()
    found = {one.name: one for one in in_use(speech_folder(), most=99)}
    missing = [name for name in names if name not in found]
    if missing:
        raise UsageError(
            "There is no such speech model in place.",
            remedy="teleread dictation list shows them.",
            code="no-model",
        )
    chosen = [found[name] for name in names] or list(found.values())[:2]
    return ChildRecogniser([one.folder for one in chosen])


def context_words(path: Path) -> CaseWords:
    """A case from a context file.

    Raises:
        UsageError: It is no JSON object, or too large.
    """
    from teleread.dictation.bias import case_from

    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONTEXT + 1)
        told = json.loads(raw) if len(raw) <= MAX_CONTEXT else None
    except (OSError, ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise UsageError(
            "The context can't be read.",
            "It is a JSON object of at most a mebibyte.",
            "Keys: procedure, modality, body_part, clinical_question, prior_words.",
            code="bad-context",
        )
    return case_from(told)


def case_words(core: Core, key: TaskKey) -> CaseWords:
    """What a task's order, template and earlier reports make likely to be said."""
    from teleread.dictation.bias import CaseWords

    from .around import with_prior_reports
    from .cases import context_of, templates_for

    context = with_prior_reports(core, context_of(core, key))
    order = context.order
    prior = " ".join(f"{one.text} {one.conclusion}" for one in context.prior_reports)[:MOST_PRIOR]
    chosen = next(iter(templates_for(core, key)), None)
    labels: tuple[str, ...] = ()
    if chosen is not None:
        sections = chosen[0].sections
        labels = tuple(str(field.label) for one in sections for field in one.fields)
    return CaseWords(
        procedure=str(order.procedure),
        modality=str(context.study.modality) if context.study else "",
        body_part=str(order.body_part),
        question=str(order.question),
        prior_words=tuple(dict.fromkeys(prior.split())),
        laterality=str(order.laterality),
        sex=str(context.patient.sex),
        labels=labels,
    )


def reader(core: Core) -> Reader:
    """The reader's own words, autotext names and corrections."""
    from teleread.dictation.session import Reader

    from .aids import autotexts, speller

    return Reader(names=tuple(autotexts(core)[0]), learnt=corrections(core), speller=speller(core))


def corrections(core: Core) -> dict[str, str]:
    """What was heard to what is meant, as the reader taught it."""
    return core.vault.phrases.all(CORRECTION)


def learn(core: Core, heard: str, meant: str) -> tuple[str, str]:
    """Teach what is meant by a word that is heard wrong again and again; audited without the words.

    Raises:
        UsageError: It is not one word, or it would touch a side, a denial, a number or a turning prefix.
    """
    from teleread.dictation.snap import safe_to_learn

    one, other = str(clean(heard, limit=60)).strip().lower(), str(clean(meant, limit=120)).strip()
    if not one or len(one.split()) != 1 or not other or one == other.lower():
        raise UsageError(
            "That can't be learnt.",
            "What is heard is one word; what is meant is another word, or a few.",
            "teleread dictation learn HEARD MEANT",
            code="bad-correction",
        )
    if not safe_to_learn(one, other):
        raise UsageError(
            "That is not learnt.",
            "It would make or change a side, a denial, a number or a prefix that turns a word round.",
            "Such a word is mended by hand each time; it is marked.",
            code="unsafe-correction",
        )
    with core.vault.transaction():
        core.vault.phrases.put(CORRECTION, one, other)
        core.vault.audit.append("correction-learnt", detail={"characters": len(one) + len(other)})
    return one, other


def forget(core: Core, heard: str) -> None:
    """Forget a correction.

    Raises:
        UsageError: There is none for that word.
    """
    with core.vault.transaction():
        if not core.vault.phrases.drop(CORRECTION, str(clean(heard, limit=60)).strip().lower()):
            raise UsageError(
                "There is no such correction.",
                remedy="teleread dictation corrections lists them.",
                code="no-correction",
            )
        core.vault.audit.append("correction-forgotten")


def dictation(
    heard_by: Recogniser, case: CaseWords, who: Reader | None = None, ring: SealedRing | None = None
) -> Dictation:
    """A dictation for one draft."""
    from teleread.dictation.session import Dictation

    return Dictation(heard_by, case, who, ring=ring)


def wav(path: Path) -> AudioSource:
    """A WAV file as a source.

    Raises:
        UsageError: It can't be read as sound.
    """
    from teleread.dictation.audio import WavSource

    return WavSource(path)


def sound_of_draft(core: Core, draft_id: str) -> SealedRing:
    """Where a draft's sound is kept: sealed, beside the vault, under a key of this draft's own.

    What lies there from before (the terminal was closed in mid-utterance) is found again.
    """
    from teleread.dictation.ring import SealedRing
    from teleread.vault.seal import derive

    draft = core.vault.drafts.get(draft_id)
    key = derive(core.vault.master_handoff(), "sound", extra=draft.id.encode())
    return SealedRing(key, core.paths.data / "sound" / draft.id)


def report_text(said: Iterable[Said]) -> str:
    """One text of a whole dictation: what was taken back is gone, sections that were gone to are headed."""
    return running_text(said).strip()


def running_text(said: Iterable[Said]) -> str:
    """The same with the blanks and lines at its end: what the next utterance stands behind."""
    from teleread.dictation.session import ends_before

    parts: list[str] = []
    text = ""
    for one in said:
        if one.command is None:
            parts.append(ends_before(text, one.text) + one.text)
        elif one.command.command.id == "scratch-that" and parts:
            parts.pop()
        elif one.command.command.id == "section.go":
            parts.append(f"{chr(10) * 2 if text else ''}{_HEADS[one.command.argument]}:\n")
        text = "".join(parts)
    return text


_HEADS: Final = {
    "clinical-information": "Clinical information",
    "technique": "Technique",
    "comparison": "Comparison",
    "findings": "Findings",
    "impression": "Impression",
}


def draft_marks(section: str, said: Said) -> tuple[Any, ...]:
    """An utterance's safety marks as the draft's journal keeps them (`teleread.reporting.marks`)."""
    from teleread.dictation.safety import NEGATION, NUMBER, PREFIX, SIDE
    from teleread.reporting.marks import DICTATED, UNSURE, Mark

    grave = {SIDE, NEGATION, NUMBER, PREFIX}
    out = []
    for at, mark in sorted(said.marks.items()):
        placed = said.written.placed[at]
        before = said.written.text[max(0, placed.start - 30) : placed.start]
        kind = DICTATED if mark.kind in grave else UNSURE
        out.append(
            Mark(section, kind, clean(placed.piece.text, multiline=True), clean(before, multiline=True))
        )
    return tuple(out)


def told(said: Said) -> Mapping[str, Any]:
    """An utterance as the command line tells it."""
    words = [
        {
            "text": placed.piece.text,
            "start": round(said.times(placed)[0], 2),
            "end": round(said.times(placed)[1], 2),
            "confidence": round(said.confidence(placed), 2),
            "mark": mark.kind if (mark := said.marks.get(at)) else None,
            "why": mark.why if mark else None,
            "instead": list(mark.instead) if mark else [],
        }
        for at, placed in enumerate(said.written.placed)
        if placed.piece.kind != "break"
    ]
    command = said.command
    return {
        "text": said.text if command is None else said.utterance.best.text,
        "start": round(said.utterance.start, 2),
        "end": round(said.utterance.end, 2),
        "words": words if command is None else [],
        "command": command.command.id if command else None,
        "argument": command.argument if command else None,
        "needs_key": command.command.needs_key if command else False,
    }
