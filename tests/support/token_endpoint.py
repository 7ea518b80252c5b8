"""An OAuth 2.0 authorization server on loopback, over TLS: refresh tokens, client credentials and device codes."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jwt import JWTClaimsRegistry

from tests.support.certificates import authority, good

CLIENT, CLIENT_SECRET, REFRESH = "mailer-1", "the+client/secret", "first-refresh-token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass
class TokenEndpoint:
    """`issued`: access tokens, in order: what `mint` makes of 1, 2 …  `forms`: what was asked.

    `refresh`: the one refresh token that is good now; `rotates`: each use gives another. `answers`: (status, body)
    given first, one each. `pending`: what a device code is answered with before it is a token. `wait`: seconds each
    answer takes. `lifetime`: of an access token. `key`: by which assertions must be signed; `claims`: what they said.
    """

    url: str
    ca: bytes
    refresh: str = REFRESH
    rotates: bool = False
    lifetime: float | str | None = 3600
    wait: float = 0.0
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    device: dict[str, Any] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    key: RSAKey | None = None
    claims: list[dict[str, Any]] = field(default_factory=list)
    mint: Callable[[int], str] = "access-{}".format
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def token_url(self) -> str:
        return self.url + "/token"

    @property
    def device_url(self) -> str:
        return self.url + "/device"

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, bytes]:
        time.sleep(self.wait)
        with self.lock:
            self.forms.append(form)
            if self.answers:
                return self.answers.pop(0)
            status, said = self._device() if path == "/device" else self._token(form)
        return status, json.dumps(said).encode()

    def _device(self) -> tuple[int, dict[str, Any]]:
        usual = {
            "device_code": "secret-device-code",
            "user_code": "WDJB-MJHT",
            "verification_uri": "https://example.test/device",
            "expires_in": 900,
            "interval": 5,
        }
        return 200, usual | self.device

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        grant = form.get("grant_type", "")
        if grant == JWT_BEARER and self.key is not None and "client_id" not in form:
            try:
                claims = jwt.decode(form["assertion"], self.key, algorithms=["RS256"]).claims
                JWTClaimsRegistry(aud={"essential": True, "value": self.token_url}).validate(claims)
            except JoseError as error:
                return 400, {"error": "invalid_grant", "error_description": str(error)}
            self.claims.append(claims)
        elif form.get("client_id") != CLIENT or (grant != DEVICE and form.get("client_secret") != CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if grant == DEVICE and self.pending:
            return 400, {"error": self.pending.pop(0)}
        if grant == "refresh_token" and form.get("refresh_token") != self.refresh:
            return 400, {"error": "invalid_grant", "error_description": f"{form.get('refresh_token')} is not known"}
        self.issued.append(self.mint(len(self.issued) + 1))
        said: dict[str, Any] = {"access_token": self.issued[-1], "token_type": "Bearer"}
        if self.lifetime is not None:
            said["expires_in"] = self.lifetime
        if grant == DEVICE:
            said["refresh_token"] = self.refresh
        elif grant == "refresh_token" and self.rotates:
            self.refresh = said["refresh_token"] = f"refresh-{len(self.issued) + 1}"
        return 200, said


@contextmanager
def token_endpoint(**how: Any) -> Iterator[TokenEndpoint]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    server.socket = good().server_context().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    endpoint = TokenEndpoint(f"https://127.0.0.1:{server.server_address[1]}", authority().pem, **how)
    server.RequestHandlerClass = type("Handler", (_Handler,), {"endpoint": endpoint})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: TokenEndpoint

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body, strict_parsing=bool(body)).items()}
        scheme, _, pair = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, secret = base64.b64decode(pair).decode().partition(":")
            form |= {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret), "by": "basic"}
        status, said = self.endpoint.answer(self.path, form)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        pass
