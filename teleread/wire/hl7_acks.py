"""Acknowledgements of HL7 v2 (2.5.1 sections 2.9 and 2.15): read with doubt, written in words. I/O-free."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from teleread.model.errors import IntegrityError
from teleread.model.text import SafeText, clean
from teleread.wire.er7 import Segment, decode, encode, field

__all__ = ["ACCEPTED", "Ack", "acknowledgement", "answers", "read_ack", "worst"]

ACCEPTED: Final = frozenset({"AA", "CA"})
"""Codes of table 0008 by which a receiver takes a message over."""
_BY_WEIGHT: Final = ("AR", "CR", "AE", "CE", "AA", "CA")
_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class Ack:
    """What a receiver says of one message."""

    code: str
    """``AA``, ``AE``, ``AR``, ``CA``, ``CE`` or ``CR`` (table 0008)."""
    control_id: str
    """MSA-2: the message it is about."""
    words: SafeText
    """What it says besides, from MSA-3 and ERR."""
    own_id: SafeText
    """MSH-10 of the acknowledgement."""
    at: SafeText
    """MSH-7: the receiver's clock, as it wrote it."""

    @property
    def accepted(self) -> bool:
        """Whether the receiver has the message now, and answers for it."""
        return self.code in ACCEPTED


def read_ack(frame: bytes) -> Ack | None:
    """Read an acknowledgement; None where it is none, or does not say of which message."""
    try:
        segments = decode(frame)
    except IntegrityError:
        return None
    msa = next((one for one in segments if one.name == "MSA"), None)
    if msa is None or msa.get(1) not in _BY_WEIGHT or not msa.get(2).strip():
        return None
    head = segments[0]
    return Ack(
        code=msa.get(1),
        control_id=msa.get(2).strip(),
        words=_words(msa, segments),
        own_id=clean(head.get(8), limit=64),
        at=clean(head.get(5), limit=32),
    )


def worst(found: Iterable[Ack]) -> Ack | None:
    """Of several acknowledgements of one message the one that counts: a refusal weighs more than a yes."""
    return min(found, key=lambda one: _BY_WEIGHT.index(one.code), default=None)


def _words(msa: Segment, segments: Iterable[Segment]) -> SafeText:
    """The text of MSA-3; of each ERR the words for people, else the diagnosis, else the code's name."""
    told = [msa.get(3)]
    for one in segments:
        if one.name == "ERR":
            told.append(one.get(8) or one.get(7) or one.get(3, 2) or one.get(3) or one.get(1, 4, 1, 2))
    kept = dict.fromkeys(text for one in told if (text := str(clean(one.strip(), limit=_WORDS))))
    return clean("; ".join(kept), limit=_WORDS)


# -- writing ------------------------------------------------------------------------------------------


def answers(head: Segment | None, *, good: bool, kind: str = "E") -> tuple[str, ...]:
    """The codes a sender wants to hear, in their order (section 2.9.2 and 2.9.3).

    Args:
        head: The message's MSH; None where it could not be read.
        good: It is kept.
        kind: ``E`` or ``R``, of a refusal.
    """
    last = "A" if good else kind
    if head is None or not (head.get(13) or head.get(14)):
        return (f"A{last}",)
    return tuple(
        f"{layer}{last}"
        for layer, wish in (("C", head.get(13) or "NE"), ("A", head.get(14) or "NE"))
        if wish == "AL" or wish == ("SU" if good else "ER")
    )


def acknowledgement(
    head: Segment | None, code: str, own_id: str, now: datetime, *, words: str = "", error: str = ""
) -> bytes:
    """An acknowledgement to whoever sent a message; no word of a patient goes back.

    Args:
        head: The message's MSH; None where it could not be read.
        code: Of table 0008.
        own_id: MSH-10 of this message, at most 20 characters.
        now: UTC.
        words: Why it is refused.
        error: Of table 0357.
    """
    told = Segment("MSH", ()) if head is None else head
    version = told.get(10) if re.fullmatch(r"2\.[1-9](\.\d)?", told.get(10)) else "2.5.1"
    event = told.get(7, 2)
    reply = Segment(
        "MSH",
        (
            field(told.get(3)[:180]),
            field(told.get(4)[:180]),
            field(told.get(1)[:180]),
            field(told.get(2)[:180]),
            field(now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")),
            field(""),
            field("ACK", event, "ACK") if re.fullmatch("[A-Z][A-Z0-9]{2}", event) else field("ACK"),
            field(own_id),
            field(told.get(9)[:3] or "P"),
            field(version),
        ),
    )
    segments = [reply, Segment("MSA", (field(code), field(told.get(8)[:199]), field(words[:80])))]
    if error and version >= "2.5":
        told_of = (*(field("") for _ in range(2)), field(error, "", "HL70357"), field("E"))
        segments.append(Segment("ERR", (*told_of, *(field("") for _ in range(3)), field(words[:250]))))
    return encode(segments)
