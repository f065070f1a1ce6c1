"""Score engines on the benchmark's audio: one command makes the tables of the manual.

    python -m tests.bench.dictation.score AUDIO [--part test] [--engine whisper-base+whisper-tiny.en]

AUDIO is what `speak.py` made. Models are looked for where teleread keeps them. What is tuned is tuned on the
development part alone; the test part is looked at when that is done.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from teleread.dictation.audio import read_wav
from teleread.dictation.bias import CaseWords, case_from
from teleread.dictation.endpoint import VoiceEndpointer, silero
from teleread.dictation.models import in_use
from teleread.dictation.ports import FRAME, Cut, HeardWord, seconds_of
from teleread.dictation.safety import kind_of
from teleread.dictation.session import Dictation, Reader, Said
from teleread.dictation.text.pipeline import write
from teleread.model.text import clean
from teleread.workstation.dictation import speech_folder
from tests.bench.dictation.heard import Heard, Together

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


@dataclass(slots=True)
class Table:
    """What an engine did on a part."""

    groups: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    right: int = 0
    commands: int = 0

    def print(self, title: str) -> None:
        """As the manual has it."""
        print(f"\n### {title}\n\n{HEAD}")
        for group in ("all", *MANNERS, *sorted(set(self.groups) - {"all", *MANNERS})):
            print(self.groups[group].row(group))
        whole = self.groups["all"]
        waits = sorted(whole.waits) or [0.0]
        print(
            f"\nCommands {self.right} of {self.commands}; false commands {whole.false_commands} of "
            f"{whole.takes}; processor seconds an utterance: median {waits[len(waits) // 2]:.2f}, "
            f"p95 {waits[int(len(waits) * 0.95)]:.2f}."
        )


MANNERS = ("careful", "hurried")


def score_part(engine: Together, part: str, args: argparse.Namespace) -> Table:
    """Hear every take of a part."""
    rows, known, table = utterances(part), cases(), Table()
    for path in sorted(args.audio.glob(f"{part}-*.wav"))[:: args.every]:
        name = _NAME.match(path.stem)
        assert name is not None
        number, manner, voice = int(name[2]), name[3], name[4]
        sound = read_wav(path)
        if number >= len(rows):
            hit = command_heard(engine, sound, *commands()[number - len(rows)], show=args.show and path.stem)
            table.right, table.commands = table.right + hit, table.commands + 1
            continue
        case, spoken, written = rows[number]
        dictation = Dictation(engine, CaseWords() if args.no_context else known[case])
        score = Score(takes=1, sound=seconds_of(sound))
        said = []
        for one in hear(dictation, sound):
            said.append(one)
            score.waits.append(engine.spent)
        score.spent = sum(score.waits)
        score.false_commands = sum(one.command is not None for one in said)
        compare(said, spoken, written, score)
        if args.show and (score.written_wrong or any(score.unmarked.values())):
            tell(path.stem, said, written, score)
        for group in ("all", manner, voice):
            table.groups[group].add(score)
    return table


def command_heard(engine: Together, sound: bytes, spoken: str, wanted: str, *, show: str) -> bool:
    """Whether a command is heard as the one it is."""
    said = list(hear(Dictation(engine, reader=Reader(names=("normal-chest",))), sound))
    hit = len(said) == 1 and said[0].command is not None and said[0].command.command.id == wanted
    if show and not hit:
        print(f"{show}: {spoken} -> {[one.utterance.best.text for one in said]}")
    return hit


def tell(name: str, said: Sequence[Said], written: str, score: Score) -> None:
    """What differs in a take."""
    print(f"{name}\n  want {written!r}\n  got  {' '.join(one.text for one in said)!r}")
    print("  raw ", [one.utterance.best.text for one in said])
    print("  marks", [(o.written.placed[a].piece.text, m.kind) for o in said for a, m in o.marks.items()])
    if any(score.unmarked.values()):
        print("  UNMARKED", {kind: count for kind, count in score.unmarked.items() if count})


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("audio", type=Path)
    parser.add_argument("--part", action="append", choices=("development", "test"), help="both unless named")
    parser.add_argument(
        "--engine", action="append", metavar="MODEL[+MODEL]", help="all in place unless named"
    )
    parser.add_argument("--keep", type=Path, help="where hearings are kept; AUDIO/heard unless named")
    parser.add_argument("--every", type=int, default=1, help="only every so many takes")
    parser.add_argument("--no-context", action="store_true", help="nothing is known of the case")
    parser.add_argument("--show", action="store_true", help="print what differs")
    args = parser.parse_args()
    found = {
        one.name: Heard(one, args.keep or args.audio / "heard") for one in in_use(speech_folder(), most=99)
    }
    names = list(found)
    for part in args.part or ("development", "test"):
        for wanted in args.engine or (*(["+".join(names[:2])] if len(names) > 1 else []), *names):
            engine = Together([found[name] for name in wanted.split("+")])
            score_part(engine, part, args).print(f"{part.capitalize()} part, {engine.capabilities.name}")
    print()
    for one in found.values():
        if peak := one.peak():
            print(f"The child of {one.model.name} used at most {peak:.0f} MiB.")
        one.close()


if __name__ == "__main__":
    main()
