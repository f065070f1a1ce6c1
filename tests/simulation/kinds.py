"""The kinds of hubs there are in a simulated world, and how often."""

from __future__ import annotations

from typing import Final

from tests.simulation.drive import drives
from tests.simulation.folder_site import FolderSite
from tests.simulation.hl7_site import Hl7Site
from tests.simulation.hubs import SimHub
from tests.simulation.mllp_line import mllp_wires
from tests.simulation.ups_site import UpsSite

__all__ = ["KINDS", "MIXED", "WIRES"]

KINDS: Final[dict[str, type[SimHub]]] = {one.kind: one for one in (SimHub, Hl7Site, UpsSite, FolderSite)}
MIXED: Final = ("fhir", "fhir", "hl7", "ups", "folder")
"""What is drawn from."""
WIRES: Final = (mllp_wires, drives)
"""What stands for their networks while a world runs."""
