"""Models for sherpa-onnx: zipformer, Parakeet, MedASR, Moonshine, Whisper, told apart by their files.

Runs in the recogniser child alone; needs the extra `sherpa`. The library is given paths and samples, no more.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from teleread.model.errors import TelereadError
from teleread.model.text import clean

from .ports import RATE, Bias, Capabilities, HeardWord, Hearing, Utterance, seconds_of

__all__ = ["Layout", "SherpaEngine", "layout_of", "words_of"]

CHUNK: Final = RATE // 5
"""Samples a streaming model is given at once: 0.2 s."""
TAIL: Final = RATE * 2 // 3
"""Samples of silence after the last word of a streaming model: it hears that far ahead."""
MOST_HOTWORDS: Final = 100
_BLANK: Final = "<blk>"
_BEGINS: Final = ("▁", " ")
"""What a token begins with that begins a word."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a folder holds."""

    maker: str
    """The method of sherpa-onnx that loads it."""
    files: Mapping[str, str]
    """Its arguments that are files, to their names in the folder."""
    streams: bool = False
    hotwords: bool = False
    more: tuple[tuple[str, str], ...] = ()
    """Further arguments."""


def layout_of(folder: Path) -> Layout:
    """Tell a model by its files.

    Raises:
        TelereadError: None that sherpa-onnx knows.
    """
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    tokens = next((name for name in names if name.endswith("tokens.txt")), "")
    part = {key: _pick(names, key) for key in ("joiner", "encoder", "decoder", *_MOONSHINE.values())}
    streams = any("chunk" in name or "streaming" in name for name in (*names, folder.name))
    if not tokens:
        raise _unknown()
    if part["joiner"] and part["encoder"] and part["decoder"]:
        return _transducer(folder, names, tokens, part, streams)
    if all(part[name] for name in _MOONSHINE.values()):
        files = {argument: part[name] for argument, name in _MOONSHINE.items()}
        return Layout("from_moonshine", {"tokens": tokens, **files})
    if part["encoder"] and part["decoder"]:
        files = {"tokens": tokens, "encoder": part["encoder"], "decoder": part["decoder"]}
        return Layout("from_whisper", files)
    single = [name for name in names if name.endswith(".onnx")]
    if not single:
        raise _unknown()
    return _one_file(folder, tokens, _smallest_first(single)[0], streams)


_MOONSHINE: Final = {
    "preprocessor": "preprocess",
    "encoder": "encode",
    "uncached_decoder": "uncached_decode",
    "cached_decoder": "cached_decode",
}


def _pick(names: Sequence[str], part: str) -> str:
    """The file of a part: the one in eight-bit numbers where there are two."""
    found = [
        name
        for name in names
        if name.endswith(".onnx")
        and part in name
        and (part != "cached_decode" or "uncached" not in name)
        and (part != "encode" or "encoder" not in name)
    ]
    return _smallest_first(found)[0] if found else ""


def _smallest_first(names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: ("int8" not in name, len(name), name))


def _transducer(
    folder: Path, names: Sequence[str], tokens: str, part: Mapping[str, str], streams: bool
) -> Layout:
    files = {"tokens": tokens, **{key: part[key] for key in ("encoder", "decoder", "joiner")}}
    nemo = _is_nemo(folder / tokens)
    hotwords = "bpe.vocab" in names and not nemo
    if hotwords:
        files["bpe_vocab"] = "bpe.vocab"
    more = [("modeling_unit", "bpe")] if hotwords else []
    more += [("decoding_method", "modified_beam_search")] if hotwords else []
    more += [("model_type", "nemo_transducer")] if nemo and not streams else []
    return Layout("from_transducer", files, streams, hotwords, tuple(more))


def _one_file(folder: Path, tokens: str, model: str, streams: bool) -> Layout:
    files = {"tokens": tokens, "model": model}
    told = f"{folder.name} {model}".lower()
    if "medasr" in told:
        return Layout("from_medasr_ctc", files)
    if _is_nemo(folder / tokens):
        return Layout("from_nemo_ctc", files, streams)
    return Layout("from_zipformer2_ctc" if streams else "from_zipformer_ctc", files, streams)


def _is_nemo(tokens: Path) -> bool:
    """NeMo's models have their blank last, k2's first."""
    rows = tokens.read_text("utf-8", errors="replace").splitlines()
    return bool(rows) and any(row.startswith(_BLANK) for row in rows[-2:]) and not rows[0].startswith(_BLANK)


