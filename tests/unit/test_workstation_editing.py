"""A draft in the reader's own editor: only where asked, only in memory, nothing left behind, no word lost."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from teleread.model.errors import UsageError
from teleread.reporting.one_file import HEAD, joined, parted
from teleread.workstation.config import write_setting
from teleread.workstation.editing import PREFIX, Trip, edit, prepare, room, sweep
from tests.unit import vault_cases as cases
from tests.unit.test_workstation_desk import World

SECTIONS = (("findings", "Findings", "Normal liver.\n"), ("impression", "Impression", "No abnormality."))
PLAIN = "30 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"


def editor(folder: Path, body: str) -> tuple[str, ...]:
    """An editor that is a few lines of Python; `path` is the file."""
    script = folder / "editor.py"
    script.write_text(f"import os,pathlib,sys,time\npath=pathlib.Path(sys.argv[-1])\n{body}\n", "utf-8")
    return (sys.executable, str(script))


# -- one file and back --------------------------------------------------------------------------------


def test_a_draft_is_one_file_and_comes_back_as_it_was() -> None:
    made, notes = parted(joined(SECTIONS), ["findings", "impression"])
    assert made == {"findings": "Normal liver.", "impression": "No abnormality."}
    assert notes == ()


def test_no_word_is_lost_where_the_lines_that_part_sections_are_gone_doubled_or_moved() -> None:
    names = ["findings", "impression"]
    made, notes = parted("%% [findings] Findings\nLiver.\nNo abnormality.\n", names)
    assert made == {"findings": "Liver.\nNo abnormality.", "impression": ""}
    assert "impression was gone" in notes[0]
    made, notes = parted("Only words.", names)
    assert made == {"findings": "Only words.", "impression": ""}
    assert len(notes) == 2
    made, _ = parted("%% [impression] I\nB\n%% [findings] F\nA\n%% [findings] F\nC\n%% [other] X", names)
    assert made == {"findings": "A\n%% [findings] F\nC\n%% [other] X", "impression": "B"}
    made, _ = parted(f"{HEAD}\r\n%% [findings] F\r\nA\r\n\r\nB\r\n", names)
    assert made["findings"] == "A\n\nB"


def test_a_section_longer_than_a_draft_may_hold_is_refused_not_cut() -> None:
    with pytest.raises(UsageError, match="longer than"):
        parted("%% [findings] F\n" + "a" * 100_001, ["findings"])


# -- where --------------------------------------------------------------------------------------------


def test_only_a_folder_in_memory_is_taken_and_a_machine_without_one_is_refused_in_words(
    tmp_path: Path,
) -> None:
    variables = {"XDG_RUNTIME_DIR": str(tmp_path)}
    inside = f"31 30 0:30 / {tmp_path} rw,nosuid - tmpfs tmpfs rw\n"
    assert room(variables, PLAIN + inside) == tmp_path
    over = f"32 31 8:2 / {tmp_path} rw - ext4 /dev/sdb1 rw\n"
    for mounts in ("", PLAIN, PLAIN + inside + over, "nonsense\n1 2 3 - \n"):
        with pytest.raises(UsageError) as refused:
            room(variables, mounts)
        assert refused.value.code == "no-tmpfs"
        assert "never written to a disk" in str(refused.value)


def test_it_is_refused_unless_switched_on_and_without_an_editor(world: World, tmp_path: Path) -> None:
    draft = world.desk.draft(world.written(world.task(cases.context())))
    said = {"EDITOR": sys.executable, "PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path)}
    with pytest.raises(UsageError) as refused:
        prepare(world.core, draft, said)
    assert refused.value.code == "editor-off"
    write_setting(world.core.paths, "editor", "on")
    for variables in ({}, {"EDITOR": "no-such-editor-here"}, {"EDITOR": "'"}):
        with pytest.raises(UsageError) as refused:
            prepare(world.core, draft, {"PATH": os.environ["PATH"], **variables})
        assert refused.value.code == "no-editor"


def test_a_trip_is_audited_without_a_word_of_the_draft(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("teleread.workstation.editing.room", lambda variables: tmp_path)
    write_setting(world.core.paths, "editor", True)
    draft = world.desk.draft(world.written(world.task(cases.context())))
    vim = tmp_path / "vim"
    vim.write_text("#!/bin/sh\n")
    vim.chmod(0o700)
    trip = prepare(world.core, draft, {"VISUAL": "vim -R", "EDITOR": "nano", "PATH": str(tmp_path)})
    assert trip.command[0] == str(vim)
    assert "set nobackup nowritebackup noswapfile noundofile" in trip.command
    assert trip.command[-1] == "-R"
    (row,) = (str(one) for one in world.vault.audit.export() if "draft-editor" in str(one))
    assert "vim" in row
    assert "liver" not in row


# -- the editor ---------------------------------------------------------------------------------------


def test_the_file_is_for_the_reader_alone_and_nothing_is_left_when_the_editor_ends(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    seen = tmp_path / "seen"
    command = editor(
        tmp_path,
        "modes = (oct(path.stat().st_mode), oct(path.parent.stat().st_mode))\n"
        "ours = [name for name in os.environ if name.startswith('TELEREAD_')]\n"
        "told = (*modes, os.environ['TMPDIR'] == str(path.parent), ours)\n"
        f"pathlib.Path({str(seen)!r}).write_text(repr(told))\n"
        "(path.parent / 'copy~').write_text('x')\n"
        "path.write_text(path.read_text().replace('No abnormality', 'No bleed'))",
    )
    os.environ["TELEREAD_TESTED"] = "secret"
    try:
        made = edit(Trip(command, shelf), SECTIONS)
    finally:
        del os.environ["TELEREAD_TESTED"]
    assert made.texts == {"findings": "Normal liver.\n", "impression": "No bleed."}
    assert made.notes == ()
    assert seen.read_text() == repr((oct(stat.S_IFREG | 0o600), oct(stat.S_IFDIR | 0o700), True, []))
    assert list(shelf.iterdir()) == []


def test_an_editor_that_ends_with_an_error_changes_nothing(tmp_path: Path) -> None:
    made = edit(Trip(editor(tmp_path, "path.write_text('ruined'); sys.exit(1)"), tmp_path), SECTIONS)
    assert made.texts == {}
    assert "as it was" in made.notes[0]


def test_an_editor_that_removes_its_file_or_writes_too_much_is_told_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for body in (
        "path.unlink()",
        "path.unlink(); path.symlink_to('/etc/passwd')",
        "path.write_text('a' * 2**21)",
    ):
        with pytest.raises(UsageError, match="as it was"):
            edit(Trip(editor(tmp_path, body), shelf), SECTIONS)
        assert list(shelf.iterdir()) == []
    with pytest.raises(UsageError, match="does not start"):
        edit(Trip((str(tmp_path / "gone"),), shelf), SECTIONS)
    assert list(shelf.iterdir()) == []


def test_text_that_is_no_utf_8_is_taken_with_a_word_of_warning(tmp_path: Path) -> None:
    body = "path.write_bytes('%% [findings] F\\nn\\u00e9\\n%% [impression] I\\nb'.encode('latin-1'))"
    made = edit(Trip(editor(tmp_path, body), tmp_path), SECTIONS)
    assert made.texts == {"findings": "né", "impression": "b"}
    assert "no UTF-8" in made.notes[0]


def test_when_the_screen_has_to_lock_the_editor_is_ended_and_what_it_saved_is_taken(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    body = (
        "path.write_text(path.read_text().replace('liver', 'spleen'))\n"
        f"pathlib.Path({str(saved)!r}).touch()\n"
        "time.sleep(600)"
    )
    made = edit(Trip(editor(tmp_path, body), tmp_path), SECTIONS, saved.exists)
    assert made.ended
    assert made.texts["findings"] == "Normal spleen."
    assert "screen locks" in made.notes[0]


def test_a_process_that_is_killed_leaves_no_text_behind(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    up = tmp_path / "up"
    command = editor(tmp_path, f"pathlib.Path({str(up)!r}).write_text(str(os.getpid())); time.sleep(600)")
    code = (
        "from pathlib import Path\nfrom teleread.workstation.editing import Trip, edit\n"
        f"edit(Trip({command!r}, Path({str(shelf)!r})), (('findings', 'Findings', 'Normal liver.'),))"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        _until(lambda: up.exists() and up.read_text())
        assert list(shelf.iterdir())
    finally:
        child.kill()
        child.wait(30)
    try:
        _until(lambda: not list(shelf.iterdir()))
    finally:
        os.kill(int(up.read_text()), signal.SIGKILL)


def _until(seen: object) -> None:
    assert callable(seen)
    for _ in range(3000):
        if seen():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def test_what_a_dead_process_left_is_swept_and_a_living_ones_stays(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(60)
    for pid in (gone.pid, os.getpid()):
        (tmp_path / f"{PREFIX}{pid}-abc").mkdir()
    (tmp_path / f"{PREFIX}odd").mkdir()
    sweep(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(
        [f"{PREFIX}{os.getpid()}-abc", f"{PREFIX}odd"]
    )
