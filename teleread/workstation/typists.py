"""A site's typists: a draft's dictation goes to its hub, and text typed by another comes back to be read."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from teleread.hub.port import Typists
from teleread.model.errors import OfflineError, UsageError
from teleread.model.report import Draft
from teleread.model.text import SafeText, clean

from . import dictation
from .core import Core
from .sites import Sites
from .speech import DICTATED_FIELD, SHORTEST, kept_by

if TYPE_CHECKING:
    from teleread.model.typing_jobs import Typed, TypingJob
    from teleread.reporting.marks import Mark

__all__ = ["TYPING_FIELD", "Handed", "Returned", "fetch_typed", "hand_to_typist"]

TYPING_FIELD: Final = "@typing"
"""Field of the journal: the job a draft is out with, and the sequence it was handed over at; never frozen."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A dictation that is out."""

    draft: str
    job: str
    seconds: float
    sha256: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of a dictation that was out."""

    draft: str
    job: str
    state: str
    """``typed``: its text is in the draft; ``waiting``; ``ended``: the draft is over, the sound gone."""
    typist: SafeText = SafeText("")  # noqa: RUF009 - an immutable text
    sections: tuple[str, ...] = ()


def hand_to_typist(core: Core, draft_id: str) -> Handed:
    """Hand a draft's sound and text to the typists of its site; audited by hash and length.

    Raises:
        UsageError: The site has no typists, the draft is not open, or it has no sound.
        OfflineError: The hub can't be reached; nothing is lost, and doing it again is the same again.
    """
    draft = core.vault.drafts.get(draft_id)
    typists, sites = _typists(core, draft.key.hub_id)
    try:
        if draft.state != "open":
            raise UsageError("That draft is over.", "Nothing was handed over.", code="not-open")
        ring = dictation.sound_of_draft(core, draft.id)
        digest, seconds = ring.digest()
        if seconds < SHORTEST:
            raise UsageError(
                "This draft has no sound.", "Nothing was handed over.", "Dictate first.", code="no-sound"
            )
        job_id = _job(draft)[0] or str(uuid.uuid4())
        with core.vault.transaction():  # noted first: what is out is known, whatever breaks
            core.vault.drafts.append(
                draft.id,
                draft.seq,
                fields={TYPING_FIELD: f"{job_id} {draft.seq}"},
                holder=core.holder,
            )
            core.vault.audit.append(
                "typist-sent",
                subject=draft.id,
                hub_id=draft.key.hub_id,
                detail={"job": job_id, "sha256": digest, "seconds": round(seconds, 1)},
            )
        typists.to_typist(_described(core, draft, job_id, digest, seconds), ring.read(ring.start, ring.end))
    finally:
        sites.close()
    return Handed(draft.id, job_id, seconds, digest)


def fetch_typed(core: Core, draft_id: str = "") -> list[Returned]:
    """Take what typists sent back into its drafts, every sentence marked to be read.

    Args:
        core: The open profile.
        draft_id: One draft; empty for all that are out.

    Raises:
        AttentionError: An answer can't be used, or a draft is open in another window.
        OfflineError: A hub can't be reached.
    """
    drafts = [core.vault.drafts.get(draft_id)] if draft_id else core.vault.drafts.list()
    out = [one for one in drafts if _job(one)[0]]
    return [_fetched(core, one) for one in out]


def _fetched(core: Core, draft: Draft) -> Returned:
    job_id, handed_at = _job(draft)
    typists, sites = _typists(core, draft.key.hub_id)
    try:
        if draft.state != "open":
            _over(core, typists, draft, job_id)
            return Returned(draft.id, job_id, "ended")
        typed = typists.from_typist(job_id)
        if typed is None:
            return Returned(draft.id, job_id, "waiting")
        names = _put(core, draft, handed_at, typed)
        _over(core, typists, draft, job_id)
        return Returned(draft.id, job_id, "typed", typed.typist, names)
    finally:
        sites.close()


def _over(core: Core, typists: Typists, draft: Draft, job_id: str) -> None:
    typists.end_typing(job_id, keep_sound=kept_by(core, draft.key.hub_id))


def _put(core: Core, draft: Draft, handed_at: int, typed: Typed) -> tuple[str, ...]:
    """Text into the draft: in place of what was handed over, behind what was written since."""
    from teleread.reporting.marks import FIELD, marks_in, marks_out, standing

    before = core.vault.drafts.get(draft.id, handed_at)
    known = {one.id: str(one.text) for one in draft.sections}
    strange = sorted(set(typed.sections) - set(known))
    if strange:
        raise UsageError(
            "The typist wrote a section that this report has not.",
            "The draft is as it was.",
            "Ask the site to write it again under the names it was given.",
            code="bad-typing",
        )
    sections = {name: _joined(before, name, known[name], str(text)) for name, text in typed.sections.items()}
    kept = [one.mark for one in standing(marks_in(draft.fields), draft.sections)]
    fresh = [
        mark for name, text in typed.sections.items() for mark in _to_read(name, known[name], text, typed)
    ]
    with core.vault.transaction():
        core.vault.drafts.append(
            draft.id,
            draft.seq,
            sections={name: clean(text, multiline=True) for name, text in sections.items()},
            fields={
                FIELD: marks_out(list(dict.fromkeys((*kept, *fresh)))),
                DICTATED_FIELD: str(clean(f"typed by {typed.typist}", limit=120)),
                TYPING_FIELD: "",
            },
            holder=core.holder,
        )
        core.vault.audit.append(
            "typist-returned",
            subject=draft.id,
            hub_id=draft.key.hub_id,
            detail={
                "job": _job(draft)[0],
                "typist": str(typed.typist),
                "sections": sorted(sections),
                "sentences": len(fresh),
            },
        )
    return tuple(sorted(sections))


def _joined(before: Draft, name: str, now: str, typed: str) -> str:
    handed = before.section(name)
    if not now.strip() or (handed is not None and str(handed.text) == now):
        return typed
    return f"{now.rstrip()}\n\n{typed}"


def _to_read(name: str, now: str, text: SafeText, typed: Typed) -> list[Mark]:
    """A mark for each sentence that did not stand there before: it blocks the signature until it is read."""
    from teleread.reporting.marks import DICTATED, copied_passages

    source = f"typed by {typed.typist}"
    stood = {one.text for one in copied_passages(name, now, source)}
    return [
        replace(one, kind=DICTATED)
        for one in copied_passages(name, str(text), source)
        if one.text not in stood
    ]


def _described(core: Core, draft: Draft, job_id: str, digest: str, seconds: float) -> TypingJob:
    from teleread.model.typing_jobs import TypingJob

    from .cases import context_of

    order = context_of(core, draft.key).order
    sections: Mapping[str, tuple[str, str]] = {
        one.id: (str(one.label), str(one.text)) for one in draft.sections
    }
    return TypingJob(
        job_id,
        draft.key,
        order.accession,
        order.procedure,
        clean(core.hub(draft.key.hub_id).reader_name, limit=120),
        sections,
        digest,
        seconds,
        core.clock.now(),
    )


def _job(draft: Draft) -> tuple[str, int]:
    """(job, sequence it was handed over at); ("", 0) for a draft that is not out."""
    job_id, _, seq = draft.fields.get(TYPING_FIELD, "").partition(" ")
    return (job_id, int(seq)) if job_id and seq.isdecimal() else ("", 0)


def _typists(core: Core, hub_id: str) -> tuple[Typists, Sites]:
    """The hub as one that takes dictations, and what to close."""
    file = core.hub(hub_id)
    rules = file.extra.get("dictation")
    if not (isinstance(rules, dict) and rules.get("typists") is True):
        raise UsageError(
            f"{file.name} has no typists.",
            "Nothing was handed over.",
            "A site that has them says typists = true under [dictation] in its hub file.",
            code="no-typists",
        )
    if core.offline:
        raise OfflineError("Offline: the typists' folder was not looked at.", "Nothing is lost.", "")
    sites = Sites(core)
    found = sites.hub(hub_id)
    if not isinstance(found, Typists):
        sites.close()
        raise UsageError(
            f"{file.name} takes no dictations: its protocol has no place for them.",
            "Nothing was handed over.",
            "A folder on a shared drive does (teleread init --folder); its hub file names the typists.",
            code="no-typists",
        )
    return found, sites
