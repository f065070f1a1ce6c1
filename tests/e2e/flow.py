"""The main job, from worklist to receipt, on whatever hub and archive; each step by its own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.world import Cli, reports_at

READER = ("--reader-id", "reader", "--reader-name", "Dr Test Reader")


@dataclass
class Place:
    """A hub and an archive."""

    fhir: str
    dicomweb: str
    dimse: str
    stop: Callable[[], object]
    start: Callable[[], str]
    """Starts the hub again; its address now."""


def set_up(cli: Cli, place: Place, *more: str) -> dict[str, Any]:
    """`init`, with everything in flags."""
    words = ("--fhir", place.fhir, "--dicomweb", place.dicomweb, "--dimse", place.dimse, *READER, *more)
    return cli.json("init", "--hub", "site", *words, "--no-input")


def a_film(cli: Cli, number: int = 0) -> dict[str, Any]:
    """A plain film that can be signed."""
    found = [one for one in cli.items("modality:CR state:requested") if one["signable"] and not one["mine"]]
    return found[number]


def written(cli: Cli, task: str, finding: str = "Nothing abnormal is seen.") -> str:
    """A draft with text in it, by its own id."""
    draft = cli.json("report", "start", task)
    for section, text in draft["sections"].items():
        if section in {"findings", "impression"}:
            cli.json("report", "set", task, section, finding)
        elif "[" in text:
            cli.json("report", "set", task, section, text.replace("[", "").replace("]", ""))
    return str(draft["draft"])


def from_worklist_to_receipt(cli: Cli, place: Place, out: Path, *, interrupted: bool) -> dict[str, Any]:
    """The whole job on one film; what was signed."""
    first = cli.json("sync")
    assert first["pulled"] > 0
    assert first["offline"] is False
    film = a_film(cli)
    task, study = film["task"], film["study_uid"]
    assert cli.json("claim", task) == {
        "schema": "teleread.claim/1",
        "task": task,
        "state": "in-progress",
        "mine": True,
    }
    fetched(cli, task, study)
    picture(cli, study, out)
    written(cli, task)
    assert not [one for one in cli.json("report", "check", task)["rules"] if one["blocking"]]
    signed = cli.json("report", "sign", task)
    assert signed["state"] == "signed"
    assert signed["version"] == 1
    assert reports_at(place.fhir, signed["report"]) == []
    if interrupted:
        place.stop()
        cut = cli.json("sync", code=3)
        assert cut["waiting"] == 1
        assert cut["offline"] is True
        place.fhir = place.start()
        set_up(cli, place)
    done = cli.json("sync")
    assert done["pushed"] == 1
    assert done["waiting"] == 0
    delivered(cli, place, signed)
    return signed


def fetched(cli: Cli, task: str, study: str) -> None:
    """Both ways, each from nothing."""
    for via in ("dicomweb", "c-get"):
        told = cli.json("fetch", task, "--via", via, "--no-priors")
        assert told["via"] == via
        assert told["complete"] is True
        assert told["instances_held"] == told["instances_expected"] > 0
        assert told["bytes"] > 0
        if via == "dicomweb":
            cli.json("cache", "purge", study)
    assert cli.json("cache", "verify", study)["damaged"] == []


def picture(cli: Cli, study: str, out: Path) -> None:
    """A PNG of the study, as large as its picture is stored."""
    path = out / "picture.png"
    told = cli.json("image", study, "--png", str(path))
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(head[16:20], "big") == told["columns"]
    assert int.from_bytes(head[20:24], "big") == told["rows"]


def delivered(cli: Cli, place: Place, signed: dict[str, Any]) -> None:
    """The outbox shows the receipt, the hub holds one report, and it verifies."""
    item = next(one for one in cli.json("outbox")["items"] if one["report"] == signed["report"])
    assert item["state"] == "delivered"
    assert item["receipt"]["sha256"] == signed["sha256"]
    assert len(reports_at(place.fhir, signed["report"])) == 1
    verdict = cli.json("report", "verify", signed["report"])
    assert (verdict["valid"], verdict["trust"]) == (True, "own")
    row = next(one for one in cli.items() if one["task"] == signed["task"])
    assert row["report_state"] == "issued"
