"""The report pane as it looks: sections under fixed headings, marks in the text, checks at the foot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from teleread.model.report import Check, Section, Template
from teleread.model.text import SafeText
from teleread.tui.editor import Buffer, wrap_spans
from teleread.tui.paint import Line, fit, wrap

from .prose import marks_of
from .report_marks import Span, moved, words_in
from .rows import Rows

if TYPE_CHECKING:
    from teleread.reporting.marks import Mark

__all__ = ["INDENT", "PaneRow", "ReportDrawing", "check_sign"]

INDENT: Final = 1


@dataclass(frozen=True, slots=True)
class PaneRow:
    """One row of the pane: a heading, a piece of text, or nothing."""

    kind: str
    section: int = 0
    start: int = 0
    end: int = 0


class ReportDrawing(Rows):
    """Lays out and draws the sections of a buffer; the pane below it adds keys and mouse."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        self._drawn: dict[int, Strip] = {}
        """Each row as it was drawn last."""
        self._made: dict[int, Strip] = {}
        """Rows that are made and not drawn yet."""
        self._footed: tuple[tuple[object, ...], list[tuple[Line, Line | None]]] = ((), [])
        """What the foot was made for, and the foot."""
        super().__init__(id=id)
        self.buffer = Buffer(())
        self.title = ""
        """What kind of report: the template's name or ``addendum``."""
        self.writable = False
        self.mode = ""
        """Word for the mode the keys are in; empty while they type."""
        self.checks: Sequence[Check] = ()
        self.template: Template | None = None
        """Tells which bracketed texts are fields, and what may stand there."""
        self.doubts: Mapping[str, tuple[str, tuple[Span, ...]]] = {}
        """Section id to (the text that was spelt, where its doubtful words stand in it)."""
        self.copied: Sequence[Mark] = ()
        """Passages copied forward from an earlier report; each is marked as long as it stands unchanged."""
        self.sources: Mapping[str, str] = {}
        """Id of an earlier report to the words for it: ``from 3 May 2026``."""
        self.alert = ""
        """Words of the alert kept with the draft; empty for none."""
        self._spans: dict[
            int, tuple[tuple[int, Sequence[Mark], object], list[tuple[int, int, str]], str]
        ] = {}
        self.notice = "No report is begun. i begins one."
        self.has_foot = False
        """The checks stand at the foot: the window is high enough."""
        self.top = 0
        self._laid: tuple[int, int, list[PaneRow]] = (-1, -1, [])

    @property
    def to_settle(self) -> int:
        """Checks that must be settled before signing."""
        return sum(one.blocking for one in self.checks)

    @property
    def to_read(self) -> int:
        """Checks that are to be read."""
        return sum(one.severity == "warn" for one in self.checks)

    # -- layout -----------------------------------------------------------------------------------
    def _rows(self) -> list[PaneRow]:
        width = self.size.width
        if self._laid[:2] != (self.buffer.version, width):
            rows: list[PaneRow] = []
            airy = self.size.height >= 28
            for index, text in enumerate(self.buffer.texts):
                if index and airy:
                    rows.append(PaneRow("blank", index))
                rows.append(PaneRow("head", index))
                spans = wrap_spans(text, max(8, width - INDENT - 2))
                rows += [PaneRow("text", index, start, end) for start, end in spans]
            if self.alert:
                rows += [PaneRow("blank"), PaneRow("alert")]
            self._laid = (self.buffer.version, width, rows)
        return self._laid[2]

    def _foot(self) -> list[tuple[Line, Line | None]]:
        """The checks at the foot, where the pane is high."""
        if not self.has_foot or not self.buffer.ids:
            return []
        key = (self.checks, self.size.width, self.look.name, self.glyphs)
        if key != self._footed[0]:
            self._footed = (key, self._make_foot())
        return self._footed[1]

    def _make_foot(self) -> list[tuple[Line, Line | None]]:
        width = self.size.width - 2
        glyphs = self.glyphs
        note = "j list" if self.checks else "all pass"
        made: list[tuple[Line, Line | None]] = [
            (self.start(), None),
            (self.start().gap().rule("Checks", width, note, glyph=glyphs.rule), None),
        ]
        for one in self.checks[:6]:
            sign, role = check_sign(one, self)
            key = "F2 " if one.field or "field" in one.id else ""
            made.append(
                (
                    self.start()
                    .gap()
                    .put(f"{sign}  ", role, bold=True)
                    .put(fit(one.text, width - 10).rstrip()),
                    self.start().put(key, "strong", on="raised", bold=True) if key else None,
                )
            )
        return made

    def _body_height(self) -> int:
        return max(1, self.size.height - 1 - len(self._foot()))

    def _cursor_row(self) -> int:
        rows = self._rows()
        buffer = self.buffer
        found = 0
        for index, row in enumerate(rows):
            if row.kind == "text" and row.section == buffer.section and row.start <= buffer.at:
                found = index
        return found

    def _follow(self) -> None:
        """Keep the cursor in sight; its section's heading stays the first row if it would leave."""
        at, height = self._cursor_row(), self._body_height()
        margin = min(2, height // 4)
        if at < self.top + margin + 1:
            self.top = max(0, at - margin - 1)
        elif at > self.top + height - 1 - margin:
            self.top = at - height + 1 + margin
        self.top = max(0, min(self.top, len(self._rows()) - height))
        self._paint_changed()

    # -- drawing ----------------------------------------------------------------------------------
    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Draw rows anew: those of some regions as they were made already, else all of them."""
        if not regions:
            self._made.clear()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _paint_changed(self) -> None:
        """Draw the rows that look another way than they did."""
        self._made.clear()
        for y in range(self.size.height):
            strip = self._made[y] = self._draw(y)
            if strip != self._drawn.get(y):
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Heading, sections, checks."""
        made = self._made.pop(y, None)
        strip = self._drawn[y] = made if made is not None else self._draw(y)
        return strip

    def _draw(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            left, right = self._heading()
            return left.strip(width, right)
        if not self.buffer.ids:
            words = wrap(self.notice, max(8, width - 4))
            line = self.start().gap(2)
            if 2 <= y < 2 + len(words):
                line.put(words[y - 2], "soft")
            return line.strip(width)
        foot = self._foot()
        height = self._body_height()
        if y > height:
            left, right = foot[y - 1 - height]
            return left.strip(width, right)
        dropped = self.dropped(width) if y == self._drop_row(height) else None
        if dropped is not None:
            return dropped.strip(width)
        rows = self._rows()
        index = self.top + y - 1
        if y == 1 and index < len(rows) and rows[index].kind == "text":
            return self._head_row(rows[index].section, width)
        if index >= len(rows):
            return self.start().strip(width)
        row = rows[index]
        if row.kind == "alert":
            return self._alert_row(width)
        if row.kind == "head":
            return self._head_row(row.section, width)
        return self._text_row(row, width) if row.kind == "text" else self.start().strip(width)

    def dropped(self, width: int) -> Line | None:
        """What drops under the cursor's row: choices of a field."""
        return None

    def _drop_row(self, height: int) -> int:
        """Row of the pane under the cursor, or over it where it is the last one in sight."""
        at = self._cursor_row() - self.top + 1
        return at + 1 if at < height else at - 1

    def _heading(self) -> tuple[Line, Line | None]:
        focus, glyphs = self.has_focus, self.glyphs
        ground = "raised" if focus else "panel"
        line = (
            self.start(ground)
            .put(glyphs.bar if focus else " ", "accent")
            .put("Report", "strong", bold=True)
            .gap(2)
        )
        if self.buffer.ids:
            if self.writable:
                line.put(f"{glyphs.draft} draft", "warn").gap(2)
            else:
                line.put("read only", "warn").gap(2)
            line.put(self.title, "soft")
        right = self.start(ground)
        if self.mode:
            right.put(self.mode, "warn").gap(2)
        if self.buffer.ids:
            count = words_in(self.buffer.texts)
            right.put(f"{count} word{'' if count == 1 else 's'}", "soft").gap(2)
        if self.to_settle:
            right.put(f"{glyphs.settle} {self.to_settle}", "danger", bold=True).gap()
        if self.to_read:
            right.put(f"{glyphs.warn} {self.to_read}", "warn", bold=True).gap()
        return line, right if right.width else None

    def _head_row(self, section: int, width: int) -> Strip:
        buffer = self.buffer
        note, role = "", "soft"
        if self._source_of(section):
            note, role = self._source_of(section), "warn"
        elif buffer.section == section and self.has_focus and self.writable:
            note, role = "typing here", "accent"
        elif buffer.ids[section] == "impression" and buffer.texts[section].strip():
            count = len([line for line in buffer.texts[section].split("\n") if line.strip()])
            note = f"{count} line{'' if count == 1 else 's'}"
        line = self.start().gap(INDENT)
        line.rule(buffer.labels[section], width - INDENT - 1, note, glyph=self.glyphs.rule, note_role=role)
        return line.strip(width)

    def _alert_row(self, width: int) -> Strip:
        line = self.start().gap(INDENT).put(" CRITICAL ", "danger", bold=True, reverse=True)
        return line.gap().put(fit(self.alert, max(4, width - 14)).rstrip(), "strong").strip(width)

    def show_notes(self, copied: Sequence[Mark], alert: str) -> None:
        """Take what the journal keeps beside the text: copied passages, words of the alert."""
        self.copied, self.alert = copied, alert
        self._laid = (-1, -1, [])
        self.refresh()

    def _text_row(self, row: PaneRow, width: int) -> Strip:
        buffer = self.buffer
        text = buffer.texts[row.section]
        styles: list[Style] = [self.look.style("text")] * (row.end - row.start)
        for start, end, kind in (*marks_of(text), *self._noted(row.section)[1]):
            if end <= row.start or start >= row.end:
                continue
            for place in range(max(start, row.start), min(end, row.end)):
                styles[place - row.start] = self._mark_style(kind)
        if row.section == buffer.section:
            self._mark_cursor(row, styles)
        line = self.start().gap(INDENT)
        for start, end, style in _runs(styles):
            line.styled(text[row.start + start : row.start + end], style)
        if self._cursor_behind(row):
            line.styled(" ", self._cursor_style())
        return line.strip(width)

    def _noted(self, section: int) -> tuple[object, list[tuple[int, int, str]], str]:
        """Doubtful words and copied passages of a section where they stand now; worked out once a change."""
        key = (self.buffer.version, self.copied, self.doubts)
        found = self._spans.get(section)
        if found is not None and found[0] == key:
            return found
        name, text = self.buffer.ids[section], self.buffer.texts[section]
        spelt, spans = self.doubts.get(name, ("", ()))
        marks = [(start, end, "doubt") for start, end in moved(spelt, text, spans)]
        source = ""
        if self.copied:
            from teleread.reporting.marks import COPIED, standing

            here = Section(name, SafeText(""), "", SafeText(text))
            stand = [
                one
                for one in standing([one for one in self.copied if one.section == name], [here])
                if one.mark.kind == COPIED
            ]
            marks = [(one.start, one.end, "copied") for one in stand] + marks
            source = self.sources.get(stand[0].mark.source, "from an earlier report") if stand else ""
        made = self._spans[section] = (key, marks, source)
        return made

    def _source_of(self, section: int) -> str:
        return self._noted(section)[2]

    def doubtful(self) -> list[tuple[int, int, int]]:
        """(section, start, end) of every doubtful word, in reading order."""
        return sorted(
            (section, start, end)
            for section in range(len(self.buffer.ids))
            for start, end, kind in self._noted(section)[1]
            if kind == "doubt"
        )

    def _mark_style(self, kind: str) -> Style:
        style = self.look.style
        return {
            "no": style("text", underline=True),
            "side": style("side", bold=True),
            "number": style("strong", bold=True),
            "field": style("accent", "raised"),
            "open": style("warn", "mark", bold=True),
            "doubt": style("warn", underline=True),
            "copied": style("text", "mark"),
        }[kind]

    def _cursor_style(self) -> Style:
        if self.has_focus:
            return self.look.style("strong", reverse=True)
        return self.look.style("strong", "select", underline=True)

    def _mark_cursor(self, row: PaneRow, styles: list[Style]) -> None:
        buffer = self.buffer
        if buffer.selection:
            start, end = buffer.selection
            for place in range(max(start, row.start), min(end, row.end)):
                styles[place - row.start] = self.look.style("strong", "select", bold=True)
        elif row.start <= buffer.at < row.end and self.writable:
            styles[buffer.at - row.start] = self._cursor_style()

    def _cursor_behind(self, row: PaneRow) -> bool:
        """Whether the cursor stands behind the last character of this row."""
        buffer = self.buffer
        if row.section != buffer.section or buffer.at != row.end or buffer.selection or not self.writable:
            return False
        return row.end == len(buffer.text) or buffer.text[row.end] == "\n"


def check_sign(check: Check, widget: Rows) -> tuple[str, str]:
    """(sign, role) of a check."""
    if check.severity in {"stop", "block"}:
        return widget.glyphs.settle, "danger"
    return (widget.glyphs.warn, "warn") if check.severity == "warn" else (widget.glyphs.passes, "soft")


def _runs(styles: list[Style]) -> list[tuple[int, int, Style]]:
    """Stretches of one style."""
    runs: list[tuple[int, int, Style]] = []
    start = 0
    for index in range(1, len(styles) + 1):
        if index == len(styles) or styles[index] is not styles[start]:
            runs.append((start, index, styles[start]))
            start = index
    return runs
