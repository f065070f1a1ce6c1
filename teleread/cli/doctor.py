"""`teleread doctor`: check this machine, the vault and the hubs."""

from __future__ import annotations

import argparse

from teleread.cli.call import Call
from teleread.model.errors import ExitCode, LockedError

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed."""
    parser.add_argument(
        "--microphone", action="store_true", help="try the microphone: its level, and a phrase to be heard"
    )
    parser.add_argument("--device", metavar="NAME", help="with --microphone: try this one")


def run(call: Call) -> int:
    """Check; what can be checked without a key is checked without one."""
    from teleread.workstation import doctor

    checks = list(doctor.machine(call.paths))
    if call.paths.exists():
        try:
            core = call.desk.core
        except LockedError as error:
            checks.append(doctor.Checked("vault", False, error.title, error.remedy))
        else:
            checks += doctor.vault(core)
            checks += doctor.hubs(core)
    else:
        checks.append(doctor.Checked("vault", False, "There is no vault yet.", "teleread init makes one."))
    if call.args.microphone or call.args.device is not None:
        from .microphone import tried

        checks += tried(call, call.args.device)
    rows = [
        {"check": one.check, "ok": one.ok, "detail": one.detail, "remedy": one.remedy or None}
        for one in checks
    ]
    call.out.document("doctor", {"checks": rows})
    call.out.table(
        ("", "CHECK", "WHAT"),
        [("✓" if one.ok else "‼", one.check, f"{one.detail} {one.remedy}".strip()) for one in checks],
    )
    return int(ExitCode.DONE if all(one.ok for one in checks) else ExitCode.ERROR)
