from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from mailward.accounts.account import Account
from mailward.integrations import dovecot_auth
from mailward.integrations.dovecot_auth import MOST_IN_FLIGHT, DovecotAuth
from mailward.integrations.opening import Conversation
from mailward.login.peer import Peer
from mailward.login.step import CANCELLED, FAILED, THROTTLED, UNAVAILABLE, Challenge, Outcome, Result, Step
from tests.integrations.conversation import Scripted, Written

HELLO = b"VERSION\t1\t1\nCPID\t4711\n"
RIP = b"service=smtp\trip=192.0.2.7\tsecured"
ANN = Account("ann@example.test", (), (), 0.0, 0.0)
OK = Outcome(Result.OK, ANN)


class Talk:
    """A conversation whose logins do what the test says; `exchanges` are those that were begun."""

    def __init__(self, *steps: Step, mechanisms: Sequence[str] = ("SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN")) -> None:
        self.exchanges: list[Scripted] = []
        self.written = Written()
        self._steps = steps
        self._door = DovecotAuth.of(
            asyncio.get_running_loop(),
            login=self._login,
            mechanisms=lambda: tuple(mechanisms),
            new_id=lambda: "a1",
            cookie=lambda: "c0" * 16,
            process=1,
        )
        self.conversation: Conversation = self._door.conversation(self.written)
        self.greeting = self.written.taken()

    def _login(self, peer: Peer, mechanism: str) -> Scripted:
        self.exchanges.append(Scripted(peer, mechanism, self._steps))
        return self.exchanges[-1]

    async def say(self, data: bytes) -> bytes:
        """What is answered, when nothing more is under way."""
        self.conversation.received(data)
        for _ in range(5):
            await asyncio.sleep(0)
        return self.written.taken()


@pytest.mark.asyncio
async def test_a_login_passes() -> None:
    """The right response is OK with the canonical name, and the login knows who knocks where."""
    talk = Talk(OK)

    assert await talk.say(HELLO + b"AUTH\t1\tPLAIN\t" + RIP + b"\tresp=AGEAYg==\n") == b"OK\t1\tuser=ann@example.test\n"
    (exchange,) = talk.exchanges
    assert exchange.heard == [b"\0a\0b"]
    assert (str(exchange.peer.source), exchange.peer.listener, exchange.peer.service, exchange.peer.tls) == (
        "192.0.2.7",
        "dovecot-auth:smtp",
        "smtp",
        "TLS",
    )


@pytest.mark.asyncio
async def test_only_what_can_be_done_here_is_offered() -> None:
    """A mechanism that needs a channel binding is neither offered nor taken, nor one we do not know."""
    talk = Talk(OK)

    assert b"-PLUS" not in talk.greeting
    assert b"MECH\tPLAIN\tplaintext\n" in talk.greeting
    await talk.say(HELLO)
    for mechanism in (b"SCRAM-SHA-256-PLUS", b"CRAM-MD5", b"\xff\xfe"):
        said = await talk.say(b"AUTH\t1\t" + mechanism + b"\t" + RIP + b"\n")
        assert said.startswith(b"FAIL\t1\treason=")
    assert not talk.exchanges


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "outcome, temporary", [(FAILED, False), (THROTTLED, True), (UNAVAILABLE, True)], ids=["failed", "banned", "broken"]
)
async def test_failures(outcome: Outcome, temporary: bool) -> None:
    """A failure says only whether to try again later."""
    said = await Talk(outcome).say(HELLO + b"AUTH\t9\tPLAIN\t" + RIP + b"\tresp=AGEAYg==\n")

    assert said.startswith(b"FAIL\t9\t")
    assert (b"\ttemp\tcode=temp_fail\t" in said) is temporary


@pytest.mark.asyncio
async def test_an_exchange_of_several_steps() -> None:
    """Challenge and response go back and forth; an answer that nobody asked for ends the connection."""
    talk = Talk(Challenge(b"Username:"), Challenge(b"Password:"), OK)

    assert await talk.say(HELLO + b"AUTH\t1\tLOGIN\t" + RIP + b"\n") == b"CONT\t1\tVXNlcm5hbWU6\n"
    assert await talk.say(b"CONT\t1\tYW5u\n") == b"CONT\t1\tUGFzc3dvcmQ6\n"
    assert await talk.say(b"CONT\t1\tcHc=\n") == b"OK\t1\tuser=ann@example.test\n"
    assert (await talk.say(b"CONT\t1\tcHc=\n")).startswith(b"FAIL\t1\t")
    assert talk.exchanges[0].heard == [None, b"ann", b"pw"]
    assert not talk.written.closed
    await talk.say(b"AUTH\t2\tLOGIN\t" + RIP + b"\nCONT\t2\tcHc=\n")
    assert talk.written.closed


@pytest.mark.asyncio
async def test_logins_go_on_side_by_side() -> None:
    """Two logins of one connection do not disturb each other; the same number twice is refused."""
    talk = Talk(Challenge(b"x"), OK)

    await talk.say(HELLO + b"AUTH\t1\tLOGIN\t" + RIP + b"\nAUTH\t2\tLOGIN\t" + RIP + b"\n")
    assert await talk.say(b"CONT\t2\tYQ==\n") == b"OK\t2\tuser=ann@example.test\n"
    assert await talk.say(b"CONT\t1\tYQ==\n") == b"OK\t1\tuser=ann@example.test\n"
    await talk.say(b"AUTH\t3\tLOGIN\t" + RIP + b"\nAUTH\t3\tLOGIN\t" + RIP + b"\n")
    assert talk.written.closed


