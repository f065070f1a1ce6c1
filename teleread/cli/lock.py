"""`teleread lock`: forget the keys now, in every window of this profile."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.model.errors import LockedError

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing but the global options."""


def run(call: Call) -> int:
    """Lock; needs no key."""
    from teleread.workstation.lockout import lock

    if not call.paths.exists():
        raise LockedError("There is no vault to lock.", remedy="teleread init makes one.", code="no-vault")
    lock(call.paths)
    call.out.document("lock", {"locked": True, "profile": call.paths.name})
    call.out.say("Locked. The passphrase or the PIN opens it again.")
    return 0
