"""Adapters of the recogniser port: which one a folder is for, and that each keeps the port's promises."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from teleread.dictation import engines
from teleread.dictation.audio import read_wav
from teleread.dictation.commands import Grammar
from teleread.dictation.models import in_use, install, models, verify
from teleread.dictation.ports import BYTES_A_SECOND, Bias, Recogniser, Utterance
from teleread.dictation.sherpa import SherpaEngine, layout_of
from teleread.dictation.sphinx import SphinxCommands, jsgf
from teleread.model.errors import TelereadError, UsageError

SOUND = Path(__file__).parent.parent / "data" / "dictation" / "scratch-that.wav"
MADE_UP = Path(__file__).parent.parent / "data" / "dictation" / "sherpa-ctc"
"""A CTC model of one layer with random weights: it hears nonsense, but the library loads and runs it."""
SHERPA_MODEL = Path(os.environ.get("TELEREAD_SHERPA_MODEL", str(MADE_UP)))
K2, NEMO = "<blk> 0\n▁NO 1\n▁LEFT 2\n", "▁no 0\n▁left 1\n<blk> 2\n"


def folder_of(path: Path, *names: str, tokens: str = K2) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text(tokens if name.endswith("tokens.txt") else "weights", "utf-8")
    return path


class Stream:
    """A stream of the library, doubled."""

    def __init__(self, hotwords: str = "") -> None:
        self.hotwords, self.samples, self.ready = hotwords, 0, 0
        self.result: Any = None

    def accept_waveform(self, rate: int, wave: Any) -> None:
        assert rate == 16_000
        assert float(abs(wave).max(initial=0.0)) <= 1.0
        self.samples += len(wave)
        self.ready = 1

    def input_finished(self) -> None:
        self.ready = 1


class Made:
    """A recogniser of the library, doubled: it hears the same few tokens whatever it is given."""

    def __init__(self, maker: str, given: dict[str, Any]) -> None:
        self.maker, self.given, self.streams = maker, given, list[Stream]()

    def create_stream(self, hotwords: str = "") -> Stream:
        self.streams.append(Stream(hotwords))
        return self.streams[-1]

    def is_ready(self, stream: Stream) -> bool:
        stream.ready, was = 0, stream.ready
        return bool(was)

    def decode_stream(self, stream: Stream) -> None:
        stream.result = SimpleNamespace(
            text="NO LEFT EFFUSION",
            tokens=["▁NO", "▁LEFT", "▁EFF", "USION"],
            timestamps=[0.1, 0.3, 0.6, 0.8],
            ys_log_probs=[-0.01, -0.02, -0.03, -2.0],
        )

    def get_result_all(self, stream: Stream) -> Any:
        return stream.result


class Kind:
    """One class of the library, doubled: any maker that its real one has."""

    def __getattr__(self, maker: str) -> Callable[..., Made]:
        return lambda **given: Made(maker, given)


LIBRARY = SimpleNamespace(OfflineRecognizer=Kind(), OnlineRecognizer=Kind())
ZIPFORMER = ("encoder-epoch-9.onnx", "decoder-epoch-9.onnx", "joiner-epoch-9.onnx", "tokens.txt")
LAYOUTS = [
    (ZIPFORMER, K2, "from_transducer", False),
    ((*ZIPFORMER, "bpe.vocab"), K2, "from_transducer", False),
    (
        tuple(name.replace(".onnx", "-chunk-16-left-128.int8.onnx") for name in ZIPFORMER),
        K2,
        "from_transducer",
        True,
    ),
    (
        ("encoder.int8.onnx", "decoder.int8.onnx", "joiner.int8.onnx", "tokens.txt"),
        NEMO,
        "from_transducer",
        False,
    ),
    (
        ("base.en-encoder.onnx", "base.en-decoder.int8.onnx", "base.en-tokens.txt"),
        K2,
        "from_whisper",
        False,
    ),
    (
        (
            "preprocess.onnx",
            "encode.int8.onnx",
            "uncached_decode.int8.onnx",
            "cached_decode.int8.onnx",
            "tokens.txt",
        ),
        K2,
        "from_moonshine",
        False,
    ),
    (("medasr.int8.onnx", "tokens.txt"), K2, "from_medasr_ctc", False),
    (("model.int8.onnx", "model.onnx", "tokens.txt"), NEMO, "from_nemo_ctc", False),
    (("ctc-epoch-9.onnx", "tokens.txt"), K2, "from_zipformer_ctc", False),
    (("ctc-epoch-9-chunk-16.onnx", "tokens.txt"), K2, "from_zipformer2_ctc", True),
]


@pytest.mark.parametrize(("names", "tokens", "maker", "streams"), LAYOUTS)
def test_a_model_is_told_by_its_files_and_loaded_with_what_the_library_takes(
    tmp_path: Path, names: tuple[str, ...], tokens: str, maker: str, streams: bool
) -> None:
    found = layout_of(folder_of(tmp_path / "m", *names, tokens=tokens))
    assert (found.maker, found.streams) == (maker, streams)
    assert all(name in names for name in found.files.values())
    if importlib.util.find_spec("sherpa_onnx") is None:
        return
    library: Any = importlib.import_module("sherpa_onnx")
    owner = library.OnlineRecognizer if streams else library.OfflineRecognizer
    given = {**found.files, **dict(found.more), "num_threads": 1}
    inspect.signature(getattr(owner, maker)).bind(**given)


def test_the_smaller_of_two_files_is_taken_and_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    both = folder_of(tmp_path / "both", "model.onnx", "model.int8.onnx", "tokens.txt", tokens=NEMO)
    assert layout_of(both).files["model"] == "model.int8.onnx"
    for names in (("tokens.txt",), ("model.onnx",)):
        with pytest.raises(TelereadError, match="no model"):
            layout_of(folder_of(tmp_path / names[0], *names))


def keeps_its_promises(engine: Recogniser, audio: bytes, bias: Bias) -> Utterance:
    """What every adapter promises: words in order, inside the utterance, twice the same."""
    assert isinstance(engine, Recogniser)
    assert engine.capabilities.name
    assert engine.capabilities.sample_rate == 16_000
    length = len(audio) / BYTES_A_SECOND
    first = engine.recognise(audio, 5.0, bias)
    assert first.start == 5.0
    assert first.end == pytest.approx(5.0 + length)
    for words in (first.best.words, *(other.words for other in first.others)):
        at = 5.0
        for word in words:
            assert word.text.strip() == word.text != ""
            assert at <= word.start <= word.end <= 5.0 + length + 1e-6
            assert 0.0 <= word.confidence <= 1.0
            at = word.start
    assert engine.recognise(audio, 5.0, bias) == first
    assert engine.recognise(b"", 5.0, bias).end == 5.0  # nothing was said: it does not fail
    return first


BIAS = Bias(("ground-glass", "T2-weighted", "costophrenic"), "Findings colon")


@pytest.mark.parametrize("names", [LAYOUTS[0][0], LAYOUTS[1][0], LAYOUTS[2][0]])
def test_sherpa_keeps_the_promises_of_the_port(tmp_path: Path, names: tuple[str, ...]) -> None:
    engine = SherpaEngine(folder_of(tmp_path / "m", *names), library=LIBRARY)
    heard = keeps_its_promises(engine, bytes(BYTES_A_SECOND), BIAS)
    assert [(word.text, round(word.start, 2)) for word in heard.best.words] == [
        ("no", 5.1),
        ("left", 5.3),
        ("effusion", 5.6),
    ]
    assert heard.best.words[2].confidence == pytest.approx(0.135, abs=0.01)  # the least sure of its parts
    engine.close()


def test_hotwords_are_the_words_of_the_case_for_a_model_that_takes_them(tmp_path: Path) -> None:
    plain = SherpaEngine(folder_of(tmp_path / "plain", *ZIPFORMER), library=LIBRARY)
    biased = SherpaEngine(folder_of(tmp_path / "biased", *ZIPFORMER, "bpe.vocab"), library=LIBRARY)
    assert not plain.capabilities.bias
    assert biased.capabilities.bias
    assert plain._hotwords(BIAS) == ""
    assert biased._hotwords(BIAS) == "GROUND GLASS/T WEIGHTED/COSTOPHRENIC"


def test_words_without_times_are_spread_over_the_utterance(tmp_path: Path, monkeypatch: Any) -> None:
    engine = SherpaEngine(folder_of(tmp_path / "m", *ZIPFORMER), library=LIBRARY)
    told = SimpleNamespace(text="no left effusion", tokens=[], timestamps=[])
    monkeypatch.setattr(Made, "decode_stream", lambda self, stream: setattr(stream, "result", told))
    words = engine.recognise(bytes(3 * BYTES_A_SECOND), 0.0, BIAS).best.words
    assert [(word.text, word.start, word.end) for word in words] == [
        ("no", 0, 1),
        ("left", 1, 2),
        ("effusion", 2, 3),
    ]


def test_a_grammar_holds_every_phrase_once_and_nothing_else_that_could_be_said() -> None:
    assert jsgf(["Next field", "next field", "3", "go to impression"]) == (
        "#JSGF V1.0;\ngrammar commands;\npublic <command> = next field | go to impression;\n"
    )


class Decoder:
    """A decoder of pocketsphinx, doubled."""

    def __init__(self, **settings: Any) -> None:
        self.heard, self.grammar = 0, ""

    def lookup_word(self, word: str) -> str | None:
        return None if word == "autotext" else word

    def add_jsgf_string(self, name: str, text: str) -> None:
        self.grammar = text

    def activate_search(self, name: str) -> None:
        assert self.grammar

    def reinit_feat(self) -> None:
        pass

    def start_utt(self) -> None:
        self.heard = 0

    def process_raw(self, audio: bytes, *, no_search: bool, full_utt: bool) -> None:
        self.heard = len(audio)

    def end_utt(self) -> None:
        pass

    def hyp(self) -> object | None:
        return self if self.heard else None

    def seg(self) -> list[SimpleNamespace]:
        rows = [("<s>", 0, 9), ("next", 10, 40), ("field(2)", 41, 80), ("<sil>", 81, 99)]
        return [SimpleNamespace(word=word, start_frame=a, end_frame=b) for word, a, b in rows]


def test_pocketsphinx_keeps_the_promises_of_the_port_and_is_for_commands_alone() -> None:
    engine = SphinxCommands(library=SimpleNamespace(Decoder=Decoder))
    heard = keeps_its_promises(engine, bytes(BYTES_A_SECOND), Bias())
    assert heard.best.text == "next field"
    assert engine.capabilities.commands_only
    assert not engine.capabilities.confidence
    assert "autotext" not in engine._decoder.grammar  # a word its dictionary has not would stop it


@pytest.mark.skipif(
    importlib.util.find_spec("pocketsphinx") is None,
    reason="NOT RUN: pocketsphinx is not installed (pip install 'teleread[sphinx]')",
)
def test_the_real_pocketsphinx_hears_a_command_and_keeps_the_promises_of_the_port() -> None:
    engine = SphinxCommands(phrases=[*Grammar(("normal-chest",)).phrases])
    heard = keeps_its_promises(engine, read_wav(SOUND)[: 6 * BYTES_A_SECOND], Bias())
    assert Grammar(("normal-chest",)).match(heard.best.text) is not None  # it forces all it hears
    engine.close()


@pytest.mark.skipif(
    importlib.util.find_spec("sherpa_onnx") is None,
    reason="NOT RUN: sherpa-onnx is not installed (teleread[sherpa]); for a model that hears words, "
    "which no package has, set TELEREAD_SHERPA_MODEL to its folder",
)
def test_the_real_sherpa_onnx_keeps_the_promises_of_the_port() -> None:
    engine = SherpaEngine(SHERPA_MODEL)
    heard = keeps_its_promises(engine, read_wav(SOUND)[: 6 * BYTES_A_SECOND], BIAS)
    assert heard.best.words
    engine.close()


def test_a_folder_for_sherpa_is_put_in_place_with_its_engine_and_a_package_may_bring_another(
    tmp_path: Path, monkeypatch: Any
) -> None:
    place = tmp_path / "speech"
    made = install(place, str(folder_of(tmp_path / "parakeet", "model.int8.onnx", "tokens.txt")))
    assert (made.name, made.engine, made.known) == ("parakeet", "sherpa", False)
    assert verify(made)
    own = folder_of(tmp_path / "own", "weights.dat")
    with pytest.raises(UsageError, match="no such engine"):
        install(place, str(own), engine="theirs")
    point = SimpleNamespace(name="theirs", load=lambda: lambda folder: f"made of {folder.name}")
    monkeypatch.setattr(engines, "entry_points", lambda group, name="": [point] if name != "gone" else [])
    other = install(place, str(own), engine="theirs")
    assert str(engines.open_engine(other.folder)) == "made of own"
    assert [one.name for one in models(place)] == ["own", "parakeet"]
    (other.folder / "manifest.json").write_text(json.dumps({"engine": "gone", "files": {}}), "utf-8")
    with pytest.raises(TelereadError, match="engine for this speech model is not installed"):
        engines.open_engine(other.folder)


def test_what_hears_commands_alone_is_never_asked_for_report_text(tmp_path: Path) -> None:
    place = tmp_path / "speech"
    install(place, str(folder_of(tmp_path / "grammar", "notes.txt")), engine="sphinx")
    with pytest.raises(UsageError, match="No speech model"):
        in_use(place)
    install(place, str(folder_of(tmp_path / "zip", *ZIPFORMER)))
    assert [one.name for one in in_use(place)] == ["zip"]


def test_a_manifest_that_says_nothing_or_nonsense_is_whispers(tmp_path: Path) -> None:
    for text in ("", "[]", '{"engine": 3}', '{"files": {}}'):
        (tmp_path / "manifest.json").write_text(text, "utf-8")
        assert engines.engine_of(tmp_path) == "whisper"


@pytest.mark.parametrize("adapter", [SherpaEngine, SphinxCommands])
def test_an_adapter_without_its_library_says_what_to_install(
    tmp_path: Path, adapter: Any, monkeypatch: Any
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(f"{adapter.__module__}.importlib.import_module", missing)
    with pytest.raises(TelereadError, match="not installed") as told:
        adapter(folder_of(tmp_path / "m", *ZIPFORMER))
    assert "pip install 'teleread[" in told.value.remedy
