"""The HTTP client: limits, words and what it never does."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest

from teleread.model.errors import AttentionError, NotSignedInError, OfflineError, TelereadError, UsageError
from teleread.model.hubfile import HubFile, parse_hub_file
from teleread.wire.auth import authorization, tls_context
from teleread.wire.caps import BodyTooBig, decoded
from teleread.wire.http import HttpClient
from teleread.wire.http_answers import Timeouts
from teleread.wire.http_errors import of_exception, retry_after

BASE = "https://hub.example/fhir"
HUB = HubFile(hub_id="h1", name="NORTH", fhir=BASE)

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler, hub: HubFile = HUB, secret: str | None = None) -> HttpClient:
    def unread(request: httpx.Request) -> httpx.Response:
        # As a real transport: the body is a stream that nobody has read yet.
        answer = handler(request)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=answer.stream)

    return HttpClient(hub, secret, base=BASE, transport=httpx.MockTransport(unread), seed=1)


def raised(call: Callable[[], object]) -> TelereadError:
    with pytest.raises(TelereadError) as caught:
        call()
    return caught.value


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on loopback that answers each connection with bytes of the test's own making."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(5)
                try:
                    connection.recv(65536)
                    answer(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(10)
        listener.close()


def test_a_json_answer_carries_version_date_and_body() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"{BASE}/Task/1?_count=5"
        return httpx.Response(
            200,
            json={"id": "1"},
            headers={"ETag": 'W/"7"', "Date": "Tue, 24 Nov 2026 04:00:00 GMT", "Location": "Task/1"},
        )

    answer = client(handler).get_json("Task/1", params={"_count": 5})
    assert (answer.version, answer.json, answer.location) == ("7", {"id": "1"}, "Task/1")
    assert answer.date == datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("auth", "user", "secret", "header"),
    [
        ("none", "", None, ""),
        ("bearer", "", "abc\n", "Bearer abc"),
        ("basic", "jo", "pä:ss", "Basic " + base64.b64encode("jo:pä:ss".encode()).decode()),
    ],
)
def test_the_sign_in_header_is_made_from_the_hub_file_and_the_secret(
    auth: str, user: str, secret: str | None, header: str
) -> None:
    assert authorization(HubFile(hub_id="h", name="N", auth=auth, user=user), secret) == header


@pytest.mark.parametrize("secret", [None, "", "two\r\nlines", "tök"])
def test_a_missing_or_impossible_secret_is_told_in_words_and_never_shown(secret: str | None) -> None:
    error = raised(lambda: authorization(HubFile(hub_id="h", name="N", auth="bearer"), secret))
    assert isinstance(error, NotSignedInError)
    assert not secret or secret not in str(error)


def test_a_sign_in_this_version_does_not_know_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        authorization(HubFile(hub_id="h", name="N", auth="smart"), "x")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, NotSignedInError, "not-signed-in"),
        (403, AttentionError, "forbidden"),
        (404, AttentionError, "gone"),
        (410, AttentionError, "gone"),
        (409, AttentionError, "refused"),
        (412, AttentionError, "changed"),
        (422, AttentionError, "refused"),
        (408, OfflineError, "busy"),
        (429, OfflineError, "busy"),
        (503, OfflineError, "busy"),
        (500, OfflineError, "unknown"),
        (502, OfflineError, "unknown"),
    ],
)
def test_each_status_of_a_write_has_its_error(status: int, kind: type[TelereadError], code: str) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "too \x1b]52;late"}]}
    error = raised(
        lambda: client(lambda _: httpx.Response(status, json=outcome)).send_json("PUT", "a", b"{}")
    )
    assert type(error) is kind
    assert error.code == code
    assert "NORTH" in error.title
    assert "too ]52;late" in error.detail


def test_a_failing_read_is_never_called_unknown() -> None:
    error = raised(lambda: client(lambda _: httpx.Response(500)).get_json("a"))
    assert (type(error), error.code, error.retryable) == (OfflineError, "server", True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("Tue, 24 Nov 2026 04:01:00 GMT", 60.0), ("soon", None), ("", None), ("9" * 9, 21600.0)],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    headers = {"retry-after": value, "date": "Tue, 24 Nov 2026 04:00:00 GMT"}
    assert retry_after(headers, datetime(2030, 1, 1, tzinfo=UTC)) == seconds


def test_a_busy_server_says_how_long_to_wait() -> None:
    answer = httpx.Response(503, headers={"Retry-After": "30"})
    assert raised(lambda: client(lambda _: answer).get_json("a")).retry_after == 30.0


@pytest.mark.parametrize("body", [b'{"a":', b"<html>", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_is_garbled_for_a_read_and_unknown_for_a_write(body: bytes) -> None:
    one = client(lambda _: httpx.Response(200, content=body))
    assert raised(lambda: one.get_json("a")).code == "garbled"
    assert raised(lambda: one.send_json("POST", "a", b"{}")).code == "unknown"


def test_lone_surrogates_are_replaced_because_no_database_takes_them() -> None:
    answer = client(lambda _: httpx.Response(200, content=b'{"a": ["x\\ud800y"]}')).get_json("a")
    json.dumps(answer.json, ensure_ascii=False).encode()
    assert answer.json["a"][0].startswith("x")


def test_an_answer_without_a_body_is_none() -> None:
    assert client(lambda _: httpx.Response(204)).send_json("PUT", "a", b"{}").json is None


def test_a_link_to_another_origin_is_not_followed() -> None:
    one = client(lambda _: httpx.Response(200, json={}))
    for link in ("https://evil.example/fhir", "http://hub.example/fhir", "https://hub.example:444/fhir"):
        assert raised(lambda link=link: one.get_json(link)).code == "refused"  # type: ignore[misc]
    assert one.get_json("https://HUB.example:443/fhir?page=2").status == 200


def test_a_redirect_to_another_server_is_refused_and_gets_no_credentials() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    hub = HubFile(hub_id="h", name="N", auth="bearer")
    assert raised(lambda: client(handler, hub, "s").get_json("a")).code == "refused"
    assert asked == ["hub.example"]


def test_a_redirect_within_the_origin_is_followed_a_few_times_only() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/good"):
            return httpx.Response(200, json={"ok": True})
        where = "/fhir/good" if request.url.path.endswith("/old") else "/fhir/round"
        return httpx.Response(302, headers={"Location": where})

    assert client(handler).get_json("old").json == {"ok": True}
    assert raised(lambda: client(handler).get_json("round")).code == "refused"


def test_a_redirected_write_is_refused_and_not_repeated() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(307, headers={"Location": "/fhir/b"})

    assert raised(lambda: client(handler).send_json("POST", "a", b"{}")).code == "refused"
    assert asked == ["POST"]


def test_a_read_on_a_closed_connection_is_repeated_and_a_write_never() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        if len(asked) < 3:
            raise httpx.RemoteProtocolError("closed", request=request)
        return httpx.Response(200, json={})

    assert client(handler).get_json("a").status == 200
    assert asked == ["GET"] * 3
    asked.clear()
    assert raised(lambda: client(handler).send_json("POST", "a", b"{}")).code == "unknown"
    assert asked == ["POST"]


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (httpx.ConnectError("x"), "offline", "offline"),
        (httpx.ConnectTimeout("x"), "timeout", "timeout"),
        (httpx.ReadTimeout("x"), "timeout", "unknown"),
        (httpx.WriteTimeout("x"), "timeout", "unknown"),
        (httpx.ReadError("x"), "cut", "unknown"),
        (httpx.RemoteProtocolError("x"), "cut", "unknown"),
    ],
)
def test_a_broken_request_is_unknown_only_where_it_may_have_been_applied(
    error: httpx.HTTPError, read: str, write: str
) -> None:
    assert of_exception("the hub N", error, write=False).code == read
    assert of_exception("the hub N", error, write=True).code == write


def test_an_untrusted_certificate_is_told_in_words_and_nothing_counts_as_sent() -> None:
    problem = ssl.SSLCertVerificationError("x")
    problem.verify_message = "self-signed certificate"
    error = httpx.ConnectError("x")
    error.__cause__ = problem
    told = of_exception("the hub N", error, write=True)
    assert (told.code, told.retryable) == ("tls", False)
    assert "self-signed certificate" in told.detail


def test_a_ca_file_that_cannot_be_read_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="CA file"):
        tls_context(HubFile(hub_id="h", name="N", ca_file="/nowhere/ca.pem"))


def test_the_tls_context_verifies_names_and_certificates() -> None:
    context = tls_context(HUB)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_small_packed_body_cannot_become_a_large_one() -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    answer = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(bomb))
    assert raised(lambda: client(lambda _: answer).get_json("a", cap=1 << 20)).code == "garbled"
    sizes: list[int] = []
    with pytest.raises(BodyTooBig):
        sizes.extend(len(piece) for piece in decoded([bomb], "gzip", 4 << 20))
    assert max(sizes) <= 1 << 20


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_a_packed_body_is_unpacked_whole_however_it_is_cut(size: int) -> None:
    plain = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)
    packed = gzip.compress(plain[:size])
    pieces = [packed[at : at + 999] for at in range(0, len(packed), 999)]
    assert b"".join(decoded(pieces, "gzip", 4 << 20)) == plain[:size]


def test_a_server_that_drips_bytes_for_ever_meets_the_total_limit() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(400):
            connection.sendall(b"X-A: b\r\n")
            time.sleep(0.02)

    with raw_server(answer) as base:
        one = HttpClient(HUB, None, base=base, timeouts=Timeouts(read=5, total=0.3))
        assert raised(lambda: one.get_json("a")).code == "timeout"
        assert raised(lambda: one.send_json("POST", "a", b"{}")).code == "unknown"
        one.close()


def test_a_server_that_is_not_there_is_offline_and_its_address_is_not_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    one = HttpClient(HUB, None, base=f"http://127.0.0.1:{port}")
    error = raised(lambda: one.send_json("POST", "a", b"{}"))
    one.close()
    assert error.code == "offline"
    assert str(port) not in str(error)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with raw_server(answer) as base:
        one = HttpClient(HUB, None, base=base)
        assert one.get_json("a").json == {}
        one.close()


@pytest.mark.parametrize(
    "proxy",
    ["https://p.example:3128", "http://p.example", "http://me:secret@p.example:1", "p:1", "http://p:0x1"],
)
def test_a_proxy_that_is_none_or_carries_a_password_is_refused(proxy: str) -> None:
    with pytest.raises(UsageError, match="proxy"):
        parse_hub_file("NORTH", {"hub_id": "h", "proxy": proxy})


def test_a_proxy_and_a_number_of_connections_are_read_from_the_hub_file() -> None:
    hub = parse_hub_file("NORTH", {"hub_id": "h", "proxy": "http://p.example:3128/", "connections": 3})
    assert (hub.proxy, hub.connections) == ("http://p.example:3128", 3)


def test_a_cookie_goes_back_to_the_hub_that_set_it() -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("cookie", ""))
        return httpx.Response(200, json={}, headers={"Set-Cookie": "replica=b7; Path=/"})

    http = client(answer)
    http.get_json("Task/1")
    http.send_json("PUT", "Task/1", b"{}")
    assert sent == ["", "replica=b7"]
