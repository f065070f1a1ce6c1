"""Attribute matching of queries (PS3.4 C.2.2.2)."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

__all__ = ["attribute_fits", "query_fits"]

_RANGES = frozenset({"StudyDate", "SeriesDate", "StudyTime", "SeriesTime", "PatientBirthDate"})
_LISTS = re.compile(r"[\\,]")


def query_fits(attributes: dict[str, Any], wanted: dict[str, str]) -> bool:
    """Whether attributes meet every key of a query; an empty key asks for the value only."""
    return all(attribute_fits(name, attributes.get(name), text) for name, text in wanted.items() if text)


def attribute_fits(name: str, value: Any, wanted: str) -> bool:
    """Whether one attribute meets one key.

    Args:
        name: DICOM keyword.
        value: A value, a list of values, or None.
        wanted: The key: a value, a list of values, wild cards, or a range where the VR has them.
    """
    values = [str(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
    if name in _RANGES and "-" in wanted:
        first, _, last = wanted.partition("-")
        return any((not first or one >= first) and (not last or one[: len(last)] <= last) for one in values)
    if name.endswith("Name"):
        return any(_name_fits(one, wanted) for one in values)
    alternatives = _LISTS.split(wanted) if name.endswith("UID") or name == "ModalitiesInStudy" else [wanted]
    return any(_wild(one, alternative) for one in values for alternative in alternatives)


def _name_fits(value: str, wanted: str) -> bool:
    """Any component group of a person's name, ignoring case and trailing empty components."""
    plain = wanted.casefold().rstrip("^")
    groups = [group.casefold().rstrip("^") for group in value.split("=")]
    return any(_wild(group, plain) for group in [*groups, "=".join(groups)])


def _wild(value: str, wanted: str) -> bool:
    if "*" not in wanted and "?" not in wanted:
        return value == wanted
    pattern = fnmatch.translate(wanted.replace("[", "[[]"))
    return re.match(pattern, value) is not None
