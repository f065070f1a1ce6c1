"""Settings that the screens use: each with its value, changed in place and kept in the profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from teleread.model.actions import PRESETS
from teleread.model.settings import SETTINGS, coerce
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.lines import Lines, Row

from .ask import Choose
from .pages import Page

__all__ = ["Settings"]

_MINUTES: Final = ("5", "10", "15", "30", "60")
_SWITCH: Final = ("on", "off")
_LATER: Final = {"key_preset", "colours"}
"""Settings that are read when teleread starts."""


class Settings(Page):
    """Theme, signs, keys, colours, idle time, spelling, news; Enter changes the one in focus."""

    NAME = "Settings"
    HINTS = ("move.down", "case.open", "app.back", "app.go", "help.keys")
    WORDS: ClassVar[dict[str, str]] = {**Page.WORDS, "move.down": "choose", "case.open": "change"}

    def __init__(self) -> None:
        super().__init__()
        self.at = 0

    def choices(self) -> dict[str, tuple[str, ...]]:
        """The settings, and what each may be."""
        return {
            "theme": ("auto", *sorted(self.face.looks)),
            "glyphs": SETTINGS["glyphs"].choices,
            "key_preset": PRESETS,
            "colours": SETTINGS["colours"].choices,
            "idle_minutes": _MINUTES,
            "spelling": _SWITCH,
            "dictation_ends": SETTINGS["dictation_ends"].choices,
            "sound": SETTINGS["sound"].choices,
            "editor": _SWITCH,
            "notify": SETTINGS["notify"].choices,
        }

    def _value(self, name: str) -> str:
        """A setting's value as it is chosen: a switch is on or off."""
        value = self.face.setting(name, "")
        return _SWITCH[not value] if SETTINGS[name].kind == "switch" else str(value)

    def rows(self, width: int) -> Sequence[Row]:
        """Name, value, what it does."""
        look, glyphs = self.face.look, self.face.glyphs
        made: list[Row] = [(Line(look).gap().rule("Settings", width - 2, glyph=glyphs.rule), None)]
        for index, name in enumerate(self.choices()):
            chosen = index == self.at
            line = Line(look, "select" if chosen else "room").put(glyphs.bar if chosen else " ", "accent")
            line.put(fit(name, 14), "strong").put(fit(self._value(name), 16), "accent")
            line.put(fit(SETTINGS[name].text, max(8, width - line.width - 1)).rstrip(), "soft")
            made.append((line.to(width), None))
        words = "All others, own keys and saved filters too, stand in profile.toml: teleread config show."
        made += [
            (Line(look), None),
            *((Line(look).gap().put(part, "soft"), None) for part in wrap(words, width - 2)),
        ]
        return made

    def do_move_up(self, key: str) -> None:
        """The setting above."""
        self._go(self.at - 1)

    def do_move_down(self, key: str) -> None:
        """The next setting."""
        self._go(self.at + 1)

    def _go(self, index: int) -> None:
        self.at = min(max(index, 0), len(self.choices()) - 1)
        self.page.renew()

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click chooses, a second one changes."""
        if message.row - 1 == self.at:
            self.do_case_open("")
        elif 1 <= message.row <= len(self.choices()):
            self._go(message.row - 1)

    def do_case_open(self, key: str) -> None:
        """Change the setting in focus."""
        name, values = list(self.choices().items())[self.at]
        now = self._value(name)

        def chosen(index: int | None) -> None:
            if index is not None:
                self.face.spawn(self._keep(name, values[index]), "settings")

        self.open_sheet(Choose(name, values, now=values.index(now) if now in values else 0), chosen)

    async def _keep(self, name: str, value: str) -> None:
        kept = coerce(SETTINGS[name], value)
        await self.face.calls.vault(self.face.workstation.set_setting, name, kept)
        self.face.adopt(name, value)
        self.page.renew()
        after = " It holds from the next start on." if name in _LATER else ""
        self.face.tell(f"{name} is {value} now.{after}", "good")
