"""Battery and metered line, as the system tells."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from teleread.host import power


def supply(root: Path, name: str, **files: str) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text + "\n")


@pytest.mark.skipif(sys.platform != "linux", reason="sysfs is Linux's")
@pytest.mark.parametrize(
    ("mains", "battery", "told"),
    [("1", "Charging", False), ("0", "Discharging", True), ("1", "Discharging", False), ("0", "Full", False)],
)
def test_a_battery_feeds_the_machine_only_while_nothing_else_does(
    tmp_path: Path, mains: str, battery: str, told: bool
) -> None:
    supply(tmp_path, "AC", type="Mains", online=mains)
    supply(tmp_path, "BAT0", type="Battery", status=battery)
    assert power.on_battery(tmp_path) is told


@pytest.mark.skipif(sys.platform != "linux", reason="sysfs is Linux's")
def test_a_machine_without_supplies_runs_on_no_battery(tmp_path: Path) -> None:
    assert power.on_battery(tmp_path / "nothing") is False


@pytest.mark.skipif(sys.platform != "linux", reason="NetworkManager is Linux's")
@pytest.mark.parametrize(("answer", "told"), [("u 1", True), ("u 3", True), ("u 2", False), ("u 0", False)])
def test_a_metered_line_is_what_networkmanager_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, told: bool
) -> None:
    program = tmp_path / "busctl"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert power.metered() is told


@pytest.mark.skipif(sys.platform != "linux", reason="NetworkManager is Linux's")
@pytest.mark.parametrize("script", ["exit 1", "exec sleep 30", "head -c 9999999 /dev/zero"])
def test_a_system_that_does_not_answer_counts_as_not_metered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(power, "SECONDS", 0.2)
    program = tmp_path / "busctl"
    program.write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert power.metered() is False


def test_without_the_systems_helper_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert power.metered() is False
