"""An identity provider on loopback: HTTPS, discovery, keys, introspection, and every way of being out of order."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from tests.support.certificates import authority, good

AUDIENCE = "mailward"
CLIENT = ("mail server", "s3cret/+ of the server")
ANN = "ann@example.test"


@dataclass
class Answer:
    """What a path is answered with. slowly: seconds between the octets."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    slowly: float = 0.0
    wait: float = 0.0


@dataclass
class IdentityProvider:
    """`asked`: the paths that were asked for. `answers`: what a path is answered with in the place of the right answer.

    `tokens`: what introspection says of each. Its keys: "rsa", "ec" and "ed". `forms`: what introspection was asked.
    """

    url: str
    ca: Path
    keys: dict[str, Key]
    published: list[str]
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    issuer: str = ""

    @property
    def jwks(self) -> str:
        return self.url + "/keys"

    @property
    def introspection(self) -> str:
        return self.url + "/introspect"

    def claims(self, now: float, **changed: Any) -> dict[str, Any]:
        """A good token's; what is changed to None is left out."""
        whole = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "1234",
            "email": ANN,
            "scope": "openid mail",
            "iat": int(now),
            "exp": int(now) + 3600,
            **changed,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def token(self, claims: dict[str, Any], *, alg: str = "RS256", key: str = "rsa", **header: Any) -> str:
        whole = {"alg": alg, "kid": key, **header}
        return jwt.encode(
            {name: value for name, value in whole.items() if value is not None},
            claims,
            self.keys[key],
            algorithms=[alg],
        )

    def rotate(self, old: str, new: str) -> None:
        """Publish another RSA key in the place of `old`."""
        self.keys[new] = RSAKey.generate_key(2048)
        self.published = [new if name == old else name for name in self.published]

    def key_set(self) -> dict[str, Any]:
        return {"keys": [{**self.keys[name].as_dict(private=False), "kid": name} for name in self.published]}

    def document(self) -> dict[str, Any]:
        return {"issuer": self.issuer or self.url, "jwks_uri": self.jwks, "introspection_endpoint": self.introspection}


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand."""

    def segment(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    return ".".join((segment(json.dumps(header).encode()), segment(json.dumps(claims).encode()), segment(signature)))


@cache
def _keys() -> dict[str, Key]:
    return {
        "rsa": RSAKey.generate_key(2048),
        "ec": ECKey.generate_key("P-256"),
        "ed": OKPKey.generate_key("Ed25519"),
    }


@contextmanager
def identity_provider(folder: Path, *, tls: bool = True) -> Iterator[IdentityProvider]:
    ca = folder / "provider-ca.pem"
    ca.write_bytes(authority().pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    provider = IdentityProvider(url, ca, dict(_keys()), published=["rsa", "ec", "ed"])
    server.RequestHandlerClass = type("Handler", (_Handler,), {"provider": provider})
    if tls:
        server.socket = (
            good().server_context().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: IdentityProvider

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # of the TLS handshake, or the client has had enough
            self.close_connection = True

    def do_GET(self) -> None:
        pages: dict[str, Callable[[], dict[str, Any]]] = {
            "/.well-known/openid-configuration": self.provider.document,
            "/keys": self.provider.key_set,
        }
        page = pages.get(self.path)
        self._answer(Answer(json.dumps(page()).encode()) if page else Answer(b"{}", 404))

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.provider.forms.append(form)
        if not _is_our_client(self.headers.get("Authorization", "")):
            self._answer(Answer(b"{}", 401))
            return
        told = self.provider.tokens.get(form["token"][0], {"active": False})
        self._answer(Answer(json.dumps(told).encode()))

    def _answer(self, usual: Answer) -> None:
        self.provider.asked.append(self.path)
        answer = self.provider.answers.get(self.path, usual)
        time.sleep(answer.wait)
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not answer.slowly:
            self.wfile.write(answer.body)
            return
        for octet in answer.body:
            self.wfile.write(bytes([octet]))
            self.wfile.flush()
            time.sleep(answer.slowly)

    def log_message(self, *_: object) -> None:
        pass


def _is_our_client(authorization: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    user, _, password = base64.b64decode(credentials).decode().partition(":")
    return scheme == "Basic" and (unquote_plus(user), unquote_plus(password)) == CLIENT
