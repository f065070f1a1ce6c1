"""A message of ours read back: what its receiver understands, and the signed bytes it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from teleread.model.errors import IntegrityError
from teleread.model.report import SignedReport
from teleread.wire.er7 import Segment, decode

from .facts import Numbered, facts_of
from .hl7v2 import DEFAULT, MARK, NULL, OURS, SIGNATURE, SIGNED, Style, blocks_of, mark_for
from .lifecycle import kind_of
from .marks import Mark, read_mark
from .render_html import Carried, canonical_base64

__all__ = ["Message", "message_of", "read", "read_back", "style_of"]


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says, as its receiver understands it."""

    mark: Mark
    numbers: tuple[Numbered, ...]
    patient_name: str
    """DICOM PN."""
    birth_date: str
    sex: str
    accession: str
    status: str
    """OBR-25."""
    blocks: tuple[tuple[str, str, str], ...]
    """(code, heading, text) in their order."""
    measurements: tuple[tuple[str, str, str], ...]
    """(label, value, UCUM unit)."""


def message_of(report: SignedReport, *, style: Style = DEFAULT) -> Message:
    """What a report's message has to say."""
    facts = facts_of(report)
    name = facts.patient_name.split("=")[0].split("^")[:5]
    return Message(
        mark=mark_for(facts, style),
        numbers=facts.numbers,
        patient_name="^".join(name).rstrip("^"),
        birth_date=facts.birth_date,
        sex=facts.sex if facts.sex in {"M", "F", "O"} else "",
        accession=facts.accessions[0] if facts.accessions else "",
        status=kind_of(facts.kind).obr_25,
        blocks=tuple((code[0], label, text) for code, label, text in blocks_of(facts, style)),
        measurements=tuple(
            (str(one.label), one.value, "" if one.unit == "1" else one.unit) for one in facts.measurements
        ),
    )


def read(data: bytes) -> Message:
    """Read a message of ours back.

    Raises:
        IntegrityError: It is none of ours.
    """
    segments = decode(data)
    table = {name: [one for one in segments if one.name == name] for name in ("PID", "OBR", "OBX")}
    if len(table["PID"]) != 1 or len(table["OBR"]) != 1:
        raise _not_ours()
    (pid,), (obr,) = table["PID"], table["OBR"]
    marks = [one.get(5) for one in table["OBX"] if one.get(3) == MARK and one.get(3, 3) == OURS]
    if len(marks) != 1:
        raise _not_ours()
    family, given, middle, suffix, prefix = (pid.get(5, number) for number in range(1, 6))
    texts = [one for one in table["OBX"] if one.get(2) in {"TX", "FT"} and one.get(3) != MARK]
    return Message(
        mark=read_mark(marks[0]),
        numbers=tuple(
            Numbered(one[0][0], one[3][1] if len(one) > 3 and len(one[3]) > 1 else "")
            for one in pid.repetitions(3)
            if one[0][0] != NULL
        ),
        patient_name="^".join((family, given, middle, prefix, suffix)).rstrip("^"),
        birth_date=_iso(pid.get(7)),
        sex=pid.get(8).replace("U", ""),
        accession=obr.get(18) or obr.get(29, 2),
        status=obr.get(25),
        blocks=_read_blocks(texts),
        measurements=tuple(
            (one.get(3, 2), one.get(5), one.get(6)) for one in table["OBX"] if one.get(2) == "NM"
        ),
    )


def style_of(segments: Sequence[Segment]) -> Style:
    """The switches a message of ours was written with.

    Raises:
        IntegrityError: It is none of ours.
    """
    head, rows = segments[0], [one for one in segments if one.name == "OBX"]
    codes = {one.get(3) for one in rows if one.get(2) == "ED"}
    try:
        (words,) = [one.get(5) for one in rows if one.get(3) == MARK]
        form, layout, width, addendum = read_mark(words).form.split("/")
        if form != "hl7v2":
            raise ValueError
        return Style(
            layout=layout,
            width=int(width),
            addendum=addendum,
            charset=head.get(16),
            carry=SIGNED in codes,
            pdf="pdf" in codes,
            sender=head.get(1),
            facility=head.get(2),
            receiver=head.get(3),
            receiving_facility=head.get(4),
        )
    except ValueError:
        raise _not_ours() from None


def _read_blocks(rows: list[Segment]) -> tuple[tuple[str, str, str], ...]:
    table: dict[tuple[str, str, str], list[str]] = {}
    for one in rows:
        sub, *place = one.get(4).split(".")
        lines = table.setdefault((sub, one.get(3), one.get(3, 2)), [])
        if len(place) == 2 and lines:
            lines[-1] += one.get(5)
        else:
            lines += [repetition[0][0] for repetition in one.repetitions(5)] or [""]
    out = []
    for (_, code, label), lines in table.items():
        text = "\n".join(lines)
        out.append((code, label, text.removeprefix(label).removeprefix("\n")))
    return tuple(out)


def _iso(day: str) -> str:
    return "-".join(part for part in (day[:4], day[4:6], day[6:8]) if part)


def read_back(data: bytes) -> Carried:
    """What a message of ours carries verbatim.

    Raises:
        IntegrityError: It is none of ours, or it was written without the signed bytes.
    """
    message, segments = read(data), decode(data)
    found = {}
    for name in (SIGNED, SIGNATURE):
        rows = [one for one in segments if one.name == "OBX" and one.get(3) == name and one.get(2) == "ED"]
        if len(rows) != 1:
            raise IntegrityError(
                "This message does not carry its signed bytes once.",
                remedy="It can be proved against the vault it came from.",
                code="not-carried",
            )
        pieces = [one[4][0] if len(one) > 4 else "" for one in rows[0].repetitions(5)]
        found[name] = canonical_base64("".join(pieces))
    try:
        signature = found[SIGNATURE].decode("ascii")
    except UnicodeDecodeError:  # no signature has such bytes, and none could be written with them again
        raise IntegrityError("The signature is not written as it was.", code="not-a-report") from None
    return Carried(message.mark.renderer, found[SIGNED], signature)


def _not_ours() -> IntegrityError:
    return IntegrityError("This message is no report that teleread exported.", code="not-a-report")
