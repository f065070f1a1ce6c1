"""The page of an MRRT template: its head, and each section as a run of words, breaks and fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.text import SafeText, clean

__all__ = ["Break", "Choice", "Input", "Page", "PageSection", "Words", "read_page"]

MAX_DEPTH: Final = 200
MAX_TOKENS: Final = 50_000


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


_LINES: Final = frozenset(
    {"p", "div", "tr", "li", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "hr"}
)
_EMPTY: Final = frozenset(
    {"br", "hr", "img", "input", "link", "meta", "area", "base", "col", "embed", "source", "wbr"}
)
_SILENT: Final = frozenset(
    {"style", "template", "iframe", "object", "noscript", "svg", "math", "canvas", "audio", "video"}
)
_CELLS: Final = frozenset({"td", "th"})
_ENDS: Final = {
    "td": _CELLS,
    "th": _CELLS,
    "tr": _CELLS | {"tr"},
    "li": frozenset({"li"}),
    "p": frozenset({"p"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
}
"""Which open elements a start tag closes (HTML, optional tags)."""
_WALLS: Final = frozenset({"table", "ul", "ol", "dl", "section", "body"})
"""Nothing beyond these is closed by it."""
_LEFT_OUT: Final = {
    "script": "script",
    "link": "link to another file",
    "img": "picture",
    "iframe": "page inside the page",
    "object": "object inside the page",
    "embed": "object inside the page",
    "style": "style sheet",
}


def read_page(text: str, name: str) -> Page:
    """Read a page.

    Raises:
        UsageError: It is nested deeper, or has more in it, than any template needs.
    """
    reader = _Reader(name)
    reader.feed(text)
    reader.close()
    return reader.finished()


class _Reader(HTMLParser):
    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._name = name
        self._stack: list[str] = []
        self._open: list[PageSection] = []
        self._left: dict[str, int] = {}
        self._tokens = 0
        self._label_of = ""
        self._input: Input | None = None
        self._list: list[Choice] | None = None
        self._option: dict[str, str] | None = None
        self._text: list[str] = []

    # -- what comes ---

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        table = {key: value if value is not None else "" for key, value in attrs}
        if tag in _LEFT_OUT and table.get("type") != "text/xml":
            self._left[tag] = self._left.get(tag, 0) + 1
        if any(key.startswith("on") for key in table):
            self._left["script"] = self._left.get("script", 0) + 1
        if self._open and table.get("id"):
            self._open[0].ids.append(table["id"].strip())
        self._close_before(tag)
        start = getattr(self, f"_start_{tag}", None)
        if start is not None:
            start(table)
        elif tag in _LINES:
            self._put(Break())
        if tag not in _EMPTY:
            self._stack.append(tag)
            if len(self._stack) > MAX_DEPTH:
                raise UsageError(f"{self._name} is nested too deep for a template.", code="too-long")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _EMPTY or tag not in self._stack:
            return
        while self._stack:
            closed = self._stack.pop()
            end = getattr(self, f"_end_{closed}", None)
            if end is not None:
                end()
            elif closed in _LINES:
                self._put(Break())
            if closed == tag:
                break

    def handle_data(self, data: str) -> None:
        inside = set(self._stack)
        inner = self._stack[-1] if self._stack else ""
        typed = self._input is not None and self._input.tag == "textarea"
        if self._option is not None or typed or inner in {"script", "title"} or "header" in inside:
            self._text.append(data)
        elif not _SILENT & inside and self._open:
            strong = bool({"th", "label", "h1", "h2", "h3", "h4", "dt"} & inside)
            self._put(Words(data, strong, self._label_of) if data.strip() else Words(" "))

    def handle_comment(self, data: str) -> None:
        if self._stack and self._stack[-1] == "script":
            self._text.append(data)

    def _close_before(self, tag: str) -> None:
        """Close what an element ends by beginning (a cell the cell before it, a row the row before it)."""
        ends = _ENDS.get(tag, frozenset())
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] in _WALLS:
                return
            if self._stack[at] in ends:
                self.handle_endtag(self._stack[at])
                return self._close_before(tag)

    # -- head ---

    def _start_meta(self, table: dict[str, str]) -> None:
        name = table.get("name", "").lower()
        if name.startswith(("dcterms.", "dc.", "teleread.")) and len(self.page.meta) < 100:
            name = name.replace("dc.", "dcterms.", 1) if name.startswith("dc.") else name
            self.page.meta.setdefault(name, table.get("content", "").strip())

    def _start_title(self, _: dict[str, str]) -> None:
        self._text = []

    def _end_title(self) -> None:
        self.page.title = self.page.title or _squeezed("".join(self._text))
        self._text = []

    def _start_script(self, table: dict[str, str]) -> None:
        self._text = [] if table.get("type") == "text/xml" else ["\0"]

    def _end_script(self) -> None:
        text = "".join(self._text)
        if not text.startswith("\0"):
            self.page.attributes.append(text)
        self._text = []

    # -- body ---

    def _start_section(self, table: dict[str, str]) -> None:
        if self._open and len(self._open) > 0:
            self._put(Break())
        own = table.get("data-teleread-id", "")
        one = PageSection(
            id=table.get("id", "").strip(),
            name=clean(table.get("data-section-name", "").strip(), limit=200),
            required=table.get("data-section-required", "").lower() == "true",
            loinc=table.get("data-teleread-loinc"),
            own_id=own,
            addendum=table.get("data-teleread-addendum", ""),
            text=table.get("data-teleread-text", ""),
            told_digest=table.get("data-teleread-digest", ""),
        )
        self._open.append(one)
        if len(self._open) == 1:
            self.page.sections.append(one)

    def _end_section(self) -> None:
        if not self._open:
            return
        one = self._open.pop()
        if self._open and one.tokens:
            # a section inside another is part of it, under its own heading
            heading = one.label or one.name
            if heading:
                self._put(Words(heading, True))
            self._put(Break())
            for token in one.tokens:
                self._put(token)
            self._put(Break())

    def _start_header(self, table: dict[str, str]) -> None:
        self._text = []
        if self._open and not self._open[-1].english:
            self._open[-1].english = table.get("data-english", "")

    def _end_header(self) -> None:
        label = _squeezed("".join(self._text))
        self._text = []
        if not self._open or not label:
            return
        if self._open[-1].label:
            self._put(Break())
            self._put(Words(label, True))
            self._put(Break())
        else:
            self._open[-1].label = label

    def _start_br(self, table: dict[str, str]) -> None:
        self._put(Break("data-teleread" in table))

    def _start_label(self, table: dict[str, str]) -> None:
        self._label_of = table.get("for", "").strip()

    def _end_label(self) -> None:
        self._label_of = ""

    def _start_input(self, table: dict[str, str]) -> None:
        if "label" in self._stack and not self._label_of:  # what follows in the label is this one's
            self._label_of = table["id"] = table.get("id", "").strip() or f"in-label-{self._tokens}"
        if table.get("type", "").lower() in {"hidden", "button", "submit", "reset", "image", "file"}:
            return
        self._put(Input("input", table))

    def _start_textarea(self, table: dict[str, str]) -> None:
        self._input = Input("textarea", table)
        self._text = []
        self._put(self._input)

    def _end_textarea(self) -> None:
        if self._input is not None and self._input.tag == "textarea":
            self._input.text = "".join(self._text).strip()
        self._input, self._text = None, []

    def _start_select(self, table: dict[str, str]) -> None:
        self._input = Input("select", table)
        self._list = self._input.choices
        self._put(self._input)

    def _end_select(self) -> None:
        self._finish_option()
        self._input = self._list = None

    def _start_datalist(self, table: dict[str, str]) -> None:
        self._list = self.page.lists.setdefault(table.get("id", ""), [])

    def _end_datalist(self) -> None:
        self._finish_option()
        self._list = None

    def _start_option(self, table: dict[str, str]) -> None:
        self._finish_option()
        self._option, self._text = table, []

    def _end_option(self) -> None:
        self._finish_option()

    def _finish_option(self) -> None:
        if self._option is None:
            return
        text = _squeezed("".join(self._text)) or self._option.get("value", "").strip()
        if self._list is not None and text and len(self._list) < 1000:
            self._list.append(Choice(text, self._option.get("id", ""), "selected" in self._option))
        self._option, self._text = None, []

    # -- keeping ---

    def _put(self, token: Token) -> None:
        if not self._open:
            return
        self._tokens += 1
        if self._tokens > MAX_TOKENS:
            raise UsageError(f"{self._name} has more in it than a template needs.", code="too-long")
        self._open[-1].tokens.append(token)

    def finished(self) -> Page:
        """The page, whatever was left open closed."""
        self._finish_option()
        while self._open:
            self._end_section()
        notes = [
            clean(f"{count} {_LEFT_OUT[tag]}{'s' if count > 1 else ''} left out.")
            for tag, count in self._left.items()
        ]
        self.page.notes = tuple(notes)
        for section in self.page.sections:
            for token in section.tokens:
                if isinstance(token, Input) and token.get("list") in self.page.lists:
                    token.choices = token.choices or self.page.lists[token.get("list")]
        return self.page


def _squeezed(text: str) -> str:
    return " ".join(text.split())
