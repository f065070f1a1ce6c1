"""Bring a study whole: ask what there is, bring what is missing, try again, fall back, say what stays away.

Whatever ended is kept, whatever happens next: a fetch that was killed, cut or stopped goes on where it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from teleread.host.clock import Clock, SystemClock
from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError
from teleread.model.study import InstanceInfo, SeriesInfo, StudyInfo, StudyKey
from teleread.model.text import EMPTY, SafeText, clean
from teleread.vault.objects import Objects
from teleread.vault.studies import Studies
from teleread.wire.dicom_evidence import KEY_OBJECTS
from teleread.wire.dicom_tags import is_uid

from .expected import claimed_by_manifests, part_of, what_changed, with_claimed
from .outcomes import FetchLimits, FetchOutcome
from .port import Archive, Eager, Manifest, SeriesManifest
from .sink import SinkLimits, VaultSink

__all__ = ["FetchLimits", "FetchOutcome", "Progress", "Shelves", "fetch"]

_PARTS: Final = {
    "documents": "Only its reports were asked for so far.",
    "first": "Only its first pictures were asked for so far.",
}

Progress = Callable[[int, int, int], None]
"""Called with (instances held, instances expected, bytes brought); may raise to stop the fetch."""


class Shelves(Protocol):
    """The parts of the vault a fetch needs."""

    @property
    def objects(self) -> Objects:
        """The object store."""
        ...

    @property
    def studies(self) -> Studies:
        """The index."""
        ...


def fetch(
    vault: Shelves,
    archives: Sequence[Archive],
    key: StudyKey,
    *,
    why: str = "fetch",
    progress: Progress | None = None,
    clock: Clock | None = None,
    limits: FetchLimits | None = None,
    sink_limits: SinkLimits | None = None,
    part: str = "all",
) -> FetchOutcome:
    """Bring a study, or what is missing of it.

    Args:
        vault: Where it goes.
        archives: Where it may come from, best first.
        key: The study.
        why: For the copy ledger: ``fetch``, ``prefetch``, ``prior``.
        progress: See `Progress`.
        clock: Where time comes from.
        limits: How long to keep trying.
        sink_limits: What a stream may cost.
        part: ``all``; ``documents``: reports and PDF alone; ``first``: the middle picture of each series.

    Raises:
        OfflineError: No archive answered, and the study is not held whole.
        AttentionError: No archive has the study, or all refuse.
        NotSignedInError: The archive does not accept the sign-in.
        TelereadError: The vault can take no more (``disk-full``).
    """
    run = _Fetch(vault, key, why, progress, clock or SystemClock(), limits or FetchLimits(), sink_limits)
    return run.through(archives, part)


class _Fetch:
    def __init__(
        self,
        vault: Shelves,
        key: StudyKey,
        why: str,
        progress: Progress | None,
        clock: Clock,
        limits: FetchLimits,
        sink_limits: SinkLimits | None,
    ) -> None:
        self._vault = vault
        self._key = key
        self._progress = progress
        self._clock = clock
        self._limits = limits
        self._start = clock.monotonic()
        self._expected: set[str] = set()
        self._counted = 0
        self._target: set[str] = set()
        self._claimed: dict[str, dict[str, str]] = {}
        self._part = "all"
        self._answered = False
        self._manifests_listed = False
        self._series: dict[str, SeriesInfo] = {}
        self._via = ""
        self._fallbacks: list[tuple[str, SafeText]] = []
        self._problems: dict[SafeText, None] = {}
        self._errors: list[TelereadError] = []
        self._before = vault.studies.get(key.hub_id, key.study_uid)
        self._held = vault.studies.held(key.hub_id, key.study_uid)
        self._had = frozenset(self._held)
        self._listed: set[str] = set()
        self._sink = VaultSink(
            lambda study_uid: vault.objects.open_segment(key.hub_id, study_uid, why=why),
            key.study_uid,
            held=self._held,
            limits=sink_limits,
        )

    # ------------------------------------------------------------------ the way through

    def through(self, archives: Sequence[Archive], part: str) -> FetchOutcome:
        self._part = part
        self._claim()
        for archive in archives:
            manifest = self._ask(archive)
            if manifest is None:
                continue
            try:
                left = self._bring(archive, manifest)
                if part == "all" and self._claim() and self._left():
                    left = self._bring(archive, with_claimed(manifest, self._claimed, set(self._held)))
            finally:
                self._record()
            if not self._left():
                break
            self._fallbacks.append((archive.capabilities.via, left))
        if not self._via:
            return self._without_answer()
        return self._outcome()

    def _claim(self) -> bool:
        """Take what the site's own manifests say into what is expected; whether that is more than before."""
        if self._answered and not self._manifests_listed:
            return False
        self._claimed = claimed_by_manifests(self._vault, self._key)
        claimed = {uid for series in self._claimed.values() for uid in series}
        more = claimed - self._expected
        self._expected |= claimed
        if self._answered:
            self._target |= claimed
        return bool(more)

    def _ask(self, archive: Archive) -> Manifest | None:
        """What an archive says it has; None where it is of no use, and why is noted."""
        via = self._sink.via = archive.capabilities.via
        try:
            manifest = self._manifest(archive)
        except (OfflineError, AttentionError, NotSignedInError) as error:
            self._errors.append(error)
            self._fallbacks.append((via, clean(error.title)))
            return None
        if not manifest.series:
            self._fallbacks.append((via, clean("It does not have the study.")))
            return None
        self._via = self._via or via
        self._answered = True
        self._listed |= manifest.sop_uids
        self._manifests_listed |= not manifest.sop_classes or KEY_OBJECTS in manifest.sop_classes
        self._expected |= manifest.sop_uids
        self._target |= part_of(manifest, self._part)
        if self._part == "all":
            self._target |= self._expected
        for one in manifest.series:
            self._series[one.series_uid] = SeriesInfo(
                one.series_uid, one.modality, EMPTY, None, 0, len(one.instances)
            )
        if self._left():
            self._announce(len(self._expected | set(self._held)))
        return manifest

    def _announce(self, expected: int) -> None:
        """Say how much is to come, so that lists show how far it is, and a killed fetch is known as part."""
        known = self._vault.studies.get(self._key.hub_id, self._key.study_uid) or StudyInfo(self._key)
        # No count: after a kill these words stay, while instances that ended before it are held.
        words = clean("A fetch of it is under way, or was cut short.")
        self._vault.studies.put_study(replace(known, expected=expected, verified_at="", missing_why=words))

    def _manifest(self, archive: Archive) -> Manifest:
        if self._part == "all" and not self._held and isinstance(archive, Eager):
            return self._ahead(archive) or archive.manifest_meanwhile(self._key.study_uid)
        return archive.manifest(self._key.study_uid)

    def _ahead(self, archive: Eager) -> Manifest | None:
        """Bytes before the listing; a manifest, where counts tell that it is whole."""
        overview = archive.overview(self._key.study_uid)
        if overview is None:
            return None
        self._counted = sum(one.count or 0 for one in overview.series)
        self._announce(self._counted)
        try:
            result = archive.retrieve_ahead(overview, self._sink, self._tell)
            self._problems.update(dict.fromkeys(result.problems))
        except (OfflineError, AttentionError, NotSignedInError):
            pass  # the listing tells what is missing, and whoever asks for that tells why it does not come
        finally:
            self._keep()
        came = self._sink.series
        if {one.series_uid: one.count for one in overview.series} != {uid: len(came[uid]) for uid in came}:
            return None
        self._via = self._sink.via
        return Manifest(
            overview.study_uid,
            tuple(
                SeriesManifest(one.series_uid, one.modality, came[one.series_uid]) for one in overview.series
            ),
        )

    def _bring(self, archive: Archive, manifest: Manifest) -> SafeText:
        """Bring what is missing and this archive has; why it was left, where something stays missing."""
        fruitless = 0
        words = clean("It did not send everything it lists.")
        for _ in range(self._limits.rounds):
            wanted = {one for one in manifest.sop_uids if is_uid(one)} & self._left()
            if not wanted:
                break
            error = self._once(archive, manifest, wanted)
            came = len(wanted - self._left())
            if came:
                self._via = archive.capabilities.via
            fruitless = 0 if came else fruitless + 1
            if error is not None:
                words = clean(error.title)
                if not error.retryable or fruitless >= self._limits.tries:
                    self._errors.append(error)
                    break
                self._wait(fruitless, error.retry_after)
            elif fruitless:
                break  # it answered, and what is missing was asked for by itself: it will not come
        return words

    def _once(self, archive: Archive, manifest: Manifest, wanted: set[str]) -> TelereadError | None:
        self._sink.via = archive.capabilities.via
        try:
            result = archive.retrieve(manifest, frozenset(wanted), self._sink, self._tell)
        except (OfflineError, AttentionError, NotSignedInError) as error:
            return error
        finally:
            self._keep()
        self._problems.update(dict.fromkeys(result.problems))
        return None

    def _keep(self) -> None:
        """Close the segments, so that what ended is safe before anything else is tried."""
        self._sink.close()
        self._held = self._vault.studies.held(self._key.hub_id, self._key.study_uid)

    def _wait(self, fruitless: int, retry_after: float | None) -> None:
        longest = min(self._limits.longest_wait, self._limits.first_wait * 2 ** max(0, fruitless - 1))
        # Jitter only spreads load; nothing secret or reproducible hangs on it.
        self._clock.sleep(retry_after if retry_after is not None else random.uniform(0, longest))

    def _tell(self, instances: int, size: int) -> None:
        if self._progress is not None:
            expected = len(self._expected) or self._counted
            self._progress(len(self._held) + instances, expected, self._sink.bytes)

    def _missing(self) -> set[str]:
        return self._expected - set(self._held)

    def _left(self) -> set[str]:
        """What was asked for and is not here."""
        return self._target - set(self._held)

    # ------------------------------------------------------------------ what is told

    def _record(self) -> None:
        """Write down what the archive says and what is missing: also when the fetch is stopped."""
        missing = self._missing()
        known = self._vault.studies.get(self._key.hub_id, self._key.study_uid)
        now = self._clock.now().isoformat(timespec="seconds")
        if not self._held and known is None:
            return
        first = self._first()
        self._vault.studies.put_study(
            StudyInfo(
                key=self._key,
                # Counted over both, so that an instance the archive dropped can't stand in for a missing one.
                expected=len(self._expected | set(self._held)),
                verified_at="" if missing else now,
                missing_why=self._missing_why(),
                date=first.study_date if first else (known.date if known else EMPTY),
                description=first.study_description if first else (known.description if known else EMPTY),
                modality=first.modality if first else (known.modality if known else EMPTY),
                asked_at=now,
                changed=self._changed(now) or (known.changed if known else EMPTY),
            )
        )
        for series in self._series.values():
            self._vault.studies.put_series(self._key.hub_id, self._key.study_uid, series)

    def _first(self) -> InstanceInfo | None:
        return self._sink.first.get(self._key.study_uid)

    def _changed(self, now: str) -> SafeText:
        """What the archive changed since the study was whole here; empty where it did not, or never was."""
        before = self._before
        if before is None or before.state != "all" or not before.asked_at:
            return EMPTY
        return what_changed(self._had, self._listed, now[:10])

    def _missing_why(self) -> SafeText:
        missing = self._missing()
        if not missing:
            return EMPTY
        total = len(self._expected)
        words = [f"{len(missing)} of {total} instances are missing."]
        if self._part in _PARTS and not self._left():
            words.append(_PARTS[self._part])
        unlisted = len(missing - self._listed)
        if unlisted and self._answered:
            words.append(f"The site's manifest names {unlisted} that the archive does not list.")
        nameless = sum(1 for one in missing if not is_uid(one))
        if nameless:
            words.append(f"{nameless} of them have no usable identifier and can't be asked for.")
        words += list(self._problems)[:3]
        if self._errors:
            words.append(self._errors[-1].title)
        return clean(" ".join(words), limit=600)

    def _outcome(self) -> FetchOutcome:
        missing = self._missing()
        return FetchOutcome(
            key=self._key,
            via=self._via,
            instances_expected=len(self._expected),
            instances_held=len(self._expected) - len(missing),
            bytes=self._sink.bytes,
            seconds=round(self._clock.monotonic() - self._start, 3),
            complete=not missing,
            fallbacks=tuple(self._fallbacks),
            problems=(*self._problems, *self._sink.notes),
            offline=bool(missing) and any(isinstance(one, OfflineError) for one in self._errors),
            missing_why=self._missing_why(),
            satisfied=not self._left(),
            changed=self._changed(self._clock.now().isoformat()),
        )

    def _without_answer(self) -> FetchOutcome:
        """No archive told what there is: what is held whole stays whole, else the reason is raised."""
        known = self._vault.studies.get(self._key.hub_id, self._key.study_uid)
        if known is not None and known.state == "all" and self._errors:
            note = clean("The study is held whole; the archive could not be asked whether it has more now.")
            return FetchOutcome(
                key=self._key,
                via="",
                instances_expected=known.expected or known.held,
                instances_held=known.held,
                bytes=0,
                seconds=round(self._clock.monotonic() - self._start, 3),
                complete=True,
                fallbacks=tuple(self._fallbacks),
                problems=(note,),
            )
        if self._errors:
            raise next((one for one in self._errors if isinstance(one, OfflineError)), self._errors[0])
        raise AttentionError(
            "The archive does not have this study.",
            "It may not have arrived there yet, or was removed.",
            "Try again later; ask the site if it stays so.",
            code="no-study",
            retryable=True,
        )
