"""DCMTK for tests: its archive dcmqrscp, and its tools, on free loopback ports.

dcmqrscp listens on every address: run these tests in a network namespace where that matters.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from tests.peers import orthanc
from tests.ports import free_port

_PLACES = "/usr/bin:/usr/local/bin"
"""pip's pynetdicom has programs of the same names: DCMTK's are looked for where a distribution puts them."""


@dataclass(frozen=True)
class Dcmqrscp:
    """Where it answers."""

    port: int
    aet: str = "DCMQR"

    def store(self, data: bytes) -> None:
        """Put one instance into it by C-STORE, in the syntax the file is in, with pynetdicom."""
        from pydicom import dcmread
        from pynetdicom import AE

        sent = dcmread(BytesIO(data))
        ae = AE("STORER")
        ae.add_requested_context(str(sent.SOPClassUID), str(sent.file_meta.TransferSyntaxUID))
        association = ae.associate("127.0.0.1", self.port, ae_title=self.aet)
        assert association.is_established
        assert association.send_c_store(sent).Status == 0
        association.release()


def find_program(name: str) -> str | None:
    """A program of DCMTK, or None."""
    return shutil.which(name, path=_PLACES)


def run(name: str, *words: str, env: dict[str, str] | None = None) -> str:
    """Run one of DCMTK's tools; what it wrote."""
    program = find_program(name)
    orthanc.need(f"DCMTK's {name}", program)
    assert program is not None
    done = subprocess.run([program, *words], check=False, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0, (done.returncode, done.stdout[-500:], done.stderr[-500:])
    return done.stdout + done.stderr


def start(
    folder: Path, *, client_aet: str = "TELEREAD", client_port: int = 11113, options: Sequence[str] = ()
) -> tuple[Dcmqrscp, subprocess.Popen[bytes]]:
    """Start the archive in a folder of its own; the caller stops the process."""
    program = find_program("dcmqrscp")
    orthanc.need("DCMTK's dcmqrscp", program)
    assert program is not None
    peer = Dcmqrscp(free_port())
    (folder / peer.aet).mkdir(parents=True)
    settings = folder / "dcmqrscp.cfg"
    settings.write_text(
        f"NetworkTCPPort = {peer.port}\n"
        "MaxPDUSize = 131072\n"
        "MaxAssociations = 16\n"
        "HostTable BEGIN\n"
        f"us = ({client_aet}, 127.0.0.1, {client_port})\n"
        "HostTable END\n"
        "VendorTable BEGIN\n"
        "VendorTable END\n"
        "AETable BEGIN\n"
        f"{peer.aet} {folder / peer.aet} RW (500, 1024mb) ANY\n"
        "AETable END\n"
    )
    argv = [program, *options, "-c", str(settings)]
    # Nagle's algorithm off in DCMTK's own sockets: else every instance waits 40 ms for an acknowledgement.
    env = {"PATH": _PLACES, "TCP_NODELAY": "1"}
    with (folder / "dcmqrscp.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", peer.port), 1).close()
            return peer, process
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    orthanc.stop(process)
    pytest.fail("dcmqrscp did not start: " + (folder / "dcmqrscp.log").read_text()[-400:])
