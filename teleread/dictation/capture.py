"""Capture and playback on this machine: PortAudio where it is, else a sound program as a child."""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import select
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from teleread.model.errors import TelereadError, UsageError

from .audio import FifoSource, WavSource
from .ports import BYTES_A_SECOND, FRAME, RATE, AudioSource, SourceCapabilities

__all__ = [
    "PROGRAMS",
    "PortAudioSource",
    "ProgramSource",
    "environment",
    "found_sources",
    "open_source",
    "play",
    "portaudio",
]

PROGRAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "parec": ("--raw", "--format=s16le", f"--rate={RATE}", "--channels=1", "--latency-msec=32"),
    "pw-record": ("--raw", "--format", "s16", "--rate", str(RATE), "--channels", "1", "-"),
    "arecord": ("-q", "-t", "raw", "-f", "S16_LE", "-r", str(RATE), "-c", "1"),
}
"""Programs that write raw sound to their output, in the order they are tried."""
_DEVICES: Final = {"parec": "--device={}", "pw-record": "--target={}", "arecord": "--device={}"}
_PLAYERS: Final[Mapping[str, tuple[str, ...]]] = {
    "paplay": ("--raw", "--format=s16le", f"--rate={RATE}", "--channels=1"),
    "pw-play": ("--raw", "--format", "s16", "--rate", str(RATE), "--channels", "1", "-"),
    "aplay": ("-q", "-t", "raw", "-f", "S16_LE", "-r", str(RATE), "-c", "1"),
}
PATIENCE: Final = 5.0
"""Seconds without a byte after which a microphone counts as gone: a silent one gives silence, not nothing."""
LONGEST_WAIT: Final = 0.1
"""Seconds a read waits before it looks whether the source was closed."""
_ENVIRONMENT: Final = (
    "PATH", "HOME", "XDG_RUNTIME_DIR", "PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_COOKIE",
    "PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR", "ALSA_CONFIG_PATH", "LANG", "DBUS_SESSION_BUS_ADDRESS",
)  # fmt: skip
"""What a sound program needs to find its server; nothing else of the reader's environment."""


def found_sources() -> tuple[str, ...]:
    """Ways to a microphone that this machine has, the one that is taken first."""
    ways = ["portaudio"] if portaudio() is not None else []
    return (*ways, *(name for name in PROGRAMS if shutil.which(name)))


def open_source(wanted: str = "auto", device: str = "") -> AudioSource:
    """The source of sound that a setting names.

    Args:
        wanted: ``auto``, ``portaudio``, ``parec``, ``pw-record``, ``arecord``, ``fifo:PATH`` or ``wav:PATH``.
        device: A device's name as the way in knows it; empty for the system's choice.

    Raises:
        UsageError: There is no such source, or none at all: the words name the package.
        TelereadError: It does not start.
    """
    kind, _, path = wanted.partition(":")
    if kind == "fifo":
        return FifoSource(Path(path))
    if kind == "wav":
        return WavSource(Path(path))
    found = found_sources()
    if kind not in {"auto", "portaudio", *PROGRAMS}:
        raise UsageError(
            "That source of sound is not known.",
            remedy="dictation_source is auto, portaudio, parec, pw-record, arecord, fifo:PATH or wav:PATH.",
            code="bad-setting",
        )
    if kind != "auto" and kind not in found:
        raise _none(f"{kind} is not on this machine.")
    if not found:
        raise _none("No way to a microphone was found on this machine.")
    name = found[0] if kind == "auto" else kind
    return PortAudioSource(device) if name == "portaudio" else ProgramSource(name, device)


def _none(title: str) -> UsageError:
    return UsageError(
        title,
        "Everything else works; nothing was recorded.",
        "Install pulseaudio-utils (parec), pipewire-bin (pw-record) or alsa-utils (arecord); "
        "or libportaudio2, and pip install sounddevice.",
        code="no-microphone",
    )


def _gone() -> TelereadError:
    return TelereadError(
        "The microphone went away.",
        "What was said until then is kept.",
        "Plug it in again and press the key.",
        code="microphone-gone",
    )


def portaudio() -> Any:
    """The module `sounddevice`, or None: without the library it raises OSError at import."""
    try:
        return importlib.import_module("sounddevice")
    except (ImportError, OSError):
        return None


