"""Pulling: what changed at one hub goes into the mirror. No answer ever deletes, least of all an empty one.

A changed order or patient does not change its task, so what is in the reader's hands (claimed, drafted, or
waiting in the outbox) is read again itself, resource by resource, on every pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from teleread.host.clock import Clock
from teleread.hub.port import Hub, Leases, PullPage
from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskContext, TaskKey
from teleread.model.text import EMPTY, SafeText, clean
from teleread.sync.digest import Change, away_since, news_of
from teleread.sync.rules import FREE, OVER
from teleread.sync.watch import watch_drafts
from teleread.vault.news import NewsItem

if TYPE_CHECKING:
    from teleread.vault.vault import Vault

__all__ = ["PullOutcome", "Puller", "look_back", "pull"]

ENDED: Final = OVER | {"completed"}
PRIORS_AGE: Final = timedelta(minutes=30)
"""Priors asked for within this are not asked for again."""

Emit = Callable[[str, Mapping[str, Any]], object]


@dataclass(frozen=True, slots=True)
class PullOutcome:
    """What one pass brought."""

    pulled: int = 0
    """Tasks in the pages."""
    read_again: int = 0
    """Tasks in the reader's hands, read again one by one."""
    changed: tuple[TaskKey, ...] = ()
    """Of those, the ones whose versions moved."""
    priors: int = 0
    """Tasks whose earlier studies and reports were asked for."""
    claimed: int = 0
    """Claims noted while off line that went through now."""
    lost: tuple[TaskKey, ...] = ()
    """Claims that turned out to be somebody else's."""
    skipped: tuple[SafeText, ...] = ()
    """Words on what could not be read."""
    backwards: bool = False
    """A task is older than it was here already: the hub came back from a backup, or answers from a copy."""


def pull(
    vault: Vault,
    hub: Hub,
    hub_file: HubFile,
    clock: Clock,
    *,
    emit: Emit | None = None,
    ahead: int = 5,
    asked: MutableMapping[TaskKey, float] | None = None,
) -> PullOutcome:
    """One pass over a hub.

    Args:
        vault: The open vault.
        hub: The hub.
        hub_file: Its file: the reader's reference.
        clock: Local clock.
        emit: Takes events; the vault's table by default.
        ahead: How many open tasks nobody holds get their priors looked up too.
        asked: When priors were last asked for, by the clock's `monotonic`; an engine keeps one.

    Raises:
        OfflineError: The hub did not answer; stored as the hub's state before it is raised.
        NotSignedInError: Likewise.
        AttentionError: The hub refused; likewise.
    """
    return Puller(vault, hub, hub_file, clock, emit=emit, ahead=ahead, asked=asked).run()


def look_back(hub: Hub, context: TaskContext, clock: Clock) -> TaskContext:
    """The task with the patient's earlier studies and reports, asked for now; an empty answer deletes none.

    Raises:
        TelereadError: As `Hub.priors`.
    """
    studies, reports = hub.priors(context)
    return replace(context, priors=studies, prior_reports=reports, priors_at=clock.now()).carrying(context)


