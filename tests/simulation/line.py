"""One machine's HTTP line to one hub, and what may happen on it."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx

from tests.simulation.connection import SimCrash

if TYPE_CHECKING:
    from tests.simulation.hubs import SimHub

__all__ = ["Line"]

FAULTS = (
    "offline",
    "drop",
    "500",
    "503",
    "cut",
    "lose",
    "500-done",
    "late",
    "twice",
    "stale",
    "die",
    "die-done",
)


class Line(httpx.BaseTransport):
    """One machine's line to one hub.

    Args:
        hub: The hub.
        wait: Called with the seconds an answer that never comes is waited for.
        dice: The faults'.
        told: Counts the faults that met something.
    """

    def __init__(self, hub: SimHub, wait: Any, dice: random.Random, told: Counter[str]) -> None:
        self._hub = hub
        self._wait = wait
        self._dice = dice
        self._told = told
        self.up = True
        self.chance = 0.0
        self.expired = False
        """The token is not taken any more."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self.up:
            raise httpx.ConnectError("refused", request=request)
        if self.expired:
            self._told["401"] += 1
            return self._hub._answer(401, {"resourceType": "OperationOutcome"})
        fault = self._dice.choice(FAULTS) if self._dice.random() < self.chance else ""
        if fault in {"late", "twice"} and request.method == "GET":
            fault = "drop"
        if fault == "stale" and (request.method != "GET" or not self._hub.copies):
            fault = ""
        if fault:
            self._told[fault] += 1
        return self._with(fault, request)

    def _with(self, fault: str, request: httpx.Request) -> httpx.Response:
        hub = self._hub
        if fault == "die":
            raise SimCrash
        if fault == "late":
            request.read()
            hub.late.append((hub.now + timedelta(seconds=self._dice.choice([1, 40, 3600])), request))
            fault = "drop"
        if fault == "twice":
            request.read()
            hub._answered(request)
        if fault == "stale":
            return self._old(request)
        if fault in {"offline", "drop", "500", "503", "cut", "lose", "500-done"}:
            hub.faults.append(fault)
        try:
            answer = hub.handle_request(request)
        except httpx.ReadTimeout:
            self._wait(30)
            raise
        finally:
            hub.faults.clear()
        if fault == "die-done":
            raise SimCrash
        return answer

    def _old(self, request: httpx.Request) -> httpx.Response:
        hub = self._hub
        hub.blind = True
        real = hub.store
        hub.store = self._dice.choice(hub.copies)
        try:
            return hub._answered(request)
        finally:
            hub.store = real
