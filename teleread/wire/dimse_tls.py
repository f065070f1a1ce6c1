"""DICOM over TLS by the BCP 195 profile (PS3.15 B.12; RFC 9325): both sides show a certificate.

TLS 1.2 is the oldest, with forward secrecy and authenticated encryption only. The archive's name is checked
against its certificate, always; an archive that is called by an address its certificate does not carry is
named in the hub file (``dimse_name``).
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Final

from teleread.model.errors import OfflineError
from teleread.model.hubfile import HubFile
from teleread.model.text import clean

__all__ = ["DimseTls", "calling", "listening", "tls_error"]

SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"
"""Cipher suites of TLS 1.2, in OpenSSL's words; those of TLS 1.3 are all of this kind."""
_NOTHING: Final = "Nothing of a patient was sent."


@dataclass(frozen=True, slots=True)
class DimseTls:
    """How one side secures its connections."""

    context: ssl.SSLContext
    name: str = ""
    """The name that the other side's certificate must carry; empty where we are called."""

    def wrap(self, sock: socket.socket, seconds: float) -> socket.socket:
        """Shake hands.

        Args:
            sock: Connected; closed where the handshake fails.
            seconds: Longest handshake in all.

        Raises:
            OfflineError: ``code="tls"``, or no answer in time.
        """
        try:
            sock.settimeout(seconds)  # the standard library makes it the deadline of the whole handshake
            if self.name:
                return self.context.wrap_socket(sock, server_hostname=self.name)
            return self.context.wrap_socket(sock, server_side=True)
        except TimeoutError as error:
            sock.close()
            raise OfflineError(
                "The archive does not answer in TLS.",
                _NOTHING,
                "Ask the site whether that port speaks DICOM over TLS.",
                code="tls",
            ) from error
        except ssl.SSLError as error:
            sock.close()
            raise tls_error(error) from error
        except OSError as error:
            sock.close()
            raise OfflineError(
                "The archive broke off while TLS was agreed on.",
                _NOTHING,
                "Ask the site whether that port speaks DICOM over TLS, and which certificates it trusts.",
                code="tls",
                retryable=False,
            ) from error


def calling(hub: HubFile) -> DimseTls | None:
    """How we call the archive of a hub; None where its file wants no TLS.

    Raises:
        UsageError: A certificate file can't be read.
    """
    if not hub.dimse_tls or hub.dimse is None:
        return None
    from .auth import tls_context

    context = tls_context(hub)
    _profile(context)
    return DimseTls(context, hub.dimse_name or hub.dimse.host)


def listening(hub: HubFile) -> DimseTls | None:
    """How our own storage SCP is called; None where the hub file wants no TLS there.

    Raises:
        UsageError: It names no certificate or no authority, or one can't be read.
    """
    if not hub.listen_tls:
        return None
    from .auth import called_context

    context = called_context(hub, "what the archive sends", "listen_tls")
    _profile(context)
    return DimseTls(context)


def _profile(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


_ALERTS: Final = (
    ("CERTIFICATE_REQUIRED", "It wants a certificate from us.", "Name one with client_cert in the hub file."),
    ("UNKNOWN_CA", "It does not trust our certificate.", "Ask the site to trust the authority behind it."),
    ("BAD_CERTIFICATE", "It does not take our certificate.", "Ask the site which certificates it takes."),
    ("CERTIFICATE_EXPIRED", "Our certificate has expired.", "Name a newer one with client_cert."),
    ("CERTIFICATE_UNKNOWN", "It does not take our certificate.", "Ask the site which certificates it takes."),
    (
        "HANDSHAKE_FAILURE",
        "No way to encrypt that both sides allow was found, or it wants a certificate from us.",
        "Name one with client_cert in the hub file; the site must allow TLS 1.2 or newer.",
    ),
    ("PROTOCOL_VERSION", "Its TLS is older than 1.2.", "The site must allow TLS 1.2 or newer."),
    ("UNSUPPORTED_PROTOCOL", "Its TLS is older than 1.2.", "The site must allow TLS 1.2 or newer."),
    ("WRONG_VERSION_NUMBER", "What answers there does not speak TLS.", "Check the port, or dimse_tls."),
)
"""What OpenSSL's reason holds, what that means, what to do."""


def tls_error(error: ssl.SSLError) -> OfflineError:
    """The error for a handshake that failed, or for the alert by which an archive refuses us later."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = clean(getattr(error, "verify_message", "") or "it could not be checked", limit=200)
        return OfflineError(
            "The archive shows a certificate that is not trusted.",
            f"The reason given: {why}. {_NOTHING}",
            "Check ca_file, and dimse_name where the archive is called by another name; else ask the site.",
            code="tls",
            retryable=False,
        )
    reason = error.reason or ""
    what, remedy = next(
        ((what, remedy) for word, what, remedy in _ALERTS if word in reason),
        ("The TLS handshake failed.", "Ask the site which TLS it allows, and check the port."),
    )
    return OfflineError(
        "No safe connection to the archive could be made.",
        f"{what} {_NOTHING}",
        remedy,
        code="tls",
        retryable=False,
    )
