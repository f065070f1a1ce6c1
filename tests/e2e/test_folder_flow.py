"""A site with nothing but a folder: from an order in a file to a report in a file, by command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.flow import written
from tests.e2e.world import Cli

ORDER = {
    "accession": "D100",
    "priority": "urgent",
    "procedure": "XR Knee Left",
    "body_part": "knee",
    "laterality": "left",
    "question": "Fell. Fracture?",
    "requester": "Dr Sender",
    "study_uid": "1.2.3.4.100",
    "modality": "CR",
    "patient": {
        "id": "N1",
        "issuer": "https://north.example/id",
        "name": "Probe^Ida",
        "birth_date": "1970-01-02",
    },
}


def test_an_order_in_a_folder_becomes_a_report_in_that_folder(tmp_path: Path) -> None:
    box = tmp_path / "drive"
    (box / "orders").mkdir(parents=True)
    (box / "orders" / "one.json").write_text(json.dumps(ORDER))
    (tmp_path / "home").mkdir()
    cli = Cli(tmp_path / "home")
    told = cli.json(
        "init", "--hub", "site", "--folder", str(box), "--reader-name", "Dr Test Reader", "--no-input"
    )
    assert told["created"] is True
    assert cli.json("sync")["pulled"] == 1
    (row,) = cli.items()
    assert (row["task"], row["accession"], row["patient"]["name"]) == ("site:D100", "D100", "Probe^Ida")
    assert cli.json("claim", "site:D100")["mine"] is True
    written(cli, "site:D100", "No fracture.")
    rules = [one for one in cli.json("report", "check", "site:D100", code=5)["rules"] if one["blocking"]]
    words = [part for one in rules for part in ("--override", f"{one['id']}=Read on the site's own viewer")]
    signed = cli.json("report", "sign", "site:D100", *words)
    assert not list(box.glob("reports/*"))
    done = cli.json("sync")
    assert (done["pushed"], done["waiting"], done["needs_attention"]) == (1, 0, 0)
    (item,) = cli.json("outbox")["items"]
    assert (item["state"], item["receipt"]["sha256"]) == ("delivered", signed["sha256"])
    names = {path.name.partition("_v1")[2] for path in box.glob("reports/D100_*")}
    assert {".txt", ".hl7", ".sr.dcm"} <= names
    (message,) = box.glob("reports/*.hl7")
    verdict = cli.json("report", "verify", str(message))
    assert (verdict["valid"], verdict["trust"], verdict["sha256"]) == (True, "own", signed["sha256"])
    (row,) = cli.items("state:completed")
    assert row["report_state"] == "issued"
