"""The reading screen's panes: what hangs where, now and prior, what was measured, other cuts."""

from __future__ import annotations

from typing import Any, Final

from teleread.model.hanging import LAYOUTS
from teleread.model.picture_marks import PictureMark
from teleread.model.study import StudyKey
from teleread.tui.widgets.picture import PicturePane
from teleread.tui.widgets.picture_stack import PictureStack
from teleread.tui.widgets.picture_wall import most_tiles, shape_of
from teleread.tui.words import day
from teleread.workstation.api import PriorView
from teleread.workstation.picture_api import Hung

from .reading_base import ReadingBase
from .sheet import Sheet, T
from .sizes import TWO_PANES

__all__ = ["ReadingPanes"]

LEAST: Final = 60
"""Columns a pane needs to be opened by a rule without being asked for."""


class ReadingPanes(ReadingBase):
    """Panes of pictures, and what is known of the studies in them."""

    _BESIDE = (
        "move.down",
        "case.compare",
        "measure.length",
        "image.key",
        "measure.list",
        "view.yoke",
        "view.layout",
        "zoom.in",
        "dictate",
        "pane.next",
        "preset.n",
        "help.keys",
    )
    """Pictures beside each other."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.hung: Hung | None = None
        """What opens where; None until the first picture is drawn."""
        self.marks: dict[str, tuple[PictureMark, ...]] = {}
        """Study Instance UID to its measurements and key images."""
        self._learning = False

    # -- after the first picture ------------------------------------------------------------------
    def on_picture_stack_shown(self, message: PictureStack.Shown) -> None:
        """The first picture is drawn: now the rules, the marks and the rejections may be looked up."""
        message.stop()
        if not self._learning:
            self._learning = True
            self.face.spawn(self._learn_of_pictures(), "hanging")

    async def _learn_of_pictures(self) -> None:
        calls, station, key = self.face.calls, self.face.workstation, self.case.item.key
        await self._read_marks(self.case.item.study_uid)
        hung = await calls.vault(station.hung, key)
        hidden = await calls.vault(station.rejected_images, key.hub_id, str(self.case.item.study_uid))
        if not self.is_mounted:
            return
        self.hung = hung
        if hidden:
            self.wall.panes[0].hide(frozenset(hidden))
            words = next(iter(hidden.values()))
            self.face.tell(f"{len(hidden)} images are not shown: {words}.", "warn")
        if hung.note:
            self.face.tell(str(hung.note), "warn")
        self._hang(hung)

    def _hang(self, hung: Hung) -> None:
        """Open what the rule wants where there is room for it; else its first pane alone."""
        pane, tiles = self.wall.panes[0], hung.hanging.tiles
        if not tiles or pane.touched or self.wall.layout_of > 1:
            return
        self._fill(pane, tiles[0].study, tiles[0].series_uid, tiles[0].window)
        across, _ = shape_of(hung.hanging.layout)
        most = most_tiles(self.size.width, graphic=pane.painter.graphic)
        if (
            hung.hanging.layout > 1
            and self.wall.size.width // across >= LEAST
            and hung.hanging.layout <= most
        ):
            self.show_layout(hung.hanging.layout)
        self.wall.yoked = hung.hanging.link or hung.hanging.layout == 1

    def _fill(self, pane: PicturePane, study: str, series_uid: str, window: str = "") -> None:
        """Show a series of the study or of its prior in a pane."""
        from teleread.imaging.presets import NAMED

        current = study == "current"
        series = self.case.series if current or self.hung is None else self.hung.prior_series
        uid = str(self.case.item.study_uid) if current else self.prior_uid
        at = next((index for index, one in enumerate(series) if one.series_uid == series_uid), 0)
        if pane.study_uid != uid or pane.series_at != at or not pane.series:
            pane.show_series(series, at, study_uid=uid)
        if window in NAMED:
            pane.look_at(window=NAMED[window], word=window)
        pane.marks = self.marks.get(uid, ())

    @property
    def prior_uid(self) -> str:
        """Study Instance UID of the prior that is compared with; empty for none."""
        return self.hung.prior.study_uid if self.hung is not None and self.hung.prior is not None else ""

    def hints(self) -> tuple[str, ...]:
        """By the pane in focus, and by how many there are."""
        beside = self.context == "P" and self.wall.layout_of > 1
        return self._BESIDE if beside else super().hints()

    # -- how many panes ---------------------------------------------------------------------------
    def turn_to(self, step: int) -> bool:
        """Turn to the pane beside the one in use; whether there is one."""
        pane = self.wall.next_pane(step)
        if pane is not None:
            self.wall.use(pane)
            self.focus_on(pane)
        return pane is not None

    def on_picture_pane_full(self) -> None:
        """A double click fills the screen."""
        self.face.act("view.full")

    def do_view_layout(self, key: str) -> None:
        """1, 2, 4, 6 panes, as many as the screen takes."""
        most = most_tiles(self.size.width, graphic=self.pictures.painter.graphic)
        sizes = [one for one in LAYOUTS if one <= most]
        now = self.wall.layout_of
        self.show_layout(sizes[(sizes.index(now) + 1) % len(sizes)] if now in sizes else 1)

    def show_layout(self, tiles: int) -> None:
        """Have so many panes, each with a series: as the rule says, then what is not shown yet."""
        before = self.wall.layout_of
        self.wall.show_tiles(tiles)
        wanted = (
            [(one.study, one.series_uid, one.window) for one in self.hung.hanging.tiles] if self.hung else []
        )
        rest = [("current", one.series_uid, "") for one in self.case.series] or [("current", "", "")]
        if self.hung is not None and self.hung.prior is not None:
            rest += [("prior", one.series_uid, "") for one in self.hung.prior_series]
        shown = {
            (one.current_series.series_uid if one.current_series else "") for one in self.wall.panes[:before]
        }
        queue = [one for one in (*wanted, *rest) if one[1] not in shown]
        queue = list({one[1]: one for one in reversed(queue)}.values())[::-1]
        for pane in self.wall.panes[before:tiles]:
            self._fill(pane, *(queue.pop(0) if queue else rest[0]))
        self._titles()
        self.wall.follow(self.pictures)
        self.focus_on(self.pictures)
        self.show_hints()

    def _titles(self) -> None:
        prior = self.hung.prior if self.hung is not None else None
        mixed = prior is not None and any(one.study_uid == self.prior_uid for one in self.wall.shown)
        for pane in self.wall.shown:
            if not mixed or prior is None:
                pane.title = ()
            elif pane.study_uid == prior.study_uid:
                pane.title = (("Prior", "warn"), (self._when(prior), "soft"))
            else:
                pane.title = (("Now", "strong"),)
            pane.refresh()

    def _when(self, prior: PriorView) -> str:
        now = self.case.context.study.started if self.case.context.study else None
        if prior.date is None:
            return ""
        days = f", {abs((now - prior.date).days)} days ago" if now is not None else ""
        return f"{day(prior.date, short=True)}{days}"

    def do_case_compare(self, key: str) -> None:
        """Beside the prior on the whole screen, and back."""
        if self.comparing and self.full:
            self.wall.at = 0
            self.show_layout(1)
            self.full = False
            self.lay_out(self.size.width, self.size.height)
            self.focus_on(self.pictures)
            return
        self.face.spawn(self.compare(), "compare")

    @property
    def comparing(self) -> bool:
        """Now and prior stand side by side."""
        uids = {pane.study_uid for pane in self.wall.shown}
        return len(uids) > 1

    async def compare(self, prior_uid: str = "") -> None:
        """Put the prior beside the study.

        Args:
            prior_uid: Which; empty for the most relevant one of which images are here.
        """
        if self.hung is None or (prior_uid and prior_uid != self.prior_uid):
            key = self.case.item.key
            self.hung = await self.face.calls.vault(self.face.workstation.hung, key, prior_uid)
        if self.hung.prior is None or not self.hung.prior_series:
            self.face.tell(
                "No prior of which images are here. p lists them; F fetches the one chosen.", "soft"
            )
            return
        await self._read_marks(self.prior_uid)
        self.full, self.in_report = True, False
        self.lay_out(self.size.width, self.size.height)
        self.wall.at = 0
        self.wall.show_tiles(2)
        now, then = self.wall.panes[:2]
        if now.study_uid == self.prior_uid:
            self._fill(now, "current", self.case.series[self._largest(self.case)].series_uid)
        self._fill(then, "prior", self._matching(now))
        then.look_at(window=now.view.window, word=now.view.word)
        self._titles()
        self.wall.yoked = True
        self.wall.follow(now)
        self.focus_on(now)
        self.show_hints()

    def _matching(self, pane: PicturePane) -> str:
        """The prior's series that is most like the one in a pane: same plane, name, then size."""
        from teleread.workstation.hanging import facts_of

        assert self.hung is not None
        series = pane.current_series
        facts = [facts_of(one) for one in self.hung.prior_series]
        if series is None:
            return max(facts, key=lambda one: one.images).series_uid
        mine = facts_of(series)
        words = set(mine.description.casefold().split())
        return max(
            facts,
            key=lambda one: (
                one.modality == mine.modality,
                one.plane == mine.plane,
                len(words & set(one.description.casefold().split())),
                one.images,
            ),
        ).series_uid

    def do_view_yoke(self, key: str) -> None:
        """Tie the panes as they stand, or untie them."""
        if self.wall.layout_of < 2:
            self.face.tell("There is one pane. c puts the prior beside it.", "soft")
            return
        self.face.tell(self.wall.toggle_yoke(), "soft")

    def do_view_localiser(self, key: str) -> None:
        """Lines of other panes' planes, on or off."""
        self.wall.localising = not self.wall.localising
        self.wall.localise()
        self.face.tell("Lines on." if self.wall.localising else "Lines off.", "soft")

    def do_view_why(self, key: str) -> None:
        """Why the pictures hang as they do."""
        words = str(self.hung.hanging.why) if self.hung is not None else "The rules are not read yet."
        self.face.tell(words, "soft")

    # -- marks -----------------------------------------------------------------------------------
    async def _read_marks(self, study_uid: str) -> None:
        uid = str(study_uid)
        if uid:
            key = StudyKey(self.case.item.key.hub_id, uid)
            self.marks[uid] = await self.face.calls.vault(self.face.workstation.picture_marks, key)
            self._show_marks()

    def _show_marks(self) -> None:
        for pane in self.wall.panes:
            found = self.marks.get(pane.study_uid, ())
            if found != pane.marks:
                pane.marks = found
                pane.repaint()

    # -- what lies on the panes -------------------------------------------------------------------
    def open_sheet(self, sheet: Sheet[T], answered: Any = None) -> None:
        """Lay a sheet on this screen; graphics below it are drawn in cells meanwhile."""
        super().open_sheet(sheet, answered)
        self._under_sheets()

    def close_sheet(self, sheet: Sheet[T], answer: T | None) -> None:
        """Take a sheet away."""
        super().close_sheet(sheet, answer)
        self._under_sheets()

    def _under_sheets(self) -> None:
        beside = self.size.width >= TWO_PANES and not self.full
        self.wall.renew_painters(plain=bool(self.sheets) and not beside)
