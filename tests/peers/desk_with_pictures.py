"""The reading desk on a workstation in memory, its pictures lighter to the right; for a real terminal."""

from __future__ import annotations

from teleread.tui.app import run
from tests.unit.test_tui_pictures import Decoder, Station

if __name__ == "__main__":
    run(Station(12, settings={"colours": "truecolor"}), decoder_factory=Decoder)
