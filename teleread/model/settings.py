"""Settings: the table of every key, and the one function that says which source wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .errors import UsageError

__all__ = ["SETTINGS", "SPAN", "Origin", "Setting", "Sources", "coerce", "resolve", "spec_of"]


SPAN: Final = r"(?:([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d))?"
"""Hours of the day, ``HH:MM-HH:MM``, or nothing."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    key: str
    kind: str
    """``text``, ``number``, ``whole``, ``switch`` or ``table``."""
    default: Any
    text: str
    """What it does, one sentence."""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    form: str = ""
    """Regular expression that a text has to match whole; empty for any."""
    example: str = ""
    """A text that does."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "TELEREAD_" + self.key.upper().replace(".", "_")


_ALL: Final = (
    Setting("theme", "text", "auto", "Colours of the screen; auto follows the terminal's background."),
    Setting("glyphs", "text", "auto", "Signs drawn on the screen.", ("auto", "unicode", "ascii")),
    Setting("colours", "text", "auto", "Colour depth.", ("auto", "truecolor", "256", "16", "mono")),
    Setting("key_preset", "text", "default", "Keys to begin with.", ("default", "vim", "emacs")),
    Setting("keys", "table", {}, "Own keys by action name."),
    Setting("filters", "table", {}, "Saved filters of the worklist by name."),
    Setting("image_protocol", "text", "auto", "How pictures reach the terminal."),
    Setting("idle_minutes", "whole", 10, "Minutes without a key until the screen locks.", least=1, most=240),
    Setting("prefetch_cases", "whole", 5, "Cases fetched before they are opened.", least=0, most=50),
    Setting("prefetch_priors", "whole", 2, "Earlier studies fetched with each case.", least=0, most=10),
    Setting(
        "prefetch_thumbnails",
        "whole",
        20,
        "Cases further down of which first pictures come.",
        least=0,
        most=200,
    ),
    Setting(
        "prefetch_later",
        "whole",
        20,
        "Cases further down that come whole while line and room are free.",
        least=0,
        most=200,
    ),
    Setting(
        "prefetch_quiet",
        "text",
        "",
        "Hours of the day without prefetching, as 19:00-21:30.",
        form=SPAN,
        example="19:00-21:30",
    ),
    Setting("prefetch_metered", "text", "own", "What comes over a metered line.", ("all", "own", "none")),
    Setting("prefetch_battery", "text", "all", "What comes on battery.", ("all", "own", "none")),
    Setting("metered", "text", "auto", "Whether the line is metered.", ("auto", "yes", "no")),
    Setting("reading_minutes", "number", 8.0, "Minutes a case takes to read.", least=0.5, most=120),
    Setting(
        "check_minutes", "number", 10.0, "Minutes between two looks for late images.", least=1, most=1440
    ),
    Setting(
        "cache_quota_gb", "number", 40.0, "Gigabytes of images kept; 0 for no limit.", least=0, most=100_000
    ),
    Setting("cache_free_gb", "number", 2.0, "Gigabytes of the disk left free.", least=0, most=100_000),
    Setting(
        "cache_retain_hours",
        "number",
        -1.0,
        "Hours images stay after the report's receipt; -1 keeps them until room is needed.",
        least=-1,
        most=87_600,
    ),
    Setting("pull_seconds", "number", 20.0, "Seconds between two looks at a hub.", least=1, most=3600),
    Setting(
        "viewer",
        "text",
        "",
        "Diagnostic viewer: weasis, dicomweb, an OHIF address with {url}, or the folder of OHIF's build.",
    ),
    Setting(
        "viewer_command",
        "text",
        "",
        "Command that opens the viewer, {url} in it; empty for the system's own.",
    ),
    Setting(
        "dictation_source",
        "text",
        "auto",
        "Where sound comes from: auto, portaudio, parec, pw-record, arecord, fifo:PATH or wav:PATH.",
        form=r"auto|portaudio|parec|pw-record|arecord|(?:fifo|wav):.+",
        example="auto, parec or wav:PATH",
    ),
    Setting("dictation_device", "text", "", "The microphone by its name; empty for the system's choice."),
    Setting(
        "dictation_ends",
        "text",
        "voice",
        "What ends an utterance: a pause of the voice, or the key alone.",
        ("voice", "key"),
    ),
    Setting(
        "sound",
        "text",
        "off",
        "Short tones while dictating: microphone on and off, a word to be read, trouble.",
        ("off", "dictation"),
    ),
    Setting("spelling", "switch", True, "Words that may be wrong are underlined while you write."),
    Setting(
        "notify",
        "text",
        "none",
        "How news that needs you is told: by a bell, on the desktop; never with a name.",
        ("none", "bell", "desktop", "both"),
    ),
    Setting(
        "editor",
        "switch",
        False,
        "A draft may go into the editor that VISUAL or EDITOR names, unencrypted in memory meanwhile.",
    ),
    Setting("reader_name", "text", "", "The reader's name as signed."),
)

SETTINGS: Final[Mapping[str, Setting]] = {one.key: one for one in _ALL}


@dataclass(frozen=True, slots=True)
class Origin:
    """A value and where it came from."""

    key: str
    value: Any
    source: str
    """``flag``, ``environment``, ``profile``, ``hub`` or ``built-in``."""
    where: str
    """The variable, file or hub that names it; empty for built-in."""
    losers: tuple[tuple[str, str, Any], ...] = ()
    """(source, where, value) of the others that name it, strongest first."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything a setting may come from, strongest first."""

    flags: Mapping[str, Any]
    environment: Mapping[str, str]
    profile: Mapping[str, Any]
    profile_path: str
    hubs: Sequence[tuple[str, Mapping[str, Any]]]
    """(hub name, site defaults)."""


