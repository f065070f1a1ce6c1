"""The text form: for people, and for systems that take text alone.

It carries report id, version and SHA-256, but not the signed bytes: it is proved against the vault's
own copy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from teleread.model.errors import IntegrityError
from teleread.model.report import SignedReport

from .content import Content, content_of, unknown_renderer

__all__ = ["RENDERER", "TextMark", "read_mark", "render"]

RENDERER: Final = 1
"""Number of the newest renderer."""

_FOOTER: Final = re.compile(
    r"^teleread\.report/1 form=text renderer=(\d{1,4}) report=([0-9a-f-]{36}) version=(\d{1,6}) "
    r"sha256=([0-9a-f]{64})$"
)


@dataclass(frozen=True, slots=True)
class TextMark:
    """What a text form says it was made from."""

    renderer: int
    report_id: str
    version: int
    sha256: str


def render(report: SignedReport, number: int = RENDERER) -> bytes:
    """The text form, UTF-8 with line feeds: a pure function of report and renderer number.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
    """
    renderer = _RENDERERS.get(number)
    if renderer is None:
        raise unknown_renderer("text", number)
    return renderer(content_of(report), report).encode("utf-8")


def _render_1(content: Content, report: SignedReport) -> str:
    width = max((len(label) for label, _ in content.facts), default=0)
    lines = [content.title, "=" * min(len(content.title), 100), content.kind, ""]
    lines += [f"{label + ':':<{width + 1}} {value}" for label, value in content.facts]
    for label, text in content.sections:
        lines += ["", label, "-" * len(label), text]
    if content.notes:
        lines += ["", *content.notes]
    lines += ["", content.signature, "", _footer(report, 1)]
    return "\n".join(lines) + "\n"


_RENDERERS: Final[dict[int, Callable[[Content, SignedReport], str]]] = {1: _render_1}


def _footer(report: SignedReport, number: int) -> str:
    return (
        f"teleread.report/1 form=text renderer={number} report={report.report_id} "
        f"version={report.version} sha256={report.sha256}"
    )


def read_mark(data: bytes) -> TextMark:
    """What a text form says it was made from.

    Raises:
        IntegrityError: Its last line is not a text form's.
    """
    last = data.decode("utf-8", "replace").rstrip("\n").rpartition("\n")[2]
    found = _FOOTER.match(last)
    if found is None:
        raise IntegrityError("This file is not a report that teleread exported.", code="not-a-report")
    return TextMark(int(found[1]), found[2], int(found[3]), found[4])
