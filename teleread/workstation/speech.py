"""What the screens ask while a report is dictated: one Protocol, and how an open profile answers it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from teleread.model.errors import AttentionError, TelereadError
from teleread.model.report import Draft
from teleread.model.task import TaskKey
from teleread.model.text import clean

from . import dictation
from .core import Core

if TYPE_CHECKING:
    from teleread.dictation.bias import CaseWords
    from teleread.dictation.devices import Device
    from teleread.dictation.placing import Anchor
    from teleread.dictation.ports import AudioSource, Bias, Capabilities, Endpointer, Recogniser, Utterance
    from teleread.dictation.ring import SealedRing
    from teleread.dictation.session import Reader, Said
    from teleread.reporting.marks import Mark

    from .microphone import Tried

__all__ = [
    "DICTATED_FIELD",
    "SHORTEST",
    "DeskSpeech",
    "Prepared",
    "Speech",
    "kept_by",
    "sound_signed",
    "sweep_sound",
]

DICTATED_FIELD: Final = "@dictated"
"""Field of the journal that says which recogniser words of a draft came from; a note, never frozen."""
SHORTEST: Final = 0.3
"""Seconds of sound under which nothing can have been said."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a take of a draft needs from the vault."""

    case: CaseWords
    who: Reader
    ring: SealedRing


class Speech(Protocol):
    """Dictation, for screens. Methods raise only errors of `teleread.model.errors`."""

    def ready(self) -> None:
        """See that there is something to hear with. TelereadError says what to install."""
        ...

    def prepare(self, draft_id: str, key: TaskKey) -> Prepared:
        """Read what a take needs."""
        ...

    def recogniser(self) -> Recogniser:
        """The recogniser of this window; it loads while nobody waits."""
        ...

    def source(self) -> AudioSource:
        """The microphone. UsageError names the package where there is no way to one."""
        ...

    def cutter(self, offset: int) -> Endpointer:
        """What ends utterances, as the reader has it."""
        ...

    def left_cutter(self, offset: int) -> Endpointer:
        """What cuts sound that an earlier take left: the voice."""
        ...

    def left(self, draft_id: str) -> float:
        """Seconds of a draft's sound that nobody has heard yet."""
        ...

    def drop_left(self, draft_id: str) -> None:
        """Destroy sound that nobody has heard: the reader wants it gone."""
        ...

    def mark(self, draft_id: str, seq: int, section: str, said: Said, engine: str) -> Draft:
        """Keep an utterance's safety marks. AttentionError ``stale-draft``."""
        ...

    def read_marks(self, draft_id: str, seq: int, marks: Sequence[Mark]) -> Draft:
        """Words were looked at: their marks are gone."""
        ...

    def put_late(self, draft_id: str, anchor: Anchor, said: Said, engine: str) -> bool:
        """Put words into a draft that no screen shows any more; whether they are kept."""
        ...

    def play(self, sound: bytes, failed: Callable[[], object] = lambda: None) -> None:
        """Play sound. UsageError where nothing plays it; `failed` is called where the player ended badly."""
        ...

    def microphones(self) -> tuple[str, Sequence[Device]]:
        """The way to a microphone that is taken, and the microphones it knows."""
        ...

    def try_microphone(self, device: str, show: Callable[[float], None]) -> Tried:
        """Hear one phrase from a microphone; `show` is told the level. Blocks while it lasts."""
        ...

    def close(self) -> None:
        """End the recogniser."""
        ...


