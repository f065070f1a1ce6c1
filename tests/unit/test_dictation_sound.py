"""Sound: files and FIFOs, the sealed ring, the endpointers, the child that hears."""

from __future__ import annotations

import math
import os
import struct
import sys
import threading
import wave
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from teleread.dictation import ring as ring_module
from teleread.dictation.audio import FifoSource, WavSource, read_wav
from teleread.dictation.endpoint import KeyEndpointer, VoiceEndpointer
from teleread.dictation.levels import Meter, quality
from teleread.dictation.link import ChildRecogniser
from teleread.dictation.ports import (
    BYTES_A_SECOND,
    FRAME,
    AudioSource,
    Bias,
    Capabilities,
    Cut,
    Endpointer,
    HeardWord,
    Hearing,
    Recogniser,
    SourceCapabilities,
    Utterance,
    seconds_of,
)
from teleread.dictation.ring import SEGMENT, SealedRing
from teleread.dictation.session import Dictation, Said
from teleread.dictation.whisper.loops import loops
from teleread.model.errors import IntegrityError, TelereadError, UsageError
from teleread.model.text import clean


def tone(seconds: float, level: float = 0.3, hertz: float = 440.0, rate: int = 16000) -> bytes:
    step = 2 * math.pi * hertz / rate
    count = int(seconds * rate)
    return array("h", (int(level * 32767 * math.sin(at * step)) for at in range(count))).tobytes()


