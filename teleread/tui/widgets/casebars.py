"""Rows 2 to 4 of the reading screen: who it is, what is asked, what came before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.reactive import reactive

from teleread.tui.paint import Line, fit
from teleread.tui.words import age, born, clock, day, due_words, nhs, person
from teleread.workstation.api import Case, PriorView

from .rows import Rows

__all__ = ["IdentityRow", "OrderRow", "PriorsStrip", "identity_line"]

LEAST_WORDS = 6
"""Cells below which the joined row leaves the order out."""
_COUNTED: Final = re.compile(r"^\d+ of \d+ instances are [^.]+\.\s*")
_MATCH = {
    "ok": ("match", "good"),
    "warn": ("differs", "warn"),
    "unknown": ("not certain", "warn"),
    "stop": ("STOP", "danger"),
}


def identity_line(widget: Rows, case: Case, *, wide: bool, ground: str, gap: int = 3) -> Line:
    """Name, sex, age, birth date, NHS number: the same on every screen that shows a patient."""
    item = case.item
    line = widget.start(ground).put(widget.glyphs.bar, "accent").put(person(item.name), "strong", bold=True)
    if widget.face.demo:
        line.put(" DEMO", "warn", bold=True)
    years = age(item.birth_date, widget.face.now().date())
    line.gap(gap).put(f"{item.sex or '?'} {years or '?'}", "text").gap(gap)
    line.put("born ", "text").put(born(item.birth_date) or "unknown", "strong").gap(gap)
    if item.nhs_number:
        line.put("NHS ", "soft").put(nhs(item.nhs_number), "strong")
        verified = item.nhs_status == "01"
        mark = f" {widget.glyphs.passes} 01" if verified else f" ? {item.nhs_status or 'not verified'}"
        line.put(mark, "good" if verified else "warn")
    else:
        line.put("ID ", "soft").put(item.patient_id or "none", "strong")
    if wide:
        line.gap(gap).put(item.accession or "no accession", "soft").gap(gap).put(
            item.site or item.hub, "soft"
        )
    return line


class CaseRow(Rows):
    """A row about one case."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.case: Case | None = None

    def show(self, case: Case) -> None:
        """Show a case."""
        self.case = case
        self.refresh()


@dataclass(frozen=True, slots=True)
class Banner:
    """Words that take row 3."""

    sign: str
    words: str
    role: str
    reverse: bool = False
    whole: bool = True
    """Takes the whole row; else only the question's place."""


class OrderRow(CaseRow):
    """Row 3: priority, examination, question, time left; or a banner."""

    GROUND = "panel"

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """The row."""
        case = self.case
        if case is None:
            return self.start(), None
        banner = banner_of(self, case)
        line = self.start().gap()
        if banner is not None and banner.whole:
            line.put(f"{banner.sign} {banner.words}", banner.role, bold=True, reverse=banner.reverse)
            if not case.match.stops:
                return line, None
            return line, self.start().chip("o", "details")
        item = case.item
        self._priority(line, item.priority)
        line.put(item.procedure or item.modality, "strong", bold=True).gap(2)
        right = self._due()
        if banner is not None:
            line.put(f"{banner.sign} {banner.words}", banner.role)
            return line, right
        question = " ".join(case.context.order.question.split())
        if question:
            room = width - line.width - right.width - 3
            line.put("Q ", "accent", bold=True).put(fit(question, room).rstrip() if room > 3 else "", "text")
        return line, right

    def _priority(self, line: Line, priority: str) -> None:
        glyphs = self.glyphs
        signs = {
            "stat": (glyphs.stat, "stat", "danger"),
            "urgent": (glyphs.urgent, "urg", "warn"),
            "asap": (glyphs.asap, "asap", "warn"),
        }
        if priority in signs:
            sign, word, role = signs[priority]
            line.put(f"{sign} {word}", role, bold=True).gap(2)

    def _due(self) -> Line:
        assert self.case is not None
        item = self.case.item
        quarter, words, role = due_words(item.due, item.due_used, self.face.now())
        line = self.start()
        if words:
            left = "" if words.endswith("over") else " left"
            line.put(f"{self.glyphs.due[quarter]} {words}{left}", role, bold=role != "soft")
        return line.gap()


def banner_of(row: Rows, case: Case) -> Banner | None:
    """The most pressing words about a case, or None."""
    glyphs, item = row.glyphs, case.item
    if case.match.stops:
        return Banner(glyphs.needs, _stop_words(case), "danger", reverse=True)
    if item.report_state == "needs_attention":
        return Banner(
            glyphs.needs, "NEEDS YOU: the hub did not take this report as it stands.  g o", "danger"
        )
    if item.report_state == "signed":
        return Banner(glyphs.not_issued, "SIGNED, NOT ISSUED. It goes by itself.  g o outbox", "warn")
    if case.context.task.owner and not item.mine:
        return Banner(glyphs.needs, _others_words(case), "warn", whole=False)
    if item.cached != "all":
        return Banner(glyphs.part, _part_words(case), "warn", whole=False)
    status = row.face.status
    hubs = status.hubs if status else ()
    offline = next((hub for hub in hubs if hub.hub_id == item.key.hub_id and not hub.online), None)
    if offline is None:
        return None
    since = f" since {clock(offline.offline_since)}" if offline.offline_since else ""
    return Banner(glyphs.offline, f"OFFLINE{since}. Nothing you do is lost.", "warn", whole=False)


