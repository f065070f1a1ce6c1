"""The machine's edges: locks, paths, capped children, clocks, hardening."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from teleread.host import limits, paths, signals, spawn
from teleread.host.clock import FakeClock, SystemClock
from teleread.host.filelock import OsLock, held
from teleread.host.paths import Home, atomic_write
from teleread.model.errors import TelereadError, UsageError

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def test_the_real_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_a_fake_clock_moves_only_when_told_and_a_jump_leaves_the_ticks_alone() -> None:
    clock = FakeClock(datetime(2026, 11, 24, tzinfo=UTC))
    clock.sleep(5)
    clock.jump(-3600)
    assert (clock.monotonic(), clock.now()) == (5.0, datetime(2026, 11, 23, 23, 0, 5, tzinfo=UTC))


def _holding(path: Path) -> subprocess.Popen[str]:
    code = (
        "import sys; from pathlib import Path; from teleread.host.filelock import OsLock;"
        "lock = OsLock(Path(sys.argv[1])); print(lock.try_acquire(), flush=True); sys.stdin.read()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=spawn.bare_environment(),
    )


def test_two_processes_never_hold_one_lock_and_a_kill_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "engine.lock"
    with _holding(path) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        mine = OsLock(path)
        assert (mine.try_acquire(), held(path)) == (False, True)
        with pytest.raises(TelereadError):
            mine.__enter__()
        other.kill()
    assert not held(path)
    with mine:
        assert held(path)
    assert not held(path)


def test_a_lock_that_was_never_made_is_not_held(tmp_path: Path) -> None:
    assert not held(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_wait_for_a_lock_ends(tmp_path: Path) -> None:
    first, second = OsLock(tmp_path / "l"), OsLock(tmp_path / "l")
    with first:
        assert not second.acquire(0.05)
    assert second.acquire(0.05)
    second.release()
    second.release()


def test_teleread_home_puts_everything_under_one_folder(tmp_path: Path) -> None:
    profile = Home.find({"TELEREAD_HOME": str(tmp_path / "t")}).profile("locum")
    profile.make()
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} == {"t"}
    assert profile.hub_file("north").name == "north.toml"
    assert not profile.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG")
def test_xdg_folders_are_used_and_relative_ones_ignored(tmp_path: Path) -> None:
    home = Home.find(
        {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_DATA_HOME": "relative"}
    )
    assert home.config == tmp_path / "c" / "teleread"
    assert home.data == tmp_path / ".local" / "share" / "teleread"


def test_profiles_are_those_with_a_vault(tmp_path: Path) -> None:
    home = Home.find({"TELEREAD_HOME": str(tmp_path)})
    assert home.profiles() == ()
    for name in ("b", "a", "empty"):
        home.profile(name).make()
    for name in ("b", "a"):
        home.profile(name).keys.write_text("{}")
    assert home.profiles() == ("a", "b")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "-x", "a\nb", "ü", "x" * 65, "a."])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        paths.check_name(name)


@posix
def test_folders_and_files_are_for_this_user_alone(tmp_path: Path) -> None:
    profile = Home.find({"TELEREAD_HOME": str(tmp_path)}).profile()
    profile.make()
    atomic_write(profile.settings, b"x")
    assert profile.data.stat().st_mode & 0o777 == 0o700
    assert profile.settings.stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    atomic_write(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="no"):
            atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["f"]


def _run_capped(code: str, memory: int = 1 << 30, cpu: int = 20) -> bytes:
    child = spawn.spawn_capped([sys.executable, "-c", code], memory=memory, cpu=cpu)
    with child:
        return child.communicate(timeout=60)[0]


def test_a_capped_child_sees_nothing_of_the_readers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEREAD_PASSPHRASE", "secret")
    names = _run_capped("import os; print(*os.environ)").decode().split()
    assert "PYTHONPATH" in names
    assert not {"TELEREAD_PASSPHRASE", "HOME", "PATH", "USER", "SSH_AUTH_SOCK"} & set(names)


@posix
def test_a_capped_child_inherits_no_descriptor(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("wb") as secret:
        os.set_inheritable(secret.fileno(), True)
        code = f"import os\ntry: os.fstat({secret.fileno()}); print('open')\nexcept OSError: print('closed')"
        assert _run_capped(code).strip() == b"closed"


@posix
def test_a_child_that_asks_for_too_much_gets_a_memory_error() -> None:
    code = (
        "from teleread.host import limits; limits.apply_from_environment()\n"
        "try: bytearray(1 << 30); print('got it')\n"
        "except MemoryError: print('refused')"
    )
    assert _run_capped(code, memory=512 << 20).strip() == b"refused"


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit")
def test_a_child_that_forgets_its_caps_is_capped_all_the_same() -> None:
    code = (
        "import sys; sys.stdin.read()\n"
        "try: bytearray(1 << 30); print('got it')\n"
        "except MemoryError: print('refused')"
    )
    assert _run_capped(code, memory=512 << 20).strip() == b"refused"


@posix
def test_a_child_that_never_ends_runs_out_of_processor_time() -> None:
    child = spawn.spawn_capped([sys.executable, "-c", "while True: pass"], memory=1 << 30, cpu=1)
    with child:
        assert child.wait(timeout=60) < 0


@posix
def test_a_capped_child_writes_no_file(tmp_path: Path) -> None:
    code = (
        "from teleread.host import limits; limits.apply_from_environment()\n"
        f"try: open({str(tmp_path / 'f')!r}, 'wb', buffering=0).write(b'x')\nexcept OSError: print('refused')"
    )
    assert _run_capped(code).strip() == b"refused"


def test_caps_that_make_no_sense_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.CAPS_VARIABLE, "much,1,2")
    monkeypatch.setattr(limits, "apply", lambda *_: pytest.fail("applied"))
    limits.apply_from_environment()


def test_a_secret_is_handed_over_by_pipe(tmp_path: Path) -> None:
    target = tmp_path / "seen"
    code = (
        "import os, sys; from pathlib import Path; data = sys.stdin.buffer.read();"
        f"assert data not in os.environb.values() if hasattr(os, 'environb') else True;"
        f"Path({str(target)!r}).write_bytes(data)"
    )
    child = spawn.spawn_background([sys.executable, "-c", code], handoff=b"k" * 32)
    assert child.wait(timeout=60) == 0
    assert target.read_bytes() == b"k" * 32
    with pytest.raises(ValueError, match="pipe"):
        spawn.spawn_background([sys.executable, "-c", ""], handoff=bytes(5000))


@posix
def test_a_hardened_process_dumps_no_core_and_drops_dangerous_variables() -> None:
    code = (
        "import os, resource; from teleread.host.harden import harden; harden();"
        "print(resource.getrlimit(resource.RLIMIT_CORE), 'TEXTUAL_LOG' in os.environ)"
    )
    environment = {**spawn.bare_environment(), "TEXTUAL_LOG": "x"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True, timeout=60
    )
    assert done.stdout.strip() == b"(0, 0) False"


@posix
def test_sigterm_sets_the_stop_event() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        event = signals.stop_event()
        os.kill(os.getpid(), signal.SIGTERM)
        assert event.wait(5)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
