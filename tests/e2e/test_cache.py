"""The cache from the command line: why images are here, holds, receipts, damage, signing what is part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from teleread.host.paths import Home
from teleread.vault.keys import KeyFile
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault
from tests.e2e.flow import Place, a_film, set_up, written
from tests.e2e.world import PASSPHRASE, Cli


@contextmanager
def opened(cli: Cli) -> Iterator[Vault]:
    """The vault, as another process sees it."""
    paths = Home.find({"TELEREAD_HOME": str(cli.home)}).profile("default")
    vault = Vault.open(paths, Unlock("handoff", KeyFile.load(paths.keys).by_passphrase(PASSPHRASE)))
    try:
        yield vault
    finally:
        vault.close()


@pytest.fixture
def film(cli: Cli, place: Place) -> dict[str, Any]:
    """A claimed plain film, fetched."""
    set_up(cli, place)
    cli.json("sync")
    found = a_film(cli)
    cli.json("claim", found["task"])
    cli.json("fetch", found["task"], "--no-priors")
    return found


def test_every_task_says_why_its_images_are_here_or_not(cli: Cli, film: dict[str, Any]) -> None:
    here = cli.json("worklist", "why", film["task"])
    assert (here["decision"], here["cached"]) == ("here", "all")
    assert here["reason"].startswith("yours")
    told = {one["task"]: cli.json("worklist", "why", one["task"]) for one in cli.items()[:12]}
    assert all(one["reason"] for one in told.values())
    assert {one["decision"] for one in told.values()} <= {"here", "fetch", "wait", "not-planned"}
    coming = next(one for one in told.values() if one["decision"] == "fetch")
    assert coming["place"] >= 1
    assert cli.run("worklist", "why", coming["task"]).out.startswith("Coming. ")
    # A search for the word stays a search.
    assert cli.json("worklist", "why", "modality:CT")["items"] == []


def test_priors_are_ranked_with_points_and_one_can_be_pinned(cli: Cli, film: dict[str, Any]) -> None:
    for row in cli.items():
        ranked = cli.json("worklist", "priors", row["task"])["priors"]
        if ranked:
            break
    else:
        pytest.skip("no case of the demo has an earlier study")
    assert all(one["score"] == sum(part["points"] for part in one["parts"]) for one in ranked)
    last = ranked[-1]["study_uid"]
    cli.json("worklist", "pin", row["task"], last)
    first = cli.json("worklist", "priors", row["task"])["priors"][0]
    assert (first["study_uid"], first["pinned"], first["chosen"]) == (last, True, True)
    cli.json("worklist", "unpin", row["task"], last)
    assert not any(one["pinned"] for one in cli.json("worklist", "priors", row["task"])["priors"])


def test_a_legal_hold_stops_purge_and_removal_until_it_is_released(cli: Cli, film: dict[str, Any]) -> None:
    study = film["study_uid"]
    assert cli.run("cache", "hold", study, "--reason", "-", stdin=b" ").code == 2
    cli.json("cache", "hold", study, "--reason", "-", stdin=b"claim 17 against the trust")
    assert cli.json("cache", "purge", study, code=5)["error"]["code"] == "legal-hold"
    assert cli.json("hub", "remove", "site", code=5)["error"]["code"] == "legal-hold"
    assert cli.json("wipe", code=5)["error"]["code"] == "legal-hold"
    assert [one["reason"] for one in cli.json("cache", "holds")["holds"]] == ["claim 17 against the trust"]
    assert cli.json("cache", "stats")["kept"] == {"it is under legal hold": 1}
    cli.json("cache", "release", study, "--reason", "settled")
    assert cli.json("cache", "release", study, "--reason", "again", code=2)["error"]["code"] == "not-on-hold"
    gone = cli.json("cache", "purge", study)
    assert gone["instances"] > 0
    assert gone["bytes"] > 0
    told = cli.json("cache", "receipts", "--hub", "site")
    assert [one["receipt"] for one in told["receipts"]] == [gone["receipt"]]
    assert told["audit_head"] == cli.json("audit", "verify")["head"]
    kinds = [one["kind"] for one in cli.json("audit", "list")["rows"]]
    assert [one for one in kinds if one in {"legal-hold", "legal-hold-released", "shred"}] == [
        "legal-hold",
        "legal-hold-released",
        "shred",
    ]


def test_the_ledger_counts_every_copy_there_ever_was(cli: Cli, film: dict[str, Any]) -> None:
    study = film["study_uid"]
    cli.json("cache", "purge", study)
    cli.json("fetch", film["task"], "--no-priors")
    copies = cli.json("cache", "where", study)["copies"]
    assert [(one["why"], bool(one["purged_at"]), bool(one["receipt"])) for one in copies] == [
        ("fetch", True, True),
        ("fetch", False, False),
    ]
    gone, here = copies
    assert here["instances"] == gone["instances"] > 0
    assert here["bytes"] == gone["bytes"] > 0


def test_damage_is_named_never_shown_and_fetched_again(
    cli: Cli, film: dict[str, Any], tmp_path: Path
) -> None:
    study = film["study_uid"]
    where = cli.json("cache", "where", study)["segments"]
    with opened(cli) as vault:
        path = vault.paths.objects / where[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    told = cli.json("cache", "verify", study, code=7)
    assert [one["study_uid"] for one in told["damaged"]] == [study] * len(told["damaged"])
    row = next(one for one in cli.items() if one["task"] == film["task"])
    assert row["cached"] != "all"
    listed = next((one for one in cli.json("cache", "list")["studies"] if one["study_uid"] == study), None)
    assert listed is None or "damaged here" in listed["missing_why"]
    # The wish to have it again is there for whoever fetches next.
    assert cli.json("worklist", "why", film["task"])["reason"] == "put first by you"
    assert cli.run("engine", "--once", env={"TELEREAD_PREFETCH_CASES": "0"}).code == 0
    assert cli.json("cache", "verify", study)["damaged"] == []
    row = next(one for one in cli.items() if one["task"] == film["task"])
    assert row["cached"] == "all"


def test_a_damaged_picture_is_refused_in_words_and_asked_for_again(
    cli: Cli, film: dict[str, Any], tmp_path: Path
) -> None:
    study = film["study_uid"]
    where = cli.json("cache", "where", study)["segments"]
    with opened(cli) as vault:
        paths = [vault.paths.objects / one for one in where]
    for path in paths:
        data = bytearray(path.read_bytes())
        data[200] ^= 1
        path.write_bytes(bytes(data))
    answer = cli.run("image", study, "--png", str(tmp_path / "x.png"))
    assert answer.code == 7
    assert "damaged" in answer.err
    assert not (tmp_path / "x.png").exists()
    with opened(cli) as vault:
        assert [one.kind for one in vault.wishes.list()] == ["first"]


def blocking(cli: Cli, task: str) -> dict[str, str]:
    """What blocks a signature, with its words."""
    answer = cli.run("report", "check", task, "--json")
    return {one["id"]: one["text"] for one in answer.json["rules"] if one["blocking"]}


def test_a_study_that_is_not_held_part_or_changed_blocks_the_signature_by_name(
    cli: Cli, film: dict[str, Any]
) -> None:
    task, study = film["task"], film["study_uid"]
    written(cli, task)
    assert blocking(cli, task) == {}
    with opened(cli) as vault:
        key = vault.worklist.tasks_of_study(next(one.hub_id for one in vault.worklist.items()), study)[0]
        sops = sorted(vault.studies.held(key.hub_id, study))
        vault.studies.forget_instance(key.hub_id, study, sops[0])
        left = len(sops) - 1
    told = blocking(cli, task)
    if left:
        assert f"{left} of {len(sops)} images" in told["study-part"]
        assert "changed since this draft was opened" in told["study-changed"]
    refused = cli.json("report", "sign", task, code=5)
    assert refused["error"]["code"] == "blocked"
    cli.json("fetch", task, "--no-priors")
    assert blocking(cli, task) == {}
    with opened(cli) as vault:
        for sop in vault.studies.held(key.hub_id, study):
            vault.studies.forget_instance(key.hub_id, study, sop)
    told = blocking(cli, task)
    assert "No images of this study are held here" in told["study-not-held"]
    assert cli.json("report", "sign", task, code=5)["error"]["code"] == "blocked"
    cli.json("fetch", task, "--no-priors")
    assert cli.json("report", "sign", task)["state"] == "signed"


def test_fetching_can_be_paused_and_goes_on(cli: Cli, film: dict[str, Any]) -> None:
    cli.json("cache", "pause")
    waits = [cli.json("worklist", "why", one["task"]) for one in cli.items("cached:none")[:3]]
    assert any(one["wait"] == "all fetching is paused by you" for one in waits)
    cli.json("cache", "go")
    assert not any(cli.json("worklist", "why", one["task"])["wait"] for one in waits)
