"""Recognisers of the bench: one child a model, what it heard kept by sound, model and bias.

Text, marks and commands can be scored again without hearing everything again, and two models together cost
no third run: their hearings are put together as the product's child does.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from teleread.dictation.agree import together
from teleread.dictation.link import ChildRecogniser
from teleread.dictation.models import Model
from teleread.dictation.ports import Bias, Capabilities, HeardWord, Hearing, Utterance
from teleread.model.text import clean

__all__ = ["Heard", "Together"]


class Heard:
    """One model; implements `Recogniser`.

    Args:
        model: The model.
        folder: Where hearings are kept.
    """

    def __init__(self, model: Model, folder: Path) -> None:
        self.model, self._folder = model, folder
        self._child: ChildRecogniser | None = None
        self.spent = 0.0
        """Processor seconds of the last utterance, measured when it was heard first."""
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def capabilities(self) -> Capabilities:
        """Its name is what matters here."""
        return Capabilities(self.model.name, bias=True, times=True, confidence=True, alternatives=True)

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        """Hear an utterance, or remember what was heard."""
        told = json.dumps([self.model.sha256, start, bias.phrases, bias.carrier]).encode()
        path = self._folder / f"{hashlib.sha256(told + audio).hexdigest()[:32]}.json"
        if path.exists():
            kept = json.loads(path.read_text("utf-8"))
        else:
            kept = self._ask(audio, start, bias)
            path.write_text(json.dumps(kept), "utf-8")
        self.spent = float(kept["spent"])
        return _utterance(kept["utterance"])

    def _ask(self, audio: bytes, start: float, bias: Bias) -> dict[str, Any]:
        if self._child is None:
            self._child = ChildRecogniser([self.model.folder], patience=600)
            self._child.recognise(bytes(32_000), 0.0, bias)  # loading is not hearing
        before = _processor(self._child.pid)
        heard = self._child.recognise(audio, start, bias)
        return {"spent": _processor(self._child.pid) - before, "utterance": asdict(heard)}

    def peak(self) -> float:
        """Most memory its child had, MiB; 0 where nothing had to be heard or the system does not tell."""
        try:
            told = Path(f"/proc/{self._child.pid if self._child else 0}/status").read_text()
        except OSError:
            return 0.0
        return next((int(row.split()[1]) / 1024 for row in told.splitlines() if row.startswith("VmHWM")), 0.0)

    def close(self) -> None:
        """End its child."""
        if self._child is not None:
            self._child.close()


class Together:
    """Models together, as the product's child puts them; implements `Recogniser`."""

    def __init__(self, engines: Sequence[Heard]) -> None:
        self._engines = tuple(engines)

    @property
    def capabilities(self) -> Capabilities:
        """Their names."""
        return Capabilities(" + ".join(one.model.name for one in self._engines))

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        """Each hears it, one after the other."""
        return together([one.recognise(audio, start, bias) for one in self._engines])

    @property
    def spent(self) -> float:
        """Processor seconds of the last utterance."""
        return sum(one.spent for one in self._engines)

    def close(self) -> None:
        """The children are closed by who made them."""


def _processor(pid: int | None) -> float:
    """Processor seconds a child has had; by the wall where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.perf_counter()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def _utterance(raw: dict[str, Any]) -> Utterance:
    others = tuple(map(_hearing, raw["others"]))
    return Utterance(raw["start"], raw["end"], _hearing(raw["best"]), others, raw["poor_audio"])


def _hearing(raw: dict[str, Any]) -> Hearing:
    words = tuple(
        HeardWord(clean(one["text"]), one["start"], one["end"], one["confidence"]) for one in raw["words"]
    )
    return Hearing(words, raw["engine"], raw["score"])
