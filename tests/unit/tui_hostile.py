"""The reading desk on a workstation whose every text is hostile, as if the edge had failed, or held.

Run as ``python -m tests.unit.tui_hostile raw|cleaned|own``. ``raw``: the payload reaches the screens as it
is, in `SafeText` and in plain strings. ``cleaned``: it went through the edge once; what it leaves is markup.
``own``: every text is the fake's own. When the screen has ended, the last line tells what the app kept of
its mishaps and what was done.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from teleread.model.errors import AttentionError, LockedError, OfflineError
from teleread.model.text import SafeText, clean
from teleread.tui.app import TelereadApp
from teleread.tui.terminal import on_hangup
from tests.unit import tui_fake

EVIL = (
    "\x1b]52;c;ZXZpbA==\x07[@click=app.quit]X[/][/x]\x9b2J\x9d0;EVILTITLE\x07\x00\u202e\u200b\x1b[2J"
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\"
)
"""The clipboard, markup that acts, markup that breaks, C1, the title, NUL, a reversal, nothing seen, a way
out of the program."""

_STEERS = (
    "priority sex birth_date nhs_status study_uid state id hub_id task_id kind cached report_state severity",
    "challenge answer draft draft_id sop_uid via series_uid transfer_syntax sop_class code system trust",
    "idempotency_key section field level template_id sha256 signed_at held_at study_digest complete_at",
)
KEEP = frozenset(" ".join(_STEERS).split())
"""Fields that steer; their values come from closed lists or are keys of the vault's own."""

RAISES: Mapping[str, Callable[[str], Exception]] = {
    "claim": lambda evil: AttentionError(f"The hub refuses: {evil}", evil, evil, code="refused"),
    "give_back": lambda evil: OfflineError(f"The hub says: {evil}", evil, code="offline"),
    "outbox_retry": lambda evil: AttentionError(f"Not now: {evil}", evil, code="refused"),
    "request": lambda evil: AttentionError(f"The engine says: {evil}", evil, code="refused"),
    "fetch": lambda evil: AttentionError(f"The archive says: {evil}", evil, code="refused"),
    "unlock": lambda evil: LockedError(f"Not open: {evil}", evil),
}
"""What an OperationOutcome's diagnostics become when an adapter forgot to clean them."""


class Spoiler:
    """Puts the payload into every text that is shown.

    Args:
        payload: What is added.
    """

    def __init__(self, payload: str) -> None:
        self.payload = payload

    def __call__(self, value: Any, name: str = "") -> Any:
        """The same value, spoilt."""
        if isinstance(value, str):
            return self._text(value, name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return dataclasses.replace(
                value, **{one.name: self(getattr(value, one.name), one.name) for one in fields if one.init}
            )
        if isinstance(value, tuple | list):
            return type(value)(self(one, name) for one in value)
        if isinstance(value, dict):
            return {key: self(one, str(key)) for key, one in value.items()}
        return value

    def _text(self, value: str, name: str) -> str:
        if name in KEEP or not self.payload:
            return value
        return SafeText(value + self.payload) if type(value) is SafeText else value + self.payload


class Hostile:
    """The fake workstation behind a spoiler.

    Args:
        payload: What every text ends with.
    """

    def __init__(self, payload: str) -> None:
        self.inner = tui_fake.FakeStation(12)
        self.inner.pin = "246813"
        self.spoil = Spoiler(payload)
        self.payload = payload

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found) or name in {"setting", "resolve_task"}:
            return found
        if name in RAISES and self.payload:
            return self._refuse(name)
        return lambda *args, **kwargs: self.spoil(found(*args, **kwargs))

    def _refuse(self, name: str) -> Callable[..., Any]:
        def refuse(*args: Any, **kwargs: Any) -> Any:
            if name == "unlock" and args and args[0] == self.inner.secret:
                return self.inner.unlock(args[0])
            raise RAISES[name](self.payload)

        return refuse


def main(kind: str) -> int:
    """Run the app; its exit code."""
    payload = {"raw": EVIL, "cleaned": str(clean(EVIL)), "own": ""}[kind]
    station = Hostile(payload)
    app = TelereadApp(station)
    app.preload()
    on_hangup(lambda: None)  # a test that was stopped leaves no desk behind
    app.run()
    told = {
        "mishaps": app.mishaps,
        "words": app.exit_words,
        "signed": len(station.inner.signed),
        "discarded": len(station.inner.discarded),
        "resolved": len(station.inner.resolved),
        "drafts": {one.id: str(one.section("findings").text) for one in station.inner.drafts.values()},  # type: ignore[union-attr]
    }
    print("TOLD " + json.dumps(told))
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
