"""Encapsulated PDF and CDA as text (PS3.3 A.45). Runs in the decode child, under its caps.

A PDF's text comes by pypdf, its pages as pictures by pypdfium2 where that extra is installed. Neither is
believed: what they give is cleaned, counted and cut.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final
from xml.etree import ElementTree

from teleread.imaging.elements import Elements
from teleread.imaging.objects import Document, Line
from teleread.imaging.part10 import cannot
from teleread.model.text import EMPTY, SafeText, clean

__all__ = ["PDF", "encapsulated_bytes", "page_picture", "read_cda", "read_pdf"]

PDF: Final = "1.2.840.10008.5.1.4.1.1.104.1"
MAX_PAGES: Final = 200
MAX_TEXT: Final = 400_000
MAX_CDA: Final = 16 * 1024 * 1024
PAGE_PIXELS: Final = 1600
"""Longer side of a page drawn as a picture."""


def encapsulated_bytes(header: Elements) -> bytes:
    """The document in an object; its padding byte is cut where the length is said."""
    value = bytes(header.raw(0x00420011))
    length = header.whole(0x00420015)
    return value[:length] if 0 < length < len(value) else value


def _title(header: Elements) -> SafeText:
    return clean(header.text(0x00420010) or header.item(0x0040A043).text(0x00080104), limit=300)


def read_pdf(header: Elements, kind: str) -> Document:
    """The text of a PDF, page by page.

    Args:
        header: The data set.
        kind: What it is, in words.
    """
    body = encapsulated_bytes(header)
    if not body.lstrip()[:5] == b"%PDF-":
        raise cannot("The document in the file is no PDF.")
    if find_spec("pypdf") is None:
        note = clean("Its text is not read here; a PDF viewer shows it.")
        return Document(clean(kind), _title(header), note=note)
    try:
        pages = _pdf_pages(body)
    except MemoryError:
        raise
    except Exception as error:  # whatever a hostile PDF makes of a parser
        raise cannot("The PDF in the file is damaged and could not be read.") from error
    lines: list[Line] = []
    total = 0
    for number, text in enumerate(pages, 1):
        total += len(text)
        if number > MAX_PAGES or total > MAX_TEXT:
            break
        lines += (Line(0, clean(f"Page {number} of {len(pages)}")), *_paragraphs(text))
    note = EMPTY
    if not any(line.text for line in lines):
        note = clean("There is no text in it: its pages are pictures.")
    elif total > MAX_TEXT or len(pages) > MAX_PAGES:
        note = clean("It is longer than is shown here.")
    return Document(clean(kind), _title(header), tuple(lines), pages=len(pages), note=note)


def _pdf_pages(body: bytes) -> list[str]:
    import io

    logging.disable(logging.CRITICAL)
    reader = import_module("pypdf").PdfReader(io.BytesIO(body), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("encrypted")
    count = len(reader.pages)
    texts: list[str] = []
    total = 0
    for number in range(count):
        text = reader.pages[number].extract_text() if number < MAX_PAGES and total <= MAX_TEXT else ""
        total += len(text)
        texts.append(text)
    return texts


def _paragraphs(text: str) -> Iterator[Line]:
    for line in text.splitlines():
        shown = clean(line.strip(), limit=2000)
        if shown:
            yield Line(1, EMPTY, shown)


def page_picture(header: Elements, number: int) -> tuple[Any, int] | None:
    """One page as RGB, rows x columns x 3, and how many pages there are; None without the extra.

    Args:
        header: The data set.
        number: Page, from 1.
    """
    if find_spec("pypdfium2") is None:
        return None
    import numpy as np

    try:
        document = import_module("pypdfium2").PdfDocument(encapsulated_bytes(header))
        count = len(document)
        page = document[min(max(number, 1), count) - 1]
        scale = PAGE_PIXELS / max(*page.get_size(), 1.0)
        bitmap = page.render(scale=min(scale, 8.0), rev_byteorder=True)
        pixels = np.array(bitmap.to_numpy()[..., :3], np.uint8)
    except MemoryError:
        raise
    except Exception as error:
        raise cannot("The PDF in the file is damaged and could not be drawn.") from error
    return (pixels if pixels.shape[2] == 3 else np.repeat(pixels[..., :1], 3, axis=2)), count


_SPACES: Final = re.compile(r"\s+")


def read_cda(header: Elements, kind: str) -> Document:
    """The narrative of a clinical document (HL7 CDA R2): titles and texts of its sections.

    Args:
        header: The data set.
        kind: What it is, in words.
    """
    body = encapsulated_bytes(header).rstrip(b"\0 ")
    if len(body) > MAX_CDA:
        raise cannot("The clinical document is larger than is read here.", "limit")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise cannot("The clinical document brings a document type of its own, which is not read.", "limit")
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise cannot("The clinical document is damaged and could not be read.") from error
    lines: list[Line] = []
    for section in root.iter():
        if _local(section) == "section":
            lines += _section(section)
        if len(lines) > 5000:
            break
    title = next((_flat(child) for child in root if _local(child) == "title"), "")
    note = EMPTY if lines else clean("There is no text in it.")
    return Document(clean(kind), clean(title, limit=300) or _title(header), tuple(lines[:5000]), note=note)


def _section(section: ElementTree.Element) -> Iterator[Line]:
    for child in section:
        if _local(child) == "title":
            yield Line(0, clean(_flat(child), limit=300))
        elif _local(child) == "text":
            for text in _blocks(child):
                yield Line(1, EMPTY, clean(text, limit=20_000))


_BLOCKS: Final = frozenset({"paragraph", "tr", "item", "caption", "br"})


def _blocks(element: ElementTree.Element) -> list[str]:
    """Text cut where CDA starts a new block; cells of a row stand side by side."""
    parts: list[str] = [""]

    def walk(one: ElementTree.Element) -> None:
        if _local(one) in _BLOCKS:
            parts.append("")
        parts[-1] += " " + (one.text or "")
        for child in one:
            walk(child)
            if _local(child) in _BLOCKS:
                parts.append("")
            parts[-1] += (" | " if _local(child) in ("td", "th") else " ") + (child.tail or "")

    walk(element)
    shown = (_SPACES.sub(" ", part).strip(" |") for part in parts)
    return [part for part in shown if part]


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _flat(element: ElementTree.Element) -> str:
    return _SPACES.sub(" ", "".join(element.itertext())).strip()
