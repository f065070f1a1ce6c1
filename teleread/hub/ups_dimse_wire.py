"""Workitems over DIMSE (PS3.4 annex CC): UPS Pull for what a performer does, Push and Watch for the rest.

Every request names UPS Push as its class, whatever context it goes by (PS3.4 CC.3.1): a workitem is an
instance of that class alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from teleread.hub.dimse_peer import DimsePeer
from teleread.hub.ups_port import UpsPage, garbled
from teleread.hub.ups_wire import Dialect, reading_codes
from teleread.model.errors import AttentionError, OfflineError
from teleread.wire.dicom_dataset import DataSet, read_data_set, write_data_set
from teleread.wire.dicom_tags import is_uid
from teleread.wire.dimse_services import Answer, Services
from teleread.wire.fhir_json import Unreadable
from teleread.wire.ups_json import Workitem, read_workitem

__all__ = ["EVENT", "PUSH", "UpsDimseWire"]

PUSH, WATCH, PULL, EVENT = (f"1.2.840.10008.5.1.4.34.6.{number}" for number in (1, 2, 3, 4))
CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE = 1, 2, 3, 4
"""Action types (PS3.4 table CC.2-1)."""
PAGE: Final = 100
MOST: Final = 100_000
"""More workitems than any worklist has; a list that never ends is left here."""
_STATUS: Final = {
    0xC300: ("refused", "the workitem has ended"),
    0xC301: ("refused", "the workitem is not held under this claim"),
    0xC302: ("refused", "somebody has it already"),
    0xC304: ("refused", "something it needs before it can be completed is missing"),
    0xC307: ("gone", "there is no such workitem"),
    0xC308: ("refused", "it does not know our AE title as a receiver"),
    0xC310: ("refused", "nobody has it yet"),
    0xC311: ("refused", "the workitem has ended"),
    0xC312: ("refused", "whoever has it can't be reached"),
    0xC313: ("refused", "whoever has it does not cancel it"),
    0x0112: ("gone", "there is no such workitem"),
    0x0124: ("forbidden", "it does not allow us to"),
}
"""Statuses of PS3.4 CC.2 and PS3.7 annex C: the error code, and words."""
_ASKED: Final = {
    "CS": "00080005 00100040 00404041 00741000 00741200",
    "UI": "00080016 00080018",
    "PN": "00100010",
    "LO": "00100020 00100021 00741202 00741204",
    "DA": "00100030",
    "DT": "00404005 00404010 00404011",
    "SQ": "00100024 00101002 00404018 00404021 00404025 00404034 0040A370 00741002 00741216 00741224",
}
"""Return keys of a search: what a task is read from (PS3.4 table CC.2.5-3)."""
_KEYS: Final = {"ProcedureStepState": "00741000"}


class UpsDimseWire:
    """The transactions of RRR-WF over associations. Raises only errors of the model.

    Args:
        peer: The hub.
        aet: Our AE title.
        dialect: How this hub differs.
    """

    def __init__(self, peer: DimsePeer, aet: str, dialect: Dialect) -> None:
        self._peer = peer
        self._aet = aet
        self._charset = dialect.charset
        self._codes = reading_codes(dialect)

    @property
    def who(self) -> str:
        """What errors call the hub."""
        return self._peer.who

    def reach(self) -> None:
        """See that it answers and offers what a claim needs.

        Raises:
            OfflineError: Nobody is there.
            AttentionError: ``rejected``, ``not-offered``.
        """
        with self._peer.open([PULL]) as line:
            self._context(line, PULL)

    def search(self, match: Mapping[str, str]) -> Iterator[UpsPage]:
        """C-FIND: what matches, in pages of our own."""
        asked: dict[str, Any] = {tag: {"vr": vr} for vr, tags in _ASKED.items() for tag in tags.split()}
        for name, value in match.items():
            tag = _KEYS.get(name, name)
            asked[tag] = {**asked[tag], "Value": [value]}
        items: list[Workitem] = []
        skipped: list[str] = []
        for data in self._listed(write_data_set(asked)):
            try:
                items.append(read_workitem(read_data_set(data, fallback=self._charset)))
            except Unreadable as problem:
                skipped.append(str(problem))
            if len(items) == PAGE:
                yield UpsPage(tuple(items), tuple(skipped), False, None)
                items, skipped = [], []
        yield UpsPage(tuple(items), tuple(skipped), True, None)

    def _listed(self, asked: bytes) -> list[bytes]:
        """Every answer: kept, for the line can't wait while each is read at the hub."""
        found: list[bytes] = []
        with self._peer.open([PULL]) as line:
            self._context(line, PULL)
            for one in line.answers(PULL, asked):
                if isinstance(one, Answer):
                    self._check(one)
                elif len(found) >= MOST:
                    raise garbled(self.who)
                else:
                    found.append(one)
        return found

    def is_reading(self, item: Workitem) -> bool:
        """Whether a workitem is a report to be made, and none of a treatment or a machine's."""
        return not any(item.codes) or bool(self._codes & set(item.codes))

    def read(self, uid: str) -> Workitem:
        """N-GET, now."""
        with self._peer.open([PULL]) as line:
            answer = line.attributes(self._context(line, PULL), PUSH, self._known(uid))
            self._check(answer)
        try:
            data = read_data_set(answer.data, fallback=self._charset)
            item = read_workitem({"00080018": {"vr": "UI", "Value": [uid]}, **data})
        except Unreadable:
            raise garbled(self.who) from None
        if item.uid != uid:
            raise garbled(self.who)
        return item

    def change_state(self, uid: str, state: str, transaction: str) -> bool:
        """N-ACTION, Change UPS State."""
        body = {
            "00081195": {"vr": "UI", "Value": [transaction]},
            "00741000": {"vr": "CS", "Value": [state]},
        }
        self._act(PULL, uid, CHANGE_STATE, body)
        return True

    def update(self, uid: str, changes: Mapping[str, Any], transaction: str) -> None:
        """N-SET under a Transaction UID."""
        body = write_data_set(_in_utf8({**changes, "00081195": {"vr": "UI", "Value": [transaction]}}))
        known = self._known(uid)
        self._write(PULL, lambda line, context: line.change(context, PUSH, known, body))

    def request_cancel(self, uid: str, reason: Mapping[str, Any]) -> None:
        """N-ACTION, Request UPS Cancel."""
        self._act(PUSH, uid, REQUEST_CANCEL, {**reason, "00741236": {"vr": "AE", "Value": [self._aet]}})

    def subscribe(self, target: str) -> None:
        """N-ACTION, Subscribe to Receive UPS Event Reports."""
        receiver = {"00741234": {"vr": "AE", "Value": [self._aet]}}
        self._act(WATCH, target, SUBSCRIBE, {**receiver, "00741230": {"vr": "LO", "Value": ["FALSE"]}})

    def close(self) -> None:
        """Each request had a line of its own."""

    def _act(self, by: str, uid: str, action: int, body: DataSet) -> None:
        raw, known = write_data_set(_in_utf8(body)), self._known(uid)
        self._write(by, lambda line, context: line.act(context, PUSH, known, action, raw))

    def _write(self, by: str, ask: Callable[[Services, int], Answer]) -> None:
        """A request that changes something: once it may have been sent, silence is no answer.

        Raises:
            OfflineError: ``unknown``: it may have been applied.
            AttentionError: A refusal.
        """
        sent = False
        try:
            with self._peer.open([by]) as line:
                context = self._context(line, by)
                sent = True
                answer = ask(line, context)
                self._check(answer)
        except OfflineError as problem:
            if not sent:
                raise
            raise OfflineError(
                problem.title,
                "What was sent may have been done: it is asked for before anything is sent again.",
                problem.remedy,
                code="unknown",
                retryable=True,
            ) from problem

    def _context(self, line: Services, by: str) -> int:
        context = line.context_for(by)
        if context is None:
            raise AttentionError(
                f"{self.who} does not offer UPS {_NAMES[by]}.",
                "It refused that service when the association was made.",
                "Ask the site to allow it for our AE title.",
                code="not-offered",
            )
        return context

    def _known(self, uid: str) -> str:
        if not is_uid(uid):
            raise AttentionError(f"{self.who} has no workitem of that name.", code="gone")
        return uid

    def _check(self, answer: Answer) -> None:
        if answer.good:
            return
        code, words = _STATUS.get(answer.status, ("refused", ""))
        raise AttentionError(
            f"{self.who} refused what it was asked.",
            f"It says: {words or answer.words}.",
            "What is here stays as it is.",
            code=code,
        )


_NAMES: Final = {PULL: "Pull", PUSH: "Push", WATCH: "Watch"}


def _in_utf8(data: Mapping[str, Any]) -> DataSet:
    return {**data, "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