def spec_of(key: str) -> Setting:
    """The setting of that key.

    Raises:
        UsageError: There is none.
    """
    if key not in SETTINGS:
        raise UsageError(
            f"There is no setting “{key[:64]}”.",
            remedy="teleread config show lists them.",
            code="unknown-setting",
        )
    return SETTINGS[key]


def resolve(key: str, sources: Sources) -> Origin:
    """Which value holds: flag, then environment, profile file, hub file, built in.

    Raises:
        UsageError: There is no such setting, or the value that wins has the wrong kind.
    """
    spec = spec_of(key)
    found: list[tuple[str, str, Any]] = []
    if sources.flags.get(key) is not None:
        found.append(("flag", "--" + key.replace("_", "-"), sources.flags[key]))
    if spec.kind != "table" and sources.environment.get(spec.variable):
        found.append(("environment", spec.variable, sources.environment[spec.variable]))
    if key in sources.profile:
        found.append(("profile", sources.profile_path, sources.profile[key]))
    found.extend(("hub", name, table[key]) for name, table in sources.hubs if key in table)
    if not found:
        return Origin(key, spec.default, "built-in", "")
    source, where, value = found[0]
    return Origin(key, coerce(spec, value), source, where, tuple(found[1:]))


def coerce(spec: Setting, value: Any) -> Any:
    """The value as its kind, checked.

    Raises:
        UsageError: It is of another kind, or out of bounds.
    """
    made = _COERCERS[spec.kind](value)
    if made is None:
        raise _wrong(spec, f"is to be a {_WORDS[spec.kind]}")
    if spec.choices and made not in spec.choices:
        raise _wrong(spec, "is one of " + ", ".join(spec.choices))
    if spec.form and not re.fullmatch(spec.form, str(made).strip()):
        raise _wrong(spec, f"is written as {spec.example}, or left empty")
    if spec.least is not None and made < spec.least:
        raise _wrong(spec, f"is at least {spec.least:g}")
    if spec.most is not None and made > spec.most:
        raise _wrong(spec, f"is at most {spec.most:g}")
    return made


def _wrong(spec: Setting, what: str) -> UsageError:
    return UsageError(f"The setting {spec.key} {what}.", code="bad-setting")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        made = float(value)
    except (TypeError, ValueError):
        return None
    return made if made == made and abs(made) != float("inf") else None


def _whole(value: Any) -> int | None:
    made = _number(value)
    return int(made) if made is not None and made == int(made) else None


def _switch(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    return words.get(str(value).strip().lower())


def _table(value: Any) -> dict[str, Any] | None:
    return dict(value) if isinstance(value, Mapping) else None


_COERCERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "text": _text,
    "number": _number,
    "whole": _whole,
    "switch": _switch,
    "table": _table,
}
_WORDS: Final = {
    "text": "text",
    "number": "number",
    "whole": "whole number",
    "switch": "switch (true or false)",
    "table": "table",
}