class _Warm:
    """A recogniser that is found, verified and started beside the work; the first utterance waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: Recogniser | None = None
        threading.Thread(target=self._begin, name="dictation-warm", daemon=True).start()

    def _begin(self) -> None:
        from contextlib import suppress

        with suppress(TelereadError, OSError):  # the first utterance says so
            self._get()

    def _get(self) -> Recogniser:
        with self._lock:
            if self._made is None:
                self._made = dictation.recogniser()
            return self._made

    @property
    def capabilities(self) -> Capabilities:
        from teleread.dictation.ports import Capabilities

        return self._made.capabilities if self._made is not None else Capabilities("loading")

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        """Hear an utterance."""
        return self._get().recognise(audio, start, bias)

    def close(self) -> None:
        """End it."""
        if self._made is not None:
            self._made.close()


class DeskSpeech:
    """Implements `Speech` on an open profile.

    Args:
        core: What every use case holds.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._warm: _Warm | None = None

    def ready(self) -> None:
        """See that there is something to hear with."""
        from .microphone import can_hear

        can_hear()

    def prepare(self, draft_id: str, key: TaskKey) -> Prepared:
        """Read what a take needs."""
        core = self._core
        ring = dictation.sound_of_draft(core, draft_id)
        return Prepared(dictation.case_words(core, key), dictation.reader(core), ring)

    def recogniser(self) -> Recogniser:
        """The recogniser of this window."""
        if self._warm is None:
            self._warm = _Warm()
        return self._warm

    def source(self) -> AudioSource:
        """The microphone."""
        from teleread.dictation.capture import open_source

        setting = self._core.setting
        return open_source(setting("dictation_source"), setting("dictation_device"))

    def cutter(self, offset: int) -> Endpointer:
        """What ends utterances."""
        if self._core.setting("dictation_ends") == "voice":
            return self.left_cutter(offset)
        from teleread.dictation.endpoint import KeyEndpointer

        return KeyEndpointer(offset)

    def left_cutter(self, offset: int) -> Endpointer:
        """The voice."""
        from teleread.dictation.endpoint import VoiceEndpointer, silero

        return VoiceEndpointer(silero(), offset=offset)

    def left(self, draft_id: str) -> float:
        """Seconds of a draft's sound that nobody has heard yet."""
        folder = self._core.paths.data / "sound" / draft_id
        if not folder.is_dir():
            return 0.0
        from teleread.dictation.ports import seconds_of

        ring = dictation.sound_of_draft(self._core, draft_id)
        waiting = seconds_of(ring.end - ring.heard)
        return waiting if waiting >= SHORTEST else 0.0

    def drop_left(self, draft_id: str) -> None:
        """Destroy sound that nobody has heard."""
        ring = dictation.sound_of_draft(self._core, draft_id)
        ring.silence(ring.heard, ring.end)
        ring.hear_to(ring.end)

    def mark(self, draft_id: str, seq: int, section: str, said: Said, engine: str) -> Draft:
        """Keep an utterance's safety marks, and that the draft was dictated."""
        draft = self._core.vault.drafts.get(draft_id)
        self._same(draft, seq)
        fields = self._fields(draft, section, said, engine)
        self._core.vault.drafts.append(draft_id, seq, fields=fields, holder=self._core.holder)
        return self._core.vault.drafts.get(draft_id)

    @staticmethod
    def _fields(draft: Draft, section: str, said: Said, engine: str) -> dict[str, str]:
        from teleread.reporting.marks import FIELD, marks_in, marks_out, standing

        kept = [one.mark for one in standing(marks_in(draft.fields), draft.sections)]
        fresh = dictation.draft_marks(section, said)
        return {
            FIELD: marks_out(list(dict.fromkeys((*kept, *fresh)))),
            DICTATED_FIELD: str(clean(engine, limit=120)) or "dictated",
        }

    @staticmethod
    def _same(draft: Draft, seq: int) -> None:
        if draft.seq != seq:
            raise AttentionError(
                "This draft was changed in another window since it was read.",
                "Both texts are kept: nothing was overwritten.",
                "Read it again, then write.",
                code="stale-draft",
            )

    def read_marks(self, draft_id: str, seq: int, marks: Sequence[Mark]) -> Draft:
        """Words were looked at: their marks are gone."""
        from teleread.reporting.marks import FIELD, marks_in, marks_out

        draft = self._core.vault.drafts.get(draft_id)
        self._same(draft, seq)
        kept = [one for one in marks_in(draft.fields) if one not in set(marks)]
        self._core.vault.drafts.append(
            draft_id, seq, fields={FIELD: marks_out(kept)}, holder=self._core.holder
        )
        return self._core.vault.drafts.get(draft_id)

    def put_late(self, draft_id: str, anchor: Anchor, said: Said, engine: str) -> bool:
        """Put words into the draft they were said for, though another case is on the screen by now.

        A draft that was signed or discarded, or that another window writes, takes none: the sound waits.
        """
        from teleread.dictation.placing import place

        core = self._core
        drafts = core.vault.drafts
        draft = drafts.find(draft_id)
        if draft is None or draft.state != "open" or not drafts.hold(draft_id, core.holder):
            return False
        try:
            here = next((one for one in draft.sections if one.id == anchor.section), None)
            if here is None:
                return False
            made = place(anchor, str(here.text), said.text)
            drafts.append(
                draft_id,
                draft.seq,
                sections={here.id: clean(made.text, multiline=True)},
                fields=self._fields(draft, here.id, said, engine),
                holder=core.holder,
            )
        finally:
            drafts.release(draft_id, core.holder)
        return True

    def play(self, sound: bytes, failed: Callable[[], object] = lambda: None) -> None:
        """Play sound."""
        from teleread.dictation.capture import play

        play(sound, failed=failed)

    def microphones(self) -> tuple[str, Sequence[Device]]:
        """The way to a microphone that is taken, and the microphones it knows."""
        from .microphone import microphones

        return microphones(self._core.setting("dictation_source"))

    def try_microphone(self, device: str, show: Callable[[float], None]) -> Tried:
        """Hear one phrase from a microphone."""
        from teleread.dictation.capture import open_source

        from .microphone import try_source

        source = open_source(self._core.setting("dictation_source"), device)
        return try_source(source, self.recogniser(), show)

    def close(self) -> None:
        """End the recogniser."""
        if self._warm is not None:
            self._warm.close()


