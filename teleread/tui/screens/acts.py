"""Sheets of the acts beside signing: an unsigned reading, a second opinion, who is named beside."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import events

from teleread.model.evidence import CoSigner
from teleread.model.report import Override, SignedReport
from teleread.signing.acts import cosigners_in
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.lines import Row
from teleread.tui.words import clock
from teleread.workstation.api import SignSheet

from .ask import AskText, Choose
from .place import Place
from .report_sheets import Picking
from .sign import SignSheetView

if TYPE_CHECKING:
    from .reading import Reading
    from .reading_signing import ReadingSigning

__all__ = ["BesideSheet", "UnsignedSheet", "ask_opinion"]


def ask_opinion(place: Place, then: Callable[[], object]) -> None:
    """Ask whether a second opinion is meant: begun by a slip it would leave the case unreported.

    Args:
        place: The screen it is asked on.
        then: What to do where it is.
    """
    words = ("No: back to the case", "Yes: begin one; the task stays as it is")

    def answered(chosen: int | None) -> None:
        if chosen == 1:
            then()

    sheet = Choose("A second opinion, a report of its own", words)
    sheet.now = -1  # neither is the case now
    place.open_sheet(sheet, answered)


class UnsignedSheet(SignSheetView):
    """Sends the draft out as an unsigned reading; it stays a draft.

    Args:
        reading: The screen it lies on.
        sheet: What it shows.
    """

    ACT = "Send"
    ACTS = "Sends"
    HINTS = (("0-9", "day of birth"), ("w s", "checks"), ("Enter", "say why"), ("Esc", "back to the report"))
    TELLS: ClassVar[Mapping[str, str]] = {
        "report": "Unsigned: the hub shows it as partial, and the task stays open. Nobody stands for it yet."
    }

    def __init__(self, reading: Reading, sheet: SignSheet) -> None:
        super().__init__(reading, sheet, then_next=False)

    def do_pane_next(self, key: str) -> None:
        """Tab: there is nothing to change, the draft stays."""

    def then_words(self) -> Row:
        """What an unsigned reading is."""
        return self.start().put("The draft stays open. F8 makes it the signed report.", "soft"), None

    async def _read(self, overrides: tuple[Override, ...]) -> SignSheet:
        writing = self.face.workstation.writing
        return await self.face.calls.vault(writing.unsigned_sheet, self.sheet.draft.id, overrides)

    async def _sign(self, overrides: tuple[Override, ...]) -> SignedReport:
        writing, draft = self.face.workstation.writing, self.sheet.draft
        return await self.face.calls.vault(writing.send_unsigned, draft.id, overrides, pin=self.pin or None)

    async def _signed(self, report: SignedReport) -> None:
        self.finish(True)
        words = f"Unsigned reading {clock(report.signed_at)}, not issued. It goes by itself; the draft stays."
        self.face.tell(words, "good")
        self.face.wake()


class BesideSheet(Picking[None]):
    """Those named beside the reader; 1 names a trainee, 2 a supervisor, x takes the one in focus away.

    Args:
        reading: The screen whose draft it is.
    """

    HINTS = (
        ("1", "trainee"),
        ("2", "supervisor"),
        ("w s", "choose"),
        ("x", "take away"),
        ("Esc", "back"),
    )
    ROLES: Final = {"1": "trainee", "2": "supervisor"}

    def __init__(self, reading: ReadingSigning) -> None:
        super().__init__()
        self.reading = reading

    @property
    def people(self) -> tuple[CoSigner, ...]:
        """Those named, trainees first."""
        draft = self.reading.keeper.draft
        return cosigners_in(draft.fields) if draft is not None else ()

    def count(self) -> int:
        """A row a person."""
        return len(self.people)

    def wanted(self) -> int:
        """The list, and what its keys do."""
        return super().wanted() + 2

    def rows(self, width: int) -> Sequence[Row]:
        """The reader's own line is not among them: who signs is always named."""
        made: list[Row] = [self.heading("Beside you", width, "named in every form"), *self.picked(width)]
        if not self.people:
            made.append((self.start().put("Nobody is named beside you.", "soft"), None))
        words = "You sign. A trainee or a supervisor is told to the hub beside you, not in your place."
        return [*made, *((self.start().put(part, "soft"), None) for part in wrap(words, width - 3))]

    def draw(self, index: int, line: Line, width: int) -> Line:
        """Role, name, reference."""
        one = self.people[index]
        line.put(fit(one.role, 12), "soft").put(str(one.name), "strong").gap(2)
        return line.put(fit(one.id, max(0, width - line.width - 2)).rstrip(), "soft")

    def do_sheet_code(self, key: str) -> None:
        """1 names a trainee, 2 a supervisor."""
        role = self.ROLES.get(key)
        if role is None:
            return

        def said(words: str | None) -> None:
            if words:
                self._do(self.reading.name_beside(role, words))

        asks = "Name; behind a semicolon their reference at the hub, where you know it."
        self.under.open_sheet(AskText(f"A {role} beside you", asks), said)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "x" and self.people:
            event.stop()
            self._do(self.reading.unname_beside(str(self.people[self.at].name)))
            return
        await super()._on_key(event)

    def _do(self, act: Coroutine[Any, Any, None]) -> None:
        async def done() -> None:
            await act
            self.at = min(self.at, max(0, self.count() - 1))
            if self.is_mounted and not self.done:
                self.settle()
                self.renew()

        self.face.spawn(done(), "beside")
