"""Pictures inside the running desk, over a pty, beside textual-image's widgets in an app of their own.

Run: ``python -m tests.bench.bench_pictures [--only PART] [--rounds N] [--textual-image PYTHON]``. The desk
reads a sealed vault through its capped decoder; keys come at 80 a second, as a wheel sends them, and what it
draws is read as fast as it comes, or no faster than a line of 20 Mbit/s takes it. Both are measured in turn;
pictures/s are by the clock, milliseconds are the processor's and leave out what other programs do: ``own`` is
our drawing alone, ``desk`` the whole process, with reading ahead and the toolkit. Nothing is asserted.
textual-image (LGPL) is used through an interpreter that has it: the one named, or TELEREAD_TEXTUAL_IMAGE.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.bench.pictures_pty import CELL, PICTURE, ROOT, Desk, Drawn, Screen

LINE = 20_000_000 / 8
"""Bytes a second of a slow line."""

THEIRS = """
import asyncio, json, sys, time
import numpy as np
from PIL import Image
from textual.app import App
from textual_image.widget import HalfcellImage, SixelImage, TGPImage
kind, file, width, height, frames, out = sys.argv[1:]
pictures = [Image.fromarray(one) for one in np.load(file)]
class Bare(App):
    CSS = "Screen { overflow: hidden; } .picture { width: %s; height: %s; }" % (width, height)
    def compose(self):
        made = {"half": HalfcellImage, "sixel": SixelImage, "kitty": TGPImage}[kind]
        self.picture = made(pictures[0], classes="picture")
        yield self.picture
    def on_mount(self):
        self.run_worker(self.show())
    async def painted(self):
        done = asyncio.Event()
        self.call_after_refresh(done.set)
        await asyncio.wait_for(done.wait(), 60)
    async def show(self):
        await asyncio.sleep(0.5)
        begin, spent = time.perf_counter(), time.process_time()
        for number in range(int(frames)):
            self.picture.image = pictures[(number + 1) % len(pictures)]
            await self.painted()
        told = {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - spent}
        open(out, "w").write(json.dumps(told))
        self.exit()
Bare().run()
"""


def say(name: str, drawn: list[Drawn], peer: list[Drawn] | None = None, over: float = 0) -> None:
    """One line: medians of the rounds, and the ratio to a peer's by the clock and by processor time."""

    def middle(rounds: list[Drawn], share: Callable[[Drawn], float]) -> float:
        return statistics.median(map(share, rounds))

    rate, own = middle(drawn, lambda one: one.rate), middle(drawn, lambda one: one.each(one.own_ms))
    cpu, child = (
        middle(drawn, lambda one: one.each(one.cpu_ms)),
        middle(drawn, lambda one: one.each(one.child_ms)),
    )
    size = middle(drawn, lambda one: one.each(one.octets) / 1000)
    words = f"{name:<38}{rate:6.1f}/s  own {own:4.2f} desk {cpu:4.1f} decoder {child:3.1f} ms {size:6.1f} kB"
    if over:
        words += f"  (the line takes {over / 1000 / size:.0f}/s)"
    if peer:
        slow, dear = middle(peer, lambda one: one.rate), middle(peer, lambda one: one.each(one.cpu_ms))
        words += f"  peer {slow:.1f}/s {dear:.1f} ms: {rate / slow:.1f} x, processor {dear / cpu:.1f} x"
    print(words, flush=True)


def theirs(
    args: argparse.Namespace, kind: str, name: str, cells: tuple[int, int], frames: int
) -> list[Drawn]:
    """textual-image's widget showing one picture after the other; nothing where it is not here."""
    if not args.textual_image:
        return []
    out = args.folder / "theirs.json"
    out.unlink(missing_ok=True)
    file = args.folder / f"theirs-{name}.npy"
    argv = [args.textual_image, "-c", THEIRS, kind, str(file), *map(str, cells), str(frames), str(out)]
    screen = Screen(argv, (cells[0] + 2, cells[1] + 2))
    try:
        screen.until(lambda _: out.exists(), 120)
    except RuntimeError as error:
        if not out.exists():
            print(f"textual-image was not measured: {str(error).strip()[-200:]!r}")
            return []
    finally:
        screen.close()
    told = json.loads(out.read_text())
    shown = (
        frames if kind == "half" else min(frames, screen.pictures)
    )  # it may skip what it was not asked to wait for
    return [Drawn(shown, told["seconds"], 0.0, 1000 * told["cpu"], 0.0, screen.octets)]


