"""Our own client for one study into a sealed vault, in a process of its own, as the engine runs it.

usage: python ours.py dicomweb|c-get|c-move HUB_JSON PROFILE_FOLDER STUDY_UID
The master key comes by standard input. Prints JSON: the seconds of the fetch, from the first question to the
last fsync, and the process's own peak memory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from teleread.archive.fetcher import fetch  # noqa: E402 # the checkout comes first
from teleread.archive.port import Archive  # noqa: E402
from teleread.host.paths import Home  # noqa: E402
from teleread.model.hubfile import HubFile, parse_dimse  # noqa: E402
from teleread.model.study import StudyKey  # noqa: E402
from teleread.vault.vault import Vault  # noqa: E402


def archive_of(way: str, hub: HubFile) -> Archive:
    """The adapter."""
    if way == "dicomweb":
        from teleread.archive import link
        from teleread.archive.dicomweb import DicomwebArchive

        if os.environ.get("TELEREAD_BENCH_RAW"):
            link.PACKING_PAYS_BELOW = 0.0  # type: ignore[misc] # to see what packing is worth
        return DicomwebArchive(hub)
    from teleread.archive.dimse import DimseArchive

    return DimseArchive(hub, via=way)


def peak_mb() -> float:
    """Of this process alone: what getrusage says begins with the parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> int:
    """Fetch once."""
    way, told, folder, study = sys.argv[1:5]
    values = json.loads(told)
    values["dimse"] = parse_dimse(values["dimse"]) if values.get("dimse") else None
    home = Home(Path(folder) / "config", Path(folder) / "data", Path(folder) / "logs")
    vault = Vault.open_with_key(home.profile("default"), sys.stdin.buffer.read())
    archive = archive_of(way, HubFile("hub", "bench", **values))
    firsts: list[float] = []
    start = time.monotonic()

    def progress(held: int, expected: int, size: int) -> None:
        if held and len(firsts) < 64 and held > len(firsts):
            firsts.append(time.monotonic() - start)

    outcome = fetch(vault, [archive], StudyKey("hub", study), progress=progress)
    seconds = time.monotonic() - start
    link = getattr(archive, "link", None)
    archive.close()
    vault.close()
    print(
        json.dumps(
            {
                "seconds": seconds,
                "held": outcome.instances_held,
                "complete": outcome.complete,
                "peak_mb": peak_mb(),
                "firsts": firsts,
                "lines": getattr(link, "lines", 1),
                "packed": getattr(link, "packed", False),
            }
        )
    )
    return 0 if outcome.complete else 1


if __name__ == "__main__":
    sys.exit(main())
