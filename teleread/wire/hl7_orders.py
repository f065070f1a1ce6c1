"""Orders and news of patients in HL7 v2 (2.5.1 chapters 3 and 4): ORM^O01, OMI^O23, ADT. I/O-free."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from teleread.model.errors import IntegrityError
from teleread.model.patient import NHS_SYSTEM
from teleread.model.text import clean
from teleread.wire.er7 import Segment, decode
from teleread.wire.orders import Change, Merge, OrderEntry, PatientEntry

__all__ = ["changes_of", "iso_time", "message_changes", "patient_in"]

_CANCELS: Final = frozenset({"CA", "OC", "DC", "OD", "CR"})
"""ORC-1 (table 0119) by which an order is called off."""
_PARTLY: Final = frozenset({*_CANCELS, "XO", "XX", "SC", "SN"})
_PRIORITY: Final = {"S": "stat", "A": "asap", "U": "urgent", "R": "routine", "T": "urgent", "P": "routine"}
"""OBR-5, OBR-27.6 and TQ1-9 (tables 0027 and 0485)."""
_MERGES: Final = frozenset({"A18", "A34", "A40"})
_NHS: Final = frozenset({"NHS", "NH", "NHSNBR"})
_STARTS: Final = re.compile(rb"(?:^|[\r\n]|\x1c|\x0b)(?=MSH[^A-Za-z0-9\r\n])")


def changes_of(data: bytes) -> list[Change | Merge]:
    """Everything that messages say, one after another; batch headers (FHS, BHS) are passed over.

    Raises:
        ValueError: There is no message; its text is for people.
    """
    pieces = [one for one in _STARTS.split(data) if one.strip(b"\x0b\x1c\r\n ").startswith(b"MSH")]
    if not pieces:
        raise ValueError("it holds no HL7 message")
    out: list[Change | Merge] = []
    for piece in pieces:
        body = re.split(rb"[\r\n](?:BTS|FTS)[^A-Za-z0-9]", piece)[0]
        try:
            out += message_changes(decode(body))
        except IntegrityError as problem:
            raise ValueError("it holds an HL7 message that cannot be read") from problem
    return out


def message_changes(segments: Sequence[Segment]) -> list[Change | Merge]:
    """What one message says; nothing where it is of a kind that asks for no reading and names nobody."""
    head = segments[0]
    kind, event = head.get(7), head.get(7, 2)
    pid = next((one for one in segments if one.name == "PID"), None)
    if pid is None:
        return []
    patient = patient_in(pid)
    if kind == "ADT":
        gone = next((one for one in segments if one.name == "MRG"), None)
        if event in _MERGES and gone is not None:
            return [Merge(patient, _numbers(gone, 1))]
        return [Change(patient)]
    if kind in {"ORM", "OMI", "OMG"}:
        return list(_orders(segments, patient))
    return []


def _orders(segments: Sequence[Segment], patient: PatientEntry) -> Iterator[Change]:
    """One change an ORC (or an OBR without one), with what stands below it."""
    groups: list[list[Segment]] = []
    for one in segments:
        if one.name == "ORC" or (
            one.name == "OBR" and (not groups or any(s.name == "OBR" for s in groups[-1]))
        ):
            groups.append([one])
        elif groups:
            groups[-1].append(one)
    for group in groups:
        table = {name: next((one for one in group if one.name == name), _NONE) for name in _NAMES}
        yield _order(table, group, patient)


_NAMES: Final = ("ORC", "OBR", "TQ1", "IPC", "ZDS")
_NONE: Final = Segment("", ())


def _order(table: dict[str, Segment], group: list[Segment], patient: PatientEntry) -> Change:
    orc, obr, tq1, ipc = table["ORC"], table["OBR"], table["TQ1"], table["IPC"]
    control = orc.get(1) or "NW"
    accession = ipc.get(1) or obr.get(18) or orc.get(3) or obr.get(3)
    question = [obr.get(13), *(one[0][0] if len(one) < 2 else one[1][0] for one in obr.repetitions(31))]
    question += [one.get(3) for one in group if one.name == "NTE"]
    entry = OrderEntry(
        id=_text(orc.get(2) or obr.get(2) or accession, 64),
        accession=_text(accession, 64),
        status=_status(control, orc, obr),
        priority=_PRIORITY.get((tq1.get(9) or obr.get(5) or obr.get(27, 6) or orc.get(7, 6))[:1].upper(), ""),
        due=iso_time(tq1.get(8) or obr.get(27, 5) or orc.get(7, 5)),
        authored=iso_time(orc.get(9)),
        performed=iso_time(obr.get(7) or obr.get(36)),
        procedure=_text(obr.get(4, 2) or obr.get(4, 5) or obr.get(4)),
        procedure_code=_text(obr.get(4), 64),
        body_part=_text(obr.get(15, 4) or obr.get(15)),
        question="\n".join(dict.fromkeys(words for one in question if (words := _lines(one)))),
        requester=_person(orc, 12) or _person(obr, 16),
        contact=_text(orc.get(14) or obr.get(17), 64),
        study_uid=_uid(ipc.get(3)) or _uid(table["ZDS"].get(1)),
        modality=_text(ipc.get(5) or obr.get(24), 16) if ipc.get(5) or len(obr.get(24)) == 2 else "",
        patient=patient,
    )
    return Change(patient, entry, partly=control in _PARTLY)


def _status(control: str, orc: Segment, obr: Segment) -> str:
    """What becomes of an order by ORC-1, ORC-5 (table 0038) and OBR-25 (table 0123)."""
    if control in _CANCELS or obr.get(25) == "X" or orc.get(5) == "CA":
        return "cancelled"
    if orc.get(5) == "CM":
        return "completed"
    return "" if control in _PARTLY else "requested"


def patient_in(pid: Segment) -> PatientEntry:
    """PID-3, PID-5, PID-7 and PID-8 (chapter 3.4.2)."""
    family, given, middle, suffix, prefix = (_text(pid.get(5, at), 64) for at in range(1, 6))
    found = _numbers(pid, 3)
    return PatientEntry(
        number=found.number or _text(pid.get(2), 64),
        issuer=found.issuer,
        name="^".join((family, given, middle, prefix, suffix)).rstrip("^"),
        birth_date=_day(pid.get(7)),
        sex=pid.get(8) if pid.get(8) in {"M", "F", "O"} else "",
        nhs_number=found.nhs_number or (_text(pid.get(19), 16) if len(pid.get(19)) == 10 else ""),
        nhs_status=found.nhs_status,
    )


def _numbers(segment: Segment, at: int) -> PatientEntry:
    """The hospital's number and the NHS number of a CX field."""
    number = issuer = nhs = ""
    for repetition, _ in enumerate(segment.repetitions(at), 1):
        value = _text(segment.get(at, 1, repetition), 64)
        space = _text(segment.get(at, 4, repetition), 64)
        named = _text(segment.get(at, 4, repetition, 2), 200)
        kind = segment.get(at, 5, repetition)
        if value in {"", '""'}:
            continue
        if kind.upper() in _NHS or space.upper() in _NHS or named == NHS_SYSTEM:
            nhs = nhs or value
        elif not number:
            number, issuer = value, named or space
    status = segment.get(32) if segment.name == "PID" and re.fullmatch("0[1-8]", segment.get(32)) else ""
    return PatientEntry(number=number, issuer=issuer, nhs_number=nhs, nhs_status=status if nhs else "")


