"""The demo's own desk: a throwaway vault beside the demo's hub, which asks nothing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from teleread.host.clock import SystemClock
from teleread.host.paths import Home, ProfilePaths, atomic_write
from teleread.vault.keys import KeyFile
from teleread.vault.unlock import Unlock
from teleread.vault.vault import Vault

from .core import Core
from .desk import Desk
from .hubfiles import load_hubs, write_hub_file
from .setup import put_signing_key

__all__ = ["forget_trial", "open_trial"]

HUB: Final = "demo"
READER: Final = "Practitioner/reader"
NAME: Final = "Dr Demo Reader"
BALLAST: Final = 1 << 20


def open_trial(folder: Path, ready: Mapping[str, Any]) -> Desk:
    """Open, or make, the demo's desk.

    Args:
        folder: Where the demo keeps its state.
        ready: The demo's addresses, as its ready file has them.
    """
    home = _home(folder)
    paths = Home.find({"TELEREAD_HOME": str(home)}).profile()
    clock = SystemClock()
    code_file = home / "recovery"
    # A vault whose code was never written down is one that nobody can open: it is made anew.
    if paths.exists() and not code_file.exists():
        shutil.rmtree(home)
    if not paths.exists():
        vault, code = Vault.create(paths, passphrase=None, pin=None, clock=clock, ballast_bytes=BALLAST)
        atomic_write(code_file, code.encode())
        put_signing_key(vault, vault.pin.check("", "none"), NAME, clock)
    else:
        master = KeyFile.load(paths.keys).by_recovery(code_file.read_text())
        vault = Vault.open(paths, Unlock("recovery", master), clock=clock, ballast_bytes=BALLAST)
    _point_at(paths, ready, vault)
    return Desk(Core(paths, vault, clock, demo=True, environment={"TELEREAD_HOME": str(home)}))


def forget_trial(folder: Path) -> None:
    """Start over: its vault, reports and all."""
    shutil.rmtree(_home(folder), ignore_errors=True)


def _home(folder: Path) -> Path:
    return folder.absolute() / "desk"


def _point_at(paths: ProfilePaths, ready: Mapping[str, Any], vault: Vault) -> None:
    """The demo's ports are others at every start; its hub is the same."""
    known = {one.name: one for one in load_hubs(paths)}
    hub_id = known[HUB].hub_id if HUB in known else f"demo-{vault.profile_id[:8]}"
    dimse = ready["dimse"]
    write_hub_file(
        paths,
        HUB,
        {
            "hub_id": hub_id,
            "fhir": str(ready["fhir"]),
            "dicomweb": str(ready["dicomweb"]),
            "dimse": f"{dimse['aet']}@{dimse['host']}:{dimse['port']}",
            "reader_id": READER,
            "reader_name": NAME,
            "site_phone": "01632 960 100",
        },
    )
