"""What a study should have: parts of it, what the site's own manifests say, and what changed since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from teleread.model.errors import TelereadError
from teleread.model.study import StudyKey
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.dicom_evidence import KEY_OBJECTS, MAX_BYTES, evidence

from .port import Manifest, SeriesManifest

if TYPE_CHECKING:
    from .fetcher import Shelves

__all__ = ["claimed_by_manifests", "part_of", "what_changed", "with_claimed"]

_DOCUMENTS: Final = frozenset({"SR", "DOC"})
"""Modalities of what can be read as words."""
_DOCUMENT_CLASSES: Final = ("1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.104.")
_NO_PICTURES: Final = frozenset(
    {"SR", "DOC", "KO", "PR", "AU", "ECG", "REG", "RTPLAN", "RTSTRUCT", "RTRECORD"}
)
_MANIFESTS: Final = 8
"""Most key object documents read of one study."""


def part_of(manifest: Manifest, part: str) -> frozenset[str]:
    """The SOP Instance UIDs of a part of a study.

    Args:
        manifest: What the archive lists.
        part: ``all``, ``documents`` or ``first``.
    """
    if part == "documents":
        return frozenset(
            uid
            for series in manifest.series
            for uid, sop_class in series.instances.items()
            if series.modality in _DOCUMENTS or sop_class.startswith(_DOCUMENT_CLASSES)
        )
    if part == "first":
        return frozenset(
            list(series.instances)[len(series.instances) // 2]
            for series in manifest.series
            if series.instances and series.modality not in _NO_PICTURES
        )
    return manifest.sop_uids


def claimed_by_manifests(vault: Shelves, key: StudyKey) -> dict[str, dict[str, str]]:
    """What the manifests held of a study say it has: series UID to SOP Instance UID to SOP Class UID."""
    out: dict[str, dict[str, str]] = {}
    for info in vault.studies.of_class(key.hub_id, key.study_uid, KEY_OBJECTS)[:_MANIFESTS]:
        if info.size > MAX_BYTES:
            continue
        try:
            found = evidence(
                vault.objects.read(key.hub_id, key.study_uid, info.sop_uid), info.transfer_syntax
            )
        except TelereadError:
            continue  # damaged: `cache verify` names it, and it is fetched again
        if found is None or not found.is_manifest:
            continue
        for series_uid, sops in found.studies.get(key.study_uid, {}).items():
            out.setdefault(series_uid, {}).update(sops)
    return out


def with_claimed(
    manifest: Manifest, claimed: Mapping[str, Mapping[str, str]], held: Collection[str]
) -> Manifest:
    """A manifest that also names what the site's own manifests claim and nobody has sent yet."""
    listed = manifest.sop_uids
    more = tuple(
        SeriesManifest(series_uid, EMPTY, fresh)
        for series_uid, sops in claimed.items()
        if (fresh := {uid: cls for uid, cls in sops.items() if uid not in listed and uid not in held})
    )
    return Manifest(manifest.study_uid, (*manifest.series, *more))


def what_changed(had: Collection[str], listed: Collection[str], day: str) -> SafeText:
    """What an archive changed in a study that was whole here.

    Args:
        had: SOP Instance UIDs held then.
        listed: What the archive lists now.
        day: ISO 8601 date of now.
    """
    new, gone = len(set(listed) - set(had)), len(set(had) - set(listed))
    words = []
    if new:
        words.append(f"{_images(new)} came after it was whole here")
    if gone:
        words.append(
            f"the archive no longer lists {_images(gone)} that {'is' if gone == 1 else 'are'} kept here"
        )
    return clean(f"Seen {day}: {'; '.join(words)}.", limit=300) if words else EMPTY


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"
