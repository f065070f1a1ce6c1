"""Templates into the profile and out of it: MRRT and FHIR Questionnaire come in, TOML is what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from teleread.host.paths import ProfilePaths, atomic_write
from teleread.model.errors import UsageError
from teleread.model.report import Template
from teleread.model.text import EMPTY, SafeText, clean

__all__ = ["Taken", "export_template", "import_templates"]

MAX_FILES: Final = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file."""

    path: Path
    template: Template | None = None
    notes: tuple[SafeText, ...] = ()
    """What of it was left out."""
    why: SafeText = EMPTY
    """Words, where it was not taken."""


def import_templates(paths: ProfilePaths, names: Sequence[str]) -> tuple[Taken, ...]:
    """Take template files into the profile's folder; one bad file costs itself only.

    Args:
        paths: The profile's folders.
        names: Files, or folders of them.
    """
    folder = paths.config / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_take(path, folder) for path in _files(names))


def _files(names: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            found += sorted(one for one in path.iterdir() if one.suffix.lower() in _READERS)
        else:
            found.append(path)
    return found[:MAX_FILES]


def _take(path: Path, folder: Path) -> Taken:
    from teleread.reporting.template_files import parse_template, write_template

    try:
        data = _read(path)
        template, notes = _template_in(path, data)
        text = write_template(template)
        if parse_template(text, path.name) != template:
            raise UsageError(f"{path.name} can't be kept as it is.", code="no-template")
        atomic_write(folder / f"{template.id}.toml", text)
    except (UsageError, OSError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        return Taken(path, why=clean(f"{path.name}: {words}", limit=400))
    return Taken(path, template, notes)


def _read(path: Path) -> bytes:
    from teleread.reporting.mrrt_read import MAX_BYTES

    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UsageError(f"It is larger than {MAX_BYTES // 1048576} MiB.", code="too-long")
    return data


_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_READERS: Final = frozenset({".html", ".htm", ".toml", ".json"})


def _template_in(path: Path, data: bytes) -> tuple[Template, tuple[SafeText, ...]]:
    """The template of a file, by what stands in it."""
    if data[:2] in _UTF16:  # as Windows saves what it calls Unicode
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{":
        from teleread.reporting.questionnaire import read_questionnaire

        read = read_questionnaire(data, path.name)
        return read.template, read.notes
    if start == b"<":
        from teleread.reporting.mrrt_read import read_mrrt

        page = read_mrrt(data, path.name)
        return page.template, page.notes
    from teleread.reporting.template_files import parse_template

    return parse_template(data, path.name), ()


def export_template(template: Template, out: str) -> tuple[int, str]:
    """Write a template to a file, whole or not at all.

    Returns:
        Bytes written, and the form: ``toml`` where the name ends so, else ``mrrt``.

    Raises:
        UsageError: The folder is not there.
    """
    path = Path(out)
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(
            "That place can't take a file.", remedy="Name a file in a folder that exists.", code="no-folder"
        )
    if path.suffix.lower() == ".toml":
        from teleread.reporting.template_files import write_template

        data, form = write_template(template), "toml"
    else:
        from teleread.reporting.mrrt_write import write_mrrt

        data, form = write_mrrt(template), "mrrt"
    atomic_write(path, data)
    return len(data), form
