"""A real Orthanc for tests: found by $TELEREAD_ORTHANC or on the PATH, started on free loopback ports."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

PLUGINS = ("/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins", "/usr/lib/orthanc")


@dataclass(frozen=True)
class Orthanc:
    """Where it answers."""

    http_port: int
    dicom_port: int
    aet: str = "ORTHANC"

    @property
    def dicomweb(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    @property
    def dimse(self) -> str:
        return f"{self.aet}@127.0.0.1:{self.dicom_port}"

    def store(self, data: bytes) -> None:
        """Put one instance into it."""
        line = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)
        line.request("POST", "/instances", data)
        answer = line.getresponse()
        words = answer.read()
        line.close()
        assert answer.status == 200, words


def find_program() -> str | None:
    """The program, or None."""
    named = os.environ.get("TELEREAD_ORTHANC")
    return named or shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")


def need(what: str, found: object) -> None:
    """Skip loudly without a peer; fail where peers are required."""
    if found:
        return
    if os.environ.get("TELEREAD_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what} is required here (TELEREAD_REQUIRE_PEERS=1) and was not found")
    pytest.skip(f"PEER MISSING: {what} was not found; its tests did not run")


def start(
    folder: Path,
    *,
    client_aet: str = "TELEREAD",
    client_port: int = 11113,
    tls: tuple[Path, Path, Path] | None = None,
    worklists: Path | None = None,
) -> tuple[Orthanc, subprocess.Popen[bytes]]:
    """Start it with DICOMweb in a folder of its own; the caller stops the process.

    Args:
        folder: For its settings, its store and its log.
        client_aet: The AE title C-MOVE may send to, on this machine.
        client_port: The port it is sent to.
        tls: Authority, certificate and key: DIMSE in both directions is over TLS then, with mutual
            certificates.
        worklists: A folder of worklist files to serve as a Modality Worklist.
    """
    program = find_program()
    assert program is not None
    library = next((one for base in PLUGINS for one in Path(base).glob("libOrthancDicomWeb.so*")), None)
    need("Orthanc's DICOMweb plugin", library)
    peer = Orthanc(free_port(), free_port())
    settings = {
        "Name": "peer",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": peer.http_port,
        "DicomPort": peer.dicom_port,
        "DicomAet": peer.aet,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowEcho": True,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {
            "us": {
                "AET": client_aet,
                "Host": "127.0.0.1",
                "Port": client_port,
                **({"UseDicomTls": True} if tls else {}),
            }
        },
        "DefaultEncoding": "Utf8",
        "Plugins": [str(library)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": True},
    }
    if worklists is not None:
        lists = next((one for base in PLUGINS for one in Path(base).glob("libModalityWorklists.so*")), None)
        need("Orthanc's worklist plugin", lists)
        settings["Plugins"] = [str(library), str(lists)]
        settings["Worklists"] = {"Enable": True, "Database": str(worklists)}
        settings["DicomAlwaysAllowFindWorklist"] = True
    if tls:
        settings |= {
            "DicomTlsEnabled": True,
            "DicomTlsTrustedCertificates": str(tls[0]),
            "DicomTlsCertificate": str(tls[1]),
            "DicomTlsPrivateKey": str(tls[2]),
            "DicomTlsRemoteCertificateRequired": True,
        }
    (folder / "db").mkdir(parents=True)
    path = folder / "orthanc.json"
    path.write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(path)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", peer.http_port), 1).close()
            socket.create_connection(("127.0.0.1", peer.dicom_port), 1).close()
            return peer, process
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    stop(process)
    pytest.fail("Orthanc did not start: " + (folder / "orthanc.log").read_text()[-400:])


def stop(process: subprocess.Popen[bytes]) -> None:
    """End it by its own process, and wait: it takes up to two seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
