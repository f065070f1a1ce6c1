"""`teleread demo fault`: from a second shell, make something go wrong in the demo that runs."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from teleread.cli.call import Call
from teleread.model.errors import TelereadError, UsageError

__all__ = ["fault"]

_SECONDS: Final = 15.0
_LARGEST: Final = 4 * 1024 * 1024


def fault(call: Call, folder: Path) -> int:
    """Turn a lever, list them, or list the cases a lever may name.

    Args:
        call: What was typed.
        folder: The demo's.

    Raises:
        UsageError: No such lever, or other words than it takes.
        TelereadError: No demo runs, or it could not do it.
    """
    words = tuple(call.args.words)
    if words[:1] == ("cases",):
        return _cases(call, folder)
    if not words:
        return _list(call, folder)
    from teleread.demo.levers import lever

    one = lever(words[0])
    path, query = one.request(words[1:])
    told = _ask(_address(call, folder), "POST", path, query)
    call.out.document("demo-fault", told)
    call.out.say(f"Done: {one.text}")
    if one.seen:
        call.out.say(f"What the reader sees: {one.seen}")
    return 0


def _list(call: Call, folder: Path) -> int:
    from teleread.demo.levers import LEVERS

    state = _ask(_address(call, folder), "GET", (), {})
    state.pop("schema", None)
    rows = [(one.usage, one.text) for one in LEVERS]
    levers = [{"usage": usage, "text": text} for usage, text in rows]
    call.out.document("demo-faults", {"state": state, "levers": levers})
    call.out.table(("LEVER", "WHAT IT DOES"), [*rows, ("cases", "List the cases, to name one.")])
    call.out.say("")
    call.out.say(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in state.items()))
    return 0


def _cases(call: Call, folder: Path) -> int:
    found = _ask(_address(call, folder), "GET", ("cases",), {})["cases"]
    call.out.document("demo-cases", {"cases": found})
    names = ("accession", "examination", "patient", "state", "reader")
    call.out.table(
        tuple(name.upper() for name in names), [tuple(one[name] for name in names) for one in found]
    )
    return 0


def _address(call: Call, folder: Path) -> str:
    """Where the demo listens, as its ready file says."""
    file = Path(call.args.ready_file) if call.args.ready_file else folder / "ready.json"
    try:
        return str(urlsplit(json.loads(file.read_bytes())["fhir"]).netloc)
    except (OSError, ValueError, LookupError, TypeError) as problem:
        raise _not_running() from problem


def _ask(address: str, method: str, path: tuple[str, ...], query: dict[str, str]) -> dict[str, Any]:
    host, _, port = address.partition(":")
    if host != "127.0.0.1":
        raise UsageError("That ready file is not the demo's: it names another machine.", code="bad-arguments")
    target = "/".join(["/_demo", *(quote(one, safe="") for one in path)])
    connection = http.client.HTTPConnection(host, int(port), timeout=_SECONDS)
    try:
        connection.request(method, f"{target}?{urlencode(query)}" if query else target)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read(_LARGEST))
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _not_running() from problem
    finally:
        connection.close()
    if answer.status != 200:
        raise UsageError(
            f"The demo did not do it: {told.get('error', answer.status)}.",
            "Nothing was changed.",
            "teleread demo fault cases lists what a case may be named by.",
            code="bad-fault",
        )
    return told


def _not_running() -> TelereadError:
    return TelereadError(
        "No demo runs here.",
        remedy="Start teleread demo in another terminal, with the same TELEREAD_HOME.",
        code="no-demo",
    )
