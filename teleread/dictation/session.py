"""A dictation: sound in, utterances out, each as text with marks or as a command. One draft, one session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from teleread.reporting.spelling import Speller

from .agree import mended
from .bias import CaseWords, bias_for, vocabulary
from .commands import Grammar, Match
from .echo import without_echoes
from .endpoint import VoiceEndpointer
from .levels import quality
from .marks import Limits, Mark, marks_for
from .others import Other, others_at
from .ports import FRAME, AudioSource, Cut, Endpointer, HeardWord, Hearing, Recogniser, Utterance, seconds_of
from .ring import SealedRing
from .snap import Snap, in_context
from .text.finish import Placed, Written, lowered
from .text.pieces import Piece, pieces_of
from .text.pipeline import Style, write

__all__ = ["Dictation", "Reader", "Said", "Written", "ends_before"]

FAR_SCORE = 1.0
"""Hearings whose mean log probability is this much worse than the best are no second opinion."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What is known of the reader and the site."""

    style: Style = field(default_factory=Style)
    names: tuple[str, ...] = ()
    """Autotext names."""
    learnt: Mapping[str, str] = field(default_factory=dict)
    """Corrections: heard to meant."""
    speller: Speller | None = None
    """With the reader's own words; the standard one where none is given."""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance as it goes into the draft, or does something."""

    utterance: Utterance
    written: Written
    marks: Mapping[int, Mark]
    """By index of the piece in ``written.placed``."""
    command: Match | None = None
    cut: Cut = field(default_factory=lambda: Cut(0, 0))
    """Where its sound lies in the ring."""
    others: Mapping[int, tuple[Other, ...]] = field(default_factory=dict)
    """What else was heard, by index of the piece in ``written.placed``."""

    @property
    def text(self) -> str:
        """What goes into the report; empty for a command."""
        return "" if self.command is not None else self.written.text

    def times(self, placed: Placed) -> tuple[float, float]:
        """When a piece was said, seconds from the beginning of the source."""
        words = [self.utterance.best.words[index] for index in placed.piece.heard]
        if not words:
            before = [
                self.utterance.best.words[index].end
                for one in self.written.placed
                if one.start < placed.start
                for index in one.piece.heard
            ]
            at = max(before, default=self.utterance.start)
            return at, at
        return min(word.start for word in words), max(word.end for word in words)

    def confidence(self, placed: Placed) -> float:
        """The least sure of the words a piece was made from."""
        return min((self.utterance.best.words[at].confidence for at in placed.piece.heard), default=1.0)


class Dictation:
    """Ties a source, an endpointer and a recogniser to one case.

    Args:
        recogniser: What hears.
        case: What is known of the case.
        reader: What is known of the reader.
        ring: Where sound is kept until it is recognised.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        case: CaseWords | None = None,
        reader: Reader | None = None,
        *,
        ring: SealedRing | None = None,
    ) -> None:
        self.recogniser = recogniser
        self.case = case or CaseWords()
        self.reader = reader or Reader()
        self.ring = ring if ring is not None else SealedRing()
        self._speller = self.reader.speller or Speller.standard()
        self.bias = bias_for(self.case, self._speller.levels)
        snap = Snap(
            (*self.bias.phrases, *sorted(vocabulary())), self._speller.known, dict(self.reader.learnt)
        )
        self._snap = snap
        self._grammar = Grammar(self.reader.names)
        self.speaks_marks = False
        """The reader was heard to say marks: the recogniser's own are dropped from then on."""

    def listen(
        self,
        source: AudioSource,
        endpointer: Endpointer | None = None,
        *,
        before: Callable[[], str] = lambda: "",
        scorer: Callable[[], VoiceEndpointer] | None = None,
    ) -> Iterator[Said]:
        """Hear a source to its end, or until it is closed.

        Sound counts as kept before anything is made of it; it is released once its words were given on.

        Args:
            source: What makes sound.
            endpointer: Where utterances end; by voice where none is given.
            before: The text before the cursor, asked for when an utterance is written.
            scorer: Makes the endpointer, where none is given.

        Raises:
            TelereadError: The source went away or the recogniser gives up; what the ring holds stays.
        """
        cutter: Endpointer
        if endpointer is not None:
            cutter = endpointer
        else:
            from .endpoint import silero

            cutter = scorer() if scorer is not None else VoiceEndpointer(silero(), offset=self.ring.end)
        try:
            for frame in source.frames():
                self.ring.append(frame)
                yield from self._done(cutter.push(frame), cutter, before)
        finally:
            self.ring.flush()
        for frame in _silence():
            self.ring.append(frame)
            yield from self._done(cutter.push(frame), cutter, before)
        yield from self._done(cutter.finish(), cutter, before)

    def _done(self, cuts: Iterable[Cut], cutter: Endpointer, before: Callable[[], str]) -> Iterator[Said]:
        for cut in cuts:
            yield self.hear(cut, before())
            self.ring.release(min(cut.end, cutter.needed_from))

    def hear(self, cut: Cut, before: str = "") -> Said:
        """Recognise one stretch of the ring and write it; the ring still holds it afterwards.

        Raises:
            TelereadError: The recogniser gives up; the sound stays in the ring.
        """
        sound = self.ring.read(cut.start, cut.end)
        heard = self.recogniser.recognise(sound, seconds_of(cut.start), self.bias)
        return self.written(heard, before, cut, poor=bool(quality(sound)))

    def written(
        self, heard: Utterance, before: str = "", cut: Cut | None = None, *, poor: bool = False
    ) -> Said:
        """An utterance as text with marks, or as a command."""
        cut, heard = cut or Cut(0, 0), without_echoes(heard)
        command = self._grammar.match(heard.best.text)
        if command is None:
            command = next(
                (found for other in heard.others if (found := self._exact(other.text)) is not None), None
            )
        made = self._write(heard.best.words, before, heard.others)
        if command is not None:
            return Said(heard, made, {}, command, cut)
        self.speaks_marks = self.speaks_marks or any(
            one.piece.kind == "mark" and one.piece.text in ".,:;" and one.piece.heard for one in made.placed
        )
        others = [
            self._write(other.words, before)
            for other in heard.others
            if other.engine != heard.best.engine or heard.best.score - other.score < FAR_SCORE
        ]
        marks = marks_for(
            made,
            heard.best.words,
            others,
            self.case,
            before=before,
            poor_audio=poor or heard.poor_audio,
            limits=self.reader.limits,
        )
        return Said(heard, made, marks, None, cut, others_at(made, others))

    def _exact(self, text: str) -> Match | None:
        found = self._grammar.match(text)
        return found if found is not None and found.sure == 1.0 and not found.command.needs_key else None

    def _write(self, words: tuple[HeardWord, ...], before: str, others: tuple[Hearing, ...] = ()) -> Written:
        return write(
            words,
            self.reader.style,
            before=before,
            speaks_marks=self.speaks_marks,
            mend=lambda pieces: self._mend(pieces, others),
            known=self._snap.knows,
        )

    def _mend(self, pieces: Iterable[Piece], others: tuple[Hearing, ...] = ()) -> list[Piece]:
        """Words nobody knows: from another hearing that has a known one there, else by the snap."""
        kept = list(pieces)
        for other in others:
            kept = mended(kept, lowered(pieces_of(other.words)), self._snap.knows)
        return in_context(self._snap(kept), self._speller.doubts)


def _silence() -> Iterator[bytes]:
    """What a finished source is followed by, so that its last word is whole."""
    return (bytes(FRAME) for _ in range(20))


def ends_before(text: str, piece: str) -> str:
    """What goes between a text and what is put behind it: a blank, or nothing."""
    tight = not text or text[-1:] in " \n(“/" or piece[:1] in ".,;:?!)\n”%"
    return "" if tight or not piece else " "
