"""What every hub says of what can't be done there, whatever protocol it speaks: claims, notes."""

from __future__ import annotations

from teleread.model.errors import AttentionError
from teleread.model.hubfile import HubFile
from teleread.model.text import clean

__all__ = ["check_reader", "claim_lost", "no_notes"]


def check_reader(hub: HubFile) -> None:
    """See that the hub file says who the reader is there.

    Raises:
        AttentionError: ``no-reader``.
    """
    if not hub.reader_reference:
        raise AttentionError(
            f"The hub file of {hub.name} does not say who you are at that hub.",
            remedy=f"Run teleread init --hub {hub.name} --reader-id ID.",
            code="no-reader",
        )


def claim_lost(title: str) -> AttentionError:
    """The refusal of a task that is somebody else's, or no longer offered.

    Args:
        title: Who has it, or what became of it, in words.
    """
    return AttentionError(
        clean(title),
        "A draft of yours stays as it is.",
        "Take the next case, or ask the site.",
        code="claim-lost",
    )


def no_notes(hub: HubFile, title: str) -> AttentionError:
    """The refusal of a note by a site that has no way to take one.

    Args:
        hub: The hub file: the site's telephone number.
        title: Who takes none, in words.
    """
    return AttentionError(
        title,
        "The note is kept here, and nothing was sent.",
        f"Tell the site by telephone{f' ({hub.site_phone})' if hub.site_phone else ''},"
        " then withdraw the note and say whom you told.",
        code="refused",
    )
