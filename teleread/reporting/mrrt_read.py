"""IHE MRRT templates in: HTML of any tidiness to a template. Nothing is executed, nothing is fetched.

Scripts, styles, links and pictures are left out and told. The page's words and fields become the text of
its sections, line by line; a field that must be filled (PROHIBIT, ALERT) stands in it as ``[?Label]``, one
that may be as ``[~Label]``, one with a default as ``[default]``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from teleread.model.errors import UsageError
from teleread.model.report import SECTION_IDS, FieldSpec, SectionSpec, Template
from teleread.model.text import SafeText, clean

from .mrrt_codes import Codes, read_codes, slug
from .mrrt_page import read_page
from .mrrt_parts import Page, PageSection
from .mrrt_text import laid_out
from .template_files import MAX_FIELDS, MAX_SECTIONS

__all__ = ["MAX_BYTES", "Imported", "from_page", "read_mrrt"]

MAX_BYTES: Final = 2 * 1024 * 1024

_STANDARD: Final = {
    "clinical-information": ("Clinical information", "55752-0"),
    "technique": ("Technique", "55111-9"),
    "comparison": ("Comparison", "18834-2"),
    "findings": ("Findings", "59776-5"),
    "impression": ("Impression", "19005-8"),
}
"""The sections every template has: label and LOINC code."""

_BY_LOINC: Final = {loinc: name for name, (_, loinc) in _STANDARD.items()} | {"55110-1": "impression"}
_BY_NAME: Final = {
    **dict.fromkeys(
        ("clinical information", "clinicalinformation", "klinische angaben", "klinische information"),
        "clinical-information",
    ),
    **dict.fromkeys(("procedure information", "procedureinformation", "technique", "procedure"), "technique"),
    **dict.fromkeys(("technik", "untersuchungstechnik"), "technique"),
    **dict.fromkeys(("comparison", "comparisons", "voruntersuchung", "vergleich"), "comparison"),
    **dict.fromkeys(("findings", "befund", "befunde"), "findings"),
    **dict.fromkeys(("impression", "impressions", "conclusion", "beurteilung"), "impression"),
}
"""What sections are called in templates met so far, to our ids."""

_LOINC_BY_NAME: Final = {
    **dict.fromkeys(
        ("clinical question", "klinische fragestellung", "fragestellung", "indication"), "18785-6"
    ),
    **dict.fromkeys(("recommendations", "recommendation", "empfehlung", "empfehlungen"), "18783-1"),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """A template that was read, and what of the page was left out."""

    template: Template
    notes: tuple[SafeText, ...] = ()


def read_mrrt(data: bytes, name: str) -> Imported:
    """Read an MRRT template.

    Args:
        data: The HTML page, UTF-8 (else Latin 1).
        name: Of the file, for the errors and for an id where the page has none.

    Raises:
        UsageError: It is no page with sections, or larger than any template needs.
    """
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES // 1048576} MiB.", code="too-long")
    page = read_page(_decoded(data), name)
    return from_page(page, read_codes(page.attributes), name)


def from_page(page: Page, codes: Codes, name: str) -> Imported:
    """The template of a page, whatever it was read from.

    Raises:
        UsageError: It has no section, or more than a template needs.
    """
    if not page.sections:
        raise UsageError(f"{name} is not a template: it has no section.", code="no-template")
    if len(page.sections) > MAX_SECTIONS:
        raise UsageError(f"{name} has more than {MAX_SECTIONS} sections.", code="too-long")
    sections: dict[str, SectionSpec] = {}
    for one in page.sections:
        spec = _section(one, codes, sections)
        sections[spec.id] = _both(sections[spec.id], spec) if spec.id in sections else spec
    for spec in _unseen(page, codes):
        sections.setdefault(spec.id, spec)
    if sum(len(one.fields) for one in sections.values()) > MAX_FIELDS:
        raise UsageError(f"{name} has more than {MAX_FIELDS} fields.", code="too-long")
    return Imported(_template(page, _completed(sections), name), page.notes)


_HEADINGS: Final = frozenset({"18783-1", "18785-6", "11329-0", "55109-3", "55112-7"})
"""LOINC codes of sections beyond the five."""


def _unseen(page: Page, codes: Codes) -> list[SectionSpec]:
    """Sections that the coded content names and the page has not drawn."""
    seen = {name for one in page.sections for name in (one.id, *one.ids)}
    return [
        SectionSpec(slug(name).lower(), code.meaning or clean(name), str(code.value))
        for name, found in codes.table.items()
        for code in found
        if name not in seen and code.scheme == "LN" and code.value in _HEADINGS
    ]


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _template(page: Page, sections: tuple[SectionSpec, ...], name: str) -> Template:
    meta = page.meta
    own = {key: [one for one in meta.get(f"teleread.{key}", "").split("; ") if one] for key in _OWN}
    subject = [one.strip().upper() for one in meta.get("dcterms.subject", "").split(";")]
    modalities = own["modalities"] or [one for one in subject if one in _MODALITIES]
    title = clean(meta.get("dcterms.title") or page.title or name, limit=200)
    ages = [int(one) if one.isdigit() else None for one in (meta.get("teleread.ages", "") + "-").split("-")]
    return Template(
        id=slug(meta.get("dcterms.identifier") or title),
        version=slug(meta.get("teleread.version") or meta.get("dcterms.date") or "1"),
        title=title,
        sections=sections,
        modalities=tuple(one.upper() for one in modalities),
        procedure_words=tuple(one.casefold() for one in own["procedure-words"]) or _words_of(title, page),
        procedure_codes=tuple(own["procedure-codes"]),
        sex=meta.get("teleread.sex", "") if meta.get("teleread.sex") in {"M", "F", "O"} else "",
        min_age=ages[0],
        max_age=ages[1],
        body_parts=tuple(own["body-parts"]),
        hospitals=tuple(own["hospitals"]),
        modules=tuple(own["modules"]),
        language=_language(meta.get("dcterms.language", "")),
        origin=tuple(
            (key, clean(meta[f"dcterms.{key}"], limit=2000)) for key in _ORIGIN if meta.get(f"dcterms.{key}")
        ),
    )


_OWN: Final = ("modalities", "procedure-words", "procedure-codes", "body-parts", "hospitals", "modules")
_ORIGIN: Final = ("publisher", "creator", "contributor", "rights", "license", "date", "description", "source")
_MODALITIES: Final = frozenset({"CT", "MR", "US", "CR", "DX", "RF", "XA", "MG", "NM", "PT"})
_EMPTY_WORDS: Final = frozenset({"ct", "mr", "mrt", "us", "cr", "ultraschall", "nach", "nativ", "und", "and"})


def _words_of(title: str, page: Page) -> tuple[str, ...]:
    """Words that choose a template which says none itself: those of its title."""
    if page.meta.get("teleread.version"):
        return ()
    words = re.findall(r"\w{3,}", title.casefold())
    return tuple(dict.fromkeys(one for one in words if one not in _EMPTY_WORDS))


def _language(tag: str) -> str:
    return tag if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag) else ""


# -- sections -----------------------------------------------------------------------------------------


def _section(one: PageSection, codes: Codes, seen: dict[str, SectionSpec]) -> SectionSpec:
    label = clean(one.label or one.name or one.id or "Section", limit=200)
    text, fields = laid_out(one, codes)
    known = {code for spec in fields for _, code in spec.codes}
    inner = [code for name in one.ids for code in codes.of(name) if code not in known]
    own = tuple(dict.fromkeys((*codes.of(one.id), *inner)))
    loinc = one.loinc if one.loinc is not None else next((c.value for c in own if c.scheme == "LN"), "")
    if one.loinc is None and not loinc:
        loinc = _LOINC_BY_NAME.get(label.casefold(), _LOINC_BY_NAME.get(one.name.casefold(), ""))
    section_id = one.own_id or _id_of(one, label, loinc)
    if section_id in seen and section_id not in _STANDARD:
        section_id = f"{section_id[:60]}-{len(seen)}"
    if section_id in _STANDARD and not loinc and one.loinc is None:
        loinc = _STANDARD[section_id][1]
    return SectionSpec(
        id=section_id,
        label=label,
        loinc=loinc,
        text=clean(text, multiline=True),
        fields=fields,
        required=one.required,
        codes=tuple(code for code in own if code.value != loinc),
        addendum=clean(one.addendum, multiline=True),
    )


def _id_of(one: PageSection, label: str, loinc: str) -> str:
    if loinc in _BY_LOINC:
        return _BY_LOINC[loinc]
    for said in (one.name, label, one.id, one.english):
        found = _BY_NAME.get(said.casefold().strip())
        if found:
            return found
    return slug(one.id or label).lower()


def _both(before: SectionSpec, after: SectionSpec) -> SectionSpec:
    """Two sections of the page that are one of ours: the second's words under its own heading."""
    taken = {field.id for field in before.fields}
    labels = {field.label.casefold() for field in before.fields}
    fields: list[FieldSpec] = []
    text = str(after.text)
    for field in after.fields:
        new_id = field.id if field.id not in taken else f"{field.id[:60]}-2"
        label = field.label
        if label.casefold() in labels:
            label = clean(f"{after.label}: {field.label}", limit=200)
            for sign in "?~":
                text = text.replace(f"[{sign}{field.label}]", f"[{sign}{label}]")
        fields.append(replace(field, id=new_id, label=label))
    heading = f"{after.label}:"
    return replace(
        before,
        text=clean("\n".join(part for part in (before.text, heading, text) if part), multiline=True),
        fields=(*before.fields, *fields),
        required=before.required or after.required,
    )


def _completed(sections: dict[str, SectionSpec]) -> tuple[SectionSpec, ...]:
    """The page's sections with those that were missing, in the order of a report."""
    rest = [one for one in sections.values() if one.id not in _STANDARD]
    early = [one for one in rest if one.loinc in {"18785-6", "11329-0"}]
    late = [one for one in rest if one not in early]
    out: list[SectionSpec] = []
    for name in SECTION_IDS:
        label, loinc = _STANDARD[name]
        if name in sections:
            out.append(sections[name])
        else:
            text = "{priors}" if name == "comparison" else ""
            out.append(SectionSpec(name, clean(label), loinc, clean(text)))
        if name == "clinical-information":
            out += early
    if list(sections) and all(name in sections for name in SECTION_IDS):
        return tuple(sections.values())
    return (*out, *late)
