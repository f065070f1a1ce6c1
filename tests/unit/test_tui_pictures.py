"""Pictures on the reading screen: panes, tools, marks, and what goes into the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

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
        self, data: bytes | memoryview, frame: int = 1, *, timeout: float = 10.0, key: str = ""
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
