"""Laying the cases down in the hub, once, and keeping a demo that nobody touched fresh."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from teleread.demo.cases.nouns import Case, Seed
from teleread.demo.cases.resources import case_resources, due_period, house_resources, instant
from teleread.demo.fhir.store import Store
from teleread.model.errors import UsageError

__all__ = ["COLD_AFTER", "began_at", "lay_down"]

COLD_AFTER = timedelta(hours=1)
"""A demo that stood still this long gets new due times on what nobody claimed."""


def began_at(store: Store) -> datetime:
    """When the demo's folder was first filled; study dates count from it."""
    noted = store.note("began")
    return datetime.fromisoformat(noted) if noted else datetime.now(UTC).replace(microsecond=0)


def lay_down(store: Store, cases: Iterable[Case], seed: Seed, dicomweb: str, now: datetime) -> None:
    """Fill the hub with what is not there yet; nothing that is there is overwritten.

    Args:
        store: The hub.
        cases: The cases to have.
        seed: For the ids.
        dicomweb: Address of the archive in this run.
        now: The time.

    Raises:
        UsageError: The folder was filled with another seed.
    """
    noted = store.note("seed")
    if noted is not None and noted != str(seed.value):
        raise UsageError(
            f"This demo folder was made with --seed {noted}.",
            "Nothing was changed.",
            "Use the same seed, another folder, or --reset to start over.",
        )
    began = began_at(store)
    listed = list(cases)
    with store.unit() as unit:
        for kind, ident, body in house_resources(dicomweb):
            held = unit.read(kind, ident)
            if held is None or (kind == "Endpoint" and held.body["address"] != dicomweb):
                unit.put(kind, ident, body)
        for case in listed:
            if store.read("Task", seed.ident("rt", case)) is None:
                for kind, ident, body in case_resources(case, seed, began):
                    if unit.read(kind, ident) is None:
                        unit.put(kind, ident, body)
    if noted is None:
        store.keep("seed", str(seed.value))
        store.keep("began", began.isoformat())
        store.keep("anchor", began.isoformat())
    elif now - datetime.fromisoformat(store.note("anchor") or noted) > COLD_AFTER:
        _freshen(store, listed, seed, now)
        store.keep("anchor", now.isoformat())


def _freshen(store: Store, cases: list[Case], seed: Seed, now: datetime) -> None:
    with store.unit() as unit:
        for case in cases:
            ident = seed.ident("rt", case)
            held = unit.read("Task", ident)
            if held is None or held.body["status"] != "requested" or "owner" in held.body:
                continue
            body = store.edit("Task", ident)
            body["restriction"] = due_period(case, now)
            body["authoredOn"] = instant(now - timedelta(minutes=case.asked))
            body["lastModified"] = instant(now)
            unit.put("Task", ident, body)
