"""The embedded hub and archive, started and stopped as one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from teleread import __version__
from teleread.demo.archive.catalogue import Catalogue, plans_of
from teleread.demo.archive.dicomweb import DicomWebService
from teleread.demo.archive.dimse import AET, DimseServer
from teleread.demo.cases.nouns import Seed
from teleread.demo.cases.seeding import began_at, lay_down
from teleread.demo.cases.table import cases as cases_of
from teleread.demo.control import Control
from teleread.demo.events import HubEvents
from teleread.demo.exchange import Reply, Request
from teleread.demo.faults import Faults
from teleread.demo.fhir.rest import FhirService
from teleread.demo.fhir.store import Store
from teleread.demo.mllp import MllpDesk
from teleread.demo.ups.desk import Desk
from teleread.demo.ups.dimse import DimseDesk
from teleread.demo.ups.events import Board
from teleread.demo.ups.service import UpsService
from teleread.demo.web import DemoWeb, Service
from teleread.model.errors import TelereadError

__all__ = ["READER_ID", "DemoAddresses", "DemoServer", "ready_document"]

READER_ID = "reader"
"""The Practitioner whom the demo expects to read."""
_MARK = "demo.folder"
_LARGEST = 10_000


@dataclass(frozen=True)
class DemoAddresses:
    """Where the demo listens."""

    fhir: str
    """Base URL of the FHIR hub."""
    dicomweb: str
    """Base URL of the DICOMweb archive."""
    dimse_host: str
    dimse_port: int
    dimse_aet: str
    hub_dir: str
    """The folder that holds the state."""
    ups_rs: str | None = None
    """Base URL of UPS-RS; None as long as it is not served."""
    mllp_port: int | None = None
    """Where results by HL7 v2 are taken, on loopback; None where they are not."""


def ready_document(addresses: DemoAddresses) -> dict[str, Any]:
    """What ``teleread demo`` prints and writes once it is ready."""
    return {
        "schema": "teleread.demo/1",
        "fhir": addresses.fhir,
        "dicomweb": addresses.dicomweb,
        "ups_rs": addresses.ups_rs,
        "dimse": {"host": addresses.dimse_host, "port": addresses.dimse_port, "aet": addresses.dimse_aet},
        "mllp": {"host": "127.0.0.1", "port": addresses.mllp_port} if addresses.mllp_port else None,
        "hub_dir": addresses.hub_dir,
    }


class DemoServer:
    """A hub and an archive with made-up patients, on loopback, out of one folder.

    Args:
        folder: Holds the state; made if absent.
        port: HTTP port; 0 takes the last one again if it is free, else any.
        dimse_port: DIMSE port; 0 likewise.
        cases: How many cases; None is every one with a story, more than those adds plain films.
        seed: The same seed gives the same ids.
        reset: Start over: everything in the folder is thrown away.

    Raises:
        TelereadError: The folder is something else's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        dimse_port: int = 0,
        cases: int | None = None,
        seed: int = 1,
        reset: bool = False,
    ) -> None:
        self.folder = folder
        self.faults = Faults()
        self._port = port
        self._dimse_port = dimse_port
        self._count = None if cases is None else min(max(cases, 0), _LARGEST)
        self._seed = Seed(seed)
        self._store: Store | None = None
        self._web: DemoWeb | None = None
        self._dimse: DimseServer | None = None
        self._mllp: MllpDesk | None = None
        self._archive: Service | None = None
        _prepare(folder, reset=reset)

    @property
    def events(self) -> HubEvents:
        """What others do at the hub, for tests.

        Raises:
            TelereadError: The demo is not running.
        """
        return HubEvents(self.store)

    @property
    def store(self) -> Store:
        """The hub's resources, for tests.

        Raises:
            TelereadError: The demo is not running.
        """
        if self._store is None:
            raise TelereadError("The demo is not running.")
        return self._store

    @property
    def archive(self) -> Service:
        """Answers DICOMweb requests without a line, for tests.

        Raises:
            TelereadError: The demo is not running.
        """
        if self._archive is None:
            raise TelereadError("The demo is not running.")
        return self._archive

    def start(self) -> DemoAddresses:
        """Open the folder, fill it where it is empty, and listen.

        Raises:
            TelereadError: A port is taken by another program.
            UsageError: The folder was filled with another seed.
        """
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> DemoAddresses:
        self._store = store = Store(self.folder / "hub.db")
        listed = list(cases_of(self._count, self._seed.value))
        catalogue = Catalogue(plans_of(listed, self._seed, began_at(store)), self.folder)
        self._dimse = _listening(
            "DIMSE", self._dimse_port, store, lambda port: _dimse_at(catalogue, self.faults, port)
        )
        self._archive = DicomWebService(catalogue, self.faults).handle
        self._mllp = _listening("MLLP", 0, store, lambda port: MllpDesk(store, self.faults, port))
        services: dict[str, Service] = {
            "fhir": _leasing(FhirService(store, __version__).handle, store, self.faults),
            "dicom-web": self._archive,
            "_demo": Control(
                self.faults, HubEvents(store), self.drop_connections, self._dimse.register, self._mllp
            ).handle,
        }
        self._web = _listening("HTTP", self._port, store, lambda port: DemoWeb(port, services, self.faults))
        base = f"http://127.0.0.1:{self._web.port}"
        desk = Desk(store, catalogue.images, f"{base}/dicom-web")
        board = Board(desk)
        services["ups-rs"] = _leasing(UpsService(desk, board).handle, store, self.faults)
        self._dimse.desk = DimseDesk(desk, board, self._dimse.destination)
        lay_down(store, listed, self._seed, f"{base}/dicom-web", datetime.now(UTC))
        store.keep("port HTTP", str(self._web.port))
        store.keep("port DIMSE", str(self._dimse.port))
        store.keep("port MLLP", str(self._mllp.port))
        self._mllp.start()
        self._web.start()
        return DemoAddresses(
            fhir=f"{base}/fhir",
            dicomweb=f"{base}/dicom-web",
            dimse_host="127.0.0.1",
            dimse_port=self._dimse.port,
            dimse_aet=AET,
            hub_dir=str(self.folder),
            ups_rs=f"{base}/ups-rs",
            mllp_port=self._mllp.port,
        )

    def stop(self) -> None:
        """Stop listening. Everything answered is on disk already; calling it twice does no harm."""
        if self._web is not None:
            self._web.stop()
        if self._dimse is not None:
            self._dimse.stop()
        if self._mllp is not None:
            self._mllp.stop()
        if self._store is not None:
            self._store.close()
        self._web = self._dimse = self._mllp = self._store = None

    def cut_line(self) -> None:
        """Drop every connection, and every one that comes, until `mend_line`."""
        self.faults.cut()
        self.drop_connections()

    def mend_line(self) -> None:
        """Answer again; planned faults are forgotten."""
        self.faults.mend()

    def drop_connections(self) -> None:
        """End every open connection, once."""
        if self._web is not None:
            self._web.drop_connections()
        if self._dimse is not None:
            self._dimse.drop_connections()
        if self._mllp is not None:
            self._mllp.drop_connections()

    def register_aet(self, aet: str, port: int) -> None:
        """Let C-MOVE send to an AE on loopback."""
        if self._dimse is not None:
            self._dimse.register(aet, port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _prepare(folder: Path, *, reset: bool) -> None:
    """Make the folder, or make sure it is a demo's before anything in it is touched."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = folder / _MARK
    if not mark.exists():
        if any(folder.iterdir()):
            raise TelereadError(
                "The folder for the demo holds something else.",
                "Nothing in it was changed.",
                "Name an empty or a new folder.",
                code="demo-folder",
            )
        mark.write_text("teleread DEMO: made-up patients only\n", encoding="utf-8")
    elif reset:
        for name in ("hub.db", "hub.db-wal", "hub.db-shm"):
            (folder / name).unlink(missing_ok=True)
        for name in ("painted", "stored"):
            shutil.rmtree(folder / name, ignore_errors=True)


_Opened = TypeVar("_Opened")


def _listening(what: str, port: int, store: Store, open_at: Callable[[int], _Opened]) -> _Opened:
    """Open a port: the one asked for, else the last one, else any."""
    last = int(store.note(f"port {what}") or 0)
    for number in [port] if port else [last, 0] if last else [0]:
        try:
            return open_at(number)
        except OSError as error:
            if number == 0 or port:
                raise TelereadError(
                    f"Port {number} is taken by another program ({what}).",
                    "The demo did not start.",
                    "Name another port, or 0 for any free one.",
                    code="port-taken",
                ) from error
    raise AssertionError("one of the ports was tried last")


def _leasing(service: Service, store: Store, faults: Faults) -> Service:
    """A service that finds claims gone which nobody renewed in time."""
    events = HubEvents(store)

    def asked(request: Request) -> Reply:
        if faults.lease_minutes:
            events.lapse(faults.lease_minutes)
        return service(request)

    return asked


def _dimse_at(catalogue: Catalogue, faults: Faults, port: int) -> DimseServer:
    server = DimseServer(catalogue, faults, port)
    server.start()
    return server
