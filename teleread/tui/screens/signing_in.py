"""Signing in at a hub: what to open and what to type there, as text and as a picture for a telephone.

The engine asks the identity server; the sheet shows what it says, and closes when it is over.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.style import Style

from teleread.model.events import Event
from teleread.model.hubfile import HubFile
from teleread.model.text import clean
from teleread.tui.paint import wrap
from teleread.tui.widgets.lines import Row
from teleread.workstation.signin import open_page, qr_rows

from .sheet import Sheet

__all__ = ["SignInSheet"]

LOOK: Final = 0.3
"""Seconds between two looks at what the engine says."""
TEXT_LEAST: Final = 30
"""Columns the words need beside the QR picture."""
_INK: Final = Style(color="black", bgcolor="bright_white")
"""In every theme: a camera needs dark on light."""


class SignInSheet(Sheet[str]):
    """One sign-in; its answer is a sentence.

    Args:
        hub: Where.
    """

    HINTS = (("Esc", "give up"),)

    def __init__(self, hub: HubFile) -> None:
        super().__init__()
        self.hub = hub
        self.mark = secrets.token_hex(8)
        self.prompt: Mapping[str, Any] = {}
        self.trouble: tuple[str, ...] = ()
        self._request = 0
        self._seen = 0
        self._looking = False
        self._qr: tuple[str, ...] = ()

    def on_mount(self) -> None:
        """Ask the engine, and look what it says."""
        super().on_mount()
        status = self.face.status
        if status is not None and not status.engine:
            self.trouble = (
                "The engine, which asks the identity server, does not run.",
                "Nothing was sent.",
                f"Start teleread without --offline, or type teleread hub sign-in {self.hub.name}.",
            )
            return
        self.face.spawn(self._ask(), "sign-in-ask")
        self.set_interval(LOOK, lambda: self.face.spawn(self._look(), "sign-in-look", exclusive=False))

    async def _ask(self) -> None:
        words = {"hub_id": self.hub.hub_id, "mark": self.mark}
        self._request = await self.face.calls.vault(self.face.workstation.request, "sign-in", words)

    async def _give_up(self) -> None:
        await self.face.calls.vault(self.face.workstation.request, "sign-in-stop", {"mark": self.mark})

    async def _look(self) -> None:
        if self.done or self._looking or not self._request:
            return
        self._looking = True
        try:
            found = await self.face.calls.vault(self.face.workstation.events_since, self._seen)
        finally:
            self._looking = False
        for event in found:
            self._seen = event.id
            self._take(event)

    def _take(self, event: Event) -> None:
        if event.kind == "sign-in-code" and event.data.get("mark") == self.mark:
            self.prompt = event.data
            self._qr = qr_rows(str(event.data.get("url_complete") or ""))
            if event.data.get("way") == "pkce":
                open_page(str(event.data.get("url")))
            self.settle()
            self.renew()
        elif event.kind == "request-done" and event.request_id == self._request:
            self._end(event.data)

    def _end(self, told: Mapping[str, Any]) -> None:
        error = told.get("error")
        if isinstance(error, Mapping):
            self.trouble = tuple(str(error.get(name) or "") for name in ("title", "detail", "remedy"))
            self.renew()
            return
        who = clean(told.get("answer", {}).get("who"), limit=60)
        self.finish(f"Signed in at {self.hub.name}{f' as {who}' if who else ''}.")

    def do_sheet_back(self, key: str) -> None:
        """Give up; the engine stops asking."""
        if self._request and not self.trouble:
            self.face.spawn(self._give_up(), "sign-in-ask")
        self.finish(None)

    def wanted(self) -> int:
        """Room for the picture, where there is one."""
        return max(10, len(self._qr) + 3)

    def rows(self, width: int) -> Sequence[Row]:
        """Words on the left, the QR picture on the right where both have room."""
        beside = self._qr and width - len(self._qr[0]) - 4 >= TEXT_LEAST
        room = width - (len(self._qr[0]) + 4 if beside else 2)
        words = [
            self.start().put(part, role, bold=role == "strong")
            for text, role in self._words()
            for part in (wrap(text, room) if text else [""])
        ]
        made: list[Row] = [self.heading(f"Sign in at {self.hub.name}", width)]
        picture = self._qr if beside and not self.trouble else ()
        for at in range(max(len(words), len(picture))):
            line = words[at] if at < len(words) else self.start()
            if at < len(picture):
                line.to(room + 2).styled(picture[at], _INK)
            made.append((line, None))
        return made

    def _words(self) -> list[tuple[str, str]]:
        if self.trouble:
            title, detail, remedy = self.trouble
            return [(title, "warn"), (detail, "text"), (remedy, "soft")]
        url, code = str(self.prompt.get("url", "")), str(self.prompt.get("code", ""))
        if not url:
            return [("Asking the identity server …", "soft")]
        if not code:
            return [
                ("Your browser opens a page. If it does not, open this one on this machine:", "text"),
                (url, "strong"),
                ("", "text"),
                ("Waiting for its answer …", "soft"),
            ]
        return [
            ("On any device with a browser open", "text"),
            (url, "strong"),
            ("", "text"),
            ("and type the code", "text"),
            (code, "strong"),
            ("", "text"),
            (f"The page has to name {self.hub.name} or its site; if not, give up here.", "warn"),
            ("Waiting …", "soft"),
        ]
