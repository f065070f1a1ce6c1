"""Which archives a hub file names, in the order they are tried."""

from __future__ import annotations

from teleread.model.errors import UsageError
from teleread.model.hubfile import HubFile

from .port import Archive

__all__ = ["VIAS", "open_archives"]

VIAS = ("auto", "dicomweb", "c-get", "c-move")
"""What ``--via`` takes."""


def open_archives(hub: HubFile, secret: str | None, via: str = "auto") -> list[Archive]:
    """The archives of a hub, best first: DICOMweb, then C-GET, then C-MOVE where we can be sent to.

    Args:
        hub: The hub file.
        secret: Password or token of the hub.
        via: One of `VIAS`.

    Raises:
        UsageError: The hub file names none of that kind.
    """
    if via not in VIAS:
        raise UsageError(f"“{via}” is no way to fetch.", remedy=f"One of: {', '.join(VIAS)}.")
    wanted = VIAS[1:] if via == "auto" else (via,)
    found = [one for way in wanted if (one := _open(hub, secret, way)) is not None]
    if not found:
        raise UsageError(
            f"Hub {hub.name} names no archive{'' if via == 'auto' else ' for ' + via}.",
            remedy="Give teleread init --dicomweb URL or --dimse AET@HOST:PORT (C-MOVE: --listen PORT too).",
        )
    return found


def _open(hub: HubFile, secret: str | None, via: str) -> Archive | None:
    # Adapters are imported by need: their protocols cost start-up time.
    if via == "dicomweb":
        if not hub.dicomweb:
            return None
        from .dicomweb import DicomwebArchive

        return DicomwebArchive(hub, secret)
    if hub.dimse is None or (via == "c-move" and not hub.listen):
        return None
    from .dimse import DimseArchive

    return DimseArchive(hub, via=via)
