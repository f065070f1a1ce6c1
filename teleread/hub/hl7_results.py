"""Results to a site by HL7 v2 over MLLP: sent, acknowledged, remembered.

A receiver of HL7 can't be asked what it holds. So every try of a version carries the same MSH-10 and, while
nothing is changed by hand, the same bytes: a receiver that has them already says so and files nothing twice.
What counts as delivered is an acknowledgement of that very message that takes it over (AA or CA); it is kept
in the vault before anybody is told.

It serves the HL7 hub, and any list whose results go out this way: one `Hl7Results` for each thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from teleread.host.clock import Clock
from teleread.hub.port import Found, each_found
from teleread.hub.ups_memory import KeyStore
from teleread.model.addresses import MllpAddress
from teleread.model.delivery import Receipt, Submission
from teleread.model.errors import AttentionError, IntegrityError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.text import EMPTY, SafeText
from teleread.wire.er7 import Segment, decode, encode, field
from teleread.wire.hl7_acks import Ack
from teleread.wire.hl7_orders import iso_time
from teleread.wire.mllp import exchange

__all__ = ["FORM", "Hl7Results", "Sent"]

FORM: Final = "hl7v2"
"""The form of a report that is sent; it stands in `Submission.parts`."""
_SENT: Final = "hl7-sent:"

Exchange = Callable[[HubFile, MllpAddress, bytes, str], Ack]


@dataclass(frozen=True, slots=True)
class Sent:
    """One report version that the receiver has acknowledged."""

    report: str
    version: int
    key: str
    """Idempotency key of the version."""
    sha256: str
    """Of the signed bytes."""
    author: str
    task: str
    completes: bool
    """It ended the reading."""
    control_id: str
    """MSH-10."""
    ack: str
    """``AA`` or ``CA``."""
    ack_id: str
    """MSH-10 of the acknowledgement."""
    hub_time: str
    """The receiver's clock, ISO 8601; empty where it told none that can be read."""
    at: str
    """Our clock when it came, ISO 8601, UTC."""

    @property
    def receipt(self) -> Receipt:
        """The proof of it."""
        return Receipt(
            id=SafeText(f"report/{self.report}"),
            version=SafeText(f"{self.version}-{self.sha256[:12]}"),
            sha256=self.sha256,
            hub_time=self.hub_time,
            stored_at=datetime.fromisoformat(self.at),
            task_status=SafeText("completed") if self.completes else EMPTY,
        )


