"""What the local gateway answers: QIDO-RS, WADO-RS and WADO-URI (PS3.18), reading alone."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from teleread.model.errors import TelereadError

from .gateway_study import Shared, Shown, matches

if TYPE_CHECKING:
    from .decode import DecodePool
    from .gateway_frames import HeldInstance

__all__ = ["Answer", "Asked", "Service", "refusal"]

MAX_FRAMES: Final = 1000
"""Most frames asked for at once."""
MAX_ROWS: Final = 20_000
THUMBNAIL: Final = 256
"""Longest side of a thumbnail, pixels."""
MAX_SIDE: Final = 8192
"""Longest side of a rendered picture, pixels."""

_JSON: Final = "application/dicom+json"
_OCTETS: Final = "application/octet-stream"
_DICOM: Final = "application/dicom"
_ANY: Final = frozenset({"*/*", "multipart/*", "application/*", "image/*"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    kind: str = "text/plain; charset=utf-8"
    """Content-Type."""
    body: bytes | Iterator[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was let in."""

    path: tuple[str, ...]
    """Segments behind the service's root."""
    query: Mapping[str, str]
    accept: str = "*/*"


def refusal(status: int, words: str) -> Answer:
    """A refusal in words, with nothing of a patient."""
    return Answer(status, body=words.encode() + b"\n")


def json_answer(value: Any) -> Answer:
    """DICOM JSON."""
    return Answer(200, _JSON, json.dumps(value, separators=(",", ":")).encode())


