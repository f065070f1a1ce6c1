"""Sheets that do what can't be undone: they ask for something only this patient has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.geometry import Region
from textual.widget import Widget

from teleread.tui.paint import Line
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.words import person

from .sheet import Sheet

__all__ = ["CodeSheet", "Question"]

DEAF_SECONDS: Final = 0.3
"""What is typed in the first moment was meant for what was there before."""
REPEAT_SECONDS: Final = 0.08
"""The same key twice within this is one finger that stays: auto-repeat."""
TRIES: Final = 3


class Question:
    """What the boxes ask, and the answer.

    Args:
        label: Words before the boxes.
        answer: The digits expected; empty where only the PIN is asked.
    """

    def __init__(self, label: str, answer: str) -> None:
        self.label = label
        self.answer = answer

    @classmethod
    def of(cls, challenge: str, answer: str, birth_date: str, last: str) -> Question:
        """The question for a patient.

        Args:
            challenge: ``day``, ``accession`` or ``pin``, as the workstation says.
            answer: Its answer.
            birth_date: ISO date.
            last: Day that the patient signed before this one was born; asks for more where it is the same.
        """
        if challenge == "day" and answer == last and len(birth_date) == 10:
            return cls("Day and month this patient was born, ddmm", birth_date[8:10] + birth_date[5:7])
        labels = {
            "day": "Day of the month this patient was born",
            "accession": "Last two digits of the accession number",
            "pin": "The PIN signs",
        }
        return cls(labels.get(challenge, labels["pin"]), answer)


class CodeSheet(Sheet[bool]):
    """A title, rows, perhaps the PIN, and boxes for digits; the last right digit acts, nothing else does.

    Args:
        title: What it does.
        name: The patient's name (DICOM PN).
        question: What the boxes ask.
        needs_pin: Ask the PIN above the boxes.
        pin_word: ``PIN`` or ``passphrase``.
    """

    HINTS: tuple[tuple[str, str], ...] = (
        ("0-9", "day of birth"),
        ("w s", "choose"),
        ("Enter", "say why"),
        ("Esc", "back to the report"),
    )

    def __init__(
        self, title: str, name: str, question: Question, *, needs_pin: bool = False, pin_word: str = "PIN"
    ) -> None:
        super().__init__()
        self.title_words = title
        self.patient = name
        self.question = question
        self.needs_pin = needs_pin
        self.pin_word = pin_word
        self.pin = ""
        self.typed = ""
        self.wrong = 0
        self.working = False
        self.top_at = 0
        self._opened_at = 0.0
        self._last_key = 0.0
        self._last_digit = ""

    def parts(self) -> Sequence[Widget]:
        """Rows that scroll, the PIN, the boxes."""
        pin = Entry(f"{self.pin_word[:1].upper()}{self.pin_word[1:]}", ground="raised", secret=True, id="pin")
        pin.display = self.needs_pin
        foot = Lines(self._foot, edge=True, ground="raised", id="foot")
        foot.styles.height = 3
        return [Lines(self.rows, edge=True, ground="raised", id="rows"), pin, foot]

    def on_mount(self) -> None:
        """Deaf for a moment."""
        super().on_mount()
        self._opened_at = self.face.clock.monotonic()

    def first_focus(self) -> Widget:
        """The sheet; the PIN once everything else is settled."""
        if self.needs_pin and not self.pin and self.ready():
            return self.query_one("#pin", Entry)
        return self

    def region_wanted(self) -> Region:
        """The whole report pane; in one pane everything below who it is."""
        return self.under.sheet_region(100)

    # -- what subclasses say ----------------------------------------------------------------------
    def ready(self) -> bool:
        """Whether the boxes are open."""
        return True

    def why_closed(self) -> str:
        """Words, while they are not."""
        return ""

    def then_words(self) -> Row:
        """The row above the boxes."""
        return self.start(), None

    async def act_now(self) -> None:
        """Do it; errors are told and leave the sheet open."""

    # -- drawing ----------------------------------------------------------------------------------
    def title_rows(self, width: int, note: str) -> list[Row]:
        """The sheet's first two rows."""
        right = self.start().put(note, "soft").gap()
        who = self.start().put(person(self.patient), "strong", bold=True)
        if self.face.demo:
            who.put(" DEMO", "warn", bold=True)
        return [(self.start().put(self.title_words, "strong", bold=True), right), (who, None)]

    def _foot(self, width: int) -> Sequence[Row]:
        boxes = self.start().put(f"{self.question.label}  ", "strong", bold=True)
        open_ = self.ready() and (not self.needs_pin or bool(self.pin))
        if self.question.answer:
            for index in range(len(self.question.answer)):
                if not open_:
                    boxes.put("[··]", "soft").gap()
                elif index < len(self.typed):
                    boxes.put(f"[{self.typed[index]}]", "strong", on="select", bold=True).gap()
                else:
                    cursor = index == len(self.typed)
                    boxes.put(f"[{self.face.glyphs.cursor if cursor else ' '}]", "strong", on="select").gap()
        last = self.why_closed() if not self.ready() else self._last_words()
        return [
            self.then_words(),
            (boxes, None),
            (self.start().put(last, "warn" if not open_ else "soft"), None),
        ]

    def _last_words(self) -> str:
        if self.needs_pin and not self.pin:
            return f"Type the {self.pin_word}, then Enter; Enter alone does nothing."
        if not self.question.answer:
            return "Esc: nothing is lost."
        return "Acts at the last digit. Esc: nothing is lost."

    # -- keys -------------------------------------------------------------------------------------
    def do_sheet_code(self, key: str) -> None:
        """A digit into the boxes."""
        now = self.face.clock.monotonic()
        held = key == self._last_digit and now - self._last_key < REPEAT_SECONDS
        too_soon = held or now - self._opened_at < DEAF_SECONDS
        self._last_key, self._last_digit = now, key
        if too_soon or self.working or not self.ready() or not self.question.answer:
            return
        if self.needs_pin and not self.pin:
            return
        self.typed += key
        if len(self.typed) == len(self.question.answer):
            self._judge()
        self.renew()

    def _judge(self) -> None:
        if self.typed == self.question.answer:
            self.working = True
            self.face.spawn(self._act(), "sheet-act")
            return
        self.typed = ""
        self.wrong += 1
        self.face.tell("That is not what the top line says. Nothing was done.", "warn")
        if self.wrong >= TRIES:
            self.finish(None)

    async def _act(self) -> None:
        try:
            await self.act_now()
        finally:
            self.working = False
            self.typed = ""
            if self.is_mounted and not self.done:
                self.renew()

    def ask_pin_again(self) -> None:
        """The PIN was wrong."""
        self.pin = ""
        entry = self.query_one("#pin", Entry)
        entry.display = True
        entry.set("")
        self.needs_pin = True
        self.screen.set_focus(entry, scroll_visible=False)

    def on_entry_submitted(self, message: Entry.Submitted) -> None:
        """The PIN is typed; it is proved when the sheet acts."""
        message.stop()
        now = self.face.clock.monotonic()
        if message.entry.value and now - self._opened_at >= DEAF_SECONDS:
            self.pin = message.entry.value
            message.entry.set("")
            message.entry.display = False
            self.screen.set_focus(self, scroll_visible=False)
            self.renew()
            if not self.question.answer and self.ready():
                self.working = True
                self.face.spawn(self._act(), "sheet-act")

    def on_entry_left(self, message: Entry.Left) -> None:
        """Escape in the PIN closes the sheet."""
        message.stop()
        self.finish(None)

    def to_pin(self) -> None:
        """All is settled: the keys go to the PIN, if one is asked."""
        if self.needs_pin and not self.pin and self.ready():
            self.screen.set_focus(self.query_one("#pin", Entry), scroll_visible=False)

    async def _on_key(self, event: events.Key) -> None:
        if event.key in {"pageup", "pagedown"}:
            event.stop()
            self.query_one("#rows", Lines).scroll_rows(-5 if event.key == "pageup" else 5)

    def ruled(self, title: str, width: int, note: str = "", role: str = "soft") -> Row:
        """A heading inside the sheet."""
        line = Line(self.face.look, "raised").gap()
        return line.rule(title, width - 2, note, glyph=self.face.glyphs.rule, note_role=role), None
