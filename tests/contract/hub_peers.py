"""The servers the hub suite runs on, behind one small face."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from teleread.demo.server import DemoServer
from teleread.host.clock import FakeClock
from teleread.hub.fhir import FhirHub
from teleread.model.hubfile import HubFile
from teleread.wire.sign_in import SignIn
from tests.contract.hub_fake import BASE, FakeHub
from tests.peers.sekmet import Sekmet

Resource = dict[str, Any]


class Peer(Protocol):
    """A server whose content the test can change behind the client's back."""

    def hub(self, reader: str = "reader") -> Any:
        """A client for a reader."""
        ...

    def put(self, resource: Resource) -> None:
        """Store a resource under its own id."""
        ...

    def get(self, kind: str, ident: str) -> Resource:
        """A resource as it stands."""
        ...

    def reports(self, patient: str) -> list[Resource]:
        """Every DiagnosticReport of a patient."""
        ...


def hub_file(base: str, reader: str, **more: Any) -> HubFile:
    """A hub file for a reader."""
    return HubFile(
        hub_id="hub-1", name="TEST", fhir=base, reader_id=reader, reader_name=f"Dr {reader}", **more
    )


def edit(peer: Peer, kind: str, ident: str, **changes: Any) -> None:
    """What somebody else does; None takes an element away."""
    resource = {**peer.get(kind, ident), **changes}
    peer.put({key: value for key, value in resource.items() if value is not None and key != "meta"})


class FakePeer:
    """The server in memory."""

    def __init__(self, server: FakeHub) -> None:
        self.server = server

    def hub(self, reader: str = "reader") -> FhirHub:
        clock = FakeClock(datetime(2026, 11, 24, 4, tzinfo=UTC))
        return FhirHub(hub_file(BASE, reader), None, clock, transport=self.server)

    def put(self, resource: Resource) -> None:
        self.server.put(resource)

    def get(self, kind: str, ident: str) -> Resource:
        return self.server.get(kind, ident)

    def reports(self, patient: str) -> list[Resource]:
        target = f"Patient/{patient}"
        return [one for one in self.server.all("DiagnosticReport") if one["subject"]["reference"] == target]


class DemoPeer:
    """The embedded demo hub."""

    def __init__(self, server: DemoServer, base: str) -> None:
        self._server = server
        self._base = base

    def hub(self, reader: str = "reader") -> FhirHub:
        return FhirHub(hub_file(self._base, reader))

    def put(self, resource: Resource) -> None:
        body = {key: value for key, value in resource.items() if key not in {"meta"}}
        with self._server.store.unit() as unit:
            unit.put(resource["resourceType"], resource["id"], body)

    def get(self, kind: str, ident: str) -> Resource:
        return self._server.store.edit(kind, ident)

    def reports(self, patient: str) -> list[Resource]:
        found = self._server.store.all("DiagnosticReport")
        return [one.body for one in found if one.body["subject"]["reference"] == f"Patient/{patient}"]


class SekmetPeer:
    """SEKMET, asked by another HTTP client than ours."""

    def __init__(self, server: Sekmet, sign_in: SignIn | None = None) -> None:
        self._server = server
        self._sign_in = sign_in
        for reader in ("reader", "other"):
            self.put({"resourceType": "Practitioner", "id": reader})

    def hub(self, reader: str = "reader") -> FhirHub:
        if self._sign_in is not None:
            return FhirHub(hub_file(self._server.base, reader, auth="smart"), sign_in=self._sign_in)
        more = {"auth": "bearer"} if self._server.token else {}
        return FhirHub(hub_file(self._server.base, reader, **more), self._server.token or None)

    def put(self, resource: Resource) -> None:
        self._server.call("PUT", f"{resource['resourceType']}/{resource['id']}", resource)

    def get(self, kind: str, ident: str) -> Resource:
        found: Resource = self._server.call("GET", f"{kind}/{ident}")
        return found

    def reports(self, patient: str) -> list[Resource]:
        bundle = self._server.call("GET", f"DiagnosticReport?patient=Patient/{patient}&_count=100")
        return [entry["resource"] for entry in bundle.get("entry", ())]
