"""A site that speaks HL7 v2: orders come in by MLLP while the engine runs, reports go out by MLLP."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.contract.hl7_world import merge, order
from tests.contract.mllp_site import Site, codes, send
from tests.e2e.flow import READER, written
from tests.e2e.test_engine import PATIENCE, Engine
from tests.e2e.world import Cli
from tests.ports import free_port


def until(look: Callable[[], Any]) -> Any:
    """What it gives, once it gives anything."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except ConnectionRefusedError:
            pass
        time.sleep(0.3)
    raise AssertionError("it never came")


def test_an_order_by_mllp_becomes_a_report_by_mllp_and_a_merge_is_never_silent(tmp_path: Path) -> None:
    site, port = Site(), free_port()
    cli = Cli(tmp_path)
    words = ("--hl7", site.address, "--hl7-listen", str(port))
    cli.json("init", "--hub", "site", *words, *READER, "--no-input")
    told = cli.json("hub", "show", "site")
    assert (told["hl7"], told["hl7_listen"], told["hl7_from"]) == (site.address, f"127.0.0.1:{port}", [])
    engine = Engine(cli)
    try:
        second = order("A2", "M2").replace(b"1.2.3.4", b"1.2.3.5")
        assert codes(until(lambda: send(port, order(), second))) == ["AA", "AA"]
        rows = until(lambda: sorted(cli.items(), key=lambda one: str(one["task"])))
        assert [one["task"] for one in rows] == ["site:A1", "site:A2"]
        assert rows[0]["patient"]["name"] == "Testwell^Ada^Bea"
        claimed = cli.run("claim", "site:A1")
        assert claimed.code == 0
        assert "this machine alone" in claimed.err
        cli.json("claim", "site:A2")
        for task in ("site:A1", "site:A2"):
            written(cli, task, "No fracture.")
        signed = sign(cli, "site:A1")
        engine.kind("delivered")
        items = [one for one in cli.json("outbox")["items"] if one["kind"] == "report"]
        assert [(one["state"], one["receipt"]["sha256"]) for one in items] == [
            ("delivered", signed["sha256"])
        ]
        (message,) = site.received
        assert codes(send(port, merge())) == ["AA"]
        until(lambda: cli.items()[0]["patient"]["id"] == "N000002")
        rules = {one["id"]: one for one in cli.json("report", "check", "site:A2", code=5)["rules"]}
        assert rules["patient-changed"]["text"]
    finally:
        code = engine.stop()
        site.close()
    assert code == 0
    path = tmp_path / "got.hl7"
    path.write_bytes(message)
    verdict = cli.json("report", "verify", str(path))
    assert (verdict["valid"], verdict["trust"], verdict["sha256"]) == (True, "own", signed["sha256"])
    with socket.socket() as line:
        assert line.connect_ex(("127.0.0.1", port)) != 0  # nobody listens while no engine runs


def sign(cli: Cli, task: str) -> dict[str, Any]:
    """A report signed, read elsewhere."""
    rules = [one for one in cli.json("report", "check", task, code=5)["rules"] if one["blocking"]]
    words = [part for one in rules for part in ("--override", f"{one['id']}=Read on the site's own viewer")]
    return cli.json("report", "sign", task, *words)
