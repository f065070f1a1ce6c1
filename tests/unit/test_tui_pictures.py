"""Pictures on the reading screen: panes, tools, marks, and what goes into the report."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest

from teleread.imaging.frames import CannotShow, Frame, Window
from teleread.imaging.objects import Document, Line, ReadObject
from teleread.model.study import StudyKey
from teleread.model.text import SafeText, clean
from tests.unit import tui_fake
from tests.unit.test_tui_screens import Driver, Walk
from tests.unit.test_tui_screens import walk as plain_walk

SIZE = (160, 50)
REPORT = (Line(0, clean("Findings")), Line(1, clean("Diameter"), clean("9 mm")))


class Decoder:
    """Every object is a CT slice of 100 x 100 mm whose values grow to the right."""

    def decode(
        self,
        data: bytes | memoryview,
        frame: int = 1,
        *,
        timeout: float = 10.0,
        key: str = "",
        reduce: int = 0,
    ) -> Frame | CannotShow:
        name = bytes(data).decode()
        place = float(name.rsplit(".", 1)[1])
        pixels = np.tile(np.arange(100, dtype=np.int16) * 10 - 500, (100, 1))
        return Frame(
            pixels,
            100,
            100,
            bits_stored=16,
            signed=True,
            windows=(Window(0.0, 1000.0),),
            modality=SafeText("CT"),
            pixel_spacing=(1.0, 1.0),
            spacing_kind=SafeText("PixelSpacing"),
            position=(0.0, 0.0, -312.5 + 5 * place),
            orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
            frame_of_reference=clean("1.2.3.4"),
            sop_uid=clean(name),
        )

    def decode_many(self, objects: Any, *, timeout: float = 10.0) -> list[Frame | CannotShow]:
        return [self.decode(one) for one in objects]

    def read(self, data: bytes | memoryview, *, timeout: float = 10.0, key: str = "") -> ReadObject:
        return Document(clean("a structured report"), clean("Nodule report"), REPORT)

    def page(
        self, data: bytes | memoryview, number: int = 1, *, timeout: float = 10.0, key: str = ""
    ) -> Frame | CannotShow:
        return CannotShow(clean("It has no pages."), "not-image")

    def close(self) -> None:
        """Nothing is held."""


class Station(tui_fake.FakeStation):
    """Images whose bytes are their names."""

    def instance_bytes(self, hub_id: str, study_uid: str, sop_uid: str) -> bytes:
        return sop_uid.encode()


def walk(
    steps: Walk, *, size: tuple[int, int] = SIZE, settings: Mapping[str, Any] | None = None
) -> tuple[Driver, Station]:
    """Run steps on a case whose pictures are here."""
    station = Station(12, settings={"colours": "truecolor", **(settings or {})})

    async def begin(do: Driver) -> None:
        do.app.decoder_factory = Decoder
        await do.press("enter")
        await do.until(lambda: do.reading.pictures.picture() is not None)
        await do.until(lambda: do.reading.hung is not None)
        await do.settle()
        await steps(do)

    return plain_walk(begin, size=size, station=station), station


def more(station: tui_fake.FakeStation, than: int) -> bool:
    """Whether more marks are kept by now."""
    return len(station.picture_marks_kept) > than


async def point(do: Driver, *steps: str) -> None:
    """Set a point after some steps of the cursor."""
    await do.press(*steps, "enter")


def test_a_length_is_measured_with_keys_and_kept_with_the_study() -> None:
    async def steps(do: Driver) -> None:
        await do.press("t")
        await point(do)
        await point(do, *["shift+right"] * 2)
        await do.until(lambda: do.station.picture_marks_kept)
        assert "puts it into the report" in do.text()

    done, station = walk(steps)
    (mark,) = station.picture_marks_kept.values()
    assert mark.kind == "length"
    assert mark.study == StudyKey(done.station.rows[0].key.hub_id, str(done.station.rows[0].study_uid))
    assert mark.unit == "mm"
    assert str(mark.words).endswith(f"mm (series 1, image {mark_image(mark.sop_uid)})")
    assert mark.calibration == "Pixel Spacing"


def mark_image(sop_uid: str) -> int:
    """Instance Number of the fake's images."""
    return int(sop_uid.rsplit(".", 1)[1]) + 1


def test_a_key_image_is_marked_and_taken_back_by_the_same_key() -> None:
    async def steps(do: Driver) -> None:
        await do.press("e")
        await do.until(lambda: do.station.picture_marks_kept)
        await do.until(lambda: do.reading.pictures.marks_here())
        assert "key image" in do.reading.pictures.labels(80, 40)[0][2]
        await do.press("e")
        await do.until(lambda: not do.station.picture_marks_kept)

    walk(steps)