def peers_pictures(folder: Path) -> None:
    """The same slices as finished pictures, for the peer: whole, and cut to the shape of the cells."""
    from teleread.imaging.decode import DecodePool
    from teleread.imaging.frames import Frame
    from teleread.imaging.render import render
    from tests.bench.pictures_desk import _objects

    made = []
    with DecodePool() as pool:
        for data, _ in zip(_objects("ct", 24), range(24), strict=False):
            found = pool.decode(data)
            assert isinstance(found, Frame)
            made.append(render(found).array)
    whole = np.stack(made)
    np.save(folder / "theirs-whole.npy", whole)
    np.save(folder / "theirs-wide.npy", whole[:, 102:409])


def fitting(folder: Path, cells: tuple[int, int], way: str) -> tuple[int, int]:
    """The size of a terminal whose picture takes just so many cells."""
    size = cells[0] + 1, cells[1] + 5
    for _ in range(3):
        with opened(folder, "ct", size, way=way) as desk:
            desk.scroll(b"s", presses=2)
            area = desk.told()["area"]
        if tuple(area[2:]) == cells:
            break
        size = size[0] + cells[0] - area[2], size[1] + cells[1] - area[3]
    return size


@contextlib.contextmanager
def opened(
    folder: Path,
    kind: str,
    size: tuple[int, int],
    *,
    way: str = "halfblock",
    rate: float = 0,
    far: bool = False,
    zoom: int = 0,
) -> Iterator[Desk]:
    """A desk whose picture fills the screen."""
    desk = Desk(folder, kind, size, rate=rate, far=far, way=way)
    try:
        desk.open_case()
        desk.type(b"f")
        desk.quiet()
        for _ in range(zoom):
            desk.type(b"z")
            desk.quiet(0.3)
        yield desk
    finally:
        desk.close()


def halfblocks(args: argparse.Namespace) -> None:
    """Half blocks of two sizes, here and over a slow line; zoomed until no cell is empty."""
    for cells in ((160, 48), (160, 96)):
        size = fitting(args.folder, cells, "halfblock")
        words = f"half blocks {cells[0]} x {cells[1]}"
        mine, other, slow = [], [], []
        for _ in range(args.rounds):
            with opened(args.folder, "ct", size, zoom=2) as desk:
                mine.append(desk.scroll(b"s"))
            other += theirs(args, "half", "wide" if cells[1] == 48 else "whole", cells, 20)
            with opened(args.folder, "ct", size, zoom=2, rate=LINE) as desk:
                slow.append(desk.scroll(b"s"))
        say(words, mine, other)
        say(f"{words}, 20 Mbit/s", slow, over=LINE)
        with opened(args.folder, "ct", size, rate=LINE) as desk:
            say(f"{words}, 20 Mbit/s, not zoomed", [desk.scroll(b"s")], over=LINE)


def graphics(args: argparse.Namespace) -> None:
    """Kitty through the line and by shared memory, Sixel: 512 x 512 pixels."""
    cells = 512 // CELL[0], 512 // CELL[1]
    size = fitting(args.folder, cells, "kitty")
    for words, way, far, frames in (
        ("Kitty 512 x 512, shared memory", "kitty", False, 120),
        ("Kitty 512 x 512, through the line", "kitty", True, 120),
        ("Sixel 512 x 512 in motion", "sixel", False, 40),
    ):
        mine, other = [], []
        for _ in range(args.rounds):
            with opened(args.folder, "ct", size, way=way, far=far) as desk:
                mine.append(desk.scroll(b"s"))
            other += theirs(args, way, "whole", cells, frames)
        say(words, mine, other)
    with opened(args.folder, "ct", size, way="kitty") as desk:
        desk.scroll(b"s", presses=60)
        say("  back to what the terminal holds", [desk.scroll(b"w", presses=60)])
    with opened(args.folder, "ct", size, way="sixel") as desk:
        say("Sixel 512 x 512 at rest, each whole", [desk.scroll(b"s", presses=20, rate=4)])


