"""What sync costs: a pull of 1,000 changes into 100,000 tasks, 1,000 reports signed off line, an idle pass.

    python -m tests.bench.bench_sync [TASKS] [CHANGES] [REPORTS]

The demo hub runs in a process of its own. Seconds are processor time of the client unless said otherwise;
wall time is told beside it, since a machine that does other things stretches it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from teleread.host.clock import SystemClock
from teleread.host.paths import Home
from teleread.hub.fhir import FhirHub
from teleread.model.hubfile import HubFile
from teleread.model.identity import Match
from teleread.model.report import Section
from teleread.model.task import TaskContext, TaskKey
from teleread.model.text import SafeText, clean
from teleread.signing.compose import Case, as_signed, freeze_case, freezing, uuid7, words_of
from teleread.sync.pull import pull
from teleread.sync.push import push
from teleread.vault.seal import Kdf
from teleread.vault.vault import Vault

WINDOW = 100


@contextmanager
def demo(folder: Path, cases: int) -> Iterator[str]:
    """The demo hub in another process; gives its FHIR address."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "teleread", "demo", "--no-tui", "--cases", str(cases)]
    environment = {**os.environ, "TELEREAD_HOME": str(folder / "demo")}
    server = subprocess.Popen(
        [*command, "--ready-file", str(ready)], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        while not ready.exists():
            time.sleep(0.2)
        yield str(json.loads(ready.read_text())["fhir"])
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


class Counted:
    """A database's transactions, counted."""

    def __init__(self, vault: Vault) -> None:
        self.count = 0
        connection = vault.cache_database.connection
        real: Callable[[], None] = connection.begin

        def begin() -> None:
            self.count += 1
            real()

        connection.begin = begin  # type: ignore[method-assign]


class Asked:
    """Requests to a hub, counted."""

    def __init__(self, hub: FhirHub) -> None:
        self.count = 0
        http = hub._wire.http
        real = http._open

        def opened(*args: Any, **more: Any) -> Any:
            self.count += 1
            return real(*args, **more)

        http._open = opened  # type: ignore[method-assign]

    def since(self, before: int, per: int) -> str:
        """How many since then, for each."""
        return f"  {(self.count - before) / per:.1f} requests each"


def measured(what: str, work: Callable[[], Any], per: int = 1) -> Any:
    """Do it, and tell what it took."""
    wall, own = time.perf_counter(), time.process_time()
    found = work()
    own, wall = time.process_time() - own, time.perf_counter() - wall
    each = f", {1000 * own / per:.1f} ms each" if per > 1 else ""
    print(f"{what}: {own:.2f} s processor{each}; {wall:.2f} s wall", flush=True)
    return found


def fill(vault: Vault, hub_id: str, like: TaskContext, count: int) -> None:
    """More tasks of other days into the mirror."""
    now = datetime.now(UTC)

    def made() -> Iterator[TaskContext]:
        for number in range(count):
            task = replace(like.task, id=clean(f"old-{number}"), status=clean("completed"))
            yield replace(like, key=TaskKey(hub_id, f"old-{number}"), task=task)

    vault.worklist.put_page(hub_id, made(), now)


def touch(hub: FhirHub, keys: list[TaskKey]) -> None:
    """Change tasks at the hub."""
    for at in range(0, len(keys), WINDOW):
        entries = [changed(hub._wire.read("Task", key.task_id)) for key in keys[at : at + WINDOW]]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        headers = {"Content-Type": "application/fhir+json"}
        hub._wire.http.send_json("POST", "", json.dumps(bundle).encode(), headers)


def changed(task: dict[str, Any]) -> dict[str, Any]:
    """The entry of a transaction that changes a task's words."""
    version = task["meta"]["versionId"]
    request = {"method": "PUT", "url": f"Task/{task['id']}", "ifMatch": f'W/"{version}"'}
    return {"resource": {**task, "description": f"Changed {uuid.uuid4()}"}, "request": request}


def sign(vault: Vault, context: TaskContext, file: HubFile) -> None:
    """Sign a report as the vault keeps it; the signature itself is not what is measured."""
    section = Section("impression", SafeText("Impression"), "19005-8", SafeText("Normal. " * 40))
    draft = vault.drafts.start(context.key, "plain", "1", [section])
    what = freezing(
        Case(draft, context, None, (), Match(()), (), (), None, None),
        idempotency_key=uuid7(datetime.now(UTC)),
        report_id=str(uuid.uuid4()),
        reader_id=file.reader_reference,
        reader_name=file.reader_name,
        signed_at=datetime.now(UTC),
        zone="+00:00",
        offset_seconds=None,
    )
    report = as_signed(what, "eyJh..c2ln", freeze_case(what))
    with vault.transaction():
        vault.reports.add(report, words_of(report))
        vault.outbox.add(
            "report",
            context.key,
            idempotency_key=report.idempotency_key,
            accession=report.accession,
            report_id=report.report_id,
            report_version=report.version,
        )
        vault.drafts.mark_signed(draft.id)


def main() -> int:
    """Measure and print."""
    tasks, changes, reports = (
        int(one) for one in (*sys.argv[1:4], *("100000", "1000", "1000")[len(sys.argv) - 1 :])
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with demo(folder, max(changes, reports) + 100) as address:
            run(folder, address, tasks, changes, reports)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")
    return 0


def run(folder: Path, address: str, tasks: int, changes: int, reports: int) -> None:
    """All of it against one hub."""
    clock = SystemClock()
    file = HubFile(
        hub_id="hub-1", name="DEMO", fhir=address, reader_id="reader", reader_name="Dr Demo Reader"
    )
    paths = Home.find({"TELEREAD_HOME": str(folder / "home")}).profile("bench")
    kdf = Kdf(memory_kib=64, passes=1)
    vault, _ = Vault.create(paths, passphrase="correct horse", pin=None, kdf=kdf, ballast_bytes=0)
    hub = FhirHub(file, None, clock)
    asked = Asked(hub)
    found = measured("first pull", lambda: pull(vault, hub, file, clock, ahead=0))
    print(f"  {found.pulled} tasks, {len(found.skipped)} words on what could not be read")
    rows = [row for row in vault.worklist.items("hub-1") if row.accession and row.status == "requested"]
    like = vault.worklist.get(rows[0].key)
    assert like is not None
    measured(f"{tasks} tasks into the vault", lambda: fill(vault, "hub-1", like, tasks))
    touch(hub, [row.key for row in rows[:changes]])
    counted = Counted(vault)
    found = measured(f"pull of {changes} changes", lambda: pull(vault, hub, file, clock, ahead=0))
    print(f"  {found.pulled} tasks in {counted.count} transactions")
    later = replace(
        vault.worklist.hub_state("hub-1"), cursor=f"{datetime.now(UTC) + timedelta(hours=1):%FT%TZ}"
    )
    vault.worklist.put_hub_state(later)  # as five quiet minutes later
    passes, before = range(50), asked.count
    measured("idle pass", lambda: [pull(vault, hub, file, clock, ahead=0) for _ in passes], per=len(passes))
    print(asked.since(before, len(passes)))
    seen = [vault.worklist.get(row.key) for row in rows[:reports]]
    contexts = measured("claims", lambda: [hub.claim(one) for one in seen if one], per=len(seen))
    vault.worklist.put_page("hub-1", contexts, clock.now())

    def all_signed() -> None:
        for one in contexts:
            sign(vault, one, file)

    measured("signing", all_signed, per=len(contexts))
    before = asked.count
    done = measured("delivery", lambda: push(vault, hub, file, clock), per=len(contexts))
    print(f"  {done.pushed} delivered, {done.needs_attention} need the reader, {done.waiting} wait")
    print(asked.since(before, len(contexts)))
    hub.close()
    vault.close()


if __name__ == "__main__":
    sys.exit(main())
