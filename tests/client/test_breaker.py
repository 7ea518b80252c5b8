"""A refused secret is not sent again by anybody, and an unproven one goes alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from mailward.client.breaker import BREAKER, Breaker, forget_refusals
from mailward.errors import (
    AuthError,
    AuthUnavailable,
    BadCredentials,
    ConnectionLost,
    CredentialsBlocked,
    MechanismUnavailable,
    PolicyBlocked,
)
from mailward.net.aio import AioPorts
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import Ports
from mailward.sasl.mechanism import Credentials
from mailward.secret import Secret
from tests.support.drivers import Driver, both_drivers

CANARY = "canary-5d1e"
HOST = "smtp.example.test"


def credentials(password: str = CANARY, user: str = "ann") -> Credentials:
    return Credentials(user, Secret(password))


class Server:
    """Counts logins, and those at once; says `verdict` to each."""

    def __init__(self, verdict: Exception | None = None, takes: float = 0.0) -> None:
        self.verdict = verdict
        self.takes = takes
        self.logins = self.inside = self.most = 0

    async def judge(self, ports: Ports) -> str:
        self.logins += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        await ports.sleep(self.takes)
        self.inside -= 1
        if self.verdict is not None:
            raise self.verdict
        return "in"


async def login(
    breaker: Breaker, server: Server, ports: Ports, who: Credentials | None = None, host: str = HOST
) -> str:
    return await breaker.guard(
        host, who or credentials(), lambda: server.judge(ports), ports=ports, until=ports.now() + 10
    )


def refused() -> BadCredentials:
    return BadCredentials("no", phase="auth", code=535, enhanced_code="5.7.8")


@both_drivers
def test_a_refused_secret_is_not_sent_again(driver: Driver) -> None:
    """It says who refused it, when and how, and what to do; a name in other letters is the same host."""
    breaker, server = Breaker(), Server(refused())

    async def flow(ports: Ports) -> CredentialsBlocked:
        with pytest.raises(BadCredentials):
            await login(breaker, server, ports)
        with pytest.raises(CredentialsBlocked) as caught:
            await login(breaker, server, ports, host=HOST.upper())
        return caught.value

    error = driver.run(flow)
    assert server.logins == 1
    assert (error.code, error.enhanced_code, error.phase, error.retryable) == (535, "5.7.8", "auth", False)
    assert f"{HOST} refused this secret of ann at 20" in str(error)
    assert "change the password" in error.advice
    assert CANARY not in f"{error}{error.__dict__}"


@both_drivers
def test_what_is_another_login(driver: Driver) -> None:
    """Another secret, another user and another host are judged for themselves."""
    breaker, server = Breaker(), Server(refused())

    async def flow(ports: Ports) -> None:
        for who, host in (
            (credentials(), HOST),
            (credentials("other"), HOST),
            (credentials(user="bob"), HOST),
            (credentials(), "mx.example.test"),
        ):
            with pytest.raises(BadCredentials) as caught:
                await login(breaker, server, ports, who, host)
            assert type(caught.value) is BadCredentials

    driver.run(flow)
    assert server.logins == 4


@both_drivers
@pytest.mark.parametrize(
    "verdict",
    [PolicyBlocked, MechanismUnavailable, AuthUnavailable, AuthError, ConnectionLost],
    ids=lambda kind: kind.__name__,
)
def test_what_says_nothing_of_the_secret(driver: Driver, verdict: Callable[[str], Exception]) -> None:
    """A policy, a missing mechanism, a busy server or a lost connection block nothing."""
    breaker, server = Breaker(), Server(verdict("not now"))

    async def flow(ports: Ports) -> None:
        for _ in range(3):
            with pytest.raises(Exception, match="not now"):
                await login(breaker, server, ports)

    driver.run(flow)
    assert server.logins == 3


@both_drivers
@pytest.mark.parametrize(("code", "again"), [(550, False), (554, False), (451, True)])
def test_a_refusal_of_an_unknown_kind(driver: Driver, code: int, again: bool) -> None:
    """Whatever 5yz a server gives to a login, the same secret would only be counted again; 4yz is for later."""
    breaker, server = Breaker(), Server(AuthError("no", phase="auth", code=code))

    async def flow(ports: Ports) -> None:
        with pytest.raises(AuthError):
            await login(breaker, server, ports)
        with pytest.raises(AuthError) as caught:
            await login(breaker, server, ports)
        assert isinstance(caught.value, CredentialsBlocked) is not again

    driver.run(flow)
    assert server.logins == (2 if again else 1)


def test_fifty_tasks_and_twenty_threads_with_a_wrong_secret_are_one_login() -> None:
    """All but the first wait for the verdict, whichever loop or thread they are in."""
    breaker, server = Breaker(), Server(refused(), takes=0.1)
    blocked: list[str] = []

    async def attempt(ports: Ports) -> None:
        try:
            await login(breaker, server, ports)
        except BadCredentials as error:
            blocked.append(type(error).__name__)

    async def tasks() -> None:
        await asyncio.gather(*(attempt(AioPorts()) for _ in range(50)))

    threads = [threading.Thread(target=lambda: run_blocking(attempt(BlockingPorts()))) for _ in range(20)]
    threads.append(threading.Thread(target=lambda: asyncio.run(tasks())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert server.logins == 1
    assert sorted(blocked) == ["BadCredentials", *["CredentialsBlocked"] * 69]


def test_a_good_secret_lets_all_in_at_once() -> None:
    """The first goes alone, then the other forty-nine together."""
    breaker, server = Breaker(), Server(takes=0.1)

    async def tasks() -> float:
        ports = AioPorts()
        begun = ports.now()
        await asyncio.gather(*(login(breaker, server, ports) for _ in range(50)))
        return ports.now() - begun

    assert asyncio.run(tasks()) < 1.0
    assert (server.logins, server.most) == (50, 49)


def test_a_secret_that_was_good_is_tried_alone_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password changed at the server costs one failed login, and not one for each connection of a pool."""
    monkeypatch.setattr("mailward.client.breaker._TRUSTED", 0.05)
    breaker, server = Breaker(), Server()

    async def tasks() -> None:
        ports = AioPorts()
        await login(breaker, server, ports)
        await asyncio.sleep(0.06)
        server.verdict, server.takes = refused(), 0.05
        results = await asyncio.gather(*(login(breaker, server, ports) for _ in range(20)), return_exceptions=True)
        assert all(isinstance(result, BadCredentials) for result in results)

    asyncio.run(tasks())
    assert server.logins == 2


