"""Aids of writing: autotext, spelling, comparison with an earlier report, text copied forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from teleread.model.errors import UsageError
from teleread.model.report import Draft, Section
from teleread.model.task import PriorReport, TaskContext, TaskKey
from teleread.model.text import SafeText, clean

from .core import Core

if TYPE_CHECKING:
    from teleread.reporting.autotext import Autotext
    from teleread.reporting.diff import SentencePair
    from teleread.reporting.marks import Mark
    from teleread.reporting.spelling import Speller

__all__ = [
    "accept_copied",
    "autotext_values",
    "autotexts",
    "compared",
    "drop_autotext",
    "earlier_reports",
    "mark_copied",
    "own_word",
    "set_autotext",
    "speller",
]


def autotexts(core: Core, hub: str = "") -> tuple[dict[str, Autotext], tuple[SafeText, ...]]:
    """The autotexts there are, the reader's own winning over the site's; and words on files that fail.

    Args:
        core: The open profile.
        hub: Name of the hub the draft is for; empty for none in particular.
    """
    from teleread.reporting.autotext import Autotext, load_site_autotexts
    from teleread.vault.phrases import AUTOTEXT

    found, failed = load_site_autotexts(core.paths.config / "autotext", hub)
    own = core.vault.phrases.all(AUTOTEXT)
    found |= {name: Autotext(name, clean(text, multiline=True), "own") for name, text in own.items()}
    return found, failed


def set_autotext(core: Core, name: str, text: str) -> Autotext:
    """Keep an autotext of the reader's own; audited without its text.

    Raises:
        UsageError: The name or the text can't be one, or it would expand itself.
    """
    from teleread.reporting.autotext import Autotext, check_name, check_text
    from teleread.vault.phrases import AUTOTEXT

    kept = check_name(name)
    cleaned = check_text(autotexts(core)[0], kept, text)
    with core.vault.transaction():
        core.vault.phrases.put(AUTOTEXT, kept, cleaned)
        core.vault.audit.append("autotext", subject=kept, detail={"characters": len(cleaned)})
    return Autotext(kept, cleaned, "own")


def drop_autotext(core: Core, name: str) -> None:
    """Forget one of the reader's own.

    Raises:
        UsageError: There is none of that name.
    """
    from teleread.reporting.autotext import check_name
    from teleread.vault.phrases import AUTOTEXT

    kept = check_name(name)
    with core.vault.transaction():
        if not core.vault.phrases.drop(AUTOTEXT, kept):
            raise UsageError(
                f"You have no autotext .{kept}.",
                remedy="teleread autotext list shows them.",
                code="no-autotext",
            )
        core.vault.audit.append("autotext-removed", subject=kept)


def autotext_values(core: Core, key: TaskKey) -> Mapping[str, str]:
    """What ``{side}``, ``{procedure}``, ... stand for in a case."""
    from .cases import context_of

    return _values(context_of(core, key), core)


def _values(context: TaskContext, core: Core) -> dict[str, str]:
    from teleread.reporting.drafting import relevant_prior, shown_day
    from teleread.reporting.templates import age_on

    today = core.clock.now().date()
    prior = relevant_prior(context)
    age = age_on(context.patient.birth_date, today)
    return {
        "side": str(context.order.laterality).lower(),
        "procedure": context.order.procedure,
        "part": context.order.body_part,
        "age": "" if age is None else str(age),
        "sex": {"M": "male", "F": "female"}.get(context.patient.sex, ""),
        "today": f"{today.day}/{today.month:02}/{today.year}",
        "prior": f"{prior.description or prior.modality} of {shown_day(prior)}" if prior else "",
        "question": context.order.question.split("\n")[0],
    }


def speller(core: Core) -> Speller:
    """The spelling of this reader: English, radiology, the site's and the reader's own words."""
    from teleread.reporting.spelling import Speller, load_word_lists
    from teleread.vault.phrases import WORD

    site = load_word_lists(core.paths.config / "words")
    return Speller.standard((*site, *core.vault.phrases.all(WORD)))


def own_word(core: Core, word: str, *, forget: bool = False) -> None:
    """Take a word into the reader's own list, or out of it.

    Raises:
        UsageError: It is no word.
    """
    from teleread.reporting.spelling import check_own_word
    from teleread.vault.phrases import WORD

    kept = check_own_word(word)
    if forget:
        core.vault.phrases.drop(WORD, kept)
    else:
        core.vault.phrases.put(WORD, kept)


def mark_copied(core: Core, draft: Draft, copied: Mapping[str, str], source: str) -> Draft:
    """Mark what was copied forward into a draft's sections from an earlier report, until it is edited.

    Args:
        core: The open profile.
        draft: The draft, the text in it already.
        copied: Section id to the text that was put there.
        source: Id of the earlier report.
    """
    from teleread.reporting.marks import FIELD, copied_passages, marks_in, marks_out, standing

    fresh = [one for section, text in copied.items() for one in copied_passages(section, text, source)]
    kept = [one.mark for one in standing(marks_in(draft.fields), draft.sections)]
    fields = {FIELD: marks_out(list(dict.fromkeys((*kept, *fresh))))}
    core.vault.drafts.append(draft.id, draft.seq, fields=fields, holder=core.holder)
    return core.vault.drafts.get(draft.id)


def accept_copied(core: Core, draft: Draft, marks: Sequence[Mark]) -> Draft:
    """The reader has read copied passages and stands for them as they are; audited without their words.

    The check ``copied-unedited`` does not name them any more.

    Args:
        core: The open profile.
        draft: The draft.
        marks: The passages, as its journal has them.
    """
    from teleread.reporting.marks import COPIED, FIELD, marks_in, marks_out

    read = {one for one in marks if one.kind == COPIED}
    held = marks_in(draft.fields)
    gone = [one for one in held if one in read]
    if not gone:
        return draft
    fields = {FIELD: marks_out([one for one in held if one not in read])}
    with core.vault.transaction():
        core.vault.drafts.append(draft.id, draft.seq, fields=fields, holder=core.holder)
        core.vault.audit.append(
            "copied-read",
            subject=draft.id,
            hub_id=draft.key.hub_id,
            detail={"passages": len(gone), "sections": sorted({one.section for one in gone})},
        )
    return core.vault.drafts.get(draft.id)


def earlier_reports(core: Core, draft: Draft) -> tuple[PriorReport, ...]:
    """What was reported of this patient before, as far as it is here; the newest first."""
    from .around import with_prior_reports
    from .cases import context_of

    found = with_prior_reports(core, context_of(core, draft.key)).prior_reports
    return tuple(sorted(found, key=lambda one: one.issued.timestamp() if one.issued else 0.0, reverse=True))


def compared(draft: Draft, prior: PriorReport) -> tuple[tuple[Section, tuple[SentencePair, ...]], ...]:
    """A draft beside an earlier report: each section that one of them has, with its sentences in pairs."""
    from teleread.reporting.diff import sections_in, sentence_pairs

    before = {one.id: one for one in sections_in(str(prior.text), str(prior.conclusion))}
    mine = {one.id for one in draft.sections}
    out = [
        (one, sentence_pairs(str(before[one.id].text) if one.id in before else "", str(one.text)))
        for one in draft.sections
    ]
    out += [(one, sentence_pairs(str(one.text), "")) for name, one in before.items() if name not in mine]
    return tuple((section, pairs) for section, pairs in out if pairs)
