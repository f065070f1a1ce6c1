"""The picture pane in the reader's hands: the mouse, the cursor, the tools that measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from textual import events
from textual.binding import BindingsMap
from textual.geometry import Region
from textual.message import Message

from teleread.model.picture_marks import PictureMark, of_image
from teleread.model.text import EMPTY
from teleread.tui.graphics import Graphics
from teleread.tui.pictures import Decoder

from .picture_documents import PictureDocuments
from .picture_marks import Ink
from .picture_stack import ZOOM_STEP
from .picture_tools import Tool, inks_of
from .picture_view import Point, View

if TYPE_CHECKING:
    from teleread.imaging.frames import Frame

__all__ = ["ZOOM_STEP", "PicturePane", "View"]

_STEPS: Final = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}
FAR: Final = 8
"""Steps of the cursor at once with Shift."""
DRAGGED: Final = 1.5
"""Canvas pixels a press has to travel to be a drag."""


class PicturePane(PictureDocuments, can_focus=True):
    """One series at a time; the heading, the picture, the rail.

    Args:
        bindings: Keys of pictures.
        decoder: Makes the decoding pool.
        read: Reads one instance's bytes (study uid, sop uid).
        graphics: How the terminal shows pictures.
        slot: Which of the panes it is.
    """

    DEFAULT_CSS = """
    PicturePane { height: 1fr; width: 1fr; background: #000000; }
    """

    CONTEXT = "P"

    @dataclass
    class Full(Message):
        """A double click wants the whole screen."""

    @dataclass
    class Drawn(Message):
        """All points of a tool are set."""

        pane: PicturePane
        kind: str
        points: tuple[Point, ...]

    @dataclass
    class Held(Message):
        """The reader turned to this pane."""

        pane: PicturePane

    def __init__(
        self,
        bindings: BindingsMap,
        decoder: Callable[[], Decoder],
        read: Callable[[str, str], bytes],
        graphics: Graphics,
        slot: int = 0,
        *,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        super().__init__(decoder, read, graphics, slot, id=id)
        self._bindings = bindings
        self.tool: Tool | None = None
        self.marks: tuple[PictureMark, ...] = ()
        """Of the study that is shown."""
        self.lines: tuple[Ink, ...] = ()
        """Where planes of other panes cross this one."""
        self._drag: tuple[str, int, int] | None = None
        self._pressed: Point | None = None

    # -- what is drawn on it ----------------------------------------------------------------------
    def marks_here(self) -> tuple[PictureMark, ...]:
        """Marks of the image that is drawn."""
        shot = self.shot_shown
        return of_image(self.marks, shot.instance.sop_uid, shot.frame) if shot is not None else ()

    def inks(self, frame: Frame) -> tuple[Ink, ...]:
        """Measurements of this image, lines of other panes, the tool in the hand."""
        made = [ink for mark in self.marks_here() if mark.points for ink in inks_of(mark)]
        made += self.lines
        return (*made, *(self.tool.inks() if self.tool is not None else ()))

    def labels(self, width: int, height: int) -> list[tuple[int, int, str, str]]:
        """Figures beside what they measure, and what the tool waits for."""
        found: list[tuple[int, int, str, str]] = []
        for mark in self.marks_here():
            if mark.points and self._seen is not None and not self.painter.graphic:
                x, y = self._seen.to_canvas(mark.points[-1])
                column, row = int(x / self.painter.across) + 2, int(y / self.painter.down)
                found.append((row, min(column, width - len(mark.figure)), str(mark.figure), "accent"))
        frame = self.picture()
        if self.view.layer and frame is not None:
            found += self.layer_labels(frame)
        if any(not mark.points for mark in self.marks_here()):
            found.append((0, 1, f"{self.glyphs.issued} key image", "accent"))
        if self.tool is not None:
            found.append((1 if not self.painter.graphic else 0, 14, self.tool.words, "warn"))
        return found

    def key_places(self) -> frozenset[int]:
        """Places of this series that carry a mark."""
        marked = {(one.sop_uid, one.frame) for one in self.marks}
        if not marked:
            return frozenset()
        return frozenset(
            at for at, shot in enumerate(self.shots) if (shot.instance.sop_uid, shot.frame) in marked
        )

    # -- tools ------------------------------------------------------------------------------------
    def take_tool(self, kind: str) -> bool:
        """Take a tool into the hand, or put it away when it is in it; whether it is in it now."""
        if self.tool is not None and self.tool.kind == kind:
            self.put_away()
            return False
        frame = self.picture()
        if frame is None or self._seen is None:
            return False
        at = self.tool.at if self.tool is not None else self._middle()
        self.tool = Tool(kind, at)
        self._read_value()
        self.repaint()
        return True

    def put_away(self) -> bool:
        """Put the tool away; whether there was one."""
        had = self.tool is not None
        self.tool = None
        self._tell_under(EMPTY)
        if had:
            self.repaint()
        return had

    def _middle(self) -> Point:
        assert self._seen is not None
        at = self._seen.placement
        return self._seen.inside(
            self._seen.to_picture(at.left + at.shown_width / 2, at.top + at.shown_height / 2)
        )

    def set_point(self) -> bool:
        """Set the cursor's place as a point; whether a tool was in the hand."""
        if self.tool is None:
            return False
        if self.tool.kind != "value":
            self.tool = self.tool.with_point()
            self._finish_tool()
        self.repaint()
        return True

    def _finish_tool(self) -> None:
        if self.tool is not None and self.tool.done:
            self.post_message(self.Drawn(self, self.tool.kind, self.tool.points))
            self.tool = Tool(self.tool.kind, self.tool.at)

    def step_cursor(self, across: int, down: int) -> None:
        """Move the cursor by pixels of the screen; the picture comes along at its edge."""
        if self.tool is None or self._seen is None:
            return
        x, y = self._seen.to_canvas(self.tool.at)
        at = self._seen.inside(self._seen.to_picture(x + across, y + down))
        self.tool = replace(self.tool, at=at)
        if not self._seen.holds(*self._seen.to_canvas(at)):
            self.look_at(centre=self.focus_of_zoom())
        self._read_value()
        self.repaint()

    def focus_of_zoom(self) -> Point:
        """The cursor stays in the middle while a tool is in the hand."""
        if self.tool is None or self._seen is None:
            return super().focus_of_zoom()
        x, y = self._seen.placement.to_picture(*self._seen.to_canvas(self.tool.at))
        wide, high = self._seen.columns, self._seen.rows
        if self.view.sideways:
            wide, high = high, wide
        return x / wide, y / high

    def _read_value(self) -> None:
        self._tell_under(self._value_at(self.tool.at) if self.tool is not None else "")

    def _value_at(self, point: Point) -> str:
        from teleread.imaging.measure import value_at

        frame = self.picture()
        return value_at(frame, point) if frame is not None else EMPTY

    def _tell_under(self, words: str) -> None:
        from teleread.model.text import SafeText

        if words != self.under:
            self.under = SafeText(words)
            self.refresh(Region(0, 0, self.size.width, 1))

    async def _on_key(self, event: events.Key) -> None:
        """Arrows move the cursor while a tool is in the hand, Enter sets a point.

        Both here and not by bindings, which come a moment later: the point is where the cursor was.
        """
        name = event.key.removeprefix("shift+")
        if self.tool is None or (name not in _STEPS and event.key != "enter"):
            return
        event.stop()
        event.prevent_default()
        if event.key == "enter":
            self.set_point()
            return
        far = FAR if event.key != name else 1
        across, down = _STEPS[name]
        self.step_cursor(across * far, down * far)

    # -- mouse ------------------------------------------------------------------------------------
    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The next frame; with Ctrl zoom out."""
        event.stop()
        if event.ctrl:
            self.zoom(1 / ZOOM_STEP)
        else:
            self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The frame before; with Ctrl zoom in, towards what is under the mouse."""
        event.stop()
        if event.ctrl:
            self._zoom_at(event.x, event.y)
        else:
            self.move(-1)

    def _zoom_at(self, x: int, y: int) -> None:
        point = self.place_under(x, y)
        if point is None or self._seen is None or self.tool is not None:
            self.zoom(ZOOM_STEP)
            return
        self.tool = Tool("value", point)
        self.zoom(ZOOM_STEP)
        self.tool = None
        self.repaint()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin a drag: rail, window (right or Ctrl), pan (middle), measure (Shift, or with a tool)."""
        self.post_message(self.Held(self))
        if event.x >= self.size.width - 1:
            self._drag = ("rail", event.x, event.y)
            self._rail_to(event.y)
        elif event.button == 3 or event.ctrl:
            self._drag = ("window", event.x, event.y)
        elif event.button == 2:
            self._drag = ("pan", event.x, event.y)
        elif event.button == 1 and (event.shift or self.tool is not None):
            self._press(event)
        elif event.button == 1 and event.y >= 1:
            self._drag = ("stack", event.x, event.y)
        if self._drag is not None:
            self.capture_mouse()

    def _press(self, event: events.MouseDown) -> None:
        point = self.place_under(event.x, event.y)
        if point is None or self.picture() is None:
            return
        if self.tool is None:
            self.tool = Tool("length", point)
        self.tool = replace(self.tool, at=point)
        self._read_value()
        if self.tool.kind != "value":
            self.tool = self.tool.with_point()
            self._pressed = point
            self._drag = ("measure", event.x, event.y)
        self._finish_tool()
        self.repaint()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Go on with a drag; else the value under the mouse is told."""
        if self._drag is None:
            self._hover(event)
            return
        kind, x, y = self._drag
        across, down = event.x - x, event.y - y
        if kind == "stack":
            if down:
                self._drag = (kind, event.x, event.y)
                self.move(self._accelerated(down))
            return
        self._drag = (kind, event.x, event.y)
        if kind == "rail":
            self._rail_to(event.y)
        elif kind == "pan":
            self.pan(-across / max(1, self.size.width), -down / max(1, self.size.height))
        elif kind == "measure":
            self._drag_cursor(event)
        elif across or down:
            self.change_window(width=1.05**across, shift=down / 25)

    def _accelerated(self, rows: int) -> int:
        """Images for rows of a drag: one a row when slow, a share of the stack when fast."""
        size = abs(rows)
        fast = max(1, round(self.count / max(20, 2 * self.size.height)))
        return (size if size <= 1 else size * fast) * (1 if rows > 0 else -1)

    def _hover(self, event: events.MouseMove) -> None:
        point = self.place_under(event.x, event.y)
        if self.tool is not None and point is not None and self.tool.points:
            self.tool = replace(self.tool, at=point)
            self._read_value()
            self.repaint()
        elif self.tool is None or self.tool.kind == "value":
            self._tell_under(self._value_at(point) if point is not None else "")

    def _drag_cursor(self, event: events.MouseMove) -> None:
        point = self.place_under(event.x, event.y)
        if self.tool is not None and point is not None:
            self.tool = replace(self.tool, at=point)
            self.repaint()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End a drag; one that measured has its second point."""
        drag, self._drag = self._drag, None
        pressed, self._pressed = self._pressed, None
        if drag is None:
            return
        self.release_mouse()
        if drag[0] != "measure" or self.tool is None or pressed is None or self._seen is None:
            return
        x, y = self._seen.to_canvas(pressed)
        now = self._seen.to_canvas(self.tool.at)
        if self.tool.points and abs(now[0] - x) + abs(now[1] - y) > DRAGGED:
            self.set_point()

    def _rail_to(self, y: int) -> None:
        height = max(2, self.size.height - 1)
        self.go(round((y - 1) * (self.count - 1) / (height - 1)))

    def on_click(self, event: events.Click) -> None:
        """A double click fills the screen."""
        single = self.tool is None and event.button == 1
        if event.chain >= 2 and single and event.x < self.size.width - 1:
            self.post_message(self.Full())

    def on_leave(self) -> None:
        """The mouse is elsewhere."""
        if self.tool is None:
            self._tell_under(EMPTY)

    def on_focus(self) -> None:
        """The heading shows where the keys go."""
        self.refresh(Region(0, 0, self.size.width, 1))
        self.post_message(self.Held(self))

    def on_blur(self) -> None:
        """The heading shows where the keys go."""
        self.refresh(Region(0, 0, self.size.width, 1))
