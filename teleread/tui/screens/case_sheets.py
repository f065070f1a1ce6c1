"""Sheets about the open case: order and match, priors and their reports, checks."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from textual import events

from teleread.model.report import Check, Override
from teleread.model.text import clean
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.lines import Lines, Row
from teleread.tui.widgets.report_drawing import check_sign
from teleread.tui.words import clock, day
from teleread.workstation.api import Case, PriorView

from .ask import AskText
from .sheet import Sheet, T

__all__ = ["ChecksSheet", "OrderSheet", "PriorReportSheet", "PriorsSheet"]

_SCROLL = {"w": -1, "up": -1, "s": 1, "down": 1, "pageup": -9, "pagedown": 9, "W": -9, "S": 9}


class Scrolling(Sheet[T]):
    """A sheet of rows that can be scrolled by keys."""

    def high(self) -> int:
        """As high as its rows."""
        return len(self.rows(max(20, self.width_wanted()))) + 1

    def wanted(self) -> int:
        """As high as its rows."""
        return self.high()

    def scrolled(self, event: events.Key) -> bool:
        """Scroll by a key; whether it was one."""
        if event.key not in _SCROLL:
            return False
        event.stop()
        event.prevent_default()
        self.query_one("#rows", Lines).scroll_rows(_SCROLL[event.key])
        return True

    async def _on_key(self, event: events.Key) -> None:
        self.scrolled(event)


class OrderSheet(Scrolling[str]):
    """Order, question, contacts; and what was compared with what.

    Args:
        case: The open case.
        lifting: A STOP may be lifted from here.
    """

    def __init__(self, case: Case, *, lifting: bool = True) -> None:
        super().__init__()
        self.case = case
        self.lifting = lifting and bool(case.match.stops)
        first = (("i", "identity checked"),) if self.lifting else ()
        self.HINTS = (*first, ("w s", "scroll"), ("Esc", "back"))

    def rows(self, width: int) -> Sequence[Row]:
        """Order first, then the comparison."""
        order, task = self.case.context.order, self.case.context.task
        made: list[Row] = [self.heading("Order", width, order.accession)]
        made += self._lines(order.procedure, width, "strong")
        made += self._fact("Question", order.question, width)
        made += self._fact("Side", order.laterality, width)
        made += self._fact("Part", order.body_part, width)
        made += self._fact(
            "Asked by", "  ".join(one for one in (order.requester, task.requester) if one), width
        )
        made += self._fact("Contact", order.contact, width)
        done = order.occurrence or (self.case.context.study.started if self.case.context.study else None)
        made += self._fact("Examined", f"{day(done)} {clock(done)}".strip(), width)
        made.append((self.start(), None))
        made.append(self.heading("Same patient, same study?", width))
        signs = {"stop": ("STOP", "danger"), "warn": ("differs", "warn"), "unknown": ("not certain", "warn")}
        for one in self.case.match.findings:
            word, role = signs.get(one.level, (self.face.glyphs.passes, "good"))
            lead = self.start().put(f"{word} ", role, bold=one.level == "stop")
            parts = wrap(one.text, width - lead.width - 2)
            made.append((lead.put(parts[0] if parts else ""), None))
            made += [(self.start().gap(2).put(part), None) for part in parts[1:]]
        if self.lifting:
            made.append((self.start(), None))
            words = "If you know another way that these images are of this patient: i, identity checked."
            made += self._lines(words, width, "warn")
        return made

    def _lines(self, text: str, width: int, role: str = "text") -> list[Row]:
        return [(self.start().put(part, role), None) for part in wrap(text, width - 3)] if text else []

    def _fact(self, name: str, text: str, width: int) -> list[Row]:
        if not text.strip():
            return []
        parts = wrap(text, width - 14)
        first = self.start().put(fit(name, 10), "soft").put(parts[0])
        return [(first, None), *((self.start().gap(10).put(part), None) for part in parts[1:])]

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "i" and self.lifting:
            event.stop()
            self.finish("identity")
            return
        self.scrolled(event)


class PriorsSheet(Sheet[tuple[str, int]]):
    """The priors: why each, here or away, with a report or without.

    Args:
        case: The open case.
    """

    HINTS = (
        ("w s", "choose"),
        ("Enter", "its report"),
        ("c", "compare"),
        ("F", "fetch"),
        ("Esc", "back"),
    )

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.at = 0

    def wanted(self) -> int:
        """A row each, and the heading."""
        return max(2, len(self.case.priors) + 2)

    def rows(self, width: int) -> Sequence[Row]:
        """Date, examination, here or away, why."""
        relevant = sum(one.relevant for one in self.case.priors)
        made: list[Row] = [self.heading("Priors", width, f"{relevant} of {len(self.case.priors)} relevant")]
        if not self.case.priors:
            made.append((self.start().put("No earlier study of this patient is known.", "soft"), None))
        glyphs = self.face.glyphs
        for index, one in enumerate(self.case.priors):
            line = Line(self.face.look, "select" if index == self.at else "raised").gap()
            here = one.cached == "all"
            line.put(f"{glyphs.here if here else glyphs.away} ", "good" if here else "soft")
            line.put(fit(day(one.date, short=True), 10), "text").gap()
            name = (
                one.description
                if one.description[:2] == one.modality
                else f"{one.modality} {one.description}"
            )
            line.put(fit(name, max(12, width - 52)), "strong" if index == self.at else "text").gap()
            line.put(fit("report" if one.report else "", 7), "accent").gap()
            line.put(fit(one.why, 24).rstrip(), "soft")
            made.append((line.to(width), None))
        return made

    async def _on_key(self, event: events.Key) -> None:
        steps = {"w": -1, "up": -1, "s": 1, "down": 1}
        if event.key in steps:
            event.stop()
            event.prevent_default()
            self.at = min(max(self.at + steps[event.key], 0), max(0, len(self.case.priors) - 1))
            self.renew()
        elif event.key in {"F", "c"} and self.case.priors:
            event.stop()
            self.finish(("fetch" if event.key == "F" else "compare", self.at))

    def do_sheet_ok(self, key: str) -> None:
        """Enter reads the report of the one chosen."""
        if not self.case.priors:
            return
        if self.case.priors[self.at].report is None:
            self.face.tell("The hub holds no report of that study.", "soft")
            return
        self.finish(("report", self.at))

    def on_lines_clicked(self, message: Lines.Clicked) -> None:
        """A click chooses."""
        index = message.row - 1
        if 0 <= index < len(self.case.priors):
            self.at = index
            self.renew()


class PriorReportSheet(Scrolling[None]):
    """An earlier report, as the hub holds it.

    Args:
        prior: The earlier study.
    """

    HINTS = (("w s", "scroll"), ("Esc", "back"))

    def __init__(self, prior: PriorView) -> None:
        super().__init__()
        self.prior = prior

    def rows(self, width: int) -> Sequence[Row]:
        """Who, when, text."""
        report = self.prior.report
        assert report is not None
        who = ", ".join(one for one in (report.author, report.status, day(report.issued)) if one)
        made: list[Row] = [
            self.heading(f"PRIOR  {report.title or self.prior.description}", width, who, "warn")
        ]
        made += [(self.start().put(part), None) for part in wrap(report.text, width - 3)]
        if report.conclusion and report.conclusion not in report.text:
            made.append(self.heading("Conclusion", width))
            made += [(self.start().put(part), None) for part in wrap(report.conclusion, width - 3)]
        return made


class ChecksSheet(Sheet[int]):
    """What the rules found; Enter goes to the place.

    Args:
        checks: The findings.
        overrides: Reasons given, by rule.
    """

    HINTS = (("w s", "choose"), ("Enter", "go there"), ("o", "say why"), ("Esc", "back"))

    def __init__(self, checks: Sequence[Check], overrides: MutableMapping[str, Override]) -> None:
        super().__init__()
        self.checks = checks
        self.overrides = overrides
        self.at = 0

    def take(self, checks: Sequence[Check]) -> None:
        """The rules have run again: show what they found, the same one in focus where it is still there."""
        now = self.checks[self.at] if self.checks else None
        self.checks = checks
        self.at = next(
            (index for index, one in enumerate(checks) if now and (one.id, one.text) == (now.id, now.text)),
            min(self.at, max(0, len(checks) - 1)),
        )
        self.settle()
        self.renew()

    def _given(self, one: Check) -> Override | None:
        """The reason that was given for it."""
        return self.overrides.get(one.override)

    def wanted(self) -> int:
        """Two rows each, and the heading."""
        return max(3, 2 * len(self.checks) + 2)

    def rows(self, width: int) -> Sequence[Row]:
        """Sign, words, hazard."""
        # as the sign sheet counts: each ‼ and each ? wants mending or a reason
        left = sum(one.severity in {"stop", "block", "warn"} and not self._given(one) for one in self.checks)
        note = "all pass" if not self.checks else f"{left} to settle"
        made: list[Row] = [self.heading("Checks", width, note)]
        if not self.checks:
            made.append((self.start().put("Nothing to settle.", "good"), None))
        for index, one in enumerate(self.checks):
            made += [(line.to(width), None) for line in self._one(index, one, width)]
        return made

    def _one(self, index: int, one: Check, width: int) -> tuple[Line, Line]:
        ground = "select" if index == self.at else "raised"
        sign, role = check_sign(one, self.query_one("#rows", Lines))
        given = self._given(one)
        if given is not None:
            sign, role = self.face.glyphs.overridden, "warn"
        line = Line(self.face.look, ground).gap().put(f"{sign} ", role, bold=True)
        line.put(fit(one.text, width - 5).rstrip(), "strong")
        below = Line(self.face.look, ground).gap(4)
        words = f"because: {given.reason}" if given is not None else one.hazard
        return line, below.put(fit(words, width - 7).rstrip(), "soft")

    async def _on_key(self, event: events.Key) -> None:
        steps = {"w": -1, "up": -1, "s": 1, "down": 1}
        if event.key in steps:
            event.stop()
            event.prevent_default()
            self.at = min(max(self.at + steps[event.key], 0), max(0, len(self.checks) - 1))
            self.renew()
            self.query_one("#rows", Lines).show_row(2 * self.at + 1, 2)
        elif event.key == "o" and self.checks:
            event.stop()
            self._say_why(self.checks[self.at])

    def _say_why(self, one: Check) -> None:
        """Ask the reason that goes past a check; a STOP and a right that is missing have another way."""
        if one.severity == "stop":
            self.face.tell("A STOP is lifted on its own sheet: Esc, o, i.", "warn")
            return
        if not one.override:
            self.face.tell(f"{one.text} No reason lifts that.", "warn")
            return

        def said(reason: str | None) -> None:
            if reason:
                self.overrides[one.override] = Override(one.override, clean(reason))
                self.renew()

        given = self._given(one)
        self.under.open_sheet(AskText("Why", str(one.text), start=str(given.reason) if given else ""), said)

    def do_sheet_ok(self, key: str) -> None:
        """Enter goes there."""
        if self.checks:
            self.finish(self.at)
