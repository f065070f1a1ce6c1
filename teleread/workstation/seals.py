"""Signatures that forms of a report carry besides its own, made in the moment the key is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from teleread.model.errors import OfflineError, TelereadError, UsageError
from teleread.model.hubfile import HubFile
from teleread.model.report import SignedReport

if TYPE_CHECKING:
    from teleread.documents.forms import Switches
    from teleread.signing.keys import Signer

__all__ = ["seals_of"]


def seals_of(
    hub: HubFile, *, offline: bool = False
) -> Callable[[SignedReport, Signer], dict[str, bytes]] | None:
    """What signs the forms that a site wants signed; None where it wants none.

    A form that can't be made or signed here must not keep a report from being signed: it stays unsigned.

    Args:
        hub: The hub file.
        offline: No network may be touched: the PDF is signed without a time stamp.
    """
    from teleread.documents.forms import switches_of

    try:
        switches = switches_of(hub.documents)
    except UsageError:
        return None  # doctor tells of the hub file
    if not (switches.dicom_signature or switches.pdf_signature):
        return None

    def made(report: SignedReport, signer: Signer) -> dict[str, bytes]:
        out: dict[str, bytes] = {}
        if switches.dicom_signature:
            out |= _structured(report, signer, switches)
        if switches.pdf_signature:
            out |= _page(report, signer, hub, offline or not hub.tsa)
        return out

    return made


def _structured(report: SignedReport, signer: Signer, switches: Switches) -> dict[str, bytes]:
    from teleread.documents.forms import render_form, sr_name
    from teleread.signing.dicom_signature import seal

    try:
        plain = render_form(report, "dicom-sr", switches)
    except TelereadError:
        return {}  # letters the site's character set does not hold: there is no such form to sign
    return {sr_name(switches): seal(plain, report, signer.certificate, signer.sign_bytes)}


def _page(report: SignedReport, signer: Signer, hub: HubFile, unstamped: bool) -> dict[str, bytes]:
    from teleread.documents.forms import pdf_name, render_form
    from teleread.signing.pades import sign_pdf
    from teleread.wire.tsa import ask

    def signed(stamp: Callable[[bytes], bytes] | None) -> bytes:
        return sign_pdf(page, signer.chain, hub.reader_name, signer.sign_bytes, stamp)

    try:
        page = render_form(report, "pdf")
        try:
            return {pdf_name(): signed(None if unstamped else lambda asked: ask(hub, asked))}
        except OfflineError:
            return {pdf_name(): signed(None)}
    except TelereadError:
        return {}
