"""Hub files of a profile: read, written, removed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from teleread.host.paths import ProfilePaths, atomic_write, make_private_folder
from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile, parse_hub_file

__all__ = ["load_hubs", "named_hub", "read_toml", "remove_hub_file", "write_hub_file"]

MAX_FILE: Final = 256 * 1024
"""Largest configuration file read, bytes."""


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """A TOML file as a table; empty where there is none.

    Raises:
        UsageError: It is no TOML, or too large.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        return {}
    if len(raw) > MAX_FILE:
        raise UsageError(
            f"{what} is too large.", remedy="A quarter of a mebibyte is the most.", code="bad-file"
        )
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise UsageError(f"{what} is not UTF-8 text.", code="bad-file") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{what} can't be read: {error}.", "Nothing was changed.", "Mend that line.", code="bad-file"
        ) from None


def load_hubs(paths: ProfilePaths) -> tuple[HubFile, ...]:
    """Every hub of a profile, by name.

    Raises:
        UsageError: A hub file is wrong.
    """
    if not paths.hubs.is_dir():
        return ()
    files = sorted(paths.hubs.glob("*.toml"))
    return tuple(parse_hub_file(file.stem, read_toml(file, f"Hub file {file.stem}")) for file in files)


def named_hub(paths: ProfilePaths, name: str) -> HubFile:
    """The hub of that name.

    Raises:
        UsageError: There is none.
    """
    for hub in load_hubs(paths):
        if hub.name == name:
            return hub
    raise UsageError(f"There is no hub “{name[:64]}”.", remedy="teleread hub list shows them.", code="no-hub")


def write_hub_file(paths: ProfilePaths, name: str, values: Mapping[str, Any]) -> HubFile:
    """Write a hub file, keeping what it says besides; checked before it is written.

    Raises:
        UsageError: The result would be no hub file.
    """
    import tomlkit

    path = paths.hub_file(name)
    document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
    for key, value in values.items():
        document[key] = value
    text = tomlkit.dumps(document)
    hub = parse_hub_file(name, tomllib.loads(text))
    make_private_folder(paths.hubs)
    atomic_write(path, text.encode("utf-8"))
    return hub


def remove_hub_file(paths: ProfilePaths, name: str) -> None:
    """Remove a hub file."""
    paths.hub_file(name).unlink(missing_ok=True)
