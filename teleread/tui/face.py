"""What widgets and screens may ask of the app, typed."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from textual.app import App

from teleread.host.clock import Clock, SystemClock
from teleread.model.errors import TelereadError
from teleread.model.task import TaskKey
from teleread.workstation.api import Status, WorklistItem, Workstation

from . import paint
from .calls import Calls
from .glyphs import UNICODE, Glyphs
from .graphics import Graphics
from .keys import Keymap
from .themes import Look, load_themes

if TYPE_CHECKING:
    from textual.dom import DOMNode

__all__ = ["Face", "Notice", "face"]

HELD_SECONDS: Final = 0.7
"""Pause below which the same key again may be one finger that stays."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message of this day."""

    at: datetime
    level: str
    """``good``, ``text``, ``warn`` or ``danger``: a role."""
    text: str


class Face(App[int]):
    """The app as widgets know it: no key, no screen, only what is shared.

    Args:
        workstation: The use cases.
        demo: Show DEMO on every screen and behind every name.
        clock: Where time comes from.
    """

    def __init__(self, workstation: Workstation, *, demo: bool = False, clock: Clock | None = None) -> None:
        self.workstation = workstation
        self.demo = demo
        self.clock: Clock = clock or SystemClock()
        self.calls = Calls()
        self.keymap = Keymap()
        self.glyphs: Glyphs = UNICODE
        paint.use_plain(False)  # what an app before this one in the process drew with is its own
        self.looks, self.failed_looks = load_themes()
        self.look: Look = self.looks["reading-room"]
        self.notices: list[Notice] = []
        self.status: Status | None = None
        self.items: list[WorklistItem] = []
        self.items_age: float | None = None
        self.last_day = ""
        """Day of birth of the patient signed last; the next one born on that day is asked more."""
        self.last_key: object = None
        self.last_case: TaskKey | None = None
        """The case that was opened last."""
        self._acted: dict[str, float] = {}
        super().__init__()
        self.graphics = Graphics(self.setting("image_protocol", "auto"), self.setting("colours", "auto"))
        """How the terminal shows pictures."""

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting, or the default where the profile knows none of that name."""
        try:
            value = self.workstation.setting(key)
        except TelereadError:
            return default
        return default if value is None else value

    def now(self) -> datetime:
        """The time, UTC."""
        return self.clock.now()

    def held_down(self, action_id: str) -> bool:
        """Whether an action comes again so soon that its key may be held; each time counts anew.

        The first repeat of a held key comes within 0.66 s on every desktop as it is installed.
        """
        now = self.clock.monotonic()
        before = self._acted.get(action_id, -HELD_SECONDS)
        self._acted[action_id] = now
        return now - before < HELD_SECONDS

    def tell(self, text: str, level: str = "text") -> None:
        """Put a message into the status row and into this day's messages."""
        raise AttributeError(_ONLY_APP)

    def adopt(self, name: str, value: str) -> None:
        """A setting was changed: take it up where that can be done now."""
        raise AttributeError(_ONLY_APP)

    def touched(self) -> None:
        """The reader did something: idle time begins anew."""
        raise AttributeError(_ONLY_APP)

    def idle_seconds(self) -> float:
        """Seconds since the reader did something."""
        raise AttributeError(_ONLY_APP)

    async def rest(self) -> None:
        """Wait while keys come: for work that only keeps something up."""

    def spawn(self, work: Coroutine[Any, Any, None], group: str, *, exclusive: bool = True) -> None:
        """Run work beside the screen; its errors become messages."""
        raise AttributeError(_ONLY_APP)

    async def open_case(self, item: WorklistItem) -> None:
        """Open a case for reading."""
        raise AttributeError(_ONLY_APP)

    def act(self, action_id: str) -> None:
        """Do an action on the screen that is on top."""
        raise AttributeError(_ONLY_APP)

    def fetch_study(self, hub_id: str, study_uid: str) -> None:
        """Bring a study here, first of all."""
        raise AttributeError(_ONLY_APP)

    def wake(self) -> None:
        """Look at the vault again at once."""
        raise AttributeError(_ONLY_APP)


_ONLY_APP = "only the app itself does this"


def face(node: DOMNode) -> Face:
    """The app of a widget or screen, typed."""
    return cast("Face", node.app)
