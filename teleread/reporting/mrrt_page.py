"""The page of an MRRT template: its head, and each section as a run of words, breaks and fields."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.text import clean

from .mrrt_parts import Break, Choice, Input, Page, PageSection, Token, Words

__all__ = ["read_page"]

MAX_DEPTH: Final = 200
MAX_TOKENS: Final = 50_000

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
    "link": "outside link",
    "img": "picture",
    "iframe": "inner page",
    "object": "inner object",
    "embed": "inner object",
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
        self._label_at: int | None = None
        self._label_over = False
        self._groups: dict[str, str] = {}
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
        self._group(tag, table)
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
            strong = bool({"th", "label", "h1", "h2", "h3", "h4", "dt"} & inside) and not self._label_over
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

    def _group(self, tag: str, table: dict[str, str]) -> None:
        """An element around buttons says for all of them what to do where none is pressed."""
        action = "data-field-completion-action"
        name = table.get("name", "").strip()
        if tag == "input" and name in self._groups:
            table.setdefault(action, self._groups[name])
        elif tag not in {"input", "select", "textarea"} and table.get(action) and table.get("id"):
            self._groups[table["id"].strip()] = table[action]

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
        self._label_at = len(self._open[-1].tokens) if self._open else None
        self._label_over = False

    def _end_label(self) -> None:
        if self._label_of:
            self._join_label(self._label_of)
        self._label_of, self._label_at, self._label_over = "", None, False

    def _join_label(self, of: str) -> bool:
        """Make the label's words so far one, which names a field; False where there are none."""
        if not self._open or self._label_at is None:
            return False
        said = self._open[-1].tokens[self._label_at :]
        words = " ".join(one.text.strip() for one in said if isinstance(one, Words) and one.text.strip())
        if words and not any(isinstance(one, Input) for one in said):
            self._open[-1].tokens[self._label_at :] = [Words(f"{words} ", True, of)]
        return bool(words)

    def _labelled(self, table: dict[str, str]) -> None:
        """A field inside a label has its words for a name: those before it, else those behind it."""
        if "label" not in self._stack or self._label_of or self._label_over:
            return
        table["id"] = table.get("id", "").strip() or f"in-label-{self._tokens}"
        self._label_over = self._join_label(table["id"])
        if not self._label_over:
            self._label_of = table["id"]
            self._label_at = len(self._open[-1].tokens) + 1 if self._open else None

    def _start_input(self, table: dict[str, str]) -> None:
        if table.get("type", "").lower() in {"hidden", "button", "submit", "reset", "image", "file"}:
            return
        self._labelled(table)
        self._put(Input("input", table))

    def _start_textarea(self, table: dict[str, str]) -> None:
        self._labelled(table)
        self._input = Input("textarea", table)
        self._text = []
        self._put(self._input)

    def _end_textarea(self) -> None:
        if self._input is not None and self._input.tag == "textarea":
            self._input.text = "".join(self._text).strip()
        self._input, self._text = None, []

    def _start_select(self, table: dict[str, str]) -> None:
        self._labelled(table)
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
