"""Log-mel features as Whisper was trained on them (Radford et al. 2022, section 2.2), with numpy alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np

from teleread.dictation.ports import RATE

__all__ = ["FRAMES_A_SECOND", "features"]

FRAMES_A_SECOND: Final = 100
"""Feature frames a second; the encoder halves them."""
_FFT: Final = 400
_HOP: Final = 160


def features(audio: bytes, seconds: float, mels: int) -> Any:
    """The features of an utterance, silence added to fill the window.

    Args:
        audio: 16 kHz mono PCM.
        seconds: Length of the window.
        mels: Bands the model has, 80 or 128.

    Returns:
        A float32 array of shape (1, mels, frames), frames even.
    """
    wave = np.frombuffer(audio[: len(audio) & ~1], "<i2").astype(np.float32) / 32768
    wanted = int(seconds * RATE) // (2 * _HOP) * 2 * _HOP
    wave = np.pad(wave[:wanted], (0, max(0, wanted - len(wave))))
    padded = np.pad(wave, _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][:-1]
    power = np.abs(np.fft.rfft(frames * _hann(), axis=1)).astype(np.float32)[:, :] ** 2
    log = np.log10(np.maximum(_bands(mels) @ power.T, 1e-10))
    log = (np.maximum(log, log.max() - 8.0) + 4.0) / 4.0
    return np.ascontiguousarray(log[None].astype(np.float32))


@lru_cache(maxsize=1)
def _hann() -> Any:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)


@lru_cache(maxsize=2)
def _bands(mels: int) -> Any:
    """Slaney's mel bands, each of area one: shape (mels, 201)."""
    edges = _hertz(np.linspace(_mel(0.0), _mel(RATE / 2), mels + 2))
    bins = np.fft.rfftfreq(_FFT, 1 / RATE)
    rising = (bins[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins[None]) / np.diff(edges)[1:, None]
    weights = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return weights.astype(np.float32)


def _mel(hertz: float) -> float:
    return float(hertz / (200 / 3) if hertz < 1000 else 15 + np.log(hertz / 1000) * 27 / np.log(6.4))


def _hertz(mels: Any) -> Any:
    return np.where(mels < 15, mels * (200 / 3), 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
