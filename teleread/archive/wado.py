"""WADO-RS: one request at a time, its parts read into a lane's feed (PS3.18 section 10.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from teleread.model.errors import AttentionError, OfflineError, TelereadError
from teleread.wire import dicom_json
from teleread.wire.caps import JSON_CAP
from teleread.wire.dicom_tags import is_uid
from teleread.wire.http_answers import JsonAnswer, StreamAnswer
from teleread.wire.http_bulk import Watch
from teleread.wire.multipart import MultipartParser, boundary_of
from teleread.wire.part10 import syntax_in

from .feeds import Feed, Job

__all__ = ["Listings", "Streams", "Wado"]

_ACCEPTS: Final = (
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
    "application/dicom; transfer-syntax=*",
    "*/*",
)
"""Bytes as stored first; a server that knows no ``*`` or no parts answers 406 or 400, and is asked again."""
_REFUSED: Final = (400, 406, 415)
_SYNTAX: Final = re.compile(r"transfer-syntax=\"?([0-9.]{1,64})", re.IGNORECASE)
_UNCOMPRESSED: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
_LISTING: Final = {"Accept": "application/dicom+json"}
_LISTING_CAP: Final = 1 << 20
SPARE: Final = 64
"""Parts that an answer may have beyond twice those asked for."""


class Streams(Protocol):
    """`teleread.wire.http_bulk.BulkClient`, as far as it is needed here."""

    def stream(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        allow: Collection[int] = (),
        max_bytes: int = 1 << 40,
        packed: bool = False,
        watch: Watch | None = None,
    ) -> AbstractContextManager[StreamAnswer]:
        """Read a large body as it comes."""
        ...


class Wado:
    """Asks for instances.

    Args:
        streams: The client for large bodies.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._accept = 0
        self.packed = False
        """Ask for packed answers."""
        self.packs: bool | None = None
        """Whether the archive packs when asked to; None before it was."""

    def bring(self, job: Job, feed: Feed, claim: Callable[[Job], bool]) -> None:
        """Ask for a job's answer and feed it: what a lane's thread does.

        Args:
            job: What to ask for.
            feed: Takes it.
            claim: Tells whether the instance is still free to be asked for.

        Raises:
            OfflineError: The answer was cut, garbled, or there was none.
            AttentionError: The archive refuses.
            NotSignedInError: So it says.
        """
        if job.look_up:
            job.sop_uid = self._looked_up(job.look_up, feed)
            job.path, job.look_up = f"{job.path}/{job.sop_uid}", ""
        if job.sop_uid and not claim(job):
            return
        while True:
            accept = self._accept
            packed = self.packed and job.single
            headers = {"Accept": _ACCEPTS[accept]}
            asked = self._streams.stream(job.path, headers, allow=_REFUSED, packed=packed, watch=feed.attach)
            with asked as answer:
                if answer.status not in _REFUSED:
                    if packed:
                        self.packs = answer.packed
                    _read(answer, feed, most=2 * job.count + SPARE)
                    return
            if accept + 1 >= len(_ACCEPTS):
                raise AttentionError(
                    "The archive does not send DICOM by DICOMweb.",
                    f"It refused every form of the request (status {answer.status}).",
                    "Use C-GET, or ask the site.",
                    code="refused",
                )
            # Several lanes may meet the refusal at once: each goes one form on, never more.
            self._accept = max(self._accept, accept + 1)

    def _looked_up(self, path: str, feed: Feed) -> str:
        """The first instance of a listing, asked for on a line that is open already."""
        document = Listings(self._streams, feed.attach, _LISTING_CAP).get_json(path).json
        for one in dicom_json.data_sets(document):
            sop_uid = dicom_json.uid(one, "00080018")
            if is_uid(sop_uid):
                return sop_uid
        raise OfflineError("The archive lists a series, and no instance of it.", code="garbled")


class Listings:
    """JSON on the lines of the bytes: for listings that are asked for while lines are open and idle.

    Args:
        streams: The client for large bodies.
        watch: Told how to end the line while it is read, then None.
        cap: Longest document, bytes.
    """

    def __init__(
        self,
        streams: Streams,
        watch: Watch | None = None,
        cap: int = JSON_CAP,
    ) -> None:
        self._streams = streams
        self._watch = watch
        self._cap = cap

    def get_json(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JsonAnswer:
        """Read a JSON document, as `teleread.wire.http.HttpClient.get_json` does.

        Raises:
            TelereadError: As it raises.
        """
        asked = f"{path}?{urlencode(params, doseq=True)}" if params else path
        body = bytearray()
        send = {**_LISTING, **(headers or {})}
        with self._streams.stream(asked, send, max_bytes=self._cap, packed=True, watch=self._watch) as answer:
            for piece in answer.pieces:
                body += piece
        try:
            return JsonAnswer(answer.status, json.loads(body) if body else None, answer.headers)
        except (ValueError, RecursionError):
            raise OfflineError(
                "The archive sends a listing that cannot be read.",
                "What is here stays as it is.",
                "Tell the site if it goes on.",
                code="garbled",
            ) from None


class _Parts:
    """The parts of an answer, into a feed."""

    def __init__(self, feed: Feed, most: int) -> None:
        self._feed = feed
        self._left = most
        self._looked_at = False

    def begin(self, headers: Mapping[str, str]) -> None:
        self._left -= 1
        if self._left < 0:
            raise OfflineError(
                "The archive sends more than was asked for.",
                "What came before is kept.",
                "The rest is asked for one by one.",
                code="garbled",
            )
        self._looked_at = False
        _begin(self._feed, headers.get("content-type", ""))

    def write(self, chunk: bytes | memoryview) -> None:
        if not self._looked_at:
            # Few archives name the syntax with the part.
            self._looked_at = True
            self._feed.packable = syntax_in(bytes(chunk[:1024])) in _UNCOMPRESSED
        self._feed.write(chunk)

    def end(self) -> None:
        self._feed.end()

    def cut(self, why: str) -> None:
        self._feed.cut(why)


def _begin(feed: Feed, kind: str) -> None:
    found = _SYNTAX.search(kind)
    feed.begin(found.group(1) if found else "")


def _read(answer: StreamAnswer, feed: Feed, *, most: int) -> None:
    kind = answer.headers.get("content-type", "")
    if kind.lower().startswith("application/dicom") and "json" not in kind.lower():
        _read_bare(answer, feed)
        return
    parser = MultipartParser(boundary_of(kind), _Parts(feed, most))
    try:
        for piece in answer.pieces:
            parser.feed(piece)
            if parser.closed:
                break
    except TelereadError:
        feed.cut("The line broke in the middle of it.")
        raise
    parser.finish()
    if parser.broken:
        raise OfflineError(
            "The archive's answer does not keep to its own lengths.",
            f"{parser.parts} instances came whole and are kept.",
            "The rest is asked for again.",
            code="garbled",
        )


def _read_bare(answer: StreamAnswer, feed: Feed) -> None:
    """One instance without parts, as some archives answer; only its framing tells that it is whole."""
    _begin(feed, answer.headers.get("content-type", ""))
    size = 0
    try:
        for piece in answer.pieces:
            size += len(piece)
            feed.write(piece)
    except TelereadError:
        feed.cut("The line broke in the middle of it.")
        raise
    if not answer.packed and (not answer.framed or answer.length not in {None, size}):
        feed.cut("The answer ends in the middle of it.")
        raise OfflineError("The archive's answer was cut short.", remedy="It is asked for again.", code="cut")
    feed.end()
