"""The bulk client on real sockets: framing, lines that are kept and closed, limits, and its words."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError
from teleread.model.hubfile import HubFile
from teleread.wire.http_answers import Timeouts
from teleread.wire.http_bulk import BulkClient
from teleread.wire.sign_in import SecretSignIn

HUB = HubFile(hub_id="h1", name="NORTH")
QUICK = Timeouts(connect=5, read=0.5, write=5, total=20, window=0.4, least=1000)
Answer = Callable[[socket.socket, bytes, int], bool]
"""Given the line, the request's head, and how many came by this line: whether the line stays open."""


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """A server whose every connection is a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def carry(line: socket.socket) -> None:
        with line, suppress(OSError):
            line.settimeout(5)
            held, number = b"", 0
            while not stop.is_set():
                while b"\r\n\r\n" not in held:
                    more = line.recv(65536)
                    if not more:
                        return
                    held += more
                head, _, held = held.partition(b"\r\n\r\n")
                number += 1
                if not answer(line, head, number):
                    return

    def serve() -> None:
        while not stop.is_set():
            try:
                line, _ = listener.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=carry, args=(line,)))
            threads[-1].start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/dw"
    finally:
        stop.set()
        thread.join(10)
        listener.close()
        for one in threads:
            one.join(10)


@contextmanager
def client(answer: Answer, **how: object) -> Iterator[BulkClient]:
    with serving(answer) as base:
        one = BulkClient(HUB, None, base=base, timeouts=QUICK, seed=1, **how)  # type: ignore[arg-type]
        yield one
        one.close()


def body(one: BulkClient, path: str = "a", **how: object) -> bytes:
    with one.stream(path, **how) as answer:  # type: ignore[arg-type]
        return b"".join(answer.pieces)


def failing(one: BulkClient, **how: object) -> TelereadError:
    with pytest.raises(TelereadError) as caught:
        body(one, "a", **how)
    return caught.value


def saying(data: bytes, *, stays: bool = True) -> Answer:
    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        line.sendall(data)
        return stays

    return answer


def with_length(data: bytes, *fields: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(data)}", "", ""]
    return "\r\n".join(lines).encode() + data


def in_chunks(data: bytes, sizes: list[int]) -> bytes:
    out, at = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], 0
    while at < len(data):
        size = sizes[at % len(sizes)] if sizes else len(data)
        piece = data[at : at + size]
        out.append(f"{len(piece):X}; a=b\r\n".encode() + piece + b"\r\n")
        at += size
    return b"".join((*out, b"0\r\nX: y\r\n\r\n"))


@settings(max_examples=30, deadline=None)
@given(
    data=st.binary(max_size=4000),
    sizes=st.lists(st.integers(1, 900), max_size=3),
    cuts=st.lists(st.integers(1, 3000), max_size=4),
    framing=st.sampled_from(["length", "chunks", "end"]),
)
def test_a_body_is_the_same_however_it_is_framed_and_cut(
    data: bytes, sizes: list[int], cuts: list[int], framing: str
) -> None:
    sent = {
        "length": with_length(data),
        "chunks": in_chunks(data, sizes),
        "end": b"HTTP/1.1 200 OK\r\n\r\n" + data,
    }[framing]

    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        at = 0
        for cut in (*cuts, len(sent)):
            line.sendall(sent[at : at + cut])
            at += cut
        return framing != "end"

    with client(answer) as one:
        assert body(one) == data


def test_a_line_is_kept_for_the_next_request_and_told_its_round_trip() -> None:
    seen: list[int] = []

    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        seen.append(number)
        line.sendall(with_length(b"x"))
        return True

    with client(answer) as one:
        before = one.rtt
        assert [body(one) for _ in range(3)] == [b"x"] * 3
        assert before is None
        assert 0 < (one.rtt or 0) < 5
    assert seen == [1, 2, 3]


def test_a_kept_line_that_the_server_closed_meanwhile_costs_nothing() -> None:
    with client(saying(with_length(b"x"), stays=False)) as one:
        assert [body(one) for _ in range(4)] == [b"x"] * 4


def test_a_server_that_hangs_up_on_new_lines_is_asked_three_times() -> None:
    asked: list[bytes] = []

    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        asked.append(head)
        return False

    with client(answer) as one:
        assert failing(one).code == "cut"
    assert len(asked) == 3


@pytest.mark.parametrize(
    "sent",
    [
        with_length(b"x" * 100)[:-40],
        in_chunks(b"x" * 100, [30])[:-30],
        in_chunks(b"x" * 100, [30])[:-8],
    ],
)
def test_a_body_that_ends_early_is_cut(sent: bytes) -> None:
    with client(saying(sent, stays=False)) as one:
        assert failing(one).code == "cut"


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 9000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
        b"HTTP/1.1 100 Go on\r\n\r\n" * 9,
    ],
)
def test_what_is_no_http_is_garbled_and_not_gathered(sent: bytes) -> None:
    with client(saying(sent, stays=False)) as one:
        error = failing(one)
    assert (type(error), error.code) == (OfflineError, "garbled")
    assert "NORTH" in error.title


def test_an_interim_answer_is_passed_over() -> None:
    with client(saying(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + with_length(b"x"))) as one:
        assert body(one) == b"x"


def test_silence_ends_at_its_limit() -> None:
    release = threading.Event()

    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        line.sendall(with_length(b"x" * 100)[:-50])
        release.wait(5)
        return False

    with client(answer) as one:
        assert failing(one).code == "timeout"
        release.set()


def test_drops_that_never_end_are_not_waited_for() -> None:
    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(400):
            line.sendall(b"x")
            time.sleep(0.01)
        return False

    with client(answer) as one:
        assert failing(one).code == "timeout"


def test_a_total_limit_ends_an_answer_that_goes_on() -> None:
    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(400):
            line.sendall(b"x" * 5000)
            time.sleep(0.01)
        return False

    with client(answer) as one:
        assert failing(one, total=0.3).code == "timeout"


def test_another_thread_can_end_a_line_that_is_being_read() -> None:
    release = threading.Event()

    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        line.sendall(with_length(b"x" * 100)[:-50])
        release.wait(5)
        return False

    limits = replace(QUICK, read=20.0)
    with serving(answer) as base:
        one = BulkClient(HUB, None, base=base, timeouts=limits)
        ends: list[Callable[[], None] | None] = []
        with one.stream("a", watch=ends.append) as reply:
            assert ends[0] is not None
            threading.Timer(0.1, ends[0]).start()
            with pytest.raises(OfflineError):
                list(reply.pieces)
        assert ends[-1] is None
        release.set()
        one.close()


def test_statuses_are_refused_in_words_but_for_those_allowed() -> None:
    with client(saying(with_length(b"no", status="406 No"))) as one:
        with one.stream("a", allow={406}) as answer:
            assert answer.status == 406
        error = failing(one)
    assert isinstance(error, AttentionError)
    assert "406" in error.detail


def test_a_body_past_its_cap_is_refused() -> None:
    with client(saying(with_length(b"x" * 5000))) as one:
        assert failing(one, max_bytes=4000).code == "too-big"


def test_packing_is_asked_for_only_where_it_is_wanted_and_undone_in_steps() -> None:
    heads: list[bytes] = []
    data = bytes(3 << 20)
    packed = gzip.compress(data)

    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        heads.append(head.lower())
        line.sendall(with_length(packed, "Content-Encoding: gzip"))
        return True

    with client(answer) as one:
        with one.stream("a", packed=True) as reply:
            assert reply.packed
            pieces = list(reply.pieces)
        assert b"".join(pieces) == data
        assert max(map(len, pieces)) <= 1 << 20
        assert failing(one).code == "refused"
        assert failing(one, packed=True, max_bytes=1 << 20).code == "too-big"
    assert [b"accept-encoding: gzip" in head for head in heads] == [True, False, True]


def test_a_packed_body_that_is_cut_is_no_whole_one() -> None:
    packed = gzip.compress(bytes(range(256)) * 100)[:-6]
    with client(saying(with_length(packed, "Content-Encoding: gzip"))) as one:
        assert failing(one, packed=True).code == "cut"


def test_redirects_stay_at_home_and_end() -> None:
    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        target = head.split(b" ")[1].decode()
        if target == "/dw/a":
            line.sendall(with_length(b"", "Location: /dw/b?x=1", status="302 Found"))
        elif target == "/dw/b?x=1":
            line.sendall(with_length(b"found"))
        elif target == "/dw/away":
            line.sendall(with_length(b"", "Location: http://127.0.0.9/x", status="302 Found"))
        else:
            line.sendall(with_length(b"", f"Location: {target}", status="302 Found"))
        return True

    with client(answer) as one:
        assert body(one) == b"found"
        with pytest.raises(AttentionError, match="another server"):
            body(one, "away")
        with pytest.raises(AttentionError, match="circle"):
            body(one, "round")


def test_a_secret_given_meanwhile_is_used_after_a_refusal_and_asked_for_once() -> None:
    secrets = iter(["new", "new"])
    hub = replace(HUB, auth="bearer")
    heads: list[bytes] = []

    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        heads.append(head)
        good = b"Authorization: Bearer new" in head
        line.sendall(with_length(b"x" if good else b"", status="200 OK" if good else "401 No"))
        return True

    with serving(answer) as base:
        sign_in = SecretSignIn(hub, "old", lambda: next(secrets))
        one = BulkClient(hub, None, base=base, timeouts=QUICK, sign_in=sign_in)
        assert body(one) == b"x"
        assert body(one) == b"x"
        one.close()
        fixed = BulkClient(hub, "old", base=base, timeouts=QUICK)
        with pytest.raises(NotSignedInError):
            body(fixed)
        fixed.close()
    assert len(heads) == 4


def test_warm_lines_are_used_and_tell_when_the_first_is_open() -> None:
    lines: set[int] = set()

    def answer(line: socket.socket, head: bytes, number: int) -> bool:
        lines.add(line.fileno())
        line.sendall(with_length(b"x"))
        return True

    opened = threading.Event()
    with client(answer) as one:
        one.warm(1, opened.set)
        assert opened.wait(5)
        assert one.rtt is not None
        assert body(one) == b"x"
    assert len(lines) == 1


def test_what_the_environment_says_of_proxies_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with client(saying(with_length(b"x"))) as one:
        assert body(one) == b"x"


def test_nobody_there_is_offline_and_the_address_is_not_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    one = BulkClient(HUB, None, base=f"http://127.0.0.1:{port}")
    error = failing(one)
    assert error.code == "offline"
    assert str(port) not in str(error)
