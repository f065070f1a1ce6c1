"""Retrieval of a CT from Orthanc into a real vault, beside DCMTK's getscu into plain files, in one run.

usage: python tests/bench/bench_retrieve.py [--slices 300] [--runs 3]
Needs Orthanc with its DICOMweb plugin and DCMTK. Prints seconds and ratios; nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from teleread.archive.dicomweb import DicomwebArchive  # noqa: E402 # the checkout comes first
from teleread.archive.dimse import DimseArchive  # noqa: E402
from teleread.archive.fetcher import fetch  # noqa: E402
from teleread.archive.port import Archive  # noqa: E402
from teleread.model.hubfile import HubFile, parse_dimse  # noqa: E402
from teleread.model.study import StudyKey  # noqa: E402
from tests.archive_factories import STUDY, ct, make_vault  # noqa: E402
from tests.peers import orthanc  # noqa: E402


def dcmtk(program: str, peer: orthanc.Orthanc, folder: Path, *, tuned: bool) -> Callable[[], None]:
    """A run of getscu into plain files."""

    def run() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        argv = [program, "+B", *(["-pdu", "131072"] if tuned else []), "-aec", peer.aet, "-S"]
        argv += ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
        argv += ["-od", str(folder), "127.0.0.1", str(peer.dicom_port)]
        env = {"PATH": os.environ["PATH"], **({"TCP_NODELAY": "1"} if tuned else {})}
        subprocess.run(argv, check=True, env=env, capture_output=True)

    return run


def ours(archive: Archive, folder: Path, slices: int) -> Callable[[], None]:
    """A fetch into a new vault, from manifest to the last fsync."""
    runs = iter(range(1000))

    def run() -> None:
        vault = make_vault(folder / str(next(runs)))
        try:
            outcome = fetch(vault, [archive], StudyKey("hub", STUDY))
            assert outcome.complete, outcome
            assert outcome.instances_held == slices, outcome
        finally:
            vault.close()

    return run


def timed(act: Callable[[], None]) -> float:
    start = time.monotonic()
    act()
    return time.monotonic() - start


def main() -> int:
    words = argparse.ArgumentParser()
    words.add_argument("--slices", type=int, default=300)
    words.add_argument("--runs", type=int, default=3)
    asked = words.parse_args()
    getscu = shutil.which("getscu", path="/usr/bin:/usr/local/bin")
    if not orthanc.find_program() or not getscu:
        print("needs Orthanc and DCMTK's getscu; nothing was measured")
        return 0
    with tempfile.TemporaryDirectory(prefix="teleread-bench-") as name:
        folder = Path(name)
        listen = orthanc.free_port()
        peer, process = orthanc.start(folder / "orthanc", client_port=listen)
        try:
            noise = random.Random(1)
            size = 0
            for number in range(1, asked.slices + 1):
                slice_ = ct(number, size=512)
                body = slice_[:-524288] + noise.randbytes(524288)
                size += len(body)
                peer.store(body)
            hub = HubFile(
                "hub", "bench", dicomweb=peer.dicomweb, dimse=parse_dimse(peer.dimse), listen=listen
            )
            ways: dict[str, Callable[[], None]] = {
                "getscu as installed": dcmtk(getscu, peer, folder / "plain", tuned=False),
                "getscu tuned": dcmtk(getscu, peer, folder / "plain", tuned=True),
                "teleread c-get": ours(DimseArchive(hub), folder / "get", asked.slices),
                "teleread c-move": ours(DimseArchive(hub, via="c-move"), folder / "move", asked.slices),
                "teleread dicomweb": ours(DicomwebArchive(hub), folder / "web", asked.slices),
            }
            took: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(asked.runs):
                for way, act in ways.items():
                    took[way].append(timed(act))
        finally:
            orthanc.stop(process)
        middle = {way: statistics.median(times) for way, times in took.items()}
        base, tuned = middle["getscu as installed"], middle["getscu tuned"]
        print(f"{asked.slices} slices, {size / 1e6:.0f} MB, {asked.runs} runs in turn, medians")
        for way, seconds in middle.items():
            print(
                f"{way:22} {seconds:7.2f} s {size / 1e6 / seconds:7.0f} MB/s"
                f"  {base / seconds:6.2f} x as installed  {tuned / seconds:5.2f} x tuned"
            )
        print(
            f"memory peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
