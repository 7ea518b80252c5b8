"""E14 and figure 12: a canary goes through every failure of a login, and is seen nowhere afterwards.

Not in the text, the repr, the attributes or the pickle of an error, not in the local variables of any frame of ours in
its traceback or in those of its causes, not in what can be reached from the error, the conversation, the credentials or
the breaker (a Secret aside), not in a log at DEBUG; neither plain nor in base64, hexadecimal, URL or UTF-16 form.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailward import AsyncClient, Client, SessionEvent
from mailward.client.breaker import BREAKER
from mailward.client.conversation import Conversation
from mailward.client.credentials import Authority
from mailward.client.log_in import log_in
from mailward.client.oauth2 import OAuth2
from mailward.client.password_places import Environment, PasswordFile
from mailward.client.passwords import Password
from mailward.errors import DowngradeError, MailwardError
from mailward.net.aio import AioPorts
from mailward.net.ports import Ports
from mailward.secret import Secret
from tests.support import hostile
from tests.support.certificates import authority
from tests.support.drivers import Driver, both_drivers
from tests.support.hostile import Connection, Script, hostile_server
from tests.support.login_flow import HOST, authority_of, login_in, talking
from tests.support.sending import MESSAGE, Face, both_faces
from tests.support.taint import findings, seen_in
from tests.support.token_endpoint import CLIENT, token_endpoint

CANARY = "canary-Zp/7+f3a-quite-long"
OTHER = "canary-Kq-another-one-2"
SECRETS = (CANARY, OTHER)
USER = "ann@example.test"


@pytest.fixture(autouse=True)
def silent_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
    assert not any(seen_in(record.getMessage() + repr(vars(record)), SECRETS) for record in caplog.records)


def script(mechanism: str, says: Any = None, **changed: Any) -> Script:
    return Script(tls="implicit", auth=(mechanism,), says={} if says is None else {"AUTH": says}, **changed)


def wrong_signature(connection: Connection) -> bytes:
    """A server that does not know the password and pretends to."""
    first = base64.b64decode(connection.line.split(b" ")[2]).decode()
    nonce = first.rpartition("r=")[2] + "theirs"
    challenge = f"r={nonce},s={base64.b64encode(b'salt').decode()},i=4096".encode()
    connection.say(b"334 " + base64.b64encode(challenge) + b"\r\n")
    connection.hear_line()
    connection.say(b"334 " + base64.b64encode(b"v=" + base64.b64encode(b"x" * 32)) + b"\r\n")
    connection.hear_line()
    return b"501 5.5.2 cancelled\r\n"


def echo(connection: Connection) -> bytes:
    """A server that repeats what it was told, as some do in a refusal of syntax."""
    return b"501 5.5.4 syntax error: " + connection.line[:200] + b"\r\n"


SCRIPTS = {
    "refused plain": script("PLAIN", b"535 5.7.8 no\r\n"),
    "refused login": script("LOGIN"),
    "refused scram": script("SCRAM-SHA-256"),
    "refused bound": script("SCRAM-SHA-256-PLUS"),
    "busy": script("PLAIN", b"454 4.7.0 later\r\n"),
    "hangs up": script("PLAIN", hostile.hang_up),
    "resets": script("PLAIN", hostile.reset),
    "garbage": script("PLAIN", b"garbage\r\n"),
    "unasked challenge": script("PLAIN", b"334 YQ==\r\n"),
    "no base64": script("LOGIN", b"334 !\r\n"),
    "silence": script("PLAIN", hostile.silence),
    "235 too early": script("SCRAM-SHA-256", b"235 x\r\n"),
    "scram nonsense": script("SCRAM-SHA-256", b"334 YQ==\r\n"),
    "wrong signature": script("SCRAM-SHA-256", wrong_signature),
    "endless questions": script("LOGIN", hostile.endless(b"334 UGFzc3dvcmQ6\r\n")),
    "nothing offered": Script(tls="implicit"),
    "unknown offered": script("DIGEST-MD5"),
}

AUTHS: dict[str, Callable[[Path], Any]] = {
    "str": lambda _: (USER, CANARY),
    "Secret": lambda _: (USER, Secret(CANARY)),
    "function": lambda _: (USER, lambda: CANARY),
    "rotation": lambda _: (USER, Password(CANARY, next=OTHER)),
    "file": lambda file: (USER, PasswordFile(file)),
    "environment": lambda _: (USER, Environment("TAINTED")),
}


PLACES = ("Secret", "function", "file", "environment")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file and a variable with the canary in it."""
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text(CANARY)
    monkeypatch.setenv("TAINTED", CANARY)
    return file


