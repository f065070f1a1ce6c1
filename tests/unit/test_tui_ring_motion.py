"""While a series moves, frames that can come coarser do; the one that rests comes whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from teleread.imaging.frames import CannotShow, Frame
from teleread.model.study import InstanceInfo
from teleread.tui.pictures import Ring, Shot, shots_of
from tests.unit.decoder_double import PicturesAlone

JPEG2000, PLAIN = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1"
SIDE = 64


class Decoder(PicturesAlone):
    """Frames of 64 x 64, as many halvings smaller as are asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def decode(
        self,
        data: bytes | memoryview,
        frame: int = 1,
        *,
        timeout: float = 10.0,
        key: str = "",
        reduce: int = 0,
    ) -> Frame | CannotShow:
        self.asked.append((bytes(data).decode(), reduce))
        side = SIDE >> reduce
        return Frame(
            np.zeros((side, side), np.int16), side, side, pixel_spacing=(2.0**reduce,) * 2, reduced=reduce
        )


def series(syntax: str) -> list[Shot]:
    """Twelve slices."""
    return shots_of(
        [InstanceInfo(f"2.25.{n}", "1.2.3", "2.25.9", syntax, 10, rows=SIDE, columns=SIDE) for n in range(12)]
    )


async def until(seen: Callable[[], object]) -> None:
    """Wait for something, ten seconds at most."""
    for _ in range(1000):
        if seen():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


@pytest.mark.parametrize(("syntax", "halvings"), [(JPEG2000, 2), (PLAIN, 0)])
def test_the_frame_that_rests_comes_whole_before_any_other(syntax: str, halvings: int) -> None:
    decoder, shots = Decoder(), series(syntax)

    async def go() -> None:
        came: list[Shot] = []
        ring = Ring(lambda: decoder, str.encode, came.append)
        try:
            ring.want(shots, 5, 1, halvings=2)
            await until(lambda: ring.get(shots[11]) is not None)
            found = ring.get(shots[5])
            assert isinstance(found, Frame)
            assert (found.reduced, found.rows, found.pixels.shape) == (halvings, SIDE, (SIDE, SIDE))
            assert found.pixel_spacing == (1.0, 1.0)
            assert {times for _, times in decoder.asked} == {halvings}
            decoder.asked.clear()
            ring.want(shots, 7, 1)
            if halvings:
                await until(lambda: all(not getattr(ring.get(one), "reduced", 1) for one in shots[5:]))
                assert decoder.asked[0] == (shots[7].instance.sop_uid, 0)
                assert {times for _, times in decoder.asked} == {0}
            else:
                await until(lambda: ring.get(shots[3]) is not None)
                assert shots[7].instance.sop_uid not in {name for name, _ in decoder.asked}
        finally:
            ring.close()

    asyncio.run(go())