class Puller:
    """The same, with its parts; one for one pass."""

    def __init__(
        self,
        vault: Vault,
        hub: Hub,
        hub_file: HubFile,
        clock: Clock,
        *,
        emit: Emit | None = None,
        ahead: int = 5,
        asked: MutableMapping[TaskKey, float] | None = None,
    ) -> None:
        self._vault = vault
        self._hub = hub
        self._file = hub_file
        self._clock = clock
        self._emit = emit or vault.events.emit
        self._ahead = ahead
        self._asked = {} if asked is None else asked
        self._skipped: list[SafeText] = []
        self._lost: list[TaskKey] = []
        self._moved: set[TaskKey] = set()
        self._backwards = False
        self._away: datetime | None = None
        """Since when the hub was not asked, where that was an absence."""
        self._before: set[TaskKey] = set()
        """What was in the reader's hands when it ended."""

    def run(self) -> PullOutcome:
        """Pages, then the reader's own, then noted claims, then priors."""
        state = self._vault.worklist.hub_state(self._hub.hub_id)
        self._away = away_since(self._clock.now(), state.last_pull_at, state.offline_since)
        self._before = self._in_hand() if self._away is not None else set()
        try:
            fresh = self._pages()
            claimed = self._wanted()
            changed, read = self._own(fresh)
            claimed += self._wanted()
            watch_drafts(self._vault, self._file, self._emit)
            priors = self._priors()
        except (OfflineError, NotSignedInError, AttentionError) as error:
            self._down(error)
            raise
        if self._backwards:
            # What changed at the hub before it fell back lies before the cursor: everything open next time.
            self._mark("", None)
        self._up(len(fresh))
        return PullOutcome(
            len(fresh),
            read,
            tuple(changed),
            priors,
            claimed,
            tuple(self._lost),
            tuple(self._skipped),
            self._backwards,
        )

    # -- the pages --------------------------------------------------------------------------------------

    def _pages(self) -> set[TaskKey]:
        state = self._vault.worklist.hub_state(self._hub.hub_id)
        seen: set[TaskKey] = set()
        last: PullPage | None = None
        for page in self._hub.pull(state.cursor):
            self._store(page.contexts)
            seen.update(one.key for one in page.contexts)
            self._skipped += [clean(words) for words in page.skipped]
            last = page
        if last is not None:
            # Only now: a pull that broke off begins again where it began.
            self._mark(last.cursor, last.offset_seconds)
        return seen

    def _mark(self, cursor: str, offset: float | None) -> None:
        state = self._vault.worklist.hub_state(self._hub.hub_id)
        offset = state.offset_seconds if offset is None else offset
        self._vault.worklist.put_hub_state(replace(state, cursor=cursor, offset_seconds=offset))

    def _store(self, contexts: Iterable[TaskContext]) -> None:
        """What is new into the mirror, keeping the priors that a page does not carry."""
        kept: list[TaskContext] = []
        news: list[NewsItem] = []
        for context in contexts:
            before = self._vault.worklist.get(context.key)
            if before is not None and before.raw == context.raw:
                continue  # windows overlap: most of a quiet hub's page is here already
            if before is not None and before.versions != context.versions:
                self._moved.add(context.key)
                self._backwards |= _older(context, before)
            kept.append(context.carrying(before))
            news += self._news(before, context)
        if not news:
            self._vault.worklist.put_page(self._hub.hub_id, kept, self._clock.now())
            return
        with self._vault.cache_transaction():  # told with the change, or not at all
            self._vault.worklist.put_page(self._hub.hub_id, kept, self._clock.now())
            self._vault.news.put(news)

    def _news(self, before: TaskContext | None, now: TaskContext) -> list[NewsItem]:
        """What the reader is told of a task when an absence is over."""
        if self._away is None:
            return []
        in_hand = now.key in self._before
        sent = in_hand and any(
            one.kind == "report" and one.state in {"sending", "delivered"}
            for one in self._vault.outbox.of_task(now.key)
        )
        found = news_of(Change(before, now, self._file.reader_reference, in_hand, sent))
        return [NewsItem(now.key, what, self._away, self._clock.now()) for what in found]

    # -- what is in the reader's hands ------------------------------------------------------------------

    def _own(self, fresh: set[TaskKey]) -> tuple[list[TaskKey], int]:
        changed: list[TaskKey] = []
        read = 0
        keys = sorted(key for key in self._in_hand() if key in fresh or not self._ended(key))
        seen = self._hub.look(keys) if keys else {}
        for key in keys:
            try:
                now = seen.get(key) or self._hub.read(key)
            except AttentionError as refusal:
                # One task the hub no longer shows is no reason to lose the pass; what is here stays.
                self._skipped.append(clean(f"Task/{key.task_id}: {refusal.title}"))
                continue
            read += 1
            self._store([now])
            self._reconcile(now)
            if key in self._moved:
                changed.append(key)
            self._renew(now)
        return changed, read

    def _ended(self, key: TaskKey) -> bool:
        before = self._vault.worklist.get(key)
        return before is not None and before.task.status in ENDED

    def _in_hand(self) -> set[TaskKey]:
        hub_id = self._hub.hub_id
        keys = {one for one in self._vault.claims.held() if one.hub_id == hub_id}
        keys |= {one for one in self._vault.drafts.open_ids() if one.hub_id == hub_id}
        keys |= {one.key for one in self._vault.outbox.open() if one.key.hub_id == hub_id}
        return keys | {key for key, status in self._owned() if status not in ENDED}

    def _owned(self) -> tuple[tuple[TaskKey, str], ...]:
        reader = self._file.reader_reference
        return self._vault.worklist.owned(self._hub.hub_id, reader) if reader else ()

    def _reconcile(self, now: TaskContext) -> None:
        """The claims table follows what the hub says of the owner."""
        claim = self._vault.claims.get(now.key)
        mine = bool(now.task.owner) and now.task.owner == self._file.reader_reference
        if mine:
            if claim is None or claim.state != "held":
                self._vault.claims.put(now.key, "held", version=now.task.version)
        elif claim is not None and claim.state == "held" and self._lapsed(now):
            # Noted, and asked for in this pass: what is written here is not to be read by another.
            self._vault.claims.put(now.key, "wanted", why="the claim had lapsed")
        elif claim is not None and claim.state == "held":
            who = now.task.owner_name or ("somebody else" if now.task.owner else "nobody")
            self._vault.claims.put(now.key, "lost", why=f"{who} has it now")
            self._lost.append(now.key)
            self._emit("claim-lost", {"hub": now.key.hub_id, "task": now.key.task_id})

    def _lapsed(self, now: TaskContext) -> bool:
        """Free again by itself; a case that was given back says why it was.

        Where the hub file knows no lease it may have been taken away: then it is left unless a draft is open.
        """
        task = now.task
        free = not task.owner and task.status in FREE and not now.raw.get("task", {}).get("statusReason")
        return free and (self._file.lease_minutes > 0 or bool(self._vault.drafts.open_for(now.key)))

    def _renew(self, now: TaskContext) -> None:
        """Renew a claim that the hub would let go of; who has it else is told by the next look."""
        claim = self._vault.claims.get(now.key)
        held = claim is not None and claim.state == "held" and now.task.status not in ENDED
        if not held or not isinstance(self._hub, Leases):
            return
        offset = self._vault.worklist.hub_state(self._hub.hub_id).offset_seconds or 0.0
        try:
            renewed = self._hub.renew(now, self._clock.now() + timedelta(seconds=offset))
        except AttentionError as refusal:
            self._skipped.append(clean(f"Task/{now.key.task_id}: {refusal.title}"))
            return
        if renewed is not None:
            self._store([renewed.carrying(now)])
            self._vault.claims.put(now.key, "held", version=renewed.task.version)

    def _wanted(self) -> int:
        """Claims noted while off line."""
        done = 0
        for claim in self._vault.claims.list("wanted"):
            context = self._vault.worklist.get(claim.key)
            if claim.key.hub_id != self._hub.hub_id or context is None:
                continue
            try:
                held = self._hub.claim(context)
            except AttentionError as refusal:
                self._vault.claims.put(claim.key, "lost", why=refusal.title)
                self._lost.append(claim.key)
                self._emit("claim-lost", {"hub": claim.key.hub_id, "task": claim.key.task_id})
                continue
            self._store([held])
            self._vault.claims.put(claim.key, "held", version=held.task.version)
            self._emit("claimed", {"hub": claim.key.hub_id, "task": claim.key.task_id})
            done += 1
        return done

    # -- priors -----------------------------------------------------------------------------------------

    def _priors(self) -> int:
        done = 0
        for key in self._next_keys():
            context = self._vault.worklist.get(key)
            if context is None or not context.patient.id or not self._due(key):
                continue
            try:
                found = look_back(self._hub, context, self._clock)
            except AttentionError as refusal:
                self._skipped.append(clean(f"Priors of Task/{key.task_id}: {refusal.title}"))
                self._asked[key] = self._clock.monotonic()
                continue
            self._asked[key] = self._clock.monotonic()
            self._vault.worklist.put_page(self._hub.hub_id, [found], self._clock.now())
            done += 1
        return done

    def _due(self, key: TaskKey) -> bool:
        at = self._asked.get(key)
        return at is None or self._clock.monotonic() - at > PRIORS_AGE.total_seconds()

    def _next_keys(self) -> list[TaskKey]:
        """The reader's own first, then the next ones nobody holds."""
        own = [key for key, status in self._owned() if status not in ENDED]
        return [*own, *self._vault.worklist.free(self._hub.hub_id, self._ahead)]

    # -- the line ---------------------------------------------------------------------------------------

    def _down(self, error: TelereadError) -> None:
        state = self._vault.worklist.hub_state(self._hub.hub_id)
        was_up = state.offline_since is None
        off = isinstance(error, OfflineError)
        since = (state.offline_since or self._clock.now()) if off else state.offline_since
        self._vault.worklist.put_hub_state(replace(state, last_error=clean(error.title), offline_since=since))
        if off and was_up:
            self._emit("hub-offline", {"hub": self._hub.hub_id, "code": error.code})

    def _up(self, count: int) -> None:
        state = self._vault.worklist.hub_state(self._hub.hub_id)
        self._vault.worklist.put_hub_state(
            replace(state, last_pull_at=self._clock.now(), last_error=EMPTY, offline_since=None)
        )
        if state.offline_since is not None:
            self._emit("hub-online", {"hub": self._hub.hub_id})
        self._emit("pulled", {"hub": self._hub.hub_id, "tasks": count})


def _older(now: TaskContext, before: TaskContext) -> bool:
    then, told = before.task.last_updated, now.task.last_updated
    return then is not None and told is not None and told < then
