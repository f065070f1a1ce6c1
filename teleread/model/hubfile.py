"""The hub file: ``hubs/NAME.toml`` in a profile, parsed and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .addresses import MllpAddress, is_loopback, mllp_values
from .errors import UsageError

__all__ = [
    "AUTHS",
    "KEY_ALGS",
    "DimseAddress",
    "HubFile",
    "check_url",
    "is_loopback",
    "parse_dimse",
    "parse_hub_file",
]

AUTHS = ("none", "basic", "bearer", "device", "pkce", "smart")
KEY_ALGS = ("ES384", "RS384")
PLATFORMS = ("fhir", "ups_rs", "ups", "mwl", "folder", "hl7")
"""Keys of a hub file that hold the address of a platform, each the name of its adapter."""


@dataclass(frozen=True, slots=True)
class DimseAddress:
    """``AET@HOST:PORT``."""

    aet: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.aet}@{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HubFile:
    """One hub as configured. ``hub_id`` is random and stays; ``name`` is a label."""

    hub_id: str
    name: str
    fhir: str = ""
    ups_rs: str = ""
    """Base address of a UPS-RS worklist (PS3.18 chapter 11); its reports go to ``dicomweb`` by STOW-RS."""
    ups_options: Mapping[str, Any] = field(default_factory=dict)
    """How that one differs; `hub.ups_wire` knows the switches."""
    ups: DimseAddress | None = None
    """A UPS worklist over DIMSE (PS3.4 annex CC); its reports go to ``dicomweb`` or ``dimse``."""
    mwl: DimseAddress | None = None
    """A Modality Worklist, a list to read alone; reports go to ``dicomweb``, ``dimse`` or ``hl7``."""
    mwl_options: Mapping[str, Any] = field(default_factory=dict)
    """How that one is asked; `hub.mwl_list` knows the switches."""
    folder: str = ""
    """A drop box: a folder on a shared drive that orders come in by and reports go out by."""
    forms: tuple[str, ...] = ()
    """Forms of a report that are put there, by their names at ``report export``; empty: the usual ones."""
    claim_hours: float = 12.0
    """How long a claim in a drop box holds when nobody renews it."""
    lease_minutes: float = 0.0
    """How long a FHIR hub keeps a claim that nobody renews; 0: for ever."""
    hl7: MllpAddress | None = None
    """Where results go by HL7 v2 over MLLP."""
    hl7_tls: bool = False
    """They go over TLS, with ``ca_file`` and ``client_cert``."""
    hl7_name: str = ""
    """The name that receiver's certificate carries, where it is not the host in ``hl7``."""
    hl7_listen: MllpAddress | None = None
    """Where orders and news of patients come in by MLLP, while the engine runs; None: nowhere."""
    hl7_listen_tls: bool = False
    """They come over TLS: `hl7_listen` shows ``client_cert`` and wants a certificate back."""
    hl7_from: tuple[str, ...] = ()
    """Addresses or networks (``10.1.2.0/24``) that may send there; empty: this machine alone."""
    dicomweb: str = ""
    dimse: DimseAddress | None = None
    archive_folder: str = ""
    """A folder of DICOM files that serves as the hub's archive."""
    auth: str = "none"
    """none, basic, bearer, device, pkce or smart; what is secret is in the vault."""
    issuer: str = ""
    """The identity server (OpenID Connect discovery); empty: the one the hub names (SMART discovery)."""
    client_id: str = "teleread"
    """What the identity server knows this program as (RFC 6749 section 2.2)."""
    scopes: str = ""
    """Scopes asked for, with blanks between; empty: those that suit the way of signing in."""
    sign_in_page: str = ""
    """Origin of the page a code is typed on, where it is not the identity server's own."""
    key_alg: str = "ES384"
    """What a system signs its sign-in with: ES384 or RS384 (SMART backend services)."""
    system_reports: bool = False
    """The site takes a reader's reports under the system's sign-in; each names its reader."""
    offline_hours: float = 0.0
    """How long after the last contact with the hub rights still hold for signing; 0: no limit."""
    user: str = ""
    """User name for basic; the password is in the vault."""
    ca_file: str = ""
    client_cert: str = ""
    allow_plain_http: str = ""
    """Why ``http://`` beyond loopback is allowed; empty refuses it."""
    aet: str = "TELEREAD"
    """Our own AE title."""
    listen: int = 0
    """Port of our own storage SCP for C-MOVE; 0 where there is none."""
    dimse_tls: bool = False
    """DIMSE goes over TLS by BCP 195, with ``ca_file`` and ``client_cert`` (PS3.15 B.12)."""
    dimse_name: str = ""
    """The name the archive's certificate carries, where it is not the host in ``dimse``."""
    listen_tls: bool = False
    """What C-MOVE brings comes over TLS too: `listen` shows ``client_cert`` and wants a certificate back."""
    associations: int = 4
    """Most associations at once with the archive; one is used where the line is short."""
    proxy: str = ""
    """``http://HOST:PORT`` of the proxy on the way to hub and archive; the environment's are never used."""
    connections: int = 8
    """Most HTTP connections at once to the archive; one is used where the line is short."""
    site_phone: str = ""
    reader_id: str = ""
    """The reader at this hub: ``Practitioner/ID`` or an id."""
    reader_name: str = ""
    patient_id_issuer: str = ""
    """Identifier system that the archive's bare Patient IDs belong to."""
    undo_minutes: int = 0
    """Undo-sign window, 0 to 10; always 0 for stat."""
    escalate_minutes: int = 10
    """Minutes until an unreceipted stat report raises the line that stays."""
    sign_again_hours: float = 8.0
    """How long one PIN entry opens the signing key; 0 asks each time."""
    claim_on_open: bool = True
    literal_query: bool = False
    """QIDO values are sent unencoded (some archives don't percent-decode)."""
    rights: tuple[str, ...] = ("view", "report", "sign", "addend", "alert")
    """What the reader may do at this hub."""
    send_alerts: bool = True
    """Who was told of a critical finding goes to a FHIR hub by itself too; else with the report alone."""
    archive_documents: bool = False
    """A report's key images and measurements go to the archive too, as DICOM documents, at a FHIR hub."""
    preliminary: bool = False
    """The site takes an unsigned reading before the report (DiagnosticReport.status ``partial``)."""
    tsa: str = ""
    """The site's time stamp authority (RFC 3161), asked when a PDF is signed."""
    documents: Mapping[str, Any] = field(default_factory=dict)
    """Switches of the forms a report is written in; `documents.forms` knows them."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Keys this version does not know; kept, and told by doctor."""

    @property
    def platform(self) -> str:
        """Name of the adapter that speaks to the hub; empty where no address is known."""
        return next((kind for kind in PLATFORMS if getattr(self, kind)), "")

    @property
    def claims_locally(self) -> bool:
        """Whether who has a case is noted on this machine alone: the site's list knows no claims."""
        return self.platform in {"hl7", "mwl"}

    @property
    def has_archive(self) -> bool:
        """Whether there is anywhere to fetch images from."""
        return bool(self.dicomweb or self.dimse or self.archive_folder)

    @property
    def reader_reference(self) -> str:
        """The reader as a FHIR reference; empty where no id is set."""
        if not self.reader_id:
            return ""
        return self.reader_id if "/" in self.reader_id else f"Practitioner/{self.reader_id}"


