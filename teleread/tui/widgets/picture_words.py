"""The words of a picture pane: its heading, the corner text, the rail beside it, and words in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from teleread.model.text import SafeText, clean
from teleread.tui.graphics import Graphics
from teleread.tui.paint import Line, fit, wrap
from teleread.tui.pictures import Shot
from teleread.workstation.api import SeriesView

from .picture_view import Seen, View
from .rows import Rows

if TYPE_CHECKING:
    from teleread.imaging.frames import Frame, Window

    from .picture_paint import Painter

__all__ = ["NOTICE", "PictureWords"]

NOTICE: Final = SafeText("preview, not for diagnosis")
SYSTEMS: Final = {
    "truecolor": ColorSystem.TRUECOLOR,
    "256": ColorSystem.EIGHT_BIT,
    "16": ColorSystem.STANDARD,
}
NARROW, WIDE = 44, 70
"""Columns of a pane from which its heading has room for the window, and for all words."""


class PictureWords(Rows):
    """What is said around a picture.

    Args:
        graphics: How the terminal shows pictures.
        slot: Which of the panes it is.
    """

    def __init__(self, graphics: Graphics, slot: int = 0, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.graphics = graphics
        self.slot = slot
        self.series: Sequence[SeriesView] = ()
        self.series_at = 0
        self.at = 0
        self.shown_at = -1
        """Place of the frame that is drawn; -1 before the first."""
        self.view = View()
        self.corner = True
        self.covered = False
        """Nothing is drawn: the screen is locked."""
        self.title: tuple[tuple[str, str], ...] = ()
        """What stands first in the heading, (words, role): which study this is, where there are two."""
        self.note: tuple[str, str] = ("", "soft")
        """(words, role): how this pane follows another."""
        self.cut_words: tuple[str, str] = ("", "soft")
        """(words, role): how the series is cut another way than it was taken."""
        self.under = SafeText("")
        """The value under the cursor."""
        self._shots: Sequence[Shot] = ()
        self._seen: Seen | None = None

    @property
    def current_series(self) -> SeriesView | None:
        """The series in sight."""
        return self.series[self.series_at] if self.series else None

    @property
    def painter(self) -> Painter:
        """How it is drawn now."""
        raise AttributeError(f"{type(self).__name__} has no painter")

    def window_now(self) -> Window | None:
        """The window in use; None for colour, tables and words."""
        raise AttributeError(f"{type(self).__name__} has no window")

    def laid(self) -> tuple[str, str]:
        """(words, role): what lies over the picture."""
        return "", "soft"

    def _cells(self, texts: Sequence[tuple[int, int, SafeText, str]], first: int, count: int) -> str:
        """Black cells with the texts that begin in them."""
        ground = "\x1b[0;48;2;0;0;0m"
        out, at = [ground], first
        for _, column, words, style in sorted(texts, key=lambda one: one[1]):
            if not first <= column < first + count or column < at:
                continue
            shown = words[: first + count - column]
            out += [" " * (column - at), style, shown, ground]
            at = column + len(shown)
        return "".join([*out, " " * (first + count - at), "\x1b[0m"])

    def _waiting(self) -> str:
        if self.covered:
            return ""
        return "" if self._shots else "No image is here. F fetches this study first."

    def _heading(self, width: int) -> tuple[Line, Line | None]:
        focus = self.has_focus
        ground = "raised" if focus else "panel"
        line = self.start(ground)
        line.put(self.glyphs.bar if focus else " ", "accent")
        for words, role in self.title:
            line.put(words, role, bold=role == "warn").gap(2)
        series = self.current_series
        if series is None:
            return line.put("Pictures", "strong", bold=focus), None
        number = f"S{series.number} " if series.number is not None else ""
        line.put(f"{number}{series.description or series.modality}", "strong", bold=True).gap(2)
        line.put(f"{self.series_at + 1}/{len(self.series)} series", "soft")
        return line, self._heading_right(ground, width)

    def _heading_right(self, ground: str, width: int) -> Line:
        right = self.start(ground)
        for words, role in (self.cut_words, self.laid(), self.note):
            if words:
                right.put(words, role).gap(2)
        if self.under:
            right.put(self.under, "text").gap(2)
        window = self.window_now()
        if window is not None and width >= NARROW:
            right.put(f"W {window.width:g} L {window.centre:g} ", "text")
            right.put(self.view.word if width >= WIDE or not self.title else "", "soft").gap(2)
        for said, word in (
            (self.view.invert, "inverted"),
            (self.view.rotation, f"turned {self.view.rotation}°"),
            (self.view.flip, "mirrored"),
        ):
            if said:
                right.put(word, "warn").gap(2)
        ratio = f" {self._seen.placement.ratio}" if self._seen is not None and width >= WIDE else ""
        return right.put(f"{self.painter.words}{ratio}", "soft").gap() if width >= NARROW else right

    def _texts(self, frame: Frame, width: int, height: int) -> list[tuple[int, int, SafeText, str]]:
        """Corner text: number, position, letters, and the notice that is never off."""
        from teleread.imaging.stack import orientation_letters, turned_orientation

        texts: list[tuple[int, int, SafeText, str]] = []
        bottom = height - 1

        def put(row: int, column: int, words: str, role: str) -> None:
            if 0 <= row < height and words:
                texts.append((row, max(0, column), clean(words), self._escape(role)))

        put(bottom, width - len(NOTICE) - 1, NOTICE, "warn")
        for row, column, words, role in self.labels(width, height):
            put(row, column, words, role)
        if not self.corner:
            return texts
        number = f"{self.shown_at + 1}/{len(self._shots)}"
        put(0, width - len(number) - 1, number, "text")
        if self.at != self.shown_at:
            put(1, width - 12, f"{self.at + 1} is coming", "soft")
        turned = turned_orientation(frame.orientation, self.view.rotation, self.view.flip)
        left, right, top, low = orientation_letters(turned)
        put(0, (width - len(top)) // 2, top, "strong")
        put(bottom, (width - len(low)) // 2, low, "strong")
        inner = 0 if self.painter.graphic else 1
        put(height // 2, inner, left[:2], "strong")
        put(height // 2, width - len(right[:2]) - inner, right[:2], "strong")
        if frame.position is not None:
            axis = max(range(3), key=lambda index: abs(_normal(frame)[index]))
            put(bottom, 1, f"{'xyz'[axis]} {frame.position[axis]:.1f} mm", "soft")
        return texts

    def labels(self, width: int, height: int) -> list[tuple[int, int, str, str]]:
        """Further words on the picture: row, column, words, role."""
        return []

    def _escape(self, role: str) -> str:
        """The escape sequence of a role on a picture: always the dark theme's colours."""
        colours = self.graphics.colours
        if colours == "mono":
            return ""
        looks = self.face.looks
        look = looks.get("reading-room", self.look)
        colour = look.roles[role].rich
        if colour is None:
            return ""
        codes = ";".join(colour.downgrade(SYSTEMS[colours]).get_ansi_codes())
        return f"\x1b[{codes}m"

    def key_places(self) -> frozenset[int]:
        """Places of the stack that carry a key image or a measurement."""
        return frozenset()

    def rail(self, height: int) -> list[str]:
        """The cells of the rail: where we are in the stack, and what is marked there."""
        ground, end = "\x1b[0;40m", "\x1b[0m"
        count = len(self._shots)
        if count < 2 or height < 1:
            marked = bool(self.key_places())
            blank = f"{ground}{self._escape('faint')} {end}"
            first = f"{ground}{self._escape('accent')}{self.glyphs.issued}{end}" if marked else blank
            return [first, *[blank] * (height - 1)][:height]
        found = [f"{ground}{self._escape('faint')}{self.glyphs.rail}{end}"] * height
        marked_cell = f"{ground}{self._escape('accent')}{self.glyphs.issued}{end}"
        for place in self.key_places():
            found[round(place * (height - 1) / (count - 1))] = marked_cell
        here = round(self.shown_at * (height - 1) / (count - 1))
        role = "accent" if self.shown_at in {0, count - 1} else "soft"
        for row in {here, here - 1} if here else {0, 1}:
            if 0 <= row < height:
                found[row] = f"{ground}{self._escape(role)}{self.glyphs.thumb}{end}"
        return found

    def _words(self, y: int, width: int, height: int, reason: str) -> Strip:
        """Words in place of a picture."""
        black = Style(bgcolor="#000000", color="#cbc7bd")
        rows = wrap(reason, max(10, width - 8)) if reason else []
        if y == height - 1:
            text = fit(f"{NOTICE:>{max(0, width - 1)}}", width)
        else:
            first = max(0, (height - len(rows)) // 2)
            index = y - first
            text = rows[index].center(width) if 0 <= index < len(rows) else " " * width
        return Strip([Segment(fit(text, width), black)], width)


def _normal(frame: Frame) -> tuple[float, float, float]:
    from teleread.imaging.stack import normal

    return normal(frame.orientation) if frame.orientation is not None else (0.0, 0.0, 1.0)
