"""A disk without a byte left: the list can be read, a report written and signed, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.flow import Place, a_film, set_up, written
from tests.e2e.world import Cli

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk as Linux does")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 120 MiB of its own."""
    point = tmp_path / "disk"
    point.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=120m,mode=700", "tmpfs", str(point)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("A SMALL DISK CAN'T BE MOUNTED HERE (root only): the full disk was not tried")
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


def fill(disk: Path) -> None:
    """To the last block."""
    with (disk / "fill").open("wb", buffering=0) as out:
        for size in (1 << 20, 4096):
            try:
                while True:
                    out.write(bytes(size))
            except OSError:
                continue
    stat = os.statvfs(disk)
    assert stat.f_bavail * stat.f_frsize < 4096


def test_on_a_full_disk_the_list_opens_and_a_report_is_written_and_signed(
    small_disk: Path, place: Place
) -> None:
    cli = Cli(small_disk / "desk")
    cli.home.mkdir()
    set_up(cli, place)
    cli.json("sync")
    task = a_film(cli)["task"]
    cli.json("claim", task)
    cli.json("fetch", task)
    cli.json("report", "start", task)
    fill(small_disk)
    assert cli.items()
    written(cli, task)
    signed = cli.json("report", "sign", task)
    assert cli.json("report", "verify", signed["report"])["valid"] is True
    (small_disk / "fill").unlink()
    cli.json("sync")
    assert [one["state"] for one in cli.json("outbox")["items"] if one["report"]] == ["delivered"]
