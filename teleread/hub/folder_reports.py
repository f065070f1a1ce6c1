"""Reports in a drop box: the documents, and last of all one manifest that says which they are.

The manifest is the receipt. It is made after every document is on the disk and was read back equal, under a
name that is made once; the site may take the documents away afterwards, the manifest stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from teleread.host.paths import atomic_write
from teleread.hub.folder_claims import make_new
from teleread.hub.port import Found
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.task import PriorReport, TaskContext
from teleread.model.text import EMPTY, SafeText, clean
from teleread.wire.orders import safe_name

__all__ = ["ENDINGS", "FolderReports", "Manifest"]

SCHEMA: Final = "teleread.delivery/1"
MAX_BYTES: Final = 1024 * 1024
MAX_TEXT: Final = 1024 * 1024
_NAME: Final = re.compile(r"([0-9a-f-]{36})\.v(\d{4})\.json")
ENDINGS: Final = {
    "text": ".txt",
    "pdf": ".pdf",
    "hl7v2": ".hl7",
    "html": ".html",
    "fhir": ".fhir.json",
    "dicom-sr": ".sr.dcm",
    "dicom-pdf": ".pdf.dcm",
    "key-objects": ".ko.dcm",
    "dicom-measurements": ".measurements.dcm",
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One delivered report version."""

    report: str
    version: int
    key: str
    sha256: str
    """Of the signed bytes."""
    author: str
    reader: str
    """Reference of who delivered it."""
    task: str
    patient: str
    accession: str
    study: str
    title: str
    issued: datetime
    completes: bool
    files: tuple[tuple[str, str], ...]
    """(name, SHA-256) of each document."""

    @property
    def receipt_id(self) -> SafeText:
        """The same for every version of a report."""
        return SafeText(f"report/{self.report}")

    @property
    def receipt_version(self) -> SafeText:
        """Differs from version to version."""
        return SafeText(f"{self.version}-{self.sha256[:12]}")


