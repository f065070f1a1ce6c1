"""The reading screen's measurements, key images and other cuts: kept, listed, put into the report."""

from __future__ import annotations

import asyncio

from teleread.model.picture_marks import KEY_IMAGE, PictureMark
from teleread.model.study import StudyKey
from teleread.model.text import clean
from teleread.tui.cuts import SLABS, Slab, build, own_plane, planes_after
from teleread.tui.widgets.picture import PicturePane
from teleread.tui.widgets.picture_tools import joined, key_image, measured

from .reading_panes import ReadingPanes

__all__ = ["ReadingMeasures"]


class ReadingMeasures(ReadingPanes):
    """What is measured on pictures, and what becomes of it."""

    # -- measurements and key images --------------------------------------------------------------
    def on_picture_pane_drawn(self, message: PicturePane.Drawn) -> None:
        """All points are set: what it measures is kept."""
        pane, points = message.pane, message.points
        frame, shot, series = pane.picture(), pane.shot_shown, pane.current_series
        if frame is None or shot is None or series is None:
            return
        before = joined(points, pane.marks_here()) if message.kind == "length" else None
        whole = (*before.points, *points) if before is not None else points
        key = StudyKey(self.case.item.key.hub_id, pane.study_uid)
        mark = measured(message.kind, whole, frame, shot, key, series.number)
        self.face.spawn(self._keep(mark, before), "marks", exclusive=False)

    async def _keep(self, mark: PictureMark, instead: PictureMark | None = None) -> None:
        calls, station = self.face.calls, self.face.workstation
        await calls.vault(station.keep_mark, mark)
        if instead is not None:
            await calls.vault(station.drop_mark, instead.id)
        await self._read_marks(mark.study.study_uid)
        by = f", by {mark.calibration}" if mark.calibration else ""
        said = f"Key image: {mark.words}" if mark.kind == KEY_IMAGE else f"{mark.words}{by}"
        self.face.tell(f"{said}. m puts it into the report.", "good")

    def do_image_key(self, key: str) -> None:
        """Mark the image in sight, or take its mark away."""
        pane = self.pictures
        shot, series = pane.shot_shown, pane.current_series
        if shot is None or series is None or shot.cut:
            self.face.tell("A key image is an image as it was taken.", "soft")
            return
        old = next((one for one in pane.marks_here() if one.kind == KEY_IMAGE), None)
        if old is not None:
            self.face.spawn(self._forget(old), "marks", exclusive=False)
            return
        study = StudyKey(self.case.item.key.hub_id, pane.study_uid)
        self.face.spawn(self._keep(key_image(shot, study, series.number)), "marks", exclusive=False)

    async def _forget(self, mark: PictureMark) -> None:
        await self.face.calls.vault(self.face.workstation.drop_mark, mark.id)
        await self._read_marks(mark.study.study_uid)

    def do_measure_list(self, key: str) -> None:
        """The list; Enter puts one into the report."""
        self.face.spawn(self._list_measures(), "marks", exclusive=False)

    async def _list_measures(self) -> None:
        from .measures import MeasuresSheet

        await self._read_marks(self.case.item.study_uid)
        if self.prior_uid:
            await self._read_marks(self.prior_uid)
        now = self.marks.get(str(self.case.item.study_uid), ())
        earlier = [one for one in self.marks.get(self.prior_uid, ()) if one.kind != KEY_IMAGE]
        text = "\n".join(self.report.buffer.texts)
        study = StudyKey(self.case.item.key.hub_id, str(self.case.item.study_uid))
        told = await self.face.calls.vault(self.face.workstation.writing.told_by_reports, study)
        sheet = MeasuresSheet(
            now, earlier, text, lambda mark: self.face.spawn(self._forget(mark), "forget"), told
        )
        self.open_sheet(sheet, self._into_report)

    def _into_report(self, words: str | None) -> None:
        if words:
            self.face.spawn(self._insert(words), "report")

    async def _insert(self, words: str) -> None:
        """Put words where the report's cursor stands; the pictures keep the keys."""
        pane, full = self.pictures, self.full
        if self.keeper.draft is None or self.keeper.stale:
            await self.begin_report(take_over=self.keeper.draft is not None)
        if self.keeper.draft is None or self.keeper.stale:
            return
        buffer = self.report.buffer
        ahead = buffer.text[: buffer.at]
        blank = "" if buffer.selection is not None or not ahead or ahead[-1].isspace() else " "
        self.report.write(f"{blank}{words}")
        self.full = full
        self.look_at_pictures()
        self.focus_on(pane)
        label = buffer.labels[buffer.section]
        self.face.tell(f"In the report, {label}: {clean(words)}", "good")

    # -- other cuts -------------------------------------------------------------------------------
    def do_view_plane(self, key: str) -> None:
        """Axial, coronal, sagittal, as taken."""
        pane = self.pictures
        own = own_plane(pane.taken())
        now = pane.cuts.plane if pane.cuts is not None else ""
        target = planes_after(own, "" if now == own else now)
        slab = pane.cuts.slab if pane.cuts is not None else Slab()
        self.face.spawn(self._cut(pane, target, slab), "cut")

    def do_view_slab(self, key: str) -> None:
        """Single cuts, then slabs of several kinds."""
        pane = self.pictures
        now = pane.cuts.slab if pane.cuts is not None else Slab()
        slab = SLABS[(SLABS.index(now) + 1) % len(SLABS)]
        own = own_plane(pane.taken())
        plane = pane.cuts.plane if pane.cuts is not None else own
        self.face.spawn(self._cut(pane, "" if not slab.mm and plane == own else plane, slab), "cut")

    async def _cut(self, pane: PicturePane, plane: str, slab: Slab) -> None:
        pane.put_away()
        if not plane:
            pane.show_taken()
            return
        volume = None
        if not pane.has_volume():
            pane.tell_note(("putting the series together", "soft"))
            shots, uid, series = pane.taken(), pane.study_uid, pane.current_series
            try:
                volume = await asyncio.to_thread(
                    build, self._decoder(), shots, lambda sop_uid: self._read(uid, sop_uid)
                )
            finally:
                pane.tell_note(("", "soft"))
            if not self.is_mounted or pane.covered or pane.current_series is not series:
                volume.close()
                return
        warning = volume.warning if volume is not None else ""
        said = (f"{plane} {slab.words}".strip(), str(warning))
        pane.cut_words = (", ".join(one for one in said if one), "accent")
        pane.show_cuts(volume, plane, slab)
        self.wall.localise()
