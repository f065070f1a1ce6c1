"""Fixtures every test may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from teleread.vault.vault import Vault
    from tests.unit.test_workstation_desk import World

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # helpers are imported as `tests.…`, however pytest was started


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public files beside the checkout; its tests are skipped where it is not."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/data with real public files is not here: these tests did NOT run")
    return folder


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether long campaigns run at their whole length."""
    return os.environ.get("TELEREAD_FULL") == "1"


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    """A fresh vault that costs little to open."""
    from tests.archive_factories import make_vault

    one = make_vault(tmp_path)
    yield one
    one.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A desk with one hub."""
    from tests.unit.test_workstation_desk import World

    made = World(tmp_path)
    yield made
    made.desk.close()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the profile, passphrase or PIN of whoever runs it."""
    keep = {
        "TELEREAD_FULL",
        "TELEREAD_REQUIRE_PEERS",
        "TELEREAD_SEKMET",
        "TELEREAD_ORTHANC",
        "TELEREAD_READERS",
        "TELEREAD_OHIF",
        "TELEREAD_OIDC",
        "TELEREAD_DCMJS",
    }
    for name in [one for one in os.environ if one.startswith("TELEREAD_") and one not in keep]:
        monkeypatch.delenv(name)
