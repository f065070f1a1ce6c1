"""The Hub port over a folder on a shared drive, for sites with nothing: no server, no network of its own.

``orders`` is the site's, ``claims`` the readers', ``reports``, ``receipts`` and ``notes`` hold what goes out.
The site's files are only read; teleread changes none and deletes none.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from teleread.host.clock import Clock, SystemClock
from teleread.hub.claiming import check_reader, claim_lost
from teleread.hub.folder_claims import Claim, FolderClaims, LostRaceError, make_new
from teleread.hub.folder_reports import ENDINGS, FolderReports, Manifest
from teleread.hub.folder_typing import FolderTyping
from teleread.hub.port import Capabilities, Found, Health, PullPage, each_found
from teleread.hub.ups_memory import KeyStore
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, OfflineError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.task import PriorReport, PriorStudy, TaskContext, TaskKey
from teleread.model.text import SafeText, clean
from teleread.model.typing_jobs import Typed, TypingJob
from teleread.wire.fhir_json import Unreadable
from teleread.wire.order_files import KINDS, MAX_BYTES, read_orders
from teleread.wire.orders import ENDED, Change, Merge, OrderEntry, PatientEntry, Registry, State

__all__ = ["FORMS", "FolderHub"]

FORMS: Final = ("text", "pdf", "hl7v2", "dicom-sr")
"""What is written where the hub file does not say."""
PAGE: Final = 100
MAX_FILES: Final = 20_000
_FOLDERS: Final = ("orders", "claims", "reports", "receipts", "notes")
_REMEMBERED: Final = "folder-order:"


class FolderHub:
    """A drop box.

    Args:
        hub: The hub file; ``hub.folder`` is where it is.
        secret: None is used.
        clock: Our clock.
        memory: Keeps the orders of claimed cases, for the day the site clears its folder.
    """

    def __init__(
        self,
        hub: HubFile,
        secret: str | None = None,
        clock: Clock | None = None,
        *,
        memory: KeyStore | None = None,
    ) -> None:
        self.hub = hub
        self.hub_id = hub.hub_id
        self.forms: tuple[str, ...] = hub.forms or FORMS
        strange = set(self.forms) - set(ENDINGS)
        if strange:
            raise UsageError(
                f"The hub file of {hub.name} names a form that is none: {', '.join(sorted(strange))}.",
                remedy=f"There are {', '.join(ENDINGS)}.",
                code="no-form",
            )
        self._clock = clock or SystemClock()
        self._memory = memory
        self._root = Path(hub.folder)
        self._claims = FolderClaims(self._root / "claims", timedelta(hours=hub.claim_hours))
        self._reports = FolderReports(self._root, hub.reader_reference)
        self._typing = FolderTyping(self._root)
        self._parsed: dict[str, tuple[tuple[int, int], list[Change | Merge] | str]] = {}

    def health(self) -> Health:
        """Look whether the drive is there and can be written to; its clock is that of a new file."""
        began = self._clock.monotonic()
        with self._drive():
            probe = self._root / "claims" / f".{secrets.token_hex(8)}.probe"
            make_new(probe, b"")
            made = datetime.fromtimestamp(probe.stat().st_mtime, UTC)
            probe.unlink()
        passed = self._clock.monotonic() - began
        able = Capabilities("folder", if_match=True, transactions=False)
        return Health("a folder", (made - self._clock.now()).total_seconds(), passed * 1000, able)

    def pull(self, cursor: str) -> Iterator[PullPage]:
        """Yield every order in the folder; what ended before the first pull is left out."""
        with self._drive():
            found, skipped = self._contexts()
            skipped += self._renew()
        contexts = [one for one in found.values() if cursor or one.task.status not in ENDED]
        now = self._clock.now().isoformat()
        pages = [contexts[at : at + PAGE] for at in range(0, len(contexts), PAGE)] or [[]]
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            yield PullPage(tuple(page), now, last, tuple(skipped) if last else ())

    def read(self, key: TaskKey) -> TaskContext:
        """Read a task again."""
        with self._drive():
            found = self._contexts({key.task_id})[0].get(key.task_id)
        if found is None:
            raise AttentionError(
                f"The drop box {self.hub.name} no longer has this order.",
                "A draft of yours stays as it is.",
                "Ask the site.",
                code="gone",
            )
        return found

    def look(self, keys: Collection[TaskKey]) -> dict[TaskKey, TaskContext]:
        """Look at several tasks."""
        with self._drive():
            found = self._contexts({key.task_id for key in keys})[0]
        return {key: found[key.task_id] for key in keys if key.task_id in found}

    def claim(self, context: TaskContext) -> TaskContext:
        """Take a task for this reader.

        Raises:
            AttentionError: ``claim-lost``.
        """
        check_reader(self.hub)
        task_id = context.key.task_id
        with self._drive():
            before = self._claims.of(task_id)  # first: whatever comes after it makes our own event fail
        now = self.read(context.key)
        with self._drive():
            mine = before.owner == self.hub.reader_reference and before.status == "in-progress"
            free = not now.task.owner and now.task.status not in ENDED
            if not free and not (mine and now.task.status == "in-progress"):
                raise self._lost(now)
            self._remember(task_id)
            if not mine or before.lapsed(self._clock.now()):
                self._event(now, before, "in-progress")
        return self.read(context.key)

    def give_back(self, context: TaskContext, reason_code: str, reason_text: str) -> TaskContext:
        """Return a claimed task with a reason.

        Raises:
            AttentionError: ``claim-lost``: it is not the reader's.
        """
        check_reader(self.hub)
        with self._drive():
            before = self._claims.of(context.key.task_id)
        now = self.read(context.key)
        with self._drive():
            if before.status == "requested" and before.number:
                return now
            if before.owner != self.hub.reader_reference or now.task.status != "in-progress":
                raise self._lost(now)
            self._event(now, before, "requested", reason_code=reason_code, reason=reason_text)
        return self.read(context.key)

    def priors(self, context: TaskContext) -> tuple[tuple[PriorStudy, ...], tuple[PriorReport, ...]]:
        """Earlier reports on the patient that went through this folder; it lists no studies."""
        with self._drive():
            found = [
                self._reports.as_prior(one)
                for one in self._newest()
                if one.patient == context.patient.id and one.task != context.task.id
            ]
        return (), tuple(sorted(found, key=lambda one: str(one.issued), reverse=True))

    def submit(self, submission: Submission) -> Receipt:
        """Write one report version and read it back; safe to repeat."""
        if submission.form != "documents":
            words = f"A report cannot be put into a folder as {submission.form}."
            raise AttentionError(words, code="refused")
        context = self.read(submission.task)
        with self._drive():
            held = self._reports.find(submission.report_id, "")
        known = held is not None and held.receipt.sha256 == submission.sha256
        first = submission.completes and submission.version == 1
        if first and not known and context.task.owner != self.hub.reader_reference:
            raise self._lost(context)
        with self._drive("unknown"):
            return self._reports.put(submission, context, self._clock.now())

    def find(self, report_id: str, key: str) -> Found | None:
        """What the drop box holds for a report or an idempotency key."""
        with self._drive():
            return self._reports.find(report_id, key)

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """What it holds of several reports."""
        with self._drive():
            return each_found(self._reports.find, receipts)

    def send_note(self, submission: Submission) -> Receipt:
        """Write a note about a task; safe to repeat."""
        told = json.loads(submission.body)
        text = str(told["payload"][0]["contentString"])
        about = str(told.get("topic", {}).get("text", ""))
        context = self.read(submission.task)
        path = self._root / "notes" / f"{submission.key}.json"
        table = {
            "schema": "teleread.note/1",
            "task": context.task.id,
            "accession": context.order.accession,
            "about": about,
            "text": text,
            "from": self.hub.reader_name,
            "sent": told.get("sent", ""),
        }
        with self._drive("unknown"):
            make_new(path, json.dumps(table, ensure_ascii=False, indent=1).encode())
            digest = hashlib.sha256(_text_in(path).encode()).hexdigest()
            if digest != submission.sha256:
                path.unlink()
                raise OSError("half written")
            made = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
        return Receipt(SafeText(f"note/{submission.key}"), SafeText("1"), digest, made, self._clock.now())

    def other_reports(self, context: TaskContext, ours: Collection[str] = ()) -> tuple[PriorReport, ...]:
        """Reports on this order that are not among ours."""
        mine = {one.lower().removeprefix("report/") for one in ours}
        accession = str(context.order.accession).casefold()
        with self._drive():
            return tuple(
                self._reports.as_prior(one)
                for one in self._newest()
                if one.report not in mine
                and (one.task == context.task.id or _same(one, accession, context.patient.id))
            )

    def close(self) -> None:
        """There is nothing to let go of."""

    # -- orders -----------------------------------------------------------------------------------------

    def _contexts(self, wanted: Collection[str] | None = None) -> tuple[dict[str, TaskContext], list[str]]:
        registry = self._registry()
        claims, done = self._claims.all(), self._done()
        seen_at, skipped = self._clock.now(), list(registry.skipped)
        found: dict[str, TaskContext] = {}
        for task_id in registry.orders if wanted is None else registry.orders.keys() & wanted:
            order = registry.orders[task_id]
            state = self._state(claims.get(task_id), done.get(task_id), seen_at)
            try:
                found[task_id] = registry.context(self.hub_id, order, state, seen_at)
            except Unreadable as problem:
                skipped.append(str(problem))
        return found, skipped

    def _state(self, claim: Claim | None, done: Manifest | None, now: datetime) -> State:
        if done is not None:
            return State(f"r{done.version}", "completed", done.reader, done.author)
        return claim.state(now) if claim is not None else State()

    def _done(self) -> dict[str, Manifest]:
        return {one.task: one for one in self._reports.all() if one.completes}

    def _newest(self) -> list[Manifest]:
        table: dict[str, Manifest] = {}
        for one in self._reports.all():  # versions of a report come in their order
            table[one.report] = one
        return list(table.values())

    def _registry(self) -> Registry:
        """Every order file, the oldest first; those that did not change are not read again."""
        registry = Registry()
        self._recall(registry)
        listed = [
            (one.stat(), one)
            for one in os.scandir(self._root / "orders")
            if one.is_file() and not one.name.startswith(".") and Path(one.name).suffix.lower() in KINDS
        ]
        listed.sort(key=lambda pair: (pair[0].st_mtime_ns, pair[1].name))
        if len(listed) > MAX_FILES:
            registry.skipped.append(f"of {len(listed)} order files only the newest {MAX_FILES} are read")
        for stat, entry in listed[-MAX_FILES:]:
            mark = (stat.st_mtime_ns, stat.st_size)
            if self._parsed.get(entry.name, (None,))[0] != mark:
                self._parsed[entry.name] = (mark, _parse(Path(entry.path)))
            found = self._parsed[entry.name][1]
            if isinstance(found, str):
                registry.skipped.append(str(clean(found, limit=300)))
            else:
                registry.take(found, str(clean(entry.name, limit=80)))
        kept = {entry.name for _, entry in listed}
        self._parsed = {name: one for name, one in self._parsed.items() if name in kept}
        return registry

    def _remember(self, task_id: str) -> None:
        order = self._registry().orders.get(task_id)
        if self._memory is not None and order is not None:
            patient = self._registry().patient_of(order)[0]
            told = json.dumps(asdict(replace(order, patient=patient)), ensure_ascii=False)
            self._memory.put(self.hub_id, _REMEMBERED + task_id, told)

    def _recall(self, registry: Registry) -> None:
        if self._memory is None:
            return
        for name in self._memory.names(self.hub_id):
            value = self._memory.get(self.hub_id, name) if name.startswith(_REMEMBERED) else None
            if value:
                table: dict[str, Any] = json.loads(value)
                patient = PatientEntry(**table.pop("patient"))
                registry.take([Change(patient, OrderEntry(**table, patient=patient))], "kept here")

    # -- claims -----------------------------------------------------------------------------------------

    def _event(self, context: TaskContext, before: Claim, status: str, **words: str) -> None:
        who: dict[str, str] = {}
        if status == "in-progress":
            who = {"owner": self.hub.reader_reference, "owner_name": self.hub.reader_name}
        try:
            self._claims.put(context.key.task_id, before, status, self._clock.now(), **who, **words)
        except LostRaceError:
            raise self._lost(self.read(context.key)) from None

    def _renew(self) -> list[str]:
        """Our own leases that are half over, made whole; words on those of others that ran out."""
        now, told = self._clock.now(), []
        done = self._done()
        for task_id, one in self._claims.all().items():
            mine = one.owner == self.hub.reader_reference
            if one.status != "in-progress" or task_id in done:
                continue
            if mine and self._claims.half_over(one, now) and not one.lapsed(now):
                words = {"owner": one.owner, "owner_name": one.owner_name}
                try:
                    self._claims.put(task_id, one, "in-progress", now, **words)
                except LostRaceError:
                    continue
            elif not mine and one.lapsed(now) and one.until is not None:
                hours = int((now - one.until).total_seconds() // 3600)
                who = one.owner_name or "somebody"
                told.append(f"{task_id}: the claim of {who} ran out {hours} h ago; it is free")
        return told

    def _lost(self, now: TaskContext) -> AttentionError:
        who = now.task.owner_name or ("another reader" if now.task.owner else "")
        said = f"{who} has this task" if who else f"this task is no longer offered ({now.task.status})"
        return claim_lost(f"The drop box {self.hub.name} says that {said}.")

    def to_typist(self, job: TypingJob, sound: bytes) -> None:
        """Put a dictation there for the site's typists."""
        with self._drive("unknown"):
            self._typing.hand_over(job, sound)

    def from_typist(self, job_id: str) -> Typed | None:
        """What was typed; None as long as nothing came back."""
        with self._drive():
            return self._typing.typed(job_id)

    def end_typing(self, job_id: str, *, keep_sound: bool = False) -> None:
        """Take away what was put there."""
        with self._drive():
            self._typing.end(job_id, keep_sound=keep_sound)

    @contextmanager
    def _drive(self, code: str = "offline") -> Iterator[None]:
        """The drive may go at any moment; its folders are made where the drop box itself is there."""
        try:
            if not self._root.is_dir():
                raise FileNotFoundError
            for name in _FOLDERS:
                (self._root / name).mkdir(exist_ok=True)
            yield
        except OSError as problem:
            raise OfflineError(
                f"The folder of {self.hub.name} can't be used.",
                f"{clean(problem.strerror or 'It is not there', limit=120)}. Nothing is lost.",
                "Look whether the drive is connected, writable and not full.",
                code=code,
            ) from problem


def _parse(path: Path) -> list[Change | Merge] | str:
    try:
        with path.open("rb") as file:
            return read_orders(path.suffix.lower(), file.read(MAX_BYTES + 1))
    except (OSError, ValueError) as problem:
        words = problem.strerror if isinstance(problem, OSError) else str(problem)
        return f"{path.name}: {words}"


def _same(one: Manifest, accession: str, patient: str) -> bool:
    """Whether it is on that very examination under another order."""
    return bool(accession) and one.accession.casefold() == accession and one.patient == patient


def _text_in(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes()[:MAX_BYTES])["text"])
    except (ValueError, KeyError, TypeError):
        return ""