def test_two_lengths_that_cross_are_one_finding_the_longer_first() -> None:
    async def steps(do: Driver) -> None:
        await do.press("t")
        await point(do, "shift+left")
        await point(do, *["shift+right"] * 3)
        await do.until(lambda: len(do.station.picture_marks_kept) == 1)
        await do.settle()
        await point(do, "shift+left", "shift+up")
        await point(do, *["shift+down"] * 2)
        await do.until(lambda: [len(one.points) for one in do.station.picture_marks_kept.values()] == [4])

    _, station = walk(steps)
    (mark,) = station.picture_marks_kept.values()
    assert " x " in str(mark.figure)
    assert mark.values[0] > mark.values[1] > 0


def test_a_measurement_goes_into_the_text_with_the_value_it_had_on_the_prior() -> None:
    async def steps(do: Driver) -> None:
        await do.press("i", "escape")
        await do.press("c")
        await do.until(lambda: do.reading.comparing)
        await do.until(lambda: do.reading.wall.panes[1].picture() is not None)
        now, then = do.reading.wall.panes[:2]
        assert do.reading.pictures is now
        for pane, reach in ((now, 3), (then, 2)):
            do.reading.wall.use(pane)
            do.reading.focus_on(pane)
            kept = len(do.station.picture_marks_kept)
            await do.press("t")
            await point(do)
            await point(do, *["shift+right"] * reach)
            await do.until(partial(more, do.station, kept))
            await do.press("escape")
        await do.press("m")
        await do.until(lambda: do.reading.sheets)
        assert "previously" in do.text()
        await do.press("enter")
        await do.until(lambda: "previously" in "".join(do.reading.report.buffer.texts))
        await do.until(lambda: any("previously" in "".join(one[2].values()) for one in do.station.saved))
        assert do.reading.comparing  # the pictures stay as they were

    _, station = walk(steps)
    texts = "".join(text for _, _, texts in station.saved for text in texts.values())
    now, then = sorted(station.picture_marks_kept.values(), key=lambda one: -one.values[0])
    assert f"{now.words}, previously {then.figure}" in texts


def test_now_and_prior_scroll_together_by_position_and_y_ties_them_as_they_stand() -> None:
    async def steps(do: Driver) -> None:
        await do.press("c")
        await do.until(lambda: do.reading.comparing)
        now, then = do.reading.wall.panes[:2]
        await do.until(lambda: then.picture() is not None and now.picture() is not None)
        await do.press("s", "s")
        assert then.at == now.at
        await do.until(lambda: then.note[0] == "yoked +0.0 mm")
        await do.press("y", "s")
        assert then.at == now.at - 1
        assert then.note[0] == "not yoked"
        await do.press("y", "w")
        assert then.at == now.at - 1
        assert then.note[0] == "yoked +5.0 mm" or then.note[0] == "yoked -5.0 mm"

    walk(steps)


@pytest.mark.parametrize(
    ("rotation", "flip"), [(0, False), (90, False), (180, True), (270, True), (90, True)]
)
def test_a_place_on_a_turned_and_mirrored_picture_is_the_same_pixel_of_the_stored_one(
    rotation: int, flip: bool
) -> None:
    from teleread.imaging.presentation import turned
    from teleread.imaging.resample import fit
    from teleread.tui.widgets.picture_view import View, seen

    pixels = np.zeros((40, 60), np.uint8)
    pixels[7, 50] = 255
    frame = Frame(pixels, 40, 60)
    at = seen(frame, View(rotation=rotation, flip=flip), 240, 240)
    canvas = fit(turned(pixels, rotation, flip), at.placement)
    rows, columns = np.nonzero(canvas == 255)
    column, row = at.to_picture(columns.mean() + 0.5, rows.mean() + 0.5)
    assert (column, row) == pytest.approx((50, 7), abs=0.2)
    x, y = at.to_canvas((50.0, 7.0))
    assert (x, y) == pytest.approx((columns.mean() + 0.5, rows.mean() + 0.5), abs=0.6)


