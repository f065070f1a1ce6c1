"""Structured reports and key object selections as lines and links (PS3.3 C.17.3, C.18; PS3.16 TID 2010)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from teleread.imaging.elements import Elements
from teleread.imaging.objects import REJECTIONS, Document, Line, Link
from teleread.model.text import EMPTY, SafeText, clean

__all__ = ["read_report"]

MAX_LINES: Final = 5000
MAX_LINKS: Final = 5000
MAX_TEXT: Final = 400_000
"""Most characters of one document."""

_CONTENT: Final = 0x0040A730
_NAME: Final = 0x0040A043
_TYPE: Final = 0x0040A040
_CODE: Final = 0x0040A168
_MEASURED: Final = 0x0040A300
_REFERENCED: Final = 0x00081199
_PLAIN: Final = {
    "DATE": 0x0040A121,
    "TIME": 0x0040A122,
    "DATETIME": 0x0040A120,
    "UIDREF": 0x0040A124,
    "PNAME": 0x0040A123,
}
_POINTED_AT: Final = {"IMAGE": "image", "WAVEFORM": "waveform", "COMPOSITE": "object"}
_EVIDENCE: Final = (0x0040A375, 0x0040A385)


def read_report(header: Elements, kind: str) -> Document:
    """Read a report.

    Args:
        header: The data set.
        kind: What it is, in words.
    """
    walk = _Walk(_evidence(header))
    title = _meaning(header.item(_NAME))
    code = header.item(_NAME).text(0x00080100)
    for line in _state(header):
        walk.add(line)
    walk.children(header, 0)
    rejects = REJECTIONS.get(code, "")
    links = walk.links
    if not links and walk.places:  # a selection that names objects in its evidence alone
        links = list(walk.places.values())[:MAX_LINKS]
    return Document(
        clean(kind),
        title,
        tuple(walk.lines),
        tuple(links),
        clean(rejects),
        note=clean("It is longer than is shown here.") if walk.full else EMPTY,
    )


def _state(header: Elements) -> Iterator[Line]:
    """Completion, verification, by whom and when: it decides how far a text is to be believed."""
    words = {"COMPLETE": "complete", "PARTIAL": "partial", "VERIFIED": "verified", "UNVERIFIED": "unverified"}
    flags = [words.get(header.text(tag), "") for tag in (0x0040A491, 0x0040A493)]
    if any(flags):
        yield Line(0, clean("State"), clean(", ".join(flag for flag in flags if flag)))
    for item in header.items(0x0040A073)[:8]:
        who, when = item.text(0x0040A075).replace("^", " ").strip(), item.text(0x0040A030)
        yield Line(0, clean("Verified by"), clean(f"{who} {_dated(when[:8], 'DATE')}".strip(), limit=200))


def _evidence(header: Elements) -> dict[str, Link]:
    """Where each object named in the evidence lies."""
    found: dict[str, Link] = {}
    for tag in _EVIDENCE:
        for study in header.items(tag):
            for series in study.items(0x00081115):
                for item in series.items(_REFERENCED):
                    if len(found) >= MAX_LINKS:
                        return found
                    link = _link(item, series.text(0x0020000E), study.text(0x0020000D))
                    found[str(link.sop_uid)] = link
    return found


def _link(item: Elements, series: str, study: str, name: SafeText = EMPTY) -> Link:
    frames = tuple(int(frame) for frame in item.numbers(0x00081160)[:1000] if 0 < frame < 1 << 31)
    uid, sop_class = clean(item.text(0x00081155), limit=128), clean(item.text(0x00081150), limit=128)
    return Link(uid, sop_class, clean(series, limit=128), clean(study, limit=128), frames, name)


def _meaning(code: Elements) -> SafeText:
    return clean(code.text(0x00080104) or code.text(0x00080100), limit=300)


class _Walk:
    """Goes through a content tree once, under caps."""

    def __init__(self, places: dict[str, Link]) -> None:
        self.places = places
        self.lines: list[Line] = []
        self.links: list[Link] = []
        self.full = False
        self._characters = 0

    def add(self, line: Line) -> None:
        self._characters += len(line.name) + len(line.text)
        if len(self.lines) >= MAX_LINES or self._characters > MAX_TEXT:
            self.full = True
            return
        self.lines.append(line)

    def children(self, item: Elements, level: int) -> None:
        for child in item.items(_CONTENT):
            if self.full:
                return
            self._item(child, level)

    def _item(self, item: Elements, level: int) -> None:
        kind, name = item.text(_TYPE), _meaning(item.item(_NAME))
        if kind == "CONTAINER":
            self.add(Line(level, name or clean("Section")))
        else:
            value = self._value(item, kind, name)
            if name or value:
                self.add(Line(level, name, value))
        self.children(item, level + 1)

    def _value(self, item: Elements, kind: str, name: SafeText) -> SafeText:
        if kind == "TEXT":
            return clean(item.whole_text(0x0040A160).strip(), multiline=True)
        if kind == "CODE":
            return _meaning(item.item(_CODE))
        if kind == "NUM":
            return _measured(item)
        if kind in _POINTED_AT:
            return self._pointed(item, _POINTED_AT[kind], name)
        if kind in ("SCOORD", "SCOORD3D", "TCOORD"):
            shape = item.text(0x00700023) or item.text(0x0040A130)
            return clean(f"region ({shape.lower()})" if shape else "region")
        value = item.text(_PLAIN[kind]) if kind in _PLAIN else ""
        return clean(value.replace("^", " ").strip() if kind == "PNAME" else _dated(value, kind), limit=300)

    def _pointed(self, item: Elements, what: str, name: SafeText) -> SafeText:
        reference = item.item(_REFERENCED)
        link = _link(reference, "", "", name)
        known = self.places.get(str(link.sop_uid))
        if known is not None:
            link = Link(link.sop_uid, link.sop_class, known.series_uid, known.study_uid, link.frames, name)
        if link.sop_uid and len(self.links) < MAX_LINKS:
            self.links.append(link)
        frames = f", frame {', '.join(map(str, link.frames[:8]))}" if link.frames else ""
        return clean(f"{what} {len(self.links)}{frames}" if link.sop_uid else f"{what}, not named")


def _measured(item: Elements) -> SafeText:
    """A number with its unit; without a number, why there is none (PS3.3 C.18.1)."""
    measured = item.item(_MEASURED)
    value, unit = measured.text(0x0040A30A), measured.item(0x004008EA)
    if not value:
        return _meaning(item.item(0x0040A301)) or clean("no value")
    name = unit.text(0x00080100)
    shown = "" if name in ("1", "{no units}") else name.strip("{}") or unit.text(0x00080104)
    return clean(f"{value} {shown}".strip(), limit=120)


def _dated(value: str, kind: str) -> str:
    """Dates and times with separators, as far as they go; never converted between zones."""
    if kind in ("DATE", "DATETIME") and len(value) >= 8 and value[:8].isdigit():
        day = f"{value[:4]}-{value[4:6]}-{value[6:8]}"
        return f"{day} {_dated(value[8:], 'TIME')}".strip() if kind == "DATETIME" else day
    if kind == "TIME" and len(value) >= 4 and value[:4].isdigit():
        return f"{value[:2]}:{value[2:4]}" + (f":{value[4:6]}" if value[4:6].isdigit() and value[4:6] else "")
    return value
