"""A login at a real server's side of SASL, and when there is a second one."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mailward import AsyncClient, Limits
from mailward.client.credentials import Authority
from mailward.client.log_in import log_in
from mailward.client.passwords import Password
from mailward.client.receipt import AuthInfo
from mailward.errors import (
    AuthUnavailable,
    BadCredentials,
    ConnectionLost,
    CredentialsBlocked,
    DeadlineExceeded,
    DowngradeError,
    MechanismUnavailable,
)
from mailward.net.aio import AioPorts
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import Ports
from mailward.secret import Secret
from tests.support import hostile
from tests.support.drivers import Driver, both_drivers
from tests.support.embedded_server import EmbeddedServer
from tests.support.hostile import Script, hostile_server
from tests.support.installation import ANN, IMPLICIT, PASSWORD
from tests.support.login_flow import HOST, authority_of, logged_in, login_in, talking
from tests.support.sending import MESSAGE

USER = "ann@example.test"


def script(**changed: Any) -> Script:
    return Script(tls="implicit", auth=("SCRAM-SHA-256-PLUS", "PLAIN"), **changed)


@both_drivers
def test_a_login(driver: Driver) -> None:
    """By the strongest mechanism, or by those that were named."""
    with hostile_server(script()) as server:
        for mechanisms, used in ((None, "SCRAM-SHA-256-PLUS"), (["PLAIN"], "PLAIN")):
            authority = authority_of((USER, "correct horse"), mechanisms)
            assert driver.run(lambda ports: logged_in(ports, server.port, authority)).mechanism == used  # noqa: B023


@both_drivers
def test_a_refused_secret_is_not_sent_to_that_host_again(driver: Driver) -> None:
    """Not by another client and another connection either; another secret is."""
    with hostile_server(script()) as server:
        for kind in (BadCredentials, CredentialsBlocked, CredentialsBlocked):
            with pytest.raises(BadCredentials) as caught:
                driver.run(lambda ports: logged_in(ports, server.port, authority_of((USER, "wrong"))))
            assert type(caught.value) is kind
        assert server.verbs.count("AUTH") == 1
        good = authority_of((USER, "correct horse"))
        assert driver.run(lambda ports: logged_in(ports, server.port, good)).mechanism == "SCRAM-SHA-256-PLUS"


@both_drivers
def test_no_connection_for_a_secret_that_was_refused(driver: Driver) -> None:
    """Ten thousand messages that wait do not make ten thousand connections; what may have changed is looked up."""
    with hostile_server(script()) as server:
        for auth, blocked in (((USER, "wrong"), True), ((USER, lambda: "wrong"), False)):
            authority = authority_of(auth)
            with pytest.raises(BadCredentials):
                driver.run(lambda ports: logged_in(ports, server.port, authority))  # noqa: B023
            ready = partial(authority.ready, until=None, hosts=(HOST,))
            if blocked:
                with pytest.raises(CredentialsBlocked):
                    driver.run(ready)
            else:
                driver.run(ready)


@both_drivers
def test_a_place_that_gives_another_secret_after_the_refusal(driver: Driver) -> None:
    """Looked up again at once, and tried in the same session."""
    passwords = iter(["wrong", "correct horse"])
    with hostile_server(script()) as server:
        authority = authority_of((USER, lambda: next(passwords)))
        assert driver.run(lambda ports: logged_in(ports, server.port, authority)).mechanism

    assert server.verbs.count("AUTH") == 2
    assert len(server.connections) == 1


@both_drivers
def test_a_place_that_gives_the_same_again(driver: Driver) -> None:
    """One failed login, whatever it was asked; when it changes, the next login is tried."""
    vault = {"password": "wrong"}
    asked: list[str] = []

    def look_up() -> str:
        asked.append(vault["password"])
        return vault["password"]

    with hostile_server(script()) as server:
        authority = authority_of((USER, look_up))
        for kind in (BadCredentials, CredentialsBlocked):
            with pytest.raises(BadCredentials) as caught:
                driver.run(lambda ports: logged_in(ports, server.port, authority))
            assert type(caught.value) is kind
        assert server.verbs.count("AUTH") == 1
        assert asked == ["wrong"] * 4
        vault["password"] = "correct horse"
        assert driver.run(lambda ports: logged_in(ports, server.port, authority)).mechanism
    assert server.verbs.count("AUTH") == 2


@both_drivers
def test_never_a_third_attempt(driver: Driver) -> None:
    """A place that gives another wrong one each time costs two in one login."""
    numbers = iter(range(100))
    with hostile_server(script()) as server:
        authority = authority_of((USER, lambda: f"wrong {next(numbers)}"))
        with pytest.raises(BadCredentials):
            driver.run(lambda ports: logged_in(ports, server.port, authority))

    assert server.verbs.count("AUTH") == 2


@both_drivers
def test_a_server_that_hangs_up_at_the_refusal(driver: Driver) -> None:
    """The second secret is not lost with the connection: the next login begins with it."""
    closing = Script(tls="implicit", auth=("PLAIN",), says={"AUTH": hostile.then_close(b"535 5.7.8 no\r\n")})
    password = Password("old", next="new")
    with hostile_server(closing) as server:
        authority = authority_of((USER, password))
        with pytest.raises((ConnectionLost, BadCredentials)):
            driver.run(lambda ports: logged_in(ports, server.port, authority))
        closing.says.clear()
        closing.accounts = {USER: "new"}
        assert driver.run(lambda ports: logged_in(ports, server.port, authority)).mechanism

    assert server.verbs.count("AUTH") == 2


@both_drivers
@pytest.mark.parametrize("reply", [b"454 4.7.0 busy\r\n", b"534 5.7.9 no\r\n", b"500 5.5.6 what\r\n"])
def test_only_bad_credentials_are_tried_with_another_secret(driver: Driver, reply: bytes) -> None:
    """Nothing was judged, so the other is not risked, and the same may be tried again."""
    busy = script(says={"AUTH": reply})
    with hostile_server(busy) as server:
        authority = authority_of((USER, Password("correct horse", next="next")))
        for _ in range(2):
            with pytest.raises((AuthUnavailable, MechanismUnavailable, Exception)) as caught:
                driver.run(lambda ports: logged_in(ports, server.port, authority))
            assert not isinstance(caught.value, BadCredentials)
        assert server.verbs.count("AUTH") == 2
        busy.says.clear()
        assert driver.run(lambda ports: logged_in(ports, server.port, authority)).mechanism


@both_drivers
def test_what_is_checked_comes_before_a_word_is_said(driver: Driver) -> None:
    """A refusal of the mechanism by the caller blocks no secret."""

    def check(mechanism: Any, offered: Any) -> None:
        raise DowngradeError("weaker", was={"sasl": "SCRAM"}, now={"sasl": mechanism.name}, phase="auth", advice="")

    async def flow(ports: Ports) -> None:
        async with talking(ports, server.port) as conversation:
            with pytest.raises(DowngradeError):
                await log_in(
                    conversation,
                    authority_of((USER, "correct horse")),
                    host=HOST,
                    port=server.port,
                    until=ports.now() + 5,
                    certificate=b"",
                    ports=ports,
                    check=check,
                )

    with hostile_server(Script(tls="implicit", auth=("PLAIN",))) as server:
        driver.run(flow)
        assert server.verbs.count("AUTH") == 0
        assert driver.run(lambda ports: logged_in(ports, server.port, authority_of((USER, "correct horse")))).mechanism


def test_waiting_for_a_verdict_ends_in_time() -> None:
    """Who waits for another's login gives up at its own deadline, not at the other's."""

    async def flow() -> float:
        ports = AioPorts()
        authority = authority_of((USER, "correct horse"))

        async def slow() -> None:
            with pytest.raises(DeadlineExceeded):
                await logged_in(ports, server.port, authority, total=0.9)

        async with asyncio.TaskGroup() as group:
            group.create_task(slow())
            await asyncio.sleep(0.2)
            begun = ports.now()
            with pytest.raises(DeadlineExceeded):
                await logged_in(ports, server.port, authority, total=0.4)
            return ports.now() - begun

    mute = Script(tls="implicit", auth=("PLAIN",), says={"AUTH": hostile.silence})
    with hostile_server(mute) as server:
        assert asyncio.run(flow()) < 0.7


@pytest.fixture(scope="module")
def mailward(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Mailward server that refuses at once."""
    directory: Path = tmp_path_factory.mktemp("server")
    accounts = {ANN: PASSWORD, "rotating@example.test": "the new otters row at ten"}
    limits = {"connections_per_network": 200}
    guard = {"delay_first": 0.2}
    with EmbeddedServer(directory, listeners=(IMPLICIT,), accounts=accounts, guard=guard, limits=limits) as server:
        yield server


