"""One Whisper model: a fitted window, prompt bias, n-best, a loop guard, words by alignment."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from teleread.dictation.extra import missing_extra
from teleread.dictation.ports import Bias, Capabilities, HeardWord, Hearing, Utterance, seconds_of
from teleread.model.errors import TelereadError
from teleread.model.text import clean

from .features import FRAMES_A_SECOND, features
from .loops import loops
from .prompting import prompt_words

__all__ = ["WhisperEngine"]

PADDING: Final = 2.0
"""Seconds of silence behind the utterance: with one, Whisper repeats short utterances (measured)."""
SHORTEST: Final = 5.0
"""Seconds of the shortest window."""
LONGEST: Final = 30.0
MAX_PROMPT: Final = 220
"""Tokens of the prompt: half of Whisper's context less its own marks."""
_TOKENS_A_SECOND: Final = 9
"""Faster than anybody speaks; longer results are loops."""


@dataclass(frozen=True, slots=True)
class _Specials:
    """Token ids the decoder is steered with."""

    start: int
    previous: int
    no_times: int
    end: int
    language: tuple[int, ...] = field(default=())
    """Language and task of a multilingual model; none in an English one."""


class WhisperEngine:
    """Implements `Recogniser` on a folder with a converted model.

    Args:
        folder: ``model.bin``, ``config.json``, ``tokenizer.json`` and ``vocabulary.*``.
        beam: Beams of the search; also how many hearings are given.
        threads: Processor threads.

    Raises:
        TelereadError: The folder holds no model, or the extra is not installed.
    """

    def __init__(self, folder: Path, *, beam: int = 5, threads: int = 1) -> None:
        try:
            native = importlib.import_module("ctranslate2")
            tokenizers = importlib.import_module("tokenizers")
        except ImportError:
            raise missing_extra() from None
        self._native = native
        self._beam = beam
        try:
            self._model = native.models.Whisper(
                str(folder), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1
            )
            self._tokens = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare ones
            raise TelereadError(
                "The speech model can't be loaded.",
                clean(type(error).__name__),
                "Install it again: teleread dictation install NAME",
                code="model-damaged",
            ) from error
        self._specials = self._find_specials()
        self._name = folder.name

    @property
    def capabilities(self) -> Capabilities:
        """Everything but streaming."""
        return Capabilities(
            self._name, bias=True, punctuation=True, times=True, confidence=True, alternatives=True
        )

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        """Hear an utterance; see the port."""
        length = seconds_of(audio)
        window = min(LONGEST, max(SHORTEST, length + PADDING))
        prompt = self._prompt(bias)
        found, encoded = self._heard(audio, window, prompt, length)
        if loops(self._text(found[0][0])):
            found, encoded = self._heard(audio, LONGEST, prompt, length)
        if loops(self._text(found[0][0])):
            found, encoded = self._heard(audio, LONGEST, [], length)
        best = self._aligned(found[0], encoded, prompt, start, length)
        others = [self._plain(row, start, length) for row in found[1:]]
        kept = [one for one in (best,) if one.words]
        kept += [one for one in others if one.words and not loops(one.text)]
        kept = kept or [Hearing((), self._name)]
        return Utterance(start, start + length, kept[0], tuple(kept[1:]))

    def close(self) -> None:
        """Free the model."""
        self._model.unload_model()

    def _heard(
        self, audio: bytes, window: float, prompt: list[int], length: float
    ) -> tuple[list[tuple[list[int], float]], Any]:
        made = features(audio, window, self._model.n_mels)
        encoded = self._model.encode(self._native.StorageView.from_array(made))
        (result,) = self._model.generate(
            encoded,
            [[*prompt, *self._opening()]],
            beam_size=self._beam,
            num_hypotheses=self._beam,
            max_length=len(prompt) + 8 + min(200, int((length + 1) * _TOKENS_A_SECOND)),
            suppress_tokens=[-1],
            return_scores=True,
        )
        rows = zip(result.sequences_ids, result.scores, strict=True)
        return [(self._bare(tokens), float(score)) for tokens, score in rows], encoded

    def _bare(self, tokens: list[int]) -> list[int]:
        return [one for one in tokens if one < self._specials.end]

    def _opening(self) -> list[int]:
        marks = self._specials
        return [marks.start, *marks.language, marks.no_times]

    def _prompt(self, bias: Bias) -> list[int]:
        text = prompt_words(bias, lambda words: len(self._encode(" " + words)), MAX_PROMPT)
        return [self._specials.previous, *self._encode(" " + text)] if text else []

    def _encode(self, text: str) -> list[int]:
        return list(self._tokens.encode(text, add_special_tokens=False).ids)

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokens.decode(tokens, skip_special_tokens=True))

    def _plain(self, row: tuple[list[int], float], start: float, length: float) -> Hearing:
        """A hearing that is only compared with the best: its words spread evenly, no word surer than another.

        Aligning costs twice what hearing does (measured).
        """
        tokens, score = row
        sure = math.exp(min(score, 0.0)) if math.isfinite(score) else 0.0
        groups = self._groups(tokens)
        step = length / max(1, len(groups))
        words = (
            HeardWord(clean(text), start + at * step, start + (at + 1) * step, sure)
            for at, (text, _) in enumerate(groups)
        )
        return Hearing(tuple(words), self._name, score if math.isfinite(score) else 0.0)

    def _aligned(
        self, row: tuple[list[int], float], encoded: Any, prompt: list[int], start: float, length: float
    ) -> Hearing:
        tokens, score = row
        groups = self._groups(tokens)
        if not groups:
            return Hearing((), self._name, score)
        begin = [*prompt, *self._opening()]  # the words are as sure as they were with the prompt in mind
        (aligned,) = self._model.align(
            encoded, begin, [[token for _, group in groups for token in group]], int(length * FRAMES_A_SECOND)
        )
        starts: dict[int, float] = {}
        for token, frame in aligned.alignments:
            starts.setdefault(int(token), int(frame) * 2 / FRAMES_A_SECOND)
        chances = [float(one) for one in aligned.text_token_probs]
        words, at = [], 0
        for text, group in groups:
            begins = min(starts.get(at, 0.0), length)
            ends = min(starts.get(at + len(group), length), length)
            sure = min(chances[at : at + len(group)], default=1.0)
            at += len(group)
            words.append(HeardWord(clean(text), start + begins, start + max(ends, begins), sure))
        return Hearing(tuple(words), self._name, score if math.isfinite(score) else 0.0)

    def _groups(self, tokens: list[int]) -> list[tuple[str, list[int]]]:
        """Tokens in words: a word begins where a token begins with a blank."""
        groups: list[tuple[str, list[int]]] = []
        held: list[int] = []
        for token in tokens:
            held.append(token)
            text = self._text(held)
            if "\ufffd" in text:  # half of a character
                continue
            if groups and not text.startswith(" "):
                last, before = groups[-1]
                groups[-1] = (last + text, before + held)
            else:
                groups.append((text.strip(), held))
            held = []
        return [(text, group) for text, group in groups if text.strip()]

    def _find_specials(self) -> _Specials:
        ids = {name: self._tokens.token_to_id(name) for name in _NAMES}
        if any(ids[name] is None for name in _NAMES[:4]):
            raise TelereadError("That is no Whisper model.", code="model-damaged")
        language: tuple[int, ...] = ()
        if self._model.is_multilingual:
            language = (int(ids["<|en|>"]), int(ids["<|transcribe|>"]))
        start, previous, no_times, end = (int(ids[name]) for name in _NAMES[:4])
        return _Specials(start, previous, no_times, end, language)


_NAMES: Final = (
    "<|startoftranscript|>",
    "<|startofprev|>",
    "<|notimestamps|>",
    "<|endoftext|>",
    "<|en|>",
    "<|transcribe|>",
)
