"""The reconnect table as data (the design, section 7): one row, one rule; the first that holds decides.

Pure functions over what was frozen at signing and what the hub says now. Words never hold a name or a
number of a patient: they go into lists and events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from teleread.model.identifiers import fold_name, normal_accession, normal_identifier, normal_issuer
from teleread.model.task import PriorReport, TaskContext
from teleread.model.text import SafeText, clean

__all__ = ["DRAFT_RULES", "RULES", "Action", "Decision", "Rule", "Situation", "decide", "decide_draft"]

Action = str
"""``send``; ``claim``: take the task again, then send; ``hold``: the reader chooses."""

OVER: Final = frozenset({"cancelled", "rejected", "failed", "entered-in-error"})
"""Task statuses in which nobody is to report."""
FREE: Final = frozenset({"requested", "received", "accepted", "ready"})
"""Task statuses in which anybody may take it."""
REVOKED: Final = frozenset({"revoked", "entered-in-error"})
"""Order statuses that mean the same."""


UNASKED: Final = {
    # it takes a report back, most often because it is on the wrong patient: nothing may keep that from going
    "withdrawal": frozenset({"patient-changed", "amended", "new-images"}),
    # it stands beside whoever reads or has read the case
    "opinion": frozenset({"other-final", "reassigned", "unclaimed"}),
}
"""Kind of version to the rows that don't hold it."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule looks at."""

    form: Mapping[str, Any]
    """The frozen form, parsed."""
    now: TaskContext
    """What the hub says now."""
    others: tuple[PriorReport, ...] = ()
    """Issued reports on this case that are not ours."""
    reader: str = ""
    """The reader's reference at this hub."""
    settled: frozenset[str] = frozenset()
    """Rules the reader has decided about already, by id."""

    @property
    def first(self) -> bool:
        """Whether this is a report's first signed version: an unsigned reading may have gone before."""
        return int(self.form["version"]) == 1 or self.form["kind"] in {"report", "preliminary"}

    @property
    def unasked(self) -> frozenset[str]:
        """Rules that this kind of version is never held by."""
        return UNASKED.get(str(self.form["kind"]), frozenset())


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    id: str
    holds: Callable[[Situation], str]
    """Words where the row applies; empty where it does not."""
    action: Action
    choices: tuple[str, ...] = ()
    """What the reader is offered where it holds the report."""
    later_versions: bool = False
    """It is asked of addenda too."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do."""

    rule: str
    action: Action
    why: SafeText
    choices: tuple[str, ...] = ()
    flags: tuple[SafeText, ...] = field(default=())
    """Words on what is worth telling although it is sent."""


def decide(situation: Situation) -> Decision:
    """The first row that holds."""
    flags: list[SafeText] = []
    for rule in RULES:
        if rule.id in situation.settled | situation.unasked or not (situation.first or rule.later_versions):
            continue
        words = rule.holds(situation)
        if not words:
            continue
        if rule.action == "flag":
            flags.append(clean(words))
            continue
        return Decision(rule.id, rule.action, clean(words), rule.choices, tuple(flags))
    return Decision("unchanged", "send", SafeText(""), (), tuple(flags))


# -- the rows ------------------------------------------------------------------------------------------


def _identity(one: Situation) -> str:
    then, now = one.form["patient"], one.now.patient
    if then["id"] and then["id"] != now.id:
        return "The hub now names another patient record for this order."
    if not now.active:
        return "The hub has merged this patient's record into another one."
    parts: list[str] = []
    if fold_name(then["name"]) != fold_name(now.name):
        parts.append("name")
    if then["birth_date"] != now.birth_date:
        parts.append("birth date")
    if then["sex"] != now.sex:
        parts.append("sex")
    if not _numbers_kept(then["identifiers"], now.identifiers):
        parts.append("numbers")
    return f"The hub has corrected the patient's {_listed(parts)} since you signed." if parts else ""


def _numbers_kept(then: Any, now: Any) -> bool:
    """Every number signed for is still the patient's; more numbers are no correction."""
    held = {(normal_issuer(one.issuer), normal_identifier(one.value)) for one in now}
    return all((normal_issuer(one["issuer"]), normal_identifier(one["value"])) in held for one in then)


