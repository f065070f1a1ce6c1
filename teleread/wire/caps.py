"""Size caps: what comes from outside is counted while it comes, before and after it is inflated.

A body of 800 KiB may inflate to a gigabyte, so bytes are inflated here in steps of a bounded size and never
by a library that hands the whole piece over at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

__all__ = ["INFLATE_STEP", "JSON_CAP", "BodyTooBig", "EncodingRefused", "capped", "decoded"]

JSON_CAP = 32 << 20
"""Longest JSON document taken, in bytes, inflated."""

INFLATE_STEP = 1 << 20
"""Most bytes inflated in one step."""


class BodyTooBig(ValueError):  # noqa: N818 - a fact about a body; the client turns it into words
    """The body is longer than the cap."""


class EncodingRefused(ValueError):  # noqa: N818 - the same
    """The body is packed in a way that was not asked for, or the packing is broken."""


def capped(pieces: Iterable[bytes], cap: int) -> Iterator[bytes]:
    """Pass pieces on until their sum goes past the cap.

    Raises:
        BodyTooBig: More than ``cap`` bytes came.
    """
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > cap:
            raise BodyTooBig
        yield piece


def decoded(pieces: Iterable[bytes], encoding: str, cap: int) -> Iterator[bytes]:
    """Undo a Content-Encoding, counting what comes in and what comes out.

    Args:
        pieces: The body as it came.
        encoding: The header's value: empty, ``identity``, ``gzip`` or ``deflate``.
        cap: Most bytes, packed or unpacked.

    Raises:
        BodyTooBig: More than ``cap`` bytes.
        EncodingRefused: Another encoding, or broken data.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        yield from capped(pieces, cap)
        return
    if name not in {"gzip", "x-gzip", "deflate"}:
        raise EncodingRefused
    yield from capped(_inflated(capped(pieces, cap)), cap)


def _inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    # 32 + MAX_WBITS: zlib or gzip header, told by the first bytes.
    engine = zlib.decompressobj(32 + zlib.MAX_WBITS)
    for piece in pieces:
        rest = piece
        while True:
            try:
                out = engine.decompress(rest, INFLATE_STEP)
            except zlib.error as error:
                raise EncodingRefused from error
            if out:
                yield out
            rest = engine.unconsumed_tail
            # A full step may have left output behind even when all input is used.
            if engine.eof or (not rest and len(out) < INFLATE_STEP):
                break
        if engine.eof:
            return
    raise EncodingRefused
