"""Signed versions of a case's report: who, when, delivered or not; the text of one, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from textual import events

from teleread.model.task import TaskKey
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.widgets.lines import Row
from teleread.tui.words import clock, day
from teleread.workstation.versions import Version, changes

from .case_sheets import Scrolling
from .place import Place
from .report_sheets import Picking
from .reports import ReportSheet

if TYPE_CHECKING:
    from teleread.model.report import Section
    from teleread.reporting.diff import SentencePair

__all__ = ["ChangesSheet", "VersionText", "VersionsSheet", "kind_words", "show_versions", "state_words"]

_KINDS: Final = {
    "report": "final",
    "preliminary": "unsigned reading",
    "opinion": "second opinion",
}
_STATES: Final = {
    "held": "held back",
    "queued": "not issued",
    "sending": "no answer yet",
    "needs_attention": "needs you",
    "delivered": "issued",
    "closed": "taken back",
    "issued": "issued",
}


def kind_words(one: Version) -> str:
    """What kind of version it is."""
    return _KINDS.get(one.report.kind, one.report.kind)


def state_words(one: Version) -> str:
    """What became of it."""
    return _STATES.get(one.delivery or one.report.state, "not issued")


async def show_versions(place: Place, key: TaskKey, draft: Callable[[], object] | None = None) -> bool:
    """Lay the signed versions of a case over a screen; whether there are any.

    Args:
        place: The screen.
        key: The case.
        draft: Shows the earlier texts of the draft that is being written; None for no draft.
    """
    found = await place.face.calls.vault(place.face.workstation.writing.versions, key)
    if not found:
        return False

    def answered(answer: str | None) -> None:
        if answer == VersionsSheet.DRAFT and draft is not None:
            draft()

    place.open_sheet(VersionsSheet(found, with_draft=draft is not None), answered)
    return True


class VersionsSheet(Picking[str]):
    """Versions, the newest first; Enter opens the text of one, c what it changed.

    Args:
        found: In the order they were signed.
        with_draft: A draft is being written: it stands first, and Enter on it shows its earlier texts.
    """

    DRAFT: Final = "draft"
    """The answer for: the draft's earlier texts."""
    HINTS = (("w s", "choose"), ("Enter", "its text"), ("c", "what it changed"), ("Esc", "back"))
    IN_SIGHT = 7
    TOLD: Final = 4
    """Rows about the one in focus."""

    def __init__(self, found: Sequence[Version], *, with_draft: bool = False) -> None:
        super().__init__()
        self.found = found
        self.shown: list[Version | None] = [*((None,) if with_draft else ()), *reversed(found)]

    def count(self) -> int:
        """A row a version."""
        return len(self.shown)

    def wanted(self) -> int:
        """The list, and what is known of the one in focus."""
        return super().wanted() + self.TOLD + 1

    def rows(self, width: int) -> Sequence[Row]:
        """Versions; below them who signed the one in focus, why, and the receipt."""
        made: list[Row] = [self.heading("Versions", width, "a signed one never changes"), *self.picked(width)]
        made.append(self.heading("This one", width))
        told = [(part, role) for words, role in self._told() for part in wrap(words, width - 3)]
        return [*made, *((self.start().put(part, role), None) for part, role in told[: self.TOLD])]

    def draw(self, index: int, line: Line, width: int) -> Line:
        """Version, kind, time, what became of it."""
        one = self.shown[index]
        if one is None:
            return line.put(f"{self.face.glyphs.draft} draft", "warn").gap(2).put("being written", "soft")
        line.put(fit(f"v{one.report.version}", 4), "strong").put(fit(kind_words(one), 17), "text")
        when = one.report.signed_at
        line.put(fit(f"{day(when, short=True)} {clock(when)}", 17), "text")
        sign, role = self._state(one)
        return line.put(f"{sign} {state_words(one)}", role)

    def _state(self, one: Version) -> tuple[str, str]:
        glyphs, words = self.face.glyphs, state_words(one)
        if not one.verdict.valid:
            return glyphs.needs, "danger"
        return {
            "issued": (glyphs.issued, "good"),
            "needs you": (glyphs.needs, "danger"),
            "taken back": (glyphs.overridden, "soft"),
        }.get(words, (glyphs.not_issued, "warn"))

    def _told(self) -> list[tuple[str, str]]:
        """(words, role) about the one in focus."""
        one = self.shown[self.at]
        if one is None:
            return [("Enter shows its earlier texts; none was ever deleted.", "soft")]
        names = ", ".join((str(one.signer) or "nobody named", *map(str, one.beside)))
        verdict = one.verdict
        proved = f"valid, trust {verdict.trust}" if verdict.valid else f"NOT VALID: {verdict.why}"
        verb = "Sealed, unsigned, by" if one.report.kind == "preliminary" else "Signed by"
        told = [(f"{verb} {names}; {proved}", "text" if verdict.valid else "danger")]
        if one.receipt is not None:
            stored = f"{day(one.receipt.stored_at, short=True)} {clock(one.receipt.stored_at)}"
            told.append((f"Receipt {one.receipt.id}, version {one.receipt.version}, {stored}", "good"))
        elif one.why:
            told.append((str(one.why), "warn"))
        if one.reason:
            to = f" Told: {one.told}." if one.told else ""
            told.append((f"Why: {one.reason}{to}", "text"))
        return told

    def take_one(self) -> None:
        """The text of the one in focus, over this sheet; the draft's earlier texts."""
        one = self.shown[self.at]
        if one is None:
            self.finish(self.DRAFT)
        else:
            self.under.open_sheet(VersionText(one))

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "c":
            event.stop()
            self._compare()
            return
        await super()._on_key(event)

    def _compare(self) -> None:
        one = self.shown[self.at]
        before = next(
            (
                other
                for other in reversed(self.found)
                if one is not None
                and other.report.report_id == one.report.report_id
                and other.report.version == one.report.version - 1
            ),
            None,
        )
        if one is None or before is None:
            self.face.tell("There is no signed version before it.", "soft")
        else:
            self.under.open_sheet(ChangesSheet(before, one))


