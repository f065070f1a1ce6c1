"""DIMSE of the demo archive: C-ECHO, C-FIND, C-GET, C-MOVE and C-STORE on loopback."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from socketserver import BaseServer
from typing import Any

from teleread.demo.archive.catalogue import Catalogue, NotDicomError
from teleread.demo.archive.held import HeldInstance
from teleread.demo.archive.syntax import NATIVE, dataset_of
from teleread.demo.faults import Faults
from teleread.demo.ups.dimse import CLASSES, DimseDesk

__all__ = ["AET", "DimseServer"]

AET = "TELEDEMO"
_MATCHED = ("STUDY", "SERIES", "IMAGE")
_SYNTAXES = [
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.50",
]
_SUCCESS, _PENDING, _CANCEL = 0x0000, 0xFF00, 0xFE00
_NO_DESTINATION, _UNABLE, _NOT_UNDERSTOOD = 0xA801, 0xA700, 0xC000


class DimseServer:
    """The archive as a DIMSE peer. It calls out to loopback addresses only.

    Args:
        catalogue: What the archive holds.
        faults: The knobs.
        port: 0 is any free one.
    """

    def __init__(self, catalogue: Catalogue, faults: Faults, port: int) -> None:
        self._catalogue = catalogue
        self._faults = faults
        self._wanted_port = port
        self._destinations = {"TELEREAD": ("127.0.0.1", 11112)}
        self.desk: DimseDesk | None = None
        """Answers for the worklist; without it there is none."""
        self._lock = threading.Lock()
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.socket.getsockname()[1])

    def register(self, aet: str, port: int) -> None:
        """Let C-MOVE send to an AE on loopback."""
        with self._lock:
            self._destinations[aet] = ("127.0.0.1", port)

    def destination(self, aet: str) -> tuple[str, int] | None:
        """Where an AE on loopback listens; None for one that is not known."""
        with self._lock:
            return self._destinations.get(aet.strip())

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port cannot be had.
        """
        from pynetdicom import AE, AllStoragePresentationContexts, evt
        from pynetdicom.sop_class import (  # type: ignore[attr-defined]
            PatientRootQueryRetrieveInformationModelFind,
            PatientRootQueryRetrieveInformationModelGet,
            PatientRootQueryRetrieveInformationModelMove,
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelGet,
            StudyRootQueryRetrieveInformationModelMove,
            Verification,
        )
        from pynetdicom.transport import ThreadedAssociationServer

        ae = AE(ae_title=AET)
        ae.maximum_associations = 20
        ae.maximum_pdu_size = 131072
        ae.network_timeout, ae.dimse_timeout, ae.acse_timeout = 60, 60, 10
        ae.add_supported_context(Verification)
        for model in (
            PatientRootQueryRetrieveInformationModelFind,
            PatientRootQueryRetrieveInformationModelGet,
            PatientRootQueryRetrieveInformationModelMove,
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelGet,
            StudyRootQueryRetrieveInformationModelMove,
        ):
            ae.add_supported_context(model)
        for listed in CLASSES:
            ae.add_supported_context(listed)
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, _SYNTAXES, scu_role=True, scp_role=True)
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_N_GET, lambda event: self.desk.get(event) if self.desk else (_UNABLE, None)),
            (evt.EVT_N_SET, lambda event: self.desk.set(event) if self.desk else (_UNABLE, None)),
            (evt.EVT_N_ACTION, lambda event: self.desk.act(event) if self.desk else (_UNABLE, None)),
        ]
        self._server = ae.make_server(
            ("127.0.0.1", self._wanted_port), evt_handlers=handlers, server_class=ThreadedAssociationServer
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo-dimse", daemon=True
        )
        self._thread.start()

    def drop_connections(self) -> None:
        """Abort every association."""
        for assoc in list(self._server.active_associations):
            assoc.abort()

    def stop(self) -> None:
        """Stop listening and abort every association."""
        if self._server is None or self._thread is None:
            return
        if self.desk is not None:
            self.desk.stop()
        self.drop_connections()
        # pynetdicom's own shutdown insists on a server that its AE started, with a poll of half a second
        BaseServer.shutdown(self._server)
        self._server.server_close()
        self._thread.join(5)
        self._server = self._thread = None

    def _opened(self, event: Any) -> None:
        if self._faults.line_cut:
            event.assoc.dul.socket.close()

    def _echo(self, event: Any) -> int:
        return _SUCCESS

    def _find(self, event: Any) -> Iterator[tuple[int, Any]]:
        if self.desk is not None and event.context.abstract_syntax in CLASSES:
            yield from self.desk.find(event)
            return
        query = event.identifier
        level = str(query.get("QueryRetrieveLevel", ""))
        if level == "PATIENT":
            level = "STUDY"
        if level not in _MATCHED:
            yield _NOT_UNDERSTOOD, None
            return
        asked = {element.keyword: _text(element) for element in query if element.keyword}
        asked.pop("QueryRetrieveLevel", None)
        asked.pop("SpecificCharacterSet", None)
        seen: set[str] = set()
        for attributes in self._catalogue.find(level, asked):
            if event.is_cancelled:
                yield _CANCEL, None
                return
            if query.QueryRetrieveLevel == "PATIENT":
                if attributes["PatientID"] in seen:
                    continue
                seen.add(attributes["PatientID"])
            answer = dataset_of({name: attributes.get(name) for name in asked})
            answer.QueryRetrieveLevel = str(query.QueryRetrieveLevel)
            answer.RetrieveAETitle = AET
            answer.InstanceAvailability = "ONLINE"
            yield _PENDING, answer

    def _wanted(self, query: Any) -> list[HeldInstance]:
        """Instances a C-GET or C-MOVE asks for; lists of UIDs are allowed at the lowest level."""
        asked = {
            name: _text(query[name])
            for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
            if name in query and _text(query[name])
        }
        if not asked:
            return []
        found = self._catalogue.find("IMAGE", asked)
        return [
            instance
            for one in found
            for instance in self._catalogue.instances(
                one["StudyInstanceUID"], one["SeriesInstanceUID"], one["SOPInstanceUID"]
            )
        ]

    def _get(self, event: Any) -> Iterator[Any]:
        held = self._wanted(event.identifier)
        yield len(held)
        accepted = {
            (str(context.abstract_syntax), str(syntax))
            for context in event.assoc.accepted_contexts
            if context.as_scu
            for syntax in context.transfer_syntax
        }
        for instance in held:
            if event.is_cancelled:
                yield _CANCEL, None
                return
            if self._faults.instance_dies():
                event.assoc.abort()
                return
            yield _PENDING, _sendable(instance, accepted)

    def _move(self, event: Any) -> Iterator[Any]:
        destination = self.destination(str(event.move_destination))
        if destination is None:
            yield None, None
            return
        held = self._wanted(event.identifier)
        from pynetdicom import build_context

        pairs = dict.fromkeys((instance.sop_class, instance.syntax) for instance in held)
        contexts = [build_context(sop_class, syntax) for sop_class, syntax in pairs]
        contexts += [build_context(sop_class, sorted(NATIVE)) for sop_class in {pair[0] for pair in pairs}]
        yield (*destination, {"contexts": contexts[:128]})
        yield len(held)
        for instance in held:
            if event.is_cancelled:
                yield _CANCEL, None
                return
            if self._faults.instance_dies():
                event.assoc.abort()
                return
            yield _PENDING, _sendable(instance, {(instance.sop_class, instance.syntax)})

    def _store(self, event: Any) -> int:
        try:
            self._catalogue.store(event.encoded_dataset())
        except NotDicomError:
            return _NOT_UNDERSTOOD
        except OSError:
            return _UNABLE
        return _SUCCESS


def _text(element: Any) -> str:
    value = element.value
    if value is None:
        return ""
    if element.VM > 1:
        return "\\".join(str(one) for one in value)
    return str(value)


def _sendable(instance: HeldInstance, accepted: set[tuple[str, str]]) -> Any:
    """The Dataset to send, decompressed where only native syntaxes were accepted."""
    from pydicom import dcmread

    ds = dcmread(io.BytesIO(instance.load()))
    if (instance.sop_class, instance.syntax) in accepted or instance.syntax in NATIVE:
        return ds
    if any(sop_class == instance.sop_class and syntax in NATIVE for sop_class, syntax in accepted):
        ds.decompress(generate_instance_uid=False)
    return ds
