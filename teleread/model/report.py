"""Template, draft and signed report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .evidence import Code
from .task import TaskKey, Versions
from .text import EMPTY, SafeText

__all__ = [
    "IDENTITY_CHECKED",
    "RIGHTS",
    "SECTION_IDS",
    "Check",
    "Draft",
    "FieldSpec",
    "Override",
    "Section",
    "SectionSpec",
    "Severity",
    "SignedReport",
    "Template",
    "Verdict",
]

SECTION_IDS = ("clinical-information", "technique", "comparison", "findings", "impression")
"""Section ids every built-in template has (the design, section 9)."""

IDENTITY_CHECKED = "identity-checked"
"""The one override that lifts identity stops; it takes a reason and the PIN."""

RIGHTS = ("not-yours", "may-not-sign")
"""Rules about who may sign: the first for a case that somebody else holds. No reason lifts them."""

Severity = str
"""``stop`` (identity: lifted by its own sheet only), ``block`` and ``warn`` (settle or say why), ``info``."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A place in a section's text.

    It reads ``[?label]`` while it must be filled, ``[~label]`` while it may be, ``[value]`` once it is.
    """

    id: str
    label: SafeText
    choices: tuple[SafeText, ...] = ()
    default: SafeText = EMPTY
    """Empty: it must or may be filled."""
    kind: str = ""
    """``text``, ``long-text``, ``number``, ``date``, ``time``, ``choice``, ``choices`` (several) or ``flag``;
    empty: a choice where there are choices, else text."""
    unit: str = ""
    """UCUM code of a number."""
    minimum: str = ""
    """Smallest number allowed, decimal; empty for none."""
    maximum: str = ""
    action: str = ""
    """What an unfilled field does at signing (MRRT data-field-completion-action): ``none``, ``alert`` (warns)
    or ``prohibit`` (blocks); empty where the template does not say."""
    codes: tuple[tuple[SafeText, Code], ...] = ()
    """(choice, or empty for the field itself; its code)."""


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """A section of a template."""

    id: str
    label: SafeText
    loinc: str
    text: SafeText = EMPTY
    """Text a new draft starts with; fields stand in it as ``[?label]`` or ``[default]``."""
    fields: tuple[FieldSpec, ...] = ()
    required: bool = False
    codes: tuple[Code, ...] = ()
    """Codes besides the LOINC one."""
    addendum: SafeText = EMPTY
    """Text an addendum starts with in this section."""


@dataclass(frozen=True, slots=True)
class Template:
    """A plain sectioned template."""

    id: str
    version: str
    title: SafeText
    sections: tuple[SectionSpec, ...]
    modalities: tuple[str, ...] = ()
    procedure_words: tuple[str, ...] = ()
    """Lower-case words that choose it; all of one of the entries (blank separated) must occur."""
    procedure_codes: tuple[str, ...] = ()
    sex: str = ""
    min_age: int | None = None
    max_age: int | None = None
    body_parts: tuple[str, ...] = ()
    """Lower-case words; one of them must occur in the order's body part or procedure."""
    hospitals: tuple[str, ...] = ()
    """Lower-case words; one of them must occur in the name of the site that asks."""
    modules: tuple[str, ...] = ()
    """Ids of templates whose sections are put after this one's."""
    language: str = ""
    """Language of its text (RFC 5646)."""
    origin: tuple[tuple[str, SafeText], ...] = ()
    """Where it comes from, by Dublin Core name: ``publisher``, ``creator``, ``rights``, ``license``, ..."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section as written."""

    id: str
    label: SafeText
    loinc: str
    text: SafeText
    """NFC text with line breaks."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A report being written, replayed from its journal."""

    id: str
    """UUID."""
    key: TaskKey
    kind: str
    """``report`` or ``addendum``."""
    template_id: str
    template_version: str
    seq: int
    """Number of the last journal row; a write names the one it was made on."""
    sections: tuple[Section, ...]
    fields: dict[str, str] = field(default_factory=dict)
    state: str = "open"
    """``open``, ``signed``, ``discarded``, ``kept`` (as a note)."""
    report_id: str = ""
    """The report an addendum belongs to; empty for a first report."""
    opened_versions: Versions = Versions()  # noqa: RUF009 - frozen
    """Versions seen when it was opened."""
    opened_study_digest: str = ""
    """Digest over the held SOP Instance UIDs when it was opened; empty where none were held."""
    holder: str = ""
    """Who may write: a random id of one TUI or command; empty when nobody holds it."""
    created_at: datetime | None = None
    saved_at: datetime | None = None

    def section(self, section_id: str) -> Section | None:
        """The section of that id, or None."""
        return next((one for one in self.sections if one.id == section_id), None)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule's finding about a draft."""

    id: str
    """Rule id, kebab-case, stable: overrides name it."""
    severity: Severity
    text: SafeText
    hazard: SafeText
    """The harm it guards against."""
    section: str = ""
    field: str = ""

    @property
    def blocking(self) -> bool:
        """Whether it must be settled or overridden before signing."""
        return self.severity in {"stop", "block"}

    @property
    def override(self) -> str:
        """The name of the override that lifts it: its own, or `IDENTITY_CHECKED`; empty: nothing does."""
        if self.id in RIGHTS:
            return ""
        return IDENTITY_CHECKED if self.severity == "stop" else self.id


@dataclass(frozen=True, slots=True)
class Override:
    """A reader's reason for going past a rule."""

    rule: str
    reason: SafeText


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A signed report as the vault keeps it."""

    report_id: str
    """UUID, for the report's life."""
    version: int
    """1, 2, ..."""
    draft_id: str
    key: TaskKey
    kind: str
    frozen: bytes
    """``teleread.report/1`` bytes, verbatim."""
    sha256: str
    signature: str
    """Detached JWS, compact form ``header..signature``."""
    signed_at: datetime
    idempotency_key: str
    accession: SafeText = EMPTY
    state: str = "signed"
    """``signed``, ``issued`` or ``needs_attention``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying a report found."""

    valid: bool
    trust: str
    """``own``, ``site-ca`` or ``unknown``."""
    signer: SafeText = EMPTY
    signed_at: str = ""
    sha256: str = ""
    why: SafeText = EMPTY
    """Words when not valid."""
    content: dict[str, Any] = field(default_factory=dict)
    """The frozen form as parsed, when it could be."""