@both_drivers
def test_a_connection_that_would_be_of_no_use(driver: Driver) -> None:
    """Told before it is made, if each host that may be connected to has refused the secret."""
    breaker, server = Breaker(), Server(refused())

    async def flow(ports: Ports) -> None:
        breaker.check((), credentials())
        breaker.check((HOST,), credentials())
        with pytest.raises(BadCredentials):
            await login(breaker, server, ports)
        breaker.check((HOST, "mx.example.test"), credentials())
        breaker.check((HOST,), credentials("other"))
        with pytest.raises(CredentialsBlocked):
            breaker.check((HOST, HOST.upper()), credentials())

    driver.run(flow)


@both_drivers
def test_one_more_try(driver: Driver) -> None:
    """`forget` gives it, for a host, a user, or all."""
    breaker, server = Breaker(), Server(refused())

    async def flow(ports: Ports) -> None:
        for user in ("ann", "bob"):
            with pytest.raises(BadCredentials):
                await login(breaker, server, ports, credentials(user=user))
        assert breaker.forget("other.example.test") == 0
        assert breaker.forget(HOST, "ann") == 1
        server.verdict = None
        assert await login(breaker, server, ports) == "in"
        with pytest.raises(CredentialsBlocked):
            await login(breaker, server, ports, credentials(user="bob"))
        assert breaker.forget() == 1

    driver.run(flow)
    assert forget_refusals() == 0


@both_drivers
def test_nothing_to_guard(driver: Driver) -> None:
    """Who is known by a certificate or a ticket has no secret that could lock anybody out."""
    breaker, server = Breaker(), Server(refused())

    async def flow(ports: Ports) -> None:
        for _ in range(2):
            with pytest.raises(BadCredentials) as caught:
                await login(breaker, server, ports, Credentials("ann", kind="certificate"))
            assert type(caught.value) is BadCredentials

    driver.run(flow)
    assert server.logins == 2


def test_its_memory_is_bounded_and_holds_no_secret() -> None:
    """The oldest refusals and acceptances are forgotten; what is kept are keyed hashes."""
    breaker, bad, good = Breaker(), Server(refused()), Server()

    async def flow(ports: Ports) -> None:
        for number in range(4200):
            with pytest.raises(BadCredentials):
                await login(breaker, bad, ports, credentials(f"{CANARY} {number}"))
            await login(breaker, good, ports, credentials(f"{number}"))

    run_blocking(flow(BlockingPorts()))
    assert len(breaker._refused) == len(breaker._accepted) == 4096
    assert CANARY not in repr(vars(breaker))
    assert vars(Breaker())["_key"] != vars(BREAKER)["_key"]
