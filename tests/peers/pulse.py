"""PulseAudio of a test's own: a null sink that is played into, its monitor a microphone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["SoundServer", "sound_server"]

PROGRAMS = ("pulseaudio", "parec", "paplay", "pactl")
SINK = "room"


@dataclass(frozen=True)
class SoundServer:
    """A running server."""

    environment: dict[str, str]
    """How its clients find it."""
    microphone: str = f"{SINK}.monitor"

    def play(self, sound: bytes, seconds: float = 300) -> None:
        """Play 16 kHz mono samples to the end."""
        subprocess.run(
            ["paplay", "--raw", "--format=s16le", "--rate=16000", "--channels=1", f"--device={SINK}"],
            input=sound,
            env={**os.environ, **self.environment},
            check=True,
            timeout=seconds,
        )


@contextmanager
def sound_server(folder: Path) -> Iterator[SoundServer]:
    """Run one; skips loudly where it is not installed, unless TELEREAD_REQUIRE_PULSE is set."""
    if not all(map(shutil.which, PROGRAMS)) and not os.environ.get("TELEREAD_REQUIRE_PULSE"):
        pytest.skip("pulseaudio and pulseaudio-utils are not here: the real capture path did NOT run")
    socket = folder / "native"
    (folder / "pulse.pa").write_text(
        f"load-module module-null-sink sink_name={SINK} rate=16000 channels=1\n"
        f"set-default-source {SINK}.monitor\n"
        f"load-module module-native-protocol-unix auth-anonymous=1 socket={socket}\n"
    )
    where = {name: str(folder) for name in ("XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH")}
    where["PULSE_SERVER"] = f"unix:{socket}"
    daemon = subprocess.Popen(
        [
            *("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"),
            *("--disable-shm=yes", "-F", str(folder / "pulse.pa")),
        ],
        env={**os.environ, **where, "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 60
        while not (socket.exists() and _answers(where)):
            assert time.monotonic() < end, "the sound server did not start"
            time.sleep(0.05)
        yield SoundServer(where)
    finally:
        daemon.kill()
        daemon.wait()


def _answers(where: dict[str, str]) -> bool:
    done = subprocess.run(["pactl", "info"], env={**os.environ, **where}, capture_output=True, check=False)
    return done.returncode == 0
