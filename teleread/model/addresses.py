"""Addresses of HL7 interfaces (MLLP), and what of them a hub file may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from .errors import UsageError

__all__ = ["MllpAddress", "is_loopback", "mllp_values", "parse_mllp"]

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class MllpAddress:
    """``HOST:PORT`` of an HL7 interface."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str | None) -> bool:
    """Whether a host name means this machine."""
    return host is not None and (host in LOOPBACK or host.startswith("127."))


def parse_mllp(text: str, *, listening: bool = False) -> MllpAddress:
    """Read ``HOST:PORT``; a bare port is this machine's where we are the one who listens.

    Raises:
        UsageError: It is not of that form.
    """
    host, colon, port = text.strip().rpartition(":")
    if listening and not colon:
        host, colon = "127.0.0.1", ":"
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UsageError(f"“{text}” is not of the form HOST:PORT.", remedy="Example: 127.0.0.1:2575.")
    return MllpAddress(host.strip("[]"), int(port))


def mllp_values(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """The HL7 lines of a hub file; what goes out or comes in beyond this machine is to be safe on purpose.

    Raises:
        UsageError: They are not.
    """
    plain = bool(table.get("allow_plain_http"))
    found: dict[str, Any] = {}
    if isinstance(table.get("hl7_from"), list):
        found["hl7_from"] = tuple(_network(name, str(one)) for one in table["hl7_from"])
    for key, tls in (("hl7", "hl7_tls"), ("hl7_listen", "hl7_listen_tls")):
        if not table.get(key):
            continue
        found[key] = parse_mllp(str(table[key]), listening=key == "hl7_listen")
        if not (is_loopback(found[key].host) or table.get(tls) is True or plain):
            raise UsageError(
                f"Hub file {name}: {key} leaves this machine without TLS, so anyone on the way can read it.",
                remedy=f"Set {tls} = true, or say why with --allow-plain-http REASON.",
            )
    listen = found.get("hl7_listen")
    if listen is not None and not is_loopback(listen.host) and not found.get("hl7_from"):
        raise UsageError(
            f"Hub file {name}: hl7_listen is open to the network, and nobody is named who may send.",
            remedy="Name the site's addresses with --hl7-from.",
        )
    return found


def _network(name: str, text: str) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError:
        raise UsageError(
            f"Hub file {name}: “{text[:64]}” in hl7_from is no address and no network.",
            remedy="Example: 10.1.2.3 or 10.1.2.0/24.",
        ) from None
