"""Retrieval of a CT from a real Orthanc: teleread into its sealed vault, peers into plain files, in turn.

usage: python tests/bench/retrieval/bench.py [--slices 600] [--runs 4] [--growth] [--home] [--only-home]
           [--markdown FILE] [--work FOLDER] [--no-install] [--patience SECONDS]

Loopback: DCMTK getscu as installed and tuned, pynetdicom's getscu, dicomweb-client, dicomtrolley, curl of
the same answer into one file; ours by DICOMweb, C-GET and C-MOVE, each in a process of its own. ``--growth``
fetches 300 and 1200 slices too and shows whether memory grows. ``--home`` adds links of 20 and 100 Mbit/s
with 40 ms, clean and with 0.5 % loss (`home.py`). Prints tables and ratios; nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

from tests.archive_factories import make_vault  # noqa: E402 # the checkout comes first
from tests.bench.retrieval.machine import (  # noqa: E402
    Case,
    Run,
    command,
    emptied,
    expect,
    filled_orthanc,
    in_turn,
    make_files,
    peers_python,
    versions,
)
from tests.peers import orthanc  # noqa: E402
from tests.ports import free_port  # noqa: E402

STUDIES = {"raw": "1.2.826.0.1.3680043.10.5.600", "j2k": "1.2.826.0.1.3680043.10.5.601"}
ACCEPT = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
GOALS = (
    ("teleread dicomweb", "getscu tuned", 1.5, "at least"),
    ("teleread dicomweb", "dicomweb-client", 2.5, "at least"),
    ("teleread dicomweb", "dicomtrolley", 4.0, "at least"),
    ("teleread dicomweb", "curl to one file", 1.6, "at most"),
    ("teleread c-get", "getscu tuned", 1.2, "at least"),
    ("teleread c-get", "getscu as installed", 12.0, "at least"),
    ("teleread c-get", "pynetdicom getscu", 4.0, "at least"),
)
"""Ours, peer, factor. At least: as fast by that factor; at most: so many times the peer's time."""


@dataclass(frozen=True)
class Site:
    """A filled archive and what its clients need."""

    peer: orthanc.Orthanc
    study: str
    slices: int
    folder: Path
    listen: int
    python: Path | None
    why_no_python: str


def getscu(site: Site, *, tuned: bool) -> Callable[[], Run]:
    """DCMTK's; tuned: no Nagle, and PDUs of 128 KiB."""
    program = shutil.which("getscu", path="/usr/bin:/usr/local/bin") or "getscu"

    def run() -> Run:
        out = emptied(site.folder / "plain")
        argv = [program, "+B", *(["-pdu", "131072"] if tuned else []), "-aec", site.peer.aet, "-S"]
        argv += ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={site.study}"]
        argv += ["-od", str(out), "127.0.0.1", str(site.peer.dicom_port)]
        seconds, _ = command(argv, env={"PATH": "/usr/bin", **({"TCP_NODELAY": "1"} if tuned else {})})
        expect(out, site.slices)
        return Run(seconds, seconds)

    return run


def pynetdicom(site: Site) -> Callable[[], Run]:
    """Its own command."""

    def run() -> Run:
        out = emptied(site.folder / "plain")
        argv = [str(site.python), "-m", "pynetdicom", "getscu", "-q", "-aec", site.peer.aet, "-S"]
        argv += ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={site.study}"]
        argv += ["-od", str(out), "127.0.0.1", str(site.peer.dicom_port)]
        seconds, _ = command(argv)
        expect(out, site.slices)
        return Run(seconds, seconds)

    return run


def python_peer(site: Site, which: str) -> Callable[[], Run]:
    """A library, as its documentation uses it."""

    def run() -> Run:
        out = emptied(site.folder / "plain")
        argv = [str(site.python), str(HERE / "client.py"), which, site.peer.dicomweb, site.study, str(out)]
        seconds, told = command(argv)
        expect(out, site.slices)
        return Run(seconds, float(told.split()[-1]))

    return run


def curl(site: Site) -> Callable[[], Run]:
    """The whole answer into one file, looked at by nobody: what the archive and the disk can do."""

    def run() -> Run:
        out = emptied(site.folder / "plain") / "answer"
        url = f"{site.peer.dicomweb}/studies/{site.study}"
        seconds, _ = command(["curl", "-sSf", "-H", ACCEPT, "-o", str(out), url])
        return Run(seconds, seconds)

    return run


def ours(site: Site, way: str) -> Callable[[], Run]:
    """Into a new vault, which is made before the clock starts."""

    def run() -> Run:
        folder = emptied(site.folder / "vault")
        vault = make_vault(folder)
        key = vault.master_handoff()
        vault.close()
        hub = {"dicomweb": site.peer.dicomweb, "dimse": site.peer.dimse, "listen": site.listen}
        argv = [sys.executable, str(HERE / "ours.py"), way, json.dumps(hub), str(folder), site.study]
        seconds, told = command(argv, given=key)
        answer = json.loads(told)
        assert answer["held"] == site.slices, f"{answer['held']} of {site.slices} instances"
        return Run(seconds, answer["seconds"], answer["peak_mb"])

    return run


