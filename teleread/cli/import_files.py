"""`teleread import`: take in local DICOM files, folders, a DICOMDIR or zip files."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.model.errors import ExitCode

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument("--hub", metavar="NAME", help="whose they are; needed where there are several hubs")


def run(call: Call) -> int:
    """Import."""
    from teleread.workstation.pixels import import_paths

    told = import_paths(call.desk.core, call.args.paths, call.args.hub)
    call.out.document("import", told)
    call.out.say(
        f"Taken in: {told['imported']} instances of {len(told['studies'])} studies; left: {told['refused']}."
    )
    for words in told["problems"]:
        call.out.note(words)
    here = told["imported"] or told["duplicates"]
    return int(ExitCode.DONE if here or not (told["refused"] or told["problems"]) else ExitCode.ERROR)