def sound_signed(core: Core, draft_id: str, report_id: str, hub_id: str) -> None:
    """A dictated report was signed: its sound's hash goes into the audit, the sound is destroyed.

    A site may keep it, sealed: ``keep_sound = true`` under ``[dictation]`` in the hub file.
    """
    if (core.paths.data / "sound" / draft_id).is_dir():
        _end_sound(core, draft_id, report_id, hub_id, "signed", keep=kept_by(core, hub_id))


def sweep_sound(core: Core) -> None:
    """Destroy the sound of drafts that nobody writes any more; its hash goes into the audit.

    Those are drafts that were discarded, handed over or kept as a note, those that are gone, and those that
    were signed where the machine stopped right after. Sound that its site keeps stays.
    """
    folder = core.paths.data / "sound"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        draft = core.vault.drafts.find(path.name)
        if draft is None:
            shutil.rmtree(path, ignore_errors=True)
        elif draft.state in {"discarded", "kept"}:
            _end_sound(core, draft.id, draft.id, draft.key.hub_id, draft.state)
        elif draft.state == "signed" and not kept_by(core, draft.key.hub_id):
            _end_sound(core, draft.id, draft.id, draft.key.hub_id, "signed")


def kept_by(core: Core, hub_id: str) -> bool:
    """Whether a site keeps the sound of what was signed; a hub that is not known any more can't be asked."""
    try:
        rules = core.hub(hub_id).extra.get("dictation")
    except TelereadError:
        return True
    return bool(rules.get("keep_sound")) if isinstance(rules, dict) else False


def _end_sound(core: Core, draft_id: str, subject: str, hub_id: str, why: str, *, keep: bool = False) -> None:
    ring: SealedRing | None
    try:
        ring = dictation.sound_of_draft(core, draft_id)
        digest, seconds = ring.digest()
    except (TelereadError, OSError):  # the draft is over: broken sound is no failed signature
        ring, digest, seconds = None, "unreadable", 0.0
    core.vault.audit.append(
        "dictation-sound",
        subject=subject,
        hub_id=hub_id,
        detail={"sha256": digest, "seconds": round(seconds, 1), "kept": keep, "why": why},
    )
    if keep:
        return
    if ring is not None:
        ring.destroy()
    # What can't be opened, and what a microphone that was still on wrote meanwhile.
    shutil.rmtree(core.paths.data / "sound" / draft_id, ignore_errors=True)
