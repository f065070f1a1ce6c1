"""The sign sheet, and those that ask the same proof: discard, identity checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events

from teleread.model.errors import LockedError
from teleread.model.report import IDENTITY_CHECKED, Check, Override, SignedReport
from teleread.model.text import clean
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.widgets.report_drawing import check_sign
from teleread.tui.words import born, clock, person
from teleread.workstation.api import SignSheet
from teleread.workstation.speech import DICTATED_FIELD

from .ask import AskText
from .code import CodeSheet, Question, ReasonSheet

if TYPE_CHECKING:
    from .reading import Reading

__all__ = ["DiscardSheet", "IdentitySheet", "SignSheetView"]


def _question(reading: Reading, sheet: SignSheet | None = None) -> Question:
    item = reading.case.item
    last, other = reading.face.last_day, reading.face.last_key != item.key
    if sheet is not None:
        return Question.of(sheet.challenge, sheet.answer, item.birth_date, last if other else "")
    return Question.of_identity(item.birth_date, item.accession)


class SignSheetView(CodeSheet):
    """What leaves, what must be settled, and the day of birth that signs.

    Args:
        reading: The screen it lies on.
        sheet: What it shows.
        then_next: Open the next case afterwards.
    """

    ACT = "Sign"
    """The title's first word."""
    ACTS = "Signs"
    TELLS: ClassVar[Mapping[str, str]] = {
        "opinion": "A report of its own: whatever else was reported stays, and the task as it is.",
        "correction": "The corrected text takes the place of what was signed, and names it.",
    }
    """Kind of draft to a row that says what its signature does."""
    HINTS: tuple[tuple[str, str], ...] = (
        ("0-9", "day of birth"),
        ("w s", "checks"),
        ("Enter", "say why"),
        ("Tab", "next or stay"),
        ("Esc", "back to the report"),
    )

    def __init__(self, reading: Reading, sheet: SignSheet, *, then_next: bool) -> None:
        super().__init__(
            f"{self.ACT}  {sheet.title}",
            reading.case.item.name,
            _question(reading, sheet),
            needs_pin=sheet.needs_pin,
            pin_word="passphrase" if sheet.pin_is_passphrase else "PIN",
        )
        self.reading = reading
        self.sheet = sheet
        self.then_next = then_next
        self.at = 0

    # -- what must be settled ---------------------------------------------------------------------
    def open_checks(self) -> list[Check]:
        """Checks without a reason that keep the boxes closed."""
        return [
            one
            for one in self.sheet.checks
            if one.severity in {"stop", "block", "warn"} and not self._reason(one)
        ]

    def _reason(self, check: Check) -> str:
        found = self.reading.overrides.get(check.override)
        return str(found.reason) if found is not None else ""

    def ready(self) -> bool:
        """Everything is settled."""
        return not self.open_checks()

    def why_closed(self) -> str:
        """How to go on."""
        left = self.open_checks()
        never = next((one for one in left if not one.override), None)
        if never is not None:
            return str(never.text)
        count = len(left)
        return f"{count} to settle: Enter says why, Esc goes back and mends."

    def do_sheet_ok(self, key: str) -> None:
        """Enter on a check asks the reason."""
        checks = list(self.sheet.checks)
        if not checks:
            return
        one = checks[self.at]
        if one.severity == "stop":
            self.face.tell("A STOP is lifted on its own sheet: Esc, o, i.", "warn")
            return
        if not one.override:
            self.face.tell(f"{one.text} No reason lifts that.", "warn")
            return

        def said(reason: str | None) -> None:
            if reason:
                self.reading.overrides[one.id] = Override(one.id, clean(reason))
            self.face.spawn(self._renew_sheet(), "sheet")

        self.under.open_sheet(AskText("Why", str(one.text)), said)

    async def _renew_sheet(self) -> None:
        overrides = tuple(self.reading.overrides.values())
        self.sheet = await self._read(overrides)
        left = self.open_checks()
        if left:
            self.at = list(self.sheet.checks).index(left[0])
        self.renew()
        self.to_pin()

    async def _read(self, overrides: tuple[Override, ...]) -> SignSheet:
        station = self.face.workstation
        return await self.face.calls.vault(station.sign_sheet, self.sheet.draft.id, overrides)

    def do_pane_next(self, key: str) -> None:
        """Tab: next case, or stay."""
        self.then_next = not self.then_next
        self.renew()

    async def _on_key(self, event: events.Key) -> None:
        steps = {"w": -1, "up": -1, "s": 1, "down": 1}
        if event.key in steps and self.sheet.checks:
            event.stop()
            event.prevent_default()
            self.at = min(max(self.at + steps[event.key], 0), len(self.sheet.checks) - 1)
            self.renew()
        else:
            await super()._on_key(event)

    # -- drawing ----------------------------------------------------------------------------------
    def rows(self, width: int) -> Sequence[Row]:
        """Who, what leaves, sides, checks, delivery."""
        case, sheet = self.reading.case, self.sheet
        item = case.item
        made = self.title_rows(width, "nothing is sent yet")
        made[1][0].gap(3).put(f"{item.sex} born {born(item.birth_date) or 'unknown'}", "text")
        facts = "   ".join(part for part in (item.procedure, item.accession, str(sheet.hub)) if part)
        made.append((self.start().put(fit(facts, width - 3).rstrip(), "soft"), None))
        made += self._act_rows(width)
        made.append(self.ruled("Impression", width, "as it will read"))
        words = sheet.impression or "(empty)"
        made += [(self.start().put(part), None) for part in wrap(words, width - 3)]
        order_side = f"order says {sheet.order_side}" if sheet.order_side else "order names none"
        made.append(self.ruled("Sides", width, order_side))
        made += [(self.start().put(fit(one, width - 3).rstrip(), "side"), None) for one in sheet.sides[:4]]
        made += self._spoken_rows(width)
        made += self._check_rows(width)
        made.append(self.ruled("Delivery", width, self._hub_words(), "good" if sheet.hub_online else "warn"))
        made.append((self.start().put(self._leaves()), None))
        return made

    def _act_rows(self, width: int) -> list[Row]:
        """What this act is where it is no plain report, and who is named beside the reader."""
        told = [(part, "warn") for part in wrap(self.TELLS.get(self.sheet.draft.kind, ""), width - 3) if part]
        if self.sheet.beside:
            words = f"Named beside you: {', '.join(map(str, self.sheet.beside))}"
            told += [(part, "strong") for part in wrap(words, width - 3)]
        return [(self.start().put(part, role), None) for part, role in told]

    def _spoken_rows(self, width: int) -> list[Row]:
        """Of a dictated report the denials and numbers too: what a wrong word turns round."""
        if DICTATED_FIELD not in self.sheet.draft.fields:
            return []
        from teleread.tui.widgets.prose import marks_of

        found: dict[str, list[str]] = {"no": [], "number": []}
        for section in self.sheet.draft.sections:
            text = str(section.text)
            for start, end, kind in marks_of(text):
                if kind in found:
                    more = text[end:].split(".")[0].split()[:3] if kind == "no" else []
                    found[kind].append(" ".join((text[start:end], *more)))
        words = "   ".join((*found["no"], *found["number"])) or "none"
        made = [self.ruled("Denials and numbers", width, "dictated: read them")]
        return made + [(self.start().put(part), None) for part in wrap(words, width - 3)[:4]]

    def _check_rows(self, width: int) -> list[Row]:
        left = len(self.open_checks())
        note = f"{left} to settle" if left else "all settled"
        made = [self.ruled("Checks", width, note, "danger" if left else "good")]
        glyphs, case = self.face.glyphs, self.reading.case
        if case.match.level == "ok":
            made += self._passed("order, report and images are of one patient and study", width)
        if case.item.cached == "all":
            made += self._passed(
                f"{case.item.held} of {case.item.instances or case.item.held} images here", width
            )
        lines = self.query_one("#rows", Lines)
        for index, one in enumerate(self.sheet.checks):
            reason = self._reason(one)
            sign, role = (glyphs.overridden, "warn") if reason else check_sign(one, lines)
            line = Line(self.face.look, "select" if index == self.at else "raised").gap()
            line.put(f"{sign}  ", role, bold=True)
            right = Line(self.face.look, "select" if index == self.at else "raised")
            if reason:
                right.put(fit(f"your reason: {reason}", 34).rstrip(), "soft").gap()
            line.put(fit(one.text, width - line.width - right.width - 2).rstrip())
            made.append((line, right if right.width else None))
        return made

    def _passed(self, words: str, width: int) -> list[Row]:
        """A check that found nothing, on as many rows as it needs: cut, it would tell half of it."""
        mark = f"{self.face.glyphs.passes}  "
        made: list[Row] = []
        for part in wrap(words, width - 3 - len(mark)):
            line = self.start().gap(len(mark)) if made else self.start().put(mark, "good")
            made.append((line.put(part), None))
        return made

    def _hub_words(self) -> str:
        glyphs = self.face.glyphs
        sign = glyphs.online if self.sheet.hub_online else glyphs.offline
        return f"{sign} {self.sheet.hub} {'online' if self.sheet.hub_online else 'offline'}"

    def _leaves(self) -> str:
        if self.sheet.undo_minutes:
            return f"Kept here {self.sheet.undo_minutes} min first: u in the outbox takes the signature back."
        if self.sheet.hub_online:
            return "It leaves at once, by itself."
        return "It waits here, sealed, and leaves by itself when the hub is back."

    def then_words(self) -> Row:
        """Next case or stay."""
        line = self.start().put("Then ")
        for word, chosen in (("next case", self.then_next), ("stay here", not self.then_next)):
            line.put(
                f"[{word}]" if chosen else f" {word} ", "strong" if chosen else "soft", bold=chosen
            ).gap()
        return line.put(" Tab changes", "soft"), None

    # -- signing ----------------------------------------------------------------------------------
    async def act_now(self) -> None:
        """Sign: one transaction. Then the next case, or stay."""
        reading = self.reading
        await reading.keeper.flush()
        try:
            report = await self._sign(tuple(reading.overrides.values()))
        except LockedError as error:
            self.face.tell(str(error), "danger")
            self.ask_pin_again()
            return
        self.face.last_day, self.face.last_key = self.question.answer[:2], reading.case.item.key
        await self._signed(report)

    async def _sign(self, overrides: tuple[Override, ...]) -> SignedReport:
        station, draft = self.face.workstation, self.sheet.draft
        return await self.face.calls.vault(station.sign, draft.id, overrides, pin=self.pin or None)

    async def _signed(self, report: SignedReport) -> None:
        reading = self.reading
        reading.keeper.draft = None
        self.finish(True)
        words = f"Signed {clock(report.signed_at)}, not issued. It goes by itself."
        target = reading.neighbour(1) if self.then_next else None
        if target is not None:
            await self.face.open_case(target)
            self.face.tell(f"{words} Next: {person(target.name, demo=self.face.demo)}.", "good")
        else:
            await reading.gone(words + (" No other case waits in this list." if self.then_next else ""))
        self.face.wake()


