"""Which studies go when room is needed, and which may never: pure, and quick over ten thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from .plans import Decision, Lane, Plan, size_words

__all__ = ["Budget", "Eviction", "HeldStudy", "Name", "choose", "expired", "fit", "spared"]

Name = tuple[str, str]
"""(hub id, Study Instance UID): a plain tuple, since ten thousand are looked up for one choice."""

_RANKS: Final = ("its report is signed and delivered", "nothing needs it any more", "unused for longest")


class HeldStudy(NamedTuple):
    """A study that is here."""

    hub_id: str
    study_uid: str
    bytes: int
    used_at: str
    """ISO 8601 UTC of the last time it was opened, else of its arrival; text order is time order."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be held."""

    quota: int | None
    """Most bytes of images; None for no limit but the disk's."""
    keep_free: int
    """Bytes of the disk that are left alone."""

    def room(self, held: int, free: int) -> int:
        """Bytes that may still be taken; negative where there are too many already."""
        by_disk = free - self.keep_free
        return by_disk if self.quota is None else min(by_disk, self.quota - held)


@dataclass(frozen=True, slots=True)
class Eviction:
    """One study that goes."""

    hub_id: str
    study_uid: str
    bytes: int
    why: str
    """Words for the ledger and the audit trail."""


def choose(
    held: Iterable[HeldStudy],
    need: int,
    *,
    keep: Mapping[Name, str],
    delivered: Collection[Name] = (),
    over: Collection[Name] = (),
) -> tuple[Eviction, ...]:
    """The studies to purge for so many bytes, in order; fewer bytes where no more may go.

    Signed and delivered ones first, then those nothing needs (their task is over), then the one unused for
    longest.

    Args:
        held: What is here.
        need: Bytes to gain.
        keep: What may not go (claimed, drafted, undelivered, under legal hold, planned), with the reason.
        delivered: Studies whose reports have their receipt.
        over: Studies whose tasks are closed.
    """
    if need <= 0:
        return ()
    order = sorted(
        (0 if name in delivered else 1 if name in over else 2, one.used_at, one.study_uid, one)
        for one in held
        if (name := (one.hub_id, one.study_uid)) not in keep
    )
    out: list[Eviction] = []
    gained = 0
    for rank, _, _, one in order:
        if gained >= need:
            break
        gained += one.bytes
        out.append(Eviction(one.hub_id, one.study_uid, one.bytes, f"room was needed; {_RANKS[rank]}"))
    return tuple(out)


def fit(plan: Plan, capacity: int | None, held: Mapping[Name, int], keep: Collection[Name]) -> Plan:
    """The plan with what there is no room for held back, in words.

    Decisions take room in their order: what is here already and what is still to come. So a case that is open
    may push out one that is only next, and never the other way round.

    Args:
        plan: The decisions.
        capacity: Bytes that the plan's studies may take in all; None for no limit.
        held: Bytes here, by study.
        keep: Studies that stay whatever happens; those the plan does not name are no part of the capacity.
    """
    if capacity is None:
        return plan
    left = capacity
    counted: set[Name] = set()
    out: list[Decision] = []
    for one in plan.decisions:
        name = (one.key.hub_id, one.key.study_uid)
        here = held.get(name, 0) if name not in counted else 0
        need = here + (one.bytes if one.fetch else 0)
        if one.fetch and need > left and name not in keep:
            words = f"no room: it needs {size_words(one.bytes)}, {size_words(max(0, left))} may be taken"
            out.append(replace(one, wait=words, eta=None))
            continue
        counted.add(name)
        left -= need
        out.append(one)
    return Plan(tuple(out))


def spared(plan: Plan, before: Decision | None) -> dict[Name, str]:
    """Studies that go for nothing the plan ranks after them: those ahead of a decision, with the reason.

    Args:
        plan: A plan that was fitted.
        before: What room is made for; None spares the whole plan.
    """
    out: dict[Name, str] = {}
    for one in plan.decisions:
        if one is before:
            break
        if one.lane != Lane.THUMBNAIL and (one.fetch or one.state != "none"):
            out[one.key.hub_id, one.key.study_uid] = "the plan wants it more"
    return out


def expired(
    held: Iterable[HeldStudy],
    receipts: Mapping[Name, datetime],
    hours: Mapping[str, float],
    now: datetime,
    *,
    keep: Mapping[Name, str],
) -> tuple[Eviction, ...]:
    """Studies whose time after the receipt is over.

    Args:
        held: What is here.
        receipts: When the last receipt of each study's reports came.
        hours: By hub, how long a study stays after it; a hub that is not named keeps them.
        now: UTC.
        keep: What may not go, with the reason.
    """
    out: list[Eviction] = []
    for one in held:
        name = (one.hub_id, one.study_uid)
        at, stays = receipts.get(name), hours.get(one.hub_id)
        if at is None or stays is None or stays < 0 or name in keep:
            continue
        if now - at >= timedelta(hours=stays):
            out.append(
                Eviction(one.hub_id, one.study_uid, one.bytes, f"{stays:g} h after the receipt are over")
            )
    return tuple(out)
