"""Calling a DIMSE peer of a hub: its worklist, its workitems or its archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from teleread.model.errors import TelereadError
from teleread.model.hubfile import DimseAddress, HubFile
from teleread.wire.dicom_tags import EXPLICIT
from teleread.wire.dimse_line import DimseLimits
from teleread.wire.dimse_services import Services, worded
from teleread.wire.dimse_tls import calling
from teleread.wire.pdu import IMPLICIT, Context

__all__ = ["LIMITS", "DimsePeer"]

LIMITS: Final = DimseLimits(silence=60.0, floor=0, max_pdu=65_536)
"""A list comes in small answers: only silence ends it, and the limits of whoever asks."""


class DimsePeer:
    """One address. Each question has an association of its own: lists are asked minutes apart.

    Args:
        hub: The hub file: our AE title, TLS.
        address: Whom to call.
        who: What errors call it, at the beginning of a sentence.
        limits: Time and size limits.
    """

    def __init__(
        self, hub: HubFile, address: DimseAddress, who: str, *, limits: DimseLimits = LIMITS
    ) -> None:
        self._hub = replace(hub, dimse=address)
        self._address = address
        self._limits = limits
        self.who = who

    @contextmanager
    def open(
        self, classes: Sequence[str], *, storage: Sequence[str] = (), documents: Sequence[str] = ()
    ) -> Iterator[Services]:
        """An association for as long as the block runs: released at its end, aborted by an error.

        Args:
            classes: SOP classes to offer, in implicit VR little endian.
            storage: Those among them that we take instances of (C-GET).
            documents: Storage classes to offer besides, in explicit VR first: what is sent as a query or as
                a request is always in implicit VR.

        Raises:
            TelereadError: As `Association`, worded for this peer.
        """
        wanted = [(one, (IMPLICIT,)) for one in classes] + [(one, (EXPLICIT, IMPLICIT)) for one in documents]
        offered = [Context(2 * at + 1, one, syntaxes) for at, (one, syntaxes) in enumerate(wanted)]
        with worded(self.who):
            line = Services(
                self._address,
                self._hub.aet,
                offered,
                storage=storage,
                limits=self._limits,
                tls=calling(self._hub),
            )
            ended = False
            try:
                yield line
                ended = True
            except TelereadError:
                raise
            finally:
                if ended:
                    line.release()
                else:
                    line.abort()
