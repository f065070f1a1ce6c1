"""The signing key's certificate by a site's authority: asked for, and taken in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from teleread.host.paths import atomic_write
from teleread.model.errors import LockedError, UsageError
from teleread.model.text import clean

from .core import Core
from .setup import Ask

__all__ = ["install", "request"]

MAX_FILE: Final = 64 * 1024


def request(core: Core, out: str, hub: str | None = None, ask: Ask | None = None) -> dict[str, Any]:
    """Write a certificate request (PEM) for the current signing key; it asks the PIN as a signature does.

    Args:
        core: The open profile.
        out: The file.
        hub: Name of the hub whose authority it is for; None where there is one hub.
        ask: Asks on the terminal.

    Raises:
        UsageError: No such hub, several and none named, or no place for the file.
        LockedError: The PIN is missing or wrong.
    """
    from teleread.signing import certificates

    from .signing import secret_for_command

    named = [one for one in core.hubs if hub is None or one.name == hub]
    if len(named) != 1:
        names = ", ".join(one.name for one in core.hubs)
        raise UsageError("Say which hub it is for.", remedy=f"--hub NAME; there are {names}.", code="no-hub")
    path = Path(out)
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError("That place can't take a file.", "Nothing was written.", code="no-folder")
    unwrap = core.vault.pin.check(secret_for_command(core, ask) or "", core.vault.pin.mode)
    one = named[0]
    private = core.vault.signing_keys.private_key(unwrap)
    organisation = str(clean(one.extra.get("organisation", "") or ""))
    data = certificates.request(private, one.reader_name, one.reader_reference, organisation)
    current = core.vault.signing_keys.current()
    assert current is not None
    core.vault.audit.append("key-request", hub_id=one.hub_id, detail={"key": current.id})
    atomic_write(path, data)
    return {"path": str(path), "key": current.id, "hub": one.name}


def install(core: Core, path: str) -> dict[str, Any]:
    """Keep the certificate that came back; signatures carry it, and its chain, from now on.

    Raises:
        UsageError: It is not for this vault's key, or no certificate.
    """
    from cryptography.x509 import load_der_x509_certificate

    from teleread.signing import certificates

    with open(path, "rb") as file:
        data = file.read(MAX_FILE + 1)
    current = core.vault.signing_keys.current()
    if current is None:
        raise LockedError("This vault has no signing key.", "Nothing was changed.", code="no-signing-key")
    chain = certificates.chain_of(data, current.public_key)
    first = load_der_x509_certificate(chain[0])
    with core.vault.transaction():
        core.vault.signing_keys.certify(current.id, certificates.joined(chain))
        core.vault.audit.append("key-certified", detail={"key": current.id, "certificates": len(chain)})
    if core.session is not None:
        core.session.close()
    return {
        "key": current.id,
        "certificates": len(chain),
        "issuer": str(clean(first.issuer.rfc4514_string(), limit=200)),
        "until": first.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
    }
