"""Score an engine on the benchmark's audio: one command makes the table of the manual.

    python -m tests.bench.dictation.score AUDIO [--part test] [--model whisper-base --model whisper-tiny.en]

AUDIO is what `speak.py` made. Models are looked for where teleread keeps them.
"""

from __future__ import annotations

import argparse
import re
import resource
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from teleread.dictation.audio import read_wav
from teleread.dictation.bias import CaseWords, case_from
from teleread.dictation.endpoint import VoiceEndpointer, silero
from teleread.dictation.link import ChildRecogniser
from teleread.dictation.models import in_use
from teleread.dictation.ports import FRAME, Cut, HeardWord, seconds_of
from teleread.dictation.safety import kind_of
from teleread.dictation.session import Dictation, Reader, Said
from teleread.dictation.text.pipeline import write
from teleread.model.text import clean
from teleread.workstation.dictation import speech_folder

HERE = Path(__file__).parent
_NAME = re.compile(r"(development|test)-(\d{3})-(careful|hurried)-(\w+)")
KINDS = ("laterality", "negation", "number", "prefix")


@dataclass(slots=True)
class Score:
    """Counts of one group of takes."""

    takes: int = 0
    words: int = 0
    wrong: int = 0
    written: int = 0
    written_wrong: int = 0
    exact: int = 0
    marked: int = 0
    pieces: int = 0
    sound: float = 0.0
    spent: float = 0.0
    false_commands: int = 0
    of: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unmarked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    swaps: int = 0
    waits: list[float] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Take another group in."""
        for name in (
            "takes",
            "words",
            "wrong",
            "written",
            "written_wrong",
            "exact",
            "marked",
            "pieces",
            "swaps",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.sound += other.sound
        self.spent += other.spent
        self.false_commands += other.false_commands
        self.waits += other.waits
        for mine, theirs in (
            (self.of, other.of),
            (self.errors, other.errors),
            (self.unmarked, other.unmarked),
        ):
            for kind, count in theirs.items():
                mine[kind] += count

    def row(self, name: str) -> str:
        """A row of the table."""
        if not self.words:
            return f"| {name} | | | | | | | | | |"
        told = " | ".join(f"{self.errors[kind]}/{self.of[kind]} ({self.unmarked[kind]})" for kind in KINDS)
        share = f"{self.marked / max(1, self.pieces):.0%} | {self.spent / self.sound:.2f}"
        rates = f"{self.wrong / self.words:.1%} | {self.written_wrong / self.written:.1%}"
        return f"| {name} | {self.takes} | {rates} | {self.exact} | {told} | {self.swaps} | {share} |"


HEAD = (
    "| | takes | WER | written WER | exact | sides wrong (unmarked) | denials | numbers | prefixes "
    "| swaps | marked | RTF |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def utterances(part: str) -> list[tuple[str, str, str]]:
    """Case, spoken, written."""
    rows = (HERE / f"{part}.tsv").read_text("utf-8").splitlines()
    return [(one[0], one[1], one[2].replace("\\n", "\n")) for row in rows if (one := row.split("\t"))]


def commands() -> list[tuple[str, str]]:
    """Spoken, command id."""
    rows = (HERE / "commands.tsv").read_text("utf-8").splitlines()
    return [(one[0], one[1]) for row in rows if (one := row.split("\t"))]


def cases() -> dict[str, CaseWords]:
    """Case words by name."""
    return {
        name: case_from(raw) for name, raw in tomllib.loads((HERE / "cases.toml").read_text("utf-8")).items()
    }


def compare(said: Sequence[Said], spoken: str, written: str, score: Score) -> None:
    """Count what is wrong in one take, and what of that is marked."""
    wanted = plain(written)
    got: list[tuple[str, bool]] = []
    for one in said:
        for at, placed in enumerate(one.written.placed) if one.command is None else ():
            got += [(word, at in one.marks) for word in plain(placed.piece.text)]
            score.pieces += placed.piece.kind not in {"mark", "break"}
            score.marked += at in one.marks
    reference = folded(spoken)
    words = [word for word, _ in got]
    heard = words if not any(one.command for one in said) else [*words, "command"]
    score.words += len(reference)
    score.wrong += distance(reference, [word for word in heard if word.isalnum() or len(word) > 1])
    score.written += len(wanted)
    score.written_wrong += distance(wanted, words)
    score.exact += "".join(wanted) == "".join(words)
    grave(wanted, got, score)


def grave(wanted: list[str], got: list[tuple[str, bool]], score: Score) -> None:
    """Sides, denials, numbers and prefixes that came out otherwise."""
    words = [word for word, _ in got]
    for word in wanted:
        if kind_of(word):
            score.of[kind_of(word)] += 1
    for tag, a, b, c, d in SequenceMatcher(None, wanted, words, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        near = got[max(0, c - 1) : d + 1]
        lost, made = wanted[a:b], words[c:d]
        for kind in KINDS:
            one, other = [w for w in lost if kind_of(w) == kind], [w for w in made if kind_of(w) == kind]
            count = max(len(one), len(other)) if sorted(one) != sorted(other) else 0
            score.errors[kind] += count
            score.unmarked[kind] += count if not any(mark for _, mark in near) else 0
        score.swaps += {"left", "right"} == {*lost, *made} & {"left", "right"}


def plain(text: str) -> list[str]:
    """Words and marks, hyphens and capitals aside."""
    low = text.lower().replace("-", " ") if not re.fullmatch(r"-\d.*", text) else text
    return re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*|[^\w\s]", low)


def folded(spoken: str) -> list[str]:
    """What was said, as the pipeline writes it, marks aside: spelling is no error of hearing."""
    words = [HeardWord(clean(word), 0, 0, 1) for word in spoken.split()]
    return [word for word in plain(write(words).text) if word.isalnum() or len(word) > 1]


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Words to change, drop or put in."""
    row = list(range(len(other) + 1))
    for at, word in enumerate(one, 1):
        before, row[0] = row[0], at
        for column, wanted in enumerate(other, 1):
            step = min(before + (word != wanted), row[column] + 1, row[column - 1] + 1)
            before, row[column] = row[column], step
    return row[-1]