class IdentitySheet(ReasonSheet):
    """Lifts a STOP: what was compared with what, a reason, and the patient's own number.

    The PIN is asked when the report is signed; the reason is frozen into it and told to the hub.
    """

    HINTS = (("Enter", "say how"), ("0-9", "day of birth"), ("Esc", "back"))
    CLOSED = "Enter: say how identity was checked. Esc: nothing happens."

    def __init__(self, reading: Reading) -> None:
        asks = ("Identity", "How do you know these images are of this patient?")
        super().__init__("Identity checked", reading.case.item.name, _question(reading), asks)
        self.reading = reading

    def rows(self, width: int) -> Sequence[Row]:
        """The comparison, and the reason."""
        made = self.title_rows(width, "it goes into the report")
        made.append(self.ruled("What differs", width, "STOP", "danger"))
        for one in self.reading.case.match.findings:
            role = "danger" if one.level == "stop" else "soft"
            made += [(self.start().put(part, role), None) for part in wrap(one.text, width - 3)]
        return made + self.reason_rows("How identity was checked", width)

    async def act_now(self) -> None:
        """Keep the reason for the signature."""
        self.reading.overrides[IDENTITY_CHECKED] = Override(IDENTITY_CHECKED, clean(self.reason))
        self.finish(True)
        self.face.tell("Noted. F8 signs now, with the PIN; the reason is frozen into the report.", "warn")


class DiscardSheet(ReasonSheet):
    """Puts a draft into the trash, with a reason."""

    def __init__(self, reading: Reading) -> None:
        asks = ("Why", "Why is this draft discarded?")
        super().__init__("Discard this draft", reading.case.item.name, _question(reading), asks)
        self.reading = reading

    def rows(self, width: int) -> Sequence[Row]:
        """What goes, and why."""
        made = self.title_rows(width, "to the trash; nothing is deleted")
        buffer = self.reading.report.buffer
        for text, label in zip(buffer.texts, buffer.labels, strict=True):
            if text.strip():
                line = self.start().put(f"{label}: ", "soft")
                made.append((line.put(fit(" ".join(text.split()), width - line.width - 3).rstrip()), None))
        return made + self.reason_rows("Why", width)

    async def act_now(self) -> None:
        """Into the trash."""
        reading = self.reading
        draft = reading.keeper.draft
        assert draft is not None
        await reading.keeper.flush()
        await self.face.calls.vault(self.face.workstation.discard_draft, draft.id, self.reason)
        self.finish(True)
        await reading.gone("Discarded to the trash. The text is kept there.")
