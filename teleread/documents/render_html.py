"""The HTML form: one self-contained page that carries the signed bytes and the signature verbatim."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final

from teleread.model.errors import IntegrityError
from teleread.model.report import SignedReport

from .content import Content, content_of, unknown_renderer

__all__ = ["RENDERER", "Carried", "canonical_base64", "read_back", "render"]

RENDERER: Final = 1
"""Number of the newest renderer."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a form carries verbatim."""

    renderer: int
    frozen: bytes
    signature: str


_STYLE_1: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0; }
dt { font-weight: 600; }
dd { margin: 0; }
p.text { white-space: pre-line; margin: 0; }
p.note { border-left: .3rem solid; padding-left: .7rem; font-weight: 600; }
details { margin-top: 2rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .7rem; }
@media print { details { display: none; } }
""".strip()


def render(report: SignedReport, number: int = RENDERER) -> bytes:
    """The page, UTF-8: a pure function of report, signature and renderer number.

    Raises:
        IntegrityError: No such renderer, or the report's bytes are no frozen form.
    """
    renderer = _RENDERERS.get(number)
    if renderer is None:
        raise unknown_renderer("HTML page", number)
    return renderer(content_of(report), report).encode("utf-8")


def _render_1(content: Content, report: SignedReport) -> str:
    facts = "\n".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in content.facts)
    sections = "\n".join(
        f'<section>\n<h2>{escape(label)}</h2>\n<p class="text">{escape(text)}</p>\n</section>'
        for label, text in content.sections
    )
    newline, break_ = "\n", "<br>\n"
    notes = "".join(f'\n<p class="note">{escape(one)}</p>' for one in content.notes)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="teleread.report/1 html/1">
<title>{escape(content.kind)}: {escape(content.title)}</title>
<style>
{_STYLE_1}
</style>
</head>
<body>
<main>
<header>
<h1>{escape(content.title)}</h1>
<p>{escape(content.kind)}</p>
<dl>
{facts}
</dl>
</header>
{sections}{notes}
<footer>
<p>{escape(content.signature).replace(newline, break_)}</p>
<p><small>Report {escape(report.report_id)}, version {report.version}, SHA-256 {report.sha256}</small></p>
</footer>
</main>
<details>
<summary>Signed bytes, for machines</summary>
<pre id="teleread-report">{base64.b64encode(report.frozen).decode("ascii")}</pre>
<pre id="teleread-signature">{escape(report.signature)}</pre>
</details>
</body>
</html>
"""


_RENDERERS: Final[dict[int, Callable[[Content, SignedReport], str]]] = {1: _render_1}

_GENERATOR: Final = re.compile(rb'<meta name="generator" content="teleread\.report/1 html/(\d{1,4})">')
_REPORT: Final = re.compile(rb'<pre id="teleread-report">([A-Za-z0-9+/=]*)</pre>')
_SIGNATURE: Final = re.compile(rb'<pre id="teleread-signature">([A-Za-z0-9_.-]*)</pre>')


def read_back(data: bytes) -> Carried:
    """What a page carries verbatim.

    Raises:
        IntegrityError: A part is missing, stands there twice, or is no canonical base64.
    """
    parts = [pattern.findall(data) for pattern in (_GENERATOR, _REPORT, _SIGNATURE)]
    if any(len(found) != 1 for found in parts):
        raise IntegrityError(
            "This page is not as teleread exported it.",
            "Its signed bytes, its signature or its renderer's number can't be found once each.",
            code="not-a-report",
        )
    number, frozen, signature = (found[0] for found in parts)
    return Carried(int(number), canonical_base64(frozen.decode("ascii")), signature.decode("ascii"))


def canonical_base64(text: str) -> bytes:
    """Decode base64 that has only one way to be written (RFC 4648 section 3.5).

    Raises:
        IntegrityError: It is not written that way.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if base64.b64encode(data).decode("ascii") != text:
        raise IntegrityError("The signed bytes are not written as they were.", code="base64")
    return data
