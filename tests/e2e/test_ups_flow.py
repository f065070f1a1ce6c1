"""The main job at a UPS-RS hub, by real processes: claimed, read, signed and delivered as a DICOM report."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from tests.e2e.flow import READER, Place, a_film, written
from tests.e2e.world import Cli, Demo, read_json


def workitem(demo: Demo, task: str) -> dict[str, Any]:
    """A workitem as the hub shows it to anybody."""
    found = read_json(f"{demo.ready['ups_rs']}/workitems/{task.partition(':')[2]}")
    shown: dict[str, Any] = found[0]
    return shown


def first(data: dict[str, Any], *path: str) -> Any:
    """The first value at a path of tags."""
    at: Any = data
    for tag in path:
        at = at[tag]["Value"][0]
    return at


def test_the_main_job_runs_at_a_ups_rs_hub_and_the_other_face_agrees(
    cli: Cli, place: Place, demo: Demo
) -> None:
    words = ("--ups-rs", demo.ready["ups_rs"], "--dicomweb", place.dicomweb, *READER, "--no-input")
    refused = cli.json(
        "init", "--hub", "site", "--ups-rs", demo.ready["ups_rs"], *READER, "--no-input", code=2
    )
    assert refused["error"]["code"] == "no-archive"
    cli.json("init", "--hub", "site", *words)
    assert cli.json("hub", "show", "site")["ups_rs"] == demo.ready["ups_rs"]
    assert cli.json("sync")["pulled"] > 0
    task = a_film(cli)["task"]
    assert cli.json("claim", task)["mine"] is True
    item = workitem(demo, task)
    assert first(item, "00741000") == "IN PROGRESS"
    assert first(item, "00741216", "00404035", "00404009", "00080100") == "reader"
    assert "00081195" not in json.dumps(item), "nobody is shown a Transaction UID"
    assert cli.json("fetch", task, "--no-priors")["complete"] is True
    written(cli, task)
    signed = cli.json("report", "sign", task)
    demo.lever("lose-answer?count=1")
    cli.run("sync", "--push")
    cli.json("sync")
    sent = next(one for one in cli.json("outbox")["items"] if one["report"] == signed["report"])
    assert (sent["state"], sent["receipt"]["sha256"]) == ("delivered", signed["sha256"])
    assert sent["receipt"]["task_status"] == "completed"
    ended = workitem(demo, task)
    assert first(ended, "00741000") == "COMPLETED"
    output = first(ended, "00741216", "00404033")
    stored = first(output, "00081199", "00081155")
    assert sent["receipt"]["id"] == f"instances/{stored}"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        f"{first(output, '0040E025', '00081190')}/metadata", timeout=30
    ) as answer:
        assert signed["sha256"].encode() in answer.read()
    row = next(one for one in cli.items() if one["task"] == task)
    assert (row["state"], row["report_state"]) == ("completed", "issued")
    tasks = read_json(f"{demo.fhir}/Task?status=completed&owner=Practitioner/reader")
    outputs = [
        one["valueUri"] for entry in tasks["entry"] for one in entry["resource"].get("output", ()) if one
    ]
    assert f"urn:oid:{stored}" in outputs
    draft = cli.json("report", "addendum", signed["report"])["draft"]
    cli.json("report", "set", draft, "findings", "A small nodule, seen on second look.")
    lifted = ("--override", "empty-impression=An addendum", "--override", "missing-section=An addendum")
    second = cli.json("report", "sign", draft, *lifted)
    cli.json("sync")
    receipts = [one["receipt"] for one in cli.json("outbox")["items"] if one["report"] == second["report"]]
    assert [one["version"] for one in receipts] == ["1", "2"]
    assert receipts[1]["sha256"] == second["sha256"]


def test_a_ups_rs_case_cancelled_meanwhile_holds_its_report_until_the_reader_chooses(
    cli: Cli, place: Place, demo: Demo
) -> None:
    words = ("--ups-rs", demo.ready["ups_rs"], "--dicomweb", place.dicomweb, *READER, "--no-input")
    cli.json("init", "--hub", "site", *words)
    cli.json("sync")
    task = a_film(cli)["task"]
    accession = next(one["accession"] for one in cli.items() if one["task"] == task)
    cli.json("claim", task)
    cli.json("fetch", task, "--no-priors")
    written(cli, task)
    signed = cli.json("report", "sign", task)
    orders = read_json(f"{demo.fhir}/ServiceRequest?identifier={accession}")["entry"]
    order = orders[0]["resource"]["id"]
    tasks = read_json(f"{demo.fhir}/Task?based-on=ServiceRequest/{order}")["entry"]
    demo.lever(f"cancel/{tasks[0]['resource']['id']}")
    assert cli.run("sync").code == 5
    item = next(one for one in cli.json("outbox")["items"] if one["report"] == signed["report"])
    assert item["state"] == "needs_attention"
    assert [one["id"] for one in item["choices"]] == ["send-with-note", "withdraw"]
    cli.json(
        "outbox",
        "resolve",
        item["id"],
        "--choose",
        "send-with-note",
        "--reason",
        "Read before it was cancelled",
    )
    cli.json("sync")
    item = next(one for one in cli.json("outbox")["items"] if one["report"] == signed["report"])
    assert (item["state"], item["receipt"]["task_status"]) == ("delivered", "cancelled")
