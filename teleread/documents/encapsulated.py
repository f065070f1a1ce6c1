"""The PDF inside a DICOM object: Encapsulated PDF Storage (PS3.3 A.45.1), and back byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from teleread.model.errors import IntegrityError
from teleread.model.report import SignedReport

from . import pdf
from . import sr_names as n
from .content import unknown_renderer
from .dicom_common import UTF_8, base, coded, encode, held, open_file, requests
from .facts import facts_of
from .lifecycle import kind_of
from .thawing import thaw

__all__ = ["RENDERER", "SOP_CLASS", "pdf_in", "render", "renderer_of"]

RENDERER: Final = 1
"""Number of the newest renderer."""

SOP_CLASS: Final = "1.2.840.10008.5.1.4.1.1.104.1"
_PDF_OF: Final = {1: 1}
"""Which renderer makes the PDF inside each renderer's object."""


def render(report: SignedReport, number: int = RENDERER, *, charset: str = UTF_8) -> bytes:
    """The object as a Part 10 file: a pure function of its arguments.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
        TelereadError: Another typst than the renderer's is installed, or none.
    """
    renderer = _RENDERERS.get(number)
    if renderer is None:
        raise unknown_renderer("encapsulated PDF", number)
    return encode(renderer(report, charset))


def _render_1(report: SignedReport, charset: str) -> Dataset:
    facts, form = facts_of(report), thaw(report.frozen)
    page = pdf.render(report, _PDF_OF[1])
    ds = base(facts, form, SOP_CLASS, "DOC", "pdf/1", charset)
    ds.SeriesDescription = "Radiology report"
    ds.ConversionType = "WSD"
    ds.AcquisitionDateTime = ""
    ds.BurnedInAnnotation = "YES"
    ds.ReferencedRequestSequence = requests(facts)
    ds.DocumentTitle = held(facts.procedure, 1024)
    ds.ConceptNameCodeSequence = Items([coded(n.REPORT.value, n.REPORT.scheme, n.REPORT.meaning)])
    ds.VerificationFlag = kind_of(facts.kind).verification
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocumentLength = len(page)
    ds.EncapsulatedDocument = page + b"\0" * (len(page) % 2)
    return ds


_RENDERERS: Final[dict[int, Callable[[SignedReport, str], Dataset]]] = {1: _render_1}


def renderer_of(data: bytes) -> int:
    """The number of the renderer that wrote an object.

    Raises:
        IntegrityError: It is none of ours.
    """
    words = str(open_file(data, (SOP_CLASS,)).get("SoftwareVersions", ""))
    if not words.startswith("pdf/") or not words[4:].isdigit():
        raise IntegrityError("This object is not as teleread exported it.", code="not-a-report")
    return int(words[4:])


def pdf_in(data: bytes) -> bytes:
    """The PDF of an object, without the byte that pads it.

    Raises:
        IntegrityError: It is no such object, or its length does not hold.
    """
    ds = open_file(data, (SOP_CLASS,))
    try:
        document = bytes(ds.get("EncapsulatedDocument", b""))
        length = int(ds.get("EncapsulatedDocumentLength", len(document)))
    except (TypeError, ValueError):
        document, length = b"", 0
    if not document.startswith(b"%PDF-") or length > len(document) or len(document) - length > 1:
        raise IntegrityError("This object holds no whole PDF.", code="not-a-report")
    return document[:length]