def parse_dimse(text: str) -> DimseAddress:
    """Read ``AET@HOST:PORT``.

    Raises:
        UsageError: It is not of that form.
    """
    aet, at, rest = text.partition("@")
    host, colon, port = rest.rpartition(":")
    if not (at and colon and host and port.isdigit() and 0 < int(port) < 65536 and 0 < len(aet) <= 16):
        raise UsageError(
            f"“{text}” is not of the form AET@HOST:PORT.", remedy="Example: ORTHANC@127.0.0.1:4242."
        )
    return DimseAddress(aet, host.strip("[]"), int(port))


def check_url(url: str, allow_plain_http: str) -> str:
    """Check a base URL and strip its last slash.

    Raises:
        UsageError: Not http(s), no host, credentials inside, or plain http beyond loopback without a reason.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"“{url}” is not a web address.", remedy="It begins with https:// and names a host.")
    if parts.username or parts.password:
        raise UsageError(
            "A web address may not carry a password.", remedy="Use --auth basic with --secret-file."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname) and not allow_plain_http:
        raise UsageError(
            f"{parts.hostname} is asked for over plain http, which anyone on the way can read.",
            remedy="Use https://, or say why with --allow-plain-http REASON.",
        )
    return url.rstrip("/")


def _proxy(name: str, url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "http" or not parts.hostname or port is None or parts.username or parts.password:
        raise UsageError(
            f"Hub file {name}: the proxy is not of the form http://HOST:PORT.",
            remedy="Give it without a password; what goes through it to https:// stays encrypted.",
        )
    return f"http://{parts.netloc}"


_TEXTS = (
    "auth",
    "user",
    "ca_file",
    "client_cert",
    "allow_plain_http",
    "aet",
    "site_phone",
    "reader_id",
    "reader_name",
    "patient_id_issuer",
    "dimse_name",
    "proxy",
    "archive_folder",
    "folder",
    "tsa",
    "issuer",
    "client_id",
    "scopes",
    "sign_in_page",
    "key_alg",
    "hl7_name",
)
_NUMBERS = (
    "listen",
    "associations",
    "connections",
    "undo_minutes",
    "escalate_minutes",
    "sign_again_hours",
    "offline_hours",
    "claim_hours",
    "lease_minutes",
)
_SWITCHES = (
    "claim_on_open",
    "literal_query",
    "dimse_tls",
    "listen_tls",
    "hl7_tls",
    "hl7_listen_tls",
    "archive_documents",
    "preliminary",
    "send_alerts",
    "system_reports",
)
_OTHER = (
    *("hub_id", "fhir", "ups_rs", "ups_options", "forms", "dicomweb", "dimse", "rights", "documents"),
    *("hl7", "hl7_listen", "hl7_from", "ups", "mwl", "mwl_options"),
)


def _identity(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """What the hub file says of the identity server, checked."""
    if values.get("key_alg", "ES384") not in KEY_ALGS:
        raise UsageError(f"Hub file {name}: key_alg is {' or '.join(KEY_ALGS)}.")
    told = {one: values[one] for one in ("issuer", "sign_in_page") if values.get(one)}
    # Whoever reads a sign-in can be the reader: no reason makes plain http right here.
    return {one: check_url(url, "") for one, url in told.items()}


def _tables(table: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if isinstance(table.get("rights"), list):
        values["rights"] = tuple(str(right) for right in table["rights"])
    if isinstance(table.get("documents"), Mapping):
        values["documents"] = dict(table["documents"])
    if isinstance(table.get("forms"), list):
        values["forms"] = tuple(str(form) for form in table["forms"])
    for key in ("ups_options", "mwl_options"):
        if isinstance(table.get(key), Mapping):
            values[key] = dict(table[key])
    return values


def parse_hub_file(name: str, table: Mapping[str, Any]) -> HubFile:
    """Build a `HubFile` from its TOML table.

    Raises:
        UsageError: A value has the wrong kind or an address is refused.
    """
    values: dict[str, Any] = {}
    for key, kinds in ((_TEXTS, str), (_NUMBERS, (int, float)), (_SWITCHES, bool)):
        for one in key:
            if one in table:
                if not isinstance(table[one], kinds):
                    raise UsageError(f"Hub file {name}: {one} has the wrong kind of value.")
                values[one] = table[one]
    hub_id = table.get("hub_id")
    if not isinstance(hub_id, str) or not hub_id:
        raise UsageError(
            f"Hub file {name} has no hub_id.", remedy="It was made by teleread init; restore that line."
        )
    plain = values.get("allow_plain_http", "")
    for one in ("fhir", "ups_rs", "dicomweb"):
        if table.get(one):
            values[one] = check_url(str(table[one]), plain)
    values |= _identity(name, values)
    if values.get("proxy"):
        values["proxy"] = _proxy(name, values["proxy"])
    values |= {key: parse_dimse(str(table[key])) for key in ("dimse", "ups", "mwl") if table.get(key)}
    values |= mllp_values(name, table)
    values |= _tables(table)
    known = {*_TEXTS, *_NUMBERS, *_SWITCHES, *_OTHER}
    extra = {key: value for key, value in table.items() if key not in known}
    return HubFile(hub_id=hub_id, name=name, extra=extra, **values)
