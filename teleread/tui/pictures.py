"""Decoded frames of the open study: brought off the UI thread, nearest first, kept in a limited ring."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from teleread.model.errors import TelereadError
from teleread.model.study import InstanceInfo
from teleread.model.text import clean

if TYPE_CHECKING:
    from teleread.imaging.frames import CannotShow, Frame
    from teleread.imaging.objects import ReadObject

__all__ = ["DECODE_SECONDS", "PAGES", "RING_BYTES", "Decoder", "Ring", "Shot", "shots_of"]

RING_BYTES: Final = 40 * 1024 * 1024
"""Most bytes of decoded pixels kept."""
AHEAD: Final = 12
"""Frames brought before they are asked for, in the direction of travel."""
BEHIND: Final = 4
TOGETHER: Final = 4
"""Most frames brought with one question: what a question costs is waking the other process."""
NEAR: Final = 5
"""Frames around the one looked at that are brought at once, in motion too."""
PLAIN: Final = frozenset(("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"))
"""Transfer syntaxes whose pixels are not compressed (PS3.5 A.1 to A.3): several are read as fast as one."""
SMALL: Final = 4 * 1024 * 1024
"""Largest object that is brought with others, bytes."""
LARGE_SECONDS: Final = 0.05
"""Between a large frame and the next."""
DECODE_SECONDS: Final = 10.0
PAGES: Final = "pages"
"""`Shot.cut` of a page of a document."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of one instance: a step of the stack."""

    instance: InstanceInfo
    frame: int
    """From 1."""
    cut: str = ""
    """How a series was cut another way than it was taken, in words; empty as taken."""


def shots_of(instances: Sequence[InstanceInfo]) -> list[Shot]:
    """Every frame of a series, in order; an object without pixels counts as one step, shown as words."""
    return [Shot(one, number) for one in instances for number in range(1, max(1, one.frames) + 1)]


class Decoder(Protocol):
    """What decodes, outside this process (`teleread.imaging.decode.DecodePool`)."""

    def decode(
        self,
        data: bytes | memoryview,
        frame: int = 1,
        *,
        timeout: float = 10.0,
        key: str = "",
        reduce: int = 0,
    ) -> Frame | CannotShow:
        """One frame, or words in its place; with `reduce` halvings of its resolution where it has them."""
        ...

    def read(
        self, data: bytes | memoryview, *, timeout: float = 10.0, key: str = ""
    ) -> ReadObject | CannotShow:
        """What an object without pixels says, or words."""
        ...

    def page(
        self, data: bytes | memoryview, number: int = 1, *, timeout: float = 10.0, key: str = ""
    ) -> Frame | CannotShow:
        """One page of a PDF as a picture, or words."""
        ...

    def close(self) -> None:
        """End the children."""
        ...


@runtime_checkable
class DecodesTogether(Protocol):
    """A decoder that takes several objects with one question."""

    def decode_many(
        self, objects: Sequence[bytes | memoryview], *, timeout: float = 10.0
    ) -> Sequence[Frame | CannotShow]:
        """The first frame of each, or words in its place."""
        ...


def _plain(shot: Shot) -> bool:
    """Whether a frame is found in its object's bytes as it is: only a header has to be read elsewhere."""
    return not shot.cut and shot.instance.frames <= 1 and shot.instance.transfer_syntax in PLAIN


def _joins(shot: Shot) -> bool:
    """Whether a frame may be brought with others."""
    return _plain(shot) and shot.instance.size <= SMALL


def _is_paper(found: Frame | CannotShow) -> bool:
    return getattr(found, "code", "") == "not-image"