def failure(driver: Driver, login: Authority, port: int, *, total: float = 5.0) -> list[str]:
    """Where the canary is seen after a login that must fail."""

    async def flow(ports: Ports) -> list[str]:
        conversation: Conversation
        async with talking(ports, port, total=total) as conversation:
            try:
                await login_in(conversation, ports, port, login, until=ports.now() + total)
            except MailwardError as error:
                return findings(error, SECRETS, conversation, login, BREAKER)
        raise AssertionError("the login must fail")

    return driver.run(flow)


@both_drivers
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, kind) for name in SCRIPTS for kind in ("str", "rotation")),
        *(("refused plain", kind) for kind in PLACES),
    ],
)
def test_no_failure_at_the_server_shows_a_password(driver: Driver, name: str, kind: str, places: Path) -> None:
    """Each way a server can fail a login, with each place a password can come from; and the blocked one after it."""
    with hostile_server(SCRIPTS[name]) as server:
        login = authority_of(AUTHS[kind](places))
        total = 0.3 if name == "silence" else 5.0
        assert failure(driver, login, server.port, total=total) == []
        if name == "refused plain":
            assert failure(driver, login, server.port) == []


@both_drivers
@pytest.mark.parametrize(
    "password", [f"{CANARY}\0", f"{CANARY}\ud800", f"{CANARY}\x7f", f"{CANARY}\u0221"], ids=range(4)
)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_a_password_that_cannot_be_sent(driver: Driver, mechanism: str, password: str) -> None:
    """Characters that SASLprep forbids, and half of a surrogate pair."""
    with hostile_server(script(mechanism)) as server:
        assert failure(driver, authority_of((USER, password)), server.port) == []


@both_drivers
def test_a_server_that_repeats_what_it_was_told(driver: Driver) -> None:
    """The base64 of PLAIN in a refusal of its syntax is told by nobody; the parser of that connection heard it."""
    with hostile_server(script("PLAIN", echo)) as server:
        seen = failure(driver, authority_of((USER, CANARY)), server.port)
    assert [each for each in seen if not each.startswith("Conversation._protocol._parser.")] == []


