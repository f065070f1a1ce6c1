"""The coded content of an MRRT template: ids of sections, fields and options to their codes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from teleread.model.evidence import Code
from teleread.model.text import clean

__all__ = ["SCHEMES", "Codes", "read_codes", "slug"]

SCHEMES: Final = {
    "RADLEX": "RADLEX",
    "LOINC": "LN",
    "SNOMED": "SCT",
    "SNOMEDCT": "SCT",
    "SNOMED-CT": "SCT",
    "UCUM": "UCUM",
    "2.16.840.1.113883.6.256": "RADLEX",
    "2.16.840.1.113883.6.1": "LN",
    "2.16.840.1.113883.6.96": "SCT",
}
"""What templates call a coding scheme, to the DICOM designator."""

MAX_CODES: Final = 5000


@dataclass
class Codes:
    """Codes by the id of what they are of."""

    table: dict[str, list[Code]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Code, ...]:
        """The codes of an id, or of a text that stands for it."""
        return tuple(self.table.get(name, ())) if name else ()


def read_codes(blocks: list[str]) -> Codes:
    """Read every ``template_attributes`` block, tolerantly; what can't be understood is left out."""
    parser = _Reader()
    for block in blocks:
        # some stand inside a comment, so that old browsers leave them alone
        parser.feed(re.sub(r"<!--|-->|<!\[CDATA\[|\]\]>", " ", block))
    parser.close()
    return parser.codes


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.codes = Codes()
        self._of = ""
        self._schemes = dict(SCHEMES)
        self._count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        table = {name: value or "" for name, value in attrs}
        if tag == "coding_scheme":
            known = SCHEMES.get(table.get("designator", "")) or SCHEMES.get(table.get("name", "").upper())
            if known and table.get("name"):
                self._schemes[table["name"].upper()] = known
        elif tag == "entry":
            self._of = table.get("origtxt", "")
        elif tag == "code" and self._of and self._count < MAX_CODES:
            code = _code(table, self._schemes)
            if code:
                self._count += 1
                self.codes.table.setdefault(self._of, []).append(code)

    def handle_endtag(self, tag: str) -> None:
        if tag == "entry":
            self._of = ""


def _code(table: dict[str, str], schemes: dict[str, str]) -> Code | None:
    value, scheme = table.get("value", "").strip(), table.get("scheme", "").strip()
    radlex = re.search(r"RID\d+", value)
    if radlex:
        # both bare numbers and whole addresses are met in one file
        value, scheme = radlex[0], scheme or "RADLEX"
    if not value or not scheme:
        return None
    known = schemes.get(scheme.upper(), scheme)
    return Code(clean(value, limit=80), clean(known, limit=16), clean(table.get("meaning", ""), limit=200))


def slug(text: str) -> str:
    """A template id of any text: letters, digits, dots and hyphens, at most 64."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text.translate(_PLAIN)).strip("-._")
    return plain[:64].rstrip("-._") or "template"


_PLAIN: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
