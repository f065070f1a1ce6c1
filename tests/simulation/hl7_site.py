"""A site that speaks HL7 v2: it sends orders and news by MLLP, and files the results it is sent.

The product's own listener, inbox, framing and acknowledgement run; only the sockets are not there. A receiver
files by the number of the message (MSH-10), as interface engines do, and can't be asked what it has: so what
holds here is that each signature comes under one number with the same bytes, that nothing is taken for filed
without its AA, and that nothing goes out against what this machine has acknowledged itself.
"""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from teleread.host.clock import Clock
from teleread.hub.hl7 import Hl7Hub
from teleread.model.addresses import MllpAddress
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey
from teleread.vault.vault import Vault
from tests.simulation.hubs import SETTLES, SimHub, Wrong
from tests.simulation.mllp_line import LINES, Frame, MllpLine, number_of

__all__ = ["Hl7Site"]

_MARK: Final = re.compile(rb"report=([0-9a-f-]{36}) version=\d+ sha256=([0-9a-f]{64})")


@dataclass
class Hl7Site(SimHub):
    """The site."""

    kind = "hl7"
    lines: list[MllpLine] = field(default_factory=list)
    later: list[tuple[datetime, bytes, int]] = field(default_factory=list)
    """Results on their way that arrive after their sender has given up; with the machine's number."""
    received: dict[bytes, bytes] = field(default_factory=dict)
    """MSH-10 to the message filed under it: what a receiver remembers."""
    sent: list[Frame] = field(default_factory=list)
    """Everything told so far."""
    sent_at_backup: int = 0
    _count: int = 0

    # -- as a machine meets it ----------------------------------------------------------------------------

    def file(self, at: int) -> dict[str, Any]:
        """Where results go, and where orders come in."""
        return {
            "hl7": MllpAddress(f"{self.name}.example", 2000 + at),
            "hl7_listen": MllpAddress("127.0.0.1", 10000 * int(self.name[-1]) + at),
            "patient_id_issuer": "NORTH",
        }

    def line(self, at: int, wait: Any, dice: random.Random, told: Counter[str]) -> Any:
        """A machine's line; the site begins by telling it everything."""
        made = MllpLine(self, at, wait, dice, told, queue=list(self.sent))
        self.lines.append(made)
        file = self.file(at)
        for address in (file["hl7"], file["hl7_listen"]):
            LINES[address.host, address.port] = made
        return made

    def adapter(self, file: HubFile, vault: Vault, clock: Clock, line: Any) -> Any:
        """The product's own."""
        return Hl7Hub(file, None, clock, memory=vault.hub_secrets)

    def brought(self, adapter: Any) -> None:
        """What waits is sent to the machine."""
        adapter.listen(threading.Event(), lambda: None)

    # -- what others do -----------------------------------------------------------------------------------

    def others(self, act: str, number: int, dice: random.Random) -> None:
        """The same as elsewhere, as far as HL7 has words for it: no claims, no images."""
        if act in {"reassign", "release", "images"}:
            return
        super().others(act, number, dice)
        self._tell(act, number)

    def _tell(self, act: str, number: int) -> None:
        words = str(self.get("ServiceRequest", f"sr-c{number}")["bodySite"][0]["text"])
        born = str(self.get("Patient", f"p-c{number}")["birthDate"])
        kind, control, what, value = {
            "offer": ("OMI^O23^OMI_O23", "NW", "amended", words),
            "cancel": ("ORM^O01", "CA", "cancelled", ""),
            "amend": ("OMI^O23^OMI_O23", "XO", "amended", words),
            "touch": ("OMI^O23^OMI_O23", "XO", "amended", words),
            "correct": ("ADT^A08", "", "corrected", born),
            "report": ("ORM^O01", "SC", "reported", ""),
        }[act]
        self._count += 1
        head = f"MSH|^~\\&|RIS|NORTH|TELEREAD||20261124040000+0000||{kind}|M{self._count}|P|2.5.1"
        pid = f"PID|1||N{number:06}^^^NORTH^MR||Testwell^Ada^Bea||{born.replace('-', '')}|F"
        rows = [head, pid]
        if control:
            rows.append(f"ORC|{control}|t-c{number}|||{'CM' if act == 'report' else ''}")
        if kind.startswith("OMI"):
            rows.append(f"OBR|1|t-c{number}||XKNEL^XR Knee Left^L{'|' * 11}{words}")
            rows.append(f"IPC|ACC{number:05}|RP|1.2.3.{number}|SPS|CR")
        self._send(Frame("".join(f"{one}\r" for one in rows).encode(), number, what, value))

    def _send(self, frame: Frame) -> None:
        self.sent.append(frame)
        for line in self.lines:
            line.queue.append(frame)

    # -- results ------------------------------------------------------------------------------------------

    def receive(self, message: bytes, line: MllpLine) -> None:
        """File a result, by its number."""
        number = number_of(message)
        if number in self.received:
            if self.received[number] != message:
                self._changed(message, number)
            return
        self.received[number] = message
        found = _MARK.search(message)
        fields = next(one for one in message.split(b"\r") if one.startswith(b"OBR|")).split(b"|")
        order = (fields[2] or fields[29].split(b"^")[0]).decode()
        if found is None or (not order.startswith("t-c") and not order.startswith("sr-c")):
            self.wrong.append(f"{self.name} got a result that names no order or no report")
            return
        case = order.rpartition("c")[2]
        status = "preliminary" if fields[25] == b"P" else "final"
        self._line = line
        self.filed((found[1].decode(), found[2].decode()), case, status)
        task = self.get("Task", f"t-c{case}")
        if status == "final" and task["status"] not in {"completed", "cancelled"}:
            self.edit("Task", f"t-c{case}", status="completed")
            self._tell("report", int(case))

    _line: MllpLine | None = None

    def _changed(self, message: bytes, number: bytes) -> None:
        """Under a number that is known: only the reader's note may have come to it, and its status."""
        before, now = _MARK.search(self.received[number]), _MARK.search(message)
        if before is None or now is None or before.groups() != now.groups():
            self.wrong.append(f"{self.name} got another report under a number it knows")

    def _compare(self, form: Any, number: str, version: int) -> None:
        """What this machine has acknowledged before the pass began, and nobody decided about."""
        line = self._line
        if line is None or self.arriving or form is None:
            return
        case = int(number)
        chosen = self.chosen.get(f"t-c{number}", set())
        known = {
            what: value
            for (of, what), (at, value) in line.told.items()
            if of == case and at < self.pass_began
        }
        if version == 1:
            for what in sorted(known.keys() & _SETTLED.keys()):
                if not chosen & _SETTLED[what]:
                    self.wrong.append(f"a report went to {self.name} though its case was {what}")
        words = known.get("amended", "")
        if words and form["order"]["body_part"] != words:
            self.wrong.append(f"a report went to {self.name} though its order was amended")
        born = known.get("corrected", "")
        if born and form["patient"]["birth_date"] != born:
            self.wrong.append(f"a report went to {self.name} though its patient was corrected")

    # -- what must hold -----------------------------------------------------------------------------------

    def check_finals(self) -> None:
        """One machine sends one final report a case: another one's it may have learnt of too late."""
        finals = [
            one for one in self.all("DiagnosticReport") if one["status"] != "preliminary" and one.get("by")
        ]
        counted = Counter((one["by"], one["basedOn"][0]["reference"].rpartition("c")[2]) for one in finals)
        for (_, case), count in counted.items():
            if count > 1 and not self.chosen.get(f"t-c{case}", set()) & {"second-opinion", "addendum"}:
                raise Wrong(f"one machine sent two final reports on one case to {self.name}")

    def check_claims(self, held: Any) -> None:
        """A claim is a note on one machine here, and says so."""

    def check_told(self, adapter: Any, line: Any) -> None:
        """Every order is there as the site told it last."""
        if line.queue:
            raise Wrong(f"{self.name} could not tell a machine everything")
        for number in {one.number for one in self.sent}:
            words = line.told[number, "amended"][1]
            task = TaskKey(self.name, f"t-c{number}")
            now = adapter.look([task]).get(task)
            if now is None or now.order.body_part != words:
                raise Wrong(f"an acknowledged order of {self.name} is not kept as it was told")

    # -- backups and time ---------------------------------------------------------------------------------

    def back_up(self) -> None:
        """How much was told by then."""
        super().back_up()
        self.sent_at_backup = len(self.sent)

    def restore(self) -> None:
        """It tells again what it told since its backup; what it filed is the receiver's, and stays."""
        self.restored += 1
        for line in self.lines:
            line.queue += self.sent[self.sent_at_backup :]

    def tick(self, now: datetime) -> None:
        """Time passes; late results arrive."""
        self.now = max(self.now, now)
        due = [one for one in self.later if one[0] <= self.now]
        self.later = [one for one in self.later if one[0] > self.now]
        self.arriving = True
        for _, message, at in due:
            self.receive(message, self.lines[at])
        self.arriving = False


_SETTLED: Final = {
    "cancelled": SETTLES["cancelled"],
    # That somebody reported it is told as the order's end: whose it is, it does not say.
    "reported": SETTLES["reported"] | {"preliminary", "ask-back"},
}
