"""keys.json: the master key, wrapped by each way in. The file holds nothing that opens anything by itself."""

from __future__ import annotations

import base64
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from teleread.host.paths import atomic_write
from teleread.model.errors import IntegrityError, LockedError, TelereadError

from .recovery import new_code, read_code
from .seal import Kdf, derive, open_sealed, seal

__all__ = ["KeyFile", "new_master"]

SCHEMA: Final = "teleread.keys/1"
_LARGEST: Final = 64 * 1024


def new_master() -> bytes:
    """A fresh master key."""
    return os.urandom(32)


@dataclass(frozen=True)
class KeyFile:
    """The wrapped master key of one profile."""

    profile_id: str
    """Random id of the profile; every wrap is bound to it."""
    wraps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """``keyring``, ``passphrase``, ``recovery``: parameters and the sealed master key."""

    @classmethod
    def new(cls) -> Self:
        """A file without a way in yet."""
        return cls(str(uuid.uuid4()))

    @staticmethod
    def new_entry() -> str:
        """A fresh entry for a keyring: 32 random bytes, base64."""
        return _text(os.urandom(32))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it.

        Raises:
            TelereadError: There is no vault.
            IntegrityError: It is damaged.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST + 1)
        except FileNotFoundError:
            raise TelereadError(
                "There is no vault for this profile yet.",
                remedy="Run `teleread init` first.",
                code="no-vault",
            ) from None
        try:
            content = json.loads(data) if len(data) <= _LARGEST else None
            if not isinstance(content, dict) or content["schema"] != SCHEMA:
                raise _damaged()
            return cls(str(content["profile_id"]), dict(content["wraps"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _damaged() from None

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        content = {"schema": SCHEMA, "profile_id": self.profile_id, "wraps": dict(self.wraps)}
        atomic_write(path, json.dumps(content, indent=2, sort_keys=True).encode() + b"\n")

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways in: some of ``keyring``, ``passphrase``, ``recovery``."""
        return tuple(sorted(self.wraps))

    def with_passphrase(self, master: bytes, passphrase: str, kdf: Kdf | None = None) -> Self:
        """The same file with this passphrase as a way in."""
        kdf = kdf or Kdf()
        salt = os.urandom(16)
        parameters: dict[str, Any] = {
            "kdf": "argon2id",
            "memory_kib": kdf.memory_kib,
            "passes": kdf.passes,
            "lanes": kdf.lanes,
            "salt": _text(salt),
        }
        return self._wrapped("passphrase", parameters, kdf.stretch(passphrase, salt), master)

    def with_recovery(self, master: bytes) -> tuple[Self, str]:
        """The same file with a fresh recovery code as a way in, and that code, to be shown once."""
        code = new_code()
        salt = os.urandom(16)
        key = derive(read_code(code), "recovery", salt=salt)
        return self._wrapped("recovery", {"salt": _text(salt)}, key, master), code

    def with_keyring(self, master: bytes, entry: str) -> Self:
        """The same file with a keyring's entry (32 bytes, base64) as a way in."""
        return self._wrapped("keyring", {}, derive(_bytes(entry), "keyring"), master)

    def without(self, way: str) -> Self:
        """The same file with one way in less."""
        return replace(self, wraps={name: wrap for name, wrap in self.wraps.items() if name != way})

    def by_passphrase(self, passphrase: str) -> bytes:
        """The master key.

        Raises:
            LockedError: It has no passphrase, or another one.
        """
        wrap = self._wrap("passphrase", "This vault has no passphrase.")
        try:
            kdf = Kdf(int(wrap["memory_kib"]), int(wrap["passes"]), int(wrap["lanes"]))
            salt = _bytes(wrap["salt"])
        except (KeyError, ValueError, TypeError):
            raise _damaged() from None
        return self._unwrapped("passphrase", kdf.stretch(passphrase, salt), "The passphrase is wrong.")

    def by_recovery(self, typed: str) -> bytes:
        """The master key.

        Raises:
            LockedError: The code is mistyped or another one.
        """
        wrap = self._wrap("recovery", "This vault has no recovery code.")
        key = derive(read_code(typed), "recovery", salt=_bytes(wrap.get("salt", "")))
        return self._unwrapped("recovery", key, "The recovery code is not this vault's.")

    def by_keyring(self, entry: str) -> bytes:
        """The master key.

        Raises:
            LockedError: The entry belongs to another vault.
        """
        self._wrap("keyring", "The keyring is no way into this vault.")
        key = derive(_bytes(entry), "keyring")
        return self._unwrapped("keyring", key, "The keyring's entry does not fit this vault.")

    def _wrap(self, way: str, missing: str) -> Mapping[str, Any]:
        wrap = self.wraps.get(way)
        if wrap is None:
            raise LockedError(missing, remedy=_REMEDY, code=f"no-{way}")
        if not isinstance(wrap, Mapping):
            raise _damaged()
        return wrap

    def _wrapped(self, way: str, parameters: dict[str, Any], key: bytes, master: bytes) -> Self:
        sealed = seal(key, master, self._bound(way, parameters))
        return replace(self, wraps={**self.wraps, way: {**parameters, "sealed": _text(sealed)}})

    def _unwrapped(self, way: str, key: bytes, wrong: str) -> bytes:
        wrap = dict(self.wraps[way])
        try:
            return open_sealed(key, _bytes(wrap.pop("sealed", "")), self._bound(way, wrap))
        except IntegrityError:
            raise LockedError(
                wrong, "The vault is untouched.", "Try again, or use another way in.", code=f"wrong-{way}"
            ) from None

    def _bound(self, way: str, parameters: Mapping[str, Any]) -> bytes:
        """What a wrap is bound to: nobody can weaken its parameters or move it to another profile."""
        content = {"profile_id": self.profile_id, "way": way, "parameters": parameters}
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


_REMEDY: Final = "Use the passphrase, the keyring or the recovery code."


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError:
        return b""


def _damaged() -> IntegrityError:
    return IntegrityError(
        "The vault's key file is damaged.",
        "Nothing was changed.",
        "Put back a copy of keys.json.",
        code="key-file-damaged",
    )
