"""`Failover` and `RoundRobin`, sync and async, with servers that fail in every way."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mailward import INSECURE_PLAINTEXT, AsyncClient, Client
from mailward.client.failover import AsyncFailover, AsyncRoundRobin, Failover, RoundRobin
from mailward.client.receipt import Outcome, Receipt
from mailward.client.transports.face import AsyncTransport
from mailward.client.transports.memory import MemoryTransport
from mailward.errors import ConnectError, InputError, MailwardError, OutcomeUnknown, PermanentReply, TransientReply
from tests.support.hostile import HostileServer, Script, hang_up, hostile_server

MESSAGE = b"From: ann@example.test\r\nTo: a@example.test, b@example.test, c@example.test\r\n\r\nHi.\r\n"
OK, LATER, NEVER = (b"%d x\r\n" % code for code in (250, 450, 550))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Several:
    """Either face over Clients to these ports, called in the same way."""

    def __init__(self, face: str, ports: list[int], *, turns: bool = False, pause: float = 30.0) -> None:
        self._runner = asyncio.Runner() if face == "async" else None
        client: Any = Client if self._runner is None else AsyncClient
        kinds: dict[tuple[bool, bool], Any] = {
            (True, False): Failover,
            (True, True): RoundRobin,
            (False, False): AsyncFailover,
            (False, True): AsyncRoundRobin,
        }
        clients = [client("127.0.0.1", port, tls=INSECURE_PLAINTEXT, timeout=5) for port in ports]
        self.ensemble: Any = kinds[self._runner is None, turns](clients, pause=pause)

    def send(self, message: bytes = MESSAGE, **options: Any) -> Receipt:
        receipt: Receipt = self._finished(self.ensemble.send(message, **options))
        return receipt

    def send_many(self, messages: list[bytes]) -> list[Receipt]:
        async def gathered() -> list[Receipt]:
            return [receipt async for receipt in self.ensemble.send_many(messages)]

        return list(self.ensemble.send_many(messages)) if self._runner is None else self._runner.run(gathered())

    def close(self) -> None:
        self._finished(self.ensemble.close())
        if self._runner is not None:
            self._runner.close()

    def _finished(self, result: Any) -> Any:
        async def waited() -> Any:
            return await result

        if not inspect.isawaitable(result):
            return result
        assert self._runner is not None
        return self._runner.run(waited())


@contextlib.contextmanager
def opened(face: str, scripts: list[Script], **options: Any) -> Iterator[tuple[Several, list[HostileServer]]]:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(hostile_server(script)) for script in scripts]
        several = Several(face, [server.port for server in servers], **options)
        try:
            yield several, servers
        finally:
            several.close()


def accepted(receipt: Receipt) -> str:
    return "".join(result.address[0] for result in receipt.recipients if result.accepted)


def failed(several: Several) -> MailwardError:
    with pytest.raises(MailwardError) as caught:
        several.send()
    return caught.value


both = pytest.mark.parametrize("face", ["sync", "async"])


@both
def test_the_second_takes_over(face: str) -> None:
    """Nobody listens at the first; it is not asked again while it rests."""
    with hostile_server(Script()) as server:
        several = Several(face, [closed_port(), server.port])
        receipts = [several.send() for _ in range(3)]
        several.close()

    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED] * 3
    assert len(server.contents) == 3


@both
@pytest.mark.parametrize(
    "says",
    [
        {"": b"554 5.3.2 not me\r\n"},
        {"MAIL": b"451 4.3.0 later\r\n"},
        {"RCPT": b"450 4.2.1 later\r\n"},
        {"DATA": b"451 4.3.0 later\r\n"},
        {".": b"451 4.3.0 later\r\n"},
        {"DATA": hang_up},
    ],
    ids=["greeting", "mail", "rcpt", "data", "content", "hangs up"],
)
def test_what_is_safe_moves_on(face: str, says: dict[str, Any]) -> None:
    """The first cannot have it, so the second gets it; once."""
    with opened(face, [Script(says=says), Script()]) as (several, servers):
        receipt = several.send()

    assert (receipt.outcome, accepted(receipt), receipt.error) == (Outcome.ACCEPTED, "abc", "")
    assert servers[1].contents == [MESSAGE]


@both
def test_a_lost_reply_ends_it(face: str) -> None:
    """The first may have it: the second is not even asked."""
    with opened(face, [Script(says={".": hang_up}), Script()]) as (several, servers):
        error = failed(several)

    assert isinstance(error, OutcomeUnknown)
    assert error.outcome == Outcome.UNKNOWN
    assert servers[1].connections == []


@both
def test_a_refusal_for_good_ends_it(face: str) -> None:
    """A 5yz is an answer; another server is not asked until one says yes."""
    with opened(face, [Script(says={"MAIL": b"550 5.7.1 never\r\n"}), Script()]) as (several, servers):
        error = failed(several)

    assert isinstance(error, PermanentReply)
    assert error.outcome == Outcome.REJECTED
    assert servers[1].connections == []


@both
def test_each_recipient_has_a_truth_of_its_own(face: str) -> None:
    """Accepted by the first, refused for good by it, and refused for now: only the last goes on."""
    scripts = [Script(says={"RCPT": [OK, LATER, NEVER]}), Script()]
    with opened(face, scripts) as (several, servers):
        receipt = several.send()

    assert (receipt.outcome, accepted(receipt)) == (Outcome.PARTIAL, "ab")
    assert [line for line in servers[1].heard.split(b"\r\n") if line.startswith(b"RCPT")] == [
        b"RCPT TO:<b@example.test>"
    ]
    assert [result.reply.code if result.reply else None for result in receipt.recipients] == [250, 250, 550]


@both
def test_unknown_for_the_rest(face: str) -> None:
    """What the first accepted is accepted, though the second lost its reply; the whole is unknown."""
    scripts = [Script(says={"RCPT": [OK, LATER, LATER]}), Script(says={".": hang_up})]
    with opened(face, scripts) as (several, _), pytest.raises(OutcomeUnknown) as caught:
        several.send()

    assert (caught.value.outcome, accepted(caught.value.receipt)) == (Outcome.UNKNOWN, "a")


@both
def test_some_and_then_nobody(face: str) -> None:
    """What was accepted is told as partial when no server is left for the others."""
    scripts = [Script(says={"RCPT": [OK, LATER, LATER]}), Script(says={"RCPT": LATER})]
    with opened(face, scripts) as (several, _):
        receipt = several.send()

    assert (receipt.outcome, accepted(receipt)) == (Outcome.PARTIAL, "a")
    assert receipt.error


@both
def test_none_is_left(face: str) -> None:
    """The last error is raised, and the receipt keeps what each server said."""
    with hostile_server(Script(says={"RCPT": LATER})) as server:
        several = Several(face, [server.port, closed_port()])
        with pytest.raises(ConnectError) as caught:
            several.send()
        several.close()

    assert accepted(caught.value.receipt) == ""
    assert [result.reply.code for result in caught.value.receipt.recipients] == [450] * 3


@both
def test_it_comes_back(face: str) -> None:
    """After its pause the first is tried with one message, and has them all again."""
    port = closed_port()
    with hostile_server(Script()) as second:
        several = Several(face, [port, second.port], pause=0.05)
        several.send()
        with hostile_server(Script(), port=port) as first:
            time.sleep(0.1)
            several.send()
            several.send()
            several.close()
            assert (len(first.contents), len(second.contents)) == (2, 1)


@both
def test_each_in_turn(face: str) -> None:
    """RoundRobin gives each server its share, and passes over one that is away."""
    with opened(face, [Script(), Script()], turns=True) as (several, servers):
        for _ in range(4):
            several.send()
    assert [len(server.contents) for server in servers] == [2, 2]

    with hostile_server(Script()) as server:
        several = Several(face, [closed_port(), server.port], turns=True)
        receipts = several.send_many([MESSAGE] * 4)
        several.close()
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED] * 4


@both
def test_many(face: str) -> None:
    """A receipt for each, in order."""
    with opened(face, [Script(says={"MAIL": [OK, NEVER, OK]})]) as (several, _):
        receipts = several.send_many([MESSAGE, MESSAGE, b"To: x\r\n\r\n", MESSAGE])

    outcomes = [receipt.outcome for receipt in receipts]
    assert outcomes == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.NOT_SENT, Outcome.ACCEPTED]


def test_the_face_of_a_client() -> None:
    """The same parameters, sync and async; and no client is none."""
    for name in ("send", "send_many", "send_raw", "close"):
        signatures = [
            [(one.name, one.kind, one.default) for one in inspect.signature(getattr(kind, name)).parameters.values()]
            for kind in (Client, Failover, AsyncFailover)
        ]
        assert signatures[0] == signatures[1] == signatures[2], name
    with pytest.raises(InputError, match="one client"):
        Failover([])


def test_transports_are_clients_too() -> None:
    """A folder or a program may be the last resort; one of them in another, too."""
    memory = MemoryTransport()
    failing = MemoryTransport(failures=[TransientReply("no"), MailwardError("no")])
    with Failover([failing, RoundRobin([memory])]) as several:
        assert several.send(MESSAGE).ok
        assert several.send_raw(MESSAGE, sender="", recipients="a@example.test").ok

    async def work() -> bool:
        async with AsyncFailover([AsyncTransport(failing), AsyncTransport(memory)]) as several:
            return (await several.send(MESSAGE)).ok

    assert asyncio.run(work())
    assert memory.messages[1].sender == ""
