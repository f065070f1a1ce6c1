"""Every lever of the demo as a table: what is typed, what it does, what the reader then sees.

``teleread demo fault``, the control page and ``/_demo/`` are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from teleread.model.errors import UsageError

__all__ = ["LEVERS", "Argument", "Lever", "lever"]


@dataclass(frozen=True)
class Argument:
    """One word after a lever's name."""

    name: str
    """As shown, and the name of its query parameter."""
    default: str | None = None
    """Taken where the word is left out; None: it must be said."""
    in_path: bool = False
    """It goes into the path: cases and people."""


@dataclass(frozen=True)
class Lever:
    """One thing that can be done to the line or at the hub."""

    name: str
    text: str
    """What it does, one sentence."""
    arguments: tuple[Argument, ...] = ()
    seen: str = ""
    """What the reader sees of it, and may choose."""
    group: str = "hub"
    """``line``, ``hub`` or ``archive``."""

    @property
    def usage(self) -> str:
        """As it is typed."""
        words = [
            one.name.upper() if one.default is None else f"[{one.name.upper()}]" for one in self.arguments
        ]
        return " ".join([self.name, *words])

    def request(self, words: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
        """Path segments and query of the request that pulls it.

        Args:
            words: What was typed after the name.

        Raises:
            UsageError: A word is missing, or there are too many.
        """
        least = sum(one.default is None for one in self.arguments)
        if not least <= len(words) <= len(self.arguments):
            raise UsageError(
                "That lever takes other words.",
                remedy=f"teleread demo fault {self.usage}",
                code="bad-arguments",
            )
        said = dict(zip((one.name for one in self.arguments), words, strict=False))
        path = tuple(said[one.name] for one in self.arguments if one.in_path and one.name in said)
        query = {
            name: said[name]
            for name in (one.name for one in self.arguments if not one.in_path)
            if name in said
        }
        return (self.name, *path), query


_CASE: Final = Argument("case", in_path=True)
_COUNT: Final = Argument("count", "1")

LEVERS: Final = (
    Lever("line", "Cut the line, or put it back.", (Argument("state", "cut"),),
          "OFFLINE. You read, write and sign on; it goes by itself when the line is back.", "line"),
    Lever("mend", "Put the line back and forget every fault planned.", (),
          "What waited goes, each once.", "line"),
    Lever("delay", "Answer so many seconds late; 0 ends it.", (Argument("seconds", "1"),),
          "Nothing waits for the hub but what you ask of it.", "line"),
    Lever("lose-answer", "Do the next deliveries but lose the answers.",
          (_COUNT, Argument("of", "deliveries")),
          "unknown; the hub is asked before anything is sent again. One report there.", "line"),
    Lever("status", "Refuse the next requests with a code; nothing is done.",
          (Argument("code", "503"), _COUNT, Argument("retry_after", ""), Argument("area", "")),
          "It waits as long as the hub asked for.", "line"),
    Lever("garbage", "Answer the next requests with nonsense.", (_COUNT, Argument("area", "")),
          "Told in words; tried again.", "line"),
    Lever("truncate", "Stop in the middle of the next answers.", (_COUNT, Argument("area", "")),
          "Tried again; nothing is taken for whole that is not.", "line"),
    Lever("restart", "End every connection, as a hub that starts again does.", (),
          "Nothing is asked: it searches again and keeps everything.", "line"),
    Lever("cancel", "The site cancels the order.", (_CASE,),
          "Signed: send as final with a note, or withdraw. Draft: the trash, or a note."),
    Lever("reassign", "The hub gives the case to another reader.", (_CASE, Argument("who", "", in_path=True)),
          "Signed: ask for it back, preliminary, or withdraw. Draft: hand over, discard, keep."),
    Lever("release", "The claim lapses; the case is free again.", (_CASE,),
          "Nothing is asked: it is claimed again."),
    Lever("lease", "Let claims lapse that nobody renews for so many minutes; 0 ends it.",
          (Argument("minutes", "15"),),
          "Nothing, with lease_minutes in the hub file: they are renewed while the engine runs."),
    Lever("report", "Another reader's final report appears.",
          (_CASE, Argument("text", "Reported by somebody else.")),
          "Theirs is shown, never touched: second opinion, addendum, or withdraw."),
    Lever("amend", "The site changes the order: side and question.", (_CASE,),
          "Read again and sign again, or withdraw."),
    Lever("correct-patient", "The hub corrects the patient's birth date.", (_CASE,),
          "Check identity, sign again, or withdraw."),
    Lever("merge", "The hub merges the patient's record into another.", (_CASE,),
          "Check identity, sign again, or withdraw."),
    Lever("new-images", "More images of the study arrive at the hub.", (_CASE, Argument("count", "14")),
          "Nothing is asked: the report goes, flagged; think of an addendum."),
    Lever("supersede", "Somebody changes your issued report at the hub.", (_CASE,),
          "Of your addendum: read again and sign again, or withdraw."),
    Lever("forget", "The hub loses your report on a case, or a report by its id.", (_CASE,),
          "NOT ISSUED again: send it once more, under the same key."),
    Lever("restore", "The hub comes back from a backup so many minutes old.", (Argument("minutes", "30"),),
          "Reports it lost are NOT ISSUED again; claims it lost are asked for again."),
    Lever("refuse", "Refuse the next delivery, in the hub's own words.", (_COUNT, Argument("code", "422")),
          "The hub's words; send again unchanged, or withdraw."),
    Lever("hl7", "Answer the next results that come by HL7 so: AE, AR, none, garbage, cut, another, twice.",
          (Argument("answer", "AE"), _COUNT),
          "AE, AR: its words; send again or withdraw. Else unknown: sent again under its number."),
    Lever("hl7-tell", "Send how a case stands by HL7 to a desk that listens at a port of this machine.",
          (_CASE, Argument("port", "2576")),
          "A new order, a change, a cancellation or a merge, as at any hub."),
    Lever("archive-dies", "The archive drops the line after so many images, once.", (Argument("after", "1"),),
          "The fetch goes on where it was.", "archive"),
    Lever("aet", "Let C-MOVE send to an AE title at a loopback port.",
          (Argument("name", "TELEREAD"), Argument("port")), "", "archive"),
)  # fmt: skip
"""In the order help shows them."""

_BY_NAME: Final = {one.name: one for one in LEVERS}


def lever(name: str) -> Lever:
    """The lever of that name.

    Raises:
        UsageError: There is none.
    """
    found = _BY_NAME.get(name)
    if found is None:
        raise UsageError(
            f"There is no lever “{name[:40]}”.",
            remedy="teleread demo fault lists them.",
            code="no-lever",
        )
    return found
