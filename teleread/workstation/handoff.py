"""Handing a study to the diagnostic viewer: through a gateway that the engine holds open for the case."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from teleread.host.spawn import spawn_viewer
from teleread.model.errors import OfflineError, UsageError

from . import background
from .network import answered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .core import Core

__all__ = ["OPENERS", "begin", "end", "viewer_of"]

SECONDS: Final = 30.0
"""How long the engine may take to open the gateway; it may have to start first."""
OPENERS: Final = {"darwin": ("open",), "win32": ("rundll32", "url.dll,FileProtocolHandler")}
"""What opens an address in the reader's own browser; ``xdg-open`` elsewhere."""
_KINDS: Final = ("weasis", "dicomweb")


def viewer_of(core: Core) -> str:
    """The viewer of the profile: ``weasis``, ``dicomweb``, OHIF's address, or the folder of its build.

    Raises:
        UsageError: None is set, or it is none of these.
    """
    said = str(core.setting("viewer")).strip()
    if not said:
        raise UsageError(
            "No diagnostic viewer is set.",
            "Nothing was opened.",
            "The manual's page viewer tells how to set one: teleread config set viewer weasis, for example.",
            code="no-viewer",
        )
    if said in _KINDS:
        return said
    parts = urlsplit(said)
    if parts.scheme in ("http", "https") and parts.netloc and "{url}" in said:
        return said
    for folder in (Path(said).expanduser(), Path(said).expanduser() / "dist"):
        if folder.is_absolute() and (folder / "index.html").is_file():
            return str(folder)
    raise UsageError(
        "The setting viewer names no viewer.",
        "Nothing was opened.",
        "It is weasis, dicomweb, an address with {url} in it, or the folder of OHIF's build.",
        code="bad-viewer",
    )


def begin(core: Core, hub_id: str, study_uid: str, priors: Sequence[str] = ()) -> None:
    """Open a held study, and earlier ones that are held, in the viewer.

    Args:
        core: The open profile.
        hub_id: Whose study.
        study_uid: The case's own.
        priors: Studies it is read beside.

    Raises:
        UsageError: Nothing is held of it, or there is no viewer that can be started.
        OfflineError: The engine may not run, or did not answer.
    """
    from .pictures import rejected_images

    viewer = viewer_of(core)
    held = [one for one in (study_uid, *priors) if _held(core, hub_id, one)]
    if study_uid not in held:
        raise UsageError(
            "Nothing of that study is held here.", "Nothing was opened.", "Fetch it first.", code="not-held"
        )
    if core.offline:
        raise OfflineError(
            "The engine, which serves the viewer, does not run off line.",
            "Nothing was opened.",
            "Start teleread without --offline; the network itself may be down.",
            code="offline-asked",
            retryable=False,
        )
    studies = [
        {"uid": one, "hidden": sorted(rejected_images(core, hub_id, one))} for one in dict.fromkeys(held)
    ]
    told = answered(core, "handoff", {"hub_id": hub_id, "studies": studies, "viewer": viewer}, SECONDS)
    try:
        spawn_viewer(_command(core, str(told["url"])))
    except OSError as error:
        end(core, hub_id, study_uid)
        raise UsageError(
            "The viewer does not start.",
            "The study was not given to anything.",
            "Look at the setting viewer_command; the program it names has to be installed.",
            code="viewer-start",
        ) from error


def end(core: Core, hub_id: str, study_uid: str) -> None:
    """Close the gateway of a case, if one is open; the viewer keeps what it has loaded, and gets no more."""
    if background.running(core):
        core.vault.requests.put("handoff-close", {"hub_id": hub_id, "study_uid": study_uid})


def _held(core: Core, hub_id: str, study_uid: str) -> bool:
    found = core.vault.studies.get(hub_id, study_uid)
    return found is not None and found.held > 0


def _command(core: Core, url: str) -> list[str]:
    """Program and arguments; never a shell.

    Raises:
        UsageError: The template can't be taken apart.
    """
    template: Any = core.setting("viewer_command")
    try:
        words = shlex.split(str(template), posix=sys.platform != "win32")
    except ValueError:
        raise UsageError(
            "The setting viewer_command has a quote without its end.",
            "Nothing was opened.",
            code="bad-setting",
        ) from None
    if not words:
        return [*OPENERS.get(sys.platform, ("xdg-open",)), url]
    if not any("{url}" in one for one in words):
        words.append("{url}")
    return [one.replace("{url}", url) for one in words]