class Ring:
    """Keeps frames near the one that is shown.

    Args:
        decoder: Decodes; made when the first frame is wanted.
        read: Reads one instance's bytes (SOP Instance UID).
        arrived: Told when a frame is there.
    """

    def __init__(
        self,
        decoder: Callable[[], Decoder],
        read: Callable[[str], bytes],
        arrived: Callable[[Shot], None],
    ) -> None:
        self._make_decoder = decoder
        self._decoder: Decoder | None = None
        self._read = read
        self._arrived = arrived
        self._frames: OrderedDict[Shot, Frame | CannotShow] = OrderedDict()
        self._sizes: dict[Shot, int] = {}
        self._bytes = 0
        self._wanted: list[Shot] = []
        self._halvings = 0
        self._goes_on = False
        """The stack goes on behind what is wanted."""
        self._held: tuple[str, bytes] = ("", b"")
        self._thread = ThreadPoolExecutor(1, "pictures")
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.limit = RING_BYTES
        """Most bytes of decoded pixels kept here."""

    @property
    def closed(self) -> bool:
        """Whether it was let go of, perhaps while a frame was on its way."""
        return self._closed

    @property
    def idle(self) -> bool:
        """Nothing is on its way."""
        return self._task is None or self._task.done()

    def get(self, shot: Shot) -> Frame | CannotShow | None:
        """The frame, where it is here."""
        found = self._frames.get(shot)
        if found is not None:
            self._frames.move_to_end(shot)
        return found

    def want(self, shots: Sequence[Shot], at: int, step: int, *, halvings: int = 0) -> None:
        """Bring the frame at a place, then its neighbours: more of them ahead than behind.

        Args:
            shots: The stack.
            at: Which is wanted now.
            step: Which way it goes on.
            halvings: Of the resolution that will do while it goes on, where the encoding has them; those
                frames come again, whole, once this is 0.
        """
        if self._closed or not shots:
            return
        self._halvings = halvings
        step = 1 if step >= 0 else -1
        self._goes_on = 0 <= at + step * (AHEAD + 1) < len(shots)
        order = [at]
        for distance in range(1, AHEAD + 1):
            order.append(at + step * distance)
            if distance <= BEHIND:
                order.append(at - step * distance)
        self._wanted = [shots[index] for index in order if 0 <= index < len(shots)]
        if self.idle:
            self._task = asyncio.get_running_loop().create_task(self._bring())

    async def _bring(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._closed:
            shots = self._next()
            if not shots:
                return
            frames = await loop.run_in_executor(self._thread, self._decode_all, shots, self._halvings)
            for shot, frame in zip(shots, frames, strict=True):
                if self.closed:
                    return
                self._keep(shot, frame)
                self._arrived(shot)
            if shots[0].instance.size > SMALL:  # let it be drawn before the next one takes the processor
                await asyncio.sleep(LARGE_SECONDS)

    def _next(self) -> list[Shot]:
        """What is brought next: the one that is looked at, what is not here, then what is here coarsely."""
        coarse = [] if self._halvings else [one for one in self._wanted if self._is_coarse(one)]
        if coarse and coarse[0] == self._wanted[0]:
            return coarse[:1]
        missing = [one for one in self._wanted if one not in self._frames]
        if not missing:
            return coarse[:1]
        alone = missing[0] == self._wanted[0] and not self._halvings  # it waits for nothing beside it
        if alone or not _joins(missing[0]):
            return missing[:1]
        some = [one for one in missing if _joins(one)][:TOGETHER]
        far = self._halvings and self._goes_on and missing[0] not in self._wanted[:NEAR]
        return [] if far and len(some) < TOGETHER else some  # in motion, until a question is worth it

    def _is_coarse(self, shot: Shot) -> bool:
        return bool(getattr(self._frames.get(shot), "reduced", 0))

    def _decode_all(self, shots: Sequence[Shot], halvings: int) -> list[Frame | CannotShow]:
        """On the pictures' thread: several frames with one question, where the decoder takes such."""
        found: Sequence[Frame | CannotShow | None] = [None] * len(shots)
        decoder: object = self._ready()
        if all(map(_plain, shots)) and isinstance(decoder, DecodesTogether):
            with contextlib.suppress(TelereadError):  # then each says by itself what is wrong with it
                objects = [self._read(one.instance.sop_uid) for one in shots]
                found = decoder.decode_many(objects, timeout=DECODE_SECONDS)
        return [
            self._decode(shot, halvings) if one is None or _is_paper(one) else one
            for one, shot in zip(found, shots, strict=True)
        ]

    def _ready(self) -> Decoder:
        """The decoder, made when it is wanted first."""
        if self._decoder is None:
            self._decoder = self._make_decoder()
            if self._closed:  # let go of while it was being made: nobody else would end it
                self._decoder.close()
        return self._decoder

    def _decode(self, shot: Shot, halvings: int = 0) -> Frame | CannotShow:
        """On the pictures' thread: read and decode; whatever is wrong becomes words."""
        from teleread.imaging.frames import CannotShow

        uid = shot.instance.sop_uid
        try:
            if self._held[0] != uid:
                self._held = (uid, self._read(uid))
        except TelereadError as error:
            return CannotShow(clean(str(error)), "damaged")
        decoder = self._ready()
        if self._closed:
            return CannotShow(clean("The pictures were let go of."), "stopped")
        key = shot.instance.sha256 or uid
        if shot.cut == PAGES:
            return decoder.page(self._held[1], shot.frame, timeout=DECODE_SECONDS, key=key)
        if halvings and (coarse := self._coarsely(decoder, shot, halvings, key)) is not None:
            return coarse
        found = decoder.decode(self._held[1], shot.frame, timeout=DECODE_SECONDS, key=key)
        if isinstance(found, CannotShow) and found.code == "not-image":
            return self._paper(decoder, self._held[1], found, key)
        return found

    def _coarsely(self, decoder: Decoder, shot: Shot, halvings: int, key: str) -> Frame | None:
        """A frame with fewer pixels, as large as the whole one; None where there is no such thing."""
        from teleread.imaging.frames import Frame
        from teleread.imaging.reduced import HALVING, enlarged

        one = shot.instance
        if one.transfer_syntax not in HALVING:
            return None
        found = decoder.decode(self._held[1], shot.frame, timeout=DECODE_SECONDS, key=key, reduce=halvings)
        return enlarged(found, one.rows, one.columns) if isinstance(found, Frame) else None

    @staticmethod
    def _paper(decoder: Decoder, data: bytes, found: CannotShow, key: str) -> Frame | CannotShow:
        """What is to be read of an object without pixels; as it was found where nothing is."""
        from teleread.imaging.frames import CannotShow

        from .papers import paper_of

        read = decoder.read(data, timeout=DECODE_SECONDS, key=key)
        return found if isinstance(read, CannotShow) else paper_of(read)

    def _keep(self, shot: Shot, frame: Frame | CannotShow) -> None:
        pixels = getattr(frame, "pixels", None)
        size = int(pixels.nbytes) if pixels is not None else 256
        self._bytes += size - self._sizes.get(shot, 0)
        self._frames[shot] = frame
        self._sizes[shot] = size
        near = set(self._wanted[:3])
        while self._bytes > self.limit and len(self._frames) > 1:
            oldest = next((one for one in self._frames if one not in near and one != shot), None)
            if oldest is None:
                return
            del self._frames[oldest]
            self._bytes -= self._sizes.pop(oldest)

    def clear(self) -> None:
        """Forget every frame."""
        self._frames.clear()
        self._sizes.clear()
        self._bytes = 0
        self._wanted = []
        self._held = ("", b"")

    def close(self) -> None:
        """Forget every frame and end the decoder."""
        self._closed = True
        self.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._decoder is not None:
            self._decoder.close()
