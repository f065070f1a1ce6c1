"""A process that works on a vault until it is killed, crashes at a chosen storage call, or has no room left.

Usage: vault_child.py MODE FOLDER [NUMBER]; the master key comes through stdin.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from teleread.host.clock import FakeClock
from teleread.model.errors import TelereadError
from teleread.vault.connection import Connector, open_encrypted
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault
from tests.unit.vault_cases import HUB, START, STUDY, faulty, instance, key, paths, sign


def _vault(folder: str, master: bytes, connect: Connector) -> Vault:
    return Vault.open(
        paths(Path(folder)),
        Unlock("handoff", master),
        clock=FakeClock(START),
        connect=connect,
        ballast_bytes=0,
    )


def _crashing(number: int) -> tuple[Connector, list[int]]:
    armed: list[int] = []

    def before(_: str) -> None:
        if armed:
            armed[0] += 1
            if armed[0] == number:
                os._exit(9)

    return faulty(before), armed


def crash(mode: str, folder: str, master: bytes, number: int) -> None:
    """Append or sign, and end without a word at storage call `number`."""
    connect, armed = _crashing(number)
    vault = _vault(folder, master, connect)
    draft = vault.drafts.open_for(key())[0]
    armed.append(0)
    if mode == "crash-append":
        vault.drafts.append(draft.id, draft.seq, sections={"findings": f"text {number}"})
    else:
        sign(vault, draft)
    print("done", flush=True)


def append_until_killed(folder: str, master: bytes) -> None:
    """Append for ever, telling each sequence once it is saved."""
    vault = _vault(folder, master, open_encrypted)
    draft = vault.drafts.open_for(key())[0]
    seq = draft.seq
    while True:
        seq = vault.drafts.append(draft.id, seq, sections={"findings": f"text {seq + 1}"})
        os.write(1, f"{seq}\n".encode())


def fill(folder: str, master: bytes, room: int) -> None:
    """Write with no room left beyond `room` bytes a file, and tell the error."""
    import resource

    vault = _vault(folder, master, open_encrypted)
    draft = vault.drafts.open_for(key())[0]
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    seq = draft.seq
    try:
        while True:
            seq = vault.drafts.append(draft.id, seq, sections={"findings": "x" * 5000})
    except TelereadError as error:
        print(error.code, seq, flush=True)
    try:
        segment = vault.objects.open_segment(HUB, STUDY)
        segment.begin(instance(1))
        segment.write(bytes(8 * room))
        segment.end()
        segment.close()
    except TelereadError as error:
        print(error.code, flush=True)


if __name__ == "__main__":
    mode, folder = sys.argv[1:3]
    master = sys.stdin.buffer.read(32)
    if mode == "append":
        append_until_killed(folder, master)
    elif mode == "fill":
        fill(folder, master, int(sys.argv[3]))
    else:
        crash(mode, folder, master, int(sys.argv[3]))
