"""The report's fields as a form: another view of the same text, each row a field where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual import events

from teleread.model.report import FieldSpec, Section
from teleread.model.text import SafeText
from teleread.tui.guard import harmless
from teleread.tui.paint import Line, fit
from teleread.tui.widgets.lines import Row
from teleread.tui.widgets.report_pick import narrowed

from .report_sheets import Picking

if TYPE_CHECKING:
    from teleread.reporting.drafting import FieldMark
    from teleread.tui.widgets.report import ReportPane

__all__ = ["FormRow", "FormSheet", "form_rows", "refusal"]

LIMIT: Final = 500
"""Longest value, characters."""


@dataclass(frozen=True, slots=True)
class FormRow:
    """A field of the form."""

    section: int
    """Place of its section in the report."""
    heading: str
    mark: FieldMark
    spec: FieldSpec | None
    """How the template describes it; None for one the template does not know."""


def form_rows(pane: ReportPane) -> list[FormRow]:
    """Every field in the text, in reading order; each with the template's description of it."""
    from teleread.reporting.drafting import fields_of

    known = {
        (section.id, field.id): field
        for section in (pane.template.sections if pane.template else ())
        for field in section.fields
    }
    buffer = pane.buffer
    return [
        FormRow(index, label, mark, known.get((name, mark.id)))
        for index, (name, label, text) in enumerate(zip(buffer.ids, buffer.labels, buffer.texts, strict=True))
        for mark in fields_of(Section(name, SafeText(""), "", SafeText(text)), pane.template)
    ]


def refusal(spec: FieldSpec | None, value: str) -> str:
    """Why a value can't stand in a field, in words; empty where it can."""
    if spec is None or spec.kind != "number":
        return ""
    try:
        number = float(value.replace(",", ".").removesuffix(spec.unit).strip())
    except ValueError:
        return f"{spec.label} is a number{f' in {spec.unit}' if spec.unit else ''}."
    low = float(spec.minimum) if spec.minimum else number
    high = float(spec.maximum) if spec.maximum else number
    if low <= number <= high:
        return ""
    bounds = f"{spec.minimum or '…'} to {spec.maximum or '…'} {spec.unit}".strip()
    return f"{spec.label} is out of its range, {bounds}."


