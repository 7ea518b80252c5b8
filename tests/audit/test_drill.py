"""The drill, against servers that answer as a script says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from mailward.audit import drill
from mailward.audit.drill import Attempt, Drill
from mailward.client.options import ClientOptions, client_options
from mailward.errors import ConnectError, InputError, MechanismUnavailable
from mailward.net.blocking import BlockingPorts, BlockingStream, run_blocking
from mailward.net.local_address import LocalAddress
from mailward.net.ports import Resolve

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAILED = "535 5.7.8 no"
LOCKED = "454 4.7.0 later"


def options(port: int, host: str = "127.0.0.1") -> ClientOptions:
    from mailward.client.tls_mode import INSECURE_PLAINTEXT  # noqa: PLC0415

    return client_options(
        host,
        port,
        auth=None,
        tls=INSECURE_PLAINTEXT,
        ca=None,
        timeout=5,
        limits=None,
        local_address=None,
        ehlo_name=None,
    )


@contextmanager
def server(*connections: Sequence[str], mechanism: str = "SCRAM-SHA-256") -> Iterator[int]:
    """For each connection, the replies to AUTH; then it hangs up. An empty one is turned away with 421."""
    heard: list[bytes] = []

    def serve() -> None:
        for replies in connections:
            connection, _ = listener.accept()
            with connection:
                if not replies:
                    connection.sendall(b"421 4.7.0 too many\r\n")
                    continue
                connection.sendall(b"220 x\r\n")
                file = connection.makefile("rb")
                file.readline()
                connection.sendall(f"250-x\r\n250 AUTH {mechanism}\r\n".encode())
                for reply in replies:
                    heard.append(file.readline())
                    connection.sendall(reply.encode() + b"\r\n" if reply else b"")
                file.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)
    assert len(set(heard)) == len(heard), "every attempt is another one"


def drilled(port: int, wrong: int) -> tuple[Attempt, ...]:
    told: list[Attempt] = []
    attempts = run_blocking(drill.run(Drill(options(port), "ann", wrong), BlockingPorts(), tell=told.append))
    assert [each.number for each in told] == [each.number for each in attempts]
    return attempts


def test_connections_are_kept_as_long_as_they_last() -> None:
    """Attempts follow each other on one connection; when the server hangs up the next one is opened."""
    with server([FAILED, FAILED], [FAILED]) as port:
        attempts = drilled(port, 3)

    assert [(each.position, each.code, each.closed) for each in attempts] == [
        (1, 535, False),
        (2, 535, True),
        (1, 535, True),
    ]
    assert [each.reply for each in attempts] == [FAILED] * 3
    assert {each.mechanism for each in attempts} == {"SCRAM-SHA-256"}


def test_lockout() -> None:
    """When the refusal changes to 454, or to no session at all, the lockout is told from there."""
    with server([FAILED], [LOCKED], []) as port:
        attempts = drilled(port, 3)

    assert [each.code for each in attempts] == [535, 454, 421]
    assert drill.locked_from(attempts) == 2


def test_a_connection_cut_without_a_reply() -> None:
    """It is an attempt without a code."""
    with server([FAILED, ""], [FAILED]) as port:
        attempts = drilled(port, 3)

    assert [each.code for each in attempts] == [535, None, 535]
    assert attempts[1].closed
    assert drill.locked_from(attempts) is None


def test_a_wrong_password_that_is_accepted() -> None:
    """It ends the drill. (A server that accepts SCRAM without a proof is no server; PLAIN needs TLS.)"""
    attempts = (attempt(1, code=535), attempt(2, code=235))

    assert [each.accepted for each in attempts] == [False, True]
    assert drill.locked_from(attempts) is None


def test_no_mechanism() -> None:
    """Where no login can be tried at all, that is the answer."""
    with server(["502 x"], mechanism="NTLM") as port, pytest.raises(MechanismUnavailable):
        drilled(port, 3)


def test_nobody_there() -> None:
    """No connection for the first attempt is an error, not a finding."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectError):
        drilled(port, 3)


class PublicPorts(BlockingPorts):
    """A world where loopback is a public address."""

    async def race(
        self,
        places: Sequence[tuple[str, int]],
        *,
        within: float | None,
        local_address: LocalAddress | None = None,
        resolve: Resolve | None = None,
    ) -> tuple[int, BlockingStream]:
        place, stream = await super().race(places, within=within, local_address=local_address, resolve=resolve)
        stream.peername = "8.8.8.8"
        return place, stream


def test_public_addresses_need_consent() -> None:
    """Nothing is said to a public address unless it is allowed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InputError, match=r"8.8.8.8, a public address") as caught:
            run_blocking(drill.run(Drill(options(port), "ann", 1), PublicPorts(), tell=print))
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(100) == b""

    assert "--allow-public" in caught.value.advice
    with server([FAILED]) as port:
        attempts = run_blocking(
            drill.run(Drill(options(port), "ann", 1, allow_public=True), PublicPorts(), tell=lambda _: None)
        )
    assert [each.code for each in attempts] == [535]


@pytest.mark.parametrize("wrong", [0, 21])
def test_how_many(wrong: int) -> None:
    """A drill is not an attack: 1 to 20 attempts."""
    with pytest.raises(InputError, match="1 to 20"):
        Drill(options(1), "ann", wrong)


def attempt(number: int, *, code: int | None = 535, delay: float = 0.1, position: int = 1) -> Attempt:
    began = NOW + timedelta(seconds=10 * number)
    return Attempt(
        number=number,
        position=position,
        mechanism="PLAIN",
        code=code,
        reply="",
        delay=delay,
        closed=False,
        began=began,
        ended=began + timedelta(seconds=delay),
    )


@pytest.mark.parametrize(
    "delays, number",
    [
        ([0.5, 1, 2, 4], 2),
        ([0.1, 0.2, 0.45, 0.7], 3),
        ([0.1, 0.12, 0.11], None),
        ([3, 3.1, 3.2], None),
        ([1, 0.1, 0.9], 3),
        ([0.1], None),
        ([], None),
    ],
)
def test_throttled_from(delays: list[float], number: int | None) -> None:
    """Throttling is a reply that takes noticeably longer than the quickest before it."""
    assert drill.throttled_from([attempt(at, delay=delay) for at, delay in enumerate(delays, 1)]) == number


@pytest.mark.parametrize(
    "codes, number",
    [
        ([535, 535, 454, 454], 3),
        ([535, 454, 535], None),
        ([454], 1),
        ([535, 421], None),
        ([535, 421, 421], 2),
        ([535, None, None], 2),
        ([535, 535], None),
        ([], None),
    ],
)
def test_locked_from(codes: list[int | None], number: int | None) -> None:
    """Lockout is when no password is looked at any more; a last 421 to a connection may only be about that one."""
    attempts = [attempt(at, code=code, position=at) for at, code in enumerate(codes, 1)]

    assert drill.locked_from(attempts) == number
