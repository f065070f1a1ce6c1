"""`teleread key`: change one way into the vault."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call, asker, subcommands
from teleread.model.errors import UsageError

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    subcommands(
        parser,
        (
            ("passphrase", "set another passphrase"),
            ("pin", "set another PIN"),
            ("recovery", "make a new recovery code; the old one opens nothing any more"),
            ("keyring", "let the system keyring open the vault"),
        ),
    )


def run(call: Call) -> int:
    """Change it."""
    from teleread.workstation import ways

    verb = call.args.verb
    if not verb:
        raise UsageError(
            "teleread key needs a verb.", remedy="See: teleread key --help", code="bad-arguments"
        )
    told = ways.change(call.desk.core, verb, asker())
    call.out.document("key", told)
    if "recovery_code" in told:
        call.out.say(f"Recovery code, shown this once: {told['recovery_code']}")
    call.out.say("Changed." if not told.get("new_signing_key") else "Changed; a new signing key was made.")
    return 0
