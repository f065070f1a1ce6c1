"""What the worklist shows: cells by column, saved filters, the detail of a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.message import Message

from teleread.tui.face import Face
from teleread.tui.glyphs import Glyphs
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.words import age, born, clock, due_words, nhs, person
from teleread.workstation.api import WorklistItem

from .rows import Rows
from .table import Cell, Column

__all__ = ["CaseDetail", "SavedFilter", "SavedFilters", "columns_for", "item_cell"]


WITHOUT_SEX = 72
"""Columns of the list below which sex and age make room for name and examination."""


def columns_for(width: int, narrow: bool, glyphs: Glyphs) -> tuple[Column, ...]:
    """Columns of the list for its width in cells.

    Args:
        width: Cells of the list, scrollbar not counted.
        narrow: Under 120 columns: site and accession stay away.
        glyphs: The signs in use; wider ones take their room from name and examination.
    """
    more = cell_len(glyphs.stat) - 1, cell_len(glyphs.part) - 1
    head = (Column("priority", "pri", 6 + more[0]), Column("due", "due", 10))
    if narrow:
        sex = () if width < WITHOUT_SEX else (Column("sex", "sex", 6),)
        spare = width - (80 if sex else 73) - more[0] - 2 * more[1]
        return (
            *head,
            Column("patient", "patient", 16 + spare // 2),
            *sex,
            Column("examination", "examination", 17 + spare - spare // 2),
            Column("images", "images", 7 + more[1]),
            Column("report", "report", 8 + more[1]),
        )
    spare = max(0, width - 115) - more[0] - more[1]
    return (
        *head,
        Column("patient", "patient", 19 + spare // 2),
        Column("sex", "sex", 6),
        Column("examination", "examination", 24 + spare - spare // 2),
        Column("site", "site", 9),
        Column("accession", "accession", 11),
        Column("images", "images", 7 + more[1]),
        Column("report", "report", 13),
    )


def item_cell(face: Face, item: WorklistItem, column: str, chosen: bool, narrow: bool) -> Cell:
    """One cell of a case."""
    drawn = _CELLS.get(column)
    return drawn(face, item, chosen, narrow) if drawn else ()


def _priority(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    glyphs = face.glyphs
    signs = {
        "stat": (glyphs.stat, "stat", "danger", True),
        "urgent": (glyphs.urgent, "urg", "warn", True),
        "asap": (glyphs.asap, "asap", "warn", False),
    }
    if item.priority not in signs:
        return ()
    sign, word, role, bold = signs[item.priority]
    return ((f"{sign} ", role, False), (word, role, bold))


def _due(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    quarter, words, role = due_words(item.due, item.due_used, face.now())
    if not words or item.report_state == "issued" or item.state in {"completed", "cancelled", "rejected"}:
        return ()
    return ((f"{face.glyphs.due[quarter]} ", role, False), (words, role, role == "danger"))


def _patient(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    role = "strong" if chosen else "text"
    name = person(item.name)
    if not face.demo:
        return ((name, role, chosen),)
    width = 11 if narrow else 14
    return (
        (fit(name, width).rstrip() if cell_len(name) > width else name, role, chosen),
        (" DEMO", "warn", False),
    )


def _sex(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    return ((f"{item.sex or '?':1.1}{age(item.birth_date, face.now().date()):>4.4}", "soft", False),)


def _examination(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    return ((item.procedure or item.modality, "text", False),)


def _site(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    return ((item.site or item.hub, "soft", False),)


def _accession(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    return ((item.accession, "soft", False),)


def _images(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    glyphs = face.glyphs
    if item.cached == "all" and item.priors_ready:
        return ((glyphs.here, "good", False), (" here", "text", False))
    if item.cached == "all":
        return ((glyphs.part, "accent", False), (" prior", "soft", False))
    if item.cached == "part":
        share = f" {100 * item.held // item.instances}%" if item.instances else " part"
        return ((glyphs.part, "accent", False), (share, "accent", False))
    return ((f"{glyphs.away} away", "soft", False),)


def _report(face: Face, item: WorklistItem, chosen: bool, narrow: bool) -> Cell:
    glyphs = face.glyphs
    if item.report_state == "needs_attention":
        return ((f"{glyphs.needs} {'needs' if narrow else 'needs you'}", "danger", True),)
    if item.report_state == "signed":
        return ((f"{glyphs.not_issued} {'n/iss' if narrow else 'not issued'}", "warn", False),)
    if item.report_state == "issued":
        return ((f"{glyphs.issued} issued", "good", False),)
    if item.draft or item.report_state == "draft":
        return ((f"{glyphs.draft} draft", "warn", False),)
    if item.owner_name and not item.mine:
        return (("not yours" if not narrow else "taken", "soft", False),)
    return (("mine", "soft", False),) if item.mine else ()


_CELLS = {
    "priority": _priority,
    "due": _due,
    "patient": _patient,
    "sex": _sex,
    "examination": _examination,
    "site": _site,
    "accession": _accession,
    "images": _images,
    "report": _report,
}


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter on a number key."""

    name: str
    query: str
    count: int | None = None


