"""Menus made from the table of actions: go, keys, palette."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.widget import Widget

from teleread.model.actions import CONTEXTS, Action
from teleread.tui.keys import Keymap, textual_key
from teleread.tui.paint import Line, fit
from teleread.tui.widgets.entry import Entry
from teleread.tui.widgets.lines import Lines, Row

from .sheet import Sheet

__all__ = ["KeySheet", "NextKey", "Palette", "go_menu", "prefix_menu"]

SHOWN_AFTER = 0.4
"""Seconds until the go menu shows itself; its keys work at once."""


class NextKey(Sheet[str]):
    """The second key of a chord: its keys work at once, it shows itself after 400 ms, gone at the next key.

    Args:
        title: Heading.
        entries: (key as shown, action).
        hidden: Further keys, as Textual names them, to action ids.
        counts: Action id to (words behind it, role).
    """

    HINTS = (("Esc", "back"),)

    def __init__(
        self,
        title: str,
        entries: Sequence[tuple[str, Action]],
        *,
        hidden: Mapping[str, str] | None = None,
        counts: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        super().__init__()
        self.title_words = title
        self.entries = entries
        self.keys = {textual_key(key): one.id for key, one in entries} | dict(hidden or {})
        self.counts = counts or {}

    def on_mount(self) -> None:
        """Wait before showing itself."""
        super().on_mount()
        self.visible = False
        self.set_timer(SHOWN_AFTER, self._show)

    def _show(self) -> None:
        self.visible = True

    def wanted(self) -> int:
        """Heading and rows of at most four."""
        return 1 + -(-len(self.entries) // self._columns(self.width_wanted()))

    def _columns(self, width: int) -> int:
        return max(1, min(4, width // 24))

    def rows(self, width: int) -> Sequence[Row]:
        """Key and name, in columns."""
        columns = self._columns(width)
        cells = (width - 2) // columns
        made: list[Row] = [self.heading(self.title_words, width)]
        for start in range(0, len(self.entries), columns):
            line = self.start()
            for index, (key, one) in enumerate(self.entries[start : start + columns]):
                line.to(1 + index * cells).put(key, "strong", bold=True).gap()
                words, role = self.counts.get(one.id, ("", "soft"))
                room = cells - 4 - (len(words) + 1 if words else 0)
                text = one.text.split(";")[0].split(",")[0]
                line.put(fit(text if len(text) <= room else one.id.split(".")[1], room).rstrip(), "text")
                if words:
                    line.gap().put(words, role)
            made.append((line, None))
        return made

    async def _on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.finish(self.keys.get(event.key))


def go_menu(keymap: Keymap, counts: Mapping[str, tuple[str, str]]) -> NextKey:
    """Where ``g`` leads."""
    entries = [
        (key[2:], one)
        for one in keymap.actions
        for key in one.default
        if key.startswith("g ") and key != "g g"
    ]
    hidden = {"g": "go.first"} if "g g" in keymap.all_keys("go.first") else {}
    return NextKey("Go", entries, hidden=hidden, counts=counts)


def prefix_menu(keymap: Keymap) -> NextKey:
    """What Ctrl+X and a letter do in text, in the emacs preset."""
    return NextKey("Ctrl+X", keymap.prefixed())


class KeySheet(Sheet[None]):
    """The keys that are valid here."""

    HINTS = (("w s", "scroll"), ("Esc", "back"))

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def wanted(self) -> int:
        """As high as its rows, at most ten over a picture."""
        return 1 + -(-len(self._cells()) // max(1, self.width_wanted() // 40))

    def _cells(self) -> list[tuple[str, str, str]]:
        made = []
        for one in self.face.keymap.actions:
            found = self.face.keymap.keys_of(one, self.context)
            if self.context in one.where and self.context in {"L", "P"}:
                found += tuple(key for key in one.default if key.startswith("g "))
            keys = " ".join(found)
            if keys and one.id not in {"preset.n", "sheet.code"}:
                made.append((one.group, keys, one.text))
            elif keys:
                made.append((one.group, "0-9", one.text))
        return made

    def rows(self, width: int) -> Sequence[Row]:
        """Keys and words, in columns of forty."""
        cells = self._cells()
        columns = max(1, width // 40)
        each = (width - 2) // columns
        high = -(-len(cells) // columns)
        made: list[Row] = [
            self.heading(f"Keys here: {CONTEXTS[self.context]}", width, f"preset {self.face.keymap.preset}")
        ]
        for row in range(high):
            line = self.start()
            for column in range(columns):
                index = column * high + row
                if index < len(cells):
                    _, keys, text = cells[index]
                    line.to(1 + column * each).put(fit(keys, 12), "strong", bold=True).gap()
                    line.put(fit(text, each - 14).rstrip(), "text")
            made.append((line, None))
        return made

    async def _on_key(self, event: events.Key) -> None:
        lines = self.query_one("#rows", Lines)
        steps = {"w": -1, "up": -1, "s": 1, "down": 1, "pageup": -9, "pagedown": 9, "W": -9, "S": 9}
        event.stop()
        event.prevent_default()
        if event.key in steps:
            lines.scroll_rows(steps[event.key])
        else:
            self.finish(None)


class Palette(Sheet[str]):
    """Every action by name."""

    HINTS = (("Enter", "do it"), ("Up Down", "choose"), ("Esc", "back"))
    ROWS = 9

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context
        self.at = 0

    def parts(self) -> Sequence[Widget]:
        """What is typed, and what fits it."""
        entry = Entry(":", ground="raised", id="words")
        return [entry, Lines(self.rows, edge=True, ground="raised", id="rows")]

    def on_mount(self) -> None:
        """The cursor stands in the words."""
        super().on_mount()
        self._count()

    def first_focus(self) -> Widget:
        """The words."""
        return self.query_one(Entry)

    def wanted(self) -> int:
        """At most ten rows."""
        return 1 + self.ROWS

    def found(self) -> list[Action]:
        """Actions that hold every word typed, valid ones first."""
        words = self.query_one(Entry).value.casefold().split()
        valid = [
            one
            for one in self.face.keymap.actions
            if (self.context in one.where or (self.context == "T" and ("t" in one.where or "P" in one.where)))
            and one.id not in {"preset.n", "sheet.code", "app.palette"}
            and not one.id.startswith("sheet.")
        ]
        return [
            one
            for one in valid
            if all(word in f"{one.text} {one.id} {one.hint}".casefold() for word in words)
        ]

    def rows(self, width: int) -> Sequence[Row]:
        """Words, key, place."""
        found = self.found()
        first = max(0, min(self.at - self.ROWS + 2, len(found) - self.ROWS))
        made: list[Row] = []
        for index, one in enumerate(found[first : first + self.ROWS], first):
            chosen = index == self.at
            line = Line(self.face.look, "select" if chosen else "raised").gap()
            text = one.text[:1].upper() + one.text[1:]
            line.put(fit(text, max(10, width - 34)), "strong" if chosen else "text")
            keymap = self.face.keymap
            keys = keymap.keys_of(one, self.context) or keymap.keys_of(one, "P") or one.default
            line.gap().put(fit(" ".join(keys), 14), "accent")
            line.put(fit(one.group, 14).rstrip(), "soft")
            made.append((line.to(width), None))
        if not found:
            made.append((self.start().put("No action holds these words.", "soft"), None))
        return made

    def _count(self) -> None:
        entry = self.query_one(Entry)
        entry.right = ((f"palette, {len(self.found())} of {len(self.face.keymap.actions)}", "soft"),)
        entry.refresh()
        self.renew()

    def on_entry_changed(self, message: Entry.Changed) -> None:
        """Other words, other actions."""
        self.at = 0
        self._count()

    def on_entry_left(self, message: Entry.Left) -> None:
        """Escape."""
        self.finish(None)

    def on_entry_submitted(self, message: Entry.Submitted) -> None:
        """Do the chosen one."""
        found = self.found()
        self.finish(found[self.at].id if found else None)

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click does it."""
        found = self.found()
        if message.row < len(found):
            self.finish(found[message.row].id)

    async def _on_key(self, event: events.Key) -> None:
        if event.key in {"up", "down"}:
            event.stop()
            step = 1 if event.key == "down" else -1
            self.at = min(max(self.at + step, 0), max(0, len(self.found()) - 1))
            self.renew()
