"""The reading screen's acts: signing, an unsigned reading, a second opinion, who is named beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from teleread.model.errors import UsageError
from teleread.model.report import Draft

from .reading_editor import ReadingEditor

if TYPE_CHECKING:
    from .reading import Reading

__all__ = ["ReadingSigning"]


class ReadingSigning(ReadingEditor):
    """What makes a report of a draft, one method an action."""

    # -- signing ----------------------------------------------------------------------------------
    def do_case_sign_next(self, key: str) -> None:
        """The sign sheet, then the next case."""
        self.face.spawn(self._sign(then_next=True), "sign")

    def do_case_sign(self, key: str) -> None:
        """The sign sheet, then stay."""
        self.face.spawn(self._sign(then_next=False), "sign")

    async def _sign(self, *, then_next: bool) -> None:
        from .sign import SignSheetView

        draft = await self._to_sign()
        if draft is not None:
            sheet = await self._sheet_of(self.face.workstation.sign_sheet, draft)
            self.look_at_report()
            self.open_sheet(SignSheetView(cast("Reading", self), sheet, then_next=then_next))

    async def _sheet_of(self, call: Any, draft: Draft) -> Any:
        return await self.face.calls.vault(call, draft.id, tuple(self.overrides.values()))

    async def _to_sign(self) -> Draft | None:
        """The draft, everything said written and checked; None, and why in words, where nothing is signed."""
        if self.keeper.draft is None:
            self.face.tell("Nothing to sign: no report is begun. i begins one.", "warn")
            return None
        if self.case.match.stops and "identity-checked" not in self.overrides:
            way = "Esc, then o" if self.context == "T" else "o"
            self.face.tell(f"STOP. Signing is off. {way} shows what was compared.", "danger")
            return None
        if not await self.words_in():
            return None
        await self.keeper.check()
        return self.keeper.draft

    # -- an unsigned reading ----------------------------------------------------------------------
    def do_case_unsigned(self, key: str) -> None:
        """The sheet that sends the draft out as an unsigned reading."""
        self.face.spawn(self._send_unsigned(), "sign")

    async def _send_unsigned(self) -> None:
        from .acts import UnsignedSheet

        draft = self.keeper.draft
        if draft is not None and draft.kind != "report":
            self.face.tell("Only a first report goes out unsigned. F8 signs this one.", "warn")
            return
        draft = await self._to_sign()
        if draft is not None:
            sheet = await self._sheet_of(self.face.workstation.writing.unsigned_sheet, draft)
            self.look_at_report()
            self.open_sheet(UnsignedSheet(cast("Reading", self), sheet))

    # -- a second opinion -------------------------------------------------------------------------
    def do_case_opinion(self, key: str) -> None:
        """Ask whether a second opinion is meant, then begin one."""
        from .acts import ask_opinion

        draft = self.keeper.draft
        if draft is not None and draft.kind == "opinion":
            self.look_at_report()
            self.face.tell("This is your second opinion.", "soft")
        elif draft is not None:
            self.face.tell("A report is begun here: sign or discard it first, then give an opinion.", "warn")
        else:
            ask_opinion(self, lambda: self.face.spawn(self._begin_opinion(), "report"))

    async def _begin_opinion(self) -> None:
        draft = await self.face.calls.vault(self.face.workstation.writing.opinion, self.case.item.key)
        self.keeper.take(draft, self.title_of(draft), writable=True)
        self.look_at_report()
        self.face.wake()

    # -- who is named beside ----------------------------------------------------------------------
    def do_report_beside(self, key: str) -> None:
        """Trainee and supervisor: named, and taken away again."""
        from .acts import BesideSheet

        if self._draft is not None:
            self.look_at_report()
            self.open_sheet(BesideSheet(self))

    async def name_beside(self, role: str, words: str) -> None:
        """Name somebody.

        Args:
            role: ``trainee`` or ``supervisor``.
            words: The name; behind a semicolon their reference at the hub.

        Raises:
            UsageError: There is no name.
        """
        name, _, person = (part.strip() for part in words.partition(";"))
        if not name:
            raise UsageError("Somebody named beside you has a name.", "Nobody was named.")
        await self.keeper.note(self.face.workstation.writing.name_beside, name, role, person)

    async def unname_beside(self, name: str) -> None:
        """Take one of those named away again."""
        await self.keeper.note(self.face.workstation.writing.unname_beside, name)
