"""While a series moves, frames that can come coarser do; the one that rests comes whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from teleread.imaging.frames import CannotShow, Frame
from teleread.model.errors import TelereadError
from teleread.model.study import InstanceInfo
from teleread.model.text import clean
from teleread.tui.pictures import TOGETHER, Ring, Shot, shots_of
from tests.unit.decoder_double import PicturesAlone

JPEG2000, PLAIN = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1"
SIDE = 64
PIXELS = np.zeros((SIDE, SIDE), np.int16)


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


def series(syntax: str, count: int = 12) -> list[Shot]:
    """A stack."""
    return shots_of(
        [
            InstanceInfo(f"2.25.{n}", "1.2.3", "2.25.9", syntax, 10, rows=SIDE, columns=SIDE)
            for n in range(count)
        ]
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


class Together(Decoder):
    """The same, several with one question too; it says what it was asked at once."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds: list[list[str]] = []

    def decode_many(
        self, objects: Sequence[bytes | memoryview], *, timeout: float = 10.0
    ) -> list[Frame | CannotShow]:
        self.rounds.append([bytes(one).decode() for one in objects])
        return [
            CannotShow(clean("It is none."), "not-image")
            if bytes(one) == b"2.25.8"
            else Frame(PIXELS, SIDE, SIDE)
            for one in objects
        ]


def test_plain_slices_ahead_are_asked_for_together_and_the_one_looked_at_waits_for_none() -> None:
    decoder, shots = Together(), series(PLAIN)

    async def go() -> None:
        came: list[Shot] = []
        ring = Ring(lambda: decoder, str.encode, came.append)
        try:
            ring.want(shots, 4, 1)
            await until(lambda: ring.get(shots[11]) is not None and ring.get(shots[0]) is not None)
            assert decoder.rounds[0] == ["2.25.4"], "alone, and first"
            assert decoder.rounds[1] == ["2.25.5", "2.25.3", "2.25.6", "2.25.2"], "nearest first"
            assert max(map(len, decoder.rounds)) <= TOGETHER
            assert decoder.asked == [("2.25.8", 0)], "what may be an object to be read is asked for alone"
            assert isinstance(ring.get(shots[8]), Frame)
            assert len(came) == len(set(came)) == len(shots)
        finally:
            ring.close()

    asyncio.run(go())


def test_in_motion_the_slice_looked_at_comes_with_those_behind_it() -> None:
    decoder, shots = Together(), series(PLAIN)

    async def go() -> None:
        ring = Ring(lambda: decoder, str.encode, lambda _: None)
        try:
            ring.want(shots, 0, 1)
            await until(lambda: ring.get(shots[11]) is not None)
            ring.clear()
            decoder.rounds.clear()
            ring.want(shots, 6, 1, halvings=1)
            await until(lambda: ring.get(shots[10]) is not None)
            assert decoder.rounds[0][0] == "2.25.6"
            assert len(decoder.rounds[0]) == TOGETHER
        finally:
            ring.close()

    asyncio.run(go())


def test_in_motion_a_question_is_put_off_until_it_brings_several_and_at_rest_nothing_is() -> None:
    decoder, shots = Together(), series(PLAIN, 40)

    async def go() -> None:
        ring = Ring(lambda: decoder, str.encode, lambda _: None)
        try:
            ring.want(shots, 5, 1)
            await until(lambda: ring.idle)
            decoder.asked.clear()
            decoder.rounds.clear()
            for place in range(6, 20):
                ring.want(shots, place, 1, halvings=1)
                await until(lambda: ring.idle)
                assert all(ring.get(one) is not None for one in shots[place : place + 6])
            assert {len(one) for one in decoder.rounds} == {TOGETHER}
            ring.want(shots, 19, 1)
            await until(lambda: ring.idle)
            assert all(ring.get(one) is not None for one in shots[15:32])
        finally:
            ring.close()

    asyncio.run(go())


def test_compressed_slices_and_those_that_cannot_be_read_are_brought_one_by_one() -> None:
    decoder = Together()

    def read(uid: str) -> bytes:
        if uid == "2.25.7":
            raise TelereadError("It is damaged.")
        return uid.encode()

    async def go(syntax: str) -> None:
        ring = Ring(lambda: decoder, read, lambda _: None)
        stack = series(syntax)
        try:
            ring.want(stack, 5, 1)
            await until(lambda: all(ring.get(one) is not None for one in stack[1:]))
            assert isinstance(ring.get(stack[7]), CannotShow)
            assert all(isinstance(ring.get(one), Frame) for one in stack[1:] if one is not stack[7])
        finally:
            ring.close()

    asyncio.run(go(JPEG2000))
    assert not decoder.rounds
    asyncio.run(go(PLAIN))
    assert all("2.25.7" not in one for one in decoder.rounds)
