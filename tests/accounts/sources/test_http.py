"""Accounts behind an HTTP endpoint: a real server on loopback, with TLS."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mailward.accounts.sources.bounded import BoundedSource
from mailward.accounts.sources.http import MOST_OCTETS, Http, HttpSettings
from mailward.accounts.sources.source import UNKNOWN, OutOfOrder, SourceAnswer
from mailward.errors import AuthUnavailable, InvalidConfig
from mailward.secret import Secret
from tests.support.account_sources import question, tells
from tests.support.certificates import authority, good

pytestmark = pytest.mark.asyncio
Respond = Callable[[BaseHTTPRequestHandler, dict[str, str]], None]


class Endpoint:
    """Says what `respond` writes; keeps what it was asked, and how many connections there were."""

    def __init__(self, *, tls: bool) -> None:
        self.respond: Respond = says({"ok": True})
        self.asked: list[tuple[dict[str, str], str | None]] = []
        self.connections = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def setup(self) -> None:
                endpoint.connections += 1
                super().setup()

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.asked.append((asked, self.headers["Authorization"]))
                endpoint.respond(self, asked)

            def log_message(self, *_said: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that does not trust us, or has left."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = (
                good()
                .server_context()
                .wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
            )
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}/login"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def says(value: object, *, status: int = 200, location: str = "") -> Respond:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()

    def respond(handler: BaseHTTPRequestHandler, _asked: dict[str, str]) -> None:
        handler.send_response(status)
        if location:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return respond


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    running = Endpoint(tls=True)
    yield running
    running.close()


@pytest.fixture
def ca(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority().pem)
    return str(path)


async def test_what_is_asked_and_what_is_meant(endpoint: Endpoint, ca: str, tmp_path: Path) -> None:
    """Name, password, client and service go out with the token; the verdict comes back whole."""
    token = tmp_path / "token"
    token.write_text("token-of-nobody\n")
    token.chmod(0o600)
    endpoint.respond = says(
        {"ok": True, "account": "Ann@example.test", "senders": ["s@example.test"], "allow_from": ["192.0.2.0/24"]}
    )
    source = Http(HttpSettings(url=endpoint.url, ca=ca, token_file=str(token)))

    assert await source.ask(question(password='pässwörd"\\', source="192.0.2.7")) == SourceAnswer(
        "ann@example.test",
        right=True,
        senders=("ann@example.test", "s@example.test"),
        allow_from=("192.0.2.0/24",),
    )
    wanted = {"user": "ann@example.test", "password": 'pässwörd"\\', "source": "192.0.2.7", "service": "smtp"}
    assert endpoint.asked == [(wanted, "Bearer token-of-nobody")]
    await source.close()


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"ok": False}, SourceAnswer("ann@example.test", right=False, senders=("ann@example.test",))),
        ({"ok": False, "account": None}, UNKNOWN),
        ({"ok": True, "account": "ann", "disabled": True}, SourceAnswer("ann", right=True, disabled=True)),
        ({"ok": False, "account": "ann", "more": [1, {}]}, SourceAnswer("ann", right=False)),
    ],
)
async def test_verdicts(endpoint: Endpoint, ca: str, body: dict[str, object], answer: SourceAnswer) -> None:
    """Wrong, nobody and locked are told apart; what else the endpoint says is passed over."""
    endpoint.respond = says(body)
    source = Http(HttpSettings(url=endpoint.url, ca=ca))

    assert await source.ask(question()) == answer
    await source.close()


@pytest.mark.parametrize(
    "respond",
    [
        says({"ok": True}, status=500),
        says({"ok": True}, status=401),
        says({"ok": True}, status=201),
        says({"ok": True}, status=302, location="https://127.0.0.1:1/"),
        says({"ok": "yes"}),
        says({"ok": 1}),
        says({}),
        says([True]),
        says(b""),
        says(b"\xff{"),
        says(b"[" * 20_000),
        says(b'{"ok": true, "x": "' + b"y" * MOST_OCTETS + b'"}'),
        says({"ok": True, "senders": "ann@example.test"}),
        lambda handler, _asked: handler.connection.shutdown(socket.SHUT_RDWR),
        lambda handler, _asked: handler.wfile.write(b"not HTTP at all\r\n\r\n"),
    ],
)
async def test_anything_else_is_an_outage(endpoint: Endpoint, ca: str, respond: Respond) -> None:
    """Never a right password and never a wrong one; no error holds the password, nor leads to what does."""
    endpoint.respond = respond
    source = Http(HttpSettings(url=endpoint.url, ca=ca))

    with pytest.raises(OutOfOrder) as refused:
        await source.ask(question(password="hush hush hush"))
    assert not tells(refused.value, "hush hush hush")
    assert len(endpoint.asked) == 1
    await source.close()


@pytest.mark.parametrize("body", [{"ok": True, "account": None}, {"ok": True, "senders": ["nonsense"]}])
async def test_a_verdict_that_cannot_be_used(endpoint: Endpoint, ca: str, body: dict[str, object]) -> None:
    """It is about this account; the endpoint is not out of order."""
    endpoint.respond = says(body)
    source = Http(HttpSettings(url=endpoint.url, ca=ca))

    with pytest.raises(AuthUnavailable) as refused:
        await source.ask(question())
    assert not isinstance(refused.value, OutOfOrder)
    await source.close()


async def test_a_certificate_that_is_not_trusted(endpoint: Endpoint, ca: str) -> None:
    """Neither another authority's nor one for another name is told the password."""
    other = Http(HttpSettings(url=endpoint.url))
    renamed = Http(HttpSettings(url=endpoint.url.replace("127.0.0.1", "127.0.0.2"), ca=ca))

    for source in (other, renamed):
        with pytest.raises(OutOfOrder):
            await source.ask(question())
        await source.close()
    assert endpoint.asked == []


