"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.flow import Place
from tests.e2e.world import Cli, Demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A running demo with plain films enough for every test of a module."""
    running = Demo(
        tmp_path_factory.mktemp("demo"), cases=120 if os.environ.get("TELEREAD_FULL") == "1" else 50
    )
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A reader's own machine."""
    home = tmp_path / "desk"
    home.mkdir()
    return Cli(home)


@pytest.fixture
def place(demo: Demo) -> Place:
    """The demo as hub and archive."""

    def again() -> str:
        demo.start()
        return demo.fhir

    if demo.process is not None and demo.process.poll() is not None:
        demo.start()  # a test that failed may have left it stopped
    return Place(demo.fhir, demo.dicomweb, demo.dimse, demo.stop, again)
