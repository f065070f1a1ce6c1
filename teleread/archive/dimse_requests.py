"""How a study is asked for by C-GET or C-MOVE: whole, in lists, one by one; on one association or on several.

One object the archive can't send may fail its whole request with nothing sent at all (PS3.4 C.4.3 leaves it
open), so what failed in company is asked for alone. One that breaks the line is a suspect: it is asked for
last, so that it costs nothing but itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from teleread.model.errors import AttentionError, OfflineError
from teleread.wire import pdu
from teleread.wire.dicom_tags import is_uid
from teleread.wire.dimse import Outcome, status_words

from .intake import Intake
from .port import Manifest, SeriesManifest

__all__ = [
    "BATCH",
    "MAX_FAILURES",
    "Ask",
    "Batches",
    "Requests",
    "Shortfall",
    "askable",
    "associations",
    "identifier",
    "is_short",
    "study",
    "work",
]

Ask = Callable[[bytes], Outcome]
"""Sends one C-GET or C-MOVE identifier and returns its final response."""
BATCH: Final = 64
"""Most SOP Instance UIDs in one request: longer lists are refused by some archives."""
MAX_FAILURES: Final = 10
"""Single requests that may fail in a row before the archive is left alone."""
_SHORT_LINE: Final = 0.004
"""Seconds of a round trip below which one association fills the line (a LAN)."""
_WORTH: Final = 4
"""Instances for which a further association is worth its own round trips."""


def is_short(round_trip: float) -> bool:
    """Whether a line is so short that waiting for answers costs next to nothing."""
    return round_trip < _SHORT_LINE


def associations(round_trip: float, instances: int, most: int) -> int:
    """How many associations to fetch with.

    C-STORE waits for its answer, so each instance costs a round trip in which its association is idle; on a
    short line that is nothing, and a second association only costs the archive's processor.

    Args:
        round_trip: Seconds.
        instances: How many are wanted.
        most: What the hub file allows.
    """
    if is_short(round_trip):
        return 1
    return max(1, min(most, instances // _WORTH))


def identifier(*elements: tuple[int, int, str]) -> bytes:
    """A query or retrieve identifier in implicit VR little endian."""
    return b"".join(pdu.element(group, number, value) for group, number, value in elements)


class Shortfall:
    """Why each instance did not come, as last told; what comes by another way after all is forgotten.

    Args:
        manifest: What the archive says there is.
        intake: What arrived.
    """

    def __init__(self, manifest: Manifest, intake: Intake) -> None:
        self._classes = {uid: cls for one in manifest.series for uid, cls in one.instances.items()}
        self._intake = intake
        self._why: dict[str, str] = {}
        self.outcome: Outcome | None = None
        """The last request that failed."""

    def note(self, sop_uids: Iterable[str], outcome: Outcome) -> None:
        """These did not come with that request."""
        if outcome.status:
            self.outcome = outcome
        words = status_words(outcome.status, outcome.comment) if outcome.status else "it sent nothing"
        self._why.update(dict.fromkeys(sop_uids, words))

    def tell(self, missing: frozenset[str]) -> None:
        """Put into words what stays away, by kind.

        Raises:
            AttentionError: Nothing of the study came at all, and the archive refused.
        """
        kinds: dict[tuple[str, str], int] = {}
        for uid in sorted(missing):
            kind = (self._classes.get(uid, ""), self._why.get(uid, "it was not sent"))
            kinds[kind] = kinds.get(kind, 0) + 1
        for (sop_class, why), count in kinds.items():
            what = "One instance" if count == 1 else f"{count} instances"
            of = f" of SOP class {sop_class}" if sop_class else ""
            self._intake.problem(f"{what}{of} did not come: {why}.")
        if missing and len(missing) == len(self._classes) and self.outcome is not None:
            why = status_words(self.outcome.status, self.outcome.comment)
            raise AttentionError(
                # The title alone is kept of a way that was left: it has to say why by itself.
                f"The archive did not send the study: {why}.",
                "",
                "Ask the site whether it may be fetched by our AE title.",
                code="refused",
            )


class Requests:
    """Asks on one association: for the study, then for what is missing in lists, then one by one.

    Args:
        ask: Sends one request.
        intake: What arrived.
        shortfall: Takes why something did not.
        suspects: SOP Instance UIDs that may have broken a line; more are added.
    """

    def __init__(self, ask: Ask, intake: Intake, shortfall: Shortfall, suspects: set[str]) -> None:
        self._ask = ask
        self._intake = intake
        self._shortfall = shortfall
        self._suspects = suspects
        self._failures = 0

    def run(self, manifest: Manifest, wanted: frozenset[str], *, whole: bool = True) -> None:
        """Ask until everything came, was refused by itself, or too much was refused in a row.

        Args:
            manifest: What the archive says there is.
            wanted: What to ask for.
            whole: Begin with the study in one request, where all of it is wanted.

        Raises:
            OfflineError: The line broke.
        """
        if whole and wanted >= manifest.sop_uids and not self._suspects:
            outcome = self._ask(study(manifest.study_uid))
            if not self._left(wanted):
                return
            self._shortfall.note(self._left(wanted), outcome)
        left = self._left(wanted)
        first, late = left & frozenset(manifest.first), left & self._suspects
        lists = _lists(manifest, first - late, 1)
        lists += _lists(manifest, left - first - late, BATCH) + _lists(manifest, late, 1)
        for series_uid, listed in lists:
            left = self._left(frozenset(listed))  # an archive may send more than the list it got
            batch = [uid for uid in listed if uid in left]
            if batch:
                self._list(manifest.study_uid, series_uid, batch)
            if self._failures >= MAX_FAILURES:
                return

    def _list(self, study_uid: str, series_uid: str, batch: Sequence[str]) -> None:
        outcome = self._send(study_uid, series_uid, batch)
        left = sorted(self._left(frozenset(batch)))
        self._shortfall.note(left, outcome)
        if len(batch) == 1:
            self._failures = self._failures + 1 if left else 0
            return
        for sop_uid in left:
            alone = self._send(study_uid, series_uid, [sop_uid])
            if sop_uid in self._intake.arrived:
                self._failures = 0
                continue
            self._shortfall.note([sop_uid], alone)
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                return

    def _send(self, study_uid: str, series_uid: str, batch: Sequence[str]) -> Outcome:
        known = len(self._suspects)
        try:
            return self._ask(image(study_uid, series_uid, batch))
        except OfflineError:
            if len(self._suspects) == known:  # it broke between two objects: most archives keep to the order
                due = (one for one in batch if one not in self._intake.arrived | self._suspects)
                self._suspects.update(next(([one] for one in due), []))
            raise

    def _left(self, wanted: frozenset[str]) -> frozenset[str]:
        return askable(wanted - self._intake.arrived)


class Batches:
    """Work for several associations: lists that grow shorter towards the end, so that all end together.

    Args:
        manifest: What the archive says there is.
        wanted: What to ask for.
        workers: How many associations share the work.
    """

    def __init__(self, manifest: Manifest, wanted: frozenset[str], workers: int) -> None:
        wanted = askable(wanted)
        first = set(manifest.first) or {_middle(one, wanted) for one in manifest.series}
        self._series = _lists(manifest, wanted, 1, first)
        self._series += _lists(manifest, wanted - first, len(wanted) or 1)
        self._workers = workers
        self._left = sum(len(uids) for _, uids in self._series)
        self._longest = BATCH
        self._guard = threading.Lock()

    def take(self) -> tuple[str, list[str]] | None:
        """The next list: Series Instance UID and SOP Instance UIDs; None where all are taken."""
        with self._guard:
            if not self._series:
                return None
            series_uid, uids = self._series[0]
            size = min(self._longest, max(2, self._left // (2 * self._workers)), len(uids))
            batch, rest = uids[:size], uids[size:]
            self._series[0] = (series_uid, rest)
            if not rest:
                del self._series[0]
            self._left -= size
            return series_uid, batch

    def give_back(self, series_uid: str, batch: list[str]) -> None:
        """A list brought nothing: ask for each alone from here on."""
        with self._guard:
            self._longest = 1
            self._series.append((series_uid, batch))
            self._left += len(batch)


def work(
    study_uid: str,
    batches: Batches,
    ask: Ask,
    ended: Callable[[], int],
    most_failures: int = 3,
) -> None:
    """What one of several associations does: lists until there are no more, or too many bring nothing.

    Args:
        study_uid: The study.
        batches: Shared with the others.
        ask: Sends one request on this association.
        ended: Instances that came whole so far, on this one.
        most_failures: Fruitless requests in a row before this association stops.

    Raises:
        OfflineError: The line broke.
    """
    failures = 0
    while failures < most_failures and (taken := batches.take()) is not None:
        series_uid, batch = taken
        before = ended()
        ask(image(study_uid, series_uid, batch))
        if ended() > before:
            failures = 0
            continue
        failures += 1
        if len(batch) > 1:
            batches.give_back(series_uid, batch)


def study(study_uid: str) -> bytes:
    """An identifier for a whole study."""
    return identifier((8, 0x52, "STUDY"), (0x20, 0xD, study_uid))


def image(study_uid: str, series_uid: str, sop_uids: Sequence[str]) -> bytes:
    """An identifier for some instances of one series."""
    return identifier(
        (8, 0x18, "\\".join(sop_uids)), (8, 0x52, "IMAGE"), (0x20, 0xD, study_uid), (0x20, 0xE, series_uid)
    )


def askable(sop_uids: frozenset[str]) -> frozenset[str]:
    """Those that are UIDs: anything else in an identifier could ask for more than is meant."""
    return frozenset(one for one in sop_uids if is_uid(one))


def _lists(
    manifest: Manifest, wanted: frozenset[str], longest: int, among: Collection[str] | None = None
) -> list[tuple[str, list[str]]]:
    """Lists of what is wanted, each of one series, in the manifest's order; what it wants first, first."""
    out: list[tuple[str, list[str]]] = []
    for one in manifest.series:
        uids = [uid for uid in one.instances if uid in wanted and (among is None or uid in among)]
        out += [(one.series_uid, uids[at : at + longest]) for at in range(0, len(uids), longest)]
    place = {uid: at for at, uid in enumerate(manifest.first)}
    return sorted(out, key=lambda pair: min(place.get(uid, len(place)) for uid in pair[1])) if place else out


def _middle(series: SeriesManifest, wanted: frozenset[str]) -> str:
    """The picture that shows best what a series is of: it is brought before the others."""
    uids = [uid for uid in series.instances if uid in wanted]
    return uids[len(uids) // 2] if uids else ""
