"""What a server's refusal or silence is called: httpx errors and statuses as our own errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError
from teleread.model.text import EMPTY, SafeText, clean

__all__ = ["elsewhere", "http_date", "of_exception", "of_line", "of_status", "outcome_words", "retry_after"]

WORDS_LIMIT = 600
"""Most characters of a server's own words."""

RETRY_AFTER_LIMIT = 6 * 3600.0
"""Longest wait a server may ask for, in seconds."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

UNKNOWN_DETAIL = "It may have been applied. Nothing is lost; it is asked for before anything is sent again."
KEPT_DETAIL = "Nothing is lost; what waits is kept and sent later."


def http_date(value: str | None) -> datetime | None:
    """Read an HTTP date; None where there is none or it makes no sense."""
    if not value:
        return None
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds a server asks us to wait (seconds or a date), at most six hours; None where it does not say."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit() and len(value) < 10:
        return min(float(value), RETRY_AFTER_LIMIT)
    at = http_date(value)
    if at is None:
        return None
    base = http_date(headers.get("date")) or now
    return min(max((at - base).total_seconds(), 0.0), RETRY_AFTER_LIMIT)


def outcome_words(body: bytes) -> SafeText:
    """The words of an OperationOutcome, cleaned and cut; empty where the body is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return EMPTY
    issues = document.get("issue") if isinstance(document, dict) else None
    words: list[str] = []
    for issue in issues[:5] if isinstance(issues, list) else ():
        if not isinstance(issue, dict):
            continue
        details = issue.get("details")
        text = issue.get("diagnostics") or (details.get("text") if isinstance(details, dict) else None)
        words.append(str(text or issue.get("code") or ""))
    return clean("; ".join(word for word in words if word), limit=WORDS_LIMIT)


def of_status(
    who: str, status: int, headers: Mapping[str, str], words: str, *, write: bool, now: datetime
) -> TelereadError:
    """The error for a status that is no success.

    Args:
        who: What answered, as the reader calls it (``the hub NORTH``).
        status: HTTP status.
        headers: Of the answer, lower-case names.
        words: The server's own words, cleaned; may be empty.
        write: The request would have changed something.
        now: For a Retry-After that is a date.
    """
    said = f"It says: {words}" if words else f"It answered with status {status}."
    who_up = who[:1].upper() + who[1:]
    wait = retry_after(headers, now)
    if status == 401:
        return NotSignedInError(
            f"{who_up} does not accept the sign-in.",
            said,
            "Give the secret again with teleread init --hub, or ask the site.",
            code="not-signed-in",
        )
    if status in _ATTENTION:
        code, title, remedy = _ATTENTION[status]
        return AttentionError(f"{who_up} {title}", said, remedy, code=code)
    if status in {408, 425, 429, 503}:
        return OfflineError(f"{who_up} is busy.", f"{said} {KEPT_DETAIL}", code="busy", retry_after=wait)
    if status >= 500:
        if write:
            return OfflineError(
                f"{who_up} failed while it was taking this.",
                f"{said} {UNKNOWN_DETAIL}",
                code="unknown",
                retry_after=wait,
            )
        return OfflineError(
            f"{who_up} failed (status {status}).", f"{said} {KEPT_DETAIL}", code="server", retry_after=wait
        )
    return AttentionError(
        f"{who_up} refused this (status {status}).",
        said,
        "Look at its words; ask the site if they are not clear.",
        code="refused",
    )


_ATTENTION = {
    403: ("forbidden", "does not allow this.", "Ask the site for the right to do it."),
    404: ("gone", "no longer has this.", "Pull the worklist again; ask the site if it should be there."),
    410: ("gone", "no longer has this.", "Pull the worklist again; ask the site if it should be there."),
    412: ("changed", "has changed this meanwhile.", "Look at what changed, then decide again."),
}


