"""Where things lie: folders 0700, files 0600, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from teleread.model.errors import UsageError

__all__ = ["Home", "ProfilePaths", "atomic_write", "check_name", "make_private_folder", "sync_folder"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str, what: str = "profile") -> str:
    """The name itself, when a folder or a file may be called so.

    Raises:
        UsageError: It has other characters than letters, digits, ``.``, ``_`` and ``-``, or is too long.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise UsageError(
            f"That is no name for a {what}.",
            remedy="Use letters, digits, dots, dashes and underscores; 64 at most; no dash or dot first.",
            code="bad-name",
        )
    return name


@dataclass(frozen=True)
class ProfilePaths:
    """The files of one profile."""

    name: str
    """The profile's name."""
    config: Path
    """Folder of what the reader may edit."""
    data: Path
    """Folder of the vault."""
    logs: Path
    """Folder of the logs."""

    @property
    def settings(self) -> Path:
        """``profile.toml``."""
        return self.config / "profile.toml"

    @property
    def hubs(self) -> Path:
        """Folder of the hub files."""
        return self.config / "hubs"

    def hub_file(self, name: str) -> Path:
        """The hub file of that name."""
        return self.hubs / f"{check_name(name, 'hub')}.toml"

    @property
    def reports_db(self) -> Path:
        """The precious database."""
        return self.data / "reports.db"

    @property
    def cache_db(self) -> Path:
        """The rebuildable database."""
        return self.data / "cache.db"

    @property
    def keys(self) -> Path:
        """The wrapped master key."""
        return self.data / "keys.json"

    @property
    def objects(self) -> Path:
        """Folder of the sealed packs."""
        return self.data / "objects"

    @property
    def engine_lock(self) -> Path:
        """Held by the engine."""
        return self.data / "engine.lock"

    @property
    def locked_flag(self) -> Path:
        """Present while the profile is locked: the keyring alone does not open it."""
        return self.data / "locked"

    @property
    def ballast(self) -> Path:
        """Room kept to sign on a full disk."""
        return self.data / "ballast"

    def exists(self) -> bool:
        """Whether there is a vault."""
        return self.keys.exists()

    def make(self) -> None:
        """Make the folders, for this user alone."""
        for folder in (self.config, self.hubs, self.data, self.objects, self.logs):
            make_private_folder(folder)


@dataclass(frozen=True)
class Home:
    """The three roots teleread lives under."""

    config: Path
    """Configuration."""
    data: Path
    """Vaults and caches."""
    logs: Path
    """Logs."""

    @classmethod
    def find(cls, environment: Mapping[str, str] | None = None) -> Self:
        """By ``TELEREAD_HOME``, else as the platform has it (XDG on Linux).

        Args:
            environment: The environment to look into; the process's own by default.
        """
        env = os.environ if environment is None else environment
        told = env.get("TELEREAD_HOME", "")
        if told:
            root = Path(told).expanduser().absolute()
            return cls(root / "config", root / "data", root / "logs")
        user = Path(env.get("HOME") or env.get("USERPROFILE") or Path.home())
        if sys.platform == "win32":
            local = Path(env.get("LOCALAPPDATA") or user / "AppData" / "Local") / "teleread"
            return cls(Path(env.get("APPDATA") or local) / "teleread", local / "data", local / "logs")
        if sys.platform == "darwin":
            support = user / "Library" / "Application Support" / "teleread"
            return cls(support / "config", support / "data", user / "Library" / "Logs" / "teleread")
        return cls(
            _xdg(env, "XDG_CONFIG_HOME", user / ".config"),
            _xdg(env, "XDG_DATA_HOME", user / ".local" / "share"),
            _xdg(env, "XDG_STATE_HOME", user / ".local" / "state") / "logs",
        )

    def profile(self, name: str = "default") -> ProfilePaths:
        """The files of that profile, made or not."""
        check_name(name)
        parts = ("profiles", name)
        return ProfilePaths(
            name, self.config.joinpath(*parts), self.data.joinpath(*parts), self.logs.joinpath(*parts)
        )

    def profiles(self) -> tuple[str, ...]:
        """The names of the profiles that have a vault."""
        root = self.data / "profiles"
        if not root.is_dir():
            return ()
        return tuple(sorted(folder.name for folder in root.iterdir() if (folder / "keys.json").exists()))


def _xdg(env: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    told = Path(env.get(variable, ""))
    # The XDG rules say that a relative path is to be ignored.
    return (told if told.is_absolute() else otherwise) / "teleread"


def make_private_folder(folder: Path) -> None:
    """Make a folder and those above it; the folder itself is for this user alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        folder.chmod(0o700)


def atomic_write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file whole or not at all, and see it reach the disk.

    Args:
        path: Where; what was there before is replaced.
        data: The whole content.
        mode: Its permissions.

    Raises:
        OSError: The disk is full or the folder is not ours; the old file stands.
    """
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See a new, moved or removed name reach the disk. Windows does that by itself."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
