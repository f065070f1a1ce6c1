"""A vault and a hub in memory with one clock, for the tests of sync."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from teleread.host.clock import FakeClock
from teleread.host.paths import Home
from teleread.hub.fhir import FhirHub
from teleread.model.delivery import OutboxItem
from teleread.model.evidence import KeyImage, Measurement
from teleread.model.hubfile import HubFile
from teleread.model.identity import Match
from teleread.model.report import Section
from teleread.model.task import TaskKey
from teleread.model.text import SafeText, clean
from teleread.signing.compose import Case, as_signed, freeze_case, freezing, uuid7, words_of
from teleread.sync.pull import PullOutcome, pull
from teleread.sync.push import PushOutcome, push
from teleread.vault.seal import Kdf
from teleread.vault.vault import Vault
from tests.contract.hub_cases import case, new_id
from tests.contract.hub_fake import BASE, FakeHub

HUB = HubFile(hub_id="hub-1", name="TEST", fhir=BASE, reader_id="reader", reader_name="Dr Demo Reader")
START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


class Ticking(httpx.BaseTransport):
    """The hub's transport; a wait for an answer that never comes takes its thirty seconds."""

    def __init__(self, server: FakeHub, clock: FakeClock) -> None:
        self._server = server
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._server.handle_request(request)
        except httpx.ReadTimeout:
            self._clock.advance(30)
            raise


class World:
    """Everything at once."""

    def __init__(self, folder: Path, server: FakeHub | None = None, *, seed: int = 1) -> None:
        self.clock = FakeClock(START)
        self.server = server or FakeHub()
        self.paths = Home.find({"TELEREAD_HOME": str(folder)}).profile("test")
        self.vault = Vault.create(
            self.paths,
            passphrase="correct horse",
            pin=None,
            clock=self.clock,
            kdf=Kdf(memory_kib=8, passes=1),
            ballast_bytes=0,
        )[0]
        self.dice = random.Random(seed)
        self.hub = FhirHub(HUB, None, self.clock, transport=Ticking(self.server, self.clock))
        self.events: list[tuple[str, dict[str, Any]]] = []

    def close(self) -> None:
        self.hub.close()
        self.vault.close()

    def emit(self, kind: str, data: Any) -> None:
        self.events.append((kind, dict(data)))

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The data of every event of a kind."""
        return [data for of, data in self.events if of == kind]

    # What happens at the hub

    def offer(self, number: int = 1, **task: Any) -> TaskKey:
        """A case is offered."""
        for resource in case(number, **task):
            self.server.put(resource)
        return TaskKey("hub-1", f"t-c{number}")

    def reports(self, number: int = 1) -> list[dict[str, Any]]:
        """What the hub holds for a case's patient."""
        target = f"Patient/p-c{number}"
        return [one for one in self.server.all("DiagnosticReport") if one["subject"]["reference"] == target]

    # What the reader does

    def claim(self, key: TaskKey) -> None:
        """Take a case, the mirror following."""
        held = self.hub.claim(self.hub.read(key))
        self.vault.worklist.put_page("hub-1", [held], self.clock.now())
        self.vault.claims.put(key, "held", version=held.task.version)

    def sign(
        self,
        key: TaskKey,
        text: str = "No fracture.",
        *,
        on: str = "",
        not_before: datetime | None = None,
        kind: str = "",
        key_images: tuple[KeyImage, ...] = (),
        measurements: tuple[Measurement, ...] = (),
    ) -> OutboxItem:
        """Sign a report (or with ``on`` an addendum to it; else that kind): vault rows as signing makes."""
        context = self.vault.worklist.get(key)
        assert context is not None
        before = self.vault.reports.get(on) if on else None
        section = Section("impression", SafeText("Impression"), "19005-8", clean(text))
        draft = self.vault.drafts.start(
            key, "limb", "1", [section], kind=kind or ("addendum" if on else "report"), report_id=on
        )
        what = freezing(
            Case(
                *(draft, context, None, (), Match(()), (), (), None, before),
                key_images=key_images,
                measurements=measurements,
            ),
            idempotency_key=uuid7(self.clock.now()),
            report_id=new_id(),
            reader_id=HUB.reader_reference,
            reader_name=HUB.reader_name,
            signed_at=self.clock.now(),
            zone="+00:00",
            offset_seconds=None,
        )
        report = as_signed(what, "eyJh..c2ln", freeze_case(what))
        with self.vault.transaction():
            self.vault.reports.add(report, words_of(report))
            item = self.vault.outbox.add(
                "report",
                key,
                idempotency_key=report.idempotency_key,
                accession=report.accession,
                report_id=report.report_id,
                report_version=report.version,
                priority=context.task.priority,
                not_before=not_before,
            )
            self.vault.drafts.mark_signed(draft.id)
        self.clock.advance(1)
        return item

    def signed(self, number: int = 1, **task: Any) -> OutboxItem:
        """A case offered, claimed and signed."""
        key = self.offer(number, **task)
        self.claim(key)
        return self.sign(key)

    def push(self, *, typed: bool = False) -> PushOutcome:
        """One pass of push."""
        return push(
            self.vault, self.hub, HUB, self.clock, ignore_backoff=typed, emit=self.emit, dice=self.dice
        )

    def pull(self, **more: Any) -> PullOutcome:
        """One pass of pull."""
        return pull(self.vault, self.hub, HUB, self.clock, emit=self.emit, **more)

    def later(self, minutes: float = 20) -> None:
        """Time passes, here and at the hub."""
        self.clock.advance(minutes * 60)
        self.server.now += timedelta(minutes=minutes)

    def item(self, item: OutboxItem) -> OutboxItem:
        """An item as it stands."""
        return self.vault.outbox.get(item.id)

    def restart(self) -> None:
        """The machine comes back after a power cut: another vault object on the same files."""
        key = self.vault.master_handoff()
        self.vault.close()
        self.vault = Vault.open_with_key(self.paths, key, clock=self.clock)
        self.hub = FhirHub(HUB, None, self.clock, transport=Ticking(self.server, self.clock))


def with_quirks(server: FakeHub, **quirks: Any) -> FakeHub:
    """The same server, odd in some way."""
    server.quirks = replace(server.quirks, **quirks)
    return server
