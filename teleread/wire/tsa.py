"""Asking a site's time stamp authority (RFC 3161 section 3.4): one small request by HTTP, seconds at most."""

from __future__ import annotations

from teleread.model.errors import OfflineError
from teleread.model.hubfile import HubFile, check_url

__all__ = ["ask"]

SECONDS = 3.0
MAX_ANSWER = 64 * 1024


def ask(hub: HubFile, request: bytes) -> bytes:
    """Bring a time stamp request to the authority that the hub file names.

    Args:
        hub: The hub file.
        request: TimeStampReq, DER.

    Returns:
        TimeStampResp, DER; whoever asked proves it.

    Raises:
        OfflineError: ``no-time-stamp``: it can't be reached, or answers with something else.
        UsageError: The address is refused.
    """
    import httpx

    from .auth import tls_context

    url = check_url(hub.tsa, hub.allow_plain_http)
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    out = bytearray()
    try:
        verify = tls_context(hub) if url.startswith("https:") else True
        with (
            httpx.Client(timeout=SECONDS, trust_env=False, verify=verify, follow_redirects=False) as client,
            client.stream("POST", url, content=request, headers=headers) as answer,
        ):
            if answer.status_code != 200:
                raise _none()
            for piece in answer.iter_bytes():
                out += piece
                if len(out) > MAX_ANSWER:
                    raise _none()
    except (httpx.HTTPError, OSError):
        raise _none() from None
    return bytes(out)


def _none() -> OfflineError:
    return OfflineError(
        "The time stamp authority gave no time stamp.",
        "The report is signed without one.",
        code="no-time-stamp",
    )
