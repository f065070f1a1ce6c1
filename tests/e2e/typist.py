"""A reader as a process that can be killed: types into a draft, says what is on disk, signs.

Run as ``python -m tests.e2e.typist TASK WORDS``: it prints ``draft ID``, ``saved N`` after each save,
``signing`` and ``signed REPORT``.
"""

from __future__ import annotations

import os
import sys

from teleread.host.paths import Home
from teleread.model.errors import AttentionError
from teleread.model.report import Override
from teleread.model.text import clean
from teleread.workstation.desk import Desk


def say(words: str) -> None:
    """Tell the parent, at once."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(task: str, count: int) -> None:
    """Type, then sign."""
    desk = Desk.open(Home.find().profile())
    draft = desk.start_draft(desk.resolve_task(task))
    say(f"draft {draft.id}")
    seq, known = draft.seq, draft.section("findings")
    begun = known.text.split() if known else []
    first = int(begun[-1]) if begun and begun[-1].isdigit() else 0
    for number in range(first + 1, count + 1):
        text = " ".join(str(one) for one in range(1, number + 1))
        seq = desk.save_draft(draft.id, seq, {"findings": text, "impression": f"Counted to {number}."})
        say(f"saved {number}")
    found = [one for one in desk.checks(draft.id) if one.blocking]
    overrides = [Override(one.id, clean("A campaign of kills")) for one in found]
    say("signing")
    try:
        report = desk.sign(draft.id, overrides, pin=os.environ["TELEREAD_PIN"])
    except AttentionError as error:
        say(f"refused {error.code}")
        raise
    say(f"signed {report.report_id}")
    desk.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
