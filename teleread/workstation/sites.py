"""The adapters to each hub and its archives, made when first needed; found by name through entry points."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from teleread.archive.port import Archive
from teleread.hub.port import Hub
from teleread.model.errors import NotSignedInError, UsageError
from teleread.model.hubfile import HubFile

from .core import Core
from .signin import BY_TOKENS, token_sign_in

if TYPE_CHECKING:
    from teleread.wire.sign_in import SignIn

__all__ = ["SECRET", "Sites"]

SECRET: Final = "sign-in"
"""Name of a hub's password or token among its secrets in the vault."""

_BY_HTTP: Final = frozenset({"fhir", "ups_rs", "dicomweb", "ups", "mwl"})
"""Adapters whose requests carry an Authorization header; they take ``sign_in``."""

_REMEMBERS: Final = frozenset({"fhir", "ups_rs", "ups", "mwl", "folder", "hl7"})
"""Hubs that have to find again what was sent before a crash; they take ``memory``."""

_OWN: Final = {
    ("teleread.hub", "fhir"): ("teleread.hub.fhir", "FhirHub"),
    ("teleread.hub", "ups_rs"): ("teleread.hub.ups", "UpsRsHub"),
    ("teleread.hub", "ups"): ("teleread.hub.ups_dimse", "UpsDimseHub"),
    ("teleread.hub", "mwl"): ("teleread.hub.mwl", "MwlHub"),
    ("teleread.hub", "folder"): ("teleread.hub.folder", "FolderHub"),
    ("teleread.hub", "hl7"): ("teleread.hub.hl7", "Hl7Hub"),
    ("teleread.archive", "dicomweb"): ("teleread.archive.dicomweb", "DicomwebArchive"),
    ("teleread.archive", "dimse"): ("teleread.archive.dimse", "DimseArchive"),
    ("teleread.archive", "folder"): ("teleread.archive.folder", "FolderArchive"),
}
"""Our own adapters, for a checkout that was never installed and so has no entry points."""


class Sites:
    """Hubs and archives by hub id. Each thread has its own, so that none waits for another's line.

    Args:
        core: Whose hub files and secrets.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._local = threading.local()
        self._guard = threading.Lock()
        self._made: list[Any] = []
        self._signed: list[tuple[HubFile, SignIn]] = []

    def files(self) -> tuple[HubFile, ...]:
        """The hub files as they are now."""
        return self._core.hubs

    def hub(self, hub_id: str) -> Hub:
        """The adapter to a hub.

        Raises:
            NotSignedInError: It wants a secret and the vault holds none.
            UsageError: Its file names no platform.
        """
        file = self._core.hub(hub_id)
        if not file.platform:
            raise UsageError(
                f"The hub {file.name} has no address.",
                remedy=f"teleread init --hub {file.name} with the flag of its protocol, such as --fhir URL.",
                code="no-hub",
            )
        return cast(Hub, self._kept(("hub", file), lambda: self._build("teleread.hub", file.platform, file)))

    def archives(self, hub_id: str, via: str = "auto") -> tuple[Archive, ...]:
        """The archives of a hub, best first.

        Args:
            hub_id: The hub.
            via: ``auto``, or one way: ``dicomweb``, ``c-get``, ``c-move``, ``folder``.

        Raises:
            UsageError: None is configured, or not that one.
        """
        file = self._core.hub(hub_id)
        ways = [
            (word, name, options)
            for word, name, options, there in (
                ("dicomweb", "dicomweb", {}, bool(file.dicomweb)),
                ("c-get", "dimse", {"via": "c-get"}, file.dimse is not None),
                ("c-move", "dimse", {"via": "c-move"}, file.dimse is not None and file.listen > 0),
                ("folder", "folder", {}, bool(file.archive_folder)),
            )
            if there and via in {"auto", word}
        ]
        if not ways:
            what = "archive" if via == "auto" else f"archive to fetch from by {via}"
            raise UsageError(
                f"The hub {file.name} has no {what}.",
                remedy=f"teleread init --hub {file.name} --dicomweb URL or --dimse AET@HOST:PORT adds one.",
                code="no-archive",
            )
        return tuple(
            cast(Archive, self._kept((word, file), self._builder("teleread.archive", name, file, options)))
            for word, name, options in ways
        )

    def close(self) -> None:
        """Let go of every connection, of all threads."""
        with self._guard:
            made, self._made = self._made, []
        for one in made:
            one.close()

    def _builder(self, group: str, name: str, file: HubFile, options: dict[str, Any]) -> Callable[[], Any]:
        return lambda: self._build(group, name, file, **options)

    def _kept(self, key: tuple[str, HubFile], build: Callable[[], Any]) -> Any:
        held: list[tuple[tuple[str, HubFile], Any]] = self._local.__dict__.setdefault("held", [])
        for known, adapter in held:
            if known == key:
                return adapter
        adapter = build()
        held.append((key, adapter))
        with self._guard:
            self._made.append(adapter)
        return adapter

    def _build(self, group: str, name: str, file: HubFile, **options: Any) -> Any:
        secret = None
        if file.auth in {"basic", "bearer"}:
            secret = self._core.vault.hub_secrets.get(file.hub_id, SECRET)
            if secret is None:
                raise NotSignedInError(
                    f"The vault holds no secret for the hub {file.name}.",
                    "Nothing was sent.",
                    f"teleread init --hub {file.name} --secret-file PATH keeps one.",
                    code="no-secret",
                )
        if name in _BY_HTTP:
            options["sign_in"] = self._sign_in(file, secret)
        if group == "teleread.hub" and name in _REMEMBERS:
            options["memory"] = self._core.vault.hub_secrets
        return _adapter(group, name)(file, secret, self._core.clock, **options)

    def _sign_in(self, file: HubFile, secret: str | None) -> SignIn:
        """How requests to a hub and its archive are signed: one for all threads."""
        from teleread.wire.sign_in import SecretSignIn

        if file.auth not in BY_TOKENS:
            # A secret that is given anew while a study comes is used for the rest of it.
            again = self._core.vault.hub_secrets.get
            return SecretSignIn(file, secret, lambda: again(file.hub_id, SECRET))
        with self._guard:
            for known, sign_in in self._signed:
                if known == file:
                    return sign_in
            made = token_sign_in(self._core, file)
            self._signed.append((file, made))
            return made


def _adapter(group: str, name: str) -> Callable[..., Any]:
    from importlib.metadata import entry_points

    for point in entry_points(group=group, name=name):
        return cast(Callable[..., Any], point.load())
    import importlib

    module, attribute = _OWN[group, name]
    return cast(Callable[..., Any], getattr(importlib.import_module(module), attribute))
