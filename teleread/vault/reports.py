"""Signed reports: frozen bytes and signature, never changed; in reports.db."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from teleread.model.errors import IntegrityError, TelereadError, UsageError
from teleread.model.report import SignedReport
from teleread.model.task import TaskKey
from teleread.model.text import SafeText

from .codec import stamp, unstamp
from .connection import Row
from .database import Database
from .search import phrase

__all__ = ["Found", "Reports"]


@dataclass(frozen=True, slots=True)
class Found:
    """One own report that holds the words looked for."""

    report_id: str
    version: int
    snippet: SafeText
    """A few words around the first match."""


class Reports:
    """The table of signed reports."""

    def __init__(self, reports: Database) -> None:
        self._reports = reports

    def add(self, report: SignedReport, words: str) -> None:
        """Store a signed report; part of the signing transaction.

        Args:
            report: It; its state is stored as ``signed``.
            words: Its text, for searching.

        Raises:
            IntegrityError: Its digest is not that of its bytes.
            TelereadError: That version is there already.
        """
        if hashlib.sha256(report.frozen).hexdigest() != report.sha256:
            raise IntegrityError("The report's digest is not that of its bytes.", code="digest-differs")
        with self._reports.joined() as connection:
            last = connection.row("SELECT max(version) FROM report WHERE report_id = ?", (report.report_id,))
            if report.version != (int(last[0]) if last and last[0] else 0) + 1:
                raise TelereadError("That version of the report is signed already.", code="version-taken")
            connection.execute(
                "INSERT INTO report VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'signed')",
                (
                    report.report_id,
                    report.version,
                    report.draft_id,
                    report.key.hub_id,
                    report.key.task_id,
                    report.accession,
                    report.kind,
                    report.frozen,
                    report.sha256,
                    report.signature,
                    report.idempotency_key,
                    stamp(report.signed_at),
                ),
            )
            connection.execute(
                "INSERT INTO report_text (report_id, version, hub_id, body) VALUES (?, ?, ?, ?)",
                (report.report_id, report.version, report.key.hub_id, words),
            )

    def get(self, report_id: str, version: int | None = None) -> SignedReport:
        """A report.

        Args:
            report_id: Its id.
            version: 1, 2, ...; the last one by default.

        Raises:
            UsageError: There is none.
        """
        found = self.find(report_id, version)
        if found is None:
            raise UsageError(
                "There is no report of that id.",
                remedy="`teleread report list` lists them.",
                code="no-report",
            )
        return found

    def find(self, report_id: str, version: int | None = None) -> SignedReport | None:
        """A report, or None."""
        row = self._reports.connection.row(
            f"{_SELECT} WHERE report_id = ? AND (version = ? OR ?) ORDER BY version DESC LIMIT 1",
            (report_id, version, version is None),
        )
        return _report(row) if row else None

    def versions(self, report_id: str) -> tuple[SignedReport, ...]:
        """Every version of a report, the first first."""
        rows = self._reports.connection.rows(f"{_SELECT} WHERE report_id = ? ORDER BY version", (report_id,))
        return tuple(_report(row) for row in rows)

    def for_task(self, key: TaskKey) -> tuple[SignedReport, ...]:
        """The reports on a task, in the order they were signed."""
        rows = self._reports.connection.rows(
            f"{_SELECT} WHERE hub_id = ? AND task_id = ? ORDER BY rowid", (key.hub_id, key.task_id)
        )
        return tuple(_report(row) for row in rows)

    def list(self, *, limit: int = 10_000) -> tuple[SignedReport, ...]:
        """Every report version, the last signed first."""
        rows = self._reports.connection.rows(f"{_SELECT} ORDER BY rowid DESC LIMIT ?", (limit,))
        return tuple(_report(row) for row in rows)

    def states(self) -> dict[TaskKey, str]:
        """The state of the last report on every task: the worklist's column.

        Versions taken back before they were sent (their outbox item is closed) don't count, nor does an
        unsigned reading; a report whose withdrawal the hub has taken is none any more.
        """
        rows = self._reports.connection.rows(
            "SELECT hub_id, task_id, state, kind, report_id FROM report AS r WHERE kind <> 'preliminary'"
            " AND NOT EXISTS (SELECT 1 FROM outbox"
            " WHERE report_id = r.report_id AND report_version = r.version AND state = 'closed')"
            " ORDER BY rowid"
        )
        standing: dict[TaskKey, dict[str, str]] = {}
        for hub_id, task_id, state, kind, report_id in rows:
            of_task = standing.setdefault(TaskKey(hub_id, task_id), {})
            of_task.pop(report_id, None)
            if not (kind == "withdrawal" and state == "issued"):
                of_task[report_id] = state
        return {key: list(of_task.values())[-1] for key, of_task in standing.items() if of_task}

    def seal(self, report_id: str, version: int, form: str, data: bytes) -> None:
        """Keep a signature a form of the report carries; part of the signing transaction.

        Args:
            report_id: The report.
            version: Its version.
            form: What it is in, such as ``dicom-sr/enhanced/ISO_IR 192``.
            data: The signature as that form has it.
        """
        with self._reports.joined() as connection:
            connection.execute("INSERT INTO seal VALUES (?, ?, ?, ?)", (report_id, version, form, data))

    def seals(self, report_id: str, version: int) -> dict[str, bytes]:
        """The signatures kept with a version, by the form they are in."""
        rows = self._reports.connection.rows(
            "SELECT form, data FROM seal WHERE report_id = ? AND version = ?", (report_id, version)
        )
        return {str(row[0]): bytes(row[1]) for row in rows}

    def search(self, words: str, *, limit: int = 200) -> tuple[Found, ...]:
        """Own reports that hold every one of the words, the best match first."""
        wanted = phrase(words)
        if not wanted:
            return ()
        rows = self._reports.connection.rows(
            "SELECT report_id, version, snippet(report_text, 3, '', '', '…', 12) FROM report_text"
            " WHERE report_text MATCH ? ORDER BY rank LIMIT ?",
            (wanted, limit),
        )
        return tuple(Found(row[0], int(row[1]), SafeText(" ".join(row[2].split()))) for row in rows)

    def set_state(self, report_id: str, version: int, state: str) -> None:
        """Say where a report stands: ``signed``, ``issued`` or ``needs_attention``."""
        with self._reports.joined() as connection:
            connection.execute(
                "UPDATE report SET state = ? WHERE report_id = ? AND version = ? AND state <> ?",
                (state, report_id, version, state),
            )


_SELECT: Final = (
    "SELECT report_id, version, draft_id, hub_id, task_id, kind, frozen, sha256, signature, signed_at,"
    " idempotency_key, accession, state FROM report"
)


def _report(row: Row) -> SignedReport:
    return SignedReport(
        report_id=row[0],
        version=row[1],
        draft_id=row[2],
        key=TaskKey(row[3], row[4]),
        kind=row[5],
        frozen=bytes(row[6]),
        sha256=row[7],
        signature=row[8],
        signed_at=unstamp(row[9]),
        idempotency_key=row[10],
        accession=SafeText(row[11]),
        state=row[12],
    )
