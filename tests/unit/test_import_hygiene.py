"""What a command may pull in, seen from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "textual",
    "rich",
    "pydicom",
    "pynetdicom",
    "numpy",
    "keyring",
    "httpx",
    "PIL",
    "argon2",
    "sqlcipher3",
)


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_version_is_told_without_any_heavy_import() -> None:
    loaded = modules_after(
        "import contextlib, io, sys\n"
        "sys.argv = ['teleread', '--version']\n"
        "from teleread.__main__ import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main()"
    )
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("teleread.model.hubfile", set()),
        ("teleread.host.paths", set()),
        ("teleread.workstation.api", set()),
        ("teleread.vault.vault", {"sqlcipher3"}),
        ("teleread.tui.app", {"textual", "rich"}),
        ("teleread.cli.worklist", {"sqlcipher3"}),
    ],
)
def test_a_stage_brings_nothing_heavy_that_is_not_its_own(module: str, allowed: set[str]) -> None:
    loaded = modules_after(f"import {module}")
    assert loaded & set(HEAVY) <= allowed


def test_the_model_needs_the_standard_library_alone() -> None:
    loaded = modules_after(
        "import importlib, pkgutil, teleread.model as model\n"
        "for one in pkgutil.iter_modules(model.__path__):\n"
        "    importlib.import_module('teleread.model.' + one.name)"
    )
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"teleread"}
    assert {name for name in foreign if not name.startswith("_")} <= {"sitecustomize", "usercustomize"}


def test_only_the_tui_reaches_textual() -> None:
    loaded = modules_after("import teleread.workstation.desk, teleread.sync.engine")
    assert not any(name.partition(".")[0] == "textual" for name in loaded)
