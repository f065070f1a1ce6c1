"""The microphone: which one is taken, its level, a phrase to try."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from teleread.dictation.levels import FLOOR, filled
from teleread.model.errors import TelereadError
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.lines import Row

from .report_sheets import Picking

if TYPE_CHECKING:
    from teleread.dictation.devices import Device
    from teleread.tui.face import Face
    from teleread.workstation.microphone import Tried

    from .place import Place

__all__ = ["MicrophoneSheet", "open_microphone"]

CELLS: Final = 20
"""Cells of the level."""


async def open_microphone(face: Face, place: Place) -> None:
    """Ask which microphones there are, and lay the sheet; without a way to hear it is said in words."""
    running = getattr(face, "microphone", None)
    if running is not None and running.on:
        face.tell("The microphone is on: F4 first.", "warn")
        return
    speech = face.workstation.speech
    await asyncio.to_thread(speech.ready)
    way, known = await asyncio.to_thread(speech.microphones)
    now = str(face.setting("dictation_device", ""))
    sheet = MicrophoneSheet(way, known, now)

    def chosen(name: str | None) -> None:
        if name is not None and name != now:
            face.spawn(_keep(face, name), "settings")

    place.open_sheet(sheet, chosen)


async def _keep(face: Face, name: str) -> None:
    await face.calls.vault(face.workstation.set_setting, "dictation_device", name)
    face.tell(f"The microphone is {name or 'the system’s choice'} now.", "good")


class MicrophoneSheet(Picking[str]):
    """Microphones by name; Space listens to the one in focus, Enter takes it.

    Args:
        way: How sound comes in.
        known: The microphones that way knows.
        now: The one that is set; empty for the system's choice.
    """

    HINTS = (("w s", "choose"), ("Space", "try: say the phrase"), ("Enter", "take it"), ("Esc", "back"))
    IN_SIGHT = 6

    def __init__(self, way: str, known: Sequence[Device], now: str) -> None:
        super().__init__()
        self.way, self.now = way, now
        self.names = ["", *(one.name for one in known)]
        self.texts = ["the system's choice", *(str(one.text) for one in known)]
        if now and now not in self.names:
            self.names.append(now)
            self.texts.append(f"{now} (not there now)")
        self.at = self.names.index(now)
        self.level: float | None = None
        """Of the voice, decibels of full scale; None while nothing is listened to."""
        self.did: Tried | None = None
        self.trouble = ""

    def count(self) -> int:
        """A row a microphone."""
        return len(self.names)

    def wanted(self) -> int:
        """Heading, microphones, and four rows of what came."""
        return min(self.IN_SIGHT, self.count()) + 6

    def rows(self, width: int) -> Sequence[Row]:
        """Microphones, then the level and what was heard."""
        made = [self.heading("Microphone", width, f"by {self.way}"), *self.picked(width)]
        return [*made, *((self._line(*one), None) for one in self._told(max(20, width - 3)))]

    def draw(self, index: int, line: Line, width: int) -> Line:
        """One microphone."""
        line.put(fit(self.texts[index], max(10, width - 8)), "strong" if index == self.at else "text")
        return line.put("now" if self.names[index] == self.now else "", "soft")

    def _line(self, words: str, role: str) -> Line:
        return self.start().put(words, role)

    def _told(self, width: int) -> list[tuple[str, str]]:
        if self.level is not None:
            cells = filled(self.level, CELLS)
            bar = f"{'=' * cells}{'.' * (CELLS - cells)} {self.level:4.0f} dB"
            return [(f"{self.face.glyphs.online} {bar}", "voice"), (f"Say: “{self._phrase()}”", "strong")]
        if self.trouble:
            return [(part, "warn") for part in wrap(self.trouble, width)[:4]]
        if self.did is None:
            return [("Space listens; nothing of it is kept.", "soft")]
        did, glyphs = self.did, self.face.glyphs
        role, sign = ("good", glyphs.passes) if did.good else ("warn", glyphs.needs)
        words = " ".join(part for part in (f"{sign} {did.level}.", did.fault, did.remedy) if part)
        told = [(part, role) for part in wrap(words, width)[:3]]
        if did.text:
            told.append((fit(f"“{did.text}”", width).rstrip(), "strong"))
        return told

    @staticmethod
    def _phrase() -> str:
        from teleread.workstation.microphone import phrase

        return phrase()

    def do_sheet_act(self, key: str) -> None:
        """Listen to the microphone in focus."""
        if self.level is None:
            self.level, self.did, self.trouble = FLOOR, None, ""
            self.renew()
            self.face.spawn(self._try(self.names[self.at]), "microphone")

    async def _try(self, name: str) -> None:
        loop = asyncio.get_running_loop()

        def show(level: float) -> None:
            if self.done:  # the sheet is gone: so is what it listened for
                raise TelereadError("The microphone is off.", code="stopped")
            loop.call_soon_threadsafe(self._moved, level)

        try:
            self.did = await asyncio.to_thread(self.face.workstation.speech.try_microphone, name, show)
        except TelereadError as error:
            self.trouble = " ".join(part for part in (error.title, error.remedy) if part)
        self.level = None
        if self.is_mounted:
            self.renew()

    def _moved(self, level: float) -> None:
        if self.level is not None and self.is_mounted:
            self.level = level
            self.renew()

    def take_one(self) -> None:
        """This one from now on."""
        self.finish(self.names[self.at])