@pytest.mark.asyncio
async def test_logins_in_flight_are_bounded() -> None:
    """One connection holds so many logins and no more; the next is told to come later."""
    talk = Talk(Challenge(b"x"))
    every = b"".join(b"AUTH\t%d\tLOGIN\t%b\n" % (number, RIP) for number in range(MOST_IN_FLIGHT))

    await talk.say(HELLO + every)

    assert b"temp" in await talk.say(b"AUTH\t1000\tLOGIN\t" + RIP + b"\n")
    assert len(talk.exchanges) == MOST_IN_FLIGHT


@pytest.mark.asyncio
@pytest.mark.parametrize("rip", [b"", b"\trip=", b"\trip=unknown", b"\trip=\x1b[2J"])
async def test_nobody_logs_in_from_nowhere(rip: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Without an address there is nobody to count against: it fails for now, and the log says so, safely."""
    talk = Talk(OK)

    assert b"code=temp_fail" in await talk.say(HELLO + b"AUTH\t1\tPLAIN\tservice=smtp" + rip + b"\tresp=AGEAYg==\n")
    assert not talk.exchanges
    assert "does not say where it comes from" in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.asyncio
async def test_a_password_in_clear_text_is_exposed() -> None:
    """A password that came over an open network is not looked at, and the operator hears of it; SCRAM may go on."""
    talk = Talk(OK, mechanisms=("SCRAM-SHA-256", "PLAIN"))

    said = await talk.say(HELLO + b"AUTH\t1\tPLAIN\tservice=smtp\trip=192.0.2.7\tresp=AGEAYg==\n")
    assert said == b"FAIL\t1\treason=only over TLS\n"
    assert talk.exchanges[0].heard == ["exposed"]
    assert (await talk.say(b"AUTH\t2\tSCRAM-SHA-256\tservice=smtp\trip=192.0.2.7\n")).startswith(b"OK\t2")
    assert (await talk.say(b"AUTH\t3\tPLAIN\tservice=smtp\trip=127.0.0.1\tresp=AGEAYg==\n")).startswith(b"OK\t3")


@pytest.mark.asyncio
async def test_a_cancelled_login() -> None:
    """CANCEL ends the login as "*" does, and nothing is answered."""
    talk = Talk(Challenge(b"x"), CANCELLED)

    await talk.say(HELLO + b"AUTH\t1\tLOGIN\t" + RIP + b"\n")

    assert await talk.say(b"CANCEL\t1\n") == b""
    assert talk.exchanges[0].heard == [None, None]
    assert await talk.say(b"CANCEL\t77\n") == b""


@pytest.mark.asyncio
async def test_a_lost_connection_counts() -> None:
    """Who leaves in the middle of an exchange is told to the login, which counts what it must."""
    talk = Talk(Challenge(b"x"))

    await talk.say(HELLO + b"AUTH\t1\tLOGIN\t" + RIP + b"\n")
    talk.conversation.lost()
    talk.conversation.lost()

    assert talk.exchanges[0].heard == [None, "lost"]


@pytest.mark.asyncio
async def test_silence_ends_an_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not answer holds no guess: the login is over, and a late answer fails."""
    monkeypatch.setattr(dovecot_auth, "PATIENCE", 0.01)
    talk = Talk(Challenge(b"x"), OK)

    await talk.say(HELLO + b"AUTH\t1\tLOGIN\t" + RIP + b"\n")
    await asyncio.sleep(0.05)

    assert talk.exchanges[0].heard == [None, "lost"]
    assert (await talk.say(b"CONT\t1\tYQ==\n")).startswith(b"FAIL\t1\t")


@pytest.mark.asyncio
async def test_a_fault_of_ours_is_not_the_clients(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When something breaks, the login fails for now, holds no guess, and the log names the fault and no secret."""
    talk = Talk()

    said = await talk.say(HELLO + b"AUTH\t1\tPLAIN\t" + RIP + b"\tresp=AGEAc2VjcmV0\n")

    assert b"temp_fail" in said
    assert talk.exchanges[0].heard == [b"\0a\0secret", "fault"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "secret" not in caplog.text


@pytest.mark.asyncio
@pytest.mark.parametrize("data", [b"EHLO x\r\n", b"VERSION\t9\t0\n", HELLO + b"AUTH\t1\tPLAIN\tx=" + b"a" * 17_000])
async def test_another_client_is_turned_away(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What does not speak the protocol is cut off, with a line in the log."""
    talk = Talk()

    await talk.say(data)

    assert talk.written.closed
    assert "a connection was closed" in caplog.text


@pytest.mark.asyncio
async def test_services_have_short_names() -> None:
    """The service is part of the listener's name in events, so nothing odd becomes one; submission is SMTP."""
    talk = Talk(OK)

    await talk.say(HELLO)
    for number, service in enumerate((b"submission", b"imap", b"\xe2\x80\xae", b"x" * 99)):
        await talk.say(b"AUTH\t%d\tPLAIN\tservice=%b\trip=192.0.2.7\tsecured\n" % (number, service))

    assert [(exchange.peer.listener, exchange.peer.service) for exchange in talk.exchanges] == [
        ("dovecot-auth:submission", "smtp"),
        ("dovecot-auth:imap", "imap"),
        ("dovecot-auth:unknown", "unknown"),
        ("dovecot-auth:unknown", "unknown"),
    ]
