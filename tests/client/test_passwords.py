"""Where a password comes from, and which of two is the one to send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from mailward.client.passwords import Called, Fixed, Password, SecretSource, checked, source_of
from mailward.errors import InputError
from mailward.net.aio import AioPorts
from mailward.net.blocking import BlockingPorts, run_blocking
from mailward.net.ports import Ports
from mailward.secret import Secret
from tests.support.drivers import Driver, both_drivers

HOST, OTHER = "smtp.example.test", "mx.example.test"


async def read(source: SecretSource, ports: Ports, host: str = HOST) -> str:
    return (await source.read(ports, user="ann", host=host, until=ports.now() + 5)).reveal()


def given(source: SecretSource, host: str = HOST) -> str:
    return run_blocking(read(source, BlockingPorts(), host))


@both_drivers
def test_what_is_given_stays(driver: Driver) -> None:
    """A refused literal is not looked up anywhere."""
    source = source_of("one")

    assert isinstance(source, Fixed)
    assert driver.run(lambda ports: read(source, ports)) == "one"
    assert not source.refused(Secret("one"), HOST)


@both_drivers
def test_a_function_is_called_for_each_login(driver: Driver) -> None:
    """And a refused password may be another one the next time."""
    passwords = iter(["one", Secret("two")])
    source = source_of(lambda: next(passwords))

    assert isinstance(source, Called)
    assert [driver.run(lambda ports: read(source, ports)) for _ in range(2)] == ["one", "two"]
    assert source.refused(Secret("two"), HOST)


def test_an_asynchronous_function() -> None:
    """It is awaited by AsyncClient, and Client says that it cannot."""

    async def fetch() -> str:
        await asyncio.sleep(0)
        return "fetched"

    def begin() -> Awaitable[str]:
        return fetch()

    for function in (fetch, begin):
        assert asyncio.run(read(source_of(function), AioPorts())) == "fetched"
        with pytest.raises(InputError, match="is asynchronous, and this client is not") as caught:
            given(source_of(function))
        assert "AsyncClient" in caught.value.advice


def test_a_rotation_at_one_server() -> None:
    """The next one from the refusal on; once it has worked the first is never read again."""
    source = Password("old", next="new")

    assert [given(source), given(source)] == ["old", "old"]
    assert source.refused(Secret("old"), HOST)
    assert given(source) == "new"
    source.accepted(Secret("new"), HOST)
    assert not source.refused(Secret("new"), HOST)  # there is no third, and no way back
    assert given(source) == "new"


def test_a_rotation_that_many_logins_see_at_once() -> None:
    """Forty logins that had read the first pass the turn on once, and do not pass it back."""
    source = Password("old", next="new")
    given(source)

    assert all(source.refused(Secret("old"), HOST) for _ in range(40))
    assert given(source) == "new"
    source.accepted(Secret("new"), HOST)
    assert source.refused(Secret("old"), HOST)  # the forty-first: there is another one for it
    assert given(source) == "new"


def test_two_servers_rotate_for_themselves() -> None:
    """One knows the new password an hour before the other does."""
    source = Password("old", next="new")
    given(source, OTHER)
    source.refused(Secret("old"), OTHER)

    assert (given(source, HOST), given(source, OTHER)) == ("old", "new")


def test_both_refused() -> None:
    """While neither has worked they take turns, so that whichever becomes right is found."""
    source = Password("old", next="new")
    order = []
    for _ in range(4):
        order.append(given(source))
        assert source.refused(Secret(order[-1]), HOST)

    assert order == ["old", "new", "old", "new"]


def test_sources_inside_and_no_next() -> None:
    """Each may be a function too; alone it is as if it were not wrapped."""
    answers = iter("abcd")
    source = Password(lambda: next(answers), next=lambda: "next")
    assert given(source) == "a"
    assert source.refused(Secret("a"), HOST)
    assert given(source) == "next"

    assert not Password("only").refused(Secret("only"), HOST) or given(Password("only")) == "only"
    alone = Password(lambda: next(answers))
    assert alone.refused(Secret(given(alone)), HOST)
    assert given(alone) == "c"


def test_its_memory_is_bounded() -> None:
    """A client that sends directly to thousands of hosts remembers the last 256."""
    source = Password("old", next="new")
    for number in range(1000):
        given(source, f"mx{number}.example.test")

    assert len(source._turns) == 256


@pytest.mark.parametrize("value", ["", Secret(""), None, b"octets", 5, ("a", "b")])
def test_what_is_no_password(value: Any) -> None:
    """The error tells the type and not the value."""
    with pytest.raises(InputError, match="the password for auth=") as caught:
        checked(value)
    assert "octets" not in str(caught.value)
    if not isinstance(value, str | Secret):
        with pytest.raises(InputError, match="must be a str, a Secret, a function"):
            source_of(value)


@both_drivers
def test_a_function_that_gives_none(driver: Driver) -> None:
    """A vault without the entry is the caller's mistake, told before anything is sent."""
    with pytest.raises(InputError, match="no str or Secret but NoneType"):
        driver.run(lambda ports: read(source_of(lambda: None), ports))


@both_drivers
def test_what_a_function_raises_is_the_callers(driver: Driver) -> None:
    """It is not wrapped."""

    def fail() -> str:
        raise LookupError("the vault is sealed")

    with pytest.raises(LookupError, match="sealed"):
        driver.run(lambda ports: read(source_of(fail), ports))
