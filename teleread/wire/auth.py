"""Who we are to a server, and how we know who it is: the Authorization header and the TLS context."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

from teleread.model.errors import NotSignedInError, UsageError
from teleread.model.hubfile import AUTHS, HubFile

__all__ = ["authorization", "called_context", "tls_context"]


def authorization(hub: HubFile, secret: str | None) -> str:
    """The Authorization header for a hub; empty where it wants none.

    Raises:
        NotSignedInError: The hub wants a secret and the vault keeps none.
        UsageError: The hub file names a way to sign in that this version does not know.
    """
    if hub.auth == "none":
        return ""
    if hub.auth not in {"basic", "bearer"}:
        raise UsageError(
            f"Hub {hub.name} asks for the sign-in “{hub.auth}”, which this version does not know.",
            remedy=f"Use {', '.join(AUTHS)} in its hub file.",
        )
    if not secret:
        word = "password" if hub.auth == "basic" else "token"
        raise NotSignedInError(
            f"There is no {word} for hub {hub.name} in the vault.",
            remedy=f"Run teleread init --hub {hub.name} --auth {hub.auth} --secret-file PATH.",
            code="no-secret",
        )
    if hub.auth == "bearer":
        return f"Bearer {_one_line(hub, secret)}"
    pair = f"{hub.user}:{_one_line(hub, secret)}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _one_line(hub: HubFile, secret: str) -> str:
    text = secret.strip("\r\n")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in text) or (
        hub.auth == "bearer" and not text.isascii()
    ):
        raise NotSignedInError(
            f"The secret kept for hub {hub.name} holds characters that no sign-in can carry.",
            remedy="Give it again, as one line.",
            code="no-secret",
        )
    return text


def tls_context(hub: HubFile) -> ssl.SSLContext:
    """A verifying TLS context: the hub's own CA file, else what the operating system trusts.

    Raises:
        UsageError: A certificate file cannot be read.
    """
    context: ssl.SSLContext
    if hub.ca_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load(hub, "CA file", hub.ca_file, lambda path: context.load_verify_locations(cafile=path))
    else:
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if hub.client_cert:
        _load(hub, "client certificate", hub.client_cert, lambda path: context.load_cert_chain(path))
    return context


def called_context(hub: HubFile, what: str, switch: str) -> ssl.SSLContext:
    """How those are met who call us: both sides show a certificate.

    Args:
        hub: The hub file.
        what: What they bring, in words.
        switch: The line of the hub file that asks for TLS there.

    Raises:
        UsageError: The hub file names no certificate or no authority, or one cannot be read.
    """
    if not hub.client_cert or not hub.ca_file:
        raise UsageError(
            f"Hub {hub.name} wants TLS for {what}, and lacks a certificate for it.",
            remedy=f"Name ca_file and client_cert in its hub file, or set {switch} = false.",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(hub, "CA file", hub.ca_file, lambda path: context.load_verify_locations(cafile=path))
    _load(hub, "client certificate", hub.client_cert, lambda path: context.load_cert_chain(path))
    return context


def _load(hub: HubFile, what: str, path: str, load: object) -> None:
    try:
        load(str(Path(path).expanduser()))  # type: ignore[operator]
    except (OSError, ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"The {what} of hub {hub.name} cannot be read.",
            detail=f"It is set to {path}.",
            remedy="It must be a readable PEM file.",
        ) from error
