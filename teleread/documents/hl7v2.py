"""The report as HL7 v2 ORU^R01 (2.5.1 chapter 7).

Text by lines, status by lifecycle, the signed bytes and the signature as encapsulated data.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from teleread.model.errors import UsageError
from teleread.model.patient import NHS_SYSTEM
from teleread.model.report import SignedReport
from teleread.wire.er7 import Repetition, Segment, decode, encode, field, wrapped

from .content import signed_by, unknown_renderer
from .facts import Facts, Numbered, facts_of
from .lifecycle import is_opinion, kind_of
from .marks import Mark, mark_text
from .thawing import thaw

__all__ = [
    "DEFAULT",
    "MARK",
    "NULL",
    "OURS",
    "RENDERER",
    "SIGNATURE",
    "SIGNED",
    "Style",
    "blocks_of",
    "mark_for",
    "obr_25",
    "offered",
    "render",
]

RENDERER: Final = 2
"""Number of the newest renderer. The first one said X in OBR-25 of a withdrawal, and gave a second opinion
the order's own numbers."""

OURS: Final = "99TELEREAD"
NULL: Final = '""'
"""The value of a required field that has none (section 2.5.3)."""
SIGNED, SIGNATURE, MARK = "signed-report", "signature", "mark"
_LAYOUTS: Final = ("line", "repeat", "formatted")


_ED_PIECE: Final = 192
"""Characters of base64 in one repetition: whole bytes, and below the 199 that strict readers allow."""


@dataclass(frozen=True, slots=True)
class Style:
    """What a site may switch."""

    layout: str = "line"
    """``line``: one OBX a line; ``repeat``: one OBX a section, a repetition a line; ``formatted``: one FT."""
    width: int = 180
    """Longest line as escaped, in characters, where each stands in an OBX of its own; 0 for no limit."""
    addendum: str = "correct"
    """``correct``: C with the whole text, for receivers that don't know B; ``append``: B, the whole text;
    ``append-only``: B, the addendum alone."""
    charset: str = "UNICODE UTF-8"
    """MSH-18: ``UNICODE UTF-8`` or ``8859/1``."""
    carry: bool = True
    """Carry the signed bytes and the signature as ED."""
    pdf: bool = False
    """Carry the PDF as ED."""
    sender: str = "TELEREAD"
    """MSH-3."""
    facility: str = ""
    """MSH-4; the reader's organisation where empty."""
    receiver: str = ""
    """MSH-5."""
    receiving_facility: str = ""
    """MSH-6."""


DEFAULT: Final = Style()


def render(report: SignedReport, number: int = RENDERER, *, style: Style = DEFAULT) -> bytes:
    """The message: a pure function of its arguments.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
        UsageError: A switch has no such value, or the character set does not hold a letter.
    """
    renderer = _RENDERERS.get(number)
    if renderer is None:
        raise unknown_renderer("HL7 message", number)
    if style.layout not in _LAYOUTS or style.addendum not in {"correct", "append", "append-only"}:
        raise UsageError("That style of HL7 message is not known.", code="hl7-style")
    return encode(renderer(report, style), style.charset)


def _render_1(report: SignedReport, style: Style, number: int = 1) -> list[Segment]:
    facts, form = facts_of(report), thaw(report.frozen)
    observations = [*_rows(facts, form, style), *_carried(report, facts, style, number)]
    return [
        _msh(facts, form, style),
        _pid(facts),
        _obr(facts, form, number),
        *(_obx(index, row, facts, _obx_status(facts, style)) for index, row in enumerate(observations, 1)),
    ]


def _render_2(report: SignedReport, style: Style) -> list[Segment]:
    return _render_1(report, style, 2)


_RENDERERS: Final[dict[int, Callable[[SignedReport, Style], list[Segment]]]] = {1: _render_1, 2: _render_2}


def offered(message: bytes) -> bytes:
    """The same message as a reading that ends nobody's: P in OBR-25 and OBX-11, whatever was signed.

    The signed bytes inside stay as they are, and say what they said.
    """
    segments = decode(message)
    charset = segments[0].get(16) or "UNICODE UTF-8"
    return encode([_with_status(one) for one in segments], charset)


def _with_status(segment: Segment) -> Segment:
    place = {"OBR": 25, "OBX": 11}.get(segment.name)
    if place is None:
        return segment
    kept = [*segment.fields, *(_EMPTY for _ in range(place - len(segment.fields)))]
    kept[place - 1] = field("P")
    return Segment(segment.name, tuple(kept))


