"""The reading screen's voice commands: each is an action of the one table, or what only dictation has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .reading_others import ReadingOthers

if TYPE_CHECKING:
    from teleread.dictation.commands import Match
    from teleread.dictation.session import Said

__all__ = ["ReadingVoice"]

ACTIONS: Final = frozenset(
    {
        "undo", "redo", "field.next", "field.previous", "section.next", "section.previous",
        "image.next", "image.previous", "measure.insert", "image.key", "compare", "case.next",
        "sign", "discard",
    }
)  # fmt: skip
"""Voice commands that do the action of the table they name. Signing and discarding open their sheets."""


class ReadingVoice(ReadingOthers):
    """What the reader commands by voice."""

    async def obey(self, said: Said) -> None:
        """Do a command."""
        assert said.command is not None
        command = said.command.command
        own: Any = getattr(self, "say_" + command.id.replace(".", "_").replace("-", "_"), None)
        if own is not None:
            own(said.command)
        elif command.id in ACTIONS:
            self.face.act(command.action)
        else:
            self.face.tell(f"“{command.phrases[0]}” does nothing here.", "soft")

    def say_scratch_that(self, match: Match) -> None:
        """The last utterance back."""
        self.do_dictate_scratch("")

    def say_stop(self, match: Match) -> None:
        """The microphone off."""
        self._off()

    def say_say(self, match: Match) -> None:
        """What can be said."""
        self.do_dictate_say("")

    def say_correct(self, match: Match) -> None:
        """The next word to be read."""
        self.do_word_next("")

    def say_section_go(self, match: Match) -> None:
        """The cursor into a section."""
        if match.argument in self.report.buffer.ids:
            self.report.go_section(self.report.buffer.ids.index(match.argument))
        else:
            self.face.tell("This report has no such section.", "soft")

    def say_select(self, match: Match) -> None:
        """Choose words of the text."""
        self._find(match.argument)

    def say_replace(self, match: Match) -> None:
        """Put words in the place of others."""
        if self.report.find(match.argument):
            self.report.write(match.second)
        else:
            self.face.tell("Those words do not stand in the report.", "soft")

    def say_insert(self, match: Match) -> None:
        """Expand an autotext by its name at the cursor."""
        buffer = self.report.buffer
        before = buffer.text[: buffer.at]
        gap = "" if not before or before[-1].isspace() else " "
        self.report.write(f"{gap}.{match.argument}")
        if not self._expand():
            self.report.swap(redo=False)
            self.face.tell("There is no such autotext for this case.", "soft")

    def say_window(self, match: Match) -> None:
        """A window preset has its number on the screen."""
        self.face.tell("Windows go by number: 1 to 9 with the pictures in focus.", "soft")
