"""The same clients over a home line: two network namespaces with an emulated line between (`link.c`).

Called by `bench.py --home`; needs root, a C compiler, iproute2, util-linux and /dev/net/tun, and says what
is missing where it can't run. The archive's side uses cubic, as most servers do. Parts of it run in the
archive's namespace: ``python home.py serve FOLDER FILES...`` and ``python home.py source PORT BYTES``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
    in_turn,
    make_files,
    peers_python,
)
from tests.peers import orthanc  # noqa: E402

ADDRESS = "10.9.0.2"
HTTP, DICOM, SOURCE = 8042, 4242, 8099
STUDIES = {"raw": "1.2.826.0.1.3680043.10.5.600", "j2k": "1.2.826.0.1.3680043.10.5.601"}
ACCEPT = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
RTT_MS = 40
QUEUE_MS = 100


@dataclass(frozen=True)
class Line:
    """One line, and how many slices are fetched over it."""

    mbit: int
    loss: float
    slices: int

    @property
    def name(self) -> str:
        """In words."""
        lossy = f", {self.loss} % loss" if self.loss else ""
        return f"{self.mbit} Mbit/s, {RTT_MS} ms{lossy}"


LINES = (Line(20, 0.0, 40), Line(100, 0.0, 160), Line(100, 0.5, 32), Line(20, 0.5, 24))
SERIES = 8


def missing() -> str:
    """What is not here that this needs; empty where all is."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun is not permitted here"
    absent = [one for one in ("cc", "ip", "nsenter", "unshare") if not shutil.which(one)]
    return f"needs {', '.join(absent)}" if absent else ""


# ---------------------------------------------------------------------- the archive's side


def serve(folder: Path, files: Sequence[Path]) -> int:
    """Start Orthanc for other machines, fill it, say so, and stop it when standard input ends."""
    program = orthanc.find_program()
    assert program is not None
    library = next(one for base in orthanc.PLUGINS for one in Path(base).glob("libOrthancDicomWeb.so*"))
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": HTTP,
        "DicomPort": DICOM,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": False,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True,
        "Plugins": [str(library)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(settings))
    shim = folder / "cubic.so"
    command(["cc", "-O2", "-shared", "-fPIC", "-o", str(shim), str(HERE / "cubic.c"), "-ldl"])
    quiet = subprocess.DEVNULL
    env = {**os.environ, "LD_PRELOAD": str(shim)}
    process = subprocess.Popen([program, str(path)], stdin=quiet, stdout=quiet, stderr=quiet, env=env)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", HTTP), 1).close()
                break
            time.sleep(0.05)
        peer = orthanc.Orthanc(HTTP, DICOM)
        for one in files:
            peer.store(one.read_bytes())
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        orthanc.stop(process)
    return 0


def source(port: int, size: int) -> int:
    """Send so many bytes to each who connects: what one stream can do on this line."""
    piece = bytes(1 << 16)
    with socket.create_server(("0.0.0.0", port)) as listener:
        print("ready", flush=True)
        while True:
            one, _ = listener.accept()
            with one, contextlib.suppress(OSError):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
                left = size
                while left > 0:
                    left -= one.send(piece[:left])


# ---------------------------------------------------------------------- the line


