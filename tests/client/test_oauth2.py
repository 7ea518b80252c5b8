"""Tokens: one question for all, kept while they are good, replaced once when they are refused."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mailward.client.breaker import forget_refusals
from mailward.client.oauth2 import OAuth2
from mailward.client.oauth2_cache import TokenFile
from mailward.errors import BadCredentials, CredentialsBlocked, InputError, StoreError, TokenRefused
from mailward.net.aio import AioPorts
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import Ports
from mailward.secret import Secret
from tests.support.drivers import Driver, both_drivers
from tests.support.embedded_server import EmbeddedServer
from tests.support.hostile import Connection, Script, hostile_server
from tests.support.identity_provider import AUDIENCE, identity_provider
from tests.support.installation import IMPLICIT
from tests.support.login_flow import authority_of, logged_in
from tests.support.sending import MESSAGE, Face, both_faces
from tests.support.token_endpoint import CLIENT, CLIENT_SECRET, REFRESH, TokenEndpoint, token_endpoint

ANN = "ann@example.test"


def refreshing(server: TokenEndpoint, **how: Any) -> OAuth2:
    settings = {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH, "ca": server.ca}
    return OAuth2.refresh_token(ANN, token_url=server.token_url, **(settings | how))


async def access(source: OAuth2, ports: Ports) -> str:
    credentials = await source.current(ports, until=ports.now() + 10, host="smtp.example.test", port=587)
    assert (credentials.authcid, credentials.kind, credentials.host) == (ANN, "token", "smtp.example.test")
    return credentials.password.reveal()


@both_drivers
def test_every_way_to_a_token(driver: Driver, tmp_path: Path) -> None:
    """Google's and Microsoft's settings, client credentials and a refresh token, each asked as its server wants it."""
    secrets: Any = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}
    with token_endpoint() as server:
        microsoft: Any = {"tenant": "token", "authority": server.url, "ca": server.ca, **secrets}
        ways = [
            OAuth2.google(ANN, refresh_token=REFRESH, token_url=server.token_url, ca=server.ca, **secrets),
            OAuth2.client_credentials(ANN, token_url=server.token_url, scope="mail", ca=server.ca, **secrets),
            OAuth2.microsoft(ANN, **microsoft),
            OAuth2.microsoft(ANN, refresh_token=REFRESH, **microsoft),
            refreshing(server, scope="mail"),
        ]
        got = [driver.run(partial(access, way)) for way in ways]

    assert got == [f"access-{number}" for number in range(1, 6)]
    asked = [(form["grant_type"], form.get("scope"), form.get("by")) for form in server.forms]
    assert asked == [
        ("refresh_token", None, None),
        ("client_credentials", "mail", "basic"),
        ("client_credentials", "https://outlook.office365.com/.default", None),
        ("refresh_token", "https://outlook.office.com/SMTP.Send offline_access", None),
        ("refresh_token", "mail", "basic"),
    ]


def test_where_the_providers_are() -> None:
    """The URLs nobody has to look up."""
    google = OAuth2.google(ANN, client_id="c", client_secret="s", refresh_token="r")
    microsoft = OAuth2.microsoft(ANN, tenant="example.test", client_id="c", client_secret="s")

    assert google._grant.names[0] == "https://oauth2.googleapis.com/token"
    assert microsoft._grant.names[0] == "https://login.microsoftonline.com/example.test/oauth2/v2.0/token"
    assert "s" not in repr(google).replace(ANN, "").replace("RefreshToken", "")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: OAuth2.microsoft(ANN, tenant="a/../b", client_id="c", client_secret="s"), "tenant="),
        (lambda: OAuth2.microsoft(ANN, tenant="t", client_id="c"), "needs client_secret= or refresh_token="),
        (lambda: OAuth2.google("", client_id="c", client_secret="s", refresh_token="r"), "needs the user"),
        (lambda: OAuth2.google(ANN, client_id="c", client_secret="s", refresh_token=""), "is empty"),
    ],
    ids=["tenant", "neither", "user", "empty"],
)
def test_what_cannot_be_used(make: Callable[[], object], problem: str) -> None:
    """Told when it is made."""
    with pytest.raises(InputError, match=problem):
        make()


def test_fifty_tasks_and_twenty_threads_ask_once() -> None:
    """All share one source, and one token."""
    got: list[str] = []

    async def one(ports: Ports, source: OAuth2) -> None:
        got.append(await access(source, ports))

    async def tasks(source: OAuth2) -> None:
        await asyncio.gather(*(one(AioPorts(), source) for _ in range(50)))

    with token_endpoint(wait=0.1) as server:
        source = refreshing(server)
        threads = [threading.Thread(target=lambda: run_blocking(one(BlockingPorts(), source))) for _ in range(20)]
        threads.append(threading.Thread(target=lambda: asyncio.run(tasks(source))))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

    assert got == ["access-1"] * 70
    assert len(server.forms) == 1


@both_drivers
def test_a_token_is_used_until_shortly_before_its_end(driver: Driver) -> None:
    """And the refresh token that came last is the one that is sent next."""

    async def flow(ports: Ports) -> list[str]:
        source = refreshing(server)
        return [await access(source, ports), await access(source, ports)]

    with token_endpoint(rotates=True) as server:
        assert driver.run(flow) == ["access-1", "access-1"]
    with token_endpoint(rotates=True, lifetime=0) as server:
        assert driver.run(flow) == ["access-1", "access-2"]
    assert [form["refresh_token"] for form in server.forms] == [REFRESH, "refresh-2"]


class Mail:
    """A mail server that takes the tokens in `good`, by XOAUTH2 or OAUTHBEARER."""

    def __init__(self, mechanism: str, *good: str) -> None:
        self.good = set(good)
        self.script = Script(tls="implicit", auth=(mechanism,), says={"AUTH": self.judge})
        self.tokens: list[str] = []

    def judge(self, connection: Connection) -> bytes:
        said = base64.b64decode(connection.line.split(b" ")[2])
        self.tokens.append(said.partition(b"auth=Bearer ")[2].partition(b"\x01")[0].decode())
        if self.tokens[-1] in self.good:
            return b"235 2.7.0 welcome\r\n"
        connection.say(b"334 " + base64.b64encode(b'{"status":"401","schemes":"bearer"}') + b"\r\n")
        connection.hear_line()
        return b"535 5.7.8 not this token\r\n"


@both_drivers
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_refused_token_is_replaced_once(driver: Driver, mechanism: str) -> None:
    """In the same session; the next login begins with the one that works."""
    mail = Mail(mechanism, "access-2")
    with token_endpoint() as server, hostile_server(mail.script) as smtp:
        authority = authority_of(refreshing(server))
        for _ in range(2):
            assert driver.run(lambda ports: logged_in(ports, smtp.port, authority)).mechanism == mechanism

    assert mail.tokens == ["access-1", "access-2", "access-2"]
    assert len(smtp.connections) == 2


@both_drivers
def test_never_more_than_once(driver: Driver) -> None:
    """A server that refuses the new one too is left alone until that one expires."""
    mail = Mail("XOAUTH2")
    with token_endpoint() as server, hostile_server(mail.script) as smtp:
        authority = authority_of(refreshing(server))
        for kind in (BadCredentials, CredentialsBlocked, CredentialsBlocked):
            with pytest.raises(BadCredentials) as caught:
                driver.run(lambda ports: logged_in(ports, smtp.port, authority))
            assert type(caught.value) is kind
            assert "access-" not in str(caught.value)

    assert mail.tokens == ["access-1", "access-2"]
    assert len(server.forms) == 2


def test_twenty_tasks_with_a_refused_token_are_two_logins_and_two_questions() -> None:
    """One finds out that it is refused, one that the new one is good, and eighteen more get in with that."""
    mail = Mail("XOAUTH2", "access-2")

    async def tasks() -> None:
        authority = authority_of(refreshing(server))
        await asyncio.gather(*(logged_in(AioPorts(), smtp.port, authority) for _ in range(20)))

    with token_endpoint(wait=0.05) as server, hostile_server(mail.script) as smtp:
        asyncio.run(tasks())

    assert mail.tokens.count("access-1") == 1
    assert mail.tokens.count("access-2") == 20
    assert len(server.forms) == 2


@both_faces
def test_a_send_through_mailward(face: Face, tmp_path: Path) -> None:
    """A real server that judges signed tokens: it refuses the expired one, and takes the message with the next."""
    with identity_provider(tmp_path) as provider, token_endpoint() as tokens:
        now = time.time()
        tokens.mint = lambda number: provider.token(provider.claims(now if number > 1 else now - 7200))
        oauth2 = {"issuer": provider.url, "audience": AUDIENCE, "jwks": provider.jwks, "ca": str(provider.ca)}
        with EmbeddedServer(
            tmp_path / "place", listeners=(IMPLICIT,), guard={"delay_first": 0.01}, oauth2=oauth2
        ) as server:
            url = f"smtps://127.0.0.1:{server.ports[IMPLICIT]}"
            receipts = face.send_many(url, [MESSAGE, MESSAGE], auth=refreshing(tokens), ca=server.ca)
            failed = len(server.events("login.failed"))

    assert [receipt.ok for receipt in receipts] == [True, True]
    assert receipts[0].auth is not None
    assert receipts[0].auth.mechanism == "OAUTHBEARER"
    assert (failed, len(tokens.issued)) == (1, 2)


@both_drivers
def test_a_token_that_worked_may_be_replaced_again(driver: Driver) -> None:
    """A day later the server revokes it: that is another refusal."""
    mail = Mail("XOAUTH2", "access-2")
    with token_endpoint() as server, hostile_server(mail.script) as smtp:
        authority = authority_of(refreshing(server))
        driver.run(lambda ports: logged_in(ports, smtp.port, authority))
        mail.good = {"access-3"}
        driver.run(lambda ports: logged_in(ports, smtp.port, authority))

    assert mail.tokens == ["access-1", "access-2", "access-2", "access-3"]


@both_drivers
def test_what_the_token_endpoint_refuses_is_told(driver: Driver) -> None:
    """No login is tried without a token."""
    mail = Mail("XOAUTH2")
    with token_endpoint(refresh="another") as server, hostile_server(mail.script) as smtp:
        authority = authority_of(refreshing(server))
        with pytest.raises(TokenRefused) as caught:
            driver.run(lambda ports: logged_in(ports, smtp.port, authority))
        with pytest.raises(TokenRefused):
            driver.run(lambda ports: authority.ready(ports, until=ports.now() + 5))

    assert caught.value.reason == "invalid_grant"
    assert mail.tokens == []


@both_drivers
def test_a_function_gives_tokens(driver: Driver) -> None:
    """For the seconds it says, or for a minute; after a refusal it is asked again."""
    for given in ("access-1", Secret("access-1"), ("access-1", 300.0)):
        forget_refusals()
        mail = Mail("XOAUTH2", "access-2")
        answers: Iterator[Any] = iter([given, "access-2"])
        authority = authority_of(OAuth2.callable(ANN, answers.__next__))
        with hostile_server(mail.script) as smtp:
            for _ in range(2):
                driver.run(partial(logged_in, port=smtp.port, authority=authority))
        assert mail.tokens == ["access-1", "access-2", "access-2"]


@both_drivers
def test_a_full_disk_loses_no_refresh_token(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was sent is used up, so the one that came for it stays in memory, and the failure is told."""

    def full(*_: object) -> None:
        raise StoreError("no space", phase="oauth2")

    async def flow(ports: Ports) -> list[str]:
        source = refreshing(server, cache=tmp_path / "tokens.json")
        with monkeypatch.context() as patch:
            patch.setattr(TokenFile, "store", full)
            with pytest.raises(StoreError):
                await access(source, ports)
        return [await access(source, ports), await access(source, ports)]

    with token_endpoint(rotates=True, lifetime=0) as server:
        assert driver.run(flow) == ["access-2", "access-3"]
    assert [form["refresh_token"] for form in server.forms] == [REFRESH, "refresh-2", "refresh-3"]


@both_drivers
def test_the_next_process_finds_the_tokens(driver: Driver, tmp_path: Path) -> None:
    """The access token while it is good, then the refresh token that came last; a newer one is tried too."""
    cache = tmp_path / "state" / "tokens.json"
    with token_endpoint(rotates=True) as server:
        for _ in range(3):
            assert driver.run(lambda ports: access(refreshing(server, cache=cache), ports)) == "access-1"
        whole = json.loads(cache.read_text())
        for entry in whole["tokens"].values():
            entry["until"] = 0.0
        cache.write_text(json.dumps(whole))
        assert driver.run(lambda ports: access(refreshing(server, cache=cache), ports)) == "access-2"
        assert [form["refresh_token"] for form in server.forms] == [REFRESH, "refresh-2"]

        for entry in whole["tokens"].values():
            entry["refresh"] = "revoked"
        cache.write_text(json.dumps(whole))
        newer = refreshing(server, cache=cache, refresh_token=server.refresh)
        assert driver.run(lambda ports: access(newer, ports)) == "access-3"
    assert [form["refresh_token"] for form in server.forms][2:] == ["revoked", "refresh-3"]
