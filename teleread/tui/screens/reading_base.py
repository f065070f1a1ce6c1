"""The reading screen as it looks and lives: pictures left, report right, who it is above both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Region

from teleread.model.report import Draft, Override
from teleread.tui.keeper import Keeper
from teleread.tui.pictures import Decoder
from teleread.tui.widgets.bars import HintBar, StatusLine, TopBar
from teleread.tui.widgets.casebars import IdentityRow, OrderRow, PriorsStrip
from teleread.tui.widgets.picture import PicturePane
from teleread.tui.widgets.picture_wall import PictureWall
from teleread.tui.widgets.report import ReportPane
from teleread.tui.widgets.strip import WIDTH as STRIP
from teleread.tui.widgets.strip import CaseStrip
from teleread.workstation.api import Case, WorklistItem

from .place import Place
from .sizes import FOOT_FROM, ORDER_FROM, PRIORS_FROM, THREE_PANES, TWO_PANES

__all__ = ["ReadingBase"]


class ReadingBase(Place):
    """A case being read.

    Args:
        case: The case as opened.
    """

    NAME = "Reading"
    CONTEXT = "P"
    _PICTURES = (
        "move.down",
        "pane.next",
        "dictate",
        "case.sign_next",
        "help.keys",
        "preset.n",
        "case.compare",
        "measure.length",
        "measure.list",
        "case.priors",
        "view.full",
        "field.next",
        "case.draft_next",
        "app.go",
    )
    _TEXT = (
        "text.pictures",
        "dictate",
        "field.next",
        "case.draft_next",
        "case.sign_next",
        "help.keys",
        "section.next",
        "text.undo",
        "case.sign",
    )
    WORDS: ClassVar[dict[str, str]] = {
        "move.down": "image",
        "preset.n": "window",
        "section.next": "section",
        "case.sign": "sign, stay",
        "text.undo": "undo",
    }

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.overrides: dict[str, Override] = {}
        self.in_report = False
        """Which of the two panes is in sight under 120 columns."""
        self.full = False
        self.keeper: Keeper
        self._own_decoder: Decoder | None = None
        self._wall = PictureWall(self._pane, id="pictures")
        if case.series:
            self._wall.panes[0].begin(case.series[self._largest(case)], case.item.study_uid)

    def compose(self) -> ComposeResult:
        """Rows 1 to 4, two panes, two rows."""
        shared = self.face
        yield TopBar(id="top")
        yield IdentityRow(id="identity")
        yield OrderRow(id="order")
        yield PriorsStrip(id="priors")
        with Horizontal(id="panes"):
            yield CaseStrip(id="cases")
            yield self._wall
            yield ReportPane(
                shared.keymap.bindings("T"),
                shared.keymap.normal_mode(),
                emacs=shared.keymap.preset == "emacs",
                id="report",
            )
        yield StatusLine(id="status")
        yield HintBar(id="hints")

    @property
    def wall(self) -> PictureWall:
        """All panes of pictures."""
        return self._wall

    @property
    def pictures(self) -> PicturePane:
        """The pane of pictures in use."""
        return self.wall.current

    @property
    def report(self) -> ReportPane:
        """The report."""
        return self.query_one(ReportPane)

    def on_mount(self) -> None:
        """Show the case; the pictures have the keys."""
        self.keeper = Keeper(self.face, self.report, self._show_standing, self.draft_taken, self.checked)
        self.lay_out(self.app.size.width, self.app.size.height)
        self.focus_on(self.pictures)
        self.show_case(self.case, first=True)

    # -- what is shown ----------------------------------------------------------------------------
    def show_case(self, case: Case, *, first: bool = False) -> None:
        """Show a case, or the same one as it is now."""
        self.case = case
        for row in self.query("IdentityRow, OrderRow, PriorsStrip"):
            row.show(case)  # type: ignore[attr-defined] # all three are rows about one case
        if first or self._grown(case):
            self.show_pictures(case, first=first)
        if case.draft is not None and (self.keeper.draft is None or self.keeper.draft.id != case.draft.id):
            self.keeper.take(case.draft, self.title_of(case.draft), writable=case.draft_writable)
            if not case.draft_writable:
                self.face.tell(
                    "Another window holds this draft. Here it is read only; i takes it over.", "warn"
                )
        elif case.draft is None and self.keeper.draft is None:
            self.report.notice = self._notice(case)
            self.report.refresh()
        self._show_standing()

    def _notice(self, case: Case) -> str:
        words = {
            "signed": "Your report is signed, not issued. g o shows it in the outbox.",
            "issued": "Your report is issued. g r shows it, and begins an addendum.",
            "needs_attention": "Your report needs you. g o shows it in the outbox.",
        }
        return words.get(case.item.report_state or "", "No report is begun. i begins one.")

    def _grown(self, case: Case) -> bool:
        shown = self.wall.panes[0].series
        return sum(len(one.instances) for one in shown) != sum(len(one.instances) for one in case.series)

    def show_pictures(self, case: Case, *, first: bool) -> None:
        """Bring the series of the case into the first pane."""
        at = self._largest(case) if first else None
        self.wall.panes[0].show_series(case.series, at, study_uid=case.item.study_uid)

    @staticmethod
    def _largest(case: Case) -> int:
        sizes = [len(one.instances) for one in case.series]
        return sizes.index(max(sizes)) if sizes else 0

    def _show_standing(self) -> None:
        line = self.query_one(StatusLine)
        draft = self.keeper.draft
        if draft is None:
            line.standing = ((self._notice(self.case), "soft"),)
            line.right = ()
            return
        section = self.report.buffer
        label = section.labels[section.section] if section.labels else ""
        line.standing = ((f"{label}", "soft"),)
        words = self.keeper.saved_words
        line.right = ((words, "good"),) if words else (("saving …", "soft"),)

    def show_status(self) -> None:
        """The bars, and the banner that depends on them."""
        super().show_status()
        self._draw_times()

    def tick(self) -> None:
        """Time left goes on."""
        super().tick()
        self._draw_times()

    def _draw_times(self) -> None:
        for row in self.query("IdentityRow, OrderRow, CaseStrip"):
            row.refresh()

    def on_case_strip_picked(self, message: CaseStrip.Picked) -> None:
        """A case of the strip was clicked."""
        self.face.spawn(self.face.open_case(message.item), "next")

    # -- shape ------------------------------------------------------------------------------------
    def on_resize(self, event: events.Resize) -> None:
        """Panes by width, rows by height; image, window, cursor and scroll stay."""
        super().on_resize(event)
        if self.is_mounted:  # a terminal may change its size before the screen is composed
            self.lay_out(event.size.width, event.size.height)

    def lay_out(self, width: int, height: int) -> None:
        """Choose what is in sight."""
        two = width >= TWO_PANES and not self.full
        three = two and width >= THREE_PANES
        strip = self.query_one(CaseStrip)
        strip.display = three
        if three:
            strip.show(list(self.neighbours()), self.case.item.key)
        self.query_one(PriorsStrip).display = height >= PRIORS_FROM and not self.full
        self.query_one(OrderRow).display = height >= ORDER_FROM and not self.full
        self.query_one(IdentityRow).carries_order = height < ORDER_FROM and not self.full
        pictures, report = self.wall, self.report
        report.has_foot = height >= FOOT_FROM
        in_sight = two or self.full or not self.in_report
        if pictures.display and not in_sight:
            pictures.wipe()
        pictures.display = in_sight
        report.display = two or (self.in_report and not self.full)
        if two:
            share = min(80, max(54, round(width * 0.44)))
            report.styles.width = share
            pictures.styles.width = width - share - 1 - (STRIP + 1 if three else 0)
            pictures.styles.margin = (0, 1, 0, 0)
        else:
            report.styles.width = pictures.styles.width = "1fr"
            pictures.styles.margin = (0, 0, 0, 0)

    def look_at_report(self, *, focus: bool = True) -> None:
        """Bring the report into sight, and the keys to it."""
        self.full = False
        self.in_report = True
        self.lay_out(self.size.width, self.size.height)
        if focus:
            self.focus_on(self.report)
            self.report.typing()

    def look_at_pictures(self) -> None:
        """Bring the pictures into sight, and the keys to them."""
        self.in_report = False
        self.lay_out(self.size.width, self.size.height)
        self.focus_on(self.pictures)

    def hints(self) -> tuple[str, ...]:
        """By the pane in focus."""
        return self._TEXT if self.context == "T" else self._PICTURES

    def sheet_region(self, rows: int) -> Region:
        """Over the report; in one pane over the rows below who it is, the picture's last rows at most."""
        width, height = self.size
        if width >= TWO_PANES and not self.full:
            region = self.report.region
            rows = min(rows, region.height)
            return Region(region.x, region.bottom - rows, region.width, rows)
        most = height - 4 if self.in_report else min(12, height - 6)
        rows = min(rows, most)
        return Region(0, height - 1 - rows, width, rows)

    # -- pictures ---------------------------------------------------------------------------------
    def _pane(self, slot: int) -> PicturePane:
        shared = self.face
        return PicturePane(shared.keymap.bindings("P"), self._decoder, self._read, shared.graphics, slot)

    def _decoder(self) -> Decoder:
        if self._own_decoder is None:
            factory = getattr(self.app, "decoder_factory", None)
            if factory is not None:
                self._own_decoder = factory()
            else:
                from teleread.imaging.decode import DecodePool

                self._own_decoder = DecodePool()
        assert self._own_decoder is not None
        return self._own_decoder

    def _read(self, study_uid: str, sop_uid: str) -> bytes:
        return self.face.workstation.instance_bytes(self.case.item.key.hub_id, study_uid, sop_uid)

    # -- writing ----------------------------------------------------------------------------------
    def draft_taken(self) -> None:
        """A draft is shown."""

    def checked(self) -> None:
        """The rules have run."""

    def on_report_pane_edited(self) -> None:
        """A key was typed."""
        self.keeper.edited()
        self._show_standing()

    def on_report_pane_wanted(self, message: ReportPane.Wanted) -> None:
        """A key of the vim preset's normal mode."""
        self.face.act(message.action)

    def on_report_pane_refused(self) -> None:
        """A key where nothing can be written."""
        if self.keeper.draft is None:
            self.face.spawn(self.begin_report(), "report")
        else:
            self.face.tell("This draft is read only here. Esc, then i takes it over.", "warn")

    # -- the report -------------------------------------------------------------------------------
    async def begin_report(self, *, take_over: bool = False, template_id: str | None = None) -> None:
        """Begin a report, or go on with the draft that is there.

        Args:
            take_over: Take the draft over from another window.
            template_id: The template to begin with; None lets the procedure choose.
        """
        station, calls = self.face.workstation, self.face.calls
        if self.case.item.report_state in {"signed", "issued"} and self.keeper.draft is None:
            self.look_at_report()
            self.face.tell("This case is reported. g r shows the report and begins an addendum.", "soft")
            return
        if take_over and self.keeper.draft is not None:
            draft = await calls.vault(station.take_draft, self.keeper.draft.id)
            self.face.tell("The draft is yours again; the other window can only read it now.", "text")
        else:
            draft = await calls.vault(station.start_draft, self.case.item.key, template_id)
        self.keeper.take(draft, self.title_of(draft), writable=True)
        self.look_at_report()
        self.face.wake()

    def title_of(self, draft: Draft) -> str:
        """What kind of report: its template; addendum; a second opinion or a correction by its template."""
        if draft.kind == "addendum":
            return "addendum"
        kind = {"opinion": "second opinion, ", "correction": "correction, "}.get(draft.kind, "")
        for template in self.face.workstation.templates():
            if template.id == draft.template_id:
                self.report.template = template
                return f"{kind}{template.title}"
        return f"{kind}{draft.template_id}"

    async def gone(self, words: str) -> None:
        """There is no open draft any more."""
        self.keeper.draft = None
        self.keeper.checks, self.overrides = (), {}
        self.report.forget()
        self.look_at_pictures()
        if words:
            self.face.tell(words, "good")
        self.face.wake()
        await self.reload()

    # -- life -------------------------------------------------------------------------------------
    def item(self) -> WorklistItem:
        """The open case."""
        return self.case.item

    def neighbours(self) -> Iterator[WorklistItem]:
        """Rows of the worklist as they stand."""
        for screen in self.app.screen_stack:
            rows: Any = getattr(screen, "neighbours", None)
            if screen is not self and rows is not None:
                yield from rows()
                return

    def data_moved(self) -> None:
        """The worklist was read anew: take what concerns this case."""
        strip = self.query_one(CaseStrip)
        if strip.display:
            strip.show(list(self.neighbours()), self.case.item.key)
        now = next((one for one in self.face.items if one.key == self.case.item.key), None)
        if now is not None and now != self.case.item and not self.face.workstation.locked():
            self.face.spawn(self.reload(), "case")

    async def reload(self) -> None:
        """Read the case anew from the vault."""
        case = await self.face.calls.vault(self.face.workstation.open_case, self.case.item.key)
        if self.is_mounted:
            self.show_case(case)
            self.keeper.check_soon()

    async def leave(self) -> None:
        """Write what is held, let go of the draft and the pictures."""
        await self.keeper.let_go()
        self._close_pictures()

    async def before_lock(self) -> None:
        """Everything on disk, no picture in memory."""
        await self.keeper.flush()
        self.close_all_sheets()
        self._close_pictures()

    def _close_pictures(self) -> None:
        self.wall.cover()
        if self._own_decoder is not None:
            self._own_decoder.close()
            self._own_decoder = None

    def on_unmount(self) -> None:
        """However the screen went: no decoder stays behind."""
        if self._own_decoder is not None:
            self._own_decoder.close()
            self._own_decoder = None

    def after_unlock(self) -> None:
        """The same case again."""
        self.wall.uncover()
        self.face.spawn(self.reload(), "case")