def stacks(args: argparse.Namespace) -> None:
    """A whole stack end to end, JPEG 2000 in motion, a large radiograph."""
    size = fitting(args.folder, (160, 48), "halfblock")
    ends = []
    for _ in range(args.rounds):
        with opened(args.folder, "ct", size) as desk:
            desk.scroll(b"w", presses=args.slices)
            ends.append(desk.scroll(b"s", presses=args.slices - 1, rate=56))
    say(f"{args.slices} slices end to end, 56 keys/s", ends)
    print(f"  of {args.slices - 1} slices {min(one.pictures for one in ends)} were drawn")
    with opened(args.folder, "j2k", size) as desk:
        desk.scroll(b"w", presses=120)
        say("JPEG 2000 in motion, reduced", [desk.scroll(b"s", presses=110)])
    with opened(args.folder, "j2k", size) as desk:
        say("  key by key, whole", [desk.scroll(b"w", presses=30, rate=4)])  # none of them was here before
    times, spent = [], []
    for _ in range(max(3, args.rounds)):
        with opened(args.folder, "dx", size) as desk:
            before = desk.spent()
            desk.type(b"d")
            times.append(desk.until(lambda seen: b"DX" in seen and PICTURE in seen.partition(b"DX")[2]))
            spent.append(sum(desk.spent()) - sum(before))
    print(
        f"radiograph 3000 x 3000, from the key to the first picture: {statistics.median(times):.0f} ms"
        f" (best {min(times):.0f}); processor {statistics.median(spent):.0f} ms"
    )


def planes(args: argparse.Namespace) -> None:
    """Another plane of the stack: first view, pictures/s, memory."""
    size = fitting(args.folder, (160, 48), "halfblock")
    with opened(args.folder, "ct", size) as desk:
        desk.quiet(1.0)
        before, spent = desk.memory(), desk.spent()
        desk.type(b"C")
        took = desk.until(lambda seen: b"coronal" in seen and PICTURE in seen.partition(b"coronal")[2])
        own, child = (b - a for a, b in zip(spent, desk.spent(), strict=True))
        print(f"coronal of the stack: first view {took:.0f} ms; processor {own:.0f} + decoder {child:.0f} ms")
        desk.quiet()
        say("  coronal, scrolled", [desk.scroll(b"s", presses=200)])
        held = desk.memory()
        desk.type(b"C")
        desk.quiet()
        desk.type(b"C")
        desk.quiet(1.0)
        back = desk.memory() - before
        print(f"  memory: {held - before} MB for the volume, {back} MB after it was given back")


PARTS = {"halfblocks": halfblocks, "graphics": graphics, "stacks": stacks, "planes": planes}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slices", type=int, default=600)
    parser.add_argument("--only", choices=tuple(PARTS))
    parser.add_argument("--folder", type=Path, help="where a vault was made before, or is to be kept")
    told = os.environ.get("TELEREAD_TEXTUAL_IMAGE", "")
    parser.add_argument("--textual-image", default=told, metavar="PYTHON")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        args.folder = args.folder or Path(name)
        if not (args.folder / "studies").exists():
            made = [
                sys.executable,
                "-m",
                "tests.bench.pictures_desk",
                "make",
                str(args.folder),
                str(args.slices),
            ]
            subprocess.run(made, check=True, cwd=ROOT)
        if args.textual_image:
            peers_pictures(args.folder)
        for part, work in PARTS.items():
            if args.only in (None, part):
                work(args)


if __name__ == "__main__":
    main()
