"""ECG and other waveforms (PS3.3 C.10.9). Runs in the decode child."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from teleread.imaging.elements import Elements
from teleread.imaging.objects import Channel, Line, Waveform
from teleread.imaging.part10 import cannot
from teleread.model.text import EMPTY, clean

__all__ = ["read_waveform"]

MAX_CHANNELS: Final = 128
MAX_SAMPLES: Final = 4_000_000
"""Most samples of all channels together; the rest is not shown."""

_TYPES: Final = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}


def read_waveform(header: Elements, kind: str) -> Waveform:
    """Read all channels.

    Args:
        header: The data set.
        kind: What it is, in words.

    Raises:
        TelereadError: There is no waveform in it that can be read.
    """
    channels: list[Channel] = []
    left = MAX_SAMPLES
    for group in header.items(0x54000100):
        for channel in _group(group, left):
            channels.append(channel)
            left -= len(channel.samples)
        if left <= 0 or len(channels) >= MAX_CHANNELS:
            break
    if not channels:
        raise cannot("The file holds no waveform that can be read.")
    notes: list[Line] = []
    for item in header.items(0x0040B020)[:200]:
        name = clean(item.item(0x0040A043).text(0x00080104), limit=120)
        value, unit = item.text(0x0040A30A), item.item(0x004008EA).text(0x00080100)
        text = item.text(0x00700006) or f"{value} {unit}".strip() or item.item(0x0040A168).text(0x00080104)
        if name or text:
            notes.append(Line(0, name, clean(text, limit=500)))
    note = EMPTY if left > 0 else clean("It is longer than is shown here.")
    return Waveform(clean(kind), tuple(channels[:MAX_CHANNELS]), tuple(notes), note)


def _group(group: Elements, left: int) -> Iterator[Channel]:
    """Channels of a multiplex group: samples lie interleaved, channel after channel."""
    count, samples = group.whole(0x003A0005), group.whole(0x003A0010)
    kind, rate = group.text(0x54001006), group.number(0x003A001A) or 0.0
    if not 0 < count <= 1024 or samples <= 0 or kind not in _TYPES or not 0 < rate < 1e9:
        return
    dtype = np.dtype((">" if group.big else "<") + _TYPES[kind])
    raw = group.raw(0x54001010)
    held = min(samples, len(raw) // (dtype.itemsize * count), max(0, left) // count)
    if not held:
        return
    values = np.frombuffer(raw, dtype, held * count).reshape(held, count)
    padding = group.raw(0x5400100A)
    padded = np.frombuffer(padding, dtype, 1)[0] if len(padding) >= dtype.itemsize else None
    definitions = group.items(0x003A0200)
    for number in range(min(count, MAX_CHANNELS)):
        item = definitions[number] if number < len(definitions) else Elements(memoryview(b""), {}, group.big)
        yield _channel(item, values[:, number], padded, rate, number)


def _channel(item: Elements, stored: NDArray[Any], padded: Any, rate: float, number: int) -> Channel:
    def figure(tag: int, otherwise: float) -> float:
        value = item.number(tag)
        return otherwise if value is None else value

    scale = figure(0x003A0210, 1.0) * figure(0x003A0212, 1.0)  # sensitivity and its correction
    values = stored.astype(np.float64) * scale + figure(0x003A0213, 0.0)
    if padded is not None:
        values[stored == padded] = np.nan
    source = item.item(0x003A0208)
    label = item.text(0x003A0203) or source.text(0x00080104) or f"channel {number + 1}"
    unit = item.item(0x003A0211).text(0x00080100)
    with np.errstate(over="ignore"):
        samples = values.astype(np.float32)
    return Channel(clean(label, limit=64), clean(unit, limit=16), rate, samples)
