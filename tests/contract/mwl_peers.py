"""What stands behind a Modality Worklist in the suite: wlmscpfs, Orthanc, the demo; and made-up orders."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items

from teleread.demo.server import DemoServer
from teleread.host.clock import FakeClock
from teleread.hub.mwl import MwlHub
from teleread.model.hubfile import DimseAddress, HubFile
from tests.contract.ups_double import Keys
from tests.peers import orthanc
from tests.peers.dcmqrscp import find_program
from tests.ports import free_port

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TODAY = "20261124"


def item(number: int, **changes: Any) -> Dataset:
    """An item of a made-up patient; words in ``changes`` replace elements, ``step_`` those of the step."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID = "Müller^Zoë", f"N{number:06}"
    ds.IssuerOfPatientID = "NORTH"
    ds.PatientBirthDate, ds.PatientSex = "19700102", "F"
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = f"999{number:07}", "NHS", "TEXT"
    ds.OtherPatientIDsSequence = Items([other])
    ds.AccessionNumber, ds.RequestedProcedureID = f"ACC{number:05}", f"RP{number}"
    ds.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.77.{number}"
    ds.RequestedProcedureDescription, ds.RequestedProcedurePriority = "CT Abdomen", "STAT"
    ds.ReasonForTheRequestedProcedure = "Appendicitis?"
    ds.RequestingPhysician, ds.ReferringPhysicianName, ds.AdmissionID = "Sender^Sam", "Sender^Sam", ""
    ds.ReferencedStudySequence = Items([])
    step = Dataset()
    step.Modality, step.ScheduledStationAETitle = "CT", "CT1"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = TODAY, "083000"
    step.ScheduledPerformingPhysicianName = "X^Y"
    step.ScheduledProcedureStepDescription, step.ScheduledProcedureStepID = "CT with contrast", f"S{number}"
    step.ScheduledProcedureStepStatus = "SCHEDULED"
    ds.ScheduledProcedureStepSequence = Items([step])
    for name, value in changes.items():
        target = step if name.startswith("step_") else ds
        setattr(target, name.removeprefix("step_"), value)
    return ds


def write(path: Path, ds: Dataset) -> None:
    """A worklist file as DCMTK has them."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
    ds.file_meta.MediaStorageSOPInstanceUID = (
        f"2.25.{int(hashlib.sha256(path.name.encode()).hexdigest()[:24], 16)}"
    )
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    waiting = path.with_suffix(".tmp")
    ds.save_as(waiting, enforce_file_format=True)
    waiting.rename(path)


@dataclass
class ListPeer:
    """A list whose files the tests change."""

    folder: Path
    address: DimseAddress
    options: dict[str, Any] = field(default_factory=dict)
    ways: dict[str, Any] = field(default_factory=dict)
    """Where reports go, as the hub file says it."""
    tells_other_ids: bool = False
    """It gives Other Patient IDs (0010,1002)."""
    kept: dict[str, Keys] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))

    def put(self, number: int, **changes: Any) -> str:
        """Show an order; its task id."""
        write(self.folder / f"w{number}.wl", item(number, **changes))
        return f"ACC{number:05}.RP{number}"

    def remove(self, number: int) -> None:
        """Take an order off the list."""
        (self.folder / f"w{number}.wl").unlink()

    def hub(self, reader: str = "reader", **more: Any) -> MwlHub:
        """A client for a reader; what it keeps survives it."""
        options = {"timezone": "UTC", **self.options, **more.pop("options", {})}
        file = HubFile(
            "hub-1",
            "TEST",
            mwl=self.address,
            mwl_options=options,
            reader_id=reader,
            reader_name=f"Dr {reader}",
            **{**self.ways, **more},
        )
        return MwlHub(file, None, self.clock, memory=self.kept.setdefault(reader, Keys()))


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    orthanc.stop(process)
    pytest.fail("it did not start: " + log.read_text()[-400:])


@contextmanager
def wlmscpfs(folder: Path, *, charset: bool) -> Iterator[ListPeer]:
    """DCMTK's list: it names the character set of its answers only where it is told to."""
    program = find_program("wlmscpfs")
    orthanc.need("DCMTK's wlmscpfs", program)
    assert program is not None
    (folder / "MWL").mkdir(parents=True)
    (folder / "MWL" / "lockfile").touch()
    port, log = free_port(), folder / "wlmscpfs.log"
    words = ["--keep-char-set"] if charset else []
    argv = [program, *words, "-dfp", str(folder), "-dfr", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        _await(port, process, log)
        options = {} if charset else {"charset": "ISO_IR 192"}
        yield ListPeer(folder / "MWL", DimseAddress("MWL", "127.0.0.1", port), options)
    finally:
        orthanc.stop(process)


@contextmanager
def orthanc_list(folder: Path) -> Iterator[ListPeer]:
    """Orthanc with its worklist plugin; it is the archive too, by DIMSE alone."""
    orthanc.need("Orthanc", orthanc.find_program())
    lists = folder / "lists"
    lists.mkdir(parents=True)
    (lists / "lockfile").touch()
    peer, process = orthanc.start(folder / "orthanc", worklists=lists)
    try:
        address = DimseAddress(peer.aet, "127.0.0.1", peer.dicom_port)
        yield ListPeer(lists, address, ways={"dimse": address}, tells_other_ids=True)
    finally:
        orthanc.stop(process)


PEERS: dict[str, Callable[[Path], Any]] = {
    "wlmscpfs": lambda folder: wlmscpfs(folder, charset=False),
    "wlmscpfs-charset": lambda folder: wlmscpfs(folder, charset=True),
    "orthanc": orthanc_list,
}


@contextmanager
def demo_archive(folder: Path) -> Iterator[DemoServer]:
    """The demo, to take reports."""
    with DemoServer(folder, cases=1) as server:
        yield server
