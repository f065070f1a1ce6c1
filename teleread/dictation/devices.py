"""Microphones by name, as each way to them tells; nothing is opened."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from teleread.model.text import SafeText, clean

from .capture import environment, portaudio

__all__ = ["Device", "devices"]

PATIENCE: Final = 5.0
"""Longest wait for a sound server's answer, seconds."""
LARGEST: Final = 4 * 1024 * 1024
"""Most of an answer that is read, bytes."""
MOST: Final = 40
"""Most devices told."""


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone."""

    name: str
    """What the setting ``dictation_device`` takes."""
    text: SafeText
    """What the machine calls it."""


def devices(way: str) -> tuple[Device, ...]:
    """Microphones that a way in tells of: real ones first, what a loudspeaker plays last.

    Args:
        way: One of `teleread.dictation.capture.found_sources`; any other has none.

    A server that does not answer in time tells none: the system's choice can still be taken.
    """
    told = _TELLERS.get(way)
    try:
        found = tuple(told()) if told is not None else ()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, subprocess.SubprocessError):
        found = ()
    return tuple(sorted(dict.fromkeys(found), key=lambda one: one.name.endswith(".monitor")))[:MOST]


def _device(name: object, text: object = "") -> Device:
    kept = str(clean(str(name), limit=200))
    return Device(kept, clean(str(text or name), limit=80))


def _asked(*command: str) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout[:LARGEST].decode("utf-8", "replace")


def _by_pulse() -> Iterator[Device]:
    """``pactl list short sources``: index, name, module, format, state, parted by tabs."""
    if shutil.which("pactl") is None:
        return
    for line in _asked("pactl", "list", "short", "sources").splitlines():
        parts = line.split("\t")
        if len(parts) > 1 and parts[1]:
            yield _device(parts[1])


def _by_pipewire() -> Iterator[Device]:
    """``pw-dump``: nodes of the class ``Audio/Source``."""
    if shutil.which("pw-dump") is None:
        return
    for one in json.loads(_asked("pw-dump")):
        told: Mapping[str, Any] = (one.get("info") or {}).get("props") or {}
        if told.get("media.class") == "Audio/Source" and told.get("node.name"):
            yield _device(told["node.name"], told.get("node.description"))


def _by_alsa() -> Iterator[Device]:
    """``arecord -L``: a name at the left, what it is indented under it."""
    lines = _asked("arecord", "-L").splitlines()
    for at, line in enumerate(lines):
        if line and not line[0].isspace() and line not in {"null", "default"}:
            below = lines[at + 1].strip() if at + 1 < len(lines) and lines[at + 1][:1].isspace() else ""
            yield _device(line.strip(), f"{line.strip()}: {below}" if below else line.strip())


def _by_portaudio() -> Iterator[Device]:
    module = portaudio()
    for one in module.query_devices() if module is not None else ():
        if int(one["max_input_channels"]) > 0:
            yield _device(one["name"])


_TELLERS: Final[Mapping[str, Callable[[], Iterator[Device]]]] = {
    "parec": _by_pulse,
    "pw-record": _by_pipewire,
    "arecord": _by_alsa,
    "portaudio": _by_portaudio,
}
