"""News that needs the reader, told once: in the status row, and by bell or on the desktop where chosen.

Words carry counts and hubs' names alone, never a patient: a desktop shows them over its own lock screen.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from teleread.workstation.api import Status

__all__ = ["Teller", "desktop_command", "outside", "terminal_notice"]

_PASSED_ON: Final = ("tmux", "screen")
"""Terminals inside a terminal: they swallow what they do not know, unless it is wrapped for them."""


@dataclass(slots=True)
class Teller:
    """Knows what was told already.

    Args:
        digest: The newest news told.
        needs: Items that needed the reader at the last look; None before the first.
        escalated: Escalation lines told, by item.
    """

    digest: int = 0
    needs: int | None = None
    escalated: frozenset[str] = frozenset()

    def fresh(self, status: Status) -> list[tuple[str, str]]:
        """What is worth telling now and was not told: (words, role); what is told once is not told again."""
        found: list[tuple[str, str]] = []
        news = status.digest
        if news is not None and news.last_id > self.digest:
            self.digest = news.last_id
            found.append((f"While you were away: {news.words}. g y shows them.", "warn"))
        if self.needs is not None and status.needs_you > self.needs:
            count = status.needs_you
            words = "1 item needs you" if count == 1 else f"{count} items need you"
            found.append((f"{words}: g o.", "warn"))
        self.needs = status.needs_you
        found += [
            (str(one.text), "danger") for one in status.escalations if one.outbox_id not in self.escalated
        ]
        self.escalated = frozenset(one.outbox_id for one in status.escalations)
        return found


def outside(
    words: Sequence[str],
    how: str,
    *,
    bell: Callable[[], object],
    write: Callable[[str], object] | None,
    start: Callable[[Sequence[str]], object],
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Tell outside of the screen, as the setting ``notify`` says.

    Args:
        words: What happened; nothing is done for nothing.
        how: ``none``, ``bell``, ``desktop`` or ``both``.
        bell: Rings the terminal's bell.
        write: Writes to the terminal; None where there is none.
        start: Starts a program of the reader's desktop.
        environment: Of this process.
    """
    if not words:
        return
    if how in {"bell", "both"}:
        bell()
    if how not in {"desktop", "both"}:
        return
    text = " ".join(words)
    command = desktop_command(text, environment)
    if command:
        with suppress(OSError):
            start(command)
            return
    if write is not None:
        write(terminal_notice(text, environment))


def desktop_command(text: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command that shows a notice on this machine's own desktop; empty over SSH, or for none."""
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return ()
    if sys.platform.startswith("linux") and (
        environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    ):
        found = shutil.which("notify-send", path=environment.get("PATH"))
        # what follows -- is text, whatever it begins with
        return (found, "--app-name=teleread", "--", "teleread", text) if found else ()
    return ()


def terminal_notice(text: str, environment: Mapping[str, str]) -> str:
    """The sequence by which the terminal shows a notice (OSC 9); others leave it unseen.

    Control characters are taken out, so that words cannot end the sequence.
    """
    plain = "".join(character for character in text if character.isprintable())
    sequence = f"\x1b]9;teleread: {plain}\x1b\\"
    if environment.get("TMUX") or environment.get("TERM", "").startswith(_PASSED_ON):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\" if environment.get("TMUX") else f"\x1bP{sequence[:-2]}\x07\x1b\\"
    return sequence
