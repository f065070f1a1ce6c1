"""The key images as a Key Object Selection Document (PS3.3 A.35.4, TID 2010), and back.

A report without a marked image gives the manifest of the images it was read from; a withdrawal gives the
rejection note (IHE IOCM) for the structured report it takes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from teleread.model.errors import IntegrityError, UsageError
from teleread.model.evidence import ImageRef, KeyImage
from teleread.model.report import SignedReport
from teleread.model.text import SafeText

from . import sr_names as n
from .content import unknown_renderer
from .dicom_common import UTF_8, as_referred, base, encode, evidence, open_file, requests
from .dicom_sr import IODS, sr_reference
from .facts import Facts, facts_of, held_images
from .marks import Mark, mark_text, read_mark
from .sr_items import Name, children, container, image, image_of, name_of, person, series_of, text, value_of
from .thawing import thaw

__all__ = ["RENDERER", "SOP_CLASS", "Selection", "iod_of", "read", "render", "selection_of"]

RENDERER: Final = 1
"""Number of the newest renderer."""

SOP_CLASS: Final = "1.2.840.10008.5.1.4.1.1.88.59"

OF_INTEREST: Final = Name("113000", "DCM", "Of Interest")
MANIFEST: Final = Name("113030", "DCM", "Manifest")
REJECTED: Final = Name("113037", "DCM", "Rejected for Patient Safety Reasons")
_LABEL_OF: Final = " | "


@dataclass(frozen=True, slots=True)
class Selection:
    """What a key object selection points to."""

    title: Name
    """Of CID 7010."""
    images: tuple[KeyImage, ...]
    mark: Mark


def selection_of(report: SignedReport, *, iod: str = "enhanced") -> Selection:
    """What a report's key object selection points to.

    Args:
        report: What was signed.
        iod: The structured reports' IOD at this site, for the one a withdrawal rejects.

    Raises:
        UsageError: No image was marked, and the report does not tell the classes of those it was read from.
    """
    facts, form = facts_of(report), thaw(report.frozen)
    mark = Mark("key-objects", RENDERER, facts.report_id, facts.version, facts.sha256)
    if facts.kind == "withdrawal" and form["predecessor"]:
        series, kind, sop_uid = sr_reference(facts.report_id, form["predecessor"]["version"], iod, 1)
        return Selection(REJECTED, (KeyImage(ImageRef(series, sop_uid, kind)),), mark)
    if facts.key_images:
        marked = tuple(replace(one, image=as_referred(one.image)) for one in facts.key_images)
        return Selection(OF_INTEREST, marked, mark)
    held = held_images(form)
    if not held:
        raise UsageError(
            "This report marks no key image, and it was signed without images held here.",
            "Nothing was written.",
            code="no-key-image",
        )
    return Selection(MANIFEST, tuple(KeyImage(one) for one in held), mark)


def render(
    report: SignedReport, number: int = RENDERER, *, iod: str = "enhanced", charset: str = UTF_8
) -> bytes:
    """The selection as a Part 10 file: a pure function of its arguments.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
        UsageError: There is nothing to point to.
    """
    renderer = _RENDERERS.get(number)
    if renderer is None:
        raise unknown_renderer("key object selection", number)
    selection = selection_of(report, iod=iod)
    return encode(renderer(facts_of(report), thaw(report.frozen), selection, charset))


def _render_1(facts: Facts, form: Mapping[str, Any], selection: Selection, charset: str) -> Dataset:
    ds = base(facts, form, SOP_CLASS, "KO", "ko/1", charset)
    ds.SeriesDescription = selection.title.meaning
    ds.ReferencedPerformedProcedureStepSequence = Items([])
    ds.ReferencedRequestSequence = requests(facts)
    ds.CurrentRequestedProcedureEvidenceSequence = evidence(
        str(ds.StudyInstanceUID), [one.image for one in selection.images]
    )
    for element in container(selection.title, _tree(facts, selection), ""):
        ds[element.tag] = element
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    ds.ContentTemplateSequence = Items([template])
    return ds


_RENDERERS: Final[dict[int, Callable[[Facts, Mapping[str, Any], Selection, str], Dataset]]] = {1: _render_1}


def _tree(facts: Facts, selection: Selection) -> list[Dataset]:
    """TID 2010: observer, one description, then the objects.

    The template holds one description, so the notes stand in it, one line an image, in their order.
    """
    notes = [one.note for one in selection.images]
    lines = [mark_text(selection.mark)]
    lines += [f"{index}{_LABEL_OF}{note}" for index, note in enumerate(notes, 1) if note]
    tree = [person(n.OBSERVER_NAME, facts.reader, "HAS OBS CONTEXT"), text(n.KEY_NOTE, "\n".join(lines))]
    for one in selection.images:
        item = image(None, one.image, "CONTAINS")
        if selection.title == REJECTED:
            item.ValueType = "COMPOSITE"
        tree.append(item)
    return tree


def iod_of(data: bytes) -> str:
    """The structured reports' IOD that a rejection note names; the usual one in every other selection.

    Raises:
        IntegrityError: It is none of ours.
    """
    kinds = {one.image.sop_class for one in read(data).images}
    return next((name for name, kind in IODS.items() if kind in kinds), "enhanced")


def read(data: bytes) -> Selection:
    """Read a selection of ours back.

    Raises:
        IntegrityError: It is none of ours.
    """
    ds = open_file(data, (SOP_CLASS,))
    try:
        title, top, series = name_of(ds), children(ds), series_of(ds)
        lines = next((value_of(item) for item in top if n.KEY_NOTE.is_(item)), "").split("\n")
        mark = read_mark(lines[0])
        notes = dict(line.split(_LABEL_OF, 1) for line in lines[1:] if _LABEL_OF in line)
        found = [image_of(item, series) for item in top if str(item.ValueType) in {"IMAGE", "COMPOSITE"}]
    except (AttributeError, IndexError, TypeError, ValueError):
        title, found = None, []
    if title is None or not found:
        raise IntegrityError("A part of this key object selection is missing.", code="not-a-report")
    images = tuple(KeyImage(one, SafeText(notes.get(str(index), ""))) for index, one in enumerate(found, 1))
    return Selection(title, images, mark)
