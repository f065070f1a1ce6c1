"""Every error teleread raises on purpose.

    TelereadError                1  something went wrong, in words
    ├── UsageError               2  the words typed make no sense
    ├── OfflineError             3  something waits: no answer, or none in time
    ├── NotSignedInError         4  the hub or archive does not know us
    ├── AttentionError           5  the reader must decide: conflict, refusal, lost claim, a check
    ├── LockedError              6  the vault or the signing key stays shut
    └── IntegrityError           7  bytes are not what they were

An adapter translates foreign errors at its edge; nothing above it meets an httpx, pydicom or SQLite error.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "AttentionError",
    "ExitCode",
    "IntegrityError",
    "LockedError",
    "NotSignedInError",
    "OfflineError",
    "TelereadError",
    "UsageError",
    "worst",
]


class ExitCode(IntEnum):
    """What a command answers to the shell (the command line's public contract)."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    OFFLINE = 3
    NOT_SIGNED_IN = 4
    ATTENTION = 5
    LOCKED = 6
    INTEGRITY = 7


class TelereadError(Exception):
    """Something that went wrong, told as a person would: what happened, what is safe, what to do.

    Args:
        title: What happened, one sentence with its full stop.
        detail: What is safe or what is known besides. May be empty.
        remedy: What to do now. May be empty.
        code: A short machine name such as ``claim-lost``; stable, without patient data.
        retryable: The same act may go through later without anyone changing anything.
        retry_after: Seconds the other side asked us to wait.
    """

    exit_code = ExitCode.ERROR

    def __init__(
        self,
        title: str,
        detail: str = "",
        remedy: str = "",
        *,
        code: str = "error",
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.remedy = remedy
        self.code = code
        self.retryable = retryable
        self.retry_after = retry_after

    def __str__(self) -> str:
        return " ".join(part for part in (self.title, self.detail, self.remedy) if part)


class UsageError(TelereadError):
    """The words typed name nothing, or more than one thing."""

    exit_code = ExitCode.USAGE


class OfflineError(TelereadError):
    """No answer, or none in time; what waits is kept.

    ``code`` is ``unknown`` where the act may have happened.
    """

    exit_code = ExitCode.OFFLINE

    def __init__(
        self,
        title: str,
        detail: str = "",
        remedy: str = "",
        *,
        code: str = "offline",
        retryable: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(title, detail, remedy, code=code, retryable=retryable, retry_after=retry_after)


class NotSignedInError(TelereadError):
    """The other side does not accept who we are (401), or there is no secret for it."""

    exit_code = ExitCode.NOT_SIGNED_IN


class AttentionError(TelereadError):
    """The reader must decide: a conflict, a refusal, a lost claim, a check that blocks."""

    exit_code = ExitCode.ATTENTION


class LockedError(TelereadError):
    """The vault or the signing key could not be opened."""

    exit_code = ExitCode.LOCKED


class IntegrityError(TelereadError):
    """Bytes are not what they were: a seal, a hash, a chain or a signature does not hold."""

    exit_code = ExitCode.INTEGRITY


_RANK = (
    ExitCode.INTEGRITY,
    ExitCode.LOCKED,
    ExitCode.ATTENTION,
    ExitCode.NOT_SIGNED_IN,
    ExitCode.OFFLINE,
    ExitCode.USAGE,
    ExitCode.ERROR,
)


def worst(*codes: ExitCode) -> ExitCode:
    """The code that wins when several things went wrong in one command; DONE for none."""
    return next((code for code in _RANK if code in codes), ExitCode.DONE)
