"""Signing in by tokens: the flows, their refusals in words, and that no token is ever lost or used twice."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from teleread.host.clock import FakeClock
from teleread.model.errors import NotSignedInError, OfflineError, TelereadError, UsageError
from teleread.model.hubfile import HubFile, parse_hub_file
from teleread.vault.vault import Vault
from teleread.wire.oauth import IdentityServer, Tokens
from teleread.wire.oauth_code import BrowserSignIn, checked_identity
from teleread.wire.oauth_device import begin, wait
from teleread.wire.oauth_keys import assertion, jwks, make_key
from teleread.wire.oauth_tokens import KEY, TOKENS, TokenSignIn
from tests.identity import ISSUER, Identity, hub_by, id_token


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 24, 4, tzinfo=UTC))


@pytest.fixture
def identity(clock: FakeClock) -> Identity:
    return Identity(clock)


def keeper(vault: Vault, identity: Identity, hub: HubFile | None = None) -> TokenSignIn:
    file = hub or hub_by("device")
    lock = vault.paths.data / "sign-in.lock"
    return TokenSignIn(file, vault.hub_secrets, lock, identity.clock, IdentityServer(file, identity))


def signed(vault: Vault, identity: Identity, *, left: float = 300.0) -> TokenSignIn:
    """Signed in before, with so many seconds left."""
    one = keeper(vault, identity)
    one.keep(Tokens("access-0", "refresh-0", identity.clock.now().timestamp() + left, 300.0))
    return one


# -- tokens and their renewal --------------------------------------------------------------------------


def test_a_token_that_holds_is_used_without_asking_anybody(vault: Vault, identity: Identity) -> None:
    assert signed(vault, identity).header() == "Bearer access-0"
    assert not identity.seen


def test_a_token_about_to_end_is_renewed_before_it_is_used(vault: Vault, identity: Identity) -> None:
    one = signed(vault, identity, left=5)
    assert one.header() == one.header() == "Bearer access-1"
    assert identity.asked["/token"] == 1
    assert keeper(vault, identity).header() == "Bearer access-1", "another process finds it in the vault"


def test_a_token_of_two_seconds_is_used_for_most_of_them(vault: Vault, identity: Identity) -> None:
    identity.life = 2
    one = signed(vault, identity, left=-1)
    assert one.header() == "Bearer access-1"
    identity.clock.advance(1.5)
    assert one.header() == "Bearer access-1"
    identity.clock.advance(0.4)
    assert one.header() == "Bearer access-2"


def test_after_a_refusal_the_token_is_renewed_once_for_all_who_were_refused(
    vault: Vault, identity: Identity
) -> None:
    one, other = signed(vault, identity), keeper(vault, identity)
    assert one.renewed("Bearer access-0") is True
    assert other.renewed("Bearer access-0") is True
    assert identity.asked["/token"] == 1
    assert other.header() == "Bearer access-1"


def test_many_at_once_renew_one_after_another_and_never_spend_a_token_twice(
    vault: Vault, identity: Identity
) -> None:
    signed(vault, identity, left=-1)
    got: list[str] = []

    def work() -> None:
        mine = keeper(vault, identity)
        for refused in ("Bearer access-0", "Bearer access-1", "Bearer access-2"):
            mine.renewed(refused)
        got.append(mine.header())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(got) == 6
    assert identity.asked["/token"] <= 3
    held = keeper(vault, identity).held()
    assert held is not None
    assert held.refresh == identity.living, "no token came twice, or all of them would be dead"


def test_a_new_token_is_in_the_vault_before_anybody_uses_it(
    vault: Vault, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = signed(vault, identity, left=-1)
    kept = vault.hub_secrets.put
    full = TelereadError("The disk is full.", code="disk-full")

    def refuses(hub_id: str, name: str, value: str) -> None:
        if "access-1" in value:
            raise full
        kept(hub_id, name, value)

    monkeypatch.setattr(vault.hub_secrets, "put", refuses)
    with pytest.raises(TelereadError) as caught:
        one.header()
    assert caught.value is full
    monkeypatch.setattr(vault.hub_secrets, "put", kept)
    assert one.header() == "Bearer access-1", "the token that came is kept now, and none is spent again"
    assert identity.asked["/token"] == 1
    assert Tokens.of(vault.hub_secrets.get("hub-1", TOKENS)) == one.held()


def test_a_lost_answer_is_off_line_and_then_told_as_the_reason_the_sign_in_ended(
    vault: Vault, identity: Identity
) -> None:
    one = signed(vault, identity, left=-1)
    identity.lose = 1
    with pytest.raises(OfflineError) as lost:
        one.header()
    assert lost.value.code == "offline", "the hub was not asked: nothing there is unknown"
    with pytest.raises(NotSignedInError) as ended:
        keeper(vault, identity).header()
    assert "renewal may have been lost" in ended.value.detail
    assert "safe" in ended.value.detail
    assert "teleread hub sign-in north" in ended.value.remedy
    with pytest.raises(NotSignedInError) as after:
        one.header()
    assert after.value.code == "sign-in-needed"
    assert identity.asked["/token"] == 2, "a token that is dead is not offered again"


def test_a_server_that_lets_the_old_refresh_token_stand_is_asked_with_it_again(
    vault: Vault, identity: Identity
) -> None:
    one = signed(vault, identity, left=-1)
    identity.refusals = [
        (200, json.dumps({"access_token": f"a{at}", "expires_in": "1"}).encode()) for at in range(2)
    ]
    assert one.header() == "Bearer a0"
    identity.clock.advance(2)
    assert one.header() == "Bearer a1"
    assert [form["refresh_token"] for form in identity.forms] == ["refresh-0", "refresh-0"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (503, b"", OfflineError, "busy"),
        (500, b"<html>", OfflineError, "offline"),
        (400, b"", NotSignedInError, "sign-in-other"),
        (400, b"<html>", NotSignedInError, "sign-in-other"),
        (401, b'{"error":"invalid_client"}', NotSignedInError, "sign-in-client"),
        (404, b"", NotSignedInError, "sign-in-refused"),
        (200, b"{}", NotSignedInError, "sign-in-refused"),
        (200, b"[]", NotSignedInError, "sign-in-refused"),
        (200, b'{"access_token":"a","token_type":"mac"}', NotSignedInError, "sign-in-refused"),
        (200, b'{"access_token":"a\\nb"}', NotSignedInError, "sign-in-refused"),
        (302, b"", NotSignedInError, "sign-in-refused"),
    ],
)
def test_whatever_the_identity_server_answers_becomes_words_and_costs_no_sign_in(
    vault: Vault, identity: Identity, status: int, body: bytes, kind: type[TelereadError], code: str
) -> None:
    one = signed(vault, identity, left=-1)
    identity.refusals = [(status, body)]
    with pytest.raises(kind) as caught:
        one.header()
    assert caught.value.code == code
    assert caught.value.detail
    assert "refresh-0" not in str(caught.value) + repr(caught.value)
    assert one.header() == "Bearer access-1", "the refresh token was kept"


def test_nobody_signed_in_is_told_with_the_command_and_asks_nobody(vault: Vault, identity: Identity) -> None:
    with pytest.raises(NotSignedInError) as caught:
        keeper(vault, identity).header()
    assert caught.value.exit_code == 4
    assert "teleread hub sign-in north" in caught.value.remedy
    assert not identity.seen


def test_no_token_stands_in_an_address_or_shows_when_printed(vault: Vault, identity: Identity) -> None:
    one = signed(vault, identity, left=-1)
    one.header()
    assert not any("refresh" in str(request.url) for request in identity.seen)
    assert "access" not in repr(one.held()).replace("access=", "")
    assert "refresh-" not in repr(one.held())


# -- discovery -----------------------------------------------------------------------------------------


def test_without_an_issuer_the_hub_names_its_identity_server(identity: Identity) -> None:
    server = IdentityServer(hub_by("pkce", issuer=""), identity)
    assert server.endpoints(identity.clock.now()).token == f"{ISSUER}/token"
    assert str(identity.seen[0].url) == "https://hub.example/fhir/.well-known/smart-configuration"
    server.endpoints(identity.clock.now())
    assert len(identity.seen) == 1


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://id.example/token"},
        {"token_endpoint": None},
        {"authorization_endpoint": "https://user:password@id.example/"},
        {"device_authorization_endpoint": "file:///etc/passwd"},
    ],
)
def test_a_discovery_that_is_not_safe_is_refused(identity: Identity, document: dict[str, Any]) -> None:
    identity.document = document
    with pytest.raises(NotSignedInError) as caught:
        IdentityServer(hub_by("device"), identity).endpoints(identity.clock.now())
    assert caught.value.code == "sign-in-refused"


def test_a_client_certificate_asks_at_the_addresses_for_mutual_tls(identity: Identity) -> None:
    identity.document = {"mtls_endpoint_aliases": {"token_endpoint": "https://mtls.id.example/token"}}
    plain = IdentityServer(hub_by("device"), identity).endpoints(identity.clock.now())
    mutual = IdentityServer(hub_by("device", client_cert="c.pem"), identity).endpoints(identity.clock.now())
    assert (plain.token, mutual.token) == (f"{ISSUER}/token", "https://mtls.id.example/token")


@pytest.mark.parametrize("key", ["issuer", "sign_in_page"])
def test_an_identity_server_over_plain_http_is_refused_even_with_a_reason(key: str) -> None:
    table = {"hub_id": "h", "allow_plain_http": "a closed network", key: "http://id.example"}
    with pytest.raises(UsageError):
        parse_hub_file("north", table)
    assert parse_hub_file("north", {**table, key: "http://127.0.0.1:8080"})


# -- by code -------------------------------------------------------------------------------------------


def by_code(identity: Identity, hub: HubFile | None = None) -> tuple[Tokens, list[float]]:
    server = IdentityServer(hub or hub_by("device"), identity)
    waits: list[float] = []

    def pause(seconds: float) -> bool:
        waits.append(seconds)
        identity.clock.advance(seconds)
        return True

    return wait(server, begin(server, identity.clock), identity.clock, pause), waits


def refusal(code: str) -> tuple[int, bytes]:
    return 400, json.dumps({"error": code}).encode()


def test_a_code_is_asked_for_until_it_is_allowed_slower_when_told(identity: Identity) -> None:
    pending, slow = refusal("authorization_pending"), refusal("slow_down")
    identity.refusals = [pending, slow, pending, (500, b"")]
    tokens, waits = by_code(identity)
    assert tokens.header == "Bearer access-1"
    assert waits == [5, 5, 10, 10, 20], "slow_down adds five seconds; a line that fails doubles them"
    assert identity.forms[1]["device_code"] == "device-secret"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("access_denied", "sign-in-denied", "refused"),
        ("expired_token", "sign-in-late", "run out"),
        ("invalid_client", "sign-in-client", "does not know this program"),
    ],
)
def test_a_code_that_comes_to_nothing_says_why(identity: Identity, error: str, code: str, words: str) -> None:
    identity.refusals = [refusal(error)]
    with pytest.raises(NotSignedInError) as caught:
        by_code(identity)
    assert caught.value.code == code
    assert words in caught.value.title


def test_a_code_nobody_types_runs_out_here_too(identity: Identity) -> None:
    identity.refusals = [refusal("authorization_pending")] * 100
    with pytest.raises(NotSignedInError) as caught:
        by_code(identity)
    assert caught.value.code == "sign-in-late"
    assert identity.asked["/token"] == 24, "120 seconds, one question in five"


def test_a_reader_who_gives_up_is_not_asked_for(identity: Identity) -> None:
    server = IdentityServer(hub_by("device"), identity)
    with pytest.raises(NotSignedInError):
        wait(server, begin(server, identity.clock), identity.clock, lambda seconds: False)
    assert identity.asked["/token"] == 0


def test_a_page_of_another_origin_is_never_shown_unless_the_hub_file_names_it(identity: Identity) -> None:
    identity.device = {"verification_uri": "https://evil.example/type"}
    with pytest.raises(NotSignedInError) as caught:
        by_code(identity)
    assert "another server" in caught.value.title
    identity.device |= {"verification_uri_complete": "https://evil.example/type?c=1"}
    tokens, _ = by_code(identity, hub_by("device", sign_in_page="https://evil.example"))
    assert tokens.access


def test_a_code_from_outside_cannot_drive_the_terminal(identity: Identity) -> None:
    identity.device = {"user_code": "AB\x1b[2JCD"}
    code = begin(IdentityServer(hub_by("device"), identity), identity.clock)
    assert code.user_code.isprintable()
    assert "device-secret" not in repr(code)


# -- by browser ----------------------------------------------------------------------------------------


class Browser:
    """What comes back from the browser, in a thread of its own."""

    def __init__(self, identity: Identity, *, make_id: bool = True, **changes: str | None) -> None:
        self.identity = identity
        self.changes = changes
        self.make_id = make_id
        self.pages: list[int] = []

    def go(self, url: str, before: Callable[[str], None] | None = None) -> None:
        asked = {name: one[0] for name, one in parse_qs(urlsplit(url).query).items()}
        self.asked = asked
        if self.make_id:
            token = id_token(self.identity.clock, nonce=asked["nonce"], fhirUser="Practitioner/17")
            self.identity.more = {"id_token": token}
        told = {"code": "the-code", "state": asked["state"], "iss": ISSUER, **self.changes}
        if before is not None:
            before(asked["redirect_uri"])
        query = urlencode({name: one for name, one in told.items() if one is not None})
        self.pages.append(get(f"{asked['redirect_uri']}?{query}"))


def get(url: str, **headers: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def by_browser(identity: Identity, browser: Browser, before: Callable[[str], None] | None = None) -> Tokens:
    server = IdentityServer(hub_by("pkce"), identity)
    with BrowserSignIn(server, identity.clock) as waiting:
        going = threading.Thread(target=browser.go, args=(waiting.url, before))
        going.start()
        try:
            return waiting.wait(lambda seconds: True)
        finally:
            going.join(30)


def test_the_browser_brings_a_code_that_only_this_program_can_trade(identity: Identity) -> None:
    import base64
    import hashlib

    browser = Browser(identity)
    tokens = by_browser(identity, browser)
    assert (tokens.access, tokens.who) == ("access-1", "Practitioner/17")
    form = identity.forms[-1]
    assert (form["code"], form["redirect_uri"]) == ("the-code", browser.asked["redirect_uri"])
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == browser.asked["code_challenge"]
    assert browser.asked["code_challenge_method"] == "S256"
    assert urlsplit(browser.asked["redirect_uri"]).hostname == "127.0.0.1"
    assert browser.pages == [200]


def test_whatever_else_comes_to_the_listener_is_turned_away_and_ends_nothing(identity: Identity) -> None:
    codes: list[int] = []

    def strangers(redirect: str) -> None:
        codes.append(get(f"{redirect}?code=stolen&state=guessed&iss={ISSUER}"))
        codes.append(get(redirect.replace("/callback", "/favicon.ico")))
        codes.append(get(f"{redirect}?code=stolen", Host="evil.example"))

    tokens = by_browser(identity, Browser(identity), strangers)
    assert tokens.access == "access-1"
    assert codes == [400, 404, 404]


@pytest.mark.parametrize("issuer", ["https://evil.example", None])
def test_an_answer_that_names_no_or_another_issuer_is_a_mix_up(
    identity: Identity, issuer: str | None
) -> None:
    with pytest.raises(NotSignedInError) as caught:
        by_browser(identity, Browser(identity, iss=issuer))
    assert "another identity server" in caught.value.detail
    assert identity.asked["/token"] == 0, "the code goes nowhere"


def test_a_refusal_in_the_browser_is_told(identity: Identity) -> None:
    with pytest.raises(NotSignedInError) as caught:
        by_browser(identity, Browser(identity, code=None, error="access_denied"))
    assert caught.value.code == "sign-in-denied"


@pytest.mark.parametrize(
    "claims",
    [{"iss": "https://evil.example"}, {"aud": "another"}, {"nonce": "another"}, {"exp": 0}, {"exp": None}],
)
def test_an_identity_of_another_sign_in_is_not_taken(identity: Identity, claims: dict[str, Any]) -> None:
    token = id_token(identity.clock, **{"nonce": "n", **claims})
    server = IdentityServer(hub_by("pkce"), identity)
    with pytest.raises(NotSignedInError):
        checked_identity(server, Tokens("a", id_token=token), identity.clock, nonce="n")


def test_the_listener_is_gone_when_the_sign_in_is_over(identity: Identity) -> None:
    with BrowserSignIn(IdentityServer(hub_by("pkce"), identity), identity.clock) as waiting:
        redirect = waiting.redirect
        with pytest.raises(NotSignedInError):
            waiting.wait(lambda seconds: False)
    with pytest.raises(urllib.error.URLError):
        get(redirect)


# -- by key --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_a_system_proves_its_key_with_a_statement_anybody_can_check(alg: str) -> None:
    from joserfc import jwt
    from joserfc.jwk import KeySet

    pem = make_key(alg)
    public: Any = jwks(pem)
    assert not {"d", "p", "q"} & set(public["keys"][0])
    token = jwt.decode(
        assertion(pem, "client", "https://id.example/token", 1000.0), KeySet.import_key_set(public), [alg]
    )
    assert token.header["alg"] == alg
    assert token.header["kid"] == public["keys"][0]["kid"]
    assert (token.claims["iss"], token.claims["sub"]) == ("client", "client")
    assert token.claims["aud"] == "https://id.example/token"
    assert 0 < token.claims["exp"] - 1000 <= 300
    again = jwt.decode(
        assertion(pem, "client", "https://id.example/token", 1000.0), KeySet.import_key_set(public), [alg]
    )
    assert again.claims["jti"] != token.claims["jti"]


def test_a_system_gets_its_token_by_key_and_asks_for_the_next_when_it_ends(
    vault: Vault, identity: Identity
) -> None:
    hub = hub_by("smart")
    one = keeper(vault, identity, hub)
    with pytest.raises(NotSignedInError) as caught:
        one.header()
    assert "hub keys north" in caught.value.remedy
    vault.hub_secrets.put("hub-1", KEY, make_key("ES384"))
    assert one.header() == "Bearer access-1"
    identity.clock.advance(299)
    assert one.header() == "Bearer access-2"
    assert identity.forms[0]["scope"] == "system/*.crus"
    assert identity.forms[0]["client_assertion"] != identity.forms[1]["client_assertion"]


def test_a_hub_file_with_another_key_alg_is_refused() -> None:
    assert parse_hub_file("north", {"hub_id": "h", "key_alg": "RS384"}).key_alg == "RS384"
    with pytest.raises(UsageError):
        parse_hub_file("north", {"hub_id": "h", "key_alg": "HS256"})


def test_tokens_come_out_of_the_vault_as_they_went_in(tmp_path: Path) -> None:
    tokens = Tokens("a", "r", 12.5, 300.0, "openid", "Practitioner/17", asked=True, id_token="never kept")
    assert Tokens.of(tokens.stored()) == replace(tokens, id_token="")
    assert Tokens.of(None) is None