class SherpaEngine:
    """Implements `Recogniser` on a folder with ONNX files and ``tokens.txt``.

    Args:
        folder: The model.
        library: The module `sherpa_onnx`; looked for where none is given.
        threads: Processor threads.

    Raises:
        TelereadError: The folder holds no model, or the extra is not installed.
    """

    def __init__(self, folder: Path, *, library: Any = None, threads: int = 1) -> None:
        self._layout = layout_of(folder)
        self._name = folder.name
        self._upper = _shouts(folder / self._layout.files["tokens"])
        native = library if library is not None else _library()
        made_by = native.OnlineRecognizer if self._layout.streams else native.OfflineRecognizer
        given: dict[str, Any] = {key: str(folder / name) for key, name in self._layout.files.items()}
        given |= dict(self._layout.more)
        try:
            self._native = getattr(made_by, self._layout.maker)(**given, num_threads=threads)
        except Exception as error:  # the library raises bare ones
            raise TelereadError(
                "The speech model can't be loaded.",
                clean(type(error).__name__),
                "Install it again: teleread dictation install PATH",
                code="model-damaged",
            ) from error

    @property
    def capabilities(self) -> Capabilities:
        """By the kind of model: hotwords need a transducer with ``bpe.vocab``."""
        return Capabilities(
            self._name,
            bias=self._layout.hotwords,
            punctuation=True,
            times=True,
            confidence=self._layout.maker == "from_transducer",
        )

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        """Hear an utterance; see the port."""
        import numpy as np

        length = seconds_of(audio)
        wave = np.frombuffer(audio[: len(audio) & ~1], "<i2").astype(np.float32) / 32768
        hotwords = self._hotwords(bias)
        stream = self._native.create_stream(hotwords) if hotwords else self._native.create_stream()
        result = self._streamed(stream, wave) if self._layout.streams else self._whole(stream, wave)
        words = tuple(words_of(result, start, length))
        return Utterance(start, start + length, Hearing(words, self._name, _score(words)))

    def close(self) -> None:
        """Free the model."""
        self._native = None

    def _whole(self, stream: Any, wave: Any) -> Any:
        stream.accept_waveform(RATE, wave)
        self._native.decode_stream(stream)
        return stream.result

    def _streamed(self, stream: Any, wave: Any) -> Any:
        import numpy as np

        heard = np.concatenate([wave, np.zeros(TAIL, np.float32)])
        for at in range(0, len(heard), CHUNK):
            stream.accept_waveform(RATE, heard[at : at + CHUNK])
            self._decode(stream)
        stream.input_finished()
        self._decode(stream)
        return self._native.get_result_all(stream)

    def _decode(self, stream: Any) -> None:
        while self._native.is_ready(stream):
            self._native.decode_stream(stream)

    def _hotwords(self, bias: Bias) -> str:
        """The likeliest words of the case as the library takes them; empty for a model without hotwords."""
        if not self._layout.hotwords:
            return ""
        kept = (" ".join(_letters(phrase)) for phrase in bias.phrases[:MOST_HOTWORDS])
        phrases = [phrase.upper() if self._upper else phrase.lower() for phrase in kept if phrase]
        return "/".join(phrases)


def _letters(phrase: str) -> Iterator[str]:
    for word in phrase.replace("-", " ").split():
        plain = "".join(letter for letter in word if letter.isalpha() or letter == "'")
        if plain:
            yield plain


def _shouts(tokens: Path) -> bool:
    """Whether a model writes capitals alone."""
    letters = [one for one in tokens.read_text("utf-8", errors="replace")[:20_000] if one.isascii()]
    return sum(map(str.isupper, letters)) > sum(map(str.islower, letters))


def words_of(result: Any, start: float, length: float) -> Iterator[HeardWord]:
    """The words of a result, with times and confidence where the model tells them.

    Args:
        result: Has ``text``, ``tokens``, ``timestamps`` (seconds) and perhaps log probabilities.
        start: When the utterance begins, seconds.
        length: Seconds it lasts.
    """
    tokens = list(getattr(result, "tokens", ()) or ())
    times = [float(one) for one in getattr(result, "timestamps", ()) or ()]
    chances = _chances(result, len(tokens))
    if len(times) != len(tokens) or not tokens:
        yield from _spread(str(result.text).split(), start, length)
        return
    groups: list[tuple[str, int, float]] = []
    for at, token in enumerate(tokens):
        bare = token.lstrip("".join(_BEGINS))
        if not groups or token.startswith(_BEGINS):
            groups.append((bare, at, chances[at]))
        else:
            text, first, sure = groups[-1]
            groups[-1] = (text + bare, first, min(sure, chances[at]))
    groups = [one for one in groups if one[0].strip()]
    ends = [times[first] for _, first, _ in groups[1:]] + [length]
    for (text, first, sure), end in zip(groups, ends, strict=True):
        begins = min(max(times[first], 0.0), length)
        last = min(max(end, begins), length)
        yield HeardWord(clean(_case(text), limit=100), start + begins, start + last, sure)


def _case(text: str) -> str:
    """Words of a model that writes capitals alone, in small letters."""
    return text.lower() if len(text) > 1 and text.isupper() else text


def _chances(result: Any, count: int) -> list[float]:
    logs: Iterable[float] = getattr(result, "ys_log_probs", None) or getattr(result, "ys_probs", None) or ()
    chances = [min(1.0, math.exp(min(0.0, float(one)))) for one in logs]
    return chances if len(chances) == count else [1.0] * count


def _spread(words: Sequence[str], start: float, length: float) -> Iterator[HeardWord]:
    """Words without times, evenly over the utterance."""
    step = length / max(1, len(words))
    for at, word in enumerate(words):
        yield HeardWord(
            clean(_case(word), limit=100), start + at * step, start + min((at + 1) * step, length), 1.0
        )


def _score(words: Sequence[HeardWord]) -> float:
    logs = [math.log(max(word.confidence, 1e-6)) for word in words]
    return sum(logs) / len(logs) if logs else 0.0


def _library() -> Any:
    try:
        return importlib.import_module("sherpa_onnx")
    except ImportError:
        raise TelereadError(
            "sherpa-onnx is not installed.",
            "The model is in place. Everything else works as before.",
            "pip install 'teleread[sherpa]'",
            code="no-dictation",
        ) from None


def _unknown() -> TelereadError:
    return TelereadError(
        "That is no model sherpa-onnx knows.",
        "It needs tokens.txt and the .onnx files of its kind.",
        "teleread help dictation says which models fit.",
        code="no-model",
    )
