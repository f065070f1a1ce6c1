"""Settings of a profile: where they come from, and writing one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from teleread.host.paths import ProfilePaths, atomic_write, make_private_folder
from teleread.model.errors import UsageError
from teleread.model.settings import Sources, coerce, resolve, spec_of

from .hubfiles import load_hubs, read_toml

__all__ = ["setting", "sources", "write_setting"]


def sources(paths: ProfilePaths, flags: Mapping[str, Any] | None = None) -> Sources:
    """Everything a setting of this profile may come from.

    Raises:
        UsageError: The profile file or a hub file is wrong.
    """
    defaults = [
        (hub.name, hub.extra["defaults"])
        for hub in load_hubs(paths)
        if isinstance(hub.extra.get("defaults"), Mapping)
    ]
    profile = read_toml(paths.settings, "The profile file")
    return Sources(flags or {}, os.environ, profile, paths.settings.name, defaults)


def setting(paths: ProfilePaths, key: str, flags: Mapping[str, Any] | None = None) -> Any:
    """A setting after precedence."""
    return resolve(key, sources(paths, flags)).value


def write_setting(paths: ProfilePaths, key: str, value: Any) -> Any:
    """Write one to the profile file, keeping its comments; returns the value as kept.

    Raises:
        UsageError: There is no such setting, or it does not take that value.
    """
    import tomlkit

    spec = spec_of(key)
    if spec.kind == "table" and not isinstance(value, Mapping):
        raise UsageError(
            f"{key} is a table.", remedy="Write it into profile.toml by hand.", code="bad-setting"
        )
    kept = coerce(spec, value)
    read_toml(paths.settings, "The profile file")
    text = paths.settings.read_text("utf-8") if paths.settings.exists() else ""
    document = tomlkit.parse(text)
    document[key] = kept
    make_private_folder(paths.config)
    atomic_write(paths.settings, tomlkit.dumps(document).encode("utf-8"))
    return kept
