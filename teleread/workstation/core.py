"""What every use case holds: the open vault, the profile's files, the clock and the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from teleread.host.clock import Clock
from teleread.host.paths import ProfilePaths
from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile
from teleread.model.task import TaskKey, Versions
from teleread.model.text import SafeText
from teleread.vault.vault import Vault

from .config import setting
from .hubfiles import load_hubs

if TYPE_CHECKING:
    from teleread.reporting.checks_basis import OtherPatients
    from teleread.reporting.checks_site import SiteRules
    from teleread.signing.keys import Signer

    from .listing import Listing

__all__ = ["Core"]


@dataclass(slots=True)
class Core:
    """One open profile."""

    paths: ProfilePaths
    vault: Vault
    clock: Clock
    offline: bool = False
    """Touch no network."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Settings typed on the command line."""
    passphrase: str = field(default="", repr=False)
    """What the vault was opened with, where that was a passphrase; it may have to sign (no PIN set)."""
    session: Signer | None = None
    """The signing key while it is open."""
    demo: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the engine of this profile needs to find it, where that is not what this process was given."""
    listing: Listing | None = None
    """The worklist in memory."""
    stops: dict[tuple[TaskKey, int, Versions | None], SafeText] = field(default_factory=dict)
    """Stops found before, by everything they depend on: a worklist is drawn many times a minute."""
    ready: dict[TaskKey, tuple[float, bool]] = field(default_factory=dict)
    """Whether a case's priors are here, and when that was looked up."""
    people: tuple[float, OtherPatients] | None = None
    """The worklist's other patients, for the checks, and when they were read (monotonic seconds)."""
    site: tuple[object, SiteRules] | None = None
    """The site's own rules, and what their files looked like when they were read."""
    _holder: str = ""
    _hubs: tuple[tuple[float, ...], tuple[HubFile, ...]] | None = None

    def replace_vault(self, vault: Vault, passphrase: str = "") -> None:
        """Go on with a vault that was opened again after a lock."""
        self.vault = vault
        self.passphrase = passphrase
        self._holder = ""
        self.stops.clear()
        self.people = self.listing = None

    @property
    def holder(self) -> str:
        """This window's name towards drafts, alive as long as the process is."""
        if not self._holder:
            self._holder = self.vault.holders.join()
        return self._holder

    @property
    def hubs(self) -> tuple[HubFile, ...]:
        """The hub files, read again when one has changed."""
        seen = self._stamp()
        if self._hubs is None or self._hubs[0] != seen:
            self._hubs = (seen, load_hubs(self.paths))
        return self._hubs[1]

    def _stamp(self) -> tuple[float, ...]:
        try:
            files = sorted(self.paths.hubs.glob("*.toml"))
            return tuple(one.stat().st_mtime_ns for one in files)
        except OSError:
            return ()

    def hub(self, hub_id: str) -> HubFile:
        """The hub of that id.

        Raises:
            UsageError: Its file is gone.
        """
        for one in self.hubs:
            if one.hub_id == hub_id:
                return one
        raise UsageError(
            "The hub file of this task is gone.",
            "What was kept of it is safe.",
            "Run teleread init again with the same --hub, or restore the file.",
            code="no-hub",
        )

    def hub_name(self, hub_id: str) -> str:
        """A hub's label; its id where the file is gone."""
        return next((one.name for one in self.hubs if one.hub_id == hub_id), hub_id)

    def setting(self, key: str) -> Any:
        """A setting after precedence."""
        return setting(self.paths, key, self.flags)
