"""A section of an MRRT page laid out as our text: its words line by line, its fields where they stand."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from teleread.model.evidence import Code
from teleread.model.report import FieldSpec
from teleread.model.text import EMPTY, SafeText, clean

from .mrrt_codes import Codes, slug
from .mrrt_parts import Break, Input, PageSection, Words
from .mrrt_words import Line, is_opaque, marked, named, number, pretty, unbracketed, unfielded, unlike

__all__ = ["digest", "laid_out"]

_KINDS: Final = {
    "TEXT": "text",
    "TEXTAREA": "long-text",
    "NUMBER": "number",
    "DATE": "date",
    "TIME": "time",
    "SELECTION_LIST": "choice",
    "RADIO": "choice",
    "CHECKBOX": "flag",
}
_INPUT_KINDS: Final = {
    "number": "number",
    "range": "number",
    "date": "date",
    "time": "time",
    "checkbox": "flag",
    "radio": "choice",
    "textarea": "long-text",
    "text": "text",
}
_BLANK: Final = re.compile(r"[\s\-–—_.…]*|(please |bitte )?(select|choose|auswählen|wählen).*", re.IGNORECASE)
_SIDE: Final = re.compile(
    r"(left|right|both|bilateral|links?|rechts?|beidseits|beide|L|R)( side| Seite)?", re.IGNORECASE
)
_ACTIONS: Final = {"NONE": "none", "ALERT": "alert", "PROHIBIT": "prohibit"}
_BESIDE: Final = "_FreeText"
"""How radreport.org's editor ends the id of a text field that belongs to a button."""
YES_NO: Final = (SafeText("yes"), SafeText("no"))


def laid_out(section: PageSection, codes: Codes) -> tuple[str, tuple[FieldSpec, ...]]:
    """The text of a section and its fields.

    A page of ours says the text itself, and is taken by its word while nobody changed what stands there.
    """
    fields = _Fields(section, codes)
    told = section.text if section.told_digest and section.told_digest == digest(section) else None
    if told is not None:
        return told, tuple(sorted(fields.specs, key=fields.order.__getitem__))
    return fields.text(), tuple(fields.specs)


def digest(section: PageSection) -> str:
    """SHA-256 over the words and fields of a section, blanks squeezed."""
    parts = []
    for token in section.tokens:
        if isinstance(token, Words):
            parts.append(" ".join(token.text.split()))
        elif isinstance(token, Input):
            parts.append(repr((sorted(token.attributes.items()), token.choices, token.text)))
    return hashlib.sha256("\x1f".join(one for one in parts if one).encode("utf-8", "replace")).hexdigest()


@dataclass
class _Slot:
    """A field and where it is named."""

    spec: FieldSpec
    caption: int | None
    """Place of the words that name it; None where nothing does."""


_Choices = tuple[tuple[SafeText, ...], SafeText, tuple[tuple[SafeText, Code], ...]]
"""Choices, the one that is picked beforehand, and the codes by choice."""