class Service:
    """DICOMweb over the studies a gateway shows.

    Args:
        shared: The studies.
        pool: Gives the pool of decode children.
        root: The service's own URL.
    """

    def __init__(self, shared: Shared, pool: Callable[[], DecodePool], root: str) -> None:
        self._shared = shared
        self._pool = pool
        self._root = root

    def answer(self, asked: Asked) -> Answer:
        """Answer one GET. Errors become statuses; none tells more than that."""
        try:
            return self._route(asked)
        except TelereadError as error:
            status = {"not-held": 404, "no-frame": 404, "vault-closed": 503}.get(error.code, 500)
            return refusal(status, error.title)

    def _route(self, asked: Asked) -> Answer:
        path = asked.path
        if path == ("wado",):
            return self._wado_uri(asked)
        if path[:1] in (("series",), ("instances",)) and len(path) == 1:
            return self._search(path[0], self._shared.studies, "", asked.query)
        if path[:1] != ("studies",):
            return refusal(404, "There is nothing of that name.")
        if len(path) == 1:
            rows = [
                row for row in self._shared.find_studies(self._root) if matches(row, _attributes(asked.query))
            ]
            return json_answer(_paged(rows, asked.query))
        study = self._shared.study(path[1])
        if study is None:
            return refusal(404, "That study is not shown here.")
        return self._in_study(study, path[2:], asked)

    def _in_study(self, study: Shown, path: tuple[str, ...], asked: Asked) -> Answer:
        series, sop = "", ""
        if len(path) >= 2 and path[0] == "series":
            series, path = path[1], path[2:]
        if len(path) >= 2 and path[0] == "instances" and series:
            sop, path = path[1], path[2:]
        if path in (("series",), ("instances",)) and not sop and (path[0] != "series" or not series):
            return self._search(path[0], (study,), series, asked.query)
        held = self._shared.instances(study, series, sop)
        if not held:
            return refusal(404, "That is not held here.")
        return self._of_instances(study, held, path, asked, single=bool(sop))

    def _of_instances(
        self, study: Shown, held: list[HeldInstance], path: tuple[str, ...], asked: Asked, *, single: bool
    ) -> Answer:
        if path == ("metadata",):
            return json_answer(self._metadata(study, held))
        if path in (("rendered",), ("thumbnail",)):
            return self._rendered(held[len(held) // 2], 1, asked, small=path == ("thumbnail",))
        if not path:
            return self._files(held, asked)
        if not single:
            return refusal(404, "There is nothing of that name.")
        return self._of_one(held[0], path, asked)

    def _of_one(self, one: HeldInstance, path: tuple[str, ...], asked: Asked) -> Answer:
        if len(path) == 2 and path[0] == "bulkdata":
            value = self._shared.bulk(one, path[1])
            if value is None:
                return refusal(404, "There is no such value.")
            if "multipart" in asked.accept:
                return _multipart(_OCTETS, iter([(_OCTETS, value)]))
            return Answer(200, _OCTETS, value)
        numbers = _numbers(path[1]) if len(path) in (2, 3) and path[0] == "frames" else ()
        if not numbers:
            return refusal(404, "There is nothing of that name.")
        if len(path) == 2:
            return self._frames(one, numbers, asked)
        if path[2] in ("rendered", "thumbnail") and len(numbers) == 1:
            return self._rendered(one, numbers[0], asked, small=path[2] == "thumbnail")
        return refusal(404, "There is nothing of that name.")

    # -- searches and headers ------------------------------------------------------------------------------

    def _search(self, what: str, studies: Sequence[Shown], series: str, query: Mapping[str, str]) -> Answer:
        if what == "series":
            rows = self._shared.find_series(studies, self._root)
        else:
            rows = self._shared.find_instances(studies, series, self._root)
        return json_answer(_paged([row for row in rows if matches(row, _attributes(query))], query))

    def _metadata(self, study: Shown, held: list[HeldInstance]) -> list[dict[str, Any]]:
        """Headers; a damaged object among many costs its own alone."""
        found = []
        for one in held:
            try:
                found.append(self._shared.metadata(study, one, self._root))
            except TelereadError:
                if len(held) == 1:
                    raise
        return found

    # -- objects and pixels --------------------------------------------------------------------------------

    def _files(self, held: list[HeldInstance], asked: Asked) -> Answer:
        if not _accepts(asked.accept, _DICOM):
            return refusal(406, "Objects are given as application/dicom, as they are stored.")
        kinds = {one.info.transfer_syntax for one in held}
        if not all(_takes_syntax(asked.accept, one) for one in kinds):
            return refusal(406, "Objects are given in the transfer syntax they are stored in.")
        if len(held) == 1 and "multipart" not in asked.accept and _DICOM in asked.accept:
            return Answer(200, _DICOM, held[0].whole())
        parts = ((f"{_DICOM}; transfer-syntax={one.info.transfer_syntax}", one.whole()) for one in held)
        return _multipart(_DICOM, parts)

    def _frames(self, one: HeldInstance, numbers: Sequence[int], asked: Asked) -> Answer:
        if not _accepts(asked.accept, _OCTETS) and "image/" not in asked.accept:
            return refusal(406, "Frames are given as application/octet-stream, as they are stored.")
        found = [one.frame(number) for number in numbers]
        if not all(_takes_syntax(asked.accept, syntax) for _, syntax in found):
            return refusal(406, "Frames are given in the transfer syntax they are stored in.")
        parts = [(f"{_OCTETS}; transfer-syntax={syntax}", data) for data, syntax in found]
        if len(parts) == 1 and asked.accept.strip().startswith(_OCTETS):
            return Answer(200, *parts[0])
        return _multipart(_OCTETS, iter(parts))

    def _rendered(self, one: HeldInstance, number: int, asked: Asked, *, small: bool) -> Answer:
        """A picture for people, drawn by the capped child (PS3.18 section 8.3.5)."""
        from .frames import Frame
        from .render import render
        from .window import parse_window

        found = self._pool().decode(one.whole(), number)
        if not isinstance(found, Frame):
            return refusal(404 if found.code in ("no-frame", "not-image") else 500, str(found.reason))
        words = ",".join(asked.query.get("window", "").split(",")[:2])
        chosen = parse_window(words, found) if words and not found.is_colour else None
        picture = render(found, window=chosen)
        png = "image/png" in asked.accept and "image/jpeg" not in asked.accept
        side = THUMBNAIL if small else MAX_SIDE
        body = _encoded(picture.array, side, png=png)
        return Answer(200, "image/png" if png else "image/jpeg", body)

    def _wado_uri(self, asked: Asked) -> Answer:
        """WADO-URI (PS3.18 section 9), which older viewers ask by."""
        query = asked.query
        study = self._shared.study(query.get("studyUID", ""))
        sop = query.get("objectUID", "")
        if query.get("requestType") != "WADO" or study is None or not sop:
            return refusal(404, "That is not held here.")
        held = self._shared.instances(study, query.get("seriesUID", ""), sop)
        if not held:
            return refusal(404, "That is not held here.")
        if query.get("contentType", "").startswith(_DICOM):
            return Answer(200, _DICOM, held[0].whole())
        return self._rendered(
            held[0], int((_numbers(query.get("frameNumber", "")) or (1,))[0]), asked, small=False
        )


def _encoded(array: Any, side: int, *, png: bool) -> bytes:
    from PIL import Image

    picture = Image.fromarray(array)
    picture.thumbnail((side, side))
    out = io.BytesIO()
    if png:
        picture.save(out, "PNG")
    else:
        picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def _attributes(query: Mapping[str, str]) -> dict[str, str]:
    aside = {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching"}
    return {name: value for name, value in query.items() if name.casefold() not in aside}


def _paged(rows: list[Any], query: Mapping[str, str]) -> list[Any]:
    first = _count(query.get("offset", ""), 0)
    return rows[first : first + _count(query.get("limit", ""), MAX_ROWS)]


def _count(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else default


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) > MAX_FRAMES or not all(one.isascii() and one.isdigit() and len(one) < 7 for one in parts):
        return ()
    return tuple(map(int, parts))


def _accepts(accept: str, kind: str) -> bool:
    """Whether an Accept header takes a type, as a single part or in ``multipart/related`` (PS3.18 8.7.5)."""
    for part in (accept or "*/*").split(","):
        words = [one.strip() for one in part.split(";")]
        if words[0] in _ANY or words[0] == kind:
            return True
        if words[0] == "multipart/related":
            named = [one[5:].strip('"') for one in words[1:] if one.startswith("type=")]
            if not named or named[0] in (kind, "*/*"):
                return True
    return False


def _takes_syntax(accept: str, syntax: str) -> bool:
    """Whether a transfer syntax is welcome; named by nobody, it is (the viewer reads what the part says)."""
    named = [
        word.strip().removeprefix("transfer-syntax=").strip('"')
        for part in accept.split(",")
        for word in part.split(";")
        if word.strip().startswith("transfer-syntax=")
    ]
    return not named or "*" in named or syntax in named


def _multipart(kind: str, parts: Iterator[tuple[str, bytes]]) -> Answer:
    boundary = secrets.token_hex(16)

    def body() -> Iterator[bytes]:
        for kind_of_part, data in parts:
            head = f"\r\n--{boundary}\r\nContent-Type: {kind_of_part}\r\nContent-Length: {len(data)}\r\n\r\n"
            yield head.encode()
            yield data
        yield f"\r\n--{boundary}--\r\n".encode()

    return Answer(200, f'multipart/related; type="{kind}"; boundary={boundary}', body())
