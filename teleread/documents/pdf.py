"""The report on paper: PDF/A-3a and PDF/UA-1, tagged, with the signed bytes and the signature attached.

Set by typst from `report.typ` with the shipped fonts alone, so that the same report gives the same bytes on
every machine with the same typst; which typst that is belongs to the renderer's number.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
import zlib
from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from teleread.model.errors import IntegrityError, TelereadError
from teleread.model.report import SignedReport

from .content import (
    alert_lines,
    content_of,
    heading_of,
    measured,
    shown_moment,
    shown_name,
    signed_by,
    unknown_renderer,
)
from .facts import Facts, Part, facts_of
from .fonts import FAMILIES, folder, missing
from .lifecycle import kind_of
from .render_html import Carried
from .thawing import thaw

__all__ = ["MAX_BYTES", "RENDERER", "TYPST", "installed", "read_back", "render", "set_again", "setter_of"]

RENDERER: Final = 1
"""Number of the newest renderer."""

TYPST: Final = {1: "0.15"}
"""The typst each renderer sets with; the file names its patch version and is proved by that one alone."""

MAX_BYTES: Final = 64 * 1024 * 1024

_LATIN_LANGUAGE: Final = ("en", "GB")


def render(report: SignedReport, number: int = RENDERER) -> bytes:
    """The page as PDF: a pure function of report, signature and renderer number.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
        TelereadError: Another typst than this renderer's is installed, or none.
    """
    renderer = _RENDERERS.get(number)
    if renderer is None:
        raise unknown_renderer("PDF", number)
    return renderer(report, number)


def installed(number: int = RENDERER) -> bool:
    """Whether the typst of a renderer is here."""
    return _typst_version().rpartition(".")[0] == TYPST[number]


@lru_cache(1)
def _typst_version() -> str:
    """Read once: it does not change while a process runs, and a delivery asks twice a report."""
    try:
        return version("typst")
    except PackageNotFoundError:
        return ""


def _render_1(report: SignedReport, number: int) -> bytes:
    if not installed(number):
        here = _typst_version()
        raise _no_typst(f"typst {here} is installed" if here else "typst is not installed", number)
    import typst

    inputs = {
        "report": json.dumps(_page(report), ensure_ascii=False),
        "frozen": report.frozen.decode("utf-8"),
        "signature": report.signature,
    }
    try:
        data: bytes = _compiler(number).compile(
            format="pdf", pdf_standards=["a-3a", "ua-1"], sys_inputs=inputs
        )
    except typst.TypstError:
        raise TelereadError(
            "The PDF can't be set: something in the report does not fit on a page.",
            "The report is safe, and every other form can be written.",
            code="no-page",
        ) from None
    return data


_RENDERERS: Final[dict[int, Callable[[SignedReport, int], bytes]]] = {1: _render_1}


@lru_cache(maxsize=2)
def _compiler(number: int) -> Any:
    """A compiler with the shipped fonts and nothing of this machine's.

    One thread sets a page: more of them spend half as much again waiting for one another.
    """
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    import typst

    source = resources.files("teleread.documents") / "report.typ"
    return typst.Compiler(str(source), font_paths=[str(folder())], ignore_system_fonts=True)


def setter_of(data: bytes) -> str:
    """The typst version a PDF says it was set with; empty where it says none."""
    found = _CREATOR.search(data)
    return found[1].decode("ascii") if found else ""


def set_again(report: SignedReport, data: bytes, number: int) -> bytes:
    """The pages of a PDF set once more, to be compared with it.

    Raises:
        TelereadError: It was set with another typst than the one here, or there is none.
    """
    made = render(report, number)
    told, here = setter_of(data), setter_of(made)
    if told != here:
        raise TelereadError(
            f"This PDF was set with typst {told or 'of no known version'}; here is {here}.",
            "The pages can't be set again here to compare them; nothing says that they are wrong.",
            "Ask for the HTML export.",
            code="other-typst",
        )
    return made


def _no_typst(what: str, number: int) -> TelereadError:
    return TelereadError(
        f"The PDF can't be set: {what}, and pdf/{number} is of typst {TYPST[number]}.",
        "The report is safe, and every other form can be written.",
        f"Install typst {TYPST[number]}.",
        code="no-typst",
    )


# -- what stands on the page --------------------------------------------------------------------------


def _page(report: SignedReport) -> dict[str, Any]:
    facts, form = facts_of(report), thaw(report.frozen)
    kind, signed = heading_of(facts), kind_of(facts.kind).signed
    rows = [
        [label, shown_moment(value) if label == "Born" else value]
        for label, value in content_of(report).facts
    ]
    day, clock = facts.signed_at[:10].split("-"), facts.signed_at[11:19].split(":")
    language = form["template"].get("language", "")
    page = {
        "title": facts.procedure,
        "kind": kind,
        "withdrawn": facts.kind == "withdrawal",
        "description": f"Report {facts.report_id}, version {facts.version}, SHA-256 {facts.sha256}",
        "reader": facts.reader,
        "organisation": facts.organisation,
        "date": [int(part) for part in (*day, *clock)],
        "lang": _language(language),
        "fonts": list(FAMILIES),
        "patient": shown_name(facts.patient_name) or "Name not known",
        "identity": "  ·  ".join(f"{label} {value}" for label, value in rows if label in _IDENTITY),
        "accession": ", ".join(facts.accessions),
        "facts": rows,
        "change": _change(facts, kind),
        "alert": [list(pair) for pair in alert_lines(facts)],
        "parts": [_part(one) for one in facts.parts],
        "measurements": [list(measured(one)) for one in facts.measurements],
        "images": [_image(index, one.note) for index, one in enumerate(facts.key_images, 1)],
        "notes": list(facts.notes),
        "signature": signed_by(facts.kind, facts.reader, facts.signed_at),
        "cosigners": [f"{one.role.capitalize()}: {one.name}" for one in facts.cosigners],
        "footer": f"Report {facts.report_id}, version {facts.version}, "
        f"{'signed' if signed else 'not signed'} {shown_moment(facts.signed_at)}",
        "seal": f"Electronically {'signed' if signed else 'sealed'} (ES256). SHA-256 "
        f"{facts.sha256}. The signed bytes and the signature are attached to this file.",
    }
    drawable: dict[str, Any] = _drawable(page)
    return drawable


_IDENTITY: Final = {"Born", "Sex", "NHS number", "Hospital number"}


def _language(tag: str) -> list[str | None]:
    found = re.fullmatch(r"([a-z]{2,3})(?:-([A-Z]{2}))?", tag)
    return list(_LATIN_LANGUAGE) if found is None else [found[1], found[2] or None]


def _change(facts: Facts, kind: str) -> list[list[str]]:
    if facts.change is None and facts.kind != "withdrawal":
        return []
    rows = [["", kind + (". Do not act on the text below." if facts.kind == "withdrawal" else ".")]]
    if facts.change is not None:
        rows += [["Reason", facts.change.reason]] if facts.change.reason else []
        rows += [["Told", facts.change.told]] if facts.change.told else []
    return rows


def _part(part: Part) -> dict[str, Any]:
    return {
        "label": part.label or "Section",
        "addendum": part.loinc == "55107-7",
        "conclusion": part.loinc in {"19005-8", "55110-1"},
        "lines": [{"text": line, "rtl": _right_to_left(line)} for line in part.text.split("\n")],
        "codes": "; ".join(f"{one.meaning} ({one.scheme} {one.value})" for one in part.codes),
    }


def _right_to_left(line: str) -> bool:
    """Whether the first strong letter says so (UAX 9, rules P2 and P3)."""
    strong = (unicodedata.bidirectional(letter) for letter in line)
    return next((one for one in strong if one in {"L", "R", "AL"}), "L") != "L"


def _image(index: int, note: str) -> str:
    return f"Image {index}: {note}" if note else f"Image {index}"


def _drawable(value: Any) -> Any:
    """The page with letters that no font holds written as their code points."""
    if isinstance(value, str):
        lost = missing(value)
        return "".join(f"[U+{ord(one):04X}]" if one in lost else one for one in value) if lost else value
    if isinstance(value, list):
        return [_drawable(one) for one in value]
    if isinstance(value, dict):
        return {name: _drawable(one) for name, one in value.items()}
    return value


# -- reading ------------------------------------------------------------------------------------------

_FILE: Final = re.compile(
    rb"\n\d+ 0 obj\n<<([^<>]{0,200}/Type/EmbeddedFile(?:/Filter/FlateDecode)?"
    rb"/Subtype/application#2F([^/<> ]{1,80}))"
    rb"/Params<<[^<>]{0,200}>>>>\nstream\n"
)
_KEYWORDS: Final = re.compile(rb"/Keywords\(teleread\.report/1, pdf/(\d{1,4})\)")
_CREATOR: Final = re.compile(rb"/Creator\(Typst (\d{1,3}\.\d{1,3}\.\d{1,3})\)")
_PARTS: Final = {b"vnd.teleread.report+json": "frozen", b"jose": "signature"}


def read_back(data: bytes) -> Carried:
    """What a PDF of ours carries verbatim.

    Raises:
        IntegrityError: It is none of ours, or a part is missing, stands there twice or is too long.
    """
    parts: dict[str, bytes] = {}
    try:
        if len(data) > MAX_BYTES:
            raise ValueError
        for found in _FILE.finditer(data):
            name = _PARTS[found[2]]
            if name in parts:
                raise ValueError
            parts[name] = _stream(data, found[1], found.end())
        (number,) = _KEYWORDS.findall(data)
        return Carried(int(number), parts["frozen"], parts["signature"].decode("ascii"))
    except (KeyError, ValueError, zlib.error):
        raise IntegrityError(
            "This PDF is not as teleread exported it.",
            "Its signed bytes, its signature or its renderer's number can't be found once each.",
            code="not-a-report",
        ) from None


def _stream(data: bytes, head: bytes, start: int) -> bytes:
    length = re.search(rb"/Length (\d{1,9})(?=[/ >]|$)", head)
    if length is None:
        raise ValueError
    raw = data[start : start + int(length[1])]
    if b"/FlateDecode" not in head:
        return raw
    engine = zlib.decompressobj()
    out = engine.decompress(raw, MAX_BYTES)
    if engine.unconsumed_tail:
        raise ValueError
    return out