class SavedFilters(Rows):
    """The saved filters with their counts, one row."""

    GROUND = "room"

    @dataclass
    class Picked(Message):
        """One was clicked."""

        index: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.filters: Sequence[SavedFilter] = ()
        self.chosen = -1

    def show(self, filters: Sequence[SavedFilter], chosen: int) -> None:
        """Take counts and the chosen one."""
        if (filters, chosen) != (self.filters, self.chosen):
            self.filters, self.chosen = filters, chosen
            self.refresh()

    def _parts(self, width: int) -> list[tuple[int, SavedFilter]]:
        fitting: list[tuple[int, SavedFilter]] = []
        used = 0
        for index, one in enumerate(self.filters[:9]):
            used += cell_len(one.name) + len(str(one.count or 0)) + 6
            if used > width + 3:
                break
            fitting.append((index, one))
        return fitting

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """Number, name, count."""
        line = self.start().gap()
        for index, one in self._parts(width):
            chosen = index == self.chosen
            line.put(str(index + 1), "accent", bold=True).gap()
            line.put(one.name, "strong" if chosen else "soft", bold=chosen, underline=chosen).gap()
            line.put("·" if one.count is None else str(one.count), "text" if one.count else "soft").gap(3)
        return line, None

    def on_click(self, event: events.Click) -> None:
        """Tell which was meant."""
        column = 1
        for index, one in self._parts(self.size.width):
            column += cell_len(one.name) + len(str(one.count or 0)) + 6
            if event.x < column:
                self.post_message(self.Picked(index))
                return


class CaseDetail(Rows):
    """The case in focus, right of the list."""

    DEFAULT_CSS = """
    CaseDetail { height: 1fr; width: 45; }
    """

    GROUND = "panel"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.item: WorklistItem | None = None
        self._made: list[tuple[Line, Line | None]] = []
        self._made_for: tuple[object, ...] = ()

    def show(self, item: WorklistItem | None) -> None:
        """Show a case."""
        self.item = item
        self.refresh()

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """A row of the detail: padded one row and two columns."""
        key = (self.item, width, self.look.name, clock(self.face.now()))
        if key != self._made_for:
            self._made_for, self._made = key, self._build(width - 4)
        y -= 1
        left, right = self._made[y] if 0 <= y < len(self._made) else (self.start(), None)
        made = self.start().gap(2).add(left)
        return made, right

    def _build(self, width: int) -> list[tuple[Line, Line | None]]:
        item = self.item
        if item is None:
            return []
        rows: list[Line] = [*self._who(item), self.start(), *self._order(item, width), self.start()]
        rows += [*self._pictures(item, width), self.start(), *self._report(item, width)]
        return [(row, None) for row in rows]

    def _who(self, item: WorklistItem) -> list[Line]:
        name = self.start().put(person(item.name), "strong", bold=True)
        if self.face.demo:
            name.put(" DEMO", "warn", bold=True)
        years = age(item.birth_date, self.face.now().date())
        facts = self.start().put(f"{item.sex or '?'} {years}".strip(), "text").gap(3)
        facts.put("born ", "soft").put(born(item.birth_date) or "date unknown", "text")
        number = self.start()
        if item.nhs_number:
            number.put("NHS ", "soft").put(nhs(item.nhs_number), "text")
            if item.nhs_status == "01":
                number.put(f" {self.glyphs.passes} 01 verified", "good")
            elif item.nhs_status:
                number.put(f" ? {item.nhs_status} not verified", "warn")
        else:
            number.put("No NHS number", "soft")
        return [name, facts, number, self.start().put("ID ", "soft").put(item.patient_id or "none", "soft")]

    def _order(self, item: WorklistItem, width: int) -> list[Line]:
        rows = [self.start().rule("Order", width, glyph=self.glyphs.rule)]
        rows += [self.start().put(part) for part in wrap(item.procedure or item.modality, width)[:2]]
        site = "  ".join(part for part in (item.accession, item.site or item.hub) if part)
        rows.append(self.start().put(fit(site, width).rstrip(), "soft"))
        quarter, words, role = due_words(item.due, item.due_used, self.face.now())
        due = self.start().put(item.priority or "routine", "danger" if item.priority == "stat" else "text")
        if words:
            due.put(f", due {clock(item.due)} ", "text").put(f"{self.glyphs.due[quarter]} {words}", role)
            due.put("" if "over" in words else " left", role)
        return [*rows, due]

    def _pictures(self, item: WorklistItem, width: int) -> list[Line]:
        note = {"all": "verified", "part": "part", "none": ""}.get(item.cached, "")
        rows = [self.start().rule("Images", width, note, glyph=self.glyphs.rule)]
        line = self.start()
        for text, role, bold in _images(self.face, item, False, False):
            line.put(text, role, bold=bold)
        total = f"{item.held} of {item.instances}" if item.instances is not None else f"{item.held}"
        rows.append(line.gap(3).put(f"{total} images", "text"))
        rows.append(
            self.start().put(
                "priors are here too" if item.priors_ready else "priors are not all here",
                "good" if item.priors_ready else "soft",
            )
        )
        return rows

    def _report(self, item: WorklistItem, width: int) -> list[Line]:
        rows = [self.start().rule("Report", width, item.state, glyph=self.glyphs.rule)]
        state = self.start()
        for text, role, bold in _report(self.face, item, False, False):
            state.put(text, role, bold=bold)
        if state.width:
            rows.append(state)
        if item.signable:
            rows.append(
                self.start().put(f"{self.glyphs.passes} ", "good").put("you may sign this case", "soft")
            )
        else:
            words = f"{self.glyphs.needs} {item.why_not or 'not yours to sign'}"
            rows += [self.start().put(part, "warn") for part in wrap(words, width)[:4]]
        if item.owner_name:
            rows.append(
                self.start().put("held by ", "soft").put(fit(item.owner_name, width - 8).rstrip(), "soft")
            )
        return rows
