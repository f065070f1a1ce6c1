"""An identity server in memory, as strict as any: refresh tokens work once, a second use ends all."""

from __future__ import annotations

import base64
import json as jsonlib
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx

from teleread.host.clock import FakeClock
from teleread.model.hubfile import HubFile

ISSUER = "https://id.example"


def hub_by(auth: str, **more: Any) -> HubFile:
    """A hub file that signs in that way."""
    return HubFile("hub-1", "north", fhir="https://hub.example/fhir", auth=auth, **{"issuer": ISSUER, **more})


def id_token(clock: FakeClock, **claims: Any) -> str:
    """An ID token; its signature is looked at by nobody, since it comes from the token endpoint."""
    told = {"iss": ISSUER, "aud": "teleread", "exp": clock.now().timestamp() + 300, "sub": "reader", **claims}
    parts = (jsonlib.dumps({"alg": "none"}).encode(), jsonlib.dumps(told).encode(), b"x")
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts)


def answer(status: int, *, json: Any = None, content: bytes = b"") -> httpx.Response:
    """An answer whose body has not been read yet."""
    body = content if json is None else jsonlib.dumps(json).encode()
    return httpx.Response(status, stream=httpx.ByteStream(body))


@dataclass
class Identity(httpx.BaseTransport):
    """The server, as a transport."""

    clock: FakeClock
    life: float = 300.0
    document: dict[str, Any] = field(default_factory=dict)
    """What its discovery says otherwise."""
    refusals: list[tuple[int, bytes]] = field(default_factory=list)
    """Answers of the token endpoint that come first."""
    device: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    """What each token answer holds besides."""
    lose: int = 0
    """So many token answers are lost after they were made."""
    asked: Counter[str] = field(default_factory=Counter)
    forms: list[dict[str, str]] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    _made: int = 0
    living: str = "refresh-0"
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        with self._guard:
            return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = request.read().decode()
        path = request.url.path
        self.seen.append(request)
        self.asked[path] += 1
        if path.startswith("/.well-known/") or path.endswith("/smart-configuration"):
            return self._discovery(path)
        form = dict(parse_qsl(body))
        self.forms.append(form)
        if path == "/revoke":
            self.revoked.append(form["token"])
            return answer(200)
        if path == "/device":
            return answer(200, json={**self._device(), **self.device})
        return self._token(form)

    def _discovery(self, path: str) -> httpx.Response:
        if not path.endswith(("openid-configuration", "smart-configuration")):
            return answer(404)
        told = {
            "issuer": ISSUER,
            "token_endpoint": f"{ISSUER}/token",
            "authorization_endpoint": f"{ISSUER}/authorize",
            "device_authorization_endpoint": f"{ISSUER}/device",
            "revocation_endpoint": f"{ISSUER}/revoke",
            "authorization_response_iss_parameter_supported": True,
        }
        return answer(200, json={**told, **self.document})

    def _device(self) -> dict[str, Any]:
        return {
            "device_code": "device-secret",
            "user_code": "ABCD-EFGH",
            "verification_uri": f"{ISSUER}/type",
            "verification_uri_complete": f"{ISSUER}/type?user_code=ABCD-EFGH",
            "expires_in": 120,
            "interval": 5,
        }

    def _token(self, form: dict[str, str]) -> httpx.Response:
        if self.refusals:
            status, body = self.refusals.pop(0)
            return answer(status, content=body)
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.living:
            self.living = ""  # a token that comes twice was stolen: nobody has one any more
            return answer(400, json={"error": "invalid_grant", "error_description": "reuse"})
        self._made += 1
        told = {"access_token": f"access-{self._made}", "token_type": "Bearer", "expires_in": self.life}
        if form["grant_type"] != "client_credentials":
            self.living = f"refresh-{self._made}"
            told["refresh_token"] = self.living
        if self.lose:
            self.lose -= 1
            raise httpx.ReadError("the answer is lost")
        return answer(200, json={**told, **self.more})
