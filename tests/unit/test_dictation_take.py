"""A take: what is said goes to the draft it was said for, and nothing is lost whoever dies."""

from __future__ import annotations

import queue
import threading
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from teleread.dictation.endpoint import KeyEndpointer, VoiceEndpointer
from teleread.dictation.placing import Anchor, place, span_now
from teleread.dictation.ports import (
    FRAME,
    Bias,
    Capabilities,
    HeardWord,
    Hearing,
    SourceCapabilities,
    Utterance,
    seconds_of,
)
from teleread.dictation.ring import SealedRing
from teleread.dictation.session import Dictation, Said
from teleread.dictation.take import Standing, Take
from teleread.model.errors import TelereadError
from teleread.model.text import clean

KEY = bytes(32)
LOUD = array("h", [9000, -9000] * (FRAME // 4)).tobytes()
QUIET = array("h", [3, -3] * (FRAME // 4)).tobytes()


def speech(seconds: float = 0.3) -> list[bytes]:
    """Frames of an utterance with its silence behind it."""
    return [LOUD] * int(seconds / 0.032) + [QUIET] * 20


class Fed:
    """A source that is fed by the test."""

    def __init__(self) -> None:
        self.frames_in: queue.Queue[bytes | Exception | None] = queue.Queue()

    capabilities = SourceCapabilities("fed", live=True)

    def feed(self, frames: list[bytes]) -> None:
        for frame in frames:
            self.frames_in.put(frame)

    def frames(self) -> Iterator[bytes]:
        while (frame := self.frames_in.get(timeout=30)) is not None:
            if isinstance(frame, Exception):
                raise frame
            yield frame

    def close(self) -> None:
        self.frames_in.put(None)


class Scripted:
    """A recogniser that says what it is told, another hearing behind a bar; the gate holds it back."""

    def __init__(self, *said: str) -> None:
        self.said = list(said)
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[bytes] = []
        self.fails = 0

    capabilities = Capabilities("scripted")

    def recognise(self, audio: bytes, start: float, bias: Bias) -> Utterance:
        assert self.gate.wait(30)
        self.asked.append(audio)
        if self.fails:
            self.fails -= 1
            raise TelereadError("The recogniser stops again and again.", code="recogniser-stopped")
        best, _, other = (self.said.pop(0) if len(self.said) > 1 else self.said[0]).partition(" | ")
        length = seconds_of(audio)
        hearings = [_hearing(words.split(), start, length) for words in (best, other) if words]
        return Utterance(start, start + length, hearings[0], tuple(hearings[1:]))

    def close(self) -> None:
        pass


def _hearing(words: list[str], start: float, length: float) -> Hearing:
    step = length / len(words)
    heard = tuple(
        HeardWord(clean(word), start + step * at, start + step * (at + 1), 0.9)
        for at, word in enumerate(words)
    )
    return Hearing(heard, "scripted")


class Heard:
    """A listener that keeps what it is given."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.kept: list[tuple[int, Said]] = []
        self.states: list[Standing] = []
        self.troubles: list[TelereadError] = []
        self.done = threading.Event()
        self.keeps = True

    def began(self, number: int) -> None:
        self.numbers.append(number)

    def before(self, number: int) -> str:
        return " ".join(said.text for _, said in self.kept)

    def keep(self, number: int, said: Said) -> bool:
        if self.keeps:
            self.kept.append((number, said))
        return self.keeps

    def stands(self, standing: Standing) -> None:
        self.states.append(standing)

    def trouble(self, error: TelereadError) -> None:
        self.troubles.append(error)

    def ended(self) -> None:
        self.done.set()


def by_level(frame: bytes) -> float:
    return 0.9 if max(array("h", frame)) > 2000 else 0.02


def voice(offset: int) -> VoiceEndpointer:
    return VoiceEndpointer(by_level, offset=offset)


def take_of(ring: SealedRing, source: Fed | None, hears: Scripted, heard: Heard) -> Take:
    made = Take(Dictation(hears, ring=ring), source, voice, heard)
    made.start()
    return made


def texts(heard: Heard) -> list[str]:
    return [said.text for _, said in heard.kept]


def test_utterances_come_in_order_each_with_the_number_it_began_with(tmp_path: Path) -> None:
    ring, source, heard = SealedRing(KEY, tmp_path / "s"), Fed(), Heard()
    take = take_of(ring, source, Scripted("no effusion", "heart is normal"), heard)
    source.feed(speech() + speech())
    source.close()
    assert heard.done.wait(30)
    assert take.wait(30)
    assert texts(heard) == ["No effusion", "heart is normal"]
    assert [number for number, _ in heard.kept] == heard.numbers == [1, 2]
    assert {"hearing", "recognising", "off"} <= {one.state for one in heard.states}
    assert ring.heard == ring.end > 0


def test_the_key_let_go_ends_the_utterance_without_waiting_for_silence(tmp_path: Path) -> None:
    ring, source, heard = SealedRing(KEY, tmp_path / "s"), Fed(), Heard()
    take = Take(Dictation(Scripted("no effusion"), ring=ring), source, KeyEndpointer, heard)
    take.start()
    source.feed([LOUD] * 20)
    take.stop()
    assert heard.done.wait(30)
    assert texts(heard) == ["No effusion"]


def test_a_source_that_goes_away_in_mid_sentence_keeps_what_was_said(tmp_path: Path) -> None:
    ring, source, heard = SealedRing(KEY, tmp_path / "s"), Fed(), Heard()
    take_of(ring, source, Scripted("small nodule"), heard)
    source.feed([LOUD] * 20)
    source.frames_in.put(TelereadError("The microphone went away.", code="microphone-gone"))
    assert heard.done.wait(30)
    assert [one.code for one in heard.troubles] == ["microphone-gone"]
    assert texts(heard) == ["Small nodule"]


def test_sound_a_recogniser_gave_up_on_is_heard_by_the_next_take(tmp_path: Path) -> None:
    ring, source, heard = SealedRing(KEY, tmp_path / "s"), Fed(), Heard()
    hears = Scripted()
    hears.fails = 1
    take = take_of(ring, source, hears, heard)
    source.feed(speech() + speech())
    source.close()
    assert heard.done.wait(30)
    assert take.failed
    assert texts(heard) == []
    again, later = SealedRing(KEY, tmp_path / "s"), Heard()
    assert again.end - again.heard == ring.end
    take_of(again, None, Scripted("no effusion", "heart is normal"), later)
    assert later.done.wait(30)
    assert texts(later) == ["No effusion", "heart is normal"]
    assert SealedRing(KEY, tmp_path / "s").heard == again.end


def test_words_that_could_not_be_written_are_heard_again_not_lost(tmp_path: Path) -> None:
    ring, source, heard = SealedRing(KEY, tmp_path / "s"), Fed(), Heard()
    heard.keeps = False
    take_of(ring, source, Scripted("no effusion"), heard)
    source.feed(speech())
    source.close()
    assert heard.done.wait(30)
    later = Heard()
    take_of(SealedRing(KEY, tmp_path / "s"), None, Scripted("no effusion"), later)
    assert later.done.wait(30)
    assert texts(later) == ["No effusion"]


def test_a_terminal_that_is_gone_in_mid_utterance_leaves_sealed_sound_to_hear(tmp_path: Path) -> None:
    ring, source, heard = SealedRing(KEY, tmp_path / "s"), Fed(), Heard()
    hears = Scripted("never")
    hears.gate.clear()
    take_of(ring, source, hears, heard)
    source.feed([LOUD] * 70)
    wait_for(lambda: ring.end == 70 * FRAME)
    later = Heard()  # the first take never ends: its process is as good as dead
    take_of(SealedRing(KEY, tmp_path / "s"), None, Scripted("lungs are clear"), later)
    assert later.done.wait(30)
    assert texts(later) == ["Lungs are clear"]
    assert not any(LOUD[:64] in one.read_bytes() for one in (tmp_path / "s").iterdir())
    source.close()
    hears.gate.set()
    assert heard.done.wait(30)


def test_a_full_disk_keeps_the_sound_sealed_in_memory_and_hears_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, source, heard = SealedRing(KEY, tmp_path / "s"), Fed(), Heard()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SealedRing, "_write", staticmethod(full))
    hears = Scripted("no effusion")
    take_of(ring, source, hears, heard)
    source.feed(speech(2.0))
    source.close()
    assert heard.done.wait(30)
    assert texts(heard) == ["No effusion"]
    assert not ring.on_disk
    assert LOUD in hears.asked[-1]


def wait_for(seen: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if seen():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come to pass")


def test_words_still_being_said_are_shown_before_they_end(tmp_path: Path) -> None:
    ring, source, heard = SealedRing(KEY, tmp_path / "s"), Fed(), Heard()
    hears = Scripted("the heart", "the heart is normal")
    take_of(ring, source, hears, heard)
    source.feed([LOUD] * 60)
    wait_for(lambda: any(one.ghost == "the heart" for one in heard.states))
    assert texts(heard) == []
    source.feed([QUIET] * 20)
    source.close()
    assert heard.done.wait(30)
    assert texts(heard) == ["The heart is normal"]
    assert heard.states[-1].ghost == ""


def test_silenced_sound_is_gone_from_disk_and_the_rest_stands(tmp_path: Path) -> None:
    ring = SealedRing(KEY, tmp_path / "s")
    ring.append(LOUD * 100)
    ring.flush()
    ring.silence(FRAME * 10, FRAME * 50)
    again = SealedRing(KEY, tmp_path / "s")
    assert again.read(FRAME * 10, FRAME * 50) == bytes(FRAME * 40)
    assert again.read(0, FRAME * 10) == LOUD * 10
    assert again.read(FRAME * 50, FRAME * 100) == LOUD * 50
    digest, seconds = again.digest()
    assert len(digest) == 64
    assert seconds == pytest.approx(3.2)
    again.destroy()
    assert not (tmp_path / "s").exists()


# -- where words go -----------------------------------------------------------------------------------


def test_words_go_where_the_cursor_was_whatever_was_typed_since() -> None:
    anchor = Anchor("findings", "The liver. The spleen.", 10, 10)
    assert place(anchor, anchor.text, "No stones.").text == "The liver. No stones. The spleen."
    typed = "Seen. The liver. The spleen is big."
    assert place(anchor, typed, "No stones.").text == "Seen. The liver. No stones. The spleen is big."
    gone = place(anchor, "Rewritten", "No stones.")
    assert gone.text.endswith("No stones.")


def test_a_chosen_field_is_replaced_and_what_was_typed_at_the_place_stands_behind() -> None:
    field = Anchor("findings", "Spleen: [?Size] today", 8, 15)
    made = place(field, "Spleen: [?Size] today", "12 cm")
    assert made.text == "Spleen: 12 cm today"
    assert made.replaced == "[?Size]"
    empty = Anchor("impression", "", 0, 0)
    assert place(empty, "typed", "No stones.").text == "No stones. typed"


@pytest.mark.parametrize(
    ("before", "now", "span", "found"),
    [
        ("abc def", "abc def", (4, 7), (4, 7)),
        ("abc def", "xx abc def", (4, 7), (7, 10)),
        ("abc def", "abc dxf", (4, 7), None),
        ("abc def", "abc def ghi", (4, 7), (4, 7)),
        ("", "new", (0, 0), (0, 0)),
    ],
)
def test_a_stretch_is_found_again_after_an_edit_or_not_at_all(
    before: str, now: str, span: tuple[int, int], found: tuple[int, int] | None
) -> None:
    assert span_now(before, now, *span) == found


def test_a_process_that_is_killed_leaves_the_second_that_ran_but_for_a_quarter(tmp_path: Path) -> None:
    ring = SealedRing(KEY, tmp_path / "s")
    ring.append(LOUD * 70)  # two seconds and a bit; nothing is flushed: the process is as good as dead
    again = SealedRing(KEY, tmp_path / "s")
    assert ring.end - again.end < 8000
    assert again.read(0, again.end) == (LOUD * 70)[: again.end]
    again.append(QUIET * 40)
    again.flush()
    third = SealedRing(KEY, tmp_path / "s")
    assert third.read(0, third.end) == (LOUD * 70)[: again.start + third.end - 40 * FRAME] + QUIET * 40


def test_sound_taken_back_in_the_second_that_runs_is_gone_from_disk_too(tmp_path: Path) -> None:
    ring = SealedRing(KEY, tmp_path / "s")
    ring.append(LOUD * 20)
    ring.silence(0, 20 * FRAME)
    again = SealedRing(KEY, tmp_path / "s")
    assert again.end > 0
    assert again.read(0, again.end) == bytes(again.end)
    ring.destroy()
    assert not (tmp_path / "s").exists()