# -- the segments -------------------------------------------------------------------------------------

_EMPTY: Final = field("")


def _msh(facts: Facts, form: Mapping[str, Any], style: Style) -> Segment:
    return Segment(
        "MSH",
        (
            field(style.sender[:20]),
            field((style.facility or facts.organisation)[:20]),
            field(style.receiver),
            field(style.receiving_facility),
            field(_ts(facts.signed_at)),
            _EMPTY,
            field("ORU", "R01", "ORU_R01"),
            # 20 characters at most: the last digits of the idempotency key, which are random
            field(form["idempotency_key"].replace("-", "")[-20:]),
            field("P"),
            field("2.5.1"),
            _EMPTY,
            _EMPTY,
            field("AL"),
            field("NE"),
            field("GBR"),
            field(style.charset),
        ),
    )


def _pid(facts: Facts) -> Segment:
    family, given, middle, prefix, suffix = (facts.patient_name.split("=")[0].split("^") + [""] * 5)[:5]
    numbers = tuple(_cx(one) for one in facts.numbers) or field(NULL)
    return Segment(
        "PID",
        (
            field("1"),
            _EMPTY,
            numbers,
            _EMPTY,
            field(family, given, middle, suffix, prefix, "", "L"),
            _EMPTY,
            field(facts.birth_date.replace("-", "")),
            field(facts.sex if facts.sex in {"M", "F", "O"} else "U"),
        ),
    )


def _cx(number: Numbered) -> Repetition:
    """CX: the number, who assigned it (HD) and what it is (table 0203)."""
    nhs = number.issuer == NHS_SYSTEM
    authority = ("NHS" if nhs else "", number.issuer, "URI" if number.issuer else "")
    return ((number.value,), ("",), ("",), authority, ("NH" if nhs else "MR",))


def obr_25(kind: str, number: int) -> str:
    """The status of the whole as a renderer writes it (HL7 table 0123)."""
    return "X" if number == 1 and kind == "withdrawal" else kind_of(kind).obr_25


def _obr(facts: Facts, form: Mapping[str, Any], number: int) -> Segment:
    order = form["order"]
    accession = facts.accessions[0] if facts.accessions else ""
    # A receiver files by these numbers: under the order's own, one reader's opinion would replace another's.
    # The order is its parent then (OBR-29, section 4.5.3.29).
    apart = number > 1 and is_opinion(form)
    started = order["occurrence"] or form["study"]["started"] or ""
    code = facts.procedure_code
    name = facts.procedure[:199]
    coded = (code, name, "99LOCAL") if code else ("18748-4", name, "LN")
    table = {
        1: field("1"),
        2: _EMPTY if apart else field(order["id"]),
        3: field(facts.report_id if apart else accession or facts.report_id),
        4: field(*coded),
        7: field(_ts(started)),
        18: _EMPTY if apart else field(accession),
        22: field(_ts(facts.signed_at)),
        24: field("RAD"),
        25: field(obr_25(facts.kind, number)),
        29: field(order["id"], accession) if apart else _EMPTY,
        32: field(("", facts.reader)),
    }
    return Segment("OBR", tuple(table.get(place, _EMPTY) for place in range(1, 33)))


@dataclass(frozen=True, slots=True)
class _Row:
    """One OBX to be."""

    kind: str
    """OBX-2: ``TX``, ``FT``, ``NM`` or ``ED``."""
    code: tuple[str, ...]
    """OBX-3."""
    sub: str
    """OBX-4: tells sections of the same code apart."""
    value: tuple[Repetition, ...]
    unit: str = ""


def _obx(index: int, row: _Row, facts: Facts, status: str) -> Segment:
    table = {
        1: field(str(index)),
        2: field(row.kind),
        3: field(*row.code),
        4: field(row.sub),
        5: row.value,
        6: field(row.unit, row.unit, "UCUM") if row.unit else _EMPTY,
        11: field(status),
        14: field(_ts(facts.signed_at)),
        16: field("", facts.reader),
    }
    return Segment("OBX", tuple(table.get(number, _EMPTY) for number in range(1, 17)))


def _obx_status(facts: Facts, style: Style) -> str:
    kind = kind_of(facts.kind)
    return kind.obx_11 if style.addendum == "correct" else kind.obx_11_appended


