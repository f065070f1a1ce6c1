"""The demo's cases put into other peers: resources into a FHIR server, images into an archive."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from tests.e2e.world import read_json

KINDS = (
    "Organization",
    "Practitioner",
    "Patient",
    "ServiceRequest",
    "ImagingStudy",
    "DiagnosticReport",
    "Task",
)
"""In an order in which nothing points at what is not there yet."""

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def resources(fhir: str) -> Iterator[dict[str, Any]]:
    """Every resource of a hub, as a new server may take it."""
    for kind in KINDS:
        bundle = read_json(f"{fhir}/{kind}?_count=500")
        for entry in bundle.get("entry", []):
            found = entry["resource"]
            if found["resourceType"] == kind:
                found.pop("meta", None)
                yield found


def copy_hub(fhir: str, call: Callable[[str, str, Any], Any]) -> int:
    """Put a hub's resources into another server.

    Args:
        fhir: Where they are.
        call: Sends (method, path, body) to the other one.
    """
    count = 0
    for one in resources(fhir):
        call("PUT", f"{one['resourceType']}/{one['id']}", one)
        count += 1
    return count


def instances(dicomweb: str, study_uid: str) -> Iterator[bytes]:
    """The Part 10 files of a study, by a multipart reader that is not ours."""
    request = urllib.request.Request(
        f"{dicomweb}/studies/{study_uid}",
        headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'},
    )
    with _OPENER.open(request, timeout=120) as answer:
        kind = answer.headers["Content-Type"]
        body = answer.read()
    found = re.search(r'boundary="?([^";]+)', kind)
    assert found is not None, kind
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        _, _, data = part.partition(b"\r\n\r\n")
        yield data.removesuffix(b"\r\n")
