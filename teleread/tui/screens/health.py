"""Pages about this machine: its health, its audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from teleread.model.text import clean
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.lines import Row

from .pages import Page

__all__ = ["AuditTrail", "Doctor"]

PERSONAL = frozenset({"device", "pkce"})
"""Ways of signing in that need a person."""

LATEST = 500
"""Rows of the trail that are shown; teleread audit prints all."""


class Doctor(Page):
    """What was looked at, and what to do where something is wrong."""

    NAME = "Doctor"
    HINTS = ("move.down", "hub.again", "case.open", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {**Page.WORDS, "hub.again": "look again", "case.open": "sign in"}

    def __init__(self) -> None:
        super().__init__()
        self.found: Sequence[tuple[str, bool, str, str]] | None = None

    def on_mount(self) -> None:
        """Look."""
        super().on_mount()
        self.face.spawn(self._look(), "doctor")

    async def _look(self) -> None:
        self.found = await self.face.calls.network(self.face.workstation.health)
        if self.is_mounted:
            self.page.renew()

    def do_hub_again(self, key: str) -> None:
        """Look again."""
        self.found = None
        self.page.renew()
        self.face.spawn(self._look(), "doctor")

    def do_case_open(self, key: str) -> None:
        """Sign in at the hub that wants it: the first that is not signed in, else the first of all."""
        hubs = [one for one in self.face.workstation.hubs() if one.auth in PERSONAL]
        bad = {name for name, ok, _, _ in self.found or () if not ok}
        hubs.sort(key=lambda one: f"hub {one.name}" not in bad)
        if not hubs:
            self.face.tell("No hub here has a sign-in of its own; the manual's page sign-in tells.")
            return
        from .signing_in import SignInSheet

        self.open_sheet(SignInSheet(hubs[0]), self._signed_in)

    def _signed_in(self, words: str | None) -> None:
        if words:
            self.face.tell(words, "good")
            self.do_hub_again("")

    def rows(self, width: int) -> Sequence[Row]:
        """A row each; the remedy under what is wrong."""
        look, glyphs = self.face.look, self.face.glyphs
        if self.found is None:
            return [(Line(look), None), (Line(look).gap(2).put("Looking …", "soft"), None)]
        good = sum(ok for _, ok, _, _ in self.found)
        head = (
            Line(look).gap().rule("Doctor", width - 2, f"{good} of {len(self.found)} good", glyph=glyphs.rule)
        )
        made: list[Row] = [(head, None)]
        for name, ok, detail, remedy in sorted(self.found, key=lambda one: one[1]):
            line = Line(look).gap().put(f"{glyphs.passes if ok else glyphs.needs} ", "good" if ok else "warn")
            line.put(fit(name, 26), "strong").gap()
            lead = line.width
            parts = wrap(" ".join(part for part in (detail, remedy) if part), max(20, width - lead - 2)) or [
                ""
            ]
            made.append((line.put(parts[0], "text" if ok else "warn"), None))
            made += [(Line(look).gap(lead).put(part, "warn"), None) for part in parts[1:]]
        return made


class AuditTrail(Page):
    """Who did what and when, the newest first; the chain that proves it."""

    NAME = "Audit"

    def __init__(self) -> None:
        super().__init__()
        self.trail: Sequence[tuple[str, str, str]] | None = None
        self.verdict = ""
        self.valid = True

    def on_mount(self) -> None:
        """Read it, and prove it."""
        super().on_mount()
        self.face.spawn(self._read(), "audit")

    async def _read(self) -> None:
        trail = await self.face.calls.vault(self.face.workstation.audit_trail, LATEST)
        self.trail, self.valid = trail.rows, trail.valid
        words = "the chain adds up" if trail.valid else "THE CHAIN DOES NOT ADD UP: teleread audit verify"
        self.verdict = f"{trail.count} rows, {words}"
        if self.is_mounted:
            self.page.renew()

    def rows(self, width: int) -> Sequence[Row]:
        """Time, act, what it was about."""
        look, glyphs = self.face.look, self.face.glyphs
        if self.trail is None:
            return [(Line(look), None), (Line(look).gap(2).put("Reading …", "soft"), None)]
        role = "good" if self.valid else "danger"
        head = Line(look).gap()
        made: list[Row] = [
            (head.rule("Audit", width - 2, self.verdict, glyph=glyphs.rule, note_role=role), None)
        ]
        for at, kind, about in self.trail:
            line = Line(look).gap().put(fit(at, 20), "soft").put(fit(kind, 24), "strong")
            made.append((line.put(fit(clean(about), max(8, width - line.width - 1)).rstrip(), "text"), None))
        return made
