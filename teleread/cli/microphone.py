"""Choosing and trying the microphone, at `teleread doctor --microphone` and at the end of `teleread init`."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from teleread.cli.call import Call
from teleread.dictation.levels import filled
from teleread.model.errors import TelereadError

if TYPE_CHECKING:
    from teleread.workstation.doctor import Checked

__all__ = ["offer", "tried"]

_BAR = 20
"""Cells of the level while it is listened to."""
_ANSWER = 30.0
"""Seconds an answer is waited for: what was set up does not hang on the microphone."""


@dataclass
class _Level:
    """The level, drawn over itself where somebody looks."""

    call: Call

    def __call__(self, level: float) -> None:
        """Draw it."""
        if self.seen:
            print(
                f"\r{'#' * filled(level, _BAR):.<{_BAR}} {level:4.0f} dB ",
                end="",
                file=sys.stderr,
                flush=True,
            )

    @property
    def seen(self) -> bool:
        """Whether it is drawn at all."""
        return sys.stderr.isatty() and not self.call.options.quiet

    def end(self) -> None:
        """Leave its row."""
        if self.seen:
            print(file=sys.stderr)


def tried(call: Call, device: str | None = None) -> list[Checked]:
    """Devices, level and a phrase, as checks; what keeps it from being tried is a check that failed.

    Args:
        call: The call.
        device: The microphone to try; None for the one that is set.
    """
    from teleread.workstation import microphone
    from teleread.workstation.config import setting
    from teleread.workstation.doctor import Checked

    wanted = str(setting(call.paths, "dictation_source"))
    name = str(setting(call.paths, "dictation_device")) if device is None else device
    try:
        microphone.can_hear()
        found = _listed(wanted, name)
        from teleread.dictation.capture import open_source
        from teleread.workstation.dictation import recogniser

        hears = recogniser()
        try:
            call.out.note(f"Say: “{microphone.phrase()}”")
            level = _Level(call)
            did = microphone.try_source(open_source(wanted, name), hears, level)
            level.end()
        finally:
            hears.close()
    except TelereadError as error:
        words = " ".join(part for part in (error.title, error.detail) if part)
        return [Checked("microphone", False, words, error.remedy)]
    checks = [*found, Checked("microphone", did.good, f"{did.level}. {did.fault}".strip(), did.remedy)]
    if did.text or did.good:
        heard = f"Heard by {did.engine}: “{did.text}”" if did.text else "Nothing was understood."
        remedy = "" if did.text else "Say it again, nearer to the microphone."
        checks.append(Checked("phrase", bool(did.text), heard, remedy))
    return checks


def _listed(wanted: str, name: str) -> list[Checked]:
    from teleread.workstation import microphone
    from teleread.workstation.doctor import Checked

    way, known = microphone.microphones(wanted)
    if not known:
        return []
    listed = ", ".join(one.name for one in known)
    chosen = name or "the system's choice"
    missing = bool(name) and way != "portaudio" and name not in {one.name for one in known}
    return [
        Checked(
            "microphones",
            not missing,
            f"By {way}: {listed}. Taken: {chosen}.",
            "It is not among them: teleread config set dictation_device NAME." if missing else "",
        )
    ]


def _answer() -> str:
    """One line typed; nothing where none comes in time, or input has ended."""
    if sys.platform != "win32" and not select.select([sys.stdin], [], [], _ANSWER)[0]:
        return ""
    return sys.stdin.readline()


def offer(call: Call, read: Callable[[], str] = _answer) -> None:
    """After `init`, where somebody sits there: choose a microphone, and try it. Enter passes it by.

    Args:
        call: The call.
        read: Reads one answer.
    """
    from teleread.workstation import dictation, microphone
    from teleread.workstation.config import setting, write_setting

    if not dictation.installed():
        return
    call.out.note("Try the microphone for dictation now? y, or Enter to pass: ")
    if read().strip().lower() not in {"y", "yes"}:
        return
    _, known = microphone.microphones(str(setting(call.paths, "dictation_source")))
    if len(known) > 1:
        for number, one in enumerate(known, 1):
            call.out.note(f"  {number}  {one.text}")
        call.out.note("Which microphone? Its number, or Enter for the system's choice: ")
        answer = read().strip()
        if answer.isdecimal() and 1 <= int(answer) <= len(known):
            write_setting(call.paths, "dictation_device", known[int(answer) - 1].name)
    for check in tried(call):
        call.out.note(f"{'✓' if check.ok else '‼'} {check.check}  {check.detail} {check.remedy}".rstrip())
    call.out.note("teleread doctor --microphone tries it again.")
