"""What the local gateway shows: one study and the earlier ones chosen with it, as DICOM JSON."""

from __future__ import annotations

import fnmatch
import hmac
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import TelereadError

from .gateway_frames import HeldInstance
from .gateway_json import bulk_value, data_set, vr_of

if TYPE_CHECKING:
    from teleread.model.study import InstanceInfo
    from teleread.vault.vault import Vault

__all__ = ["Shared", "Shown", "matches", "new_alias"]

STUDY: Final = "0020000D"
SERIES: Final = "0020000E"
INSTANCE: Final = "00080018"
_KEPT: Final = 4000
"""Headers kept as JSON, at most."""

_STUDY_KEYS: Final = (
    *("00080020", "00080030", "00080050", "00080090", "00081030", "00100010", "00100020", "00100021"),
    *("00100030", "00100040", STUDY, "00200010"),
)
_SERIES_KEYS: Final = (
    *("00080060", "0008103E", "00080021", "00080031", "00180015", "00200060", STUDY, SERIES, "00200011"),
)
_INSTANCE_KEYS: Final = (
    *("00080016", INSTANCE, STUDY, SERIES, "00200013", "00280008", "00280010", "00280011", "00280100"),
)

Json = dict[str, Any]


def new_alias() -> str:
    """A random UID in the root of UUIDs (PS3.5 section B.2), which says nothing of a study."""
    return f"2.25.{uuid.uuid4().int}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A study that may be shown."""

    hub_id: str
    study_uid: str
    hidden: frozenset[str] = frozenset()
    """SOP Instance UIDs that a rejection note withdraws."""
    alias: str = field(default_factory=new_alias)
    """The Study Instance UID it is shown under."""


class Shared:
    """The studies one gateway shows, read from the vault.

    Args:
        vault: The open vault.
        studies: What may be shown; the first is the case's own.
    """

    def __init__(self, vault: Vault, studies: Iterable[Shown]) -> None:
        self._vault = vault
        self.studies = tuple(studies)
        self._aliases = {one.study_uid: one.alias for one in self.studies}
        self._key = secrets.token_bytes(32)
        self._headers: dict[str, Json] = {}
        self._lock = Lock()
        for one in self.studies:
            self.instances(one)  # references between them go by the names they are shown under

    def alias(self, uid: str) -> str:
        """The name a series or an instance is shown under.

        Browsers write addresses to disk, if only to remove them again, whatever an answer says of keeping it.

        Args:
            uid: Its own UID.
        """
        known = self._aliases.get(uid)
        if known is None:
            digest = hmac.digest(self._key, uid.encode("ascii", "replace"), "sha256")
            known = self._aliases[uid] = f"2.25.{int.from_bytes(digest[:16], 'big')}"
        return known

    def study(self, uid: str) -> Shown | None:
        """The study of that name, real or shown; None where it is not to be seen."""
        return next((one for one in self.studies if uid in (one.alias, one.study_uid)), None)

    def instances(self, study: Shown, series_uid: str = "", sop_uid: str = "") -> list[HeldInstance]:
        """Held instances of a study that are not withdrawn, in the order of the series.

        Args:
            study: The study.
            series_uid: Of one series alone, by its own or its shown name; empty for all.
            sop_uid: One instance alone, likewise.
        """
        rows = self._vault.studies.instances(study.hub_id, study.study_uid)
        found = [
            one
            for one in rows
            if one.sop_uid not in study.hidden
            and series_uid in ("", one.series_uid, self.alias(one.series_uid))
            and sop_uid in ("", one.sop_uid, self.alias(one.sop_uid))
        ]
        found.sort(key=lambda one: (one.series_uid, one.instance_number or 0, one.sop_uid))
        return [HeldInstance(one, self._reader(study, one.sop_uid)) for one in found]

    def _reader(self, study: Shown, sop_uid: str) -> Callable[[int, int], bytes]:
        objects = self._vault.objects
        return lambda at, size: bytes(objects.read_range(study.hub_id, study.study_uid, sop_uid, at, size))

    # -- metadata ------------------------------------------------------------------------------------------

    def metadata(self, study: Shown, one: HeldInstance, root: str) -> Json:
        """An instance's header as DICOM JSON, without pixels (PS3.18 section 10.4.1.1.2).

        Args:
            study: Its study.
            one: The instance.
            root: The service's own URL, for long values.

        Raises:
            TelereadError: It is damaged.
        """
        with self._lock:
            known = self._headers.get(one.info.sop_uid)
        if known is None:
            known = self._header(study, one, root)
            with self._lock:
                if len(self._headers) < _KEPT:
                    self._headers[one.info.sop_uid] = known
        return known

    def _header(self, study: Shown, one: HeldInstance, root: str) -> Json:
        info = one.info
        base = f"{root}/{self._place(study, info)}/bulkdata/"

        def address(path: tuple[int, ...]) -> str:
            return base + ".".join(f"{part:X}" for part in path)

        made = data_set(one.header().elements, address, self._aliases)
        made[STUDY] = _element("UI", study.alias)
        made[SERIES] = _element("UI", self.alias(info.series_uid))
        made[INSTANCE] = _element("UI", self.alias(info.sop_uid))
        made["00083002"] = _element("UI", info.transfer_syntax)
        return made

    def _place(self, study: Shown, info: InstanceInfo) -> str:
        """Where an instance is, behind the service's root."""
        series, sop = self.alias(info.series_uid), self.alias(info.sop_uid)
        return f"studies/{study.alias}/series/{series}/instances/{sop}"

    def bulk(self, one: HeldInstance, path: str) -> bytes | None:
        """A long value by the path its URI has; None where there is none."""
        try:
            steps = [int(part, 16) for part in path.split(".")]
        except ValueError:
            return None
        elements = one.header().elements
        signed = elements.whole(0x00280103) == 1
        while len(steps) > 2:
            items = elements.items(steps[0])
            if not 0 <= steps[1] < len(items):
                return None
            elements, steps = items[steps[1]], steps[2:]
        element = elements.table.get(steps[0]) if len(steps) == 1 else None
        if element is None or element.items or element.tag >> 16 == 0x7FE0:
            return None
        return bulk_value(elements, element, vr_of(element, signed))

    # -- searches ------------------------------------------------------------------------------------------

    def find_studies(self, root: str) -> list[Json]:
        """QIDO-RS: the studies (PS3.18 table 10.6.3-3)."""
        return [self._study_row(one, root) for one in self.studies if self.instances(one)]

    def _study_row(self, study: Shown, root: str) -> Json:
        held = self.instances(study)
        row = _picked(self._first(study, held, root), _STUDY_KEYS)
        modalities = sorted({str(one.info.modality) for one in held if one.info.modality})
        row["00080061"] = _element("CS", *modalities)
        row["00201206"] = _element("IS", len({one.info.series_uid for one in held}))
        row["00201208"] = _element("IS", len(held))
        row["00081190"] = _element("UR", f"{root}/studies/{study.alias}")
        return row

    def find_series(self, studies: Iterable[Shown], root: str) -> list[Json]:
        """QIDO-RS: the series of studies (PS3.18 table 10.6.3-4)."""
        rows = []
        for study in studies:
            by_series: dict[str, list[HeldInstance]] = {}
            for one in self.instances(study):
                by_series.setdefault(one.info.series_uid, []).append(one)
            for uid, held in by_series.items():
                row = _picked(self._first(study, held, root), _SERIES_KEYS)
                row["00201209"] = _element("IS", len(held))
                row["00081190"] = _element("UR", f"{root}/studies/{study.alias}/series/{self.alias(uid)}")
                rows.append(row)
        return rows

    def find_instances(self, studies: Iterable[Shown], series_uid: str, root: str) -> list[Json]:
        """QIDO-RS: the instances of a series, of a study, or all (PS3.18 table 10.6.3-5)."""
        rows = []
        for study in studies:
            for one in self.instances(study, series_uid):
                row = _picked(self._first(study, [one], root), _INSTANCE_KEYS)
                row["00081190"] = _element("UR", f"{root}/{self._place(study, one.info)}")
                rows.append(row)
        return rows

    def _first(self, study: Shown, held: list[HeldInstance], root: str) -> Json:
        """The first header that can be read; of a damaged object what the index knows."""
        for one in held[:8]:
            try:
                return self.metadata(study, one, root)
            except TelereadError:
                continue
        info = held[0].info
        return {
            STUDY: _element("UI", study.alias),
            SERIES: _element("UI", self.alias(info.series_uid)),
            INSTANCE: _element("UI", self.alias(info.sop_uid)),
            "00080016": _element("UI", info.sop_class),
            "00080060": _element("CS", str(info.modality)),
        }


