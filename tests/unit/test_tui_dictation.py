"""Dictation on the reading screen: the key, the line, words at the cursor, marks, whose words they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from teleread.dictation.bias import CaseWords
from teleread.dictation.placing import Anchor, place
from teleread.dictation.ports import AudioSource, Endpointer, Recogniser
from teleread.dictation.ring import SealedRing
from teleread.dictation.session import Reader, Said
from teleread.model.errors import TelereadError
from teleread.model.report import Draft
from teleread.model.task import TaskKey
from teleread.model.text import clean
from teleread.reporting.marks import FIELD, Mark, marks_in, marks_out
from teleread.tui.dictation import HoldKey
from teleread.workstation.dictation import draft_marks
from teleread.workstation.speech import DICTATED_FIELD, Prepared
from tests.unit import tui_fake
from tests.unit.test_dictation_take import KEY, LOUD, Fed, Scripted, speech, voice
from tests.unit.test_tui_report_writing import begin, text_of
from tests.unit.test_tui_screens import Driver, walk


class FakeSpeech:
    """Dictation with a source that the test feeds and a recogniser that says what it is told."""

    def __init__(self, station: tui_fake.FakeStation, folder: Path, *said: str) -> None:
        self.station, self.folder = station, folder
        self.hears = Scripted(*said)
        self.fed: list[Fed] = []
        self.late: list[tuple[str, str]] = []
        self.played: list[bytes] = []
        self.full = False
        """The disk takes no word."""

    def ready(self) -> None:
        pass

    def prepare(self, draft_id: str, key: TaskKey) -> Prepared:
        return Prepared(CaseWords(laterality="RIGHT"), Reader(), self.ring(draft_id))

    def ring(self, draft_id: str) -> SealedRing:
        return SealedRing(KEY, self.folder / draft_id)

    def recogniser(self) -> Recogniser:
        return self.hears

    def source(self) -> AudioSource:
        self.fed.append(Fed())
        return self.fed[-1]

    def cutter(self, offset: int) -> Endpointer:
        return voice(offset)

    left_cutter = cutter

    def left(self, draft_id: str) -> float:
        if not (self.folder / draft_id).is_dir():
            return 0.0
        ring = self.ring(draft_id)
        return (ring.end - ring.heard) / 32000

    def drop_left(self, draft_id: str) -> None:
        ring = self.ring(draft_id)
        ring.hear_to(ring.end)

    def _note(self, draft_id: str, fields: Mapping[str, str]) -> Draft:
        draft = self.station.drafts[draft_id]
        made = replace(draft, seq=draft.seq + 1, fields={**draft.fields, **fields})
        self.station.drafts[draft_id] = made
        return made

    def mark(self, draft_id: str, seq: int, section: str, said: Said, engine: str) -> Draft:
        draft = self.station.drafts[draft_id]
        assert draft.seq == seq
        if self.full:
            raise TelereadError("The disk is full or could not be written.", code="disk-full")
        kept = (*marks_in(draft.fields), *draft_marks(section, said))
        return self._note(draft_id, {FIELD: marks_out(kept), DICTATED_FIELD: engine})

    def read_marks(self, draft_id: str, seq: int, marks: Sequence[Mark]) -> Draft:
        kept = [one for one in marks_in(self.station.drafts[draft_id].fields) if one not in marks]
        return self._note(draft_id, {FIELD: marks_out(kept)})

    def put_late(self, draft_id: str, anchor: Anchor, said: Said, engine: str) -> bool:
        draft = self.station.drafts[draft_id]
        here = next(one for one in draft.sections if one.id == anchor.section)
        text = place(anchor, str(here.text), said.text).text
        self.station.save_draft(draft_id, draft.seq, {here.id: text})
        self.late.append((draft_id, said.text))
        return True

    def play(self, sound: bytes, failed: Callable[[], object] = lambda: None) -> None:
        self.played.append(sound)

    def close(self) -> None:
        pass


def dictating(tmp_path: Path, *said: str) -> tuple[tui_fake.FakeStation, FakeSpeech]:
    station = tui_fake.FakeStation(12)
    fake = FakeSpeech(station, tmp_path / "sound", *said)
    station.speech = fake
    return station, fake


async def on(do: Driver, fake: FakeSpeech) -> Fed:
    """The microphone on."""
    before = len(fake.fed)
    do.clock.advance(5)
    await do.press("f4")
    await do.until(lambda: len(fake.fed) > before and do.reading.microphone.on)
    return fake.fed[-1]


async def off(do: Driver) -> None:
    """The microphone off, every word in."""
    do.clock.advance(5)
    await do.press("f4")
    draft = do.reading.keeper.draft
    assert draft is not None
    await do.until(lambda: not do.reading.microphone.busy(draft.id))
    await do.settle()


async def one_utterance(do: Driver, fake: FakeSpeech) -> None:
    """Into the impression, the microphone off again."""
    await begin(do, "impression")
    (await on(do, fake)).feed(speech())
    await do.until(lambda: text_of(do, "impression"))
    await off(do)


def test_words_go_to_the_cursor_and_onto_the_disk_and_the_line_tells(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "no stones full stop")

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        fed = await on(do, fake)
        fed.feed([LOUD] * 8)
        await do.until(lambda: "hearing" in do.text())
        fed.feed(speech())
        await do.until(lambda: text_of(do, "impression"))
        assert text_of(do, "impression") == "No stones."
        await do.until(lambda: "listening" in do.text() and "“No stones.”" in do.text())
        await off(do)
        await do.until(lambda: "listening" not in do.text())
        draft = do.reading.keeper.draft
        assert draft is not None
        saved = station.drafts[draft.id].section("impression")
        assert saved is not None
        assert saved.text == "No stones."

    walk(steps, station=station)


def test_the_line_shows_the_last_words_to_their_end_in_eighty_columns(tmp_path: Path) -> None:
    station, fake = dictating(
        tmp_path, "no pleural effusion on the left and none on the right and no pneumothorax full stop"
    )

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        (await on(do, fake)).feed(speech())
        await do.until(lambda: "unread" in do.text() and "no pneumothorax.”" in do.text())
        await off(do)

    walk(steps, station=station, size=(80, 24))


def test_typing_goes_on_while_an_utterance_is_heard_and_both_stand(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "no stones full stop")
    fake.hears.gate.clear()

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        fed = await on(do, fake)
        fed.feed(speech())
        await do.until(lambda: "recognising" in do.text())
        await do.press(*"Typed")
        fake.hears.gate.set()
        await do.until(lambda: "No stones" in text_of(do, "impression"))
        await do.press("x")
        assert text_of(do, "impression") == "No stones. Typedx"
        await off(do)

    walk(steps, station=station)


def test_an_utterance_belongs_to_the_draft_open_when_it_began(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "no stones full stop")
    fake.hears.gate.clear()

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        first = do.reading.keeper.draft
        assert first is not None
        fed = await on(do, fake)
        fed.feed([LOUD] * 20)
        await do.until(lambda: "hearing" in do.text())
        await do.press("f5")
        await do.until(lambda: do.reading.case.item.key != first.key)
        await begin_here(do)
        second = do.reading.keeper.draft
        assert second is not None
        assert second.id != first.id
        fake.hears.gate.set()
        await do.until(lambda: fake.late)
        assert fake.late == [(first.id, "No stones.")]
        assert all("stones" not in text for text in do.reading.report.buffer.texts)
        kept = station.drafts[first.id].section("impression")
        assert kept is not None
        assert kept.text == "No stones."
        assert not do.reading.microphone.on

    walk(steps, station=station)


async def begin_here(do: Driver) -> None:
    await do.press("i")
    await do.until(lambda: do.reading.keeper.draft is not None)


def test_scratch_takes_back_exactly_the_last_utterance_and_its_sound(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "no stones full stop", "spleen is large full stop", "scratch that")

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        draft = do.reading.keeper.draft
        assert draft is not None
        fed = await on(do, fake)
        fed.feed(speech())
        await do.until(lambda: text_of(do, "impression") == "No stones.")
        fed.feed(speech())
        await do.until(lambda: len(do.reading.microphone.placed.get(draft.id, [])) == 2)
        assert text_of(do, "impression") == "No stones. Spleen is large."
        one = do.reading.microphone.placed[draft.id][-1]
        last, ring = one.said.cut, one.take.ring
        assert LOUD in ring.read(last.start, last.end)
        fed.feed(speech())
        await do.until(lambda: text_of(do, "impression") == "No stones.")
        await do.until(lambda: LOUD[:512] not in ring.read(last.start, last.end))
        await do.press("ctrl+r")
        assert text_of(do, "impression") == ""
        await off(do)

    walk(steps, station=station)


def test_marked_words_show_are_jumped_to_played_and_read_by_one_key_each(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "cyst in the left kidney full stop")

    async def steps(do: Driver) -> None:
        await one_utterance(do, fake)
        assert "? 1 unread" in do.text()
        await do.press("f3")
        start, end = do.reading.report.buffer.selection or (0, 0)
        assert do.reading.report.buffer.text[start:end] == "left"
        assert "the order says right" in do.text()
        await do.press("alt+k")
        await do.until(lambda: fake.played)
        assert 0 < len(fake.played[0]) < 32000
        await do.press("f3")
        assert "unread" not in do.text()
        assert do.reading.report.unread() == ()

    walk(steps, station=station)


@pytest.mark.parametrize("theme", ["reading-room", "daylight", "high-contrast", "colour-safe", "mono-16"])
def test_an_unread_word_has_a_sign_and_a_style_of_its_own_in_every_theme(tmp_path: Path, theme: str) -> None:
    station, fake = dictating(tmp_path, "cyst in the left kidney full stop")
    station.settings["theme"] = theme

    async def steps(do: Driver) -> None:
        do.app.choose_look(theme)
        await one_utterance(do, fake)
        pane = do.reading.report
        row = next(
            one for one in pane._rows() if one.kind == "text" and pane.buffer.ids[one.section] == "impression"
        )
        strip = pane._text_row(row, pane.size.width)
        assert strip.text.startswith("?")
        styles = {part.text.strip(): part.style for part in strip}
        assert styles["left"] != styles["kidney."]
        assert styles["left"] is not None
        assert styles["left"].underline

    walk(steps, station=station)


def test_typing_into_a_marked_word_resolves_it(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "cyst in the left kidney full stop")

    async def steps(do: Driver) -> None:
        await one_utterance(do, fake)
        await do.press("f3", *"right")
        assert text_of(do, "impression") == "Cyst in the right kidney."
        assert do.reading.report.unread() == ()

    walk(steps, station=station)


def test_sound_left_by_a_terminal_that_was_closed_is_heard_when_the_draft_opens(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "no stones full stop")
    draft = station.start_draft(station.rows[0].key)
    ring = fake.ring(draft.id)
    ring.append(b"".join(speech()))
    ring.flush()

    async def steps(do: Driver) -> None:
        await begin(do, "findings")
        await do.until(lambda: any("No stones." in text for text in do.reading.report.buffer.texts))
        await do.until(lambda: not do.reading.microphone.busy(draft.id))
        assert fake.left(draft.id) == 0.0

    station.rows[0] = replace(station.rows[0])
    walk(steps, station=station)


def test_what_was_said_on_a_full_disk_holds_up_signing_and_is_heard_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    station, fake = dictating(tmp_path, "no stones full stop")
    fake.full, write = True, SealedRing._write

    def full(path: Path, sealed: bytes, *, lasting: bool = True) -> None:
        if fake.full:
            raise OSError(28, "No space left on device")
        write(path, sealed, lasting=lasting)

    monkeypatch.setattr(SealedRing, "_write", staticmethod(full))

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        draft = do.reading.keeper.draft
        assert draft is not None
        (await on(do, fake)).feed(speech(1.5))
        await do.until(lambda: "disk is full" in do.text())
        await do.until(lambda: not do.reading.microphone.busy(draft.id))
        assert text_of(do, "impression") == ""
        assert await do.reading.microphone.left(draft.id) > 1.5
        do.clock.advance(5)
        await do.press("f8")
        await do.until(lambda: "not heard yet" in do.text())
        assert not do.reading.sheets
        fake.full = False
        await on(do, fake)
        await do.until(lambda: text_of(do, "impression") == "No stones.")
        await off(do)
        assert fake.left(draft.id) == await do.reading.microphone.left(draft.id) == 0.0
        assert list((fake.folder / draft.id).glob("*.sound"))

    walk(steps, station=station)


def test_the_sign_sheet_ends_the_utterance_and_waits_for_its_words(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "no stones full stop")
    fake.hears.gate.clear()

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        fed = await on(do, fake)
        fed.feed([LOUD] * 20)
        await do.until(lambda: "hearing" in do.text())
        do.clock.advance(5)
        await do.pilot.press("f8")
        await do.until(lambda: "recognising" in do.text())
        assert not do.reading.sheets
        assert not do.reading.microphone.on
        fake.hears.gate.set()
        await do.until(lambda: do.reading.sheets)
        assert text_of(do, "impression") == "No stones."

    walk(steps, station=station)


def test_sign_by_voice_only_opens_the_sheet(tmp_path: Path) -> None:
    station, fake = dictating(tmp_path, "sign the report")

    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        fed = await on(do, fake)
        fed.feed(speech())
        await do.until(lambda: do.reading.sheets)
        await do.settle()
        assert station.signed == []
        assert text_of(do, "impression") == ""

    walk(steps, station=station)


def test_every_command_can_be_seen_by_one_key(tmp_path: Path) -> None:
    station, _ = dictating(tmp_path)

    async def steps(do: Driver) -> None:
        await begin(do)
        await do.press("alt+shift+k")
        await do.until(lambda: "scratch that" in do.text())

    walk(steps, station=station, size=(120, 40))


def test_without_the_extra_the_key_says_what_to_install_and_nothing_else_changes() -> None:
    async def steps(do: Driver) -> None:
        await begin(do, "impression")
        await do.press("f4")
        await do.until(lambda: "not installed" in do.text())
        await do.press(*"ok")
        assert text_of(do, "impression") == "ok"

    walk(steps, size=(160, 50))


def keys(*gaps: float) -> list[str]:
    key, now, out = HoldKey(), 100.0, []
    for gap in gaps:
        now += gap
        out.append(key.press(now))
    return out


def test_one_press_toggles_and_a_key_that_repeats_is_held() -> None:
    assert keys(0, 3) == ["on", "off"]
    assert keys(0, 0.5, 0.03, 0.03) == ["on", "held", "held", "held"]
    assert keys(0, 5, 0.5, 0.03, 0.03, 2) == ["on", "off", "", "", "", "on"]


def test_a_microphone_that_went_off_by_itself_is_on_again_at_the_next_press() -> None:
    key = HoldKey()
    assert key.press(100.0) == "on"
    key.ended()
    assert key.press(100.5) == ""
    assert key.press(105.0) == "on"
    assert key.press(110.0) == "off"


def test_no_text_of_a_draft_is_marked_by_a_mark_that_does_not_stand(tmp_path: Path) -> None:
    station, _ = dictating(tmp_path)
    draft = station.start_draft(station.rows[0].key)
    gone: Any = Mark("impression", "dictated", clean("nowhere"))
    station.drafts[draft.id] = replace(draft, fields={FIELD: marks_out([gone])})

    async def steps(do: Driver) -> None:
        await begin(do)
        assert do.reading.report.unread() == ()
        await do.press("f3")
        assert "is read" in do.text()

    walk(steps, station=station)


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_the_row_of_keys_tells_the_key_that_dictates_beside_the_one_that_signs(size: tuple[int, int]) -> None:
    async def steps(do: Driver) -> None:
        def keys(context: str) -> str:
            return do.text().splitlines()[-1] if do.reading.context == context else ""

        await do.press("enter")
        await do.until(lambda: do.app.place.NAME == "Reading")
        await do.until(lambda: "dictate" in keys("P"))
        assert "F8" in keys("P")
        await do.press("i")
        await do.until(lambda: "dictate" in keys("T"))
        assert "F8" in keys("T")

    walk(steps, size=size)
