"""Modality Worklist items (PS3.4 annex K) as orders, and the question for them. I/O-free.

An item is one scheduled step of one requested procedure: several items can be one order. What is read of it
is brought to the shape that every site without FHIR has here (`teleread.wire.orders`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from teleread.model.text import SafeText
from teleread.wire.dicom_dataset import write_data_set
from teleread.wire.dicom_json import inside, texts, uid, words
from teleread.wire.dicom_tags import is_uid
from teleread.wire.fhir_json import Unreadable
from teleread.wire.orders import OrderEntry, PatientEntry
from teleread.wire.ups_json import NHS_ISSUERS, instant_of

__all__ = ["MODEL", "Orders", "Window", "question", "read_item", "windows"]

MODEL: Final = "1.2.840.10008.5.1.4.31"
"""Modality Worklist Information Model FIND."""
_STEP: Final = "00400100"
"""Scheduled Procedure Step Sequence."""
_PRIORITY: Final = {
    "STAT": "stat",
    "HIGH": "urgent",
    "MEDIUM": "routine",
    "ROUTINE": "routine",
    "LOW": "routine",
}
_OVER: Final = frozenset({"CANCELED", "CANCELLED", "DISCONTINUED"})
"""Scheduled Procedure Step Status (0040,0020) of what will not be done (PS3.3 C.4.10)."""
_SEX: Final = frozenset({"M", "F", "O"})
_MIDNIGHT: Final = time(0, 0)
_LAST: Final = time(23, 59, 59)
_SMALLEST: Final = timedelta(minutes=15)

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of scheduled days, or of the hours of one day, that is asked for at once."""

    first: date
    last: date
    begin: time = _MIDNIGHT
    end: time = _LAST

    def halves(self) -> tuple[Window, Window] | None:
        """Two windows for one whose list was too long; None where it is as short as they get."""
        days = (self.last - self.first).days
        if days:
            middle = self.first + timedelta(days=days // 2)
            return replace(self, last=middle), replace(self, first=middle + timedelta(days=1))
        begin, end = datetime.combine(self.first, self.begin), datetime.combine(self.first, self.end)
        if end - begin <= _SMALLEST:
            return None
        middle_time = (begin + (end - begin) / 2).replace(microsecond=0)
        after = middle_time + timedelta(seconds=1)
        return replace(self, end=middle_time.time()), replace(self, begin=after.time())

    @property
    def dates(self) -> str:
        """As a date range (PS3.4 C.2.2.2.5)."""
        return f"{self.first:%Y%m%d}-{self.last:%Y%m%d}"

    @property
    def times(self) -> str:
        """As a time range; empty for whole days."""
        if (self.begin, self.end) == (_MIDNIGHT, _LAST):
            return ""
        return f"{self.begin:%H%M%S}-{self.end:%H%M%S}"

    def __str__(self) -> str:
        days = f"{self.first} to {self.last}" if self.first != self.last else str(self.first)
        return days if not self.times else f"{days} {self.begin} to {self.end}"


def windows(today: date, back: int, ahead: int, days: int) -> tuple[Window, ...]:
    """The windows of a whole list, the newest first.

    Args:
        today: The site's day.
        back: Days before it.
        ahead: Days after it.
        days: Days of one window.
    """
    last, oldest = today + timedelta(days=ahead), today - timedelta(days=back)
    found: list[Window] = []
    while last >= oldest:
        first = max(oldest, last - timedelta(days=days - 1))
        found.append(Window(first, last))
        last = first - timedelta(days=1)
    return tuple(found)


_ASKED: Final = (
    ("CS", "00080005"),
    ("SH", "00080050 00401001 00401003"),
    ("PN", "00080090 00100010 00321032"),
    ("LO", "00100020 00100021 00321060 00401002"),
    ("DA", "00100030 00402004"),
    ("CS", "00100040 00200060"),
    ("UI", "0020000D"),
    ("LT", "00401400"),
)
_STEP_ASKED: Final = (
    ("CS", "00080060 00400020"),
    ("AE", "00400001"),
    ("DA", "00400002"),
    ("TM", "00400003"),
    ("PN", "00400006"),
    ("LO", "00400007"),
    ("SH", "00400009 00400010"),
)
_SEQUENCES: Final = ("00100024", "00101002", "00321064", "0040100A")


def question(window: Window | None, *, modality: str = "", station: str = "", **keys: str) -> bytes:
    """A C-FIND identifier in implicit VR little endian.

    Args:
        window: Days to ask for; None for any.
        modality: The one to ask for.
        station: Scheduled Station AE Title to ask for.
        keys: ``accession``, ``study_uid``, ``patient_id`` to match.
    """
    wanted = {"accession": "00080050", "study_uid": "0020000D", "patient_id": "00100020"}
    step = _keys(_STEP_ASKED) | {"00400008": {"vr": "SQ"}}
    if window is not None:
        step["00400002"]["Value"] = [window.dates]
        step["00400003"]["Value"] = [window.times]
    step["00080060"]["Value"], step["00400001"]["Value"] = [modality], [station]
    asked = _keys(_ASKED)
    for name, value in keys.items():
        asked[wanted[name]]["Value"] = [value]
    if any(not one.isascii() for one in (modality, station, *keys.values())):
        asked["00080005"]["Value"] = ["ISO_IR 192"]
    # Sequences are asked for without items: some lists hide orders in which one is empty, otherwise.
    asked |= {tag: {"vr": "SQ"} for tag in _SEQUENCES}
    return write_data_set({**asked, _STEP: {"vr": "SQ", "Value": [step]}})


def _keys(groups: Iterable[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    return {tag: {"vr": vr} for vr, tags in groups for tag in tags.split()}


# -- answers ------------------------------------------------------------------------------------------


def read_item(data: Data, issuer: str = "", zone: tzinfo | None = None) -> OrderEntry:
    """One answer as an order with its patient.

    Args:
        data: The answer, as DICOM JSON.
        issuer: Whose the patients' numbers without an issuer are.
        zone: The site's; without it times stay unknown and days stand alone.

    Raises:
        Unreadable: It names no patient or no order.
    """
    patient = _patient(data, issuer)
    if not patient.known:
        raise Unreadable("an item of the list names no patient")
    steps = inside(data, _STEP)
    step: Data = steps[0] if steps else {}
    accession, requested = str(words(data, "00080050")), str(words(data, "00401001"))
    study = uid(data, "0020000D")
    coded = next((one for tag in ("00321064",) for one in inside(data, tag)), {})
    protocol = next(iter(inside(step, "00400008")), {})
    procedure = (
        words(data, "00321060")
        or words(coded, "00080104")
        or words(step, "00400007")
        or words(protocol, "00080104")
    )
    order = OrderEntry(
        id=_name(accession, requested, study),
        accession=accession,
        status="cancelled" if str(words(step, "00400020")).upper() in _OVER else "requested",
        priority=_PRIORITY.get(str(words(data, "00401003")).upper(), ""),
        authored=_day(words(data, "00402004")),
        performed=_moment(words(step, "00400002"), words(step, "00400003"), zone),
        procedure=str(procedure),
        procedure_code=str(words(coded, "00080100")),
        laterality={"L": "left", "R": "right", "B": "bilateral"}.get(str(words(data, "00200060")), ""),
        question="\n".join(_reasons(data)),
        requester=_person(words(data, "00321032") or words(data, "00080090")),
        study_uid=study if is_uid(study) else "",
        modality=str(words(step, "00080060")),
        description=str(words(step, "00400007")),
        patient=patient,
    )
    if not order.task_id:
        raise Unreadable("an item of the list names no order")
    return order


def _name(accession: str, requested: str, study: str) -> str:
    """What an order is called here: one accession number may stand for several requested procedures."""
    if accession and requested and requested != accession:
        return f"{accession}.{requested}"
    return accession or requested or (study if is_uid(study) else "")


def _reasons(data: Data) -> list[str]:
    found = [str(one) for one in texts(data, "00401002")]
    found += [str(words(one, "00080104")) for one in inside(data, "0040100A")]
    comments = data.get("00401400", {}).get("Value") or [""]
    found += str(comments[0])[:16_384].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [one.strip() for one in dict.fromkeys(found) if one.strip()]


def _patient(data: Data, issuer: str) -> PatientEntry:
    """The patient: the NHS number apart, whichever element it stands in."""
    numbers = [_number(data, issuer), *(_number(one, "") for one in inside(data, "00101002")[:16])]
    national = next((value for value, of in numbers if value and of.upper() in NHS_ISSUERS), "")
    local = next(((value, of) for value, of in numbers if value and of.upper() not in NHS_ISSUERS), ("", ""))
    sex = str(words(data, "00100040")).upper()
    return PatientEntry(
        number=local[0],
        issuer=local[1],
        name=str(words(data, "00100010")),
        birth_date=_day(words(data, "00100030")),
        sex=sex if sex in _SEX else "",
        nhs_number=national,
    )


def _number(data: Data, issuer: str) -> tuple[str, str]:
    qualifier = next(iter(inside(data, "00100024")), {})
    system = words(qualifier, "00400032") or words(data, "00100021")
    return str(words(data, "00100020")), str(system) or issuer


def _person(name: SafeText) -> str:
    family, *given = str(name).split("^")
    return " ".join(one for one in (*given[:2], family) if one)


def _day(text: SafeText) -> str:
    raw = str(text).replace(".", "").replace("-", "")
    try:
        return date(int(raw[:4]), int(raw[4:6]), int(raw[6:8])).isoformat() if len(raw) == 8 else ""
    except ValueError:
        return ""


def _moment(day: SafeText, hour: SafeText, zone: tzinfo | None) -> str:
    known = _day(day)
    digits = str(hour).replace(":", "").partition(".")[0]
    if not known or not digits or zone is None:
        return known
    return instant_of(known.replace("-", "") + digits, zone) or known


# -- several items, one order -------------------------------------------------------------------------


@dataclass(slots=True)
class Orders:
    """The orders of a list, put together from its items."""

    found: dict[str, OrderEntry] = field(default_factory=dict)
    """By task id."""
    skipped: list[str] = field(default_factory=list)
    """Words on what could not be used."""
    doubtful: set[str] = field(default_factory=set)
    """Task ids under which the list has orders of different people or studies: none of them is used."""

    def take(self, order: OrderEntry) -> None:
        """Take one item. Two that share a name and not their patient or study are one too many."""
        name = order.task_id
        before = self.found.get(name)
        if name in self.doubtful:
            return
        if before is None:
            self.found[name] = order
        elif not _same_order(before, order):
            del self.found[name]
            self.doubtful.add(name)
            self.skipped.append(f"{name}: on the list for different people or studies; none is shown")
        else:
            self.found[name] = _joined(before, order)


def _same_order(one: OrderEntry, other: OrderEntry) -> bool:
    return one.patient == other.patient and one.study_uid == other.study_uid


def _joined(one: OrderEntry, other: OrderEntry) -> OrderEntry:
    """Steps of one order: it begins with the earliest, and is over when all of them are."""
    first, later = sorted((one, other), key=lambda each: (each.performed or "9", each.description))
    over = one.status == other.status == "cancelled"
    alive = later if first.status == "cancelled" else first
    return replace(alive, performed=first.performed, status="cancelled" if over else "requested")
