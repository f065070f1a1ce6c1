"""One picture for the command line: from a file, or from a held study."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from teleread.model.errors import AttentionError, UsageError

from .cases import instance_bytes, study_series
from .core import Core
from .naming import resolve_study

__all__ = ["Picked", "picture_bytes", "rejected_images", "show"]

MAX_OBJECT: Final = 2 * 1024**3
"""Largest file opened, bytes."""

KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"
"""Key Object Selection Document Storage."""
MAX_NOTES: Final = 64
MAX_NOTE: Final = 4 * 1024 * 1024
"""Largest key object selection that is read for a rejection, bytes."""

_HELD: Final = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63}/)?[0-9.]+(?:/[0-9.]+){0,2}")


@dataclass(frozen=True, slots=True)
class Picked:
    """An object to draw."""

    data: bytes
    """Its Part 10 bytes."""
    other: Callable[[str], bytes | None] | None = None
    """Another object of the same study, by SOP Instance UID."""


def picture_bytes(core: Callable[[], Core], what: str) -> Picked:
    """The object to draw.

    Args:
        core: Opens the vault; called only for what is in it.
        what: A path, or ``STUDY[/SERIES_UID[/SOP_UID]]``.

    Raises:
        UsageError: Neither a file nor something held.
    """
    path = Path(what)
    if path.is_file():
        if path.stat().st_size > MAX_OBJECT:
            raise UsageError("That file is larger than any object that is shown.", code="too-long")
        return Picked(path.read_bytes())
    if not _HELD.fullmatch(what):
        raise UsageError(
            "There is no such file, and it is no study either.",
            remedy="Name a file, or STUDY, STUDY/SERIES_UID or STUDY/SERIES_UID/SOP_UID.",
            code="no-file",
        )
    return _held(core(), what)


def _held(core: Core, what: str) -> Picked:
    hub, parts = _split(core, what)
    key = resolve_study(core, f"{hub}/{parts[0]}" if hub else parts[0])
    series = [
        one
        for one in study_series(core, key.hub_id, key.study_uid)
        if len(parts) < 2 or one.series_uid == parts[1]
    ]
    if not series:
        raise UsageError(
            "Nothing of that study is held here.",
            remedy="teleread fetch brings it." if len(parts) < 2 else "teleread study lists its series.",
            code="not-held",
        )
    if len(parts) == 3:
        sops = [one.sop_uid for found in series for one in found.instances if one.sop_uid == parts[2]]
        if not sops:
            raise UsageError(
                "That instance is not held here.", remedy="teleread study lists them.", code="not-held"
            )
        sop = sops[0]
        hidden = rejected_images(core, key.hub_id, key.study_uid)
        if sop in hidden:
            raise AttentionError(
                f"That image is {hidden[sop]}.",
                "A rejection note of the hospital withdraws it; it is not shown.",
                "The hospital knows why.",
                code="rejected",
            )
    else:
        from teleread.imaging.stack import largest_series, middle

        # A study shows its pictures first; a series of documents is chosen only when there is nothing else.
        hidden = rejected_images(core, key.hub_id, key.study_uid)
        drawn = [
            [one for one in found.instances if one.frames and one.rows and one.sop_uid not in hidden]
            for found in series
        ]
        chosen = middle(
            largest_series([one for one in drawn if one] or [found.instances for found in series])
        )
        assert chosen is not None
        sop = chosen.sop_uid
    hub_id, study = key.hub_id, key.study_uid
    held = {one.sop_uid for found in study_series(core, hub_id, study) for one in found.instances}
    return Picked(
        instance_bytes(core, hub_id, study, sop),
        lambda uid: instance_bytes(core, hub_id, study, uid) if uid in held else None,
    )


def rejected_images(core: Core, hub_id: str, study_uid: str) -> dict[str, str]:
    """SOP Instance UIDs that rejection notes held with a study withdraw, and why, in words.

    Args:
        core: The open vault.
        hub_id: Whose study.
        study_uid: Which.
    """
    notes = [
        one
        for one in core.vault.studies.instances(hub_id, study_uid)
        if one.sop_class == KEY_OBJECTS and one.size <= MAX_NOTE
    ][:MAX_NOTES]
    if not notes:
        return {}
    from teleread.imaging.decode import DecodePool
    from teleread.imaging.objects import Document, hidden_images

    with DecodePool() as pool:
        read = [pool.read(instance_bytes(core, hub_id, study_uid, one.sop_uid)) for one in notes]
    hidden = hidden_images(one for one in read if isinstance(one, Document))
    return {uid: str(why) for uid, why in hidden.items()}


def _split(core: Core, what: str) -> tuple[str, list[str]]:
    """A hub's name in front, and the one to three UIDs."""
    parts = what.split("/")
    names = {one.name for one in core.hubs} | {one.hub_id for one in core.hubs}
    if len(parts) > 1 and parts[0] in names:
        return parts[0], parts[1:]
    return "", parts


def show(
    data: bytes,
    *,
    frame: int,
    window: str | None,
    png: str | None,
    annotate: bool,
    cells: tuple[int, int] | None,
    colours: bool,
    protocol: str,
    other: Callable[[str], bytes | None] | None = None,
) -> tuple[dict[str, Any], str, str]:
    """Decode, and write a PNG or draw in cells.

    Args:
        data: The object's Part 10 bytes.
        frame: Which, from 1.
        window: ``CENTRE,WIDTH``, a preset, or None.
        png: Where a PNG goes; None for none.
        annotate: Text, aspect correction.
        cells: (columns, rows) to draw in; None draws nothing.
        colours: Whether the terminal takes colours.
        protocol: ``auto`` or a way of drawing.
        other: Another object of the same study, by SOP Instance UID; None where there is none.

    Returns:
        The contract's answer, the lines to print (empty for none), and the object's own text.

    Raises:
        TelereadError: It can't be shown, or the PNG can't be written.
    """
    from teleread.imaging.show import picture_of_file

    found = picture_of_file(data, frame, window or "", annotate=annotate, other=other)
    drawn = ""
    if found.picture is not None and png:
        from teleread.imaging.png import write_png

        write_png(found.picture.array, png, {"Description": str(found.picture.label), "Software": "teleread"})
    elif found.picture is not None and cells is not None and protocol != "none":
        drawn = _drawn(found.picture, cells, colours, protocol)
    return found.answer, drawn, found.text


def _drawn(picture: Any, cells: tuple[int, int], colours: bool, protocol: str) -> str:
    import os

    from teleread.imaging.probe import TerminalFacts
    from teleread.imaging.protocol import colours_of
    from teleread.imaging.ways import draw, pick

    facts = TerminalFacts()
    if colours and protocol in ("auto", "sixel", "kitty", "iterm2"):
        from teleread.imaging.asking import LIMIT, LIMIT_FAR, ask_terminal

        facts = ask_terminal(LIMIT_FAR if os.environ.get("SSH_CONNECTION") else LIMIT)
    name = pick(protocol, os.environ, facts)
    if name == "none":
        return ""
    made = draw(
        picture.array,
        cells,
        name,
        aspect=picture.aspect,  # 1.0 where --annotate squared the pixels already
        colours=colours_of(os.environ) if colours else "mono",
        facts=facts,  # never shared memory: nobody would stay to remove what the terminal did not take
    )
    words = "half blocks" if name == "halfblock" else name
    note = ", ".join(part for part in (words, made.note, str(picture.label)) if part)
    # A Sixel picture leaves the cursor below itself; the others leave it where it was.
    lines = made.lines[:1] if name == "sixel" else made.lines
    return "\n".join([*lines, f"{made.placement.ratio}  {note}", ""])