def _stop_words(case: Case) -> str:
    """The consequence first, then what differs by its first words: the rest is one key away."""
    names = [str(one.text).split(":")[0] for one in case.match.stops]
    small = [name if name[:2].isupper() else name[:1].lower() + name[1:] for name in names]
    return f"STOP  Signing is off. Images and order differ: {', '.join(small)}"


def _others_words(case: Case) -> str:
    who = str(case.context.task.owner_name) or "another reader"
    if case.item.state == "completed":
        return f"Not yours: {who} has reported it."
    return f"Not yours: {who} has it; you may draft, not sign."


def _part_words(case: Case) -> str:
    item = case.item
    if not item.held:
        return "No image is here yet. F fetches it first."
    total = f" of {item.instances}" if item.instances is not None else ""
    told = str(case.study.missing_why) if case.study is not None else ""
    why = _COUNTED.sub("", told)  # counted when the fetch began: two counts would contradict each other
    return f"{item.held}{total} images are here. {why}{' ' if why else ''}Signing asks why."


class IdentityRow(CaseRow):
    """Row 2: who it is, and whether order, report and images agree."""

    GROUND = "raised"
    carries_order: reactive[bool] = reactive(False)
    """The window is too low for row 3: what is asked, or its banner, stands here."""

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """The row."""
        if self.case is None:
            return self.start(), None
        right = self._match(width)
        if not self.carries_order:
            line = identity_line(self, self.case, wide=width >= 120, ground=self.GROUND)
            if line.width + right.width >= width:  # a long name: closer together, so that nothing is cut
                line = identity_line(self, self.case, wide=width >= 120, ground=self.GROUND, gap=1)
            return line, right
        line = self._short(self.case)
        room = width - line.width - right.width - 3
        words, role = self._asked(self.case)
        if room >= LEAST_WORDS:
            line.gap(2).put(fit(words, room).rstrip(), role, bold=role != "text")
        return line, right

    def _match(self, width: int) -> Line:
        assert self.case is not None
        level = self.case.match.level
        word, role = _MATCH[level]
        right = self.start()
        if width >= 130 and not self.carries_order:
            right.put("order = report = images ", "soft")
        sign = self.glyphs.passes if level == "ok" else "?" if level != "stop" else self.glyphs.needs
        return right.put(f"{sign} {word}", role, bold=level == "stop", reverse=level == "stop").gap()

    def _short(self, case: Case) -> Line:
        """Name, sex, age and birth date: what a signature is proved by stays whole."""
        item = case.item
        line = self.start().put(self.glyphs.bar, "accent").put(person(item.name), "strong", bold=True)
        if self.face.demo:
            line.put(" DEMO", "warn", bold=True)
        years = age(item.birth_date, self.face.now().date())
        line.gap().put(f"{item.sex or '?'} {years or '?'}", "text").gap()
        return line.put("born ", "text").put(born(item.birth_date) or "unknown", "strong")

    def _asked(self, case: Case) -> tuple[str, str]:
        """(words, role): the banner, else examination and time left."""
        banner = banner_of(self, case)
        if banner is not None:
            return f"{banner.sign} {banner.words}", banner.role
        item = case.item
        quarter, words, _ = due_words(item.due, item.due_used, self.face.now())
        due = f"  {self.glyphs.due[quarter]} {words}" if words else ""
        return f"{item.procedure or item.modality}{due}", "text"


class PriorsStrip(CaseRow):
    """Row 4: the priors that matter, newest first."""

    GROUND = "panel"

    @dataclass
    class Opened(Message):
        """A prior was clicked."""

        prior: PriorView | None

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._places: list[tuple[int, PriorView]] = []

    def line(self, y: int, width: int) -> tuple[Line, Line | None]:
        """``p now 24 Nov 26 ▸ ■ CT abdo 3 May 26 …``."""
        case = self.case
        if case is None:
            return self.start(), None
        glyphs = self.glyphs
        line = self.start().gap().put("p", "strong", bold=True).gap()
        started = case.context.study.started if case.context.study else None
        line.put("now", "strong", underline=True).put(
            f" {day(started or case.context.order.occurrence, short=True)}", "text"
        )
        line.gap(2).put(glyphs.open, "soft")
        relevant = [prior for prior in case.priors if prior.relevant]
        others = len(case.priors) - len(relevant)
        self._places = []
        shown = 0
        for prior in relevant:
            words = f"{prior.description or prior.modality} {day(prior.date, short=True)}".strip()
            words = words if prior.description[:2] == prior.modality else f"{prior.modality} {words}"
            if line.width + cell_len(words) + 12 > width:
                break
            here = prior.cached == "all"
            line.gap(2 if shown else 1).put(glyphs.here if here else glyphs.away, "good" if here else "soft")
            line.put(f" {words}", "text" if here else "soft")
            self._places.append((line.width, prior))
            shown += 1
        if not case.priors:
            line.gap().put("no earlier study is known", "soft")
        more = len(relevant) - shown
        if more or others:
            short = more or (width < 120 and shown)
            line.gap(2 if shown else 1).put(
                f"+{more + others}" if short else f"+{others} not relevant", "soft"
            )
        return line, self.start().put("p ", "strong", bold=True).put("priors", "soft").gap()

    def on_click(self, event: events.Click) -> None:
        """A click opens the list of priors, at the one clicked."""
        hit = next((prior for edge, prior in self._places if event.x < edge), None)
        self.post_message(self.Opened(hit))