def environment() -> dict[str, str]:
    """What a sound program is given of the reader's environment."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


class ProgramSource:
    """A recorder's output: parec, pw-record or arecord, a child that ends with the source.

    Args:
        name: Which; a name of `PROGRAMS`.
        device: Its device; empty for the system's choice.
        argv: The whole command instead (tests put their own).
        patience: Seconds without a byte after which the device counts as gone.

    Raises:
        TelereadError: It does not start.
    """

    def __init__(
        self, name: str, device: str = "", *, argv: tuple[str, ...] = (), patience: float = PATIENCE
    ) -> None:
        self._name, self._patience = name, patience
        chosen = (_DEVICES[name].format(device),) if device and not argv else ()
        command = argv or (name, *chosen, *PROGRAMS[name])
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                start_new_session=True,
            )
        except OSError:
            raise _gone() from None
        self._closed = False

    @property
    def capabilities(self) -> SourceCapabilities:
        """A microphone does not wait."""
        return SourceCapabilities(self._name, live=True)

    def frames(self) -> Iterator[bytes]:
        """Frames until `close`.

        Raises:
            TelereadError: The recorder ended, or gave nothing for `patience` seconds: the device is gone.
        """
        assert self._child.stdout is not None
        fd, held, waited = self._child.stdout.fileno(), b"", 0.0
        try:
            while not self._closed:
                if not select.select([fd], [], [], LONGEST_WAIT)[0]:
                    waited += LONGEST_WAIT
                    if waited >= self._patience:
                        break
                    continue
                got = os.read(fd, BYTES_A_SECOND)
                if not got:
                    break
                held, waited = held + got, 0.0
                while len(held) >= FRAME:
                    yield held[:FRAME]
                    held = held[FRAME:]
            if held:
                yield held.ljust(FRAME, b"\0")
            if not self._closed:
                raise _gone()
        finally:
            self._end()

    def close(self) -> None:
        """End `frames`, and the recorder with it."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._child.kill()

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._child.kill()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


class PortAudioSource:
    """The microphone by PortAudio, through the package `sounddevice`.

    Args:
        device: Part of its name; empty for the system's choice.

    Raises:
        TelereadError: It can't be opened.
    """

    def __init__(self, device: str = "") -> None:
        module = portaudio()
        if module is None:
            raise _none("PortAudio is not on this machine.")
        self._blocks: queue.Queue[bytes] = queue.Queue(maxsize=4096)
        self._closed = False
        try:
            self._stream = module.RawInputStream(
                samplerate=RATE, channels=1, dtype="int16", blocksize=FRAME // 2, device=device or None,
                callback=self._take,
            )  # fmt: skip
            self._stream.start()
        except Exception:  # PortAudio's own error has no class without the library
            raise _gone() from None

    def _take(self, data: Any, *_: object) -> None:
        with contextlib.suppress(queue.Full):
            self._blocks.put_nowait(bytes(data))

    @property
    def capabilities(self) -> SourceCapabilities:
        """A microphone does not wait."""
        return SourceCapabilities("PortAudio", live=True)

    def frames(self) -> Iterator[bytes]:
        """Frames until `close`.

        Raises:
            TelereadError: It gave nothing for `PATIENCE` seconds: the device is gone.
        """
        waited = 0.0
        try:
            while not self._closed:
                try:
                    yield self._blocks.get(timeout=LONGEST_WAIT).ljust(FRAME, b"\0")
                    waited = 0.0
                except queue.Empty:
                    waited += LONGEST_WAIT
                    if waited >= PATIENCE:
                        raise _gone() from None
        finally:
            with contextlib.suppress(Exception):  # a device that is gone can't be closed in order
                self._stream.close()

    def close(self) -> None:
        """End `frames`."""
        self._closed = True


def play(
    sound: bytes,
    *,
    which: Callable[[str], str | None] = shutil.which,
    failed: Callable[[], object] = lambda: None,
) -> None:
    """Play sound, in the background; it is piped, never written to a file.

    Args:
        sound: Samples as `teleread.dictation.ports` says.
        which: Finds a program.
        failed: Called from another thread where the player ended badly.

    Raises:
        UsageError: Nothing on this machine plays sound.
    """
    found = next((name for name in _PLAYERS if which(name)), None)
    module = portaudio() if found is None else None
    if found is None and module is None:
        raise UsageError(
            "Nothing on this machine plays sound.",
            remedy="Install pulseaudio-utils (paplay), pipewire-bin (pw-play) or alsa-utils (aplay).",
            code="no-player",
        )

    def played() -> None:
        good = _piped((found, *_PLAYERS[found]), sound) if found is not None else _streamed(module, sound)
        if not good:
            failed()

    threading.Thread(target=played, name="dictation-play", daemon=True).start()


def _piped(command: tuple[str, ...], sound: bytes) -> bool:
    try:
        done = subprocess.run(
            command,
            input=sound,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            timeout=len(sound) / BYTES_A_SECOND + 10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _streamed(module: Any, sound: bytes) -> bool:
    try:
        with module.RawOutputStream(RATE, channels=1, dtype="int16") as stream:
            stream.write(sound)
    except Exception:  # PortAudio's own error has no class without the library
        return False
    return True
