"""The same main job on programs we did not write: SEKMET as the hub, Orthanc as the archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.flow import Place, from_worklist_to_receipt, set_up
from tests.e2e.seeding import copy_hub, instances
from tests.e2e.world import Cli, Demo
from tests.peers import orthanc, sekmet

FILMS = 3
"""Studies that are copied into the archive."""


@pytest.fixture
def peers(demo: Demo, cli: Cli, tmp_path: Path) -> Iterator[Place]:
    """SEKMET and Orthanc, filled from the demo."""
    sekmet.sekmet_command()
    orthanc.need("Orthanc", orthanc.find_program())
    hub = sekmet.start_sekmet(tmp_path / "sekmet")
    archive, process = orthanc.start(tmp_path / "orthanc")
    running = [hub]
    try:
        assert copy_hub(demo.fhir, hub.call) > 20
        for study in films(demo, tmp_path):
            for data in instances(demo.dicomweb, study):
                archive.store(data)

        def again() -> str:
            running.append(sekmet.start_sekmet(tmp_path / "sekmet"))
            return running[-1].base

        yield Place(hub.base, archive.dicomweb, archive.dimse, lambda: running[-1].stop(), again)
    finally:
        orthanc.stop(process)
        running[-1].stop()


def films(demo: Demo, folder: Path) -> list[str]:
    """Study UIDs of the films a reader takes first, by a desk of its own."""
    home = folder / "scout"
    home.mkdir()
    scout = Cli(home)
    set_up(scout, Place(demo.fhir, demo.dicomweb, demo.dimse, demo.stop, lambda: demo.fhir))
    scout.json("sync")
    return [one["study_uid"] for one in scout.items("modality:CR state:requested")][:FILMS]


@pytest.mark.peer("sekmet")
@pytest.mark.peer("orthanc")
@pytest.mark.parametrize("interrupted", [False, True], ids=["line-up", "hub-away-at-sync"])
def test_the_main_job_runs_on_sekmet_and_orthanc(
    cli: Cli, peers: Place, tmp_path: Path, interrupted: bool
) -> None:
    set_up(cli, peers)
    from_worklist_to_receipt(cli, peers, tmp_path, interrupted=interrupted)
