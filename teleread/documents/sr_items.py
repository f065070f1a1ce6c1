"""Content items of a structured report (PS3.3 C.17.3): built, and read back under caps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from teleread.model.errors import IntegrityError
from teleread.model.evidence import Code, ImageRef
from teleread.model.text import SafeText

from .dicom_common import as_referred, coded, held_name

__all__ = [
    "MAX_DEPTH",
    "MAX_ITEMS",
    "Name",
    "children",
    "code",
    "container",
    "image",
    "image_of",
    "name_of",
    "number",
    "one",
    "person",
    "read_code",
    "text",
    "value_of",
    "walk",
]

MAX_DEPTH: Final = 64
MAX_ITEMS: Final = 100_000
_BREAK: Final = "\r\n"


@dataclass(frozen=True, slots=True)
class Name:
    """A concept name; two are the same where value and scheme are (PS3.3 section 8.3)."""

    value: str
    scheme: str
    meaning: str

    def is_(self, item: Dataset) -> bool:
        """Whether an item has this name."""
        found = name_of(item)
        return found is not None and (found.value, found.scheme) == (self.value, self.scheme)


def _item(kind: str, name: Name | None, relation: str, inner: Sequence[Dataset] = ()) -> Dataset:
    ds = Dataset()
    if relation:
        ds.RelationshipType = relation
    ds.ValueType = kind
    if name is not None:
        ds.ConceptNameCodeSequence = Items([coded(name.value, name.scheme, name.meaning)])
    if inner:
        ds.ContentSequence = Items(list(inner))
    return ds


def container(name: Name, inner: Sequence[Dataset], relation: str = "CONTAINS") -> Dataset:
    """CONTAINER, its content separate."""
    ds = _item("CONTAINER", name, relation, inner)
    ds.ContinuityOfContent = "SEPARATE"
    return ds


def text(name: Name, words: str, relation: str = "CONTAINS", inner: Sequence[Dataset] = ()) -> Dataset:
    """TEXT; line breaks as CR LF (PS3.5 6.2, UT)."""
    ds = _item("TEXT", name, relation, inner)
    ds.TextValue = words.replace("\n", _BREAK)
    return ds


def code(name: Name, value: Name, relation: str = "CONTAINS") -> Dataset:
    """CODE."""
    ds = _item("CODE", name, relation)
    ds.ConceptCodeSequence = Items([coded(value.value, value.scheme, value.meaning)])
    return ds


def person(name: Name, who: str, relation: str) -> Dataset:
    """PNAME."""
    ds = _item("PNAME", name, relation)
    ds.PersonName = held_name(who)
    return ds


def number(name: Name, value: str, unit: str, relation: str, inner: Sequence[Dataset] = ()) -> Dataset:
    """NUM with its unit in UCUM (PS3.3 C.18.1).

    Args:
        name: What was measured.
        value: Decimal of at most 16 characters.
        unit: UCUM code.
        relation: To the parent.
        inner: Items it holds.
    """
    ds = _item("NUM", name, relation, inner)
    measured = Dataset()
    measured.NumericValue = value
    unit_words = "no units" if unit == "1" else unit
    measured.MeasurementUnitsCodeSequence = Items([coded(unit, "UCUM", unit_words)])
    ds.MeasuredValueSequence = Items([measured])
    return ds


def image(name: Name | None, ref: ImageRef, relation: str, inner: Sequence[Dataset] = ()) -> Dataset:
    """IMAGE (PS3.3 C.18.4)."""
    ds = _item("IMAGE", name, relation, inner)
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = ref.sop_class, ref.sop_uid
    if as_referred(ref).frame:
        item.ReferencedFrameNumber = ref.frame
    ds.ReferencedSOPSequence = Items([item])
    return ds


# -- reading ------------------------------------------------------------------------------------------


def walk(root: Dataset) -> Iterator[Dataset]:
    """Every item below a root, parents first.

    Raises:
        IntegrityError: It is nested deeper, or has more items, than any report needs.
    """
    stack = [(one, 1) for one in reversed(children(root))]
    seen = 0
    while stack:
        item, depth = stack.pop()
        seen += 1
        if depth > MAX_DEPTH or seen > MAX_ITEMS:
            raise IntegrityError("This structured report is nested too deep or too long.", code="too-long")
        yield item
        stack.extend((one, depth + 1) for one in reversed(children(item)))


def children(item: Dataset) -> list[Dataset]:
    """The items an item holds."""
    return list(item.get("ContentSequence") or [])


def name_of(item: Dataset) -> Name | None:
    """The concept name of an item; None where it has none."""
    found = item.get("ConceptNameCodeSequence") or []
    return read_code(found[0]) if found else None


def read_code(item: Dataset) -> Name:
    """A Code Sequence item."""
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue") or ""
    return Name(str(value), str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeMeaning", "")))


def as_code(name: Name, section: str = "") -> Code:
    """A concept as the report's own code."""
    return Code(SafeText(name.value), SafeText(name.scheme), SafeText(name.meaning), section)


def value_of(item: Dataset) -> str:
    """The text of TEXT, PNAME and CODE (its meaning), the number of NUM; else empty."""
    kind = str(item.get("ValueType", ""))
    if kind == "TEXT":
        return str(item.get("TextValue", "")).replace(_BREAK, "\n")
    if kind == "PNAME":
        return str(item.get("PersonName", ""))
    if kind == "CODE":
        found = item.get("ConceptCodeSequence") or []
        return read_code(found[0]).meaning if found else ""
    if kind == "NUM":
        found = item.get("MeasuredValueSequence") or []
        return str(found[0].NumericValue) if found else ""
    return ""


def image_of(item: Dataset, series: dict[str, str]) -> ImageRef:
    """The reference of an IMAGE.

    Args:
        item: The content item.
        series: Series Instance UID by SOP Instance UID, from the evidence.
    """
    ref = item.ReferencedSOPSequence[0]
    sop_uid = str(ref.ReferencedSOPInstanceUID)
    frame = int(ref.get("ReferencedFrameNumber") or 0)
    return ImageRef(series.get(sop_uid, ""), sop_uid, str(ref.ReferencedSOPClassUID), frame)


def one(items: Sequence[Dataset], name: Name) -> str:
    """The value of the first item of that name; empty where there is none."""
    return next((value_of(item) for item in items if name.is_(item)), "")


def series_of(ds: Dataset) -> dict[str, str]:
    """Series Instance UID by SOP Instance UID, out of the evidence sequences."""
    found: dict[str, str] = {}
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in ds.get(keyword) or []:
            for series in study.get("ReferencedSeriesSequence") or []:
                for ref in series.get("ReferencedSOPSequence") or []:
                    found[str(ref.ReferencedSOPInstanceUID)] = str(series.SeriesInstanceUID)
    return found
