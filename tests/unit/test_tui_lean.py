"""The lean compositor paints, byte for byte, what Textual's own would."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import Console
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region, Size
from textual.screen import Screen

from teleread.tui.app import TelereadApp
from teleread.tui.lean import LeanCompositor
from teleread.tui.screens.place import Place
from tests.unit import tui_fake

WALKS = {
    "the worklist": (),
    "a menu on the list": ("g",),
    "a filter being typed": ("slash", "c", "t"),
    "a case": ("enter",),
    "a case's order": ("enter", "o"),
    "the report": ("enter", "i", "h", "i"),
}
SIZES = ((160, 50), (80, 24))


def styles(compositor: Compositor, draw: Any) -> list[list[object]]:
    """Each cell with its style."""
    chops = draw(compositor, compositor.size.region, lambda y: True)
    return [
        [(char, segment.style) for strip in row.values() for segment in strip for char in segment.text]
        for row in chops
    ]


def cells(update: ChopsUpdate | None, size: Size) -> dict[tuple[int, int], object]:
    """What an update leaves in the cells it was asked for."""
    assert update is not None
    spans = {(y, x) for y, first, behind in update.spans for x in range(first, behind)}
    found: dict[tuple[int, int], object] = {}
    for y, row in enumerate(update.chops):
        for start, strip in row.items():
            at = start
            for segment in strip or ():
                for char in segment.text:
                    if (y, at) in spans:
                        found[(y, at)] = (char, segment.style)
                    at += 1
    return found


def some_regions(size: Size, chance: random.Random) -> set[Region]:
    """Dirty regions as edits, clocks and scrolling leave them."""
    made = set()
    for _ in range(chance.randrange(1, 4)):
        x, y = chance.randrange(size.width), chance.randrange(size.height)
        made.add(Region(x, y, chance.randrange(1, size.width - x + 1), chance.randrange(1, 4)))
    return {region.intersection(size.region) for region in made}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS.keys())
def test_what_is_painted_is_what_the_toolkit_would_paint(walk: Iterable[str], size: tuple[int, int]) -> None:
    async def run() -> None:
        app = TelereadApp(tui_fake.FakeStation(40))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            for key in walk:
                await pilot.press(key)
                await pilot.pause()
            same(app.screen)

    asyncio.run(run())


def same(screen: Screen[Any]) -> None:
    """Compare both ways on the screen as it stands: whole, then by pieces."""
    assert isinstance(screen, Place)
    lean = screen._compositor
    assert isinstance(lean, LeanCompositor)
    assert styles(lean, LeanCompositor._render_chops) == styles(lean, Compositor._render_chops)
    chance = random.Random(7)
    for _ in range(20):
        dirty = some_regions(lean.size, chance)
        lean._dirty_regions = set(dirty)
        mine = lean.render_partial_update()
        lean._dirty_regions = set(dirty)
        theirs = Compositor.render_partial_update(plain_of(lean))
        assert cells(mine, lean.size) == cells(theirs, lean.size), dirty


def plain_of(lean: LeanCompositor) -> Compositor:
    """Textual's own on the same layout."""
    plain = Compositor()
    plain.__dict__.update(lean.__dict__)
    return plain


def test_nothing_is_painted_where_nothing_changed() -> None:
    assert LeanCompositor().render_partial_update() is None


def test_rows_and_containers_that_are_covered_are_not_asked() -> None:
    async def run() -> None:
        app = TelereadApp(tui_fake.FakeStation(40))
        async with app.run_test(size=(160, 50)) as pilot:
            await pilot.pause()
            lean, asked = app.screen._compositor, []
            widgets = list(lean.visible_widgets)
            for widget in widgets:
                plain = widget.render_lines

                def ask(crop: Region, widget: Any = widget, plain: Any = plain) -> Any:
                    asked.append((widget, crop.height))
                    return plain(crop)

                widget.render_lines = ask  # type: ignore[method-assign]
            lean._dirty_regions = {Region(3, 10, 20, 1)}
            update = lean.render_partial_update()
            assert update is not None
            assert update.render_segments(Console())
            assert [height for _, height in asked] == [1]
            assert asked[0][0] is app.query_one("#table")

    asyncio.run(run())
