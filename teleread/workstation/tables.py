"""Tables that need no vault: the keys of the terminal interface, and the manual."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any, Final

from teleread.host.paths import ProfilePaths
from teleread.model.errors import TelereadError

from .config import setting

__all__ = ["key_rows", "manual_page", "manual_topics"]

_TOPIC: Final = re.compile(r"[a-z0-9-]{1,40}")


def key_rows(paths: ProfilePaths) -> list[dict[str, Any]]:
    """Every action with its keys, as this profile has them."""
    from teleread.model.actions import remapped

    preset = setting(paths, "key_preset")
    return [
        {"id": one.id, "keys": list(one.default), "contexts": one.where, "text": one.text, "group": one.group}
        for one in remapped(preset, setting(paths, "keys"))
    ]


def manual_topics() -> tuple[str, ...]:
    """The pages of the manual."""
    folder = resources.files("teleread") / "help"
    if not folder.is_dir():
        return ()
    return tuple(sorted(one.name[:-3] for one in folder.iterdir() if one.name.endswith(".md")))


def manual_page(topic: str) -> str:
    """A page of the manual, Markdown.

    Raises:
        TelereadError: It is missing from this installation.
    """
    try:
        if not _TOPIC.fullmatch(topic):
            raise FileNotFoundError
        return (resources.files("teleread") / "help" / f"{topic}.md").read_text("utf-8")
    except OSError:
        raise TelereadError("That page of the manual is missing here.", code="no-topic") from None