def cases(site: Site) -> list[Case]:
    """Every client, peers first."""
    why = "" if site.python else f"SKIPPED: {site.why_no_python}"
    dcmtk = "" if shutil.which("getscu", path="/usr/bin:/usr/local/bin") else "SKIPPED: DCMTK is not here"
    return [
        Case("getscu as installed", getscu(site, tuned=False), why_not=dcmtk),
        Case("getscu tuned", getscu(site, tuned=True), why_not=dcmtk),
        Case("pynetdicom getscu", pynetdicom(site), why_not=why),
        Case("dicomweb-client", python_peer(site, "dicomweb-client"), why_not=why),
        Case("dicomtrolley", python_peer(site, "dicomtrolley"), why_not=why),
        Case("curl to one file", curl(site), why_not="" if shutil.which("curl") else "SKIPPED: no curl"),
        Case("teleread dicomweb", ours(site, "dicomweb")),
        Case("teleread c-get", ours(site, "c-get")),
        Case("teleread c-move", ours(site, "c-move")),
    ]


def loopback(work: Path, slices: int, runs: int, install: bool, patience: float) -> list[str]:
    """The comparison; Markdown lines."""
    files, size = make_files(work / f"raw-{slices}", slices)
    python, why = peers_python(work / "peers") if install else (None, "not asked for")
    listen = free_port()
    with filled_orthanc(emptied(work / "orthanc"), files, listen) as peer:
        site = Site(peer, STUDIES["raw"], slices, work, listen, python, why)
        run = cases(site)
        in_turn(run, runs, patience)
    return [*table(run, slices, size, runs), "", *goals(run), "", *(f"- {one}" for one in versions(python))]


def table(run: list[Case], slices: int, size: int, runs: int) -> list[str]:
    """Seconds and ratios."""
    tuned = next((one for one in run if one.name == "getscu tuned" and one.runs), None)
    lines = [
        f"{slices} slices, {size / 1e6:.0f} MB; medians of {runs} runs in turn; s (least to most).",
        "",
        "| client | s | process s | MB/s | against getscu tuned | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for one in run:
        if not one.runs:
            lines.append(f"| {one.name} | {one.why_not} | | | | |")
            continue
        spread = sorted(each.inner for each in one.runs)
        ratio = f"{tuned.inner / one.inner:.2f} x" if tuned else ""
        peak = max(each.peak_mb for each in one.runs)
        lines.append(
            f"| {one.name} | {one.inner:.2f} ({spread[0]:.2f} to {spread[-1]:.2f}) | {one.whole:.2f}"
            f" | {size / 1e6 / one.inner:.0f} | {ratio} | {f'{peak:.0f}' if peak else ''} |"
        )
    return lines


def goals(run: list[Case]) -> list[str]:
    """What was to be reached, and what was."""
    by_name = {one.name: one for one in run if one.runs}
    lines = ["| goal | reached | |", "|---|---|---|"]
    for mine, peer, factor, kind in GOALS:
        if mine not in by_name or peer not in by_name:
            lines.append(f"| {mine} against {peer} | not measured | |")
            continue
        # pynetdicom's command tells no inner time: processes are compared with processes then.
        whole = peer == "pynetdicom getscu"
        ours_, theirs = (getattr(by_name[name], "whole" if whole else "inner") for name in (mine, peer))
        if kind == "at least":
            value, good = theirs / ours_, theirs / ours_ >= factor
            words = f"{mine}: at least {factor} times as fast as {peer}"
        else:
            value, good = ours_ / theirs, ours_ / theirs <= factor
            words = f"{mine}: at most {factor} times the time of {peer}"
        lines.append(f"| {words} | {value:.2f} | {'yes' if good else 'NO'} |")
    return lines


def growth(work: Path) -> list[str]:
    """Peak memory for a small and a large study."""
    lines = ["| slices | way | s | peak MB |", "|---|---|---|---|"]
    for slices in (300, 1200):
        files, _ = make_files(work / f"raw-{slices}", slices)
        listen = free_port()
        with filled_orthanc(emptied(work / "orthanc"), files, listen) as peer:
            site = Site(peer, STUDIES["raw"], slices, work, listen, None, "")
            for way in ("dicomweb", "c-get", "c-move"):
                one = ours(site, way)()
                lines.append(f"| {slices} | {way} | {one.inner:.2f} | {one.peak_mb:.0f} |")
    return lines


def main() -> int:
    """Measure what was asked for."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--slices", type=int, default=600)
    words.add_argument("--runs", type=int, default=4)
    words.add_argument("--home", action="store_true", help="the home links too")
    words.add_argument("--only-home", action="store_true")
    words.add_argument("--growth", action="store_true", help="300 and 1200 slices: memory")
    words.add_argument("--markdown", type=Path, help="write the tables there too")
    words.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "teleread-bench-retrieval")
    words.add_argument("--no-install", action="store_true", help="leave the Python peers out")
    words.add_argument("--patience", type=float, default=30, help="longest wait for a quiet machine, s")
    asked = words.parse_args()
    if not orthanc.find_program():
        print("SKIPPED: needs Orthanc with its DICOMweb plugin; nothing was measured")
        return 0
    asked.work.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    if not asked.only_home:
        lines += loopback(asked.work, asked.slices, asked.runs, not asked.no_install, asked.patience)
    if asked.growth:
        lines += ["", *growth(asked.work)]
    if asked.home or asked.only_home:
        from tests.bench.retrieval.home import measured

        lines += ["", *measured(asked.work, asked.runs, asked.patience)]
    text = "\n".join(lines) + "\n"
    print(text)
    if asked.markdown:
        asked.markdown.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