def wav_file(path: Path, raw: bytes, rate: int = 16000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(raw)
    return path


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_a_tone_keeps_its_pitch_and_level_at_any_rate(tmp_path: Path, rate: int) -> None:
    import numpy as np

    got = read_wav(wav_file(tmp_path / "a.wav", tone(1.0, rate=rate), rate))
    assert abs(seconds_of(got) - 1.0) < 0.01
    samples = np.frombuffer(got, "<i2")[2000:14000].astype(float)
    peak = np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * 16000 / len(samples)
    assert abs(peak - 440) < 3
    assert abs(samples.std() / 32767 - 0.3 / math.sqrt(2)) < 0.01


def test_stereo_24_bit_and_float_files_are_read(tmp_path: Path) -> None:
    left_only = b"".join(struct.pack("<hh", 16000, 0) for _ in range(1600))
    assert array("h", read_wav(wav_file(tmp_path / "s.wav", left_only, channels=2)))[100] == pytest.approx(
        8000, abs=2
    )
    wide = b"".join(int(0.5 * 2**23).to_bytes(3, "little") for _ in range(1600))
    assert array("h", read_wav(wav_file(tmp_path / "w.wav", wide, width=3)))[100] == pytest.approx(
        16383, abs=2
    )
    data = struct.pack("<4f", 0.5, -0.5, 2.0, float("nan"))
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 16, b"WAVE", b"fmt ", 16, 3, 1, 16000, 64000, 4, 32, b"data", 16
    )
    (tmp_path / "f.wav").write_bytes(head + data)
    assert list(array("h", read_wav(tmp_path / "f.wav"))) == [16383, -16383, 32767, 0]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEdata\x10\0\0\0",
        b"ID3" + bytes(100),
        b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0ab",
    ],
)
def test_what_is_no_sound_is_refused_in_words(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.wav").write_bytes(raw)
    with pytest.raises(UsageError, match="can't be read as sound"):
        read_wav(tmp_path / "x.wav")
    with pytest.raises(UsageError, match="no such"):
        read_wav(tmp_path / "nothing.wav")


def test_a_recording_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = wav_file(tmp_path / "a.wav", tone(1.0))
    path.write_bytes(path.read_bytes()[:-16000])
    assert seconds_of(read_wav(path)) == pytest.approx(0.5)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFO")
def test_a_fifo_gives_what_another_program_writes_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    source = FifoSource(path)
    sound = tone(0.5)

    def write() -> None:
        with path.open("wb") as file:
            file.write(sound)

    writer = threading.Thread(target=write)
    writer.start()
    got = b"".join(source.frames())
    writer.join()
    assert got[: len(sound)] == sound
    assert len(got) % FRAME == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFO")
def test_a_fifo_nobody_writes_to_says_so_and_one_that_is_closed_ends(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(TelereadError, match="stopped coming"):
        list(FifoSource(path, patience=0.5).frames())
    closed = FifoSource(path)
    closed.close()
    assert list(closed.frames()) == []


def test_every_source_and_endpointer_is_what_its_port_says(tmp_path: Path) -> None:
    assert isinstance(WavSource(wav_file(tmp_path / "a.wav", tone(0.1))), AudioSource)
    assert isinstance(KeyEndpointer(), Endpointer)
    assert isinstance(VoiceEndpointer(lambda _: 0.0), Endpointer)
    assert isinstance(ChildRecogniser([], start=False), Recogniser)


def frames(sound: bytes) -> Iterator[bytes]:
    for at in range(0, len(sound), FRAME):
        yield sound[at : at + FRAME].ljust(FRAME, b"\0")


def by_level(frame: bytes) -> float:
    return 0.9 if max(map(abs, array("h", frame))) > 2000 else 0.02


def cuts_of(sound: bytes, score: Callable[[bytes], float] = by_level) -> list[tuple[float, float]]:
    cutter = VoiceEndpointer(score)
    found = [cut for frame in frames(sound) for cut in cutter.push(frame)]
    found += cutter.finish()
    return [(seconds_of(cut.start), seconds_of(cut.end)) for cut in found]


def test_voice_is_cut_at_silences_with_room_before_and_after() -> None:
    room = tone(1.0, 0.001)
    first, second = cuts_of(room + tone(1.0) + room + tone(0.6) + room)
    assert 0.6 <= first[0] <= 1.0 <= 2.0 <= first[1] <= 2.4
    assert first[1] <= second[0] <= 3.0 <= 3.6 <= second[1]


def test_a_knock_is_no_word_and_distant_speech_does_not_pass_the_gate() -> None:
    room = tone(1.0, 0.001)
    assert cuts_of(room + tone(0.06) + room) == []
    assert cuts_of(tone(3.0, 0.0004), lambda _: 0.99) == []


def test_long_speech_is_cut_before_a_recogniser_would_stop_listening() -> None:
    found = cuts_of(tone(0.5, 0.001) + tone(70.0))
    assert len(found) >= 3
    assert all(end - start <= 28.5 for start, end in found)
    cutter = KeyEndpointer()
    sound = tone(20.0) + tone(0.5, 0.0005) + tone(20.0)
    parts = [cut for frame in frames(sound) for cut in cutter.push(frame)] + list(cutter.finish())
    assert [cut.start for cut in parts[1:]] == [cut.end for cut in parts[:-1]]
    assert 20.0 <= seconds_of(parts[0].end) <= 20.6


def test_the_meter_tells_poor_sound() -> None:
    meter = Meter()
    for frame in frames(tone(1.0, 0.001)):
        meter.push(frame)
    assert not meter.near or meter.level > 0.0008
    assert quality(tone(1.0, 0.3) + bytes(BYTES_A_SECOND)) == ""
    assert quality(tone(1.0, 0.002) + bytes(BYTES_A_SECOND)) == "faint"
    assert quality(tone(1.0, 0.3)) == "noisy"
    assert quality(array("h", [32767, -32768] * 8000).tobytes() + bytes(32000)) == "cut off"


def test_the_ring_gives_back_every_byte_until_it_is_released() -> None:
    held = SealedRing()
    sound = tone(5.3)
    for frame in frames(sound):
        held.append(frame)
    assert held.read(0, len(sound)) == sound
    assert held.read(40_000, 130_001) == sound[40_000:130_001]
    held.release(2 * SEGMENT + 10)
    assert held.start == 2 * SEGMENT
    with pytest.raises(IntegrityError):
        held.read(0, 10)
    assert held.read(2 * SEGMENT, len(sound)) == sound[2 * SEGMENT :]


def test_sound_on_disk_is_sealed_and_found_again_with_its_key_alone(tmp_path: Path) -> None:
    key, sound = bytes(32), tone(2.5)
    held = SealedRing(key, tmp_path / "sound")
    held.append(sound)
    held.flush()
    for path in (tmp_path / "sound").iterdir():
        assert sound[1000:1100] not in path.read_bytes()
    again = SealedRing(key, tmp_path / "sound")
    assert again.read(0, len(sound)) == sound
    with pytest.raises(IntegrityError):
        SealedRing(bytes(31) + b"x", tmp_path / "sound")
    again.destroy()
    assert not (tmp_path / "sound").exists()


def test_a_full_disk_loses_no_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = SealedRing(bytes(32), tmp_path / "sound")
    sound = tone(4.0)
    held.append(sound[: 2 * SEGMENT])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ring_module.SealedRing, "_write", staticmethod(full))
    held.append(sound[2 * SEGMENT :])
    assert not held.on_disk
    assert held.read(0, len(sound)) == sound


CHILD = """
import os, sys
from teleread.imaging import framewire as wire
inward, outward = os.fdopen(0, "rb", buffering=0), os.fdopen(1, "wb")
wire.write_message(outward, {"kind": "hello"})
while True:
    request, sound = wire.read_message(inward, 10**7)
    flag = sys.argv[1]
    if not os.path.exists(flag):
        os.mkdir(flag)
        os._exit(9)
    if request["carrier"] == "nonsense":
        wire.write_message(outward, {"kind": "heard", "engines": 3})
        continue
    words = [["heard\\x1b[2J", request["start"] - 5, 10**9, 7], [str(len(sound)), 0, 0, 0.5]]
    told = {"words": words, "engine": "e", "score": -1}
    wire.write_message(outward, {"kind": "heard", "engines": [[told]]})
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildRecogniser]:
    made = ChildRecogniser([tmp_path / "died"], argv=(sys.executable, "-c", CHILD), start=False, patience=60)
    yield made
    made.close()


def test_a_child_that_dies_is_replaced_and_the_same_sound_heard(child: ChildRecogniser) -> None:
    heard = child.recognise(tone(1.0), 3.0, Bias())
    assert [word.text for word in heard.best.words][1] == str(BYTES_A_SECOND)
    assert child.restarts == 1


def test_what_a_child_answers_is_not_believed(child: ChildRecogniser) -> None:
    word = child.recognise(tone(1.0), 3.0, Bias()).best.words[0]
    assert word.text == "heard[2J"
    assert (word.start, word.end, word.confidence) == (3.0, 4.0, 1.0)
    with pytest.raises(TelereadError, match="nonsense"):
        child.recognise(tone(1.0), 0.0, Bias(carrier="nonsense"))


def test_a_child_that_never_starts_says_so_and_keeps_the_sound(tmp_path: Path) -> None:
    made = ChildRecogniser([], argv=(sys.executable, "-c", "pass"), start=False)
    with pytest.raises(TelereadError, match="stops again"):
        made.recognise(tone(0.1), 0.0, Bias())
    made.close()


class Scripted:
    """A recogniser that hears what it is told, or fails."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.heard: list[bytes] = []

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("scripted")

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        text = self.texts.pop(0)
        if text == "!":
            raise TelereadError("The recogniser stops again and again.")
        self.heard.append(audio)
        end = start + seconds_of(audio)
        words = tuple(HeardWord(clean(word), start, end, 0.99) for word in text.split())
        return Utterance(start, end, Hearing(words, "scripted"))

    def close(self) -> None: ...


class Breaking:
    """A source that goes away in mid-sentence."""

    def __init__(self, sound: bytes) -> None:
        self.sound = sound

    @property
    def capabilities(self) -> SourceCapabilities:
        return SourceCapabilities("breaking", live=True)

    def frames(self) -> Iterator[bytes]:
        yield from frames(self.sound)
        raise TelereadError("The sound stopped coming.")

    def close(self) -> None: ...


def spoken(seconds: float) -> bytes:
    return tone(0.6, 0.001) + tone(seconds) + tone(0.8, 0.001)


def test_sound_is_released_only_once_its_words_were_given_on(tmp_path: Path) -> None:
    said = spoken(1.0) + spoken(1.2)
    dictation = Dictation(Scripted("no effusion full stop", "heart normal full stop"))
    source = WavSource(wav_file(tmp_path / "a.wav", said))
    texts = []
    for one in dictation.listen(source, scorer=lambda: VoiceEndpointer(by_level)):
        assert dictation.ring.read(one.cut.start, one.cut.end)
        texts.append(one.text)
    assert texts == ["No effusion.", "Heart normal."]
    assert dictation.ring.start > 0


def test_a_recogniser_that_gives_up_leaves_the_sound_to_be_heard_again(tmp_path: Path) -> None:
    hearing = Scripted("first full stop", "!", "second full stop")
    dictation = Dictation(hearing)
    source = WavSource(wav_file(tmp_path / "a.wav", spoken(1.0) + spoken(1.2)))
    given: list[Said] = []
    hears = dictation.listen(source, scorer=lambda: VoiceEndpointer(by_level))
    with pytest.raises(TelereadError):
        _collected(hears, given)
    assert [one.text for one in given] == ["First."]
    last = given[-1].cut
    dictation.ring.flush()
    rest = Dictation(hearing, ring=dictation.ring)
    assert rest.hear(Cut(max(last.end, rest.ring.start), rest.ring.end)).text == "Second."


def _collected(hears: Iterator[Said], into: list[Said]) -> None:
    for one in hears:
        into.append(one)


def test_a_source_that_goes_away_keeps_what_was_said(tmp_path: Path) -> None:
    held = SealedRing(bytes(32), tmp_path / "sound")
    dictation = Dictation(Scripted("unused"), ring=held)
    said = tone(0.6, 0.001) + tone(1.5)
    with pytest.raises(TelereadError, match="stopped coming"):
        list(dictation.listen(Breaking(said), scorer=lambda: VoiceEndpointer(by_level)))
    again = SealedRing(bytes(32), tmp_path / "sound")
    assert again.read(0, len(said))[: len(said)] == said


@pytest.mark.parametrize(
    ("text", "looping"),
    [
        ("scratch that " * 5, True),
        ("no no no no no", True),
        ("1 2 3 4 5 6", False),
        ("no effusion. no collection.", False),
    ],
)
def test_a_loop_is_told_from_speech(text: str, looping: bool) -> None:
    assert loops(text) is looping
