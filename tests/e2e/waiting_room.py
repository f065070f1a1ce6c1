"""Cases made ready to be signed: claimed, fetched, a draft without open fields. One process for all.

Run as ``python -m tests.e2e.waiting_room COUNT``: it prints one JSON object a case.
"""

from __future__ import annotations

import json
import sys

from teleread.host.paths import Home
from teleread.workstation.desk import Desk


def main(count: int) -> None:
    """Make so many plain films ready; those with a check that asks for a reason are left out."""
    desk = Desk.open(Home.find().profile())
    made = 0
    for item in desk.items("modality:CR state:requested"):
        if made == count:
            break
        if not item.signable or item.owner_name:
            continue
        desk.claim(item.key)
        desk.fetch(item.key.hub_id, str(item.study_uid))
        draft = desk.start_draft(item.key)
        texts = {one.id: str(one.text).replace("[", "").replace("]", "") for one in draft.sections}
        texts |= {"findings": "Before the storm.", "impression": "Signed in the storm."}
        desk.save_draft(draft.id, draft.seq, texts)
        desk.release_draft(draft.id)
        checks = [one.id for one in desk.checks(draft.id) if one.severity in {"stop", "block", "warn"}]
        if checks:
            sys.stderr.write(f"left out: {checks}\n")
            continue
        made += 1
        told = {"task": item.task, "accession": item.accession, "born": item.birth_date, "draft": draft.id}
        sys.stdout.write(json.dumps(told) + "\n")
    desk.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
