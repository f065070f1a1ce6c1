"""`init`: the vault, the signing key and the hub file; run again, it adds or changes a hub."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from teleread.host.clock import Clock, SystemClock
from teleread.host.paths import ProfilePaths, check_name
from teleread.model.errors import LockedError, UsageError
from teleread.model.hubfile import PLATFORMS, HubFile, parse_hub_file
from teleread.model.text import clean
from teleread.vault.vault import Vault

from .core import Core
from .hubfiles import load_hubs, read_toml, write_hub_file
from .signin import default_reader
from .sites import SECRET

__all__ = [
    "Done",
    "HubAnswers",
    "Secrets",
    "ask_twice",
    "make_signing_key",
    "name_in_use",
    "put_signing_key",
    "set_up",
]

MAX_SECRET: Final = 64 * 1024
"""Longest secret file, bytes."""

_TYPED: Final = (
    "site_phone",
    "reader_name",
    "user",
    "aet",
    "allow_plain_http",
    "patient_id_issuer",
    "client_id",
    "scopes",
    "hl7_name",
)
_WAYS_OUT: Final = {
    "ups_rs": ("dicomweb",),
    "ups": ("dicomweb", "dimse"),
    "mwl": ("dicomweb", "dimse", "hl7"),
}
"""Worklists that take no reports themselves, and what may take them instead."""
_FHIR_ID: Final = re.compile(r"(?:[A-Za-z]+/)?[A-Za-z0-9.-]{1,64}")

Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class HubAnswers:
    """What is told about a hub; None for what is not."""

    name: str | None = None
    fhir: str | None = None
    ups_rs: str | None = None
    ups: str | None = None
    mwl: str | None = None
    folder: str | None = None
    dicomweb: str | None = None
    dimse: str | None = None
    auth: str | None = None
    user: str | None = None
    secret_file: str | None = None
    ca_file: str | None = None
    client_cert: str | None = None
    allow_plain_http: str | None = None
    aet: str | None = None
    listen: int | None = None
    site_phone: str | None = None
    reader_id: str | None = None
    reader_name: str | None = None
    patient_id_issuer: str | None = None
    issuer: str | None = None
    client_id: str | None = None
    scopes: str | None = None
    key_alg: str | None = None
    system_reports: bool | None = None
    hl7: str | None = None
    hl7_tls: bool | None = None
    hl7_name: str | None = None
    hl7_listen: str | None = None
    hl7_listen_tls: bool | None = None
    hl7_from: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What `set_up` did."""

    hub: HubFile
    created: bool
    """The vault was made by this call."""
    ways: tuple[str, ...]
    """What opens it."""
    recovery_code: str | None
    """Shown once; None where the vault was there before."""
    vault: Vault


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a new vault is made with."""

    passphrase: str | None
    pin: str | None
    use_keyring: bool


def set_up(
    paths: ProfilePaths, answers: HubAnswers, *, ask: Ask | None = None, clock: Clock | None = None
) -> Done:
    """Make the vault if there is none, then write the hub file.

    Args:
        paths: The profile.
        answers: About the hub.
        ask: Asks on the terminal without echo; None asks nothing.
        clock: Where times come from.

    Raises:
        UsageError: The hub's name, an address or a file is wrong; nothing was changed.
        LockedError: The vault can't be opened, or nothing was given to make one with.
    """
    name = check_name(answers.name or "", "hub") if answers.name else _no_name()
    values, secret = _checked(paths, name, answers, ask)
    created = not paths.exists()
    code: str | None = None
    if created:
        given = _secrets(ask)
        vault, code = Vault.create(
            paths, passphrase=given.passphrase, pin=given.pin, use_keyring=given.use_keyring, clock=clock
        )
        make_signing_key(vault, given, values["reader_name"] or "Reader", clock or SystemClock())
    else:
        from .desk import open_core

        core = open_core(paths, ask=ask)
        vault = core.vault
        code = _mended(core, ask)
    with vault.opened():
        values["reader_id"] = values["reader_id"] or default_reader(vault)
        values["reader_name"] = values["reader_name"] or values["reader_id"]
        if secret is not None:
            vault.hub_secrets.put(str(values["hub_id"]), SECRET, secret)
        hub = write_hub_file(paths, name, {key: one for key, one in values.items() if one not in (None, "")})
        vault.audit.append("hub-set", hub_id=hub.hub_id)
        from teleread.vault.keys import KeyFile

        return Done(hub, created, KeyFile.load(paths.keys).ways, code, vault)


def name_in_use(paths: ProfilePaths) -> str:
    """The name this reader signs with at the hubs that are set up already; empty for none."""
    return next((hub.reader_name for hub in load_hubs(paths) if hub.reader_name), "")


def _mended(core: Core, ask: Ask | None) -> str | None:
    """Finish an earlier `init` that was cut off: its signing key, and a recovery code nobody saw."""
    vault = core.vault
    if vault.signing_keys.current() is not None:
        return None
    from teleread.vault.rekey import new_recovery
    from teleread.vault.unlock import given_pin

    pin = given_pin(os.environ) or (ask("PIN: ") if ask is not None and vault.pin.mode == "pin" else None)
    given = Secrets(core.passphrase or None, pin if vault.pin.mode == "pin" else None, use_keyring=False)
    names = [hub.reader_name for hub in core.hubs if hub.reader_name]
    make_signing_key(vault, given, names[0] if names else "Reader", core.clock)
    return new_recovery(vault)


def _no_name() -> str:
    raise UsageError("A hub needs a name.", remedy="Give --hub NAME.", code="no-hub-name")


def _checked(
    paths: ProfilePaths, name: str, answers: HubAnswers, ask: Ask | None
) -> tuple[dict[str, Any], str | None]:
    """The hub file as it will be, and the secret; wrong ones are refused before anything is made."""
    before = read_toml(paths.hub_file(name), f"Hub file {name}")
    told = {key: one for key, one in asdict(answers).items() if one not in (None, "")}
    told.pop("name", None)
    secret_file = told.pop("secret_file", None)
    for key in ("ca_file", "client_cert"):
        if key in told:
            told[key] = _file(told[key], "--" + key.replace("_", "-"))
    if "folder" in told:
        told["folder"] = _folder(told["folder"])
    for key in _TYPED:
        if key in told:
            told[key] = str(clean(told[key], limit=2000 if key == "scopes" else 200))
    values: dict[str, Any] = {"hub_id": before.get("hub_id") or secrets.token_hex(8), **told}
    secret = _secret(secret_file)
    auth = told.get("auth") or before.get("auth", "none")
    if auth == "basic" and secret is not None and not (told.get("user") or before.get("user")):
        values["user"], secret = _split_pair(secret)
    hub = parse_hub_file(name, {**before, **values})
    _complete(hub, name, auth, secret, paths, ask)
    values.setdefault("reader_id", before.get("reader_id", ""))
    values.setdefault("reader_name", before.get("reader_name") or name_in_use(paths))
    if secret is None and ask is not None and auth in {"basic", "bearer"} and not before:
        secret = ask("Password: " if auth == "basic" else "Token: ")
    return values, secret


def _complete(
    hub: HubFile, name: str, auth: str, secret: str | None, paths: ProfilePaths, ask: Ask | None
) -> None:
    _reachable(hub, name)
    if hub.reader_id and not _FHIR_ID.fullmatch(hub.reader_id):
        raise UsageError(
            "That is no reader id.",
            remedy="Letters, digits, dots and dashes; or Practitioner/ID.",
            code="bad-reader",
        )
    if not 0 < len(hub.aet) <= 16 or "\\" in hub.aet or not hub.aet.isascii():
        raise UsageError("An AE title has 1 to 16 plain characters.", code="bad-aet")
    if not 0 <= hub.listen < 65536:
        raise UsageError("--listen is a port, 1 to 65535.", code="bad-port")
    known = any(one.name == name for one in load_hubs(paths))
    if auth in {"basic", "bearer"} and secret is None and ask is None and not known:
        raise UsageError(
            f"--auth {auth} needs a secret.", remedy="Give --secret-file PATH.", code="no-secret"
        )


def _reachable(hub: HubFile, name: str) -> None:
    """One protocol for tasks and claims, and somewhere for reports to go."""
    told = [one for one in PLATFORMS if getattr(hub, one)]
    flags = " or ".join("--" + one.replace("_", "-") for one in PLATFORMS)
    if not told:
        raise UsageError(f"The hub {name} needs an address.", remedy=f"Give {flags}.", code="no-address")
    if len(told) > 1 and set(told) != {"mwl", "hl7"}:  # a list by DIMSE whose results go by HL7
        raise UsageError(
            f"The hub {name} has more than one address for its worklist.",
            "Nothing was changed.",
            f"Give one of {flags}; another --hub NAME takes the other.",
            code="two-addresses",
        )
    for kind, ways in _WAYS_OUT.items():
        if getattr(hub, kind) and not any(getattr(hub, way) for way in ways):
            raise UsageError(
                f"The hub {name} has nowhere for reports to go.",
                "Its worklist takes no reports itself.",
                f"Give {' or '.join('--' + way for way in ways)} too.",
                code="no-archive",
            )


def _folder(path: str) -> str:
    found = Path(path).expanduser().absolute()
    if not found.is_dir():
        raise UsageError(
            "The folder of --folder is not there.",
            "Nothing was changed.",
            "Connect the drive, or make the folder first.",
            code="no-folder",
        )
    return str(found)


def _file(path: str, flag: str) -> str:
    found = Path(path).expanduser().absolute()
    if not found.is_file():
        raise UsageError(f"The file of {flag} is not there.", code="no-file")
    return str(found)


def _secret(path: str | None) -> str | None:
    if path is None:
        return None
    with open(_file(path, "--secret-file"), "rb") as file:
        raw = file.read(MAX_SECRET + 1)
    text = raw.decode("utf-8", "replace").strip("\r\n")
    if not text or len(raw) > MAX_SECRET or "\n" in text:
        raise UsageError("The secret file is to hold one line.", code="bad-secret")
    return text


def _split_pair(secret: str) -> tuple[str, str]:
    user, colon, password = secret.partition(":")
    if not colon:
        raise UsageError(
            "--auth basic needs a user name.",
            remedy="Give --user NAME, or a secret file with NAME:PASSWORD.",
            code="no-user",
        )
    return user, password


def _secrets(ask: Ask | None) -> Secrets:
    """What the new vault is made with: given by the environment, else asked for, else the keyring."""
    from teleread.vault.unlock import given_passphrase, given_pin

    passphrase, pin = given_passphrase(os.environ), given_pin(os.environ)
    if ask is not None and passphrase is None:
        passphrase = ask_twice(ask, "Passphrase (empty: the system keyring opens the vault)", optional=True)
    if ask is not None and pin is None:
        pin = ask_twice(ask, "PIN for signing, 6 characters or more", optional=passphrase is not None)
    if passphrase is not None:
        return Secrets(passphrase, pin, use_keyring=False)
    if pin is None and ask is None:
        raise LockedError(
            "Nothing was given to seal the vault with.",
            "Nothing was made.",
            "Set TELEREAD_PASSPHRASE_FILE; or TELEREAD_PIN_FILE where a system keyring opens it.",
            code="locked",
        )
    return Secrets(None, pin, use_keyring=True)


def ask_twice(ask: Ask, what: str, *, optional: bool) -> str | None:
    """Ask for a secret until it was typed alike two times; None for an empty one where that is allowed."""
    for _ in range(3):
        first = ask(f"{what}: ")
        if not first and optional:
            return None
        if first and first == ask("Again: "):
            return first
    raise UsageError("The two did not agree.", "Nothing was made.", "Run it again.", code="not-alike")


def make_signing_key(vault: Vault, given: Secrets, reader_name: str, clock: Clock) -> None:
    """Make the reader's signing key, sealed under what a signature will ask for."""
    if given.pin is not None:
        unwrap = vault.pin.check(given.pin, "pin")
    elif given.passphrase is not None:
        unwrap = vault.pin.check(given.passphrase, "passphrase")
    else:
        unwrap = vault.pin.check("", "none")
    put_signing_key(vault, unwrap, reader_name, clock)


def put_signing_key(vault: Vault, unwrap: bytes, reader_name: str, clock: Clock) -> None:
    """Make a key and keep it as the current one."""
    from teleread.signing.keys import make_key

    fresh = make_key(reader_name, clock.now())
    with vault.transaction():
        vault.signing_keys.put(
            fresh.id, fresh.private_key, unwrap, public_key=fresh.public_key, certificate=fresh.certificate
        )
        vault.audit.append("signing-key-made", detail={"key": fresh.id})