class FolderReports:
    """The reports below one drop box.

    Args:
        root: The drop box.
        reader: The reader's reference.
    """

    def __init__(self, root: Path, reader: str) -> None:
        self._documents, self._receipts = root / "reports", root / "receipts"
        self._reader = reader
        self._known: dict[str, tuple[tuple[int, int], Manifest | None]] = {}

    def put(self, submission: Submission, context: TaskContext, now: datetime) -> Receipt:
        """Write one version, or find that it is written.

        Raises:
            AttentionError: ``other-report``, ``changed``.
            OfflineError: ``unknown``: the drive does not give back what was written.
        """
        held = self.newest(submission.report_id)
        if held is not None and held.version >= submission.version:
            same = self._version(submission.report_id, submission.version)
            if same is not None and same.sha256 == submission.sha256:
                if not self.whole(same):
                    self._write(submission, context)  # somebody damaged a document of it
                return self._receipt(same, now)
            raise _other(submission.version)
        if (str(held.receipt_version) if held else "") != submission.predecessor:
            raise _other(submission.version)
        files = self._write(submission, context)
        path = self._receipts / f"{submission.report_id}.v{submission.version:04}.json"
        data = self._manifest(submission, context, files, now)
        if not make_new(path, data) and _read(path) is None:
            atomic_write(path, data, mode=0o660)  # what a crash left half written
        made = _read(path)
        if made is None:
            raise OfflineError(
                "The drop box does not give back what was written.",
                "The report is kept; it is not shown as issued.",
                "It is tried again. Look whether the drive is full.",
                code="unknown",
            )
        if made.sha256 != submission.sha256:
            raise _other(submission.version)
        return self._receipt(made, now)

    def find(self, report_id: str, key: str) -> Found | None:
        """The newest version of a report, by its id or by the key of one of its versions."""
        ident = report_id.lower()
        if not ident and key:
            ident = next((one.report for one in self.all() if one.key == key.lower()), "")
        newest = self.newest(ident) if ident else None
        if newest is None or not self.whole(newest):
            return None
        keys = tuple(one.key for one in self.all() if one.report == ident)
        return Found(self._receipt(newest, newest.issued), "final", newest.author, (ident, *keys))

    def newest(self, report_id: str) -> Manifest | None:
        """The newest version of a report; None where there is none."""
        found = [one for one in self.all(report_id.lower()) if one.report == report_id.lower()]
        return max(found, key=lambda one: one.version, default=None)

    def all(self, report_id: str = "") -> Iterator[Manifest]:
        """Every version of every report, or of one; a manifest that did not change is not read again."""
        entries = sorted(os.scandir(self._receipts), key=lambda one: one.name)
        for entry in entries:
            if not _NAME.fullmatch(entry.name) or not entry.name.startswith(report_id):
                continue
            stat = entry.stat()
            mark = (stat.st_mtime_ns, stat.st_size)
            if self._known.get(entry.name, (None, None))[0] != mark:
                self._known[entry.name] = (mark, _read(Path(entry.path)))
            found = self._known[entry.name][1]
            if found is not None:
                yield found

    def whole(self, one: Manifest) -> bool:
        """Whether no document of it was changed; that the site took some away is its right."""
        for name, digest in one.files:
            path = self._documents / name
            if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                return False
        return True

    def as_prior(self, one: Manifest) -> PriorReport:
        """As an earlier report."""
        text = next((name for name, _ in one.files if name.endswith(".txt")), "")
        words: SafeText = EMPTY
        if text and (self._documents / text).is_file():
            with (self._documents / text).open("rb") as file:
                words = clean(file.read(MAX_TEXT).decode("utf-8", "replace"), multiline=True)
        return PriorReport(
            id=one.receipt_id,
            version=one.receipt_version,
            status=SafeText("final"),
            study_uid=clean(one.study, limit=64),
            accession=clean(one.accession, limit=64),
            title=clean(one.title, limit=256),
            author=clean(one.author, limit=256),
            issued=one.issued,
            text=words,
        )

    def _version(self, report_id: str, version: int) -> Manifest | None:
        return _read(self._receipts / f"{report_id}.v{version:04}.json")

    def _write(self, submission: Submission, context: TaskContext) -> list[tuple[str, str]]:
        stem = safe_name(context.order.accession or context.task.id)
        stem = f"{stem}_{submission.report_id[:8]}_v{submission.version}"
        files: list[tuple[str, str]] = []
        for form, data in submission.parts.items():
            path = self._documents / f"{stem}{ENDINGS[form]}"
            atomic_write(path, data, mode=0o660)
            if path.read_bytes() != data:
                raise OfflineError(
                    "The drop box gives back other bytes than were written.",
                    "The report is kept; it is not shown as issued.",
                    "It is tried again. Tell the site to look at the drive.",
                    code="unknown",
                )
            files.append((path.name, hashlib.sha256(data).hexdigest()))
        return files

    def _manifest(
        self, submission: Submission, context: TaskContext, files: list[tuple[str, str]], now: datetime
    ) -> bytes:
        table: dict[str, Any] = {
            "schema": SCHEMA,
            "report": submission.report_id,
            "version": submission.version,
            "key": submission.key,
            "sha256": submission.sha256,
            "author": submission.author,
            "reader": self._reader,
            "task": context.task.id,
            "patient": context.patient.id,
            "accession": context.order.accession,
            "study": context.study.study_uid if context.study else "",
            "title": context.order.procedure,
            "issued": (submission.signed_at or now).isoformat(),
            "completes": submission.completes,
            "note": submission.note,
            "files": [{"name": name, "sha256": digest} for name, digest in files],
        }
        return json.dumps(table, ensure_ascii=False, indent=1).encode()

    def _receipt(self, one: Manifest, now: datetime) -> Receipt:
        path = self._receipts / f"{one.report}.v{one.version:04}.json"
        return Receipt(
            id=one.receipt_id,
            version=one.receipt_version,
            sha256=one.sha256,
            hub_time=datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(),
            stored_at=now,
            task_status=SafeText("completed") if one.completes else EMPTY,
        )


def _read(path: Path) -> Manifest | None:
    try:
        with path.open("rb") as file:
            table = json.loads(file.read(MAX_BYTES))
        issued = datetime.fromisoformat(table["issued"])
        texts = {name: str(table[name]) for name in _TEXTS}
        files = tuple((Path(str(one["name"])).name, str(one["sha256"])) for one in table["files"])
        return Manifest(
            **texts,
            version=int(table["version"]),
            issued=issued if issued.tzinfo else issued.replace(tzinfo=UTC),
            completes=table["completes"] is True,
            files=files,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


_TEXTS: Final = (
    "report",
    "key",
    "sha256",
    "author",
    "reader",
    "task",
    "patient",
    "accession",
    "study",
    "title",
)


def _other(version: int) -> AttentionError:
    if version == 1:
        return AttentionError(
            "The drop box holds another text under this report's number.",
            "Nothing was overwritten.",
            "Tell the site.",
            code="other-report",
        )
    return AttentionError(
        "The drop box does not hold the version this one stands on.",
        "Nothing was overwritten.",
        "Read what is there, then sign again.",
        code="changed",
    )
