"""The desk's use cases of the line: what goes out, what comes in, the engine, the viewer beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from teleread.model.task import TaskKey

from . import worklist
from .desk_pictures import DeskPictures
from .speech import sweep_sound

if TYPE_CHECKING:
    from teleread.model.delivery import OutboxItem
    from teleread.model.events import Event
    from teleread.model.study import StudyKey

    from .api import HubLine, Transfers, WorklistItem

__all__ = ["DeskLine"]


class DeskLine(DeskPictures):
    """Implements its part of `teleread.workstation.api.Workstation` on an open profile."""

    # -- outbox -----------------------------------------------------------------------------------

    def outbox(self) -> Sequence[OutboxItem]:
        """Every item, newest last."""
        from . import outbox

        return outbox.items(self.core)

    def outbox_beside(self, outbox_id: str) -> Sequence[tuple[str, Sequence[str]]]:
        """Others' reports of an item's case and the reader's, in full and compared."""
        from . import outbox

        return outbox.beside(self.core, outbox.outbox_item(self.core, outbox_id))

    def outbox_retry(self, outbox_id: str) -> None:
        """Due now."""
        from . import outbox

        outbox.retry(self.core, outbox_id)

    def outbox_resolve(self, outbox_id: str, choice: str, reason: str = "") -> None:
        """Act on a choice of an item that needs attention."""
        from . import outbox

        outbox.resolve(self.core, outbox_id, choice, reason)
        sweep_sound(self.core)

    def outbox_told(self, outbox_id: str, whom: str, when: str) -> None:
        """Close an escalation line by word of mouth; audited."""
        from . import outbox

        outbox.told(self.core, outbox_id, whom, when)

    def hub_lines(self) -> tuple[HubLine, ...]:
        """Each hub's line and what waits for it."""
        from . import sync_view

        return sync_view.lines(self.core)

    def read_digest(self, up_to: int) -> None:
        """What an absence brought is read."""
        from . import sync_view

        sync_view.read_digest(self.core, up_to)

    # -- what needs the network -------------------------------------------------------------------

    def sync(self, *, pull: bool = True, push: bool = True, timeout: float = 600.0) -> dict[str, Any]:
        """One pass."""
        from . import network

        return network.sync(self.core, pull=pull, push=push, timeout=timeout)

    def claim(self, key: TaskKey, timeout: float = 60.0) -> WorklistItem:
        """Take a task now."""
        from . import network

        network.claim(self.core, key, timeout)
        return worklist.item(self.core, key)

    def give_back(self, key: TaskKey, reason_code: str, reason: str = "", timeout: float = 60.0) -> None:
        """Return a task with a reason (CID 9303 code)."""
        from . import network

        network.give_back(self.core, key, reason_code, reason, timeout)

    def fetch(
        self, hub_id: str, study_uid: str, *, via: str = "auto", priors: int = 0, timeout: float = 3600.0
    ) -> dict[str, Any]:
        """Bring a study here."""
        from . import network

        return network.fetch(self.core, hub_id, study_uid, via=via, priors=priors, timeout=timeout)

    def transfers(self) -> Transfers:
        """What is on its way, what waits and why."""
        from . import transfers

        return transfers.transfers(self.core)

    def transfer_pause(self, study: StudyKey | None = None) -> bool:
        """Pause a study, or all but what is open; or go on."""
        from . import transfers

        return transfers.pause(self.core, study)

    def transfer_first(self, study: StudyKey) -> None:
        """Fetch a study before all others."""
        from . import transfers

        transfers.first(self.core, study)

    def request(self, kind: str, args: Mapping[str, Any]) -> int:
        """Ask the running engine for something and return at once."""
        return self.core.vault.requests.put(kind, args)

    def events_since(self, event_id: int) -> Sequence[Event]:
        """Rows after an id."""
        return self.core.vault.events.since(event_id)

    def hand_off(self, hub_id: str, study_uid: str, priors: Sequence[str] = ()) -> None:
        """Open a held study in the viewer of the profile."""
        from . import handoff

        handoff.begin(self.core, hub_id, study_uid, priors)

    def end_hand_off(self, hub_id: str, study_uid: str) -> None:
        """Close the gateway of a case."""
        from . import handoff

        handoff.end(self.core, hub_id, study_uid)

    def start_engine(self) -> bool:
        """Start the engine where none runs."""
        from . import background

        return background.start(self.core)

    def keep_engine(self) -> None:
        """Start the engine where none runs; nothing where no network may be touched."""
        if not self.core.offline:
            self.start_engine()

    def stop_engine(self) -> bool:
        """Ask the engine to stop; whether none runs now."""
        from . import background

        return background.stop(self.core)
