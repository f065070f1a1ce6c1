"""SEKMET with our own documents: what the contract suite's simpler transactions do not show."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from teleread.hub.fhir import FhirHub
from teleread.model.errors import AttentionError, NotSignedInError
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey
from tests.contract.hub_cases import case
from tests.contract.hub_peers import SekmetPeer, hub_file
from tests.peers.sekmet import Sekmet, start_sekmet
from tests.unit import sync_world
from tests.unit.sync_world import World

pytestmark = pytest.mark.peer("sekmet")


@pytest.fixture(scope="module")
def sekmet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sekmet]:
    server = start_sekmet(tmp_path_factory.mktemp("sekmet"), auth="bearer")
    yield server
    server.stop()


class Losing(httpx.HTTPTransport):
    """Brings every request there, but loses the answers to the next transactions."""

    def __init__(self) -> None:
        super().__init__(trust_env=False)
        self.lose = 0
        self.posts = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if request.method == "POST":
            self.posts += 1
        if self.lose and (request.method == "POST" or self.posts):
            self.lose -= 1
            answer.close()
            raise httpx.ReadTimeout("lost", request=request)
        return answer


def test_a_wrong_token_is_told_as_not_signed_in(sekmet: Sekmet) -> None:
    hub = FhirHub(hub_file(sekmet.base, "reader", auth="bearer"), "wrong")
    with pytest.raises(NotSignedInError):
        list(hub.pull(""))
    hub.close()


def test_of_twelve_claims_at_once_one_wins(sekmet: Sekmet) -> None:
    peer = SekmetPeer(sekmet)
    for resource in case(901):
        peer.put(resource)
    hubs = [peer.hub(f"reader-{number}") for number in range(12)]
    for number in range(12):
        peer.put({"resourceType": "Practitioner", "id": f"reader-{number}"})
    key = TaskKey("hub-1", "t-c901")
    seen = hubs[0].read(key)

    def claim(hub: FhirHub) -> str:
        try:
            return str(hub.claim(seen).task.owner)
        except AttentionError as problem:
            return problem.code

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(claim, hubs))
    for hub in hubs:
        hub.close()
    assert outcomes.count("claim-lost") == 11


@pytest.mark.parametrize(("number", "lost"), [(902, 0), (903, 3)])
def test_a_report_and_its_addendum_arrive_once_with_our_own_documents(
    sekmet: Sekmet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, lost: int
) -> None:
    peer = SekmetPeer(sekmet)
    for resource in case(number):
        peer.put(resource)
    file: HubFile = hub_file(sekmet.base, "reader", auth="bearer")
    monkeypatch.setattr(sync_world, "HUB", file)
    world = World(tmp_path)
    line = Losing()
    world.hub = FhirHub(file, sekmet.token, world.clock, transport=line)
    world.pull()
    key = TaskKey("hub-1", f"t-c{number}")
    world.claim(key)
    first = world.sign(key)
    second = world.sign(key, "Also an effusion.", on=first.report_id)
    line.lose = lost
    for _ in range(6):
        world.push()
        world.later(30)
    assert line.lose == 0
    assert [world.item(one).state for one in (first, second)] == ["delivered", "delivered"]
    (report,) = peer.reports(f"p-c{number}")
    assert report["status"] == "appended"
    found = sekmet.call("GET", f"Provenance?target=DiagnosticReport/{report['id']}")
    assert len(found.get("entry", ())) == 2
    assert peer.get("Task", key.task_id)["status"] == "completed"
    world.close()


OPINION = {
    "opinion": "final",
    "addendum": "appended",
    "correction": "corrected",
    "withdrawal": "entered-in-error",
}
"""DiagnosticReport.status after each version of a second opinion."""


def test_a_second_opinion_has_a_history_of_its_own_with_a_provenance_a_version(
    sekmet: Sekmet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, number = SekmetPeer(sekmet), 904
    for resource in case(number):
        peer.put(resource)
    file: HubFile = hub_file(sekmet.base, "reader", auth="bearer")
    monkeypatch.setattr(sync_world, "HUB", file)
    world = World(tmp_path)
    world.hub = FhirHub(file, sekmet.token, world.clock)
    world.pull()
    key = TaskKey("hub-1", f"t-c{number}")
    world.claim(key)
    first = world.sign(key)
    world.push()
    (report,) = peer.reports(f"p-c{number}")
    task = peer.get("Task", key.task_id)
    opinions = []
    for _ in range(2):
        item = world.sign(key, "Seen again.", kind="opinion")
        opinions.append(item.report_id)
        for kind in list(OPINION)[1:]:
            world.sign(key, f"{kind.capitalize()}.", on=item.report_id, kind=kind)
        while world.push().pushed:
            world.later(1)
    held = {one["id"]: one for one in peer.reports(f"p-c{number}")}
    assert len(held) == 3
    assert held.pop(report["id"]) == report
    assert peer.get("Task", key.task_id) == task
    assert task["status"] == "completed"
    names = [{name["value"] for name in one["identifier"]} for one in held.values()]
    assert all(sum(f"urn:uuid:{one}" in own for own in names) == 1 for one in opinions)
    assert not any(f"urn:uuid:{first.report_id}" in own for own in names)
    for ident in held:
        name = f"DiagnosticReport/{ident}"
        versions = [one["resource"] for one in sekmet.call("GET", f"{name}/_history")["entry"]]
        assert [one["status"] for one in reversed(versions)] == list(OPINION.values())
        assert len({one["meta"]["versionId"] for one in versions}) == len(OPINION)
        found = [one["resource"] for one in sekmet.call("GET", f"Provenance?target={name}")["entry"]]
        keys = {
            entity["what"]["identifier"]["value"]
            for one in found
            for entity in one["entity"]
            if entity["role"] == "source"
        }
        assert len(found) == len(keys) == len(OPINION)
        assert [one["activity"]["coding"][0]["code"] for one in found] == ["LA"] * len(OPINION)
    world.close()
