"""The reading screen's templates and autotexts: expanded by name, chosen from a list, put at the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from teleread.model.errors import UsageError

from .reading_base import ReadingBase

if TYPE_CHECKING:
    from teleread.workstation.writing import Phrases

    from .templates import Choice

__all__ = ["ReadingPhrases"]

MOST_COMPARED: Final = 300
"""Autotexts up to which names are compared by their sound: beyond, each is compared with each too long."""
SECONDS: Final = 5.0
"""Longest wait for that comparison."""


def _alike(names: Sequence[str]) -> dict[str, str]:
    """Names that can be taken for each other when they are spoken, both ways."""
    from teleread.dictation.commands import confusable

    found: dict[str, str] = {}
    spoken = {name.replace("-", " ") for name in names}
    for name, other, _ in confusable(tuple(names)):
        if other in spoken:
            found.setdefault(name, f".{other.replace(' ', '-')}")
            found.setdefault(other, f".{name.replace(' ', '-')}")
    return found


class ReadingPhrases(ReadingBase):
    """What the reader takes from lists into the report."""

    phrases: Phrases | None = None
    """Autotexts of this case; None until they are read."""

    # -- autotext by its name ---------------------------------------------------------------------
    def do_text_expand(self, key: str) -> None:
        """Expand the name before the cursor, take the choice that was typed, else go to the next field.

        Of a name that is not whole the one autotext it can be is taken; where several can be, they are shown.
        """
        pane = self.report
        if pane.writable and pane.buffer.selection is None and (self._expand() or self._complete()):
            return
        if pane.pick.typed:
            pane.pick.accept()
        self._field(1)

    def do_field_next(self, key: str) -> None:
        """The next field to fill."""
        self._field(1)

    def do_field_previous(self, key: str) -> None:
        """The field before."""
        self._field(-1)

    def _field(self, step: int) -> None:
        if self.keeper.draft is None:
            self.face.act("report.enter")
            return
        self.look_at_report()
        if not self.report.step_field(step):
            self.face.tell("Every field is filled.", "good")

    def _expand(self) -> bool:
        """Put an autotext in the place of its name; whether there was one."""
        from teleread.reporting.autotext import at_cursor

        buffer = self.report.buffer
        if self.phrases is None or not buffer.ids:
            return False
        known = at_cursor(self.phrases.library, buffer.text, buffer.at)
        if known is None:
            return False
        self.insert_autotext(known.name, self._typed())
        return True

    def _typed(self) -> str:
        """The beginning of a name right before the cursor, with its full stop; empty for none."""
        from teleread.reporting.autotext import typed_before

        buffer = self.report.buffer
        return typed_before(buffer.text, buffer.at) if buffer.ids else ""

    def _complete(self) -> bool:
        """Take the one autotext whose name begins so, or show those that do; whether any does."""
        from teleread.reporting.autotext import names_like

        typed = self._typed()
        if self.phrases is None or not typed:
            return False
        begun = typed.removeprefix(".").casefold()
        fitting = [one for one in names_like(self.phrases.library, typed) if one.name.startswith(begun)]
        if not fitting:
            return False
        if len(fitting) == 1:
            self.insert_autotext(fitting[0].name, typed)
        else:
            self.face.spawn(self._browse(typed), "templates")
        return True

    def insert_autotext(self, name: str, typed: str = "") -> None:
        """Put an autotext at the cursor or over what is chosen, as one change; its first field is chosen.

        Args:
            name: One of this case's.
            typed: What stands right before the cursor and gives way to it.

        Raises:
            UsageError: It expands itself, or grows too long.
        """
        from teleread.reporting.autotext import expand

        buffer = self.report.buffer
        if self.phrases is None or not buffer.ids:
            return
        start, end = buffer.selection or (buffer.at, buffer.at)
        before = buffer.text[: start - len(typed)]
        gap = " " if before and (before[-1].isalnum() or before[-1] in "._") else ""
        head = f"{before}{gap}.{name}"
        made = expand(self.phrases.library, head + buffer.text[end:], len(head), self.phrases.values)
        buffer.put_all({buffer.ids[buffer.section]: str(made.text)})
        if made.field is not None:
            buffer.select(*made.field)
        else:
            buffer.go(buffer.section, made.cursor)
        self.report.changed()

    # -- from a list ------------------------------------------------------------------------------
    def do_template_pick(self, key: str) -> None:
        """Templates, with why, and autotexts; choosing one loses no text."""
        self.face.spawn(self._browse(), "templates")

    async def _browse(self, typed: str = "") -> None:
        """Show what can be taken.

        Args:
            typed: The beginning of an autotext's name before the cursor; empty: templates come first.
        """
        from .templates import AUTOTEXT, TEMPLATES, Browser

        draft = self.keeper.draft
        if draft is not None and self.keeper.stale:
            self.face.tell("This draft is read only here. i takes it over.", "warn")
            return
        if draft is None and self.case.item.report_state in {"signed", "issued"}:
            self.face.tell("This case is reported. g r shows the report and begins an addendum.", "soft")
            return
        choices = [*await self._templates(), *await self._autotexts()]
        bare = draft is not None and draft.kind != "report"
        if bare:
            self.face.tell("This is an addendum: it has no template of its own.", "soft")
            if not choices:
                return
        if draft is not None:
            self.look_at_report()
        sheet = Browser(
            choices,
            draft.template_id if draft else "",
            kind=AUTOTEXT if typed or bare else TEMPLATES,
            typed=typed.removeprefix("."),
        )

        def chosen(one: Choice | None) -> None:
            if one is not None:
                self._chosen(one, typed)

        self.open_sheet(sheet, chosen)

    async def _templates(self) -> list[Choice]:
        """Templates for this case; none for an addendum."""
        from .templates import offered, template_choices

        draft = self.keeper.draft
        if draft is not None and draft.kind != "report":
            return []
        found = await self.face.calls.vault(offered, self.face.workstation, self.case.item.key)
        return template_choices(found)

    async def _autotexts(self) -> list[Choice]:
        """Autotexts of this case; none before there is a text to put them into."""
        from .templates import phrase_choices

        phrases = self.phrases
        if phrases is None or self.keeper.draft is None:
            return []
        names = list(phrases.library)
        alike: dict[str, str] = {}
        if len(names) <= MOST_COMPARED:
            alike = await asyncio.wait_for(asyncio.to_thread(_alike, names), SECONDS)
        return phrase_choices(phrases, alike)

    def _chosen(self, one: Choice, typed: str) -> None:
        if one.kind == "autotext":
            before = self.report.buffer.text[: self.report.buffer.at]
            try:
                self.insert_autotext(one.id, typed if before.endswith(typed) else "")
            except UsageError as error:
                self.face.tell(str(error), "warn")
        elif self.keeper.draft is None:
            self.face.spawn(self.begin_report(template_id=one.id), "report")
        else:
            self.face.spawn(self._change_template(one.id), "report")

    async def _change_template(self, template_id: str) -> None:
        await self.keeper.flush()
        assert self.keeper.draft is not None
        draft = await self.face.calls.vault(
            self.face.workstation.change_template, self.keeper.draft.id, template_id
        )
        self.keeper.take(draft, self.title_of(draft), writable=True)
        self.look_at_report()
        self.face.tell("Another template. What you wrote stands as it was.", "good")
