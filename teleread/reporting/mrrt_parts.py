"""What the page of an MRRT template is made of: sections, and in each a run of words, breaks and fields."""

from __future__ import annotations

from dataclasses import dataclass, field

from teleread.model.text import SafeText

__all__ = ["Break", "Choice", "Input", "Page", "PageSection", "Token", "Words"]


@dataclass(frozen=True, slots=True)
class Words:
    """Text as the page has it."""

    text: str
    strong: bool = False
    """It heads a row or a line (th, label, header)."""
    of: str = ""
    """Id of the field it labels."""


@dataclass(frozen=True, slots=True)
class Break:
    """A new line; ``hard`` keeps an empty one (our own ``br``)."""

    hard: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """An option."""

    text: str
    id: str = ""
    selected: bool = False


@dataclass
class Input:
    """A field of the page."""

    tag: str
    attributes: dict[str, str]
    choices: list[Choice] = field(default_factory=list)
    text: str = ""
    """What stands in a textarea."""

    def get(self, name: str) -> str:
        """An attribute, stripped; empty where it is missing."""
        return self.attributes.get(name, "").strip()


Token = Words | Break | Input


@dataclass
class PageSection:
    """A section of the page."""

    id: str
    name: str
    required: bool
    label: str = ""
    english: str = ""
    tokens: list[Token] = field(default_factory=list)
    loinc: str | None = None
    """As our own pages say it; None where the page is not ours."""
    own_id: str = ""
    addendum: str = ""
    text: str = ""
    """The text as our own pages say it."""
    told_digest: str = ""
    """What `digest` was when it was written."""
    ids: list[str] = field(default_factory=list)
    """Ids of whatever stands in it."""


@dataclass
class Page:
    """What a page says."""

    title: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    attributes: list[str] = field(default_factory=list)
    """The blocks of type text/xml."""
    sections: list[PageSection] = field(default_factory=list)
    lists: dict[str, list[Choice]] = field(default_factory=dict)
    """Options of datalists by id."""
    notes: tuple[SafeText, ...] = ()
