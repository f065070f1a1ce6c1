"""A UPS hub over DIMSE on pynetdicom that can be odd, lose answers and be cut (PS3.4 annex CC).

It stands on the demo's worklist manager; what other servers do otherwise is done here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socketserver import BaseServer
from threading import Thread
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from teleread.demo.archive.catalogue import Catalogue, plans_of
from teleread.demo.archive.dicomweb import DicomWebService
from teleread.demo.cases.nouns import Seed
from teleread.demo.faults import Faults
from teleread.demo.fhir.store import Store
from teleread.demo.ups.desk import Desk
from teleread.demo.ups.dimse import PUSH, DimseDesk
from teleread.demo.ups.events import Board
from teleread.model.hubfile import DimseAddress

PULL, WATCH = "1.2.840.10008.5.1.4.34.6.3", "1.2.840.10008.5.1.4.34.6.2"


@dataclass
class DimseQuirks:
    """How this server differs from the book."""

    no_charset: bool = False
    """Answers are UTF-8 and do not say so."""
    lean: bool = False
    """A search leaves sequences out, whatever is asked for."""
    no_ranges: bool = False
    """A search by date and time is refused."""
    no_zone: bool = False
    """Times come without their offset from UTC."""
    plain_failure: bool = False
    """Refusals are all "processing failure" (0110), with a comment or without."""
    pull_only: bool = False
    """Push and Watch are not offered."""
    options: dict[str, Any] = field(default_factory=dict)


class UpsDimseDouble:
    """The server; a context manager.

    `faults` says what the next writes meet: ``lose`` (done, and the line broken before the answer), ``drop``
    (the line broken before anything is done), ``fail`` (refused), ``slow-lie`` (success is answered, nothing
    done); an empty word: nothing.
    """

    def __init__(self, folder: Path, quirks: DimseQuirks | None = None) -> None:
        self.quirks = quirks or DimseQuirks()
        self.faults: deque[str] = deque()
        self.before_write: list[Callable[[], None]] = []
        self.asked: list[tuple[str, str]] = []
        """Service and Requested SOP Class UID of each N-service request."""
        self.destinations: dict[str, tuple[str, int]] = {}
        self.store = Store(folder / "hub.db")
        catalogue = Catalogue(plans_of([], Seed(1), datetime(2026, 11, 24, tzinfo=UTC)), folder)
        self.desk = Desk(self.store, catalogue.images, "https://fake.example/dicom-web")
        self.board = Board(self.desk)
        self.archive = DicomWebService(catalogue, Faults())
        self._face = DimseDesk(self.desk, self.board, self.destinations.get)
        self._server: Any = None
        self._thread: Thread | None = None

    @property
    def address(self) -> DimseAddress:
        return DimseAddress("DOUBLE", "127.0.0.1", int(self._server.socket.getsockname()[1]))

    def __enter__(self) -> UpsDimseDouble:
        ae = AE(ae_title="DOUBLE")
        ae.network_timeout, ae.dimse_timeout, ae.acse_timeout = 60, 60, 10
        for one in (PULL,) if self.quirks.pull_only else (PULL, WATCH, PUSH):
            ae.add_supported_context(one)
        handlers: list[Any] = [
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_N_GET, self._get),
            (evt.EVT_N_SET, lambda event: self._write(event, "N-SET", self._face.set)),
            (evt.EVT_N_ACTION, lambda event: self._write(event, "N-ACTION", self._face.act)),
        ]
        self._server = ae.make_server(
            ("127.0.0.1", 0), evt_handlers=handlers, server_class=ThreadedAssociationServer
        )
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._face.stop()
        BaseServer.shutdown(self._server)
        self._server.server_close()
        assert self._thread is not None
        self._thread.join(5)
        self.store.close()

    def _find(self, event: Any) -> Iterator[tuple[Any, Any]]:
        quirks = self.quirks
        asked = event.identifier
        if quirks.no_ranges and asked.get("ScheduledProcedureStepModificationDateTime"):
            yield 0xA900, None
            return
        for status, found in self._face.find(event):
            if quirks.lean and found is not None:
                for element in [one for one in found if one.VR == "SQ"]:
                    del found[element.tag]
            yield status, self._odd(found)

    def _get(self, event: Any) -> tuple[Any, Any]:
        self.asked.append(("N-GET", str(event.request.RequestedSOPClassUID)))
        status, found = self._face.get(event)
        return self._told(status), self._odd(found)

    def _write(self, event: Any, name: str, act: Callable[[Any], tuple[Any, Any]]) -> tuple[Any, Any]:
        self.asked.append((name, str(event.request.RequestedSOPClassUID)))
        fault = self.faults.popleft() if self.faults else ""
        if fault == "drop":
            event.assoc.abort()
            return 0x0110, None
        if fault == "fail":
            return 0x0110, None
        if fault == "slow-lie":
            return 0x0000, None
        if self.before_write:
            self.before_write.pop(0)()
        status, data = act(event)
        if fault == "lose":
            event.assoc.abort()
        return self._told(status), data

    def _told(self, status: Any) -> Any:
        if not self.quirks.plain_failure or not isinstance(status, Dataset) or status.Status == 0xC307:
            return status
        plain = Dataset()
        plain.Status = 0x0110
        return plain

    def _odd(self, found: Any) -> Any:
        if found is None:
            return None
        if self.quirks.no_zone:
            text = found.to_json().replace("+0000", "")
            found = Dataset.from_json(text)
        if self.quirks.no_charset and "SpecificCharacterSet" in found:
            _bytes_in_utf8(found)
            del found.SpecificCharacterSet
        return found


def _bytes_in_utf8(data: Dataset) -> None:
    """Texts as Latin 1 that is UTF-8 underneath: written without a character set, the bytes stay the same."""
    for element in data.iterall():
        if element.VR in {"LO", "SH", "LT", "ST", "UT", "PN"} and element.value:
            words = [str(one) for one in (element.value if element.VM > 1 else [element.value])]
            if any(not one.isascii() for one in words):
                folded = [one.encode().decode("latin-1") for one in words]
                element.value = folded if element.VM > 1 else folded[0]
