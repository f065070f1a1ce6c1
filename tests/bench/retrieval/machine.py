"""Running things in turn and timing them; starting Orthanc and filling it."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from tests.peers import orthanc  # noqa: E402 # the checkout comes first

PEER_PACKAGES = ("dicomweb-client", "dicomtrolley", "pynetdicom")


@dataclass
class Run:
    """What one run of one client took."""

    whole: float
    """Seconds of the process."""
    inner: float
    """Seconds without the interpreter's start and imports, where the program tells; else `whole`."""
    peak_mb: float = 0.0


@dataclass
class Case:
    """One client."""

    name: str
    act: Callable[[], Run]
    runs: list[Run] = field(default_factory=list)
    why_not: str = ""
    """Words, where it can't run here."""

    @property
    def inner(self) -> float:
        """The median."""
        return statistics.median(one.inner for one in self.runs)

    @property
    def whole(self) -> float:
        """The median."""
        return statistics.median(one.whole for one in self.runs)


def idle_part(seconds: float) -> float:
    """Which part of the processors was idle during so many seconds; 1 where that can't be told."""

    def ticks() -> tuple[int, int]:
        values = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return values[3] + values[4], sum(values)

    try:
        before = ticks()
        time.sleep(seconds)
        after = ticks()
    except OSError:
        return 1.0
    return (after[0] - before[0]) / max(1, after[1] - before[1])


def wait_for_quiet(patience: float) -> None:
    """Wait until the machine does little else, but not for ever."""
    end = time.monotonic() + patience
    while time.monotonic() < end and idle_part(0.4) < 0.85:
        pass


def in_turn(cases: Sequence[Case], runs: int, patience: float) -> None:
    """A B C, A B C, ...: what disturbs the machine disturbs all alike.

    Args:
        cases: The clients.
        runs: Of each.
        patience: Seconds to wait for a quiet machine before each run, at most.
    """
    for number in range(runs):
        for case in cases:
            if case.why_not:
                continue
            # Nobody pays for what the one before left to be written.
            os.sync()
            wait_for_quiet(patience)
            try:
                case.runs.append(case.act())
            except (OSError, subprocess.SubprocessError, AssertionError) as error:
                case.why_not = f"failed: {str(error)[:200]}"
            print(f"\rrun {number + 1} of {runs}: {case.name:40}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def command(
    argv: Sequence[str], *, env: dict[str, str] | None = None, given: bytes = b"", limit: float = 600
) -> tuple[float, str]:
    """Run a program; seconds, and what it printed.

    Raises:
        subprocess.SubprocessError: It failed or took too long.
    """
    start = time.monotonic()
    done = subprocess.run(argv, check=True, env=env, input=given, capture_output=True, timeout=limit)
    return time.monotonic() - start, done.stdout.decode("utf-8", "replace")


def emptied(folder: Path) -> Path:
    """The folder, new."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def expect(folder: Path, count: int) -> None:
    """Whether a client brought everything."""
    found = sum(1 for one in folder.iterdir() if one.is_file())
    assert found == count, f"{found} of {count} files"


@contextmanager
def filled_orthanc(folder: Path, files: Sequence[Path], listen: int) -> Iterator[orthanc.Orthanc]:
    """A real Orthanc that holds the files."""
    peer, process = orthanc.start(folder, client_port=listen)
    try:
        for path in files:
            peer.store(path.read_bytes())
        yield peer
    finally:
        orthanc.stop(process)


def make_files(folder: Path, slices: int, kind: str = "raw", series: int = 1) -> tuple[list[Path], int]:
    """The study as files, in a process of its own; and their bytes."""
    if folder.is_dir() and len(list(folder.glob("*.dcm"))) == slices:
        files = sorted(folder.glob("*.dcm"))
        return files, sum(one.stat().st_size for one in files)
    argv = [sys.executable, str(HERE / "study.py"), str(emptied(folder)), "--slices", str(slices)]
    _, told = command([*argv, "--kind", kind, "--series", str(series)])
    return sorted(folder.glob("*.dcm")), int(told)


def peers_python(folder: Path) -> tuple[Path | None, str]:
    """An interpreter that has the Python peers: in an environment of its own, kept between runs.

    Returns:
        The interpreter, and why there is none.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        try:
            command([sys.executable, "-m", "venv", str(folder)])
            command([str(python), "-m", "pip", "install", "-q", *PEER_PACKAGES])
        except (OSError, subprocess.SubprocessError):
            shutil.rmtree(folder, ignore_errors=True)
            return None, "could not be installed"
    return python, ""


def versions(python: Path | None) -> list[str]:
    """What was measured, in lines."""
    found: list[str] = []
    for argv in (
        [orthanc.find_program() or "Orthanc", "--version"],
        [shutil.which("getscu", path="/usr/bin:/usr/local/bin") or "getscu", "--version"],
        ["curl", "--version"],
    ):
        try:
            said = command(argv)[1].strip().splitlines()[0].strip("$ ")
            found.append(said.split(" (")[0].replace(argv[0], Path(argv[0]).name))
        except (OSError, subprocess.SubprocessError, IndexError):
            found.append(f"{Path(argv[0]).name}: absent")
    if python is not None:
        ask = "import sys,importlib.metadata as m;print(*(n+' '+m.version(n) for n in sys.argv[1:]),sep=', ')"
        found.append(command([str(python), "-c", ask, *PEER_PACKAGES])[1].strip())
    found.append(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    return found