def _element(vr: str, *values: Any) -> Json:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def _picked(whole: Mapping[str, Any], keys: Iterable[str]) -> Json:
    return {key: whole[key] for key in keys if key in whole}


# -- matching (PS3.18 8.3.4, PS3.4 C.2.2.2) ------------------------------------------------------------------


def matches(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Whether a row fits the attributes of a search; what is no attribute of it is left aside.

    Args:
        row: DICOM JSON.
        query: Parameters as they came: keyword or tag, and what is looked for.
    """
    return all(_fits(row, name, wanted) for name, wanted in query.items() if wanted)


def _fits(row: Mapping[str, Any], name: str, wanted: str) -> bool:
    tag = _tag(name)
    element = row.get(tag) if tag else None
    if element is None:
        return True
    values = [_plain(one) for one in element.get("Value", ())]
    if element["vr"] == "UI":
        return any(one in values for one in wanted.replace("\\", ",").split(","))
    if element["vr"] in ("DA", "TM") and "-" in wanted:
        low, _, high = wanted.partition("-")
        return any((not low or one >= low) and (not high or one[: len(high)] <= high) for one in values)
    pattern = wanted.replace("[", "[[]").casefold()
    return any(fnmatch.fnmatchcase(one.casefold(), pattern) for one in values)


def _plain(value: Any) -> str:
    return str(value.get("Alphabetic", "")) if isinstance(value, Mapping) else str(value)


def _tag(name: str) -> str:
    if len(name) == 8 and all(one in "0123456789ABCDEFabcdef" for one in name):
        return name.upper()
    from pydicom.datadict import tag_for_keyword

    found = tag_for_keyword(name)
    return "" if found is None else f"{found:08X}"
