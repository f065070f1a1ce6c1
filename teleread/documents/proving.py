"""What an exported file says it is, and how to make it again: the other half of proving it.

A form that carries the signed bytes proves itself; one that names report, version and SHA-256 alone is
proved by the vault's own copy. Either way every byte of the file is derived again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from teleread.model.errors import IntegrityError
from teleread.model.report import SignedReport

from .marks import Mark
from .render_html import Carried

__all__ = ["Claim", "claim_of"]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a file says of itself."""

    derive: Callable[[SignedReport], bytes]
    """Makes the file again."""
    carried: Carried | None = None
    """The signed bytes and the signature in it."""
    mark: Mark | None = None
    """What it names where it does not carry them."""


def claim_of(data: bytes) -> Claim:
    """Read what an exported file says of itself, whatever its form.

    Raises:
        IntegrityError: It is no form of ours.
    """
    start = data.lstrip()[:16].lower()
    if start.startswith(b"<!doctype html"):
        return _html(data)
    if start.startswith(b"{"):
        return _fhir(data)
    if data.startswith(b"%PDF-"):
        return _pdf(data)
    if data.startswith(b"MSH"):
        return _hl7(data)
    if data[128:132] == b"DICM":
        return _dicom(data)
    return _text(data)


def _html(data: bytes) -> Claim:
    from . import render_html

    carried = render_html.read_back(data)
    return Claim(lambda report: render_html.render(report, carried.renderer), carried)


def _fhir(data: bytes) -> Claim:
    from . import fhir

    carried = fhir.read_back(data)
    return Claim(lambda report: fhir.export_bundle(report, carried.renderer), carried)


def _pdf(data: bytes) -> Claim:
    from . import pdf

    carried = pdf.read_back(data)
    return Claim(lambda report: pdf.set_again(report, data, carried.renderer), carried)


def _hl7(data: bytes) -> Claim:
    from teleread.wire.er7 import decode

    from . import hl7v2, hl7v2_read

    style = hl7v2_read.style_of(decode(data))
    mark = hl7v2_read.read(data).mark
    carried = hl7v2_read.read_back(data) if style.carry else None
    return Claim(
        lambda report: hl7v2.render(report, mark.renderer, style=style),
        carried,
        None if carried else mark,
    )


def _text(data: bytes) -> Claim:
    from . import render_text

    found = render_text.read_mark(data)
    mark = Mark("text", found.renderer, found.report_id, found.version, found.sha256)
    return Claim(lambda report: render_text.render(report, mark.renderer), mark=mark)


def _dicom(data: bytes) -> Claim:
    from . import dicom_measurements, dicom_sr, encapsulated, key_objects
    from .dicom_common import open_file

    iods = {uid: name for name, uid in dicom_sr.IODS.items()}
    ds = open_file(data, (*iods, encapsulated.SOP_CLASS, key_objects.SOP_CLASS))
    charset = str(ds.get("SpecificCharacterSet", ""))
    kind = str(ds.SOPClassUID)
    if kind == encapsulated.SOP_CLASS:
        number = encapsulated.renderer_of(data)
        inner = _pdf(encapsulated.pdf_in(data))

        def again(report: SignedReport) -> bytes:
            inner.derive(report)  # tells where the PDF inside is of another typst
            return encapsulated.render(report, number, charset=charset)

        return replace(inner, derive=again)
    if kind == key_objects.SOP_CLASS:
        mark, iod = key_objects.read(data).mark, key_objects.iod_of(data)
        return Claim(
            lambda report: key_objects.render(report, mark.renderer, iod=iod, charset=charset), mark=mark
        )
    if str(ds.get("SoftwareVersions", "")).startswith("measurements/"):
        mark = dicom_measurements.mark_in(data)
        return Claim(
            lambda report: dicom_measurements.render(report, mark.renderer, charset=charset), mark=mark
        )
    if kind not in iods:
        raise IntegrityError("This DICOM file is no report that teleread wrote.", code="not-a-report")
    from .sr_read import mark_in

    mark = mark_in(data)
    return Claim(
        lambda report: dicom_sr.render(report, mark.renderer, iod=iods[kind], charset=charset), mark=mark
    )
