"""What should never happen: a short code for the reader, a scrubbed trace for whoever mends it."""

from __future__ import annotations

import contextlib
import hashlib
import traceback

from teleread.host.paths import Home, atomic_write, make_private_folder
from teleread.model.errors import TelereadError

__all__ = ["record"]


def record(error: BaseException, profile: str) -> TelereadError:
    """Write files, lines and the kinds of error, never a message or a value; tell the code.

    Args:
        error: What came through.
        profile: Whose log folder takes it.
    """
    trace = scrubbed(error)
    code = hashlib.sha256(trace.encode()).hexdigest()[:8]
    where = ""
    with contextlib.suppress(OSError, TelereadError):
        logs = Home.find().profile(profile).logs
        make_private_folder(logs)
        atomic_write(logs / f"crash-{code}.txt", trace.encode())
        where = "A trace without patient data is in the profile's log folder."
    return TelereadError(
        f"Something went wrong that should not (code {code}).",
        "What was saved and signed is safe.",
        ("Try again; if it comes back, report the code. " + where).strip(),
        code=f"crash-{code}",
    )


def scrubbed(error: BaseException) -> str:
    """The chain of errors as kinds, files, lines and functions."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(lines) < 400:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        for frame in traceback.extract_tb(seen.__traceback__):
            file = frame.filename.replace("\\", "/")
            lines.append(f"  {'/'.join(file.split('/')[-3:])}:{frame.lineno} {frame.name}")
        seen = seen.__cause__ or seen.__context__
    return "\n".join(lines) + "\n"