@contextmanager
def child(argv: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that says ``ready`` and ends when its standard input does."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == b"ready", f"{argv[0]} did not start"
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        process.stdout.close()


def space() -> list[str]:
    """The command of a process that holds a network namespace of its own."""
    return ["unshare", "-n", "sh", "-c", "ip link set lo up; echo ready; read x"]


def inside(pid: int, argv: Sequence[str]) -> list[str]:
    """The command that runs another in the namespace of a process."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net", *argv]


@contextmanager
def line_of(work: Path, line: Line) -> Iterator[tuple[int, int]]:
    """The line, up; the processes that hold the reader's and the archive's namespace."""
    program = work / "link"
    command(["cc", "-O2", "-o", str(program), str(HERE / "link.c")])
    with ExitStack() as stack:
        near, far = (stack.enter_context(child(space())).pid for _ in range(2))
        ends = [f"/proc/{pid}/ns/net" for pid in (near, far)]
        numbers = [str(line.mbit), str(RTT_MS / 2), str(line.loss), str(QUEUE_MS)]
        stack.enter_context(child([str(program), *ends, *numbers]))
        yield near, far


# ---------------------------------------------------------------------- the clients


@dataclass(frozen=True)
class Site:
    """What the clients need."""

    near: int
    work: Path
    python: Path | None
    why_no_python: str
    slices: int
    size: int
    kind: str

    @property
    def study(self) -> str:
        """Its UID."""
        return STUDIES[self.kind]


def stream(site: Site) -> Callable[[], Run]:
    """The study's bytes by one TCP stream: the line itself."""

    def run() -> Run:
        argv = [sys.executable, str(Path(__file__)), "drain", str(site.size)]
        seconds, told = command(inside(site.near, argv))
        return Run(seconds, float(told))

    return run


def drain(size: int) -> int:
    """Take it."""
    start = time.monotonic()
    with socket.create_connection((ADDRESS, SOURCE), 10) as one:
        while size > 0 and (piece := one.recv(1 << 18)):
            size -= len(piece)
    print(time.monotonic() - start)
    return 0 if size == 0 else 1


def getscu(site: Site, *, tuned: bool) -> Callable[[], Run]:
    """DCMTK's; it has no syntax of compressed pictures to offer together with others."""

    def run() -> Run:
        out = emptied(site.work / "plain")
        argv = ["/usr/bin/getscu", "+B", *(["-pdu", "131072"] if tuned else []), "-aec", "ORTHANC", "-S"]
        argv += ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={site.study}"]
        argv += ["-od", str(out), ADDRESS, str(DICOM)]
        env = {"PATH": os.environ["PATH"], **({"TCP_NODELAY": "1"} if tuned else {})}
        seconds, _ = command(inside(site.near, argv), env=env)
        expect(out, site.slices)
        return Run(seconds, seconds)

    return run


def python_peer(site: Site) -> Callable[[], Run]:
    """dicomweb-client."""

    def run() -> Run:
        out = emptied(site.work / "plain")
        base = f"http://{ADDRESS}:{HTTP}/dicom-web"
        argv = [str(site.python), str(HERE / "client.py"), "dicomweb-client", base, site.study, str(out)]
        seconds, told = command(inside(site.near, argv))
        expect(out, site.slices)
        return Run(seconds, float(told.split()[-1]))

    return run


def curl(site: Site) -> Callable[[], Run]:
    """One answer by one stream."""

    def run() -> Run:
        out = emptied(site.work / "plain") / "answer"
        url = f"http://{ADDRESS}:{HTTP}/dicom-web/studies/{site.study}"
        seconds, _ = command(inside(site.near, ["curl", "-sSf", "-H", ACCEPT, "-o", str(out), url]))
        return Run(seconds, seconds)

    return run


def ours(site: Site, way: str, firsts: list[float], *, packing: bool = True) -> Callable[[], Run]:
    """Into a new vault; what it tells of first pictures is gathered."""

    def run() -> Run:
        folder = emptied(site.work / "vault")
        vault = make_vault(folder)
        key = vault.master_handoff()
        vault.close()
        hub = {"dicomweb": f"http://{ADDRESS}:{HTTP}/dicom-web", "dimse": f"ORTHANC@{ADDRESS}:{DICOM}"}
        argv = [sys.executable, str(HERE / "ours.py"), way, json.dumps(hub), str(folder), site.study]
        env = {**os.environ, **({} if packing else {"TELEREAD_BENCH_RAW": "1"})}
        seconds, told = command(inside(site.near, argv), given=key, env=env)
        answer = json.loads(told)
        assert answer["held"] == site.slices, f"{answer['held']} of {site.slices}"
        if len(answer["firsts"]) >= SERIES:
            firsts.append(answer["firsts"][SERIES - 1])
        return Run(seconds, answer["seconds"], answer["peak_mb"])

    return run


def cases(site: Site, firsts: list[float]) -> list[Case]:
    """What is compared on one line."""
    why = "" if site.python else f"SKIPPED: {site.why_no_python}"
    if site.kind == "j2k":
        return [
            Case("J2K stored: curl, one stream", curl(site)),
            Case("J2K stored: teleread dicomweb", ours(site, "dicomweb", firsts)),
            Case("J2K stored: teleread c-get", ours(site, "c-get", [])),
        ]
    return [
        Case("one TCP stream of the same size", stream(site)),
        Case("curl, one stream", curl(site)),
        Case("getscu as installed", getscu(site, tuned=False)),
        Case("getscu tuned", getscu(site, tuned=True)),
        Case("dicomweb-client", python_peer(site), why_not=why),
        Case("teleread dicomweb, never packed", ours(site, "dicomweb", firsts, packing=False)),
        Case("teleread dicomweb", ours(site, "dicomweb", [])),
        Case("teleread c-get", ours(site, "c-get", [])),
    ]


# ---------------------------------------------------------------------- the tables


def measured(work: Path, runs: int, patience: float) -> list[str]:
    """Every line; Markdown."""
    why = missing()
    if why:
        return [f"SKIPPED: the home lines were not measured: {why}"]
    python, why_not = peers_python(work / "peers")
    out: list[str] = []
    for line in LINES:
        out += [*on_line(work, line, runs, patience, python, why_not), ""]
    return out


def on_line(
    work: Path, line: Line, runs: int, patience: float, python: Path | None, why_not: str
) -> list[str]:
    """One line."""
    raw, size = make_files(work / f"home-raw-{line.slices}", line.slices, "raw", SERIES)
    j2k, small = make_files(work / f"home-j2k-{line.slices}", line.slices, "j2k", SERIES)
    firsts: list[float] = []
    here = str(Path(__file__))
    with ExitStack() as stack:
        near, far = stack.enter_context(line_of(work, line))
        files = [str(one) for one in (*raw, *j2k)]
        folder = str(emptied(work / "home-orthanc"))
        stack.enter_context(child(inside(far, [sys.executable, here, "serve", folder, *files])))
        feeding = stack.enter_context(
            child(inside(far, [sys.executable, here, "source", str(SOURCE), str(size)]))
        )
        site = Site(near, work, python, why_not, line.slices, size, "raw")
        packed = Site(near, work, python, why_not, line.slices, small, "j2k")
        run = [*cases(site, firsts), *cases(packed, [])]
        in_turn(run, runs, patience)
        feeding.kill()
    return table(line, run, size, small, firsts)


def table(line: Line, run: list[Case], size: int, small: int, firsts: list[float]) -> list[str]:
    """Seconds and ratios."""
    by_name = {one.name: one.inner for one in run if one.runs}
    tuned = by_name.get("getscu tuned")
    lines = [
        f"**{line.name}**: {line.slices} slices in {SERIES} series, {size / 1e6:.1f} MB"
        f" (J2K: {small / 1e6:.1f} MB)",
        "",
        "| client | s | Mbit/s of payload | against getscu tuned |",
        "|---|---|---|---|",
    ]
    for one in run:
        if not one.runs:
            lines.append(f"| {one.name} | {one.why_not} | | |")
            continue
        bits = (small if one.name.startswith("J2K") else size) * 8 / 1e6
        ratio = f"{tuned / one.inner:.2f} x" if tuned else ""
        lines.append(f"| {one.name} | {one.inner:.2f} | {bits / one.inner:.1f} | {ratio} |")
    return [*lines, "", *ratios(line, by_name, size, firsts)]


def ratios(line: Line, by_name: dict[str, float], size: int, firsts: list[float]) -> list[str]:
    """What the goals speak of."""
    out: list[str] = []

    def say(words: str, over: str, under: str) -> None:
        if over in by_name and under in by_name:
            out.append(f"- {words}: {by_name[over] / by_name[under]:.2f}")

    never = "teleread dicomweb, never packed"
    if not line.loss:
        say("raw data, part of what one TCP stream reaches", "one TCP stream of the same size", never)
    say("raw data against one stream (curl)", "curl, one stream", never)
    say("packed where the line is slow, against never packed", never, "teleread dicomweb")
    say("compressed objects against raw data", never, "J2K stored: teleread dicomweb")
    say("compressed objects against one stream of them", *_pair("curl, one stream", "teleread dicomweb"))
    say("against getscu tuned", "getscu tuned", "teleread dicomweb")
    if firsts:
        first = sorted(firsts)[len(firsts) // 2]
        bytes_of = size / line.slices * SERIES
        floor = 3 * RTT_MS / 1000 + bytes_of * 8 / (line.mbit * 1e6)
        out.append(
            f"- first picture of all {SERIES} series: {first:.2f} s after the fetch began;"
            f" three round trips and their bytes are {floor:.2f} s"
        )
    return out


def _pair(*names: str) -> tuple[str, str]:
    over, under = (f"J2K stored: {one}" for one in names)
    return over, under


def main(words: Sequence[str]) -> int:
    """The parts that run elsewhere."""
    if words[0] == "serve":
        return serve(Path(words[1]), [Path(one) for one in words[2:]])
    if words[0] == "source":
        return source(int(words[1]), int(words[2]))
    return drain(int(words[1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