def of_exception(who: str, error: Exception, *, write: bool) -> TelereadError:
    """The error for a request that got no whole answer."""
    who_up = who[:1].upper() + who[1:]
    tls = _tls_cause(error)
    if tls is not None:
        return _tls_error(who_up, tls)
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return AttentionError(
            f"The address of {who} makes no sense.", remedy="Check its hub file.", code="refused"
        )
    if isinstance(error, httpx.ProxyError):
        digits = str(error)[:3]
        return _proxy_error(who, int(digits) if digits.isdigit() else None)
    if write and not isinstance(error, _NEVER_SENT):
        return OfflineError(f"{who_up} gave no answer.", UNKNOWN_DETAIL, code="unknown")
    if isinstance(error, httpx.TimeoutException):
        return _late(who_up)
    if isinstance(error, httpx.ConnectError):
        return _unreachable(who_up)
    return _broken(who)


def of_line(who: str, error: Exception, *, connecting: bool = False) -> TelereadError:
    """The error for a line of our own (`teleread.wire.http_line`) that failed: the same words.

    Args:
        who: What was asked, as the reader calls it.
        error: An OSError, or a ValueError for an answer that is none.
        connecting: It failed before anything was asked.
    """
    who_up = who[:1].upper() + who[1:]
    tls = _tls_cause(error)
    if tls is not None:
        return _tls_error(who_up, tls)
    status = getattr(error, "status", None)
    if status is not None:
        return _proxy_error(who, status)
    if isinstance(error, TimeoutError):
        return _late(who_up)
    if isinstance(error, ValueError):
        return OfflineError(
            f"{who_up} sends an answer that cannot be read.",
            "What is here stays as it is.",
            "Check its address; tell the site if it goes on.",
            code="garbled",
        )
    return _unreachable(who_up) if connecting else _broken(who)


def elsewhere(who_up: str) -> AttentionError:
    """The error for a link or redirect to another origin."""
    return AttentionError(
        f"{who_up} points to another server, which is not followed.",
        remedy="Tell the site: its links must stay on its own address.",
        code="refused",
    )


def _late(who_up: str) -> OfflineError:
    return OfflineError(
        f"{who_up} did not answer in time.", KEPT_DETAIL, "Check the network, or wait.", code="timeout"
    )


def _unreachable(who_up: str) -> OfflineError:
    return OfflineError(
        f"{who_up} cannot be reached.", KEPT_DETAIL, "Check the network and its address.", code="offline"
    )


def _broken(who: str) -> OfflineError:
    return OfflineError(
        f"The connection to {who} broke.", KEPT_DETAIL, "It is tried again by itself.", code="cut"
    )


def _proxy_error(who: str, status: int | None) -> OfflineError:
    why = "It wants a sign-in, which is not supported." if status == 407 else KEPT_DETAIL
    return OfflineError(
        f"The proxy on the way to {who} does not let us through.",
        why if status is None else f"It answered with status {status}. {why}",
        "Check the proxy in the hub file, or ask whoever runs it.",
        code="proxy",
        retryable=status not in {403, 407},
    )


def _tls_cause(error: BaseException) -> ssl.SSLError | None:
    seen = 0
    at: BaseException | None = error
    while at is not None and seen < 10:
        if isinstance(at, ssl.SSLError) and not isinstance(at, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return at
        at, seen = at.__cause__ or at.__context__, seen + 1
    return None


def _tls_error(who_up: str, error: ssl.SSLError) -> OfflineError:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = clean(getattr(error, "verify_message", "") or "it could not be checked", limit=200)
        return OfflineError(
            f"{who_up} shows a certificate that is not trusted.",
            f"The reason given: {why}. Nothing was sent.",
            "If the site has its own certificate authority, name its file with --ca-file; else ask the site.",
            code="tls",
            retryable=False,
        )
    return OfflineError(
        f"No safe connection to {who_up[:1].lower() + who_up[1:]} could be made.",
        "The TLS handshake failed. Nothing was sent.",
        "Check that its address begins with the right https:// name and port; ask the site.",
        code="tls",
        retryable=False,
    )
