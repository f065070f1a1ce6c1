"""What of a reader's marks on pictures a signature covers: key images, measurements in the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from teleread.model.evidence import ImageRef, KeyImage, Measurement
from teleread.model.picture_marks import KEY_IMAGE, PictureMark
from teleread.model.report import Section
from teleread.model.study import InstanceInfo
from teleread.model.text import clean

__all__ = ["key_images", "measurements"]

_UCUM: Final = {"mm": "mm", "°": "deg", "mm²": "mm2"}
"""Units that are worth freezing; pixels are none."""
_AXES: Final = ("long axis", "short axis")


def key_images(marks: Iterable[PictureMark], held: Sequence[InstanceInfo]) -> tuple[KeyImage, ...]:
    """The key images of a study that is signed.

    Args:
        marks: The reader's marks on it.
        held: Its images, as they are when it is signed.
    """
    known = {one.sop_uid for one in held}
    return tuple(
        KeyImage(_reference(one, held), clean(one.words))
        for one in marks
        if one.kind == KEY_IMAGE and one.sop_uid in known
    )


def measurements(
    marks: Iterable[PictureMark], held: Sequence[InstanceInfo], sections: Iterable[Section]
) -> tuple[Measurement, ...]:
    """The measurements whose words stand in the text: what the reader left out is not signed.

    Args:
        marks: The reader's marks on the study.
        held: Its images.
        sections: The text.
    """
    text = "\n".join(str(one.text) for one in sections)
    known = {one.sop_uid for one in held}
    chosen = [one for one in marks if one.unit in _UCUM and one.sop_uid in known and one.words in text]
    return tuple(made for one in chosen for made in _made(one, held))


def _made(mark: PictureMark, held: Sequence[InstanceInfo]) -> Iterator[Measurement]:
    where = str(mark.words).partition("(")[2].rstrip(")").split(", mean")[0]
    axes = _AXES if mark.kind == "length" and len(mark.values) == 2 else (mark.kind,)
    for axis, value in zip(axes, mark.values, strict=False):
        yield Measurement(
            clean(f"{axis}, {where}" if where else axis, limit=64),
            f"{value:.1f}",
            _UCUM[mark.unit],
            group=clean(where, limit=64),
            image=_reference(mark, held),
        )


def _reference(mark: PictureMark, held: Sequence[InstanceInfo]) -> ImageRef:
    many = any(one.sop_uid == mark.sop_uid and one.frames > 1 for one in held)
    return ImageRef(mark.series_uid, mark.sop_uid, mark.sop_class, mark.frame if many else 0)