def failures(server: EmbeddedServer, user: str) -> int:
    return sum(event.get("account") == user or user in str(event) for event in server.events("login.failed"))


def test_fifty_tasks_and_threads_with_a_wrong_password_are_one_login_at_mailward(mailward: EmbeddedServer) -> None:
    """Fifty tasks of one loop and ten threads, all at once, a client each: the server counts one guess."""
    user = "ann@example.test"
    outcomes: list[str] = []

    async def attempt(ports: Ports) -> None:
        authority = authority_of((user, "wrong"))
        try:
            await logged_in(ports, mailward.ports[IMPLICIT], authority, mailward.ca)
        except BadCredentials as error:
            outcomes.append(type(error).__name__)

    async def tasks() -> None:
        await asyncio.gather(*(attempt(AioPorts()) for _ in range(50)))

    threads = [threading.Thread(target=lambda: run_blocking(attempt(BlockingPorts()))) for _ in range(10)]
    threads.append(threading.Thread(target=lambda: asyncio.run(tasks())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == ["BadCredentials", *["CredentialsBlocked"] * 59]
    assert failures(mailward, user) == 1


def test_fifty_sends_of_a_pool_with_a_wrong_password_are_one_login(mailward: EmbeddedServer) -> None:
    """One client, twenty connections: each send fails, and the server saw one guess."""
    before = failures(mailward, ANN)

    async def sends() -> list[object]:
        url = f"smtps://127.0.0.1:{mailward.ports[IMPLICIT]}"
        client = AsyncClient(url, auth=(ANN, "wrong too"), ca=mailward.ca, limits=Limits(connections=20))
        return await asyncio.gather(*(client.send(MESSAGE) for _ in range(50)), return_exceptions=True)

    results = asyncio.run(sends())
    assert all(isinstance(result, BadCredentials) for result in results)
    assert failures(mailward, ANN) == before + 1


def test_a_rotation_without_a_moment_in_which_no_login_succeeds(mailward: EmbeddedServer) -> None:
    """The server knows the new password already: twenty logins at once all get in, for one refusal of the old."""
    user = "rotating@example.test"
    password = Password("the old otters row at nine", next=Secret("the new otters row at ten"))
    authority = authority_of((user, password))

    async def tasks() -> list[AuthInfo]:
        return await asyncio.gather(
            *(logged_in(AioPorts(), mailward.ports[IMPLICIT], authority, mailward.ca) for _ in range(20))
        )

    assert len(asyncio.run(tasks())) == 20
    assert failures(mailward, user) == 1
    port = mailward.ports[IMPLICIT]
    assert run_blocking(logged_in(BlockingPorts(), port, authority, mailward.ca)).channel_binding
    assert failures(mailward, user) == 1


@both_drivers
def test_a_login_in_a_conversation_that_goes_on(driver: Driver, mailward: EmbeddedServer) -> None:
    """After the login the session is as authenticated as the server says."""

    async def flow(ports: Ports) -> AuthInfo:
        port = mailward.ports[IMPLICIT]
        authority: Authority = authority_of((ANN, PASSWORD))
        async with talking(ports, port, mailward.ca) as conversation:
            info = await login_in(conversation, ports, port, authority, until=ports.now() + 10)
            assert not await conversation.interrupted()
            return info

    assert driver.run(flow).mechanism.startswith("SCRAM-SHA")
