"""`teleread image`: draw one picture in the terminal, or write it as PNG."""

from __future__ import annotations

import argparse
import os
import re
import shutil

from teleread.cli.call import Call
from teleread.cli.worklist import positive

__all__ = ["PROTOCOLS", "arguments", "run"]

PROTOCOLS = ("auto", "halfblock", "sixel", "kitty", "iterm2", "sextant", "quadrant", "braille", "none")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("what", metavar="PATH|STUDY[/SERIES_UID[/SOP_UID]]")
    parser.add_argument("--frame", type=positive, default=1, metavar="N", help="from 1")
    parser.add_argument("--window", metavar="CENTRE,WIDTH|PRESET")
    parser.add_argument("--size", type=_size, metavar="COLSxROWS", help="cells of the terminal")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="auto")
    parser.add_argument("--png", metavar="OUT", help="write a PNG file instead")
    parser.add_argument("--annotate", action="store_true", help="text, aspect correction and shutter too")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if match is None or not (int(match[1]) and int(match[2])):
        raise argparse.ArgumentTypeError("it is of the form COLSxROWS, such as 80x24")
    return int(match[1]), int(match[2])


def run(call: Call) -> int:
    """Draw."""
    from teleread.workstation.pictures import picture_bytes, show

    args = call.args
    picked = picture_bytes(lambda: call.desk.core, args.what)
    chosen = args.protocol not in ("auto", "none")
    told, drawn, text = show(
        picked.data,
        frame=args.frame,
        window=args.window,
        png=args.png,
        annotate=args.annotate,
        cells=_cells(call),
        colours=call.out.colours or (chosen and not os.environ.get("NO_COLOR")),
        protocol=args.protocol,
        other=picked.other,
    )
    call.out.document("image", told)
    if drawn:
        call.out.raw(drawn)
    if told.get("placeholder"):
        call.out.say(f"No picture: {told['placeholder']}")
        if text and not call.out.json_mode:
            call.out.say(text)
    elif args.png:
        call.out.say(f"Written: {told['columns']} x {told['rows']}. Not for diagnosis.")
    elif not drawn:
        call.out.say(f"{told['columns']} x {told['rows']}, {told['frames']} frames.")
    return 0


def _cells(call: Call) -> tuple[int, int] | None:
    """Cells to draw in; None where nothing is to be drawn. Into a pipe only what was asked for by name."""
    args = call.args
    if args.png or args.protocol == "none" or call.out.json_mode:
        return None
    size: tuple[int, int] | None = args.size
    if size is None and (call.out.terminal or args.protocol != "auto"):
        columns, rows = shutil.get_terminal_size()
        size = columns, max(1, rows - 2)
    return size
