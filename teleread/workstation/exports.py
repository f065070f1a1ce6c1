"""Signed reports out of the vault: exported, verified, searched."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from teleread.documents.forms import Switches, pdf_name, render_form, sr_name, switches_of
from teleread.host.paths import atomic_write
from teleread.model.errors import UsageError
from teleread.model.report import SignedReport, Verdict
from teleread.model.text import clean

from .core import Core

__all__ = ["export_report", "find_reports", "search_priors", "verify_named", "verify_report"]

MAX_EXPORT: Final = 128 * 1024 * 1024
"""Longest file read to be verified, bytes."""


def export_report(core: Core, report_id: str, form: str, out: str) -> dict[str, Any]:
    """Write a signed report to a file, whole or not at all; audited as a copy that left.

    Raises:
        UsageError: There is no such report, or the folder is not there.
    """
    report = core.vault.reports.get(report_id.lower())
    data = _sealed(core, report, form)
    path = Path(out)
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(
            "That place can't take a file.",
            "Nothing was written.",
            "Name a file in a folder that exists.",
            code="no-folder",
        )
    core.vault.audit.append(
        "export",
        subject=report.report_id,
        hub_id=report.key.hub_id,
        detail={"format": form, "version": report.version, "sha256": report.sha256},
    )
    atomic_write(path, data)
    return {
        "report": report.report_id,
        "version": report.version,
        "format": form,
        "bytes": len(data),
        "sha256": report.sha256,
    }


def _sealed(core: Core, report: SignedReport, form: str) -> bytes:
    """A form with the signature that was made for it when the report was signed, if there is one."""
    switches = _switches(core, report)
    data = render_form(report, form, switches)
    names = {
        "dicom-sr": sr_name(switches) if switches.dicom_signature else "",
        "pdf": pdf_name() if switches.pdf_signature else "",
    }
    seals = core.vault.reports.seals(report.report_id, report.version) if names.get(form) else {}
    return data + seals.get(names.get(form, ""), b"")


def _switches(core: Core, report: SignedReport) -> Switches:
    """What the report's hub file says about documents; the defaults where that hub is gone."""
    found = next((one for one in core.hubs if one.hub_id == report.key.hub_id), None)
    return switches_of(found.documents) if found else Switches()


def verify_named(core: Core | None, name: str) -> Verdict:
    """Prove a report of this vault, or a file that was exported.

    Raises:
        UsageError: It is neither.
    """
    if core is not None and _is_uuid(name):
        return verify_report(core, core.vault.reports.get(name.lower()))
    path = Path(name)
    if not path.is_file():
        raise UsageError(
            "That is neither a report of this vault nor a file.",
            remedy="teleread report list shows the reports.",
            code="no-report",
        )
    with path.open("rb") as file:
        data = file.read(MAX_EXPORT + 1)
    if len(data) > MAX_EXPORT:
        raise UsageError("That file is too large for a report.", code="too-long")
    from teleread.signing.verify import verify_file

    if core is None:
        return verify_file(data, ())
    return verify_file(data, _own(core), _site_cas(core), core.vault.reports.find)


def verify_report(core: Core, report: SignedReport) -> Verdict:
    """Prove a report of this vault."""
    from teleread.signing.verify import verify_report as prove

    return prove(report.frozen, report.signature, _own(core), _site_cas(core))


def _own(core: Core) -> frozenset[bytes]:
    return frozenset(one.public_key for one in core.vault.signing_keys.list())


def _site_cas(core: Core) -> Sequence[bytes]:
    """Certificate authorities the sites vouch with: ``hubs/NAME.signers.pem``."""
    folder = core.paths.hubs
    if not folder.is_dir():
        return ()
    return [one.read_bytes()[: 1024 * 1024] for one in sorted(folder.glob("*.signers.pem"))]


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def find_reports(core: Core, words: str = "") -> Sequence[SignedReport]:
    """Own reports, newest first; or those that hold every word."""
    if not words.strip():
        return core.vault.reports.list()
    found = core.vault.reports.search(words)
    return [core.vault.reports.get(one.report_id, one.version) for one in found]


def search_priors(core: Core, words: str) -> list[dict[str, Any]]:
    """Prior reports of the hubs that hold every word."""
    return [
        {
            "id": one.id,
            "hub": core.hub_name(hub_id),
            "title": one.title,
            "accession": one.accession,
            "author": one.author,
            "issued": one.issued.isoformat().replace("+00:00", "Z") if one.issued else None,
            "text": clean(one.text, multiline=True, limit=2000),
        }
        for hub_id, one in core.vault.prior_reports.search(words)
    ]
