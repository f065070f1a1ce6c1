"""One reader's machine: the product's vault, outbox and sync on a simulated disk, and who watches them."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from teleread.host.clock import FakeClock
from teleread.host.paths import ProfilePaths
from teleread.hub.port import Hub
from teleread.model.delivery import OutboxItem
from teleread.model.errors import OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.identity import Match
from teleread.model.report import Draft, Section, SignedReport
from teleread.model.task import TaskKey
from teleread.model.text import SafeText
from teleread.signing.compose import Case
from teleread.signing.keys import Signer
from teleread.signing.sign import sign
from teleread.sync.requests import Works, perform
from teleread.sync.resolve import NEEDS_REASON, resolve
from teleread.sync.rules import FREE
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault
from teleread.workstation.signing import undo
from tests.simulation.connection import SimCrash, connector
from tests.simulation.disk import Disk
from tests.simulation.hubs import SimHub, Wrong
from tests.simulation.witness import Look, Witness

__all__ = ["Machine"]

LAST: Final = ("second-opinion", "preliminary", "send-with-note", "resend", "keep-note", "withdraw")
"""What a reader chooses who wants to be done."""

PATIENCE: Final = 5
"""How often that reader sends a thing again that is refused each time, as a note where none are taken."""

_ENDING: Final = {"withdraw", "resign", "verify-identity", "addendum"}
"""Choices that end an item unsent."""


class _Asked(dict[TaskKey, float]):
    """Priors count as asked for just now: they are no part of this."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def get(self, key: TaskKey, default: float | None = None) -> float:  # type: ignore[override]
        return self._clock.monotonic()


class Pen(Signer):
    """Stands for the signing key: what is signed does not matter here, when it is stored does."""

    @property
    def ready(self) -> bool:
        return True

    def sign(self, payload: bytes, *, hold: bool = False) -> str:
        return "eyJh..c2ln"


