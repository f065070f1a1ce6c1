"""The mirror of the hubs' worklists, in cache.db. Screens read this, never the network."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from teleread.model.errors import IntegrityError
from teleread.model.task import PRIORITIES, TaskContext, TaskKey, Versions, priority_rank
from teleread.model.text import SafeText

from .codec import dumps, loads, stamp, stamp_or_none, unstamp_or_none
from .connection import Row, SqlValue
from .database import Database
from .prior_reports import PriorReports

__all__ = ["HubState", "Worklist", "WorklistRow"]

_BATCH: Final = 100
"""Contexts written in one transaction, so that no reader waits long."""

_LARGEST_CONTEXT: Final = 16 * 1024 * 1024


class WorklistRow(NamedTuple):
    """One line of the worklist. A named tuple, since ten thousand are built for every screen."""

    hub_id: str
    task_id: str
    status: SafeText
    """FHIR Task.status."""
    owner: SafeText
    owner_name: SafeText
    priority: SafeText
    priority_rank: int
    """0 for stat to 3 for routine."""
    due: datetime | None
    """UTC."""
    site: SafeText
    """The hospital that asks."""
    order_status: SafeText
    patient_name: SafeText
    """DICOM PN."""
    patient_id: SafeText
    issuer: SafeText
    birth_date: SafeText
    sex: SafeText
    nhs_number: SafeText
    nhs_status: SafeText
    accession: SafeText
    procedure: SafeText
    modality: SafeText
    study_uid: SafeText
    instances: int | None
    """As the hub tells; None where it does not."""
    held: int
    """Instances in the vault."""
    expected: int | None
    """Instances the archive says it has; None where it has not been asked."""

    @property
    def key(self) -> TaskKey:
        """The task's name in the vault."""
        return TaskKey(self.hub_id, self.task_id)

    @property
    def cached(self) -> str:
        """``none``, ``part`` or ``all``."""
        if not self.held:
            return "none"
        return "all" if self.expected is not None and self.held >= self.expected else "part"


@dataclass(frozen=True, slots=True)
class HubState:
    """What is known of a hub's line."""

    hub_id: str
    cursor: str = ""
    """Where the next pull begins; the adapter's business."""
    last_pull_at: datetime | None = None
    """When a pull last went through, UTC."""
    last_error: SafeText = SafeText("")  # noqa: RUF009 - an immutable text
    """Why the last one did not; empty when it did."""
    offset_seconds: float | None = None
    """The hub's clock minus ours; None where never measured."""
    offline_since: datetime | None = None
    """First failure without a success since; None when on line."""


_COLUMNS: Final = WorklistRow._fields[:-2]
"""Columns of the table that a line shows; the last two fields come from the study's row."""

_TOLD: Final = (*_COLUMNS[2:], "versions")
"""Columns of which a change can be seen on a screen; a pull writes most lines anew just as they were."""

_WRITTEN: Final = (*_COLUMNS, "versions", "seen_at", "context")
_PUT: Final = (
    f"INSERT INTO worklist ({', '.join(_WRITTEN)}, moved) VALUES ({', '.join('?' * len(_WRITTEN))},"
    " (SELECT number FROM worklist_move)) ON CONFLICT (hub_id, task_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _WRITTEN[2:])
    + f", moved = CASE WHEN ({', '.join(_TOLD)}) IS ({', '.join(f'excluded.{name}' for name in _TOLD)})"
    " THEN moved ELSE excluded.moved END"
)
_MOVE: Final = "UPDATE worklist_move SET number = number + 1"
_STRETCH: Final = 500
"""Lines read at once: a key is never kept waiting by ten thousand."""
_ITEMS: Final = (
    f"SELECT {', '.join(f'w.{name}' for name in _COLUMNS)}, coalesce(s.held, 0), s.expected"
    " FROM worklist AS w LEFT JOIN study AS s ON s.hub_id = w.hub_id AND s.study_uid = w.study_uid"
)
_AFTER: Final = _ITEMS.replace(" FROM worklist", ", w.rowid FROM worklist") + (
    " WHERE w.rowid > ? ORDER BY w.rowid"
)


