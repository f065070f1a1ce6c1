"""`teleread demo`: an embedded hub and archive on loopback, and the reading desk on it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import teleread
from teleread.cli.call import Call
from teleread.host.filelock import OsLock
from teleread.host.paths import Home, atomic_write, make_private_folder
from teleread.model.errors import TelereadError, UsageError

__all__ = ["arguments", "run"]

READY_SECONDS: Final = 60.0
"""Longest wait for the demo of our own child; it is ready within 20 s on any machine of this decade."""

READY: Final = "ready.json"
"""The addresses of the demo that runs, in its folder, for `teleread demo fault`."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument("--no-tui", action="store_true", help="serve until SIGINT or SIGTERM")
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="HTTP port; 0 is any free one")
    parser.add_argument("--dimse-port", type=_port, default=0, metavar="N", help="DIMSE port")
    parser.add_argument("--cases", type=_port, metavar="N", help="how many cases")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the same seed makes the same patients"
    )
    parser.add_argument("--ready-file", metavar="PATH", help="written once it can be used")
    parser.add_argument("--reset", action="store_true", help="start over")
    parser.add_argument("what", nargs="?", choices=("fault",), help="turn a lever of the demo that runs")
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="the lever and its words; none lists them; cases lists cases"
    )
    # The reading desk's own child ends with it, even when the desk is killed.
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 65536:
        raise argparse.ArgumentTypeError("it is a number from 0 to 65535")
    return number


def folder_of(home: Home) -> Path:
    """Where the demo keeps its state."""
    return home.data / "demo"


def run(call: Call) -> int:
    """Serve, alone or under the reading desk; or turn a lever of the demo that is served."""
    if call.args.what == "fault":
        from teleread.cli.demo_fault import fault

        return fault(call, folder_of(Home.find()))
    return _serve(call) if call.args.no_tui else _desk(call)


def _serve(call: Call) -> int:
    from teleread.demo.server import DemoServer, ready_document
    from teleread.host.signals import stop_event

    stop = stop_event()
    args = call.args
    folder = folder_of(Home.find())
    make_private_folder(folder)
    with _alone(folder):
        server = DemoServer(
            folder / "hub",
            port=args.port,
            dimse_port=args.dimse_port,
            cases=args.cases,
            seed=args.seed,
            reset=args.reset,
        )
        try:
            ready = ready_document(server.start())
            for path in {folder / READY, Path(args.ready_file or folder / READY)}:
                atomic_write(path, json.dumps(ready).encode() + b"\n")
            _tell(call, ready)
            if args.until_stdin_closes:
                _watch_stdin(stop)
            while not stop.wait(0.5):
                pass
        finally:
            (folder / READY).unlink(missing_ok=True)
            server.stop()
    return 0


def _tell(call: Call, ready: dict[str, Any]) -> None:
    body = {key: value for key, value in ready.items() if key != "schema"}
    call.out.document("demo", body)
    dimse = ready["dimse"]
    call.out.say("DEMO: made-up patients; no real hub can be reached.")
    call.out.say(f"FHIR      {ready['fhir']}")
    call.out.say(f"DICOMweb  {ready['dicomweb']}")
    call.out.say(f"DIMSE     {dimse['aet']}@{dimse['host']}:{dimse['port']}")
    call.out.say(f"Faults    {ready['fhir'].removesuffix('fhir')}_demo/  or: teleread demo fault")
    call.out.say("Ctrl+C stops it; what was done is kept until --reset.")
    call.out.flush()


def _watch_stdin(stop: Any) -> None:
    import threading

    def watch() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        stop.set()

    threading.Thread(target=watch, name="parent", daemon=True).start()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = OsLock(folder / "lock")
    if not lock.acquire(3.0):
        raise TelereadError(
            "The demo is running already.",
            remedy="Stop the other one, or use another TELEREAD_HOME.",
            code="demo-runs",
        )
    try:
        yield
    finally:
        lock.release()


def _desk(call: Call) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "The reading desk needs a terminal.",
            remedy="teleread demo --no-tui serves without one.",
            code="no-terminal",
        )
    from teleread.workstation.trial import open_trial

    folder = folder_of(Home.find())
    make_private_folder(folder)
    call.out.note("DEMO: made-up patients. Preparing …")
    with _child(call, folder) as ready:
        desk = open_trial(folder, ready)
        try:
            from teleread.cli.main import desk_on

            desk.start_engine()
            return desk_on(desk, demo=True)
        finally:
            desk.stop_engine()
            desk.close()


@contextmanager
def _child(call: Call, folder: Path) -> Iterator[dict[str, Any]]:
    """The demo in a process of its own, for as long as the block runs."""
    args = call.args
    ready_file = folder / READY
    ready_file.unlink(missing_ok=True)
    words = [sys.executable, "-m", "teleread", "--quiet", "demo", "--no-tui", "--until-stdin-closes"]
    words += ["--port", str(args.port), "--dimse-port", str(args.dimse_port), "--seed", str(args.seed)]
    words += ["--ready-file", str(ready_file)]
    words += ["--cases", str(args.cases)] if args.cases is not None else []
    words += ["--reset"] if args.reset else []
    if args.reset:
        from teleread.workstation.trial import forget_trial

        forget_trial(folder)
    # A checkout that was never installed is found by its own path.
    paths = [str(Path(teleread.__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
    child = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(one for one in paths if one)},
        start_new_session=sys.platform != "win32",
    )
    try:
        yield _wait_ready(child, ready_file)
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)


def _wait_ready(child: subprocess.Popen[bytes], ready_file: Path) -> dict[str, Any]:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        if ready_file.exists():
            told: dict[str, Any] = json.loads(ready_file.read_bytes())
            return told
        if child.poll() is not None:
            assert child.stderr is not None
            why = child.stderr.read(2000).decode("utf-8", "replace").strip()
            raise TelereadError("The demo did not start.", why, code="demo-failed")
        time.sleep(0.05)
    raise TelereadError(
        "The demo did not become ready in time.", remedy="Try again with --reset.", code="demo-slow"
    )
