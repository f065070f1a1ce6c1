"""Presentation states, structures and segmentations laid over a pane's picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from teleread.imaging.frames import CannotShow, Frame, Window
from teleread.imaging.objects import (
    Contour,
    Contours,
    Document,
    Graphic,
    Line,
    Link,
    Presentation,
    PresentedWindow,
    ReadObject,
    TextMark,
)
from teleread.model.errors import TelereadError
from teleread.model.study import InstanceInfo
from teleread.model.text import SafeText, clean
from teleread.tui.layers import Outlined, Presented, layers_of
from teleread.tui.widgets.picture import PicturePane, View
from teleread.workstation.api import SeriesView
from teleread.workstation.hanging import hang
from tests.unit import test_tui_pictures as pictures
from tests.unit.decoder_double import PicturesAlone
from tests.unit.test_tui_screens import Driver
from tests.unit.test_tui_screens import walk as plain_walk

STATE, STRUCTURES, SEGMENTATION = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("11.1", "481.3", "66.4"))
IMAGE = "1.2.3.9.1"


def frame(**changes: Any) -> Frame:
    """A slice of 100 x 100 mm at z 0 whose values grow to the right."""
    made = pictures.Decoder().decode(IMAGE.encode())
    assert isinstance(made, Frame)
    return replace(made, position=(0.0, 0.0, 0.0), **changes)


def state(*images: str, **changes: Any) -> Presentation:
    """A state for some images: inverse, turned, a point and a word."""
    made = Presentation(
        clean("RED ARROW"),
        images=tuple(Link(clean(one), clean("1.2"), clean(one)) for one in images),
        windows=(PresentedWindow((), Window(100.0, 50.0)),),
        rotation=90,
        graphics=(Graphic((), "POLYLINE", ((10.0, 10.0), (40.0, 10.0))),),
        texts=(TextMark((), clean("nodule"), (20.0, 30.0)),),
    )
    return replace(made, **changes)


class Overlaid(pictures.Station):
    """A study whose slices have a presentation state and a structure set."""

    def study_series(self, hub_id: str, study_uid: str) -> tuple[SeriesView, ...]:
        made = super().study_series(hub_id, study_uid)
        over = [
            InstanceInfo(
                f"{study_uid}.{number}.{number}",
                sop_class,
                f"{study_uid}.{number}",
                "1.2.840.10008.1.2.1",
                900,
            )
            for number, sop_class in ((8, STATE), (9, STRUCTURES))
        ]
        return (*made, *(SeriesView(one.series_uid, clean("PR"), clean("marks"), 8, (one,)) for one in over))


class Decoder(pictures.Decoder):
    """Tells a state of the slices whose number ends in 4, and a ring on all of them."""

    def read(self, data: bytes | memoryview, *, timeout: float = 10.0, key: str = "") -> ReadObject:
        study, number = bytes(data).decode().rsplit(".", 2)[0], bytes(data).decode().rsplit(".", 1)[1]
        if number == "8":
            return state(f"{study}.1.4")
        ring = np.array([[30, 30, -292.5], [60, 30, -292.5], [60, 60, -292.5]], np.float32)
        return Contours(
            clean("plan"), (clean("GTV"),), ((255, 0, 0),), (Contour(0, clean(""), ring),), clean("1.2.3.4")
        )


def drawn(pane: PicturePane) -> Frame:
    """The frame in sight."""
    found = pane.picture()
    assert found is not None
    return found


def test_one_key_lays_a_presentation_state_over_then_outlines_then_nothing() -> None:
    async def steps(do: Driver) -> None:
        do.app.decoder_factory = Decoder
        await do.press("enter")
        await do.until(lambda: do.reading.pictures.picture() is not None)
        await do.until(lambda: do.reading.hung is not None)
        pane = do.reading.pictures
        assert pane.laid() == ("V overlays", "soft")
        pane.go(4)
        await do.until(lambda: pane.shown_at == 4)
        plain = pane.greys(drawn(pane)).copy()
        await do.press("V")
        await do.until(lambda: pane.view.layer)
        assert pane.laid() == ("as RED ARROW", "warn")
        assert (pane.view.rotation, pane.window_now()) == (90, Window(100.0, 50.0))
        assert (pane.greys(drawn(pane)) != plain).any()
        assert [words for _, _, words, _ in pane.labels(80, 40)] == ["nodule"]
        pane.go(3)
        await do.until(lambda: pane.shown_at == 3)
        assert pane.laid() == ("as RED ARROW: not this image", "soft")
        pane.go(4)
        await do.until(lambda: pane.shown_at == 4)
        await do.press("V")
        assert pane.laid() == ("outlines", "warn")
        assert pane.view.rotation == 0
        assert [one.colour for one in pane.layer_inks(drawn(pane))] == [(255, 0, 0)]
        await do.press("V")
        assert pane.view == View()

    plain_walk(steps, size=pictures.SIZE, station=Overlaid(12, settings={"colours": "truecolor"}))


def test_a_study_without_any_says_so() -> None:
    async def steps(do: Driver) -> None:
        assert do.reading.pictures.laid() == ("", "soft")
        await do.press("V")
        assert "Nothing of this study lies over this picture" in do.text()

    pictures.walk(steps)


def test_a_reader_who_turns_the_knob_keeps_the_state_but_not_its_window() -> None:
    one = Presented("a", clean("as it"), state(IMAGE))
    own = one.greys(frame(), View())
    assert (one.greys(frame(), View(window=Window(0.0, 1000.0))) != own).any()
    assert (one.greys(frame(), View(invert=True)) == 255 - own).all()


def test_the_displayed_area_lies_in_the_middle_of_the_pane() -> None:
    area = state(IMAGE, rotation=0, area=(51, 1, 100, 50))
    assert Presented("a", clean(""), area).looked_at(frame()) == {
        "rotation": 0,
        "flip": False,
        "zoom": 2.0,
        "centre": (0.75, 0.25),
    }
    turned = Presented("a", clean(""), replace(area, rotation=90)).looked_at(frame())
    assert turned["centre"] == (0.75, 0.75)  # the top right corner comes to the lower right
    mirrored = Presented("a", clean(""), replace(area, flip=True)).looked_at(frame())
    assert mirrored["centre"] == (0.25, 0.25)


class Papers(pictures.Decoder):
    """Every object is a document of three pages."""

    def decode(
        self,
        data: bytes | memoryview,
        frame: int = 1,
        *,
        timeout: float = 10.0,
        key: str = "",
        reduce: int = 0,
    ) -> Frame | CannotShow:
        return CannotShow(clean("This is a document, not a picture."), "not-image")

    def read(self, data: bytes | memoryview, *, timeout: float = 10.0, key: str = "") -> ReadObject:
        return Document(
            clean("a PDF"), clean("Letter"), (Line(1, clean(""), clean("No acute finding.")),), pages=3
        )

    def page(
        self, data: bytes | memoryview, number: int = 1, *, timeout: float = 10.0, key: str = ""
    ) -> Frame | CannotShow:
        return replace(frame(), pixels=np.full((100, 100, 3), 40 * number, np.uint8), frames=3, number=number)


def test_the_same_key_turns_to_the_pages_of_a_pdf_and_back_to_its_text() -> None:
    async def steps(do: Driver) -> None:
        do.app.decoder_factory = Papers
        await do.press("enter")
        pane = do.reading.pictures
        await do.until(lambda: pane.laid() == ("V pages", "soft"))
        at = pane.at
        assert "No acute finding." in do.text()
        await do.press("V")
        await do.until(lambda: pane.picture() is not None)
        assert (pane.count, drawn(pane).number) == (3, 1)
        pane.go(2)
        await do.until(lambda: pane.shown_at == 2)
        assert drawn(pane).number == 3
        await do.press("V")
        await do.until(lambda: pane.laid() == ("V pages", "soft"))
        assert pane.at == at
        await do.settle()
        assert "No acute finding." in do.text()

    plain_walk(steps, size=pictures.SIZE, station=pictures.Station(12))


class Masks(PicturesAlone):
    """A decoder of segmentations of three frames, 5 mm apart; the second marks nothing."""

    def decode(
        self,
        data: bytes | memoryview,
        number: int = 1,
        *,
        timeout: float = 10.0,
        key: str = "",
        reduce: int = 0,
    ) -> Frame | CannotShow:
        pixels = np.zeros((100, 100), np.uint8)
        if number != 2:
            pixels[20:40, 50:60] = 1
        place = (0.0, 0.0, 5.0 * (number - 1))
        return replace(frame(), pixels=pixels, position=place, sop_uid=SafeText(bytes(data).decode()))


def instance(uid: str, sop_class: str, *, frames: int = 0, size: int = 900) -> InstanceInfo:
    """One that lies over others."""
    return InstanceInfo(uid, sop_class, "1.2.3.9", "1.2.840.10008.1.2.1", size, frames=frames)


def test_the_edge_of_a_segmentation_is_drawn_where_it_lies() -> None:
    (layer,) = layers_of([instance("1.2.8.1", SEGMENTATION, frames=3)], str.encode, Masks())
    assert isinstance(layer, Outlined)
    assert len(layer.masks) == 2
    (ink,) = layer.inks(frame())
    columns, rows = zip(*ink.points, strict=True)
    assert (min(columns), max(columns), min(rows), max(rows)) == (50, 59, 20, 39)
    assert not layer.covers(replace(frame(), position=(0.0, 0.0, 5.0)))
    assert layer.covers(replace(frame(), position=(0.0, 0.0, 10.0)))
    assert not layer.covers(replace(frame(), frame_of_reference=clean("1.2.3.5")))


def test_what_cannot_be_read_or_is_too_large_is_left_out() -> None:
    def read(uid: str) -> bytes:
        if uid == "1.2.8.3":
            raise TelereadError("It is not here.")
        return uid.encode()

    found = layers_of(
        [
            instance("1.2.8.1", STATE),
            instance("1.2.8.2", SEGMENTATION, frames=3, size=1 << 40),
            instance("1.2.8.3", STRUCTURES),
            instance("1.2.8.4", "1.2.840.10008.5.1.4.1.1.2", frames=1),
        ],
        read,
        Masks(),
    )
    assert found == ()


def series(uid: str, *instances: InstanceInfo) -> SeriesView:
    """A series that is held."""
    return SeriesView(uid, clean("CT"), clean(""), 1, instances)


def test_a_segmentation_is_not_what_a_case_opens_with() -> None:
    slices = [instance(f"1.2.3.9.{at}", "1.2.840.10008.5.1.4.1.1.2", frames=1) for at in range(3)]
    plain = series("1.2.3.9", *(replace(one, rows=64, columns=64) for one in slices))
    mask = series("1.2.3.8", replace(instance("1.2.8.1", SEGMENTATION, frames=70), rows=64, columns=64))
    assert hang([mask, plain]).tiles[0].series_uid == "1.2.3.9"
    assert hang([mask]).tiles[0].series_uid == "1.2.3.8"
