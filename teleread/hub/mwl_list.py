"""Asking a Modality Worklist (C-FIND, PS3.4 annex K): window by window of scheduled days, under limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from teleread.hub.dimse_peer import DimsePeer
from teleread.hub.switches import Switches, read_switches
from teleread.model.errors import AttentionError, OfflineError
from teleread.model.hubfile import HubFile
from teleread.wire.dicom_dataset import read_data_set
from teleread.wire.dimse import VERIFICATION
from teleread.wire.dimse_services import Answer, Services
from teleread.wire.fhir_json import Unreadable
from teleread.wire.mwl_items import MODEL, Orders, Window, question, read_item, windows
from teleread.wire.orders import OrderEntry

__all__ = ["Listed", "MwlList", "MwlOptions", "options_of"]

_TOO_MANY: Final = 0xA700
"""Out of resources (PS3.4 K.4.1.1.4): what many say whose list is longer than they give at once."""
_LARGEST: Final = 64 << 20
"""Most bytes of one window's answers."""
_SECONDS: Final = 300.0
"""Longest time for a whole list."""
_OVERRUNS: Final = 40
"""Windows that may be too long in one pull: whoever ignores the keys of a question is not asked for ever."""
_WORDS: Final = 50
"""Most items that are told of singly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MwlOptions(Switches):
    """How a list is asked: the table ``mwl_options`` of the hub file, each switch named as here."""

    days_back: int = 7
    days_ahead: int = 1
    window_days: int = 3
    """Days asked for at once; a window whose list is too long is halved by itself."""
    most: int = 2_000
    """Most items taken of one window."""
    modality: str = ""
    station: str = ""
    """Scheduled Station AE Title."""


_RANGES: Final = {
    "days_back": (0, 3650),
    "days_ahead": (0, 3650),
    "window_days": (1, 3650),
    "most": (1, 100_000),
}


def options_of(hub: HubFile) -> MwlOptions:
    """Read a hub file's table ``mwl_options``.

    Raises:
        UsageError: A switch is not known, or has a value it can't have.
    """

    def lacks(name: str, value: Any) -> str:
        low, high = _RANGES.get(name, (0, 0))
        good = name not in _RANGES or low <= int(value) <= high
        return "" if good else f"It is a number from {low} to {high}."

    return read_switches(hub, "mwl_options", MwlOptions, hub.mwl_options, lacks)


@dataclass(slots=True)
class Listed:
    """What a list gave."""

    orders: Orders = field(default_factory=Orders)
    complete: bool = True
    """Every window was answered to its end: what is not there is not on the list."""
    skipped: list[str] = field(default_factory=list)
    """Words on what could not be had."""
    unnamed: int = 0
    """Items with other than plain letters that name no character set."""
    broken: int = 0
    """Items with letters that are none in the character set they name."""
    unread: int = 0


class MwlList:
    """One list.

    Args:
        peer: Where it is.
        options: How it is asked.
        issuer: Whose the patients' numbers without an issuer are.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self,
        peer: DimsePeer,
        options: MwlOptions,
        issuer: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._peer = peer
        self._options = options
        self._issuer = issuer
        self._monotonic = monotonic

    def reach(self) -> None:
        """See that it answers and offers a worklist.

        Raises:
            OfflineError: Nobody is there.
            AttentionError: ``rejected``, ``not-offered``.
        """
        with self._peer.open([VERIFICATION, MODEL]) as line:
            if line.context_for(MODEL) is None:
                raise AttentionError(
                    f"{self._peer.who} is not offered: the other side serves no Modality Worklist.",
                    remedy="Ask the site to allow it for our AE title.",
                    code="not-offered",
                )
            if line.context_for(VERIFICATION) is not None:
                line.echo()

    def whole(self, today: date) -> Listed:
        """Everything from `days_back` days ago to `days_ahead` days from now.

        Raises:
            OfflineError: No answer, or the line broke: nothing of it may be used.
            AttentionError: The refusal.
        """
        options, listed = self._options, Listed()
        pending = list(reversed(windows(today, options.days_back, options.days_ahead, options.window_days)))
        ends, overran = self._monotonic() + _SECONDS, 0
        while pending:
            with self._peer.open([MODEL]) as line:
                while pending:
                    window = pending.pop()
                    if self._window(line, window, listed, ends):
                        continue
                    overran += 1
                    halves = window.halves() if overran <= _OVERRUNS else None
                    if halves is None:
                        listed.complete = False
                        listed.skipped.append(
                            f"more than {options.most} orders on {window}: not all are shown"
                        )
                    else:
                        pending += halves
                    line.abort()
                    break
        listed.skipped += self._words(listed)
        return listed

    def some(self, keys: Iterable[dict[str, str]]) -> Listed:
        """What matches each of several sets of keys (`question`), whenever it is scheduled."""
        listed = Listed()
        with self._peer.open([MODEL]) as line:
            for one in keys:
                if not self._asked(line, question(None, **one), listed, self._monotonic() + _SECONDS):
                    raise self._endless()
        return listed

    def _window(self, line: Services, window: Window, listed: Listed, ends: float) -> bool:
        options = self._options
        asked = question(window, modality=options.modality, station=options.station)
        return self._asked(line, asked, listed, ends)

    def _asked(self, line: Services, asked: bytes, listed: Listed, ends: float) -> bool:
        """Whether the answer came to its end; else it is longer than anybody takes."""
        count = size = 0
        for one in line.answers(MODEL, asked):
            if isinstance(one, Answer):
                return self._ended(one)
            count, size = count + 1, size + len(one)
            if count > self._options.most or size > _LARGEST:
                return False
            if self._monotonic() > ends:
                raise self._endless()
            self._take(one, listed)
        raise AssertionError("answers end with a status")

    def _ended(self, answer: Answer) -> bool:
        if answer.good:
            return True
        if answer.status == _TOO_MANY:
            return False
        raise AttentionError(
            f"{self._peer.who} refused the question.",
            f"It says: {answer.words}.",
            "Tell the site; what is here stays as it is.",
            code="refused",
        )

    def _take(self, raw: bytes, listed: Listed) -> None:
        try:
            data = read_data_set(raw, fallback=self._options.charset)
            order = read_item(data, self._issuer, self._options.zone)
        except Unreadable as problem:
            listed.unread += 1
            if listed.unread <= _WORDS:
                listed.skipped.append(str(problem))
            return
        named = (data.get("00080005") or {}).get("Value") or self._options.charset
        listed.unnamed += not named and not _plain(order)
        listed.broken += "\ufffd" in f"{order.patient.name}{order.procedure}{order.question}"
        listed.orders.take(order)

    def _words(self, listed: Listed) -> list[str]:
        told = list(listed.orders.skipped)
        if listed.unread > _WORDS:
            told.append(f"{listed.unread} items of the list could not be read")
        if listed.unnamed:
            told.append(
                f"{listed.unnamed} items have letters beyond plain ones and name no character set;"
                " charset in [mwl_options] says which"
            )
        if listed.broken:
            told.append(f"{listed.broken} items have letters that their character set does not have")
        return told

    def _endless(self) -> OfflineError:
        return OfflineError(
            f"{self._peer.who} does not come to an end.",
            "What is here stays as it is.",
            "Ask for fewer days, or one modality or station (mwl_options in the hub file).",
            code="garbled",
        )


def _plain(order: OrderEntry) -> bool:
    return f"{order.patient.name}{order.procedure}{order.question}{order.requester}".isascii()
