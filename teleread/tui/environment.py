"""Textual's own switches, which could write patient data to files, are taken out of the environment."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

__all__ = ["scrub"]

SLOW_LINK_FRAMES = "30"
"""Frames a second over SSH."""


def scrub(environ: MutableMapping[str, str] = os.environ) -> None:
    """Drop every ``TEXTUAL`` variable (logs, screenshots, developer tools) and set the two we want."""
    for name in [name for name in environ if name.startswith("TEXTUAL")]:
        del environ[name]
    environ["TEXTUAL_ANIMATIONS"] = "none"
    if environ.get("SSH_CONNECTION"):
        environ["TEXTUAL_FPS"] = SLOW_LINK_FRAMES
