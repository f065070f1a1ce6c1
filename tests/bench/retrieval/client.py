"""One peer's client for one study into plain files: what a Python program does by its documentation.

usage: python client.py dicomweb-client|dicomtrolley BASE_URL STUDY_UID FOLDER
Prints the seconds after its imports.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from pathlib import Path


def by_dicomweb_client(base: str, study: str, folder: Path) -> float:
    """As its documentation reads a study: one instance after the other."""
    api = import_module("dicomweb_client.api")
    start = time.monotonic()
    client = api.DICOMwebClient(base)
    for one in client.iter_study(study, media_types=(("application/dicom", "*"),)):
        one.save_as(folder / f"{one.SOPInstanceUID}.dcm")
    return time.monotonic() - start


def by_dicomtrolley(base: str, study: str, folder: Path) -> float:
    """As its documentation downloads a study."""
    requests, core, wado_rs = (
        import_module(one) for one in ("requests", "dicomtrolley.core", "dicomtrolley.wado_rs")
    )
    start = time.monotonic()
    wado = wado_rs.WadoRS(requests.Session(), base, request_per_series=False)
    for one in wado.datasets([core.StudyReference(study_uid=study)]):
        one.save_as(folder / f"{one.SOPInstanceUID}.dcm")
    return time.monotonic() - start


if __name__ == "__main__":
    _, which, url, uid, where = sys.argv
    act = {"dicomweb-client": by_dicomweb_client, "dicomtrolley": by_dicomtrolley}[which]
    print(act(url, uid, Path(where)))