class FormSheet(Picking[None]):
    """The fields of the report; typing fills the one in focus, Enter goes on to the next.

    Args:
        pane: The report; what is filled here stands there at once.
    """

    HINTS = (
        ("type", "fill"),
        ("Enter", "take, next"),
        ("Left Right", "choices"),
        ("Esc", "back to the text"),
    )
    IN_SIGHT = 14

    def __init__(self, pane: ReportPane) -> None:
        super().__init__()
        self.pane = pane
        self.fields = form_rows(pane)
        self.typed = ""
        self.step = -1
        """Which of the choices that fit is meant; below 0 none: Enter alone must never fill a field."""
        here = (pane.buffer.section, pane.buffer.at)
        opens = [index for index, one in enumerate(self.fields) if one.mark.must]
        later = [
            index for index in opens if (self.fields[index].section, self.fields[index].mark.start) >= here
        ]
        self.at = (later or opens or [0])[0]

    def count(self) -> int:
        """A row a field."""
        return len(self.fields)

    def wanted(self) -> int:
        """The rows, and what may stand in the one in focus."""
        return super().wanted() + 1

    def rows(self, width: int) -> Sequence[Row]:
        """Fields, then what may stand in the one in focus."""
        left = sum(one.mark.must for one in self.fields)
        made: list[Row] = [
            self.heading("Form", width, f"{left} to fill" if left else "every field is filled")
        ]
        if not self.fields:
            made.append((self.start().put("This report has no fields.", "soft"), None))
            return made
        return [*made, *self.picked(width), (self._offer(width), None)]

    def draw(self, index: int, line: Line, width: int) -> Line:
        """Section, label, value."""
        one = self.fields[index]
        before = self.fields[index - 1].heading if index > self.first() else ""
        line.put(fit("" if before == one.heading else one.heading, 14), "soft").gap()
        label = one.spec.label if one.spec else one.mark.label
        line.put(
            fit(label or "field", max(10, (width - 20) // 3)), "strong" if index == self.at else "text"
        ).gap()
        if index == self.at and self.typed:
            return line.put(self.typed, "strong").put(" ", "strong", reverse=True)
        if one.mark.must:
            return line.put("[  ?  ]", "warn", on="mark", bold=True)
        if not one.mark.text:
            return line.put("may stay empty", "soft")
        return line.put(fit(one.mark.text, max(4, width - line.width - 2)).rstrip(), "accent")

    def _choices(self) -> list[str]:
        return narrowed([str(choice) for choice in self.fields[self.at].mark.choices], self.typed)

    def _offer(self, width: int) -> Line:
        line = self.start().put(f"{self.face.glyphs.open} ", "accent")
        spec, choices = self.fields[self.at].spec, self._choices()
        if not choices:
            unit = f"a number in {spec.unit}" if spec and spec.unit else "free text"
            bounds = (
                f", {spec.minimum or '…'} to {spec.maximum or '…'}"
                if spec and (spec.minimum or spec.maximum)
                else ""
            )
            return line.put(unit + bounds, "soft")
        for index, choice in enumerate(choices):
            if line.width + cell_len(choice) + 3 > width - 2:
                return line.put(" …", "soft")
            line.put(" · " if index else "", "soft")
            meant = index == self.step
            line.put(choice, "strong" if meant else "text", on="select" if meant else "raised", bold=meant)
        return line

    # -- keys -------------------------------------------------------------------------------------
    async def _on_key(self, event: events.Key) -> None:
        moves = {"up": -1, "down": 1, "pageup": -9, "pagedown": 9, "shift+tab": -1}
        if event.key in moves:
            self._move(moves[event.key])
        elif event.key in {"left", "right"} and self.fields:
            self._turn(1 if event.key == "right" else -1)
        elif event.key == "backspace":
            self.typed = self.typed[:-1]
            self.step = 0 if self.typed else -1
        elif event.key == "tab":
            self.do_sheet_ok("")
        elif event.is_printable and event.character and not event.key.startswith(("alt+", "ctrl+")):
            self.typed, self.step = harmless(self.typed + event.character)[:LIMIT], 0
        else:
            return
        event.stop()
        event.prevent_default()
        self.renew()

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.typed = harmless(self.typed + " ".join(event.text.split()))[:LIMIT]
        self.renew()

    def do_sheet_code(self, key: str) -> None:
        """A digit is typed, here too."""
        self.typed, self.step = self.typed + key, 0
        self.renew()

    def do_sheet_act(self, key: str) -> None:
        """So is a blank."""
        if self.typed:
            self.typed += " "
            self.renew()

    def do_pane_next(self, key: str) -> None:
        """Tab takes and goes on, as Enter does."""
        self.do_sheet_ok(key)

    def do_pane_previous(self, key: str) -> None:
        """The field before."""
        self._move(-1)
        self.renew()

    def _turn(self, step: int) -> None:
        """The next or previous of the choices that fit."""
        count = len(self._choices())
        if count:
            self.step = (
                (max(self.step, 0) + step) % count if self.step >= 0 else (0 if step > 0 else count - 1)
            )

    def _move(self, step: int) -> None:
        self.at = min(max(self.at + step, 0), max(0, self.count() - 1))
        self.typed, self.step = "", -1

    def take_one(self) -> None:
        """Put the value into the text, and go on to the next field."""
        one, choices = self.fields[self.at], self._choices()
        chosen = choices[self.step] if choices and self.step >= 0 else self.typed.strip()
        if chosen:
            words = refusal(one.spec, chosen)
            if words:
                self.face.tell(words, "warn")
                return
            self._put(one, chosen)
        self.typed, self.step = "", -1
        self.fields = form_rows(self.pane)
        behind = [
            index
            for index, other in enumerate(self.fields)
            if (other.section, other.mark.start) > (one.section, one.mark.start)
        ]
        self.at = behind[0] if behind else max(0, self.count() - 1)
        self.renew()

    def _put(self, one: FormRow, value: str) -> None:
        from teleread.reporting.drafting import set_field

        buffer = self.pane.buffer
        spec = one.spec
        if spec is not None and spec.kind == "number" and spec.unit and not value.endswith(spec.unit):
            after = buffer.texts[one.section][one.mark.end :].lstrip()
            value = value if after.startswith(spec.unit) else f"{value} {spec.unit}"
        name = buffer.ids[one.section]
        buffer.put_all({name: str(set_field(buffer.texts[one.section], one.mark, value))})
        buffer.go(one.section, one.mark.start)
        self.pane.changed()