def _text(value: str, limit: int = 256) -> str:
    return "" if value == '""' else str(clean(value.strip(), limit=limit))


def _lines(value: str) -> str:
    return "" if value == '""' else str(clean(value.strip(), multiline=True, limit=16_384))


def _uid(value: str) -> str:
    return value if re.fullmatch(r"[0-9]+(\.[0-9]+)+", value) and len(value) <= 64 else ""


def _person(segment: Segment, at: int) -> str:
    """XCN in words."""
    family, given, prefix = segment.get(at, 2), segment.get(at, 3), segment.get(at, 6)
    return _text(" ".join(part for part in (prefix, given, family) if part) or segment.get(at))


def _day(value: str) -> str:
    found = re.match(r"(\d{4})(\d{2})?(\d{2})?", value)
    return "-".join(part for part in found.groups() if part) if found else ""


def iso_time(value: str) -> str:
    """A TS as ISO 8601; empty without an offset and a time, for such times are never converted."""
    found = re.fullmatch(r"(\d{12})(\d{2})?(?:\.\d{1,6})?([+-]\d{4})", value.strip())
    if found is None:
        return ""
    try:
        return datetime.strptime(f"{found[1]}{found[2] or '00'}{found[3]}", "%Y%m%d%H%M%S%z").isoformat()
    except ValueError:
        return ""