async def test_connections_are_kept_and_bounded(endpoint: Endpoint, ca: str) -> None:
    """Many logins share few connections."""
    source = Http(HttpSettings(url=endpoint.url, ca=ca, connections=2))

    await asyncio.gather(*(source.ask(question()) for _ in range(8)))

    assert len(endpoint.asked) == 8
    assert endpoint.connections <= 2
    await source.close()


async def test_a_slow_endpoint(endpoint: Endpoint, ca: str) -> None:
    """The time limit ends it."""

    def slow(handler: BaseHTTPRequestHandler, asked: dict[str, str]) -> None:
        time.sleep(0.4)
        says({"ok": True})(handler, asked)

    endpoint.respond = slow
    source = Http(HttpSettings(url=endpoint.url, ca=ca, timeout=0.1))

    with pytest.raises(OutOfOrder, match="Timeout"):
        await source.ask(question())
    await source.close()


async def test_plaintext_on_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the operator's own word; no proxy of the environment comes between."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    running = Endpoint(tls=False)
    source = Http(HttpSettings(url=running.url, insecure_plaintext=True))

    assert (await source.ask(question())).right
    await source.close()
    running.close()


@pytest.mark.parametrize(
    ("url", "insecure"),
    [
        ("http://127.0.0.1/login", False),
        ("http://accounts.example.test/login", True),
        ("http://localhost.example.test/login", True),
        ("ftp://accounts.example.test/", True),
        ("https://u:p@accounts.example.test/", False),
        ("https://", False),
        ("https://[::1", False),
    ],
)
async def test_urls_that_never_work(url: str, *, insecure: bool) -> None:
    """They are refused at the start."""
    with pytest.raises(InvalidConfig):
        Http(HttpSettings(url=url, insecure_plaintext=insecure))


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_a_question_that_is_not_wanted(endpoint: Endpoint, ca: str, status: int) -> None:
    """Names that the endpoint refuses can be made up by anybody: they do not make the others wait for a pause."""
    settings = HttpSettings(url=endpoint.url, ca=ca, failures=2)
    source = BoundedSource(Http(settings), settings, now=time.monotonic)
    endpoint.respond = says({}, status=status)
    for _ in range(4):
        with pytest.raises(AuthUnavailable, match=f"status {status}"):
            await source.verify("made-up", Secret("x"))

    endpoint.respond = says({"ok": True})
    assert (await source.verify("ann@example.test", Secret("x"))).right
    await source.close()
