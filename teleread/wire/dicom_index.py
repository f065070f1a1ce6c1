"""From a header that was read to what the index keeps of an instance. I/O-free."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from teleread.model.errors import TelereadError
from teleread.model.study import ImageIdentity, InstanceInfo
from teleread.model.text import SafeText, clean

from . import dicom_text
from .dicom_header import HeaderReader
from .dicom_tags import is_uid

__all__ = ["instance_info"]

MAX_FRAMES: Final = 1_000_000


def instance_info(reader: HeaderReader, size: int, sha256: str = "", *, fallback: str = "") -> InstanceInfo:
    """What the index keeps of one instance.

    Args:
        reader: A reader that is done.
        size: Bytes of the file.
        sha256: Hex digest of those bytes.
        fallback: Character set term to assume where the object names none.

    Raises:
        TelereadError: ``code="dicom-header"``: a UID is missing or is none.
    """
    values = reader.values
    sop_uid = _checked(reader.uid(0x00080018, 0x00020003), "SOP Instance UID")
    series_uid = _checked(reader.uid(0x0020000E), "Series Instance UID")
    study_uid = _checked(reader.uid(0x0020000D), "Study Instance UID")
    codecs = dicom_text.character_sets(values.get(0x00080005, b""), fallback)

    def words(tag: int) -> SafeText:
        return dicom_text.text(values.get(tag), codecs)

    order = ">H" if reader.transfer_syntax == "1.2.840.10008.1.2.2" else "<H"
    frame = reader.frame_values
    place = _numbers(values.get(0x00200032) or frame.get(0x00200032), 3)
    angle = _numbers(values.get(0x00200037) or frame.get(0x00200037), 6)
    return InstanceInfo(
        sop_uid=sop_uid,
        sop_class=clean(reader.uid(0x00080016, 0x00020002), limit=64),
        series_uid=series_uid,
        transfer_syntax=clean(reader.transfer_syntax, limit=64),
        size=size,
        sha256=sha256,
        rows=_unsigned(values.get(0x00280010), order),
        columns=_unsigned(values.get(0x00280011), order),
        frames=_frames(reader),
        instance_number=_integer(values.get(0x00200013)),
        position=(place[0], place[1], place[2]) if place else None,
        orientation=(angle[0], angle[1], angle[2], angle[3], angle[4], angle[5]) if angle else None,
        window=_window(values) or _window(frame),
        pixel_offset=reader.pixel_offset,
        identity=_identity(reader, codecs, study_uid),
        modality=words(0x00080060),
        series_description=words(0x0008103E),
        series_number=_integer(values.get(0x00200011)),
        body_part=words(0x00180015),
        laterality=words(0x00200062) or words(0x00200060),
        study_description=words(0x00081030),
        study_date=dicom_text.iso_date(values.get(0x00080020)),
    )


def _identity(reader: HeaderReader, codecs: Sequence[str], study_uid: str) -> ImageIdentity:
    values = reader.values
    others = tuple(
        (dicom_text.text(item.get(0x00100020), codecs), dicom_text.text(item.get(0x00100021), codecs))
        for item in reader.other_ids
        if item.get(0x00100020, b"").strip(b" \0")
    )
    return ImageIdentity(
        patient_id=dicom_text.text(values.get(0x00100020), codecs),
        issuer=dicom_text.text(values.get(0x00100021), codecs),
        other_ids=others,
        name=dicom_text.first_name_group(values.get(0x00100010), codecs),
        birth_date=dicom_text.iso_date(values.get(0x00100030)),
        sex=dicom_text.text(values.get(0x00100040), codecs, 16),
        accession=dicom_text.text(values.get(0x00080050), codecs, 64),
        study_uid=SafeText(study_uid),
    )


def _checked(value: str, what: str) -> str:
    if is_uid(value):
        return value
    why = f"Its {what} is missing." if not value else f"Its {what} is none that DICOM allows."
    raise TelereadError("An instance can't be told from others.", why, code="dicom-header")


def _frames(reader: HeaderReader) -> int:
    # A header cut by a limit may still have pixels behind it; rows and columns tell.
    if not reader.has_pixels and not (reader.truncated and 0x00280010 in reader.values):
        return 0
    number = _integer(reader.values.get(0x00280008))
    return min(max(number or 1, 1), MAX_FRAMES)


def _unsigned(raw: bytes | None, order: str) -> int:
    if raw is None or len(raw) < 2:
        return 0
    return int.from_bytes(raw[:2], "big" if order == ">H" else "little")


def _integer(raw: bytes | None) -> int | None:
    digits = (raw or b"").split(b"\\")[0].strip(b" \0")
    if not digits or len(digits) > 12:
        return None
    try:
        return int(digits)
    except ValueError:
        return None


def _numbers(raw: bytes | None, count: int) -> tuple[float, ...] | None:
    parts = (raw or b"").replace(b"\0", b" ").split(b"\\")
    if len(parts) < count:
        return None
    try:
        numbers = tuple(float(part[:32]) for part in parts[:count])
    except ValueError:
        return None
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _window(values: Mapping[int, bytes]) -> tuple[float, float] | None:
    centre, width = _numbers(values.get(0x00281050), 1), _numbers(values.get(0x00281051), 1)
    if centre is None or width is None or width[0] <= 0:
        return None
    return centre[0], width[0]
