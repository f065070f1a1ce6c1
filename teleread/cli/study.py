"""`teleread study`: the series and instances of a held study."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("study", metavar="STUDY", help="a Study Instance UID or HUB/UID")


def run(call: Call) -> int:
    """Show."""
    from teleread.workstation.pixels import held_study, series_json

    key = held_study(call.desk.core, call.args.study)
    series = call.desk.study_series(key.hub_id, key.study_uid)
    call.out.document("study", {"study_uid": key.study_uid, "series": [series_json(one) for one in series]})
    rows = [(one.number or "", one.modality, one.description, len(one.instances)) for one in series]
    call.out.table(("NO", "MODALITY", "SERIES", "INSTANCES"), rows)
    return 0
