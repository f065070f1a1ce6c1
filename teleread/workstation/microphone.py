"""A microphone chosen and tried: devices by name, the level, a phrase and what was heard of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from teleread.model.errors import UsageError
from teleread.model.text import SafeText, clean

from . import dictation

if TYPE_CHECKING:
    from teleread.dictation.devices import Device
    from teleread.dictation.ports import AudioSource, Recogniser

__all__ = ["Tried", "can_hear", "microphones", "phrase", "try_source"]

_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "none": ("Nothing came.", "Choose another microphone, or look at its plug."),
    "muted": ("It gives silence.", "It is muted, here or by its own switch; or another one is meant."),
    "no-voice": ("No voice was heard.", "Speak at arm's length; if you did, another microphone is meant."),
    "faint": ("Too faint to be trusted.", "Go nearer, or raise its level in the system's sound settings."),
    "cut off": (
        "So loud that it is cut off.",
        "Go further away, or lower its level in the system's settings.",
    ),
    "noisy": ("The room is nearly as loud as the voice.", "Go nearer to the microphone, or find the noise."),
}


@dataclass(frozen=True, slots=True)
class Tried:
    """How a microphone did."""

    good: bool
    level: str
    """In words: how loud voice and room were."""
    fault: str = ""
    """What is wrong with the sound; empty where all is well."""
    remedy: str = ""
    text: SafeText = SafeText("")  # noqa: RUF009 - an immutable text
    """What was heard, as it would stand in a report."""
    engine: str = ""


def can_hear() -> None:
    """See that there is something to hear with; imports nothing of the extra.

    Raises:
        TelereadError: The extra is not installed; the words say what to install.
        UsageError: There is no speech model.
    """
    from teleread.dictation.extra import missing_extra

    if not dictation.installed():
        raise missing_extra()
    from teleread.dictation.models import available

    if not dictation.models() and not available():
        raise UsageError(
            "There is no speech model yet.",
            "Nothing was recorded.",
            "teleread dictation install PATH|NAME puts one in place.",
            code="no-model",
        )


def phrase() -> str:
    """What a reader is asked to say."""
    from teleread.dictation.trial import PHRASE

    return PHRASE


def microphones(wanted: str) -> tuple[str, tuple[Device, ...]]:
    """The way to a microphone that the setting ``dictation_source`` means, and the microphones it knows."""
    from teleread.dictation.capture import found_sources
    from teleread.dictation.devices import devices

    found = found_sources()
    way = wanted if wanted != "auto" else next(iter(found), "")
    return way, devices(way)


def try_source(
    source: AudioSource, hears: Recogniser, show: Callable[[float], None] = lambda level: None
) -> Tried:
    """Hear one phrase; its sound is kept nowhere.

    Raises:
        TelereadError: The microphone went away, or the recogniser gave up.
    """
    from teleread.dictation.endpoint import VoiceEndpointer, silero
    from teleread.dictation.trial import sounded

    came = sounded(source, VoiceEndpointer(silero()), show)
    level = f"voice {came.voice:.0f} dB, room {came.room:.0f} dB"
    fault, remedy = _FAULTS.get(came.fault, ("", ""))
    if came.cut is None:
        return Tried(False, level, fault, remedy)
    from teleread.dictation.bias import CaseWords

    said = dictation.dictation(hears, CaseWords(), ring=came.ring).hear(came.cut)
    return Tried(
        not fault, level, fault, remedy, clean(said.text.strip(), limit=200), hears.capabilities.name
    )
