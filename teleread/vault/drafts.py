"""Drafts: an append-only journal each, so that text once shown as saved can always be had again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Final

from teleread.host.clock import Clock
from teleread.model.errors import AttentionError, UsageError
from teleread.model.report import Draft, Section
from teleread.model.task import TaskKey, Versions

from .audit import Audit
from .codec import dumps, loads, stamp, unstamp
from .connection import Connection, Row
from .database import Database
from .holders import Holders
from .journal import Change, DraftVersion, Journal

__all__ = ["Drafts"]


class Drafts:
    """The journal in reports.db.

    Args:
        reports: The database.
        clock: Where times come from.
        audit: Where beginning, discarding and restoring are told.
        holders: Who is alive, of those who may write.
    """

    def __init__(self, reports: Database, clock: Clock, audit: Audit, holders: Holders) -> None:
        self._reports = reports
        self._clock = clock
        self._audit = audit
        self._holders = holders
        self._journal = Journal()

    def start(
        self,
        key: TaskKey,
        template_id: str,
        template_version: str,
        sections: Iterable[Section],
        *,
        fields: Mapping[str, str] | None = None,
        kind: str = "report",
        report_id: str = "",
        opened_versions: Versions | None = None,
        opened_study_digest: str = "",
        draft_id: str | None = None,
    ) -> Draft:
        """Begin a draft.

        Args:
            key: The task.
            template_id: Its template.
            template_version: That template's version.
            sections: Its sections as they begin.
            fields: Fields filled already.
            kind: ``report``, ``opinion``; ``addendum``, ``correction`` or ``withdrawal`` of a report.
            report_id: The report an addendum, a correction or a withdrawal belongs to.
            opened_versions: Versions of the task's resources as seen now.
            opened_study_digest: Digest over the SOP Instance UIDs held now.
            draft_id: Its UUID; a fresh one by default.
        """
        draft_id = draft_id or str(uuid.uuid4())
        now = self._clock.now()
        change = Change(fields=fields or {}, added=tuple(sections))
        with self._reports.joined() as connection:
            connection.execute(
                "INSERT INTO draft (id, hub_id, task_id, kind, report_id, template_id, template_version,"
                " opened_versions, opened_study_digest, state, created_at, act)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)",
                (
                    draft_id,
                    key.hub_id,
                    key.task_id,
                    _COLUMN.get(kind, kind),
                    report_id,
                    template_id,
                    template_version,
                    dumps(opened_versions or Versions()),
                    opened_study_digest,
                    stamp(now),
                    kind if kind in _COLUMN else "",
                ),
            )
            self._journal.write(connection, draft_id, 0, now, change)
            self._audit.append(
                "draft-started",
                subject=draft_id,
                hub_id=key.hub_id,
                detail={"task": key.task_id, "kind": kind},
            )
        return self.get(draft_id)

    def append(
        self,
        draft_id: str,
        seq: int,
        *,
        sections: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        added: Iterable[Section] = (),
        holder: str = "",
    ) -> int:
        """Write what changed; durable when it returns.

        Args:
            draft_id: The draft.
            seq: The sequence the change was made on.
            sections: Section id to its whole text now.
            fields: Field id to its value now.
            added: Sections it did not have.
            holder: Who writes; a draft that somebody else alive holds is refused.

        Returns:
            The sequence now.

        Raises:
            AttentionError: ``stale-draft``: changed elsewhere since; ``draft-held``: open elsewhere.
            UsageError: It has no such section, or is no open draft.
        """
        change = Change(sections or {}, fields or {}, tuple(added))
        with self._reports.joined() as connection:
            self._open_for_writing(connection, draft_id, holder)
            if self._journal.last(connection, draft_id) != seq:
                raise AttentionError(
                    "This draft was changed in another window since it was read.",
                    "Both texts are kept: nothing was overwritten.",
                    "Read it again, then write.",
                    code="stale-draft",
                )
            if sections:
                self._refuse_unknown(connection, draft_id, sections)
            self._journal.write(connection, draft_id, seq + 1, self._clock.now(), change)
        return seq + 1

    def change_template(
        self,
        draft_id: str,
        seq: int,
        template_id: str,
        template_version: str,
        *,
        sections: Mapping[str, str],
        added: Iterable[Section] = (),
        holder: str = "",
    ) -> int:
        """Go on with another template: its name and what it changes in the text are written together.

        Args, returned sequence and errors are those of `append`.
        """
        with self._reports.joined() as connection:
            seq = self.append(draft_id, seq, sections=sections, added=added, holder=holder)
            connection.execute(
                "UPDATE draft SET template_id = ?, template_version = ? WHERE id = ?",
                (template_id, template_version, draft_id),
            )
        return seq

    def _open_for_writing(self, connection: Connection, draft_id: str, holder: str) -> None:
        row = connection.row("SELECT state, holder FROM draft WHERE id = ?", (draft_id,))
        if row is None:
            raise _unknown()
        if row[0] != "open":
            raise UsageError(
                "That draft is closed.", "Its text is kept.", "Start another.", code="draft-closed"
            )
        if row[1] not in ("", holder) and self._holders.alive(row[1]):
            raise AttentionError(
                "This draft is open in another window.",
                "Nothing was changed.",
                "Close it there, or take it over here.",
                code="draft-held",
            )

    def _refuse_unknown(self, connection: Connection, draft_id: str, sections: Mapping[str, str]) -> None:
        known = self._journal.replay(connection, draft_id).sections
        for section_id in sections:
            if section_id not in known:
                raise UsageError(
                    "This draft has no such section.",
                    remedy=f"It has {', '.join(sorted(known))}.",
                    code="no-section",
                )

    def get(self, draft_id: str, seq: int | None = None) -> Draft:
        """A draft, replayed from its journal.

        Args:
            draft_id: The draft.
            seq: As it stood after that row; the last one by default.

        Raises:
            UsageError: There is none of that id.
        """
        connection = self._reports.connection
        row = connection.row(f"{_SELECT} WHERE id = ?", (draft_id,))
        if row is None:
            raise _unknown()
        return self._draft(connection, row, seq)

    def find(self, draft_id: str) -> Draft | None:
        """A draft, or None."""
        connection = self._reports.connection
        row = connection.row(f"{_SELECT} WHERE id = ?", (draft_id,))
        return self._draft(connection, row, None) if row else None

    def open_for(self, key: TaskKey) -> tuple[Draft, ...]:
        """The open drafts of a task, the oldest first."""
        connection = self._reports.connection
        rows = connection.rows(
            f"{_SELECT} WHERE hub_id = ? AND task_id = ? AND state = 'open' ORDER BY created_at, id",
            (key.hub_id, key.task_id),
        )
        return tuple(self._draft(connection, row, None) for row in rows)

    def open_ids(self) -> dict[TaskKey, str]:
        """Every task with an open draft, and the draft begun last: the worklist's column."""
        rows = self._reports.connection.rows(
            "SELECT hub_id, task_id, id FROM draft WHERE state = 'open' ORDER BY created_at, id"
        )
        return {TaskKey(row[0], row[1]): row[2] for row in rows}

    def list(self, state: str | None = None) -> tuple[Draft, ...]:
        """Every draft, or those in one state (``discarded`` is the trash)."""
        connection = self._reports.connection
        where, values = ("", ()) if state is None else (" WHERE state = ?", (state,))
        rows = connection.rows(f"{_SELECT}{where} ORDER BY created_at, id", values)
        return tuple(self._draft(connection, row, None) for row in rows)

    def versions(self, draft_id: str) -> tuple[DraftVersion, ...]:
        """Every row of a draft's journal, the oldest first."""
        return self._journal.versions(self._reports.connection, draft_id)

    def _draft(self, connection: Connection, row: Row, seq: int | None) -> Draft:
        text = self._journal.replay(connection, row[0], seq)
        return Draft(
            id=row[0],
            key=TaskKey(row[1], row[2]),
            kind=row[3],
            report_id=row[4],
            template_id=row[5],
            template_version=row[6],
            opened_versions=loads(Versions, row[7]),
            opened_study_digest=row[8],
            state=row[9],
            holder=row[10],
            created_at=unstamp(row[11]),
            seq=text.seq,
            sections=tuple(text.sections.values()),
            fields=dict(text.fields),
            saved_at=text.saved_at,
        )

    def hold(self, draft_id: str, holder: str) -> bool:
        """Become the one who writes, if nobody alive is.

        Returns:
            Whether `holder` holds it now; else it is to be opened read-only.
        """
        with self._reports.joined() as connection:
            row = connection.row("SELECT holder FROM draft WHERE id = ?", (draft_id,))
            if row is None:
                raise _unknown()
            if row[0] not in ("", holder) and self._holders.alive(row[0]):
                return False
            if row[0] != holder:
                connection.execute("UPDATE draft SET holder = ? WHERE id = ?", (holder, draft_id))
        return True

    def take(self, draft_id: str, holder: str) -> Draft:
        """Take a draft over from whoever holds it; the other one's next write is refused."""
        with self._reports.joined() as connection:
            if not connection.execute("UPDATE draft SET holder = ? WHERE id = ?", (holder, draft_id)):
                raise _unknown()
        return self.get(draft_id)

    def release(self, draft_id: str, holder: str) -> None:
        """Hold it no longer; harmless when somebody else does."""
        with self._reports.joined() as connection:
            connection.execute("UPDATE draft SET holder = '' WHERE id = ? AND holder = ?", (draft_id, holder))

    def refresh_basis(self, draft_id: str, versions: Versions, study_digest: str) -> None:
        """The reader has read the case again: what was seen at opening is what is there now."""
        with self._reports.joined() as connection:
            connection.execute(
                "UPDATE draft SET opened_versions = ?, opened_study_digest = ? WHERE id = ?",
                (dumps(versions), study_digest, draft_id),
            )

    def mark_signed(self, draft_id: str) -> None:
        """Close a draft whose report was signed; part of that transaction."""
        self._close(draft_id, "signed", "")

    def discard(self, draft_id: str, reason: str) -> None:
        """Put a draft into the trash, from which it can be restored."""
        self._close(draft_id, "discarded", reason)

    def keep(self, draft_id: str, reason: str) -> None:
        """Keep a draft's text as a note."""
        self._close(draft_id, "kept", reason)

    def _close(self, draft_id: str, state: str, reason: str) -> None:
        with self._reports.joined() as connection:
            changed = connection.execute(
                "UPDATE draft SET state = ?, reason = ?, holder = '', closed_at = ?"
                " WHERE id = ? AND state = 'open'",
                (state, reason, stamp(self._clock.now()), draft_id),
            )
            if not changed:
                raise UsageError("There is no open draft of that id.", code="no-draft")
            self._audit.append(f"draft-{state}", subject=draft_id, detail={"why": reason} if reason else None)

    def restore(self, draft_id: str) -> Draft:
        """Take a draft out of the trash."""
        with self._reports.joined() as connection:
            changed = connection.execute(
                "UPDATE draft SET state = 'open', reason = '', closed_at = NULL"
                " WHERE id = ? AND state IN ('discarded', 'kept')",
                (draft_id,),
            )
            if not changed:
                raise UsageError("There is no such draft in the trash.", code="no-draft")
            self._audit.append("draft-restored", subject=draft_id)
        return self.get(draft_id)


_COLUMN: Final = {"correction": "addendum", "withdrawal": "addendum", "opinion": "report"}
"""What the column ``kind``, older than these acts, says of them: whether the draft stands on a report."""

_SELECT: Final = (
    "SELECT id, hub_id, task_id, CASE act WHEN '' THEN kind ELSE act END, report_id,"
    " template_id, template_version, opened_versions,"
    " opened_study_digest, state, holder, created_at FROM draft"
)


def _unknown() -> UsageError:
    return UsageError(
        "There is no draft of that id.", remedy="`teleread worklist` lists drafts.", code="no-draft"
    )