@both_drivers
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize(
    "says",
    [b"535 5.7.8 no\r\n", b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", hostile.hang_up, b"454 4.7.0 later\r\n", b"334 !\r\n"],
    ids=range(5),
)
def test_no_failure_shows_a_token(driver: Driver, mechanism: str, says: Any) -> None:
    """Neither the refused one nor the one that replaced it."""
    answers = iter([CANARY, OTHER, OTHER])
    with hostile_server(script(mechanism, says)) as server:
        login = authority_of(OAuth2.callable(USER, lambda: next(answers)))
        assert failure(driver, login, server.port) == []


@both_drivers
@pytest.mark.parametrize(
    "answer",
    [
        (400, {"error": "invalid_grant", "error_description": f"{CANARY} {OTHER}"}),
        (400, {"error": "invalid_grant", "error_description": CANARY}),
        (503, {}),
        (200, {"access_token": ""}),
        (200, {"access_token": f"{CANARY}\n"}),
        (200, {"access_token": CANARY, "token_type": "mac"}),
        (200, [CANARY]),
    ],
    ids=range(7),
)
def test_no_failure_of_the_token_endpoint_shows_a_secret(
    driver: Driver, answer: tuple[int, Any], tmp_path: Path
) -> None:
    """Client secret, refresh token, or what came back; with a cache and without."""
    for cache in (None, tmp_path / "tokens.json"):
        with token_endpoint(answers=[(answer[0], json.dumps(answer[1]).encode())]) as tokens:
            source = OAuth2.google(
                USER,
                client_id=CLIENT,
                client_secret=OTHER,
                refresh_token=CANARY,
                token_url=tokens.token_url,
                ca=tokens.ca,
                cache=cache,
            )
            with hostile_server(script("XOAUTH2")) as server:
                assert failure(driver, authority_of(source), server.port) == []


@both_faces
@pytest.mark.parametrize("name", ["accepted", *SCRIPTS])
def test_neither_face_nor_session_log_shows_a_password(face: Face, name: str, tmp_path: Path) -> None:
    """The whole way of a `send`, its events, receipt and log as text, as JSON and to `logging`: good logins too."""
    scripts = SCRIPTS | {"accepted": script("PLAIN", accounts={USER: CANARY})}
    logs = [tmp_path / "dialogue.txt", tmp_path / "dialogue.jsonl", logging.getLogger("dialogue")]
    with hostile_server(scripts[name]) as server:
        seen = face_findings(face, f"smtps://127.0.0.1:{server.port}", logs, 0.3 if name == "silence" else 5.0)

    assert bool(server.contents) is (name == "accepted")
    kept = [each.read_text() for each in tmp_path.iterdir()]
    assert seen == []
    assert kept
    assert not any(seen_in(each, SECRETS) for each in kept)


def face_findings(face: Face, url: str, logs: list[Any], timeout: float) -> list[str]:
    heard: list[SessionEvent] = []
    hooks = {"*": heard.append}
    options: dict[str, Any] = {"auth": (USER, CANARY), "ca": authority().pem, "timeout": timeout, "log": logs}
    options |= {"event_hooks": hooks}
    if face.name == "sync":
        client = Client(url, **options)
        try:
            return findings(ValueError("none"), SECRETS, client.send(MESSAGE).as_dict(), client, heard)
        except MailwardError as error:
            return findings(error, SECRETS, client, error.receipt.as_dict(), heard)
        finally:
            client.close()

    async def flow() -> list[str]:
        client = AsyncClient(url, **options)
        try:
            return findings(ValueError("none"), SECRETS, (await client.send(MESSAGE)).as_dict(), client, heard)
        except MailwardError as error:
            return findings(error, SECRETS, client, error.receipt.as_dict(), heard)
        finally:
            await client.close()

    return asyncio.run(flow())


@both_drivers
def test_a_downgrade_and_a_cancellation(driver: Driver) -> None:
    """What a caller's own check raises comes before the secret is touched."""

    def check(*_: object) -> None:
        raise DowngradeError("weaker", was={}, now={}, phase="auth", advice="")

    async def flow(ports: Ports) -> list[str]:
        login = authority_of((USER, CANARY))
        async with talking(ports, server.port) as conversation:
            with pytest.raises(DowngradeError) as caught:
                await log_in(
                    conversation, login, host=HOST, port=1, until=None, certificate=b"", ports=ports, check=check
                )
            return findings(caught.value, SECRETS, conversation, login)

    with hostile_server(script("PLAIN")) as server:
        assert driver.run(flow) == []


def test_a_cancelled_login() -> None:
    """A task that is cancelled in the middle of AUTH keeps its frames; they hold nothing."""

    async def flow() -> list[str]:
        ports = AioPorts()
        login = authority_of((USER, CANARY))
        async with talking(ports, server.port) as conversation:
            attempt = login_in(conversation, ports, server.port, login, until=None)
            task = asyncio.get_running_loop().create_task(attempt)
            await asyncio.sleep(0.1)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                return findings(error, SECRETS, conversation, login)
        raise AssertionError("it must be cancelled")

    with hostile_server(script("PLAIN", hostile.silence)) as server:
        assert asyncio.run(flow()) == []
