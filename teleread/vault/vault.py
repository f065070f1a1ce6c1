"""The vault: everything kept on this machine, behind one key. `Vault.transaction` is the unit of work."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import partial
from typing import TYPE_CHECKING, Final, Self, TypeVar

from teleread.host.clock import Clock, SystemClock
from teleread.host.paths import ProfilePaths
from teleread.model.errors import IntegrityError, LockedError, TelereadError, UsageError

from . import migrate
from .ballast import BALLAST_BYTES, Ballast
from .connection import Connection, Connector, open_encrypted
from .database import Database
from .keys import KeyFile, new_master
from .lockmark import put_mark, read_mark, take_mark_away
from .pin import check_length
from .seal import Kdf, derive
from .stores import Stores
from .unlock import Unlock

if TYPE_CHECKING:
    from .ends import PurgeReceipt
    from .secrets import SecretStore

__all__ = ["Vault"]

T = TypeVar("T")

_PROVED: Final = frozenset({"passphrase", "pin", "recovery"})
"""Ways in that only the reader has; a lock is lifted by them."""


class Vault(Stores):
    """One profile's vault, open. Usable from several threads.

    Build it with `create`, `open` or `open_with_key`.
    """

    def __init__(
        self,
        paths: ProfilePaths,
        keys: KeyFile,
        master: bytes,
        *,
        clock: Clock,
        connect: Connector,
        kdf: Kdf,
        ballast_bytes: int,
    ) -> None:
        self.paths = paths
        self.clock = clock
        self.profile_id = keys.profile_id
        self.how = ""
        """The way it was opened."""
        self._master: bytes | None = master
        self._gave_ballast = False
        self._generation = read_mark(paths).generation
        self.reports_database = Database(paths.reports_db, derive(master, "reports.db"), connect)
        self.cache_database = Database(paths.cache_db, derive(master, "cache.db"), connect)
        self._migrate(derive(master, "reports.db"))
        self.device = self._own_device()
        self._make_stores(master, kdf, ballast_bytes)

    @classmethod
    def create(
        cls,
        paths: ProfilePaths,
        *,
        passphrase: str | None,
        pin: str | None,
        use_keyring: bool = False,
        secrets: SecretStore | None = None,
        clock: Clock | None = None,
        connect: Connector = open_encrypted,
        kdf: Kdf | None = None,
        ballast_bytes: int = BALLAST_BYTES,
    ) -> tuple[Self, str]:
        """Make a profile's vault.

        Args:
            paths: The profile.
            passphrase: One way in, and what a signature asks for where there is no PIN.
            pin: What a signature asks for; needed where the keyring opens and there is no passphrase.
            use_keyring: Let the OS keyring open it.
            secrets: The keyring; the machine's own by default.
            clock: Where times come from.
            connect: How databases are opened.
            kdf: What a guess costs.
            ballast_bytes: Room to keep for signing on a full disk.

        Returns:
            The open vault, and the recovery code, to be shown once.

        Raises:
            UsageError: It exists, or the PIN is too short or missing.
            LockedError: The keyring is missing, locked or silent.
        """
        if paths.exists():
            raise UsageError("This profile has a vault already.", "It was not touched.", code="vault-exists")
        if use_keyring and passphrase is None and pin is None:
            raise UsageError(
                "A vault without a passphrase needs a PIN.", remedy="Give one of the two.", code="pin-needed"
            )
        if pin is not None:
            check_length(pin)
        paths.make()
        for path in (paths.reports_db, paths.cache_db):
            # Left by an `init` that was cut off before it wrote the key file: nobody can open them.
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        master = new_master()
        kdf = kdf or Kdf()
        keys, code = KeyFile.new().with_recovery(master)
        if passphrase is not None:
            keys = keys.with_passphrase(master, passphrase, kdf)
        if use_keyring:
            from .secrets import KeyringSecrets

            entry = KeyFile.new_entry()
            (secrets or KeyringSecrets()).put(keys.profile_id, entry)
            keys = keys.with_keyring(master, entry)
        vault = cls(
            paths,
            keys,
            master,
            clock=clock or SystemClock(),
            connect=connect,
            kdf=kdf,
            ballast_bytes=ballast_bytes,
        )
        vault.how = "created"
        with vault.transaction() as connection:
            connection.execute("INSERT INTO meta VALUES ('profile_id', ?)", (keys.profile_id,))
            unwrap = vault.pin.set(pin)
            if passphrase is not None:
                vault.pin.set_passphrase(passphrase, unwrap)
            vault.audit.append("vault-created", detail={"ways": list(keys.ways)})
        vault.ballast.restore()
        keys.save(paths.keys)  # the vault exists from here on
        return vault, code

    @classmethod
    def open(
        cls,
        paths: ProfilePaths,
        unlock: Unlock,
        *,
        clock: Clock | None = None,
        connect: Connector = open_encrypted,
        kdf: Kdf | None = None,
        ballast_bytes: int = BALLAST_BYTES,
    ) -> Self:
        """Open a vault.

        Args:
            paths: The profile.
            unlock: The key, from `teleread.vault.unlock.resolve`.
            clock: Where times come from.
            connect: How databases are opened.
            kdf: What a guess costs, for what is set from now on.
            ballast_bytes: Room to keep for signing on a full disk.

        Raises:
            LockedError: Wrong key or PIN, or it is locked and only the keyring was asked.
            IntegrityError: A database is damaged, or the audit trail's end is missing.
            TelereadError: It was written by a newer teleread.
        """
        keys = KeyFile.load(paths.keys)
        if unlock.how == "keyring" and read_mark(paths).locked:
            raise LockedError("The vault is locked.", remedy="Give the passphrase or the PIN.", code="locked")
        build = partial(
            cls,
            paths,
            keys,
            unlock.master,
            clock=clock or SystemClock(),
            connect=connect,
            kdf=kdf or Kdf(),
            ballast_bytes=ballast_bytes,
        )
        try:
            return cls._opened(build, unlock)
        except TelereadError as error:
            # Even reading takes a little room (the index of the WAL): what is kept for signing is given for
            # it, and taken again at the end.
            ballast = Ballast(paths.ballast, ballast_bytes)
            if error.code != "disk-full" or not ballast.release():
                raise
        try:
            vault = cls._opened(build, unlock)
        except BaseException:
            ballast.restore()
            raise
        vault._gave_ballast = True
        return vault

    @classmethod
    def _opened(cls, build: Callable[[], Self], unlock: Unlock) -> Self:
        vault = build()
        try:
            vault._check_opened(unlock)
        except BaseException:
            vault.close()
            raise
        return vault

    @classmethod
    def open_with_key(cls, paths: ProfilePaths, key: bytes, *, clock: Clock | None = None) -> Self:
        """Open a vault with a master key that another process handed over (`master_handoff`)."""
        return cls.open(paths, Unlock("handoff", key), clock=clock)

    def _check_opened(self, unlock: Unlock) -> None:
        self.how = unlock.how
        row = self.reports_database.connection.row("SELECT value FROM meta WHERE key = 'profile_id'")
        if row is None or row[0] != self.profile_id:
            raise IntegrityError(
                "The key file belongs to another vault.",
                "Nothing was changed.",
                "Put keys.json and reports.db of the same backup together.",
                code="vault-mixed",
            )
        self.audit.check_end()
        if unlock.how == "pin":
            self.pin.check(unlock.pin, "pin")
        elif unlock.how == "recovery":
            self.pin.unblock()
            self.audit.append("opened-by-recovery")
        if unlock.how in _PROVED:
            take_mark_away(self.paths)

    def _migrate(self, key: bytes) -> None:
        reports = self.reports_database.connection
        kept = self.paths.reports_db.with_name(self.paths.reports_db.name + migrate.BACKUP_SUFFIX)
        if migrate.pending(reports, "reports"):
            migrate.backup(reports, key, kept)
            migrate.migrate(reports, "reports")
        else:
            migrate.migrate(reports, "reports")
            kept.unlink(missing_ok=True)  # this is the good start the copy was kept for
        migrate.migrate(self.cache_database.connection, "cache")

    def _own_device(self) -> str:
        question = "SELECT value FROM meta WHERE key = 'device'"
        row = self.reports_database.connection.row(question)
        if row is None:
            with self.reports_database.transaction() as connection:
                values = (str(uuid.uuid4()),)
                connection.execute("INSERT INTO meta VALUES ('device', ?) ON CONFLICT DO NOTHING", values)
                row = connection.row(question)
        assert row is not None
        return str(row[0])

    def transaction(self) -> AbstractContextManager[Connection]:
        """The unit of work on reports.db: every store's writes inside it are durable together, or undone.

        Raises:
            TelereadError: This thread is inside one already, or ``disk-full``.
        """
        return self.reports_database.transaction()

    def cache_transaction(self) -> AbstractContextManager[Connection]:
        """The same for cache.db. No transaction spans both."""
        return self.cache_database.transaction()

    def precious(self, work: Callable[[], T]) -> T:
        """Run `work` in a transaction; on a full disk give the ballast free and run it once more.

        Args:
            work: What must not fail for want of room, such as signing; it changes reports.db alone.
        """
        try:
            with self.transaction():
                return work()
        except TelereadError as error:
            if error.code != "disk-full" or not self.ballast.release():
                raise
        self._gave_ballast = True
        with self.transaction():
            return work()

    def recover(self) -> int:
        """After a crash: finish what was cut off. Called at start by whoever holds the engine lock.

        Returns:
            Images rescued from unfinished segments.
        """
        from .ends import finish_removals

        finish_removals(self)
        self.ballast.restore()
        return self.objects.recover()

    def remove_hub(self, hub_id: str) -> PurgeReceipt:
        """Shred everything of a hub; its hub file is to be gone already, so that nothing pulls it again.

        Raises:
            AttentionError: ``undelivered``: reports wait to be delivered there.
        """
        from .ends import remove_hub

        return remove_hub(self, hub_id)

    def data_version(self) -> tuple[int, int]:
        """Numbers that move when anybody has changed reports.db or cache.db."""
        return self.reports_database.version(), self.cache_database.version()

    def master_handoff(self) -> bytes:
        """The master key, for the inherited pipe of the engine alone."""
        if self._master is None:
            raise LockedError("The vault is locked.", remedy="Unlock it first.", code="vault-closed")
        return self._master

    @property
    def is_open(self) -> bool:
        """Whether it still holds its keys."""
        return self._master is not None

    @property
    def locked_elsewhere(self) -> bool:
        """Whether `lock` was called since this vault was opened: its window has to lock too."""
        return read_mark(self.paths).generation != self._generation

    def lock(self) -> None:
        """Lock the profile: every window of it, not the engine; and forget the keys here."""
        self.audit.append("locked")
        put_mark(self.paths)
        self.close()

    def close(self) -> None:
        """Close it and forget the keys; harmless twice."""
        self._master = None
        if "objects" in self.__dict__:
            self.objects.forget_readers()
        self.holders.leave()
        self.reports_database.close()
        self.cache_database.close()
        if self._gave_ballast:
            self._gave_ballast = False
            self.ballast.restore()

    def opened(self) -> AbstractContextManager[Self]:
        """A block at whose end it is closed."""
        return closing(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