def test_turning_and_mirroring_go_by_what_is_seen() -> None:
    async def steps(do: Driver) -> None:
        pane = do.reading.pictures
        await do.press("B")
        assert (pane.view.rotation, pane.view.flip) == (90, False)
        await do.press("X", "B")
        assert (pane.view.rotation, pane.view.flip) == (0, True)
        assert "mirrored" in do.text()
        await do.press("r")
        assert (pane.view.rotation, pane.view.flip, pane.view.zoom) == (0, False, 1.0)

    walk(steps)


def test_layouts_go_through_as_many_panes_as_the_screen_takes() -> None:
    async def steps(do: Driver) -> None:
        seen = []
        for _ in range(4):
            await do.press("v")
            await do.settle()
            seen.append(do.reading.wall.layout_of)
            assert all(pane.series for pane in do.reading.wall.shown)
        assert seen == [2, 4, 1, 2]
        assert [pane.display for pane in do.reading.wall.panes] == [True, True, False, False]

    walk(steps)


def test_tab_goes_through_the_panes_and_then_to_the_report() -> None:
    async def steps(do: Driver) -> None:
        await do.press("v")
        await do.settle()
        await do.press("tab")
        assert do.reading.wall.at == 1
        assert do.reading.wall.panes[1].has_focus
        await do.press("tab")
        await do.until(lambda: do.reading.report.has_focus)

    walk(steps)


def test_a_series_is_cut_another_way_and_its_memory_given_back() -> None:
    async def steps(do: Driver) -> None:
        pane = do.reading.pictures
        await do.press("C")
        await do.until(lambda: pane.cuts is not None)
        assert pane.cuts is not None
        assert pane.cuts.plane == "coronal"
        assert pane.count == 100
        assert "coronal" in do.text()
        await do.press("Q")
        await do.until(lambda: pane.cuts is not None and pane.cuts.slab.mm == 10)
        assert "MIP 10 mm" in do.text()
        frame = pane.picture()
        assert frame is not None
        assert frame.position is not None
        volume = pane._volume
        await do.press("C", "C")
        await do.until(lambda: pane.cuts is None)
        assert volume is not None
        assert volume.values.size == 0
        assert pane.count == 8

    walk(steps)


class Papers(Decoder):
    """Nothing has pixels."""

    def decode(
        self,
        data: bytes | memoryview,
        frame: int = 1,
        *,
        timeout: float = 10.0,
        key: str = "",
        reduce: int = 0,
    ) -> Frame | CannotShow:
        return CannotShow(clean("It has no picture."), "not-image")


def test_an_object_without_pixels_is_shown_as_its_text() -> None:
    async def steps(do: Driver) -> None:
        do.app.decoder_factory = Papers
        await do.press("enter")
        await do.until(lambda: "Nodule report, a structured report" in do.text())
        assert "Diameter 9 mm" in do.text()

    plain_walk(steps, size=SIZE, station=Station(12))


def test_images_that_were_withdrawn_are_left_out_and_it_is_said() -> None:
    station = Station(12)
    uid = str(station.rows[0].study_uid)
    station.rejected = {f"{uid}.1.3": "rejected for quality reasons"}

    async def steps(do: Driver) -> None:
        do.app.decoder_factory = Decoder
        await do.press("enter")
        await do.until(lambda: do.reading.hung is not None)
        await do.until(lambda: do.reading.pictures.count == 7)
        assert "1 images are not shown: rejected for quality reasons" in do.text()

    plain_walk(steps, size=SIZE, station=station)


def test_locking_leaves_no_frame_and_no_volume_behind() -> None:
    async def steps(do: Driver) -> None:
        await do.press("v", "C")
        panes = list(do.reading.wall.panes)
        await do.until(lambda: panes[0].cuts is not None)
        await do.press("f12")
        await do.until(do.station.locked)
        assert all(pane.frame() is None and pane._painted is None for pane in panes)
        assert all(pane.ring.closed and not pane.has_volume() for pane in panes)

    walk(steps)


def test_a_narrow_pane_says_first_whose_picture_it_is() -> None:
    async def steps(do: Driver) -> None:
        await do.press("c")
        await do.until(lambda: do.reading.comparing)
        await do.settle()
        row = do.text().split("\n")[2]
        assert "Now" in row[:40]
        assert "Prior" in row[40:]

    walk(steps, size=(80, 24))


def test_panes_that_come_back_have_their_pictures_again() -> None:
    async def steps(do: Driver) -> None:
        await do.press("f")
        wall = do.reading.wall
        for tiles in (2, 4, 1, 2, 4, 1, 2):
            await do.press("v")
            assert wall.layout_of == tiles
            await do.until(lambda: all(pane.picture() is not None for pane in wall.shown))

    walk(steps)
