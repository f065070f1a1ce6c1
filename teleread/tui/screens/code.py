"""Sheets that do what can't be undone: they ask for something only this patient has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.geometry import Region
from textual.timer import Timer
from textual.widget import Widget

from teleread.model.text import clean
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.words import person

from .ask import AskText
from .sheet import Sheet

__all__ = ["CodeSheet", "Question", "ReasonSheet"]

DEAF_SECONDS: Final = 0.3
"""What is typed in the first moment was meant for what was there before."""
LONGEST_DELAY: Final = 1.1
"""Seconds of silence after which a key can't be the first repeat of a held one: no keyboard waits as long."""
SETTLE_SECONDS: Final = 0.6
"""Silence that shows the same digit was pressed anew: a held key goes on, at the slowest twice a second."""
LATE_SECONDS: Final = 0.15
"""Last part of that silence, begun when all before it is over: time for keys that were held up."""
TRIES: Final = 3
_ORDINALS: Final = ("last", "first", "second", "third", "fourth")


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

    @classmethod
    def of_identity(cls, birth_date: str, accession: str) -> Question:
        """The question where nothing is signed: day of birth, else the accession's last two digits."""
        if len(birth_date) == 10:
            return cls.of("day", birth_date[8:10], birth_date, "")
        return cls.of("accession", "".join(char for char in accession if char.isdigit())[-2:], birth_date, "")


class CodeSheet(Sheet[bool]):
    """A title, rows, perhaps the PIN, and boxes for digits; the last right digit acts, nothing else does.

    Args:
        title: What it does.
        name: The patient's name (DICOM PN).
        question: What the boxes ask.
        needs_pin: Ask the PIN above the boxes.
        pin_word: ``PIN`` or ``passphrase``.
    """

    ACTS = "Acts"
    """What the last digit does, one word."""
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
        self._last_key = -LONGEST_DELAY
        self._last_digit = ""
        self._pending = ""
        """The same digit again, not believed yet: it may be a finger that stays on the key."""
        self._held = False
        self._settling: Timer | None = None

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
        return self.query_one("#pin", Entry) if self._asks_pin() else self

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
        shown = self.typed + self._pending
        if self.question.answer:
            for index in range(len(self.question.answer)):
                if not open_:
                    boxes.put("[··]", "soft").gap()
                elif index < len(shown):
                    sure = index < len(self.typed)
                    boxes.put(f"[{shown[index]}]", "strong" if sure else "soft", on="select", bold=sure).gap()
                else:
                    cursor = index == len(shown)
                    boxes.put(f"[{self.face.glyphs.cursor if cursor else ' '}]", "strong", on="select").gap()
        last = self.why_closed() if not self.ready() else self._last_words()
        return [
            self.then_words(),
            (boxes, None),
            (self.start().put(fit(last, width - 2), "warn" if not open_ else "soft"), None),
        ]

    def _last_words(self) -> str:
        if self.needs_pin and not self.pin:
            return f"Type the {self.pin_word}, then Enter; Enter alone does nothing."
        if not self.question.answer:
            return "Esc: nothing is lost."
        if self._held:
            return "A key held down counts once. Press each digit by itself."
        return f"{self.ACTS} at the {_ORDINALS[len(self.question.answer)]} digit. Esc: nothing is lost."

    # -- keys -------------------------------------------------------------------------------------
    def do_sheet_code(self, key: str) -> None:
        """A digit into the boxes.

        A terminal tells no key's release, so the same digit again may be a finger that stays on the key. It
        is believed when something else was pressed between, when it comes later than any keyboard's first
        repeat, or when silence follows it.
        """
        now = self.face.clock.monotonic()
        again = key == self._last_digit
        gap, self._last_key, self._last_digit = now - self._last_key, now, key
        if not self._listens(now):
            return
        if not again:
            self._take_pending()
            self._take(key)
        elif self._pending or (self._held and gap < SETTLE_SECONDS):
            self._forget_pending()
            self._held = True
        elif gap < LONGEST_DELAY:
            self._pending = key
            self._settling = self.set_timer(SETTLE_SECONDS - LATE_SECONDS, self._almost)
        else:
            self._take(key)
        self.renew()

    def _listens(self, now: float) -> bool:
        deaf = now - self._opened_at < DEAF_SECONDS or self.working or not self.question.answer
        return not deaf and self.ready() and (bool(self.pin) or not self.needs_pin)

    def _take(self, key: str) -> None:
        self._held = False
        if self.working or len(self.typed) >= len(self.question.answer):
            return
        self.typed += key
        if len(self.typed) == len(self.question.answer):
            self._judge()

    def _almost(self) -> None:
        """Silence so far; keys that wait in a queue, because this program was busy, are still let in."""
        self._settling = self.set_timer(LATE_SECONDS, self._take_pending)

    def _take_pending(self) -> None:
        key = self._forget_pending()
        if key and not self.done and self._listens(self.face.clock.monotonic()):
            self._take(key)
            self.renew()

    def _forget_pending(self) -> str:
        key, self._pending = self._pending, ""
        if self._settling is not None:
            self._settling.stop()
            self._settling = None
        return key

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

    def on_click(self, event: events.Click) -> None:
        """A click does nothing, and takes the keys from nobody: the PIN that is asked keeps them."""
        super().on_click(event)
        self.to_pin()

    def focus_on_click(self) -> bool:
        """A click takes the keys not even for a moment: a digit typed right behind it would be lost."""
        return not self._asks_pin()

    def _asks_pin(self) -> bool:
        return self.needs_pin and not self.pin and self.ready()

    def to_pin(self) -> None:
        """All is settled: the keys go to the PIN, if one is asked."""
        if self._asks_pin():
            self.screen.set_focus(self.query_one("#pin", Entry), scroll_visible=False)

    async def _on_key(self, event: events.Key) -> None:
        if event.key in {"pageup", "pagedown"}:
            event.stop()
            self.query_one("#rows", Lines).scroll_rows(-5 if event.key == "pageup" else 5)

    def ruled(self, title: str, width: int, note: str = "", role: str = "soft") -> Row:
        """A heading inside the sheet."""
        line = Line(self.face.look, "raised").gap()
        return line.rule(title, width - 2, note, glyph=self.face.glyphs.rule, note_role=role), None