def _ts(stamp: str) -> str:
    """HL7 TS from RFC 3339 in UTC; of a bare date, the date alone."""
    day, _, time = stamp.partition("T")
    clock = time.rstrip("Z").replace(":", "")
    if clock.endswith(".000"):
        clock = clock[:-4]
    return day.replace("-", "") + (f"{clock}+0000" if clock else "")


# -- what the observations say ------------------------------------------------------------------------


def _rows(facts: Facts, form: Mapping[str, Any], style: Style) -> Iterator[_Row]:
    for sub, (code, label, text) in enumerate(blocks_of(facts, style), 1):
        yield from _block(code, label, text, str(sub), style)
    for index, one in enumerate(facts.measurements, 1):
        value, unit = field(one.value), "" if one.unit == "1" else one.unit
        yield _Row("NM", (f"measurement-{index}", str(one.label), OURS), f"m{index}", value, unit)


def blocks_of(facts: Facts, style: Style) -> Iterator[tuple[tuple[str, str], str, str]]:
    """((code, coding system), heading, text) of everything a person reads, in its order."""
    if facts.change is not None or facts.kind == "withdrawal":
        words = [f"{kind_of(facts.kind).words.upper()}."]
        if facts.change is not None:
            words += [f"Reason: {facts.change.reason}"] if facts.change.reason else []
            words += [f"Told: {facts.change.told}"] if facts.change.told else []
        yield ("change", OURS), "Change", "\n".join(words)
    parts = facts.parts
    if style.addendum == "append-only" and facts.kind == "addendum":
        parts = tuple(one for one in parts if one.loinc == "55107-7")[-1:]
    for part in parts:
        yield (part.loinc, "LN") if part.loinc else ("section", OURS), part.label, part.text
    if facts.alert is not None:
        alert = facts.alert
        said = (
            ("Category", alert.category),
            ("Told", alert.told),
            ("When", alert.at),
            ("By", alert.method),
        )
        text = "\n".join(f"{label}: {words}" for label, words in said if words)
        yield ("73568-8", "LN"), "Communication of critical results", text
    if facts.notes:
        yield ("notes", OURS), "Confirmed by the reader", "\n".join(facts.notes)
    signed = [signed_by(facts.kind, facts.reader, facts.signed_at)]
    signed += [f"{one.role.capitalize()}: {one.name}" for one in facts.cosigners]
    yield ("signed", OURS), "Signature", "\n".join(signed)


def _block(code: tuple[str, str], label: str, text: str, sub: str, style: Style) -> Iterator[_Row]:
    """A heading and its text, as the site's receiver files it."""
    name = (code[0], label, code[1])
    lines = [label, *text.split("\n")]
    if style.layout == "formatted":
        yield _Row("FT", name, sub, field("\n".join(lines)))
    elif style.layout == "repeat":
        yield _Row("TX", name, sub, tuple(((line,),) for line in lines))
    else:
        for number, line in enumerate(lines, 1):
            for piece, words in enumerate(wrapped(line, style.width), 1):
                at = f"{sub}.{number}" + (f".{piece}" if piece > 1 else "")
                yield _Row("TX", name, at, field(words))


def _carried(report: SignedReport, facts: Facts, style: Style, number: int) -> Iterator[_Row]:
    mark = mark_text(mark_for(facts, style, number))
    yield _Row("TX", (MARK, "Report, version and SHA-256", OURS), "", field(mark))
    if style.carry:
        yield _ed(SIGNED, "Signed bytes", "json", report.frozen)
        yield _ed(SIGNATURE, "Signature", "jose", report.signature.encode("ascii"))
    if style.pdf:
        from .pdf import render as page

        yield _ed("pdf", "Report as PDF", "PDF", page(report))


def mark_for(facts: Facts, style: Style, number: int = RENDERER) -> Mark:
    """What the message names; the switches that change its rows stand in the form's name."""
    form = f"hl7v2/{style.layout}/{style.width}/{style.addendum}"
    return Mark(form, number, facts.report_id, facts.version, facts.sha256)


def _ed(code: str, label: str, subtype: str, data: bytes) -> _Row:
    """Encapsulated data: one value, or ours in repetitions that no receiver finds too long."""
    words = base64.b64encode(data).decode("ascii")
    size = len(words) if code == "pdf" else _ED_PIECE
    pieces = [words[at : at + size] for at in range(0, len(words), size)]
    value = tuple(field("TELEREAD", "AP", subtype, "Base64", one)[0] for one in pieces)
    return _Row("ED", (code, label, OURS), "", value)