def cuts(sound: bytes) -> Iterator[Cut]:
    """Utterances of a take, by voice."""
    cutter = VoiceEndpointer(silero())
    for at in range(0, len(sound) + 20 * FRAME, FRAME):
        yield from cutter.push(sound[at : at + FRAME].ljust(FRAME, b"\0"))
    yield from cutter.finish()


def hear(dictation: Dictation, sound: bytes) -> Iterator[Said]:
    """Hear a take."""
    base = dictation.ring.end
    dictation.ring.append(sound + bytes(20 * FRAME))
    text = ""
    for cut in cuts(sound):
        one = dictation.hear(Cut(cut.start + base, cut.end + base), text)
        text += one.text + " "
        yield one
    dictation.ring.release(dictation.ring.end)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--part", default="test", choices=("development", "test"))
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--no-context", action="store_true")
    parser.add_argument("--show", action="store_true", help="print what differs")
    args = parser.parse_args()
    found = {one.name: one for one in in_use(speech_folder(), most=99)}
    chosen = [found[name] for name in args.model] or list(found.values())[:2]
    engine = ChildRecogniser([one.folder for one in chosen])
    rows, known = utterances(args.part), cases()
    groups: dict[str, Score] = defaultdict(Score)
    right = total = 0
    for path in sorted(args.audio.glob(f"{args.part}-*.wav"))[:: args.every]:
        name = _NAME.match(path.stem)
        assert name is not None
        number, manner, voice = int(name[2]), name[3], name[4]
        sound = read_wav(path)
        if number >= len(rows):
            spoken, wanted = commands()[number - len(rows)]
            said = list(hear(Dictation(engine, reader=Reader(names=("normal-chest",))), sound))
            hit = len(said) == 1 and said[0].command is not None and said[0].command.command.id == wanted
            right, total = right + hit, total + 1
            if args.show and not hit:
                print(f"{path.stem}: {spoken} -> {[one.utterance.best.text for one in said]}")
            continue
        case, spoken, written = rows[number]
        dictation = Dictation(engine, CaseWords() if args.no_context else known[case])
        score = Score(takes=1, sound=seconds_of(sound))
        before = time.perf_counter()
        said = list(hear(dictation, sound))
        score.spent = time.perf_counter() - before
        score.false_commands = sum(one.command is not None for one in said)
        compare(said, spoken, written, score)
        if args.show and score.written_wrong:
            print(f"{path.stem}\n  want {written!r}\n  got  {' '.join(one.text for one in said)!r}")
            print(
                "  marks",
                [(o.written.placed[a].piece.text, m.kind) for o in said for a, m in o.marks.items()],
            )
        for group in ("all", manner, voice):
            groups[group].add(score)
    engine.close()
    print(f"\n{args.part}, {engine.capabilities.name}\n\n{HEAD}")
    for group in ("all", "careful", "hurried", *sorted(set(groups) - {"all", "careful", "hurried"})):
        print(groups[group].row(group))
    print(f"\ncommands {right} of {total}; false commands {groups['all'].false_commands}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"child {peak:.0f} MiB")


if __name__ == "__main__":
    main()