class Machine:
    """The machine.

    Args:
        at: Its number.
        reader: Whose it is.
        hubs: The hubs it knows.
        template: A fresh vault's files and its master key.
        paths: Where its key file lies.
        start: Its clock's first time.
        dice: The only source of chance.
        told: Counts what happened.
    """

    def __init__(
        self,
        at: int,
        reader: str,
        hubs: dict[str, SimHub],
        template: tuple[dict[str, bytes], bytes],
        paths: ProfilePaths,
        start: datetime,
        dice: random.Random,
        told: Counter[str],
    ) -> None:
        self.name, self.reader, self.dice, self.told = f"machine {at} of reader {reader}", reader, dice, told
        self.hubs = hubs
        self.clock = FakeClock(start)
        self.disk = Disk(template[0])
        self._key, self._paths = template[1], paths
        self.crash_in: int | None = None
        self.lines = {one: hub.line(at, self._wait, dice, told) for one, hub in hubs.items()}
        self.files_of = tuple(
            HubFile(
                hub_id=one,
                name=one,
                reader_id=reader,
                reader_name=f"Dr {reader}",
                undo_minutes=dice.choice([0, 0, 5]),
                **hub.file(at),
            )
            for one, hub in hubs.items()
        )
        self.witness = Witness()
        self.open()
        row = str(uuid.uuid4())
        self.vault.reports_database.connection.execute(
            "UPDATE meta SET value = ? WHERE key = 'device'", (row,)
        )
        self.vault.close()
        self.open()

    # -- life and death -----------------------------------------------------------------------------------

    def _wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def _step(self) -> None:
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in <= 0:
                self.crash_in = None
                self.disk.dead = True
                raise SimCrash

    def open(self) -> None:
        """Start teleread on what the disk holds."""
        self.vault = Vault.open(
            self._paths,
            Unlock("handoff", self._key),
            clock=self.clock,
            connect=connector(self.disk, self._step),
            ballast_bytes=0,
        )
        self._adapters = {
            one.hub_id: self.hubs[one.hub_id].adapter(one, self.vault, self.clock, self.lines[one.hub_id])
            for one in self.files_of
        }
        dice = random.Random(self.dice.random())
        self.works = Works(self.vault, self, self.clock, 0, dice=dice, asked=_Asked(self.clock))

    def crash(self, power: bool) -> None:
        """It went down; start again, which may go down too."""
        self.told["power cut" if power else "killed"] += 1
        self.crash_in = None
        self.disk.restart(self.dice if power else None)
        for _ in range(5):
            self.disk.crash_in = self.dice.randint(1, 30) if self.dice.random() < 0.2 else None
            try:
                self.open()
            except SimCrash:
                self.told["down while starting"] += 1
                self.disk.restart(self.dice if power else None)
                continue
            except TelereadError as error:
                raise Wrong(f"{self.name}: the vault does not open again ({error.title})") from error
            self.disk.crash_in = None
            break
        else:
            self.disk.crash_in = None
            self.open()
        self._settle()

    def close(self) -> None:
        """The end."""
        self.vault.close()
        self.disk.restart(None)
        self.disk.unregister()

    # -- the sites, as the product asks for them ------------------------------------------------------------

    def files(self) -> tuple[HubFile, ...]:
        return self.files_of

    def hub(self, hub_id: str) -> Hub:
        return self._adapters[hub_id]

    def archives(self, hub_id: str, via: str = "auto") -> tuple[Any, ...]:
        return ()

    # -- what the reader does -------------------------------------------------------------------------------

    def do(self, act: str) -> None:
        """One act; an error in words is no fault."""
        for hub in self.hubs.values():
            hub.pass_began, hub.blind = hub.now, False
        try:
            _ACTS[act](self)
        except TelereadError as error:
            self.told[f"said {error.code}"] += 1

    def sync(self, *, typed: bool = False) -> dict[str, Any]:
        """What came by itself is taken in; then one pass over every hub."""
        for hub_id, hub in self.hubs.items():
            hub.brought(self._adapters[hub_id])
        return perform(self.works, "sync", {"typed": typed})

    def _engine(self) -> None:
        self.sync()

    def _typed(self) -> None:
        self.sync(typed=True)

    def _work(self) -> None:
        """What a reader does next: sign what is written, write what is begun, begin what is theirs, claim."""
        written = [one for one in self.vault.drafts.list("open") if one.sections[0].text]
        if written and self.dice.random() < 0.8:
            self._sign()
        elif self.vault.drafts.open_ids() and self.dice.random() < 0.8:
            self._write()
        elif self.vault.claims.held() and self.dice.random() < 0.7:
            self._start()
        else:
            self._claim()

    def _claim(self) -> None:
        rows = [one for one in self.vault.worklist.items() if one.status in FREE and not one.owner]
        if rows:
            key = self.dice.choice(rows).key
            try:
                perform(self.works, "claim", {"hub_id": key.hub_id, "task_id": key.task_id})
            except OfflineError:
                self.vault.claims.put(key, "wanted")

    def _give_back(self) -> None:
        held = sorted(self.vault.claims.held())
        free = [one for one in held if not self.vault.reports.for_task(one)]
        if not free:
            return
        key = self.dice.choice(free)
        payload = json.dumps({"reason_code": "110532", "reason": "Needs specialist"})
        with self.vault.transaction():
            self.vault.outbox.add(
                "give-back",
                key,
                idempotency_key=str(uuid.uuid4()),
                accession=self._accession(key),
                payload=payload,
            )

    def _accession(self, key: TaskKey) -> str:
        context = self.vault.worklist.get(key)
        return context.order.accession if context else ""

    def _start(self) -> None:
        mine = {one.key for state in ("held", "wanted") for one in self.vault.claims.list(state)}
        done = {key for key, state in self.vault.reports.states().items() if state != "needs_attention"}
        keys = sorted(mine - set(self.vault.drafts.open_ids()) - done)
        if keys:
            key = self.dice.choice(keys)
            section = Section("findings", SafeText("Findings"), "59776-5", SafeText(""))
            context = self.vault.worklist.get(key)
            if context is not None:
                versions = context.versions
                self.vault.drafts.start(key, "limb", "1", [section], opened_versions=versions)

    def _open_draft(self) -> Draft | None:
        found = sorted(self.vault.drafts.open_ids().values())
        return self.vault.drafts.get(self.dice.choice(found)) if found else None

    def _write(self) -> None:
        draft = self._open_draft()
        if draft is None:
            return
        text = f"Words {self.dice.randint(0, 10**9)}."
        self.witness.typing[draft.id] = text
        section = draft.sections[0].id
        self.vault.drafts.append(draft.id, draft.seq, sections={section: text})
        self.witness.typed[draft.id] = text
        del self.witness.typing[draft.id]

    def _sign(self) -> None:
        draft = self._open_draft()
        context = self.vault.worklist.get(draft.key) if draft else None
        if draft is None or context is None or not draft.sections[0].text:
            return
        before = self.vault.reports.get(draft.report_id) if draft.report_id else None
        case = Case(draft, context, None, (), Match(()), (), (), None, before)
        file = next(one for one in self.files_of if one.hub_id == draft.key.hub_id)
        self.witness.closed.add(draft.id)
        report = sign(
            self.vault,
            case,
            hub=file,
            signer=Pen(self.clock),
            clock=self.clock,
            authenticated="held",
            zone="+00:00",
        )
        self._witnessed(report)
        if not context.task.owner:
            self.vault.claims.put(draft.key, "wanted")
        self.told["signed"] += 1

    def _addendum(self) -> None:
        ours = [one for one in self.vault.reports.list() if one.state == "issued"]
        if not ours:
            return
        report = self.dice.choice(ours)
        if any(one.kind == "addendum" for one in self.vault.drafts.open_for(report.key)):
            return
        section = Section("addendum", SafeText("Addendum"), "55107-7", SafeText("Also an effusion."))
        self.vault.drafts.start(
            report.key, "limb", "1", [section], kind="addendum", report_id=report.report_id
        )

    def _undo(self) -> None:
        held = [one for one in self.vault.outbox.open() if one.state == "held" and one.report_id]
        if held:
            item = self.dice.choice(held)
            self.witness.ended.add(item.id)
            undo(SimpleNamespace(vault=self.vault, clock=self.clock), item.id)  # type: ignore[arg-type]

    def _choose(self) -> None:
        items = [one for one in self.vault.outbox.open() if one.state == "needs_attention"]
        if items:
            item = self.dice.choice(items)
            self.choose(item, self.dice.choice([one.id for one in item.choices]))

    def choose(self, item: OutboxItem, choice: str) -> None:
        """Resolve an item; what was chosen is known to whoever watches the hub."""
        self.told[f"chose {choice}"] += 1
        hub = self.hubs[item.key.hub_id]
        hub.chosen.setdefault(hub.case_of(item.key.task_id), set()).add(choice)
        if choice in _ENDING:
            self.witness.ended.add(item.id)
        if item.kind == "draft":
            self.witness.closed.add(str(json.loads(item.payload)["draft"]))
        reason = "Because." if choice in NEEDS_REASON else ""
        resolve(self.vault, item, choice, reason, self.clock)

    def finish(self) -> None:
        """Choose on everything that waits for the reader, so that it ends."""
        for item in self.vault.outbox.open():
            if item.state == "needs_attention":
                offered = {one.id for one in item.choices}
                tired = self.witness.resent[item.id] >= PATIENCE
                wishes = ("withdraw", *LAST) if tired else LAST
                choice = next(one for one in (*wishes, *sorted(offered)) if one in offered)
                self.witness.resent[item.id] += choice == "resend"
                self.choose(item, choice)

    # -- who watches --------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """After a crash what was under way is done or not, and that holds from now on."""
        for draft_id, text in self.witness.typing.items():
            draft = self.vault.drafts.find(draft_id)
            if draft is not None and draft.sections[0].text == text:
                self.witness.typed[draft_id] = text
        self.witness.typing.clear()
        for one in self.vault.reports.list():
            self._witnessed(one)

    def _witnessed(self, report: SignedReport) -> None:
        self.witness.signed.setdefault((report.report_id, report.version), (report.frozen, report.signature))
        for hub in self.hubs.values():
            hub.book[report.sha256] = {**json.loads(report.frozen), "machine": self.name}

    def check(self) -> None:
        """Every invariant of one machine.

        Raises:
            Wrong: One does not hold.
        """
        Look(self.name, self.vault, self.witness, self.hubs).all()

    def check_audit(self) -> None:
        """The chain, whole."""
        if not self.vault.audit.verify().valid:
            raise Wrong(f"{self.name}: the audit trail is broken")

    def check_told(self) -> None:
        """What hubs sent by themselves is there."""
        for hub_id, hub in self.hubs.items():
            hub.check_told(self._adapters[hub_id], self.lines[hub_id])


_ACTS = {
    "engine": Machine._engine,
    "typed": Machine._typed,
    "work": Machine._work,
    "claim": Machine._claim,
    "give-back": Machine._give_back,
    "write": Machine._write,
    "addendum": Machine._addendum,
    "undo": Machine._undo,
    "choose": Machine._choose,
}
