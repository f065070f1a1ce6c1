"""Ways in: keyring, passphrase, recovery code, PIN after a lock; and each way of being refused."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from teleread.host.clock import FakeClock
from teleread.host.paths import ProfilePaths
from teleread.model.errors import IntegrityError, LockedError, TelereadError, UsageError
from teleread.vault import rekey
from teleread.vault import secrets as stores
from teleread.vault.keys import KeyFile
from teleread.vault.lockmark import put_mark, read_mark
from teleread.vault.recovery import new_code, read_code
from teleread.vault.secrets import KeyringSecrets, MemorySecrets
from teleread.vault.unlock import resolve, typed
from teleread.vault.vault import Vault
from tests.unit.vault_cases import CHEAP, PASSPHRASE, PIN, START, new_vault, paths

keyring_errors = pytest.importorskip("keyring.errors")


def with_keyring(folder: Path, *, passphrase: str | None = None) -> tuple[ProfilePaths, MemorySecrets, str]:
    secrets = MemorySecrets()
    vault, code = Vault.create(
        paths(folder),
        passphrase=passphrase,
        pin=PIN,
        use_keyring=True,
        secrets=secrets,
        clock=FakeClock(START),
        kdf=CHEAP,
        ballast_bytes=0,
    )
    vault.close()
    return vault.paths, secrets, code


def test_the_keyring_opens_it_and_holds_32_bytes_only(tmp_path: Path) -> None:
    where, secrets, _ = with_keyring(tmp_path)
    unlock = resolve(where, secrets=secrets, environment={})
    with Vault.open(where, unlock) as vault:
        assert vault.how == "keyring"
        entry = secrets.get(vault.profile_id)
    assert entry is not None
    assert len(entry) == 44


def test_the_master_key_shows_in_no_representation(tmp_path: Path) -> None:
    where, secrets, _ = with_keyring(tmp_path)
    unlock = resolve(where, secrets=secrets, environment={})
    assert repr(unlock.master) not in repr(unlock)


def test_a_passphrase_from_a_file_wins_over_one_in_the_environment(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    environment = {"TELEREAD_PASSPHRASE_FILE": str(file), "TELEREAD_PASSPHRASE": "wrong"}
    assert resolve(vault.paths, secrets=None, environment=environment).how == "passphrase"


def test_a_wrong_passphrase_is_one_clear_sentence(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    with pytest.raises(LockedError) as told:
        resolve(vault.paths, secrets=None, environment={"TELEREAD_PASSPHRASE": "wrong"})
    assert told.value.title == "The passphrase is wrong."
    assert told.value.exit_code == 6


def test_without_anything_it_stays_locked(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    with pytest.raises(LockedError):
        resolve(vault.paths, secrets=MemorySecrets(), environment={})


def test_the_prompt_comes_last_and_names_what_it_takes(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return PASSPHRASE

    assert resolve(vault.paths, secrets=None, environment={}, prompt=prompt).how == "passphrase"
    assert asked == ["Passphrase: "]


def test_a_composed_and_a_decomposed_passphrase_are_the_same(tmp_path: Path) -> None:
    vault = new_vault(tmp_path, passphrase="caf\u00e9 au lait")
    vault.close()
    environment = {"TELEREAD_PASSPHRASE": "cafe\u0301 au lait"}
    assert resolve(vault.paths, secrets=None, environment=environment).how == "passphrase"


def test_the_recovery_code_opens_a_vault_whose_keyring_was_reset(tmp_path: Path) -> None:
    where, _, code = with_keyring(tmp_path)
    file = tmp_path / "code"
    file.write_text(code.lower().replace("-", " "))
    unlock = resolve(where, secrets=MemorySecrets(), environment={"TELEREAD_RECOVERY_CODE_FILE": str(file)})
    with Vault.open(where, unlock) as vault:
        assert vault.how == "recovery"
        assert any(row.kind == "opened-by-recovery" for row in vault.audit.export())


def test_a_recovery_code_forgives_looks_and_case_but_not_slips(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two letters check the rest, so one slip in a thousand passes them and meets the vault instead: one code
    # for all runs, of which no slip does.
    monkeypatch.setattr("os.urandom", lambda count: bytes(range(count)))
    code = new_code()
    assert read_code(code.lower().replace("-", "").replace("0", "o").replace("1", "l")) == read_code(code)
    slips = 0
    for place in range(len(code)):
        if code[place] != "-":
            other = "2" if code[place] != "2" else "3"
            with pytest.raises(LockedError):
                read_code(code[:place] + other + code[place + 1 :])
            slips += 1
    assert slips == 28


def test_the_code_of_another_vault_is_told(tmp_path: Path) -> None:
    where, _, _ = with_keyring(tmp_path)
    with pytest.raises(LockedError) as told:
        KeyFile.load(where.keys).by_recovery(new_code())
    assert told.value.code == "wrong-recovery"


def test_an_emptied_keyring_says_so(tmp_path: Path) -> None:
    where, _, _ = with_keyring(tmp_path)
    with pytest.raises(LockedError) as told:
        resolve(where, secrets=MemorySecrets(), environment={})
    assert told.value.code == "keyring-empty"


class _Backend:
    priority = 5.0

    def __init__(self, answer: Callable[[], str | None]) -> None:
        self._answer = answer

    def get_password(self, service: str, name: str) -> str | None:
        return self._answer()


def _raising(error: Exception) -> Callable[[], str | None]:
    def answer() -> str | None:
        raise error

    return answer


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("NoKeyringError", "keyring-missing"),
        ("KeyringLocked", "keyring-locked"),
        ("InitError", "keyring-dismissed"),
        ("KeyringError", "keyring-failed"),
    ],
)
def test_each_refusal_of_a_keyring_has_its_own_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, code: str
) -> None:
    where, _, _ = with_keyring(tmp_path)
    backend = _Backend(_raising(getattr(keyring_errors, kind)("secret words")))
    monkeypatch.setattr(stores, "_backend", lambda: backend)
    with pytest.raises(LockedError) as told:
        resolve(where, secrets=KeyringSecrets(), environment={})
    assert told.value.code == code
    assert told.value.title.endswith(".")
    assert "passphrase" in told.value.remedy
    assert "secret words" not in str(told.value)


def test_a_silent_keyring_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(stores, "_backend", lambda: _Backend(lambda: str(never.wait())))
    with pytest.raises(LockedError) as told:
        KeyringSecrets(wait=0.05).get("x")
    never.set()
    assert told.value.code == "keyring-silent"


def test_a_keyring_of_low_priority_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    import keyring.backends.fail

    monkeypatch.setattr(keyring, "get_keyring", keyring.backends.fail.Keyring)
    with pytest.raises(LockedError) as told:
        KeyringSecrets().get("x")
    assert told.value.code == "keyring-missing"


def test_a_refusing_keyring_lets_the_passphrase_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where, _, _ = with_keyring(tmp_path, passphrase=PASSPHRASE)
    monkeypatch.setattr(stores, "_backend", lambda: _Backend(_raising(keyring_errors.KeyringLocked())))
    environment = {"TELEREAD_PASSPHRASE": PASSPHRASE}
    assert resolve(where, secrets=KeyringSecrets(), environment=environment).how == "passphrase"


def test_after_a_lock_the_keyring_alone_opens_nothing(tmp_path: Path) -> None:
    where, secrets, _ = with_keyring(tmp_path)
    unlock = resolve(where, secrets=secrets, environment={})
    Vault.open(where, unlock).lock()
    with pytest.raises(LockedError):
        resolve(where, secrets=secrets, environment={})
    with pytest.raises(LockedError):
        Vault.open(where, unlock)


def test_after_a_lock_keyring_and_pin_open_and_lift_it(tmp_path: Path) -> None:
    where, secrets, _ = with_keyring(tmp_path)
    put_mark(where)
    with pytest.raises(LockedError) as told:
        Vault.open(where, resolve(where, secrets=secrets, environment={"TELEREAD_PIN": "000000"}))
    assert told.value.code == "wrong-pin"
    assert read_mark(where).locked
    Vault.open(where, resolve(where, secrets=secrets, environment={"TELEREAD_PIN": PIN})).close()
    assert not read_mark(where).locked
    assert resolve(where, secrets=secrets, environment={}).how == "keyring"


def test_the_lock_screen_takes_passphrase_or_pin(tmp_path: Path) -> None:
    where, secrets, _ = with_keyring(tmp_path, passphrase=PASSPHRASE)
    put_mark(where)
    assert typed(where, PASSPHRASE, secrets=secrets).how == "passphrase"
    assert typed(where, PIN, secrets=secrets).how == "pin"
    with pytest.raises(LockedError) as told:
        Vault.open(where, typed(where, "neither", secrets=secrets))
    assert told.value.code == "wrong-pin"


def test_every_window_notices_a_lock_even_one_that_was_lifted(tmp_path: Path) -> None:
    where, secrets, _ = with_keyring(tmp_path)
    window = Vault.open(where, resolve(where, secrets=secrets, environment={}))
    before = window.locked_elsewhere
    put_mark(where)
    Vault.open(where, resolve(where, secrets=secrets, environment={"TELEREAD_PIN": PIN})).close()
    assert (before, window.locked_elsewhere) == (False, True)
    window.close()


def test_the_engine_goes_on_under_a_lock(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    engine = Vault.open_with_key(vault.paths, vault.master_handoff())
    vault.lock()
    engine.events.emit("pulled")
    Vault.open_with_key(vault.paths, engine.master_handoff()).close()
    engine.close()
    assert read_mark(vault.paths).locked


def test_a_vault_is_never_made_over_another(tmp_path: Path) -> None:
    new_vault(tmp_path).close()
    with pytest.raises(UsageError) as told:
        new_vault(tmp_path)
    assert told.value.code == "vault-exists"


def test_what_a_cut_off_init_left_does_not_stop_the_next(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    vault.paths.keys.unlink()
    new_vault(tmp_path).close()


def test_a_keyring_without_passphrase_needs_a_pin(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        Vault.create(paths(tmp_path), passphrase=None, pin=None, use_keyring=True, secrets=MemorySecrets())
    assert told.value.code == "pin-needed"


def test_weakened_parameters_or_a_foreign_profile_do_not_open(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    content = json.loads(vault.paths.keys.read_text())
    for change in ({"profile_id": "another"}, {"wraps": {"passphrase": {"memory_kib": 65}}}):
        altered = json.loads(json.dumps(content))
        altered["profile_id"] = change.get("profile_id", content["profile_id"])
        if "wraps" in change:
            altered["wraps"]["passphrase"]["memory_kib"] = 65
        vault.paths.keys.write_text(json.dumps(altered))
        with pytest.raises(LockedError):
            KeyFile.load(vault.paths.keys).by_passphrase(PASSPHRASE)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"schema":"teleread.keys/1"}', "[" * 5000, "x" * 70000]
)
def test_a_damaged_key_file_is_told_in_words(tmp_path: Path, text: str) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    vault.paths.keys.write_text(text)
    with pytest.raises(IntegrityError) as told:
        KeyFile.load(vault.paths.keys)
    assert told.value.code == "key-file-damaged"


def test_absurd_work_in_the_key_file_is_refused(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    vault.close()
    content = json.loads(vault.paths.keys.read_text())
    content["wraps"]["passphrase"]["memory_kib"] = 1 << 40
    vault.paths.keys.write_text(json.dumps(content))
    with pytest.raises(IntegrityError):
        KeyFile.load(vault.paths.keys).by_passphrase(PASSPHRASE)


def test_no_vault_is_told(tmp_path: Path) -> None:
    with pytest.raises(TelereadError) as told:
        resolve(paths(tmp_path), secrets=None, environment={})
    assert told.value.code == "no-vault"


def test_each_way_in_can_be_changed_by_itself(tmp_path: Path) -> None:
    secrets = MemorySecrets()
    vault = new_vault(tmp_path)
    unwrap = vault.pin.check(PIN)
    rekey.set_passphrase(vault, "another one", unwrap_key=unwrap, kdf=CHEAP)
    code = rekey.new_recovery(vault)
    rekey.set_keyring(vault, secrets, use=True)
    keys = KeyFile.load(vault.paths.keys)
    assert keys.ways == ("keyring", "passphrase", "recovery")
    assert keys.by_passphrase("another one") == keys.by_recovery(code) == vault.master_handoff()
    with pytest.raises(LockedError):
        keys.by_passphrase(PASSPHRASE)
    rekey.set_passphrase(vault, None, unwrap_key=None)
    assert resolve(vault.paths, secrets=secrets, environment={}).how == "keyring"
    with pytest.raises(UsageError):
        rekey.set_keyring(vault, secrets, use=False)
    vault.close()


def test_the_only_way_in_is_not_taken_away(tmp_path: Path) -> None:
    vault = new_vault(tmp_path)
    with pytest.raises(UsageError) as told:
        rekey.set_passphrase(vault, None, unwrap_key=None)
    vault.close()
    assert told.value.code == "last-way"


def test_opening_needs_neither_keyring_nor_argon2(tmp_path: Path) -> None:
    import subprocess

    vault = new_vault(tmp_path)
    handoff = vault.master_handoff()
    vault.close()
    code = (
        "import sys; from pathlib import Path; from teleread.host.paths import Home;"
        "from teleread.vault.vault import Vault;"
        "v = Vault.open_with_key(Home.find({'TELEREAD_HOME': sys.argv[1]}).profile('reader'),"
        " sys.stdin.buffer.read()); v.worklist.count(); v.close();"
        "print(sorted({'keyring', 'argon2', 'cryptography', 'numpy', 'pydicom'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        input=handoff,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == b"[]"
