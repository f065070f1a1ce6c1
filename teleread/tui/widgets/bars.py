"""The rows at the edge of every screen: top bar, status, keys."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.reactive import reactive

from teleread.tui.paint import Line
from teleread.tui.words import ago, clock
from teleread.workstation.api import HubStatus, Status

from .rows import Rows

__all__ = ["HintBar", "StatusLine", "TopBar"]


class TopBar(Rows):
    """Where we are, the hubs, what is not issued, what is coming, the time."""

    GROUND = "panel"

    path: reactive[tuple[str, ...]] = reactive(("Worklist",))
    status: reactive[Status | None] = reactive(None)

    @dataclass
    class Back(Message):
        """The path was clicked."""

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """The one row; in the demo its ground is a reversed warning."""
        if self.face.demo:
            return self._demo(width)
        left = (
            self.start()
            .gap()
            .put(self.glyphs.logo, "accent")
            .gap()
            .put("teleread", "strong", bold=True)
            .gap(2)
        )
        self._path(left, "soft")
        return left, self._state(width >= 120, width)

    def _path(self, line: Line, role: str) -> None:
        for index, name in enumerate(self.path):
            if index:
                line.put(f" {self.glyphs.path} ", role)
            line.put(name, role)

    def _demo(self, width: int) -> tuple[Line, Line | None]:
        left = self.start()
        left.put(" DEMO ", "warn", bold=True, reverse=True).gap()
        self._path(left, "text")
        words = "made-up patients, no real hub can be reached" if width >= 120 else "made-up patients"
        left.gap(2).put(words, "warn")
        right = self._state(False, width)
        right.put(" DEMO ", "warn", bold=True, reverse=True)
        return left, right

    def _state(self, wide: bool, width: int) -> Line:
        line = self.start()
        status = self.status
        if status is not None:
            self._hubs(line, status.hubs, wide)
            glyphs = self.glyphs
            if status.needs_you:
                line.put(
                    f"{glyphs.needs} {status.needs_you}{' needs you' if wide else ''}", "danger", bold=True
                )
                line.gap(2)
            if status.not_issued:
                line.put(
                    f"{glyphs.not_issued} {status.not_issued}{' not issued' if wide else ''}", "warn"
                ).gap(2)
            if status.digest is not None:
                count = len(status.digest.rows)
                line.put(f"{glyphs.new}{count}{' new, g y' if wide else ''}", "accent", bold=True).gap(2)
            if status.fetching:
                line.put(f"{glyphs.fetching} {status.fetching}", "accent").gap(2)
            if not status.engine:
                line.put("engine off", "warn").gap(2)
        return line.gap(1 if wide else 0).put(clock(self.face.now()), "soft").gap()

    def _hubs(self, line: Line, hubs: tuple[HubStatus, ...], wide: bool) -> None:
        glyphs = self.glyphs
        online = [hub for hub in hubs if hub.online]
        for hub in online if wide and len(hubs) <= 4 else ():
            line.put(glyphs.online, "good").put(f" {hub.name[:16]}", "soft").gap(2)
        if online and not (wide and len(hubs) <= 4):
            word = online[0].name[:12] if len(online) == 1 else f"{len(online)} hubs"
            line.put(glyphs.online, "good").put(f" {word}", "soft").gap(2)
        for hub in [hub for hub in hubs if not hub.online][:3]:
            line.put(f"{glyphs.offline} {hub.name[:12]}", "warn")
            if wide and hub.offline_since is not None:
                since = (self.face.now() - hub.offline_since).total_seconds()
                line.put(f" offline {ago(since)}", "warn")
            line.gap(2)

    def watch_status(self) -> None:
        """Draw again: reactives compare by value, so only when it moved."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click on the path is the way back."""
        if event.x < 14 + sum(cell_len(name) + 3 for name in self.path):
            self.post_message(self.Back())


class StatusLine(Rows):
    """One line of news, and what always stands right."""

    GROUND = "panel"

    message: reactive[tuple[str, str]] = reactive(("", "text"))
    """(words, role)."""
    standing: reactive[tuple[tuple[str, str], ...]] = reactive(())
    """What stands left while there is no message: (words, role) parts."""
    right: reactive[tuple[tuple[str, str], ...]] = reactive(())
    alert: reactive[str] = reactive("")
    """A line that stays until its cause is gone; only a fresh message covers it, for six seconds."""

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """The message, else what stands there."""
        words, role = self.message
        left = self.start().gap()
        if words:
            left.put(words, role)
        elif self.alert:
            left.put(f"{self.glyphs.needs} {self.alert}", "danger", bold=True)
        else:
            for part, part_role in self.standing:
                left.put(part, part_role)
        right = self.start()
        for part, part_role in self.right:
            right.put(part, part_role)
        return left, right.gap() if self.right else None


class HintBar(Rows):
    """The keys of this place, at most eleven, from the table of actions; drops from the right."""

    MOST = 11

    chips: reactive[tuple[tuple[str, str, str], ...]] = reactive(())
    """(key, word, action id)."""

    @dataclass
    class Pressed(Message):
        """A chip was clicked."""

        action: str

    def _fitting(self, width: int) -> list[tuple[str, str, str]]:
        kept: list[tuple[str, str, str]] = []
        used = 0
        for chip in self.chips[: self.MOST]:
            cells = cell_len(chip[0]) + cell_len(chip[1]) + 4
            if used + cells > width:
                break
            used += cells
            kept.append(chip)
        return kept

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """The chips that fit."""
        line = self.start()
        for key, word, _ in self._fitting(width):
            line.chip(key, word)
        return line, None

    def on_click(self, event: events.Click) -> None:
        """A click does what the key does."""
        column = 0
        for key, word, action in self._fitting(self.size.width):
            column += cell_len(key) + cell_len(word) + 4
            if event.x < column:
                if action:
                    self.post_message(self.Pressed(action))
                return
