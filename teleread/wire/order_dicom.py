"""Orders as DICOM files: worklist items, as list servers keep them (PS3.10, PS3.4 annex K). I/O-free."""

from __future__ import annotations

from typing import Final

from teleread.wire.dicom_dataset import read_data_set
from teleread.wire.dicom_tags import EXPLICIT
from teleread.wire.fhir_json import Unreadable
from teleread.wire.mwl_items import read_item
from teleread.wire.orders import Change, Merge
from teleread.wire.part10 import syntax_in
from teleread.wire.pdu import IMPLICIT

__all__ = ["dicom_orders"]

_GROUP_LENGTH: Final = b"\x02\x00\x00\x00UL\x04\x00"


def dicom_orders(data: bytes) -> list[Change | Merge]:
    """The order of one worklist file.

    Raises:
        ValueError: It is none; its text is for people.
    """
    if data[128:132] != b"DICM" or data[132:140] != _GROUP_LENGTH:
        raise ValueError("it is no DICOM file (PS3.10)")
    begin = 144 + int.from_bytes(data[140:144], "little")
    syntax = syntax_in(data[:begin])
    if syntax not in {IMPLICIT, EXPLICIT}:
        raise ValueError("its transfer syntax is none that worklist files have")
    try:
        order = read_item(read_data_set(memoryview(data)[begin:], syntax))
    except Unreadable as problem:
        raise ValueError(f"it is no worklist item: {problem}") from problem
    return [Change(order.patient, order)]
