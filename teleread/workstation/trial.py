"""The demo's own desk: a throwaway vault beside the demo's hub, which asks nothing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from teleread.host.clock import Clock, SystemClock
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


class TrialDesk(Desk):
    """A desk that any words unlock: nothing in it is anybody's."""

    def __init__(self, core: Core, ballast_bytes: int) -> None:
        super().__init__(core)
        self._ballast_bytes = ballast_bytes

    def unlock(self, secret: str) -> None:
        """Open it again, whatever was typed."""
        core = self.core
        core.replace_vault(_opened(core.paths, core.clock, self._ballast_bytes))


def _opened(paths: ProfilePaths, clock: Clock, ballast_bytes: int) -> Vault:
    master = KeyFile.load(paths.keys).by_recovery(_code_file(paths).read_text())
    return Vault.open(paths, Unlock("recovery", master), clock=clock, ballast_bytes=ballast_bytes)


def open_trial(folder: Path, ready: Mapping[str, Any]) -> Desk:
    """Open, or make, the demo's desk.

    Args:
        folder: Where the demo keeps its state.
        ready: The demo's addresses, as its ready file has them.
    """
    home = _home(folder)
    paths = Home.find({"TELEREAD_HOME": str(home)}).profile()
    clock = SystemClock()
    code_file = _code_file(paths)
    # A vault whose code was never written down is one that nobody can open: it is made anew.
    if paths.exists() and not code_file.exists():
        shutil.rmtree(home)
    if not paths.exists():
        vault, code = Vault.create(paths, passphrase=None, pin=None, clock=clock, ballast_bytes=BALLAST)
        atomic_write(code_file, code.encode())
        put_signing_key(vault, vault.pin.check("", "none"), NAME, clock)
    else:
        vault = _opened(paths, clock, BALLAST)
    _point_at(paths, ready, vault)
    core = Core(paths, vault, clock, demo=True, environment={"TELEREAD_HOME": str(home)})
    return TrialDesk(core, ballast_bytes=BALLAST)


def forget_trial(folder: Path) -> None:
    """Start over: its vault, reports and all."""
    shutil.rmtree(_home(folder), ignore_errors=True)


def _home(folder: Path) -> Path:
    return folder.absolute() / "desk"


def _code_file(paths: ProfilePaths) -> Path:
    return paths.config / "demo-recovery"


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
