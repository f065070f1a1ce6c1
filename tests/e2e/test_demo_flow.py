"""The main job on the demo, by real processes: from worklist to receipt, cut and uncut."""

from __future__ import annotations

import base64
from pathlib import Path

from teleread.documents.pdf import read_back
from tests.e2e.flow import Place, a_film, delivered, from_worklist_to_receipt, set_up, written
from tests.e2e.proxy import CutProxy
from tests.e2e.world import Cli, Demo, reports_at


def test_the_main_job_runs_from_worklist_to_receipt(cli: Cli, place: Place, tmp_path: Path) -> None:
    made = set_up(cli, place)
    assert made["created"] is True
    assert made["recovery_code"]
    from_worklist_to_receipt(cli, place, tmp_path, interrupted=False)
    told = cli.json("audit", "verify")
    assert told["valid"] is True


def test_a_hub_that_was_away_between_signature_and_sync_gets_the_report_once(
    cli: Cli, place: Place, tmp_path: Path
) -> None:
    set_up(cli, place)
    from_worklist_to_receipt(cli, place, tmp_path, interrupted=True)


def test_an_answer_that_was_cut_leaves_one_report_at_the_hub(cli: Cli, place: Place, demo: Demo) -> None:
    direct = place.fhir
    line = CutProxy(direct)
    place.fhir = line.base
    set_up(cli, place)
    cli.json("sync")
    task = a_film(cli)["task"]
    cli.json("claim", task)
    cli.json("fetch", task)
    written(cli, task)
    signed = cli.json("report", "sign", task)
    cut = cli.json("sync", "--push", code=3)
    assert cut["waiting"] == 1
    assert line.sent == 1
    item = cli.json("outbox")["items"][0]
    assert item["state"] == "sending"
    assert item["why"].startswith("unknown")
    place.fhir = direct
    assert len(reports_at(direct, signed["report"])) == 1, "it had been applied"
    demo.stop()
    demo.start()
    place.fhir = demo.fhir
    set_up(cli, place)
    cli.json("sync")
    delivered(cli, place, signed)
    line.close()


def test_a_hub_that_answers_one_transaction_into_the_void_is_asked_at_once(
    cli: Cli, place: Place, demo: Demo
) -> None:
    set_up(cli, place)
    cli.json("sync")
    task = a_film(cli)["task"]
    cli.json("claim", task)
    cli.json("fetch", task)
    written(cli, task)
    signed = cli.json("report", "sign", task)
    demo.lever("lose-answer?count=1")
    assert cli.json("sync", "--push")["pushed"] == 1
    delivered(cli, place, signed)


def test_somebody_elses_images_are_not_signed_without_identity_checked(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    cli.json("sync")
    suspects = [one for one in cli.items("state:requested") if one["modality"] != "CR"]
    for one in suspects:
        if one["instances"] <= 100:
            cli.json("fetch", one["task"])
    stopped = [one for one in cli.items("state:requested cached:all") if not one["signable"]]
    assert len(stopped) == 1
    task = stopped[0]["task"]
    assert stopped[0]["why_not"]
    cli.json("claim", task)
    written(cli, task)
    rules = cli.json("report", "check", task, code=5)["rules"]
    assert any(one["severity"] == "stop" and one["id"].startswith("identity-") for one in rules)
    refused = cli.json("report", "sign", task, code=5)
    assert refused["error"]["code"] == "blocked"
    for rule in [one["id"] for one in rules]:
        if rule != "identity-checked":
            cli.json("report", "sign", task, "--override", f"{rule}=looked at", code=5)
    wrong = {"TELEREAD_PIN": "999999"}
    reason = "identity-checked=Rang the ward, the images are of this patient"
    cli.json("report", "sign", task, "--override", reason, env=wrong, code=6)
    signed = cli.json("report", "sign", task, "--override", reason)
    cli.json("sync")
    delivered(cli, place, signed)
    rows = [one for one in cli.json("audit", "list")["rows"] if one["kind"] == "override"]
    assert [one["detail"]["rule"] for one in rows] == ["identity-checked"]
    forms = reports_at(place.fhir, signed["report"])[0]["presentedForm"]
    for form in forms:
        data = base64.b64decode(form["data"])
        if form["contentType"] == "application/pdf":
            data = read_back(data).frozen  # its pages are compressed
        assert b"Rang the ward" in data, form["contentType"]


def test_an_addendum_is_a_second_version_of_the_same_report(cli: Cli, place: Place, tmp_path: Path) -> None:
    set_up(cli, place)
    signed = from_worklist_to_receipt(cli, place, tmp_path, interrupted=False)
    draft = cli.json("report", "addendum", signed["report"])["draft"]
    cli.json("report", "set", draft, "findings", "A small nodule, seen on second look.")
    second = cli.json(
        "report",
        "sign",
        draft,
        "--override",
        "empty-impression=An addendum",
        "--override",
        "missing-section=An addendum",
    )
    assert (second["report"], second["version"]) == (signed["report"], 2)
    cli.json("sync")
    held = reports_at(place.fhir, signed["report"])
    assert len(held) == 1
    assert held[0]["meta"]["versionId"] == "2"
    assert held[0]["status"] in {"appended", "amended"}


def test_a_claim_off_line_is_noted_and_made_at_the_next_sync(cli: Cli, place: Place) -> None:
    set_up(cli, place)
    cli.json("sync")
    task = a_film(cli)["task"]
    place.stop()
    noted = cli.json("claim", task, code=3)
    assert noted["mine"] is False
    place.fhir = place.start()
    set_up(cli, place)
    cli.json("sync")
    assert next(one for one in cli.items() if one["task"] == task)["mine"] is True
    given = cli.json("give-back", task, "--reason", "110513")
    assert given["mine"] is False


def test_the_vault_holds_no_name_no_uid_and_no_plain_database(cli: Cli, place: Place, tmp_path: Path) -> None:
    set_up(cli, place)
    signed = from_worklist_to_receipt(cli, place, tmp_path, interrupted=False)
    row = next(one for one in cli.items() if one["task"] == signed["task"])
    wanted = [part.encode() for part in row["patient"]["name"].split("^") if part]
    wanted += [row["study_uid"].encode(), row["accession"].encode(), b"SQLite format 3"]
    files = [one for one in cli.home.rglob("*") if one.is_file()]
    assert len(files) > 5
    for path in files:
        data = path.read_bytes()
        for secret in wanted:
            assert secret not in data, (path.name, secret)


def test_a_removed_hub_leaves_nothing_that_the_old_key_opens(cli: Cli, place: Place, tmp_path: Path) -> None:
    set_up(cli, place)
    signed = from_worklist_to_receipt(cli, place, tmp_path, interrupted=False)
    task = a_film(cli)["task"]
    written(cli, task)
    cli.json("fetch", task)
    waiting = cli.json("report", "sign", task)
    refused = cli.json("hub", "remove", "site", code=5)
    assert refused["error"]["code"] == "undelivered"
    cli.json("sync")
    assert len(reports_at(place.fhir, waiting["report"])) == 1
    receipt = cli.json("hub", "remove", "site")
    assert {one["report_id"] for one in receipt["reports"]} == {signed["report"], waiting["report"]}
    assert cli.json("cache", "list")["studies"] == []
    assert cli.json("report", "list")["reports"] == []
    assert not list((cli.home / "data" / "profiles" / "default" / "objects").glob("*/*"))
    assert cli.json("audit", "verify")["valid"] is True
