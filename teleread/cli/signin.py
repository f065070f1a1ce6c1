"""Signing in on the command line: a code as text and as a QR picture, or the browser of this machine."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from teleread.cli.call import Call

if TYPE_CHECKING:
    from teleread.model.hubfile import HubFile
    from teleread.workstation.signin import Prompt

__all__ = ["sign_in"]

_INK = "\x1b[30;107m"
"""Black on white, whatever the terminal's own colours: a camera needs the light ground."""
_PLAIN = "\x1b[0m"


def sign_in(call: Call, hub: HubFile) -> int:
    """Sign in at a hub, telling what the reader has to do on stderr.

    Raises:
        NotSignedInError: Refused, run out, or given up.
        OfflineError: The identity server does not answer.
    """
    from teleread.workstation import signin

    def show(prompt: Prompt) -> None:
        _show(call, prompt)

    core = call.desk.core
    try:
        done = signin.sign_in(core, hub, show, _pause)
    except KeyboardInterrupt:
        call.out.note("Not signed in. Nothing was kept.")
        return 4
    if _engine_runs(call):
        core.vault.requests.put("sync", {"hub_id": hub.hub_id})
    call.out.document(
        "hub-sign-in",
        {
            "hub": done.hub.name,
            "way": done.way,
            "who": done.who or None,
            "reader_id": done.hub.reader_id or None,
            "scope": done.scope or None,
            "seconds": None if done.seconds is None else int(done.seconds),
            "renews": done.renews,
        },
    )
    as_whom = f" as {done.who}" if done.who else ""
    keeps = "It is renewed by itself." if done.renews else "It ends by itself; then sign in again."
    call.out.say(f"Signed in at {done.hub.name}{as_whom}. {keeps}")
    return 0


def _engine_runs(call: Call) -> bool:
    from teleread.workstation import background

    return background.running(call.desk.core)


def _pause(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def _show(call: Call, prompt: Prompt) -> None:
    from teleread.workstation.signin import open_page, qr_rows

    if prompt.way == "device":
        minutes = max(1, round(prompt.seconds / 60))
        call.out.note(f"Signing in at {prompt.hub}. On any device with a browser open\n\n    {prompt.url}\n")
        call.out.note(f"and type the code\n\n    {prompt.code}\n")
        if sys.stderr.isatty() and not call.out.quiet:
            rows = qr_rows(prompt.url_complete)
            # Escape sequences of our own making; what is between them is blocks and blanks.
            sys.stderr.write("".join(f"    {_INK}{row}{_PLAIN}\n" for row in rows) + "\n")
        call.out.note(
            f"The page has to name {prompt.hub} or its site: if not, stop here (Ctrl+C)."
            f" The code holds {minutes} min; waiting ..."
        )
        sys.stderr.flush()
        return
    opened = open_page(prompt.url)
    words = "Your browser opens" if opened else "Open in a browser on this machine"
    call.out.note(f"Signing in at {prompt.hub}. {words}:\n\n    {prompt.url}\n\nwaiting (Ctrl+C stops) ...")
    sys.stderr.flush()