class _Fields:
    """The fields of a section, each with a name that no other has."""

    def __init__(self, section: PageSection, codes: Codes) -> None:
        self._tokens = section.tokens
        self._codes = codes
        self._slots: dict[int, _Slot] = {}
        self._silent: set[int] = set()
        self._labels: dict[str, int] = {}
        self._behinds: dict[int, int] = {}
        self._named: dict[tuple[str, str], list[Input]] = {}
        self._typed: dict[str, Input] = {}
        """Fields that say their type, by id."""
        for at, one in enumerate(self._tokens):
            if isinstance(one, Words) and one.of and one.text.strip():
                self._labels.setdefault(one.of, at)
            elif isinstance(one, Input):
                if self._owns_words(at + 1, one):
                    self._behinds[id(one)] = at + 1
                if one.get("type"):
                    self._typed.setdefault(one.get("id"), one)
                if one.get("name"):  # buttons without a name are each their own
                    self._named.setdefault((one.get("type").lower(), one.get("name")), []).append(one)
        self._taken: set[str] = set()
        self._used: set[int | None] = {None}
        self._ids: set[str] = set()
        self._groups: dict[str, int] = {}
        self.specs: list[FieldSpec] = []
        self.order: dict[FieldSpec, int] = {}
        self._walk()

    # -- which field is called what ---

    def _walk(self) -> None:
        line = Line()
        for at, token in enumerate(self._tokens):
            if isinstance(token, Break):
                line = line.next()
            elif isinstance(token, Words):
                if at not in self._silent:
                    line.words(at, token)
            elif "data-teleread-none" not in token.attributes and not self._grouped(at, token):
                self._keep(at, token, line)

    def _grouped(self, at: int, token: Input) -> bool:
        """Take a further radio button or check box into the field that its group is already."""
        kind = token.get("type").lower()
        name = token.get("name")
        if kind not in {"radio", "checkbox"} or not name:
            return False
        first = self._groups.setdefault(f"{kind}/{name}", at)
        words = self._labels.get(token.get("id"), self._behinds.get(id(token)))
        if words is not None and (kind == "radio" or first != at or self._several(kind, name)):
            self._silent.add(words)
        return first != at

    def _owns_words(self, at: int, token: Input) -> bool:
        """Whether the words behind a button are its own, without being said to be."""
        follow, value = self._plain_words(at), " ".join(token.get("value").split())
        if token.get("type").lower() not in {"radio", "checkbox"} or not follow:
            return False
        return value in {"", "on"} or is_opaque(value) or follow.casefold() == value.casefold()

    def _plain_words(self, at: int) -> str:
        """The words at a place, squeezed, if no field is said to own them; else empty."""
        token = self._tokens[at] if at < len(self._tokens) else None
        return " ".join(token.text.split()) if isinstance(token, Words) and not token.of else ""

    def _several(self, kind: str, name: str) -> bool:
        return len(self._named.get((kind, name), ())) > 1

    def _keep(self, at: int, token: Input, line: Line) -> None:
        of_group = self._labels.get(token.get("name"))
        caption = self._labels.get(token.get("id")) or of_group
        if caption in self._used:  # an id that stands twice on the page
            caption = None
        kind = token.get("type").lower()
        grouped = kind == "radio" or (kind == "checkbox" and self._several(kind, token.get("name")))
        if caption is not None and token.get("type").lower() == "checkbox" and not grouped:
            self._silent.add(caption)  # it stands after its box; our text names a field before it
        elif grouped and of_group not in self._used | self._silent:
            caption = of_group
        elif caption is None or caption in self._silent or grouped:
            caption = line.caption()
        else:
            line.used(caption)
        if caption is None and kind == "checkbox" and not grouped and self._plain_words(at + 1):
            caption = at + 1  # a lone box and its words
            self._silent.add(caption)
        told = token.get("title") or token.get("name") or token.get("id")
        beside = token.get("value") if told.endswith(_BESIDE) else ""
        own = token.get("data-teleread-label") or self._said(caption)
        label = own or beside or pretty(told) or "Field"
        if label.casefold() in self._taken and line.heading:
            label = f"{line.heading}: {label}"
        label = unlike(clean(unbracketed(label), limit=190), self._taken, "{} ({})")
        self._taken.add(label.casefold())
        spec = self._spec(token, SafeText(label), self._members(token) if grouped else [token])
        self.specs.append(spec)
        place = token.get("data-teleread-order")
        self.order[spec] = int(place) if place.isdigit() else len(self.specs)
        self._slots[at] = _Slot(spec, None if caption in self._silent else caption)
        self._used.add(caption)
        line.fields += 1

    def _said(self, at: int | None) -> str:
        token = self._tokens[at] if at is not None else None
        return " ".join(token.text.split()).rstrip(": ").strip() if isinstance(token, Words) else ""

    def _members(self, token: Input) -> list[Input]:
        return self._named.get((token.get("type").lower(), token.get("name")), [token])

    # -- what a field is ---

    def _spec(self, token: Input, label: SafeText, members: list[Input]) -> FieldSpec:
        name = token.get("data-teleread-field") or _word(token.get("name") or token.get("id") or label)
        field_id = unlike(name, self._ids, "{}-{}")
        self._ids.add(field_id.casefold())
        if len(members) > 1 or token.get("type").lower() == "radio":
            choices, default, codes = self._buttons(members)
        else:
            choices, default, codes = self._options(token)
        kind = _kind(token, len(members) > 1)
        if kind == "flag" and not choices:
            choices = YES_NO
        own = (token.get("id"), token.get("name"))
        found = dict.fromkeys(code for one in own for code in self._codes.of(one)) if own[0] or own[1] else {}
        return FieldSpec(
            id=field_id,
            label=label,
            choices=choices,
            default=default,
            kind=token.get("data-teleread-kind") if _ours(token) else kind,
            unit=str(clean(token.get("data-field-units"), limit=40)),
            minimum=number(token.get("min")),
            maximum=number(token.get("max")),
            action=_ACTIONS.get(token.get("data-field-completion-action").upper(), ""),
            codes=(*((EMPTY, code) for code in found), *codes),
        )

    def _options(
        self, token: Input
    ) -> tuple[tuple[SafeText, ...], SafeText, tuple[tuple[SafeText, Code], ...]]:
        shown = [
            (clean(unbracketed(one.text), limit=400), one)
            for one in token.choices
            if not _BLANK.fullmatch(one.text)
        ]
        choices = tuple(dict.fromkeys(text for text, _ in shown))
        codes = tuple(
            (text, code) for text, one in shown for code in self._codes.of(one.id) or self._codes.of(one.text)
        )
        picked = [text for text, one in shown if one.selected]
        first_is_blank = bool(token.choices) and bool(_BLANK.fullmatch(token.choices[0].text))
        if token.tag == "select":
            # a list shows its first entry where none is picked; a side is never taken by itself
            sides = all(_SIDE.fullmatch(one) for one in choices)
            shows_none = first_is_blank or sides or _ours(token) or "multiple" in token.attributes
            first = EMPTY if shows_none or not choices else choices[0]
            default = picked[0] if picked else first
        else:
            default = clean(unbracketed(self._written(token)), multiline=False, limit=400)
        return choices, default, codes

    def _written(self, token: Input) -> str:
        """What a field holds before anyone has touched it; a box that is not ticked holds nothing."""
        if token.get("type").lower() == "checkbox" and not _ours(token):
            return YES_NO[0] if "checked" in token.attributes else ""
        if token.get("id").endswith(_BESIDE):  # room for words beside a button that is not pressed
            button = self._typed.get(token.get("id").removesuffix(_BESIDE))
            if button is not None:
                return token.get("value") if "checked" in button.attributes else ""
        return token.text or token.get("value")

    def _buttons(self, members: list[Input]) -> _Choices:
        shown = []
        for one in members:
            words = self._said(self._labels.get(one.get("id"), self._behinds.get(id(one))))
            value = one.get("value")
            # a value of several words is what the report is to say; else the reader's words for it
            told = value if value != "on" and (" " in value or not words) else words
            said = clean(unbracketed(told or "yes"), limit=400)
            if not _BLANK.fullmatch(said):
                shown.append((said, one))
        choices = tuple(dict.fromkeys(text for text, _ in shown))
        codes = tuple((text, code) for text, one in shown for code in self._codes.of(one.get("id")))
        picked = [text for text, one in shown if "checked" in one.attributes]
        return choices, picked[0] if picked else EMPTY, codes

    # -- the text ---

    def text(self) -> str:
        """The section's words with the fields in them; a section that is one free text starts empty."""
        if len(self.specs) == 1 and _free(self.specs[0]) and not self._prose():
            (at,) = self._slots
            token = self._tokens[at]
            return unbracketed(token.text) if isinstance(token, Input) else ""
        captions = {slot.caption: slot.spec for slot in self._slots.values() if slot.caption is not None}
        lines: list[str] = [""]
        fields_in_line = 0
        for at, token in enumerate(self._tokens):
            if isinstance(token, Break):
                lines.append("")
                fields_in_line = 0
            elif isinstance(token, Words):
                if at not in self._silent:
                    lines[-1] += self._words(at, token, captions)
            elif at in self._slots:
                slot = self._slots[at]
                before = lines[-1].rstrip()
                if slot.caption is None:
                    lines[-1] = named(before, str(slot.spec.label), fields_in_line)
                lines[-1] += f" {marked(slot.spec)} "
                fields_in_line += 1
        squeezed = [" ".join(unfielded(line).split()) for line in lines]
        return re.sub(r"\n{2,}", "\n", "\n".join(squeezed)).strip("\n")

    def _prose(self) -> bool:
        used = {slot.caption for slot in self._slots.values()}
        return any(
            isinstance(one, Words) and one.text.strip() and at not in used
            for at, one in enumerate(self._tokens)
        )

    def _words(self, at: int, token: Words, captions: dict[int, FieldSpec]) -> str:
        if at in captions:
            return f" {captions[at].label}: "
        text = unbracketed(token.text)
        bare = text.strip()
        if token.strong and bare and bare[-1].isalnum():
            return f" {bare}: "
        return text


def _ours(token: Input) -> bool:
    return "data-teleread-field" in token.attributes


def _free(spec: FieldSpec) -> bool:
    """Whether a field is nothing but room for prose."""
    return spec.kind == "long-text" and (bool(spec.default) or spec.action not in {"alert", "prohibit"})


def _kind(token: Input, several: bool) -> str:
    if several:
        return "choices" if token.get("type").lower() == "checkbox" else "choice"
    told = _KINDS.get(token.get("data-field-type").upper(), "")
    if token.tag == "select" or token.choices:
        return "choices" if "multiple" in token.attributes else "choice"
    tag = "textarea" if token.tag == "textarea" else token.get("type").lower() or "text"
    return told or _INPUT_KINDS.get(tag, "text")


def _word(text: str) -> str:
    return slug(text)[:60]
