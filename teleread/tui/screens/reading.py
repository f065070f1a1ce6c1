"""The reading screen: what the reader does there, one method an action."""

from __future__ import annotations

from teleread.workstation.api import WorklistItem

from .reading_pictures import ReadingPictures
from .reading_signing import ReadingSigning
from .sheet import Sheet

__all__ = ["Reading"]


class Reading(ReadingSigning, ReadingPictures):
    """A case being read: what each action does."""

    # -- panes ------------------------------------------------------------------------------------
    def do_pane_next(self, key: str) -> None:
        """The next pane of pictures, behind the last the report; from there back to the pictures."""
        if self.context == "T":
            self.look_at_pictures()
        elif not self.turn_to(1):
            self.do_report_enter(key)

    def do_pane_previous(self, key: str) -> None:
        """The pane before."""
        if self.context == "T":
            self.look_at_pictures()
        elif not self.turn_to(-1):
            self.do_report_enter(key)

    def do_text_pictures(self, key: str) -> None:
        """Hands to the pictures."""
        self.look_at_pictures()

    def do_report_enter(self, key: str) -> None:
        """The cursor into the report; begins one, or takes one over, where that is wanted."""
        keeper = self.keeper
        if keeper.draft is not None and not keeper.stale:
            self.look_at_report()
            return
        self.face.spawn(self.begin_report(take_over=keeper.draft is not None), "report")

    # -- sheets -----------------------------------------------------------------------------------
    def do_case_order(self, key: str) -> None:
        """Order, question, contacts, and the comparison of order and images."""
        from .case_sheets import OrderSheet

        self.open_sheet(OrderSheet(self.case), self._order_answered)

    def _order_answered(self, answer: str | None) -> None:
        if answer != "identity":
            return
        if self.keeper.draft is None or self.keeper.stale:
            self.face.tell("Begin the report first; the reason is frozen into it.", "warn")
            return
        from .sign import IdentitySheet

        self._over_report(IdentitySheet(self))

    def do_case_priors(self, key: str) -> None:
        """Priors: why each, fetch, read."""
        from .case_sheets import PriorsSheet

        self.open_sheet(PriorsSheet(self.case), self._prior_answered)

    def _prior_answered(self, answer: tuple[str, int] | None) -> None:
        if answer is None:
            return
        from .case_sheets import PriorReportSheet

        what, index = answer
        prior = self.case.priors[index]
        if what == "fetch":
            self.face.tell("Fetching that prior.", "soft")
            hub_id = self.case.item.key.hub_id
            self.face.fetch_study(hub_id, prior.study_uid)
        elif what == "compare":
            self.face.spawn(self.compare(prior.study_uid), "compare")
        else:
            self.open_sheet(PriorReportSheet(prior))

    def on_priors_strip_opened(self) -> None:
        """The strip was clicked."""
        self.do_case_priors("")

    def do_case_discard(self, key: str) -> None:
        """The discard sheet."""
        if self.keeper.draft is None:
            self.face.tell("There is no draft to discard.", "soft")
            return
        from .sign import DiscardSheet

        self._over_report(DiscardSheet(self))

    def _over_report(self, sheet: Sheet[bool]) -> None:
        """Lay a sheet over the report; where nothing happens the keys go back to where they were."""
        from_pictures = self.context == "P"
        self.look_at_report()

        def answered(done: bool | None) -> None:
            if not done and from_pictures:
                self.look_at_pictures()

        self.open_sheet(sheet, answered)

    # -- going on ---------------------------------------------------------------------------------
    async def go_on(self, step: int) -> None:
        """Open the next case, or the one before; the draft is kept."""
        target = self.neighbour(step)
        if target is None:
            self.face.tell("No other case waits in this list.", "soft")
            return
        await self.face.open_case(target)

    def neighbour(self, step: int) -> WorklistItem | None:
        """The next case to read in the list as it stands, or the one before; None for none."""
        rows = list(self.neighbours())
        keys = [one.key for one in rows]
        here = keys.index(self.case.item.key) if self.case.item.key in keys else -1
        order = (
            rows[here + 1 :] + rows[: max(here, 0)]
            if step > 0
            else rows[:here][::-1] + rows[here + 1 :][::-1]
        )
        done = {"signed", "issued"}
        return next(
            (
                one
                for one in order
                if one.key != self.case.item.key
                and one.report_state not in done
                and (one.signable or one.mine)
            ),
            None,
        )

    def do_case_next(self, key: str) -> None:
        """The next case."""
        self.face.spawn(self.go_on(1), "next")

    def do_case_previous(self, key: str) -> None:
        """The case before."""
        self.face.spawn(self.go_on(-1), "next")

    def do_case_draft_next(self, key: str) -> None:
        """Keep the draft and go on."""
        if self.keeper.draft is not None:
            self.face.tell("The draft is kept.", "good")
        self.do_case_next(key)
