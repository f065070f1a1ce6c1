"""Gateways of open cases: begun when a viewer is asked for, ended with the case."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from teleread.host.clock import Clock
from teleread.model.errors import UsageError
from teleread.model.study import StudyKey
from teleread.vault.lockmark import read_mark

if TYPE_CHECKING:
    from teleread.imaging.gateway import Gateway, Serving
    from teleread.vault.vault import Vault

__all__ = ["Handoffs"]

MAX_STUDIES = 32
"""Most studies of one hand-off."""


class Handoffs:
    """The gateways of one engine, one a case; none until somebody asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[StudyKey, Gateway] = {}
        self._ended = False

    def begin(self, vault: Vault, clock: Clock, args: Mapping[str, Any]) -> str:
        """Show a study; the address to open.

        Args:
            vault: The open vault.
            clock: Time of codes and idleness.
            args: ``hub_id``; ``studies``, each ``uid`` and ``hidden``, the case's own first; ``viewer``, as
                the setting has it.

        Raises:
            UsageError: Nothing of the study is held, or the engine is ending.
        """
        from teleread.imaging.gateway import Gateway
        from teleread.imaging.gateway_study import Shared, Shown

        hub_id, viewer = str(args["hub_id"]), str(args.get("viewer", ""))
        studies = [
            Shown(hub_id, str(one["uid"]), frozenset(map(str, one.get("hidden", ()))))
            for one in args["studies"][:MAX_STUDIES]
        ]
        shared = Shared(vault, studies)
        if not studies or not shared.instances(studies[0]):
            raise UsageError("Nothing of that study is held here.", remedy="Fetch it first.", code="not-held")
        seen = read_mark(vault.paths).generation
        made = Gateway(shared, clock, _serving(viewer), lambda: read_mark(vault.paths).generation != seen)
        key = StudyKey(hub_id, studies[0].study_uid)
        with self._lock:
            before = self._open.pop(key, None)
            if not self._ended:
                self._open[key] = made
        if before is not None:
            before.close()
        if self._ended:
            made.close()
            raise UsageError("The engine is ending.", remedy="Try again.", code="engine-ends")
        vault.audit.append(
            "handoff", subject=studies[0].study_uid, hub_id=hub_id, detail={"studies": len(studies)}
        )
        return _address(made, viewer)

    def end(self, hub_id: str, study_uid: str) -> bool:
        """End the gateway of a case; whether there was one."""
        with self._lock:
            found = self._open.pop(StudyKey(hub_id, study_uid), None)
        if found is None:
            return False
        was_open = not found.closed
        found.close()
        return was_open

    def close(self) -> None:
        """End all of them: the engine ends."""
        with self._lock:
            self._ended = True
            every = list(self._open.values())
            self._open.clear()
        for one in every:
            one.close()


def _serving(viewer: str) -> Serving:
    from teleread.imaging.gateway import Serving

    if viewer == "weasis":
        return Serving()
    if viewer == "dicomweb":
        return Serving(open_path=True)
    parts = urlsplit(viewer)
    if parts.scheme in ("http", "https"):
        return Serving(origin=f"{parts.scheme}://{parts.netloc}")
    return Serving(ohif=Path(viewer))


def _address(made: Gateway, viewer: str) -> str:
    """What is opened. Only an address that is a key itself (``dicomweb``) works more than once."""
    if viewer == "dicomweb":
        return made.root
    if viewer == "weasis":
        return f"weasis://{quote('$dicom:get -w')} {quote(chr(34) + made.link('weasis') + chr(34))}".replace(
            " ", "%20"
        )
    if made.serving.origin:
        study = made.shared.studies[0].alias
        return viewer.replace("{url}", quote(made.link("proxy"), safe="")).replace("{study}", study)
    return made.link("page")
