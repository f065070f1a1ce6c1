"""Withdrawing a signed report: why, who was told, then the proof that a signature asks."""

from __future__ import annotations

from collections.abc import Sequence

from teleread.model.errors import LockedError
from teleread.model.text import clean
from teleread.tui.paint import wrap
from teleread.tui.widgets.lines import Row
from teleread.workstation.api import SignSheet

from .code import CodeSheet, Question

__all__ = ["WithdrawSheet"]


class WithdrawSheet(CodeSheet):
    """What is taken back, why, and the boxes; nothing was signed while they are empty.

    Args:
        name: The patient's name as signed (DICOM PN).
        birth_date: As signed, ISO.
        sheet: The withdrawal's draft as the sign sheet shows it.
        reason: Why.
        told: Who was told.
    """

    ACTS = "Withdraws"
    HINTS = (("0-9", "day of birth"), ("Esc", "nothing is withdrawn"))

    def __init__(self, name: str, birth_date: str, sheet: SignSheet, reason: str, told: str) -> None:
        super().__init__(
            "Withdraw this report",
            name,
            Question.of(sheet.challenge, sheet.answer, birth_date, ""),
            needs_pin=sheet.needs_pin,
            pin_word="passphrase" if sheet.pin_is_passphrase else "PIN",
        )
        self.sheet = sheet
        self.said = (("Why", reason), ("Told", told))

    def rows(self, width: int) -> Sequence[Row]:
        """Who, what it says, why it goes."""
        made = self.title_rows(width, "the text stays readable, marked as withdrawn")
        made.append(self.ruled("Impression", width, "as it was signed"))
        words = self.sheet.impression or "(empty)"
        made += [(self.start().put(part), None) for part in wrap(words, width - 3)]
        for label, text in self.said:
            made.append(self.ruled(label, width))
            made += [(self.start().put(part, "strong"), None) for part in wrap(str(clean(text)), width - 3)]
        for check in self.sheet.checks:
            made += [(self.start().put(part, "danger"), None) for part in wrap(str(check.text), width - 3)]
        return made

    def ready(self) -> bool:
        """Nobody forbids it."""
        return not any(one.blocking for one in self.sheet.checks)

    def why_closed(self) -> str:
        """What forbids it."""
        return str(next(one.text for one in self.sheet.checks if one.blocking))

    async def act_now(self) -> None:
        """Sign the withdrawal: one transaction."""
        station = self.face.workstation
        try:
            await self.face.calls.vault(station.sign, self.sheet.draft.id, (), pin=self.pin or None)
        except LockedError as error:
            self.face.tell(str(error), "danger")
            self.ask_pin_again()
            return
        self.finish(True)
        self.face.tell("Withdrawn here, not yet at the hub. It goes by itself.", "warn")
        self.face.wake()