class VersionText(ReportSheet):
    """The text of one version as it was signed, and whether its signature holds.

    Args:
        version: The version.
    """

    HINTS = (("w s", "scroll"), ("Esc", "back"))

    def __init__(self, version: Version) -> None:
        super().__init__(version.report, version.verdict)

    async def _on_key(self, event: events.Key) -> None:
        self.scrolled(event)


class ChangesSheet(Scrolling[None]):
    """What a version changed of the one before it, sentence by sentence, turned sides and denials marked.

    Args:
        before: The version before.
        after: The version.
    """

    HINTS = (("w s", "scroll"), ("Esc", "back"))

    def __init__(self, before: Version, after: Version) -> None:
        super().__init__()
        self.before = before
        self.after = after
        self.changed: Sequence[tuple[Section, tuple[SentencePair, ...]]] = changes(before, after)

    def rows(self, width: int) -> Sequence[Row]:
        """Sections that were changed; `-` before, `+` after."""
        title = f"v{self.before.report.version} to v{self.after.report.version}, {kind_words(self.after)}"
        made: list[Row] = [self.heading(title, width, "what it changed")]
        if not self.changed:
            made.append((self.start().put("Not a word of the text was changed.", "soft"), None))
        for section, pairs in self.changed:
            made.append(self.heading(str(section.label), width))
            for pair in pairs:
                if pair.kind != "same":
                    made += self._pair(pair, width)
        return made

    def _pair(self, pair: SentencePair, width: int) -> list[Row]:
        turned = pair.sided or pair.denied
        note = f"{self.face.glyphs.differs} {'side' if pair.sided else 'denial'}" if turned else ""
        made: list[Row] = []
        for sign, text, role in (("-", str(pair.before), "soft"), ("+", str(pair.after), "text")):
            for index, part in enumerate(wrap(text, width - 16) if text else ()):
                line = self.start().put(fit(note if index == 0 else "", 9), "danger", bold=True)
                line.put(f"{sign if index == 0 else ' '} ", "danger" if turned else role)
                made.append((line.put(part, "danger" if turned else role), None))
        return made
