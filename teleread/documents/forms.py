"""Every form a signed report is written in, by its name on the command line, with the site's switches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import UsageError
from teleread.model.report import SignedReport

if TYPE_CHECKING:
    from .hl7v2 import Style

__all__ = ["FORMS", "Switches", "pdf_name", "render_form", "sr_name", "switches_of"]


@dataclass(frozen=True, slots=True)
class Switches:
    """What a hub file's table ``documents`` may set, each named as here."""

    sr: str = "enhanced"
    """``basic-text``, ``enhanced`` or ``comprehensive``: the IOD of the structured report."""
    dicom_signature: bool = True
    """Sign the structured report too, by a DICOM digital signature."""
    pdf_signature: bool = False
    """Sign the PDF too, by PAdES: the extra ``pades``."""
    dicom_charset: str = "ISO_IR 192"
    """Or ``ISO_IR 100``, for viewers that read UTF-8 inside sequences wrongly."""
    hl7_layout: str = "line"
    """``line``, ``repeat`` or ``formatted``."""
    hl7_width: int = 180
    """Longest line in an OBX of its own; 0 for no limit."""
    hl7_addendum: str = "correct"
    """``correct``, ``append`` or ``append-only``."""
    hl7_charset: str = "UNICODE UTF-8"
    """Or ``8859/1``."""
    hl7_signed: bool = True
    """Carry the signed bytes as encapsulated data."""
    hl7_pdf: bool = False
    """Carry the PDF as encapsulated data."""
    hl7_sender: str = "TELEREAD"
    hl7_facility: str = ""
    hl7_receiver: str = ""
    hl7_receiving_facility: str = ""

    @property
    def hl7(self) -> Style:
        """The HL7 message's style."""
        from .hl7v2 import Style

        return Style(
            layout=self.hl7_layout,
            width=self.hl7_width,
            addendum=self.hl7_addendum,
            charset=self.hl7_charset,
            carry=self.hl7_signed,
            pdf=self.hl7_pdf,
            sender=self.hl7_sender,
            facility=self.hl7_facility,
            receiver=self.hl7_receiver,
            receiving_facility=self.hl7_receiving_facility,
        )


_CHOICES: Final = {
    "sr": ("basic-text", "enhanced", "comprehensive"),
    "dicom_charset": ("ISO_IR 192", "ISO_IR 100"),
    "hl7_layout": ("line", "repeat", "formatted"),
    "hl7_addendum": ("correct", "append", "append-only"),
    "hl7_charset": ("UNICODE UTF-8", "8859/1"),
}


def switches_of(table: Mapping[str, Any]) -> Switches:
    """Read a hub file's table ``documents``.

    Raises:
        UsageError: A switch is not known, or has a value it can't have.
    """
    known = {one.name: one.default for one in fields(Switches)}
    for name, value in table.items():
        if name not in known:
            raise UsageError(
                f"The hub file's documents table has a switch {name}, which is none.",
                remedy=f"There are {', '.join(known)}.",
                code="documents-switch",
            )
        right = type(value) is type(known[name]) and value in _CHOICES.get(name, (value,))
        if not right or (name == "hl7_width" and not (value == 0 or 20 <= value <= 65536)):
            may = ", ".join(_CHOICES.get(name, (f"a value like {known[name]!r}",)))
            raise UsageError(
                f"The hub file's documents table gives {name} a value it can't have.",
                remedy=f"It may be: {may}.",
                code="documents-switch",
            )
    return Switches(**table)


def _text(report: SignedReport, _: Switches) -> bytes:
    from .render_text import render

    return render(report)


def _html(report: SignedReport, _: Switches) -> bytes:
    from .render_html import render

    return render(report)


def _pdf(report: SignedReport, _: Switches) -> bytes:
    from .pdf import render

    return render(report)


def _fhir(report: SignedReport, _: Switches) -> bytes:
    from .fhir import export_bundle

    return export_bundle(report)


def _sr(report: SignedReport, switches: Switches) -> bytes:
    from .dicom_sr import render

    return render(report, iod=switches.sr, charset=switches.dicom_charset)


def _measurements(report: SignedReport, switches: Switches) -> bytes:
    from .dicom_measurements import render

    return render(report, charset=switches.dicom_charset)


def _key_objects(report: SignedReport, switches: Switches) -> bytes:
    from .key_objects import render

    return render(report, iod=switches.sr, charset=switches.dicom_charset)


def _encapsulated(report: SignedReport, switches: Switches) -> bytes:
    from .encapsulated import render

    return render(report, charset=switches.dicom_charset)


def _hl7(report: SignedReport, switches: Switches) -> bytes:
    from .hl7v2 import render

    return render(report, style=switches.hl7)


def pdf_name() -> str:
    """Under which the signature of the PDF is kept."""
    from .pdf import RENDERER

    return f"pdf/{RENDERER}"


def sr_name(switches: Switches) -> str:
    """Under which the signature of the structured report of these switches is kept."""
    from .dicom_sr import RENDERER

    return f"dicom-sr/{switches.sr}/{switches.dicom_charset}/{RENDERER}"


FORMS: Final[dict[str, Callable[[SignedReport, Switches], bytes]]] = {
    "text": _text,
    "html": _html,
    "pdf": _pdf,
    "fhir": _fhir,
    "dicom-sr": _sr,
    "dicom-measurements": _measurements,
    "dicom-pdf": _encapsulated,
    "key-objects": _key_objects,
    "hl7v2": _hl7,
}


def render_form(report: SignedReport, form: str, switches: Switches | None = None) -> bytes:
    """Write a report in a form.

    Raises:
        UsageError: There is no such form, or this report can't be written in it.
        TelereadError: The report's bytes are no frozen form, or what the form needs is not installed.
    """
    if form not in FORMS:
        raise UsageError(f"The forms are {', '.join(FORMS)}.", code="no-form")
    return FORMS[form](report, switches or Switches())