class ReasonSheet(CodeSheet):
    """A sheet whose boxes open once a reason is given; Enter asks for it.

    Args:
        title: What it does.
        name: The patient's name (DICOM PN).
        question: What the boxes ask.
        asks: (heading, question) of the reason.
    """

    HINTS = (("Enter", "say why"), ("0-9", "day of birth"), ("Esc", "back"))
    NOT_SAID = "Not said yet. Enter writes it."
    CLOSED = "Enter: say why. Esc: nothing happens."

    def __init__(self, title: str, name: str, question: Question, asks: tuple[str, str]) -> None:
        super().__init__(title, name, question)
        self.asks = asks
        self.reason = ""

    def reason_rows(self, heading: str, width: int) -> list[Row]:
        """The reason under its heading, or how it is given."""
        role = "strong" if self.reason else "soft"
        parts = wrap(self.reason or self.NOT_SAID, width - 3)
        return [self.ruled(heading, width), *((self.start().put(part, role), None) for part in parts)]

    def ready(self) -> bool:
        """A reason is given."""
        return bool(self.reason)

    def why_closed(self) -> str:
        """How to go on."""
        return self.CLOSED

    def do_sheet_ok(self, key: str) -> None:
        """Enter asks the reason."""
        self.under.open_sheet(AskText(*self.asks, start=self.reason), self._said)

    def _said(self, reason: str | None) -> None:
        if reason:
            self.reason = str(clean(reason))
        self.renew()