class Hl7Results:
    """The results way of one hub.

    Args:
        hub: The hub file; ``hub.hl7`` is where results go.
        memory: Keeps what was acknowledged.
        clock: Our clock.
        send: Sends one message; by MLLP.
    """

    def __init__(self, hub: HubFile, memory: KeyStore, clock: Clock, *, send: Exchange = exchange) -> None:
        self._hub = hub
        self._memory = memory
        self._clock = clock
        self._send = send
        self._known: dict[str, Sent] = {}

    def submit(self, submission: Submission) -> Receipt:
        """Send one report version; safe to repeat.

        Args:
            submission: Of form ``documents``, with the part `FORM`.

        Raises:
            OfflineError: Nothing was sent; or, with ``unknown``, no acknowledgement of it came.
            AttentionError: ``refused`` (AE, CE), ``rejected`` (AR, CR), ``other-report``, ``changed``,
                ``unsendable``.
            UsageError: The hub file names no receiver.
        """
        held = self.newest(submission.report_id)
        if held is not None and held.version >= submission.version:
            same = self._sent(self._name(submission.report_id, submission.version))
            if same is not None and same.sha256 == submission.sha256:
                return same.receipt
            raise _other(submission.version)
        if (str(held.receipt.version) if held else "") != submission.predecessor:
            raise _other(submission.version)
        address = self._hub.hl7
        if address is None:
            raise UsageError(
                f"The hub {self._hub.name} names no receiver for results.",
                "The report is kept.",
                f"teleread init --hub {self._hub.name} --hl7 HOST:PORT names one.",
                code="no-receiver",
            )
        message, control_id = _message(submission)
        ack = self._send(self._hub, address, message, control_id)
        if not ack.accepted:
            raise self._refusal(ack)
        return self._keep(submission, control_id, ack).receipt

    def find(self, report_id: str, key: str) -> Found | None:
        """What was acknowledged of a report, by its id or by the key of one of its versions."""
        ident = report_id.lower()
        if not ident and key:
            ident = next((one.report for one in self.all() if one.key == key.lower()), "")
        versions = list(self.all(ident)) if ident else []
        if not versions:
            return None
        newest = max(versions, key=lambda one: one.version)
        keys = (ident, *(one.key for one in versions))
        return Found(newest.receipt, "final", newest.author, keys)

    def holding(self, receipts: Mapping[str, str]) -> dict[str, Found]:
        """The same of several reports: a receiver that lost them can't be asked."""
        return each_found(self.find, receipts)

    def newest(self, report_id: str) -> Sent | None:
        """The newest acknowledged version of a report."""
        return max(self.all(report_id.lower()), key=lambda one: one.version, default=None)

    def all(self, report_id: str = "") -> Iterator[Sent]:
        """Every acknowledged version, of every report or of one."""
        start = f"{_SENT}{report_id}"
        for name in self._memory.names(self._hub.hub_id):
            if name.startswith(start) and (found := self._sent(name)) is not None:
                yield found

    def done(self) -> dict[str, Sent]:
        """Which tasks were ended by a report of ours, and by which."""
        return {one.task: one for one in self.all() if one.completes}

    @staticmethod
    def _name(report_id: str, version: int) -> str:
        return f"{_SENT}{report_id.lower()}:{version:06}"

    def _sent(self, name: str) -> Sent | None:
        """One row; rows never change, so that each is read once."""
        if name not in self._known:
            value = self._memory.get(self._hub.hub_id, name)
            if not value:
                return None
            self._known[name] = Sent(**json.loads(value))
        return self._known[name]

    def _keep(self, submission: Submission, control_id: str, ack: Ack) -> Sent:
        made = Sent(
            report=submission.report_id.lower(),
            version=submission.version,
            key=submission.key.lower(),
            sha256=submission.sha256,
            author=submission.author,
            task=submission.task.task_id,
            completes=submission.completes,
            control_id=control_id,
            ack=ack.code,
            ack_id=ack.own_id,
            hub_time=iso_time(ack.at),
            at=self._clock.now().isoformat(),
        )
        name = self._name(submission.report_id, submission.version)
        self._memory.put(self._hub.hub_id, name, json.dumps(asdict(made), ensure_ascii=False))
        return made

    def _refusal(self, ack: Ack) -> AttentionError:
        said = f"It says: {ack.words}" if ack.words else "It does not say why"
        if ack.code in {"AR", "CR"}:
            return AttentionError(
                f"The HL7 receiver of {self._hub.name} rejected the report ({ack.code}).",
                f"{said}. Nothing was filed; the report is kept.",
                "Such refusals come from settings or from a receiver that is not ready: once that is changed,"
                " send it again.",
                code="rejected",
                retryable=True,
            )
        return AttentionError(
            f"The HL7 receiver of {self._hub.name} found an error in the report ({ack.code}).",
            f"{said}. Nothing counts as filed; the report is kept.",
            "Ask the site what it needs, then send it again or withdraw it.",
            code="refused",
        )


def _message(submission: Submission) -> tuple[bytes, str]:
    """The bytes to send, with what the reader tells beside the report, and their MSH-10."""
    message = submission.parts.get(FORM, b"")
    try:
        segments = decode(message)
    except IntegrityError:
        segments = ()
    control_id = segments[0].get(8) if segments else ""
    if not control_id:
        raise AttentionError(
            "This report could not be made ready to send.",
            "It is kept.",
            "Look at the HL7 switches in the hub file.",
            code="unsendable",
        )
    if submission.note:
        message = _noted(message, submission.note, segments[0].get(16) or "UNICODE UTF-8")
    return message, control_id


def _noted(message: bytes, note: str, charset: str) -> bytes:
    """With an NTE below the OBR (section 7.3.1): no part of what was signed, which stays byte for byte."""
    try:
        line = encode([Segment("NTE", (field("1"), field("L"), field(note)))], charset)
    except UsageError:
        line = encode(
            [Segment("NTE", (field("1"), field("L"), field(note.encode("ascii", "replace").decode())))]
        )
    head, mark, rest = message.partition(b"\rOBX|")
    return head + b"\r" + line.rstrip(b"\r") + mark + rest if mark else message + line


def _other(version: int) -> AttentionError:
    if version == 1:
        return AttentionError(
            "Another text was sent to the site under this report's number.",
            "Nothing was sent now.",
            "Tell the site.",
            code="other-report",
        )
    return AttentionError(
        "The version this one stands on is not what the site acknowledged last.",
        "Nothing was sent.",
        "Read what was sent, then sign again.",
        code="changed",
    )