class Worklist:
    """The mirror.

    Args:
        cache: The database.
        priors: Where the prior reports of a context go too, to be searched.
    """

    def __init__(self, cache: Database, priors: PriorReports) -> None:
        self._cache = cache
        self._priors = priors

    def put_page(self, hub_id: str, contexts: Iterable[TaskContext], pulled_at: datetime) -> int:
        """Store what a pull or a re-read saw; tasks it did not see stay as they are.

        Args:
            hub_id: The hub.
            contexts: Tasks with what hangs on them.
            pulled_at: When, UTC.

        Returns:
            How many were stored.
        """
        count = 0
        source = iter(contexts)
        while batch := list(islice(source, _BATCH)):
            with self._cache.joined() as connection:
                connection.execute(_MOVE)
                connection.executemany(_PUT, (_columns(hub_id, one, pulled_at) for one in batch))
                for one in batch:
                    self._priors.put(hub_id, one.patient.id, one.prior_reports)
            count += len(batch)
        return count

    def get(self, key: TaskKey) -> TaskContext | None:
        """A task with everything that hangs on it, as last seen."""
        row = self._cache.connection.row(
            "SELECT context FROM worklist WHERE hub_id = ? AND task_id = ?", (key.hub_id, key.task_id)
        )
        return _unpacked(bytes(row[0])) if row else None

    def row(self, key: TaskKey) -> WorklistRow | None:
        """One line."""
        found = self._cache.connection.rows(
            f"{_ITEMS} WHERE w.hub_id = ? AND w.task_id = ?", (key.hub_id, key.task_id)
        )
        return next(_rows(found), None)

    def items(self, hub_id: str | None = None) -> Iterator[WorklistRow]:
        """Every line, stat first, then by what is due.

        Args:
            hub_id: One hub's alone.
        """
        where, values = ("", ()) if hub_id is None else (" WHERE w.hub_id = ?", (hub_id,))
        order = " ORDER BY w.priority_rank, w.due IS NULL, w.due, w.hub_id, w.task_id"
        return _rows(self._cache.connection.rows(_ITEMS + where + order, values))

    def every(self) -> Iterator[WorklistRow]:
        """Every line in no order, so many at a time: a list of ten thousand is never held twice."""
        last = 0
        known: dict[str, SafeText] = {}
        while found := self._cache.connection.rows(f"{_AFTER} LIMIT {_STRETCH}", (last,)):
            last = found[-1][-1]
            yield from _rows([row[:-1] for row in found], known)

    def moves(self) -> tuple[int, int]:
        """(number of the last write of lines, number of the last one that took some away)."""
        row = self._cache.connection.row("SELECT number, gone FROM worklist_move")
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def moved_since(self, number: int) -> Iterator[WorklistRow]:
        """The lines that look different since the write of that number."""
        return _rows(self._cache.connection.rows(f"{_ITEMS} WHERE w.moved > ?", (number,)))

    def ahead(self, statuses: Sequence[str], owners: Sequence[str], free: int) -> tuple[WorklistRow, ...]:
        """The lines prefetching looks at: the reader's, every stat one, and the first others nobody holds.

        By indexes alone, so that ten thousand lines cost what a hundred do.

        Args:
            statuses: FHIR Task.status values.
            owners: How the reader is called at the hubs.
            free: How many lines nobody holds, besides the stat ones.
        """
        where = f"{_ITEMS} WHERE w.study_uid <> '' AND w.status IN ({_marks(statuses)})"
        read = self._cache.connection.rows
        found = read(f"{where} AND w.owner <> '' AND w.owner IN ({_marks(owners)})", (*statuses, *owners))
        nobody = f"{where} AND w.owner = '' AND w.priority_rank = ?"
        found += read(nobody, (*statuses, 0))
        for rank in range(1, len(PRIORITIES)):
            for due in ("NOT NULL", "NULL"):
                if free > 0:
                    more = read(
                        f"{nobody} AND w.due IS {due} ORDER BY w.due LIMIT ?", (*statuses, rank, free)
                    )
                    found += more
                    free -= len(more)
        return tuple(_rows(found))

    def owned(self, hub_id: str, owner: str) -> tuple[tuple[TaskKey, str], ...]:
        """The lines of a hub that are somebody's, each with its status; by an index."""
        rows = self._cache.connection.rows(
            "SELECT task_id, status FROM worklist WHERE owner <> '' AND owner = ? AND hub_id = ?"
            " ORDER BY priority_rank, due IS NULL, due, task_id",
            (owner, hub_id),
        )
        return tuple((TaskKey(hub_id, row[0]), row[1]) for row in rows)

    def free(self, hub_id: str, most: int) -> tuple[TaskKey, ...]:
        """The first lines of a hub that anybody may take; by an index."""
        rows = self._cache.connection.rows(
            "SELECT task_id FROM worklist WHERE hub_id = ? AND owner = ''"
            " AND status IN ('requested', 'received', 'accepted', 'ready')"
            " ORDER BY priority_rank, due IS NULL, due, task_id LIMIT ?",
            (hub_id, most),
        )
        return tuple(TaskKey(hub_id, row[0]) for row in rows)

    def studies(self) -> tuple[tuple[str, str, str, str, str], ...]:
        """(hub id, task id, Study Instance UID, owner, status) of every line with a study; quick."""
        rows = self._cache.connection.rows(
            "SELECT hub_id, task_id, study_uid, owner, status FROM worklist WHERE study_uid <> ''"
        )
        return tuple((row[0], row[1], row[2], row[3], row[4]) for row in rows)

    def studies_of(self, owners: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
        """(hub id, Study Instance UID, status) of the lines with a study that these hold; by an index."""
        rows = self._cache.connection.rows(
            "SELECT hub_id, study_uid, status FROM worklist"
            f" WHERE owner <> '' AND owner IN ({_marks(owners)}) AND study_uid <> ''",
            tuple(owners),
        )
        return tuple((row[0], row[1], row[2]) for row in rows)

    def study_of(self, key: TaskKey) -> tuple[str, str]:
        """Study Instance UID and status of a line; empty where it has none, or is not there."""
        row = self._cache.connection.row(
            "SELECT study_uid, status FROM worklist WHERE hub_id = ? AND task_id = ?",
            (key.hub_id, key.task_id),
        )
        return (row[0], row[1]) if row else ("", "")

    def versions(self, key: TaskKey) -> Versions | None:
        """The versions last seen of a task's resources."""
        row = self._cache.connection.row(
            "SELECT versions FROM worklist WHERE hub_id = ? AND task_id = ?", (key.hub_id, key.task_id)
        )
        return loads(Versions, row[0]) if row else None

    def tasks_of_study(self, hub_id: str, study_uid: str) -> tuple[TaskKey, ...]:
        """The tasks about a study."""
        rows = self._cache.connection.rows(
            "SELECT hub_id, task_id FROM worklist WHERE hub_id = ? AND study_uid = ?", (hub_id, study_uid)
        )
        return tuple(TaskKey(*row) for row in rows)

    def find(self, task_id: str) -> tuple[TaskKey, ...]:
        """The tasks of that id at any hub."""
        rows = self._cache.connection.rows(
            "SELECT hub_id, task_id FROM worklist WHERE task_id = ?", (task_id,)
        )
        return tuple(TaskKey(*row) for row in rows)

    def count(self, hub_id: str | None = None) -> int:
        """How many lines there are."""
        where, values = ("", ()) if hub_id is None else (" WHERE hub_id = ?", (hub_id,))
        row = self._cache.connection.row("SELECT count(*) FROM worklist" + where, values)
        return int(row[0]) if row else 0

    def drop_hub(self, hub_id: str) -> int:
        """Forget a hub's lines; answers how many."""
        with self._cache.joined() as connection:
            connection.execute(f"{_MOVE}, gone = number + 1")
            connection.execute("DELETE FROM hub_state WHERE hub_id = ?", (hub_id,))
            return connection.execute("DELETE FROM worklist WHERE hub_id = ?", (hub_id,))

    def hub_state(self, hub_id: str) -> HubState:
        """What is known of a hub's line; the empty state for a new hub."""
        row = self._cache.connection.row(
            "SELECT cursor, last_pull_at, last_error, offset_seconds, offline_since FROM hub_state"
            " WHERE hub_id = ?",
            (hub_id,),
        )
        if row is None:
            return HubState(hub_id)
        cursor, pulled, error, offset, offline = row
        return HubState(
            hub_id, cursor, unstamp_or_none(pulled), SafeText(error), offset, unstamp_or_none(offline)
        )

    def put_hub_state(self, state: HubState) -> None:
        """Store what is known of a hub's line."""
        with self._cache.joined() as connection:
            connection.execute(
                "INSERT INTO hub_state VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (hub_id) DO UPDATE SET"
                " cursor = excluded.cursor, last_pull_at = excluded.last_pull_at,"
                " last_error = excluded.last_error, offset_seconds = excluded.offset_seconds,"
                " offline_since = excluded.offline_since",
                (
                    state.hub_id,
                    state.cursor,
                    stamp_or_none(state.last_pull_at),
                    state.last_error,
                    state.offset_seconds,
                    stamp_or_none(state.offline_since),
                ),
            )


def _columns(hub_id: str, context: TaskContext, pulled_at: datetime) -> tuple[SqlValue, ...]:
    task, order, patient, study = context.task, context.order, context.patient, context.study
    primary, nhs = patient.primary, patient.nhs
    return (
        hub_id,
        task.id,
        task.status,
        task.owner,
        task.owner_name,
        task.priority,
        priority_rank(task.priority),
        stamp_or_none(task.due),
        task.requester,
        order.status,
        patient.name,
        primary.value if primary else "",
        primary.issuer if primary else "",
        patient.birth_date,
        patient.sex,
        nhs.value if nhs else "",
        nhs.status if nhs else "",
        order.accession or (study.accessions[0] if study and study.accessions else ""),
        order.procedure,
        study.modality if study else "",
        study.study_uid if study else "",
        study.instances if study else None,
        dumps(context.versions),
        stamp(pulled_at),
        zlib.compress(dumps(context).encode(), 1),
    )


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _unpacked(packed: bytes) -> TaskContext:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, _LARGEST_CONTEXT)
    except zlib.error:
        raise IntegrityError("A row of the vault can't be read.", code="row-unreadable") from None
    return loads(TaskContext, text)


_TEXTS: Final = (2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)
"""Columns that were cleaned at the edge before they were stored."""
_DUE: Final = 7


def _rows(found: list[Row], known: dict[str, SafeText] | None = None) -> Iterator[WorklistRow]:
    known = {} if known is None else known
    for one in found:
        values = list(one)
        for index in _TEXTS:
            text = values[index]
            # Status, site, modality and their like repeat: one object each keeps ten thousand rows small.
            safe = known.get(text)
            if safe is None:
                safe = known[text] = SafeText(text)
            values[index] = safe
        if values[_DUE] is not None:
            values[_DUE] = datetime.fromisoformat(values[_DUE])
        yield WorklistRow._make(values)
