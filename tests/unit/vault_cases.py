"""Builders for the tests of the vault: cheap keys, made-up cases, connections that fail on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from teleread.host.clock import FakeClock
from teleread.host.paths import Home, ProfilePaths
from teleread.model.patient import NHS_SYSTEM, Patient, PatientIdentifier
from teleread.model.report import Draft, Section, SignedReport
from teleread.model.study import ImageIdentity, InstanceInfo
from teleread.model.task import Order, OrderedStudy, PriorReport, Task, TaskContext, TaskKey
from teleread.model.text import SafeText, clean
from teleread.vault.connection import Connection, Connector, Row, SqlValue, open_encrypted
from teleread.vault.seal import Kdf
from teleread.vault.vault import Vault

HUB = "0d0c5a6e-hub"
STUDY = "1.2.826.0.1.3680043.8.498.77001"
SERIES = f"{STUDY}.1"
NAME = "Featherstonehaugh^Wilhelmina"
NHS = "9990000018"
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
CHEAP = Kdf(memory_kib=64, passes=1, lanes=1)
PASSPHRASE = "a lamp under the stairs"
PIN = "482913"


def paths(folder: Path) -> ProfilePaths:
    return Home.find({"TELEREAD_HOME": str(folder)}).profile("reader")


def new_vault(
    folder: Path,
    *,
    passphrase: str | None = PASSPHRASE,
    pin: str | None = PIN,
    connect: Connector = open_encrypted,
    clock: FakeClock | None = None,
) -> Vault:
    vault, _ = Vault.create(
        paths(folder),
        passphrase=passphrase,
        pin=pin,
        clock=clock or FakeClock(START),
        connect=connect,
        kdf=CHEAP,
        ballast_bytes=1 << 20,
    )
    return vault


def key(task: str = "task-1", hub: str = HUB) -> TaskKey:
    return TaskKey(hub, task)


def context(
    task: str = "task-1", *, hub: str = HUB, priority: str = "routine", **changes: str
) -> TaskContext:
    uid = changes.get("study_uid", STUDY)
    return TaskContext(
        key=key(task, hub),
        task=Task(
            clean(task),
            clean(changes.get("version", "1")),
            clean("requested"),
            clean(priority),
            requester=clean("Northgate Hospital"),
            due=START,
        ),
        order=Order(
            clean("o-" + task),
            clean("1"),
            clean("active"),
            (clean(changes.get("accession", "NG26-1")),),
            procedure=clean("CT abdomen"),
            question=clean("Pain\nsince Monday", multiline=True),
        ),
        patient=Patient(
            clean("p-1"),
            clean("1"),
            clean(changes.get("name", NAME)),
            (
                PatientIdentifier(clean("NG777001"), clean("https://northgate.example/mrn")),
                PatientIdentifier(clean(NHS), clean(NHS_SYSTEM), clean("01")),
            ),
            clean("1931-02-03"),
            clean("F"),
        ),
        study=OrderedStudy(clean("s-" + task), clean("1"), clean(uid), clean("CT"), instances=3),
        prior_reports=(prior(),),
        raw={"task": {"resourceType": "Task", "id": task}},
        seen_at=START,
    )


def prior(report_id: str = "dr-9") -> PriorReport:
    return PriorReport(
        clean(report_id),
        clean("1"),
        clean("final"),
        clean("1.2.3.9"),
        clean("NG25-9"),
        clean("CT abdomen"),
        clean("Dr Prior"),
        START,
        clean("A cyst in the left kidney.", multiline=True),
    )


def section(section_id: str, text: str = "") -> Section:
    return Section(section_id, SafeText(section_id.title()), "59776-5", SafeText(text))


def new_draft(vault: Vault, task: str = "task-1") -> Draft:
    return vault.drafts.start(
        key(task), "ct-abdomen", "1", [section("findings", "Liver normal."), section("impression")]
    )


def instance(number: int, study: str = STUDY) -> InstanceInfo:
    return InstanceInfo(
        f"{study}.1.{number}",
        "1.2.840.10008.5.1.4.1.1.2",
        f"{study}.1",
        "1.2.840.10008.1.2.1",
        0,
        instance_number=number,
        position=(0.0, 0.0, float(number)),
        identity=ImageIdentity(name=clean(NAME), patient_id=clean("NG777001")),
        modality=clean("CT"),
        series_number=2,
        series_description=clean("Axial"),
    )


def keep(vault: Vault, files: Sequence[bytes], study: str = STUDY, hub: str = HUB) -> None:
    with vault.objects.open_segment(hub, study) as segment:
        for number, data in enumerate(files, start=1):
            segment.begin(instance(number, study))
            segment.write(data)
            segment.end()


def signed(draft: Draft, report_id: str = "r-1", version: int = 1, text: str = "No stones.") -> SignedReport:
    import hashlib

    frozen = f'{{"report":"{report_id}","text":"{text}","version":{version}}}'.encode()
    return SignedReport(
        report_id,
        version,
        draft.id,
        draft.key,
        "report",
        frozen,
        hashlib.sha256(frozen).hexdigest(),
        "header..signature",
        START,
        f"key-{report_id}-{version}",
        clean("NG26-1"),
    )


def sign(vault: Vault, draft: Draft, report_id: str = "r-1", version: int = 1) -> None:
    """The shape of signing: frozen bytes, closed draft, outbox row and audit row in one transaction."""

    def work() -> None:
        report = signed(draft, report_id, version)
        vault.reports.add(report, "No stones.")
        vault.drafts.mark_signed(draft.id)
        vault.outbox.add(
            "report",
            draft.key,
            idempotency_key=report.idempotency_key,
            accession="NG26-1",
            report_id=report_id,
            report_version=version,
        )
        vault.audit.append("sign", subject=report_id, hub_id=draft.key.hub_id)

    vault.precious(work)


class FaultyConnection:
    """A connection that calls `before(what)` ahead of every storage call; that may raise or exit."""

    def __init__(self, inner: Connection, before: Callable[[str], None]) -> None:
        self._inner = inner
        self._before = before

    @property
    def in_transaction(self) -> bool:
        return self._inner.in_transaction

    @property
    def total_changes(self) -> int:
        return self._inner.total_changes

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        self._before(sql)
        return self._inner.execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        self._before(sql)
        self._inner.executemany(sql, rows)

    def executescript(self, sql: str) -> None:
        self._before(sql)
        self._inner.executescript(sql)

    def rows(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[Row]:
        return self._inner.rows(sql, parameters)

    def row(self, sql: str, parameters: Sequence[SqlValue] = ()) -> Row | None:
        return self._inner.row(sql, parameters)

    def begin(self) -> None:
        self._before("BEGIN")
        self._inner.begin()

    def commit(self) -> None:
        self._before("COMMIT")
        self._inner.commit()
        self._before("after COMMIT")

    def rollback(self) -> None:
        self._inner.rollback()

    def close(self) -> None:
        self._inner.close()


def faulty(before: Callable[[str], None]) -> Connector:
    """Opens real connections that fail on demand."""
    return lambda path, key: FaultyConnection(open_encrypted(path, key), before)