def _others_final(one: Situation) -> str:
    if not one.others:
        return ""
    author = one.others[0].author or "somebody else"
    return f"{author} has issued a report on this case. Yours was not sent, theirs was not touched."


def _cancelled(one: Situation) -> str:
    if one.now.task.status in OVER or one.now.order.status in REVOKED:
        return "The order was cancelled after you signed."
    return ""


def _reassigned(one: Situation) -> str:
    task = one.now.task
    if task.owner and task.owner != one.reader:
        return f"{task.owner_name or 'Somebody else'} has this case now; nobody has reported it."
    return ""


def _amended(one: Situation) -> str:
    then, now = one.form["order"], one.now.order
    parts: list[str] = []
    if then["id"] and now.id and then["id"] != now.id:
        parts.append("order itself")
    if then["laterality"] != now.laterality:
        parts.append(f"side ({then['laterality'] or 'none'}, now {now.laterality or 'none'})")
    if then["body_part"] != now.body_part:
        parts.append("body part")
    if (then["procedure"], then["procedure_code"]) != (now.procedure, now.procedure_code):
        parts.append("examination")
    if then["question"] != now.question:
        parts.append("clinical question")
    if {normal_accession(a) for a in then["accessions"]} != {normal_accession(a) for a in now.accessions}:
        parts.append("accession number")
    if one.now.study and one.form["study"]["uid"] and one.form["study"]["uid"] != one.now.study.study_uid:
        parts.append("study")
    return f"The order was amended after you signed: its {_listed(parts)} changed." if parts else ""


def _unclaimed(one: Situation) -> str:
    task = one.now.task
    free = not task.owner and task.status in FREE
    return "The claim has lapsed; the case is still free." if free else ""


def _new_images(one: Situation) -> str:
    study = one.form["study"]
    seen = study["expected"] if study["expected"] is not None else study["held"]
    now = one.now.study.instances if one.now.study else None
    if now is not None and now > seen:
        return f"{now - seen} images came after you signed: think of an addendum."
    return ""


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


RULES: Final = (
    Rule("patient-changed", _identity, "hold", ("verify-identity", "withdraw"), later_versions=True),
    Rule("other-final", _others_final, "hold", ("second-opinion", "addendum", "withdraw")),
    Rule("cancelled", _cancelled, "hold", ("send-with-note", "withdraw")),
    Rule("reassigned", _reassigned, "hold", ("ask-back", "preliminary", "withdraw")),
    Rule("amended", _amended, "hold", ("resign", "withdraw"), later_versions=True),
    Rule("new-images", _new_images, "flag", later_versions=True),
    Rule("unclaimed", _unclaimed, "claim"),
)
"""In order of weight: who the patient is before anything else, then what cannot be taken back."""


# -- an open draft ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DraftRule:
    """One row about a case that is still being written."""

    id: str
    holds: Callable[[TaskContext, str], str]
    choices: tuple[str, ...]


def _draft_cancelled(now: TaskContext, reader: str) -> str:
    cancelled = now.task.status in OVER or now.order.status in REVOKED
    return "The order was cancelled. Your draft is kept." if cancelled else ""


def _draft_reassigned(now: TaskContext, reader: str) -> str:
    if not reader or not now.task.owner or now.task.owner == reader:
        return ""
    if now.task.status == "completed":
        return "Your draft, not your case: somebody else has reported it."
    return "Your draft, not your case: somebody else has it now."


DRAFT_RULES: Final = (
    DraftRule("cancelled", _draft_cancelled, ("discard", "keep-note")),
    DraftRule("reassigned", _draft_reassigned, ("hand-over", "discard", "keep-note")),
)


def decide_draft(now: TaskContext, reader: str) -> Decision | None:
    """What an open draft's case has come to; None while it is as it was."""
    for rule in DRAFT_RULES:
        words = rule.holds(now, reader)
        if words:
            return Decision(rule.id, "hold", clean(words), rule.choices)
    return None
