"""Handing a message to the next server: what each reply, and each silence, means for each recipient."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailward.client import deliver
from mailward.errors import InputError, InvalidConfig
from mailward.server import relay as relays
from mailward.server.config import DeliveryConfig
from mailward.server.queue.manager import Results
from mailward.server.relay import Relay
from mailward.store.message import BOUNCED, DEFERRED, DELIVERED, RecipientState, StoredMessage
from tests.support.certificates import authority, issue, self_signed
from tests.support.hostile import HostileServer, Script, hang_up, hostile_server, then_close

ANN, BOB, CAROL, DAVE = (f"{name}@example.test" for name in ("ann", "bob", "carol", "dave"))
CONTENT = b"Received: x\r\nSubject: Hello\r\n\r\n.dots\r\n..\r\n"
PASSWORD = "correct horse"

MESSAGE = StoredMessage(
    id="01M86Z9EMWEBBTDZ9W5DZ79MPY",
    envelope_from=ANN,
    envelope_to=(BOB,),
    size=len(CONTENT),
    received=0.0,
    subject="Hello",
    account=None,
    source=None,
    state="queued",
    attempts=0,
    next_attempt=0.0,
    last_reply="",
    recipients=(RecipientState(BOB, "queued", ""),),
    smtputf8=False,
    eightbit=False,
    last_attempt=None,
    spool=None,
)


def with_relay(
    delivery: DeliveryConfig,
    work: Callable[[Relay], Coroutine[None, None, Results]],
    *,
    now: Callable[[], float] = lambda: 0.0,
) -> Results:
    async def run() -> Results:
        relay = Relay.to(delivery, hostname="mail.test", sessions=2, now=now)
        try:
            return await asyncio.wait_for(work(relay), 20)
        finally:
            await relay.close()

    return asyncio.run(run())


def in_clear(server: HostileServer) -> DeliveryConfig:
    return DeliveryConfig(to=f"smtp://127.0.0.1:{server.port}?tls=insecure-plaintext")


def handed(server: HostileServer, *to: str, message: StoredMessage = MESSAGE, content: bytes = CONTENT) -> Results:
    return with_relay(in_clear(server), lambda relay: relay.deliver(message, content, to))


def by_address(replies: dict[str, bytes]) -> Callable[[Any], bytes]:
    """A reply to RCPT for each address."""

    def answer(connection: Any) -> bytes:
        return next(reply for address, reply in replies.items() if address.encode() in connection.line)

    return answer


# --- what the next server says


def test_taken() -> None:
    """Taken for all: delivered, with the server's last word; the content arrives as it was stored."""
    with hostile_server(Script()) as server:
        results = handed(server, BOB, CAROL)

    assert results == dict.fromkeys((BOB, CAROL), (DELIVERED, "250 2.0.0 Ok: queued as 4FdQ1z"))
    assert server.contents == [CONTENT]
    assert server.heard.startswith(b"EHLO mail.test\r\n")


def test_each_recipient_has_its_own_end() -> None:
    """5yz bounces, 4yz defers, the rest is delivered; those refused hear nothing of the others."""
    replies = {BOB: b"250 2.1.5 ok\r\n", CAROL: b"550 5.1.1 no such user\r\n", DAVE: b"450 4.2.1 full\r\n"}
    with hostile_server(Script(says={"RCPT": by_address(replies)})) as server:
        results = handed(server, BOB, CAROL, DAVE)

    assert results[BOB][0] == DELIVERED
    assert results[CAROL] == (BOUNCED, "550 5.1.1 no such user")
    assert results[DAVE] == (DEFERRED, "450 4.2.1 full")


@pytest.mark.parametrize(
    ("verb", "reply", "state"),
    [
        ("MAIL", b"550 5.7.1 not from you\r\n", BOUNCED),
        ("MAIL", b"451 4.3.0 later\r\n", DEFERRED),
        ("DATA", b"554 5.5.1 no\r\n", BOUNCED),
        (".", b"554 5.6.0 what is this\r\n", BOUNCED),
        (".", b"452 4.3.1 full\r\n", DEFERRED),
        ("MAIL", b"530 5.7.0 log in first\r\n", DEFERRED),
        ("MAIL", b"530 5.7.0 Must issue STARTTLS\r\n", DEFERRED),
    ],
)
def test_refused_as_a_whole(verb: str, reply: bytes, state: str) -> None:
    """A refusal of the message is final or not by its first digit; one of our login never is."""
    with hostile_server(Script(says={verb: reply})) as server:
        results = handed(server, BOB, CAROL)

    assert results == dict.fromkeys((BOB, CAROL), (state, reply.decode().strip()))


@pytest.mark.parametrize("keywords", [("PIPELINING",), ()], ids=["pipelined", "one-by-one"])
@pytest.mark.parametrize(("reply", "state"), [(b"451 4.7.1 greylisted\r\n", DEFERRED), (b"550 5.7.1 no\r\n", BOUNCED)])
def test_refused_sender_decides(keywords: tuple[str, ...], reply: bytes, state: str) -> None:
    """When MAIL is refused its reply decides, not the 503 that the pipelined RCPT and DATA then hear."""
    astray = b"503 5.5.1 need MAIL\r\n"
    with hostile_server(Script(keywords=keywords, says={"MAIL": reply, "RCPT": astray, "DATA": astray})) as server:
        results = handed(server, BOB, CAROL)

    assert results == dict.fromkeys((BOB, CAROL), (state, reply.decode().strip()))


def test_session_that_timed_out() -> None:
    """421 in place of a reply, and the end of the session, mean later."""
    gone = b"421 4.4.2 idle too long\r\n"
    with hostile_server(Script(says={"MAIL": then_close(gone)})) as server:
        results = handed(server, BOB)

    assert results == {BOB: (DEFERRED, gone.decode().strip())}


@pytest.mark.parametrize("verb", ["", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_server_that_hangs_up(verb: str) -> None:
    """A server that goes away at any point, even after the content, means later: at least once, never not."""
    with hostile_server(Script(says={verb: hang_up})) as server:
        results = handed(server, BOB)

    assert results[BOB][0] == DEFERRED
    assert results[BOB][1].startswith("local: ")


@pytest.mark.parametrize("greeting", [b"421 4.3.2 not now\r\n", b"554 5.7.1 go away\r\n", b"HTTP/1.1 400 what\r\n"])
def test_server_that_turns_us_away(greeting: bytes) -> None:
    """A greeting that refuses us is about us, not about the message: later."""
    with hostile_server(Script(says={"": greeting})) as server:
        results = handed(server, BOB)

    assert results[BOB][0] == DEFERRED


def test_nobody_there() -> None:
    """A server that is not there means later, and the reason names the place."""
    with hostile_server(Script()) as server:
        delivery = in_clear(server)
    results = with_relay(delivery, lambda relay: relay.deliver(MESSAGE, CONTENT, (BOB,)))

    assert results[BOB][0] == DEFERRED
    assert str(server.port) in results[BOB][1]


def test_null_reverse_path() -> None:
    """A message from nobody is handed on as from nobody."""
    with hostile_server(Script()) as server:
        handed(server, BOB, message=replace(MESSAGE, envelope_from=""))

    assert b"MAIL FROM:<>" in server.heard


def test_octets_the_next_server_cannot_take() -> None:
    """Eight-bit content for a server without 8BITMIME can never arrive as it is, and bounces with the reason."""
    with hostile_server(Script(keywords=("PIPELINING",))) as server:
        results = handed(server, BOB, content=CONTENT + "é\r\n".encode())

    assert results[BOB][0] == BOUNCED
    assert "8BITMIME" in results[BOB][1]
    assert server.contents == []


def test_hostile_words_are_escaped() -> None:
    """What the next server says is kept for people to read, so nothing in it can move their cursor."""
    with hostile_server(Script(says={"RCPT": b"550 5.1.1 \x1b[2J\xe2\x80\xae no\r\n"})) as server:
        results = handed(server, BOB)

    assert "\x1b" not in results[BOB][1]
    assert "\u202e" not in results[BOB][1]


# --- sessions


def test_one_session_for_many() -> None:
    """Messages one after the other use one session; it is ended properly in the end."""

    async def three(relay: Relay) -> Results:
        return [await relay.deliver(MESSAGE, CONTENT, (BOB,)) for _ in range(3)][-1]

    with hostile_server(Script()) as server:
        with_relay(in_clear(server), three)

    assert len(server.connections) == 1
    assert server.verbs.count("MAIL") == 3
    assert server.verbs[-1] == "QUIT"


def test_idle_sessions_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that nobody needs is ended after a while; the next message opens another."""
    monkeypatch.setattr(relays, "_REST", 0.05)

    async def two(relay: Relay) -> Results:
        await relay.deliver(MESSAGE, CONTENT, (BOB,))
        while server.verbs[-1] != "QUIT":
            await asyncio.sleep(0.01)
        return await relay.deliver(MESSAGE, CONTENT, (BOB,))

    with hostile_server(Script()) as server:
        results = with_relay(in_clear(server), two)

    assert results[BOB][0] == DELIVERED
    assert len(server.connections) == 2


def test_two_at_once() -> None:
    """Deliveries at the same time have a session each."""

    async def both(relay: Relay) -> Results:
        done = await asyncio.gather(*(relay.deliver(MESSAGE, CONTENT, (to,)) for to in (BOB, CAROL)))
        return {**done[0], **done[1]}

    with hostile_server(Script()) as server:
        results = with_relay(in_clear(server), both)

    assert [state for state, _ in results.values()] == [DELIVERED, DELIVERED]
    assert len(server.connections) == 2


# --- TLS and login


@pytest.fixture
def ca(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority().pem)
    return str(path)


@pytest.mark.parametrize(("tls", "scheme"), [("starttls", "smtp"), ("implicit", "smtps")])
def test_verified_tls(ca: str, tls: str, scheme: str) -> None:
    """With the right CA the message goes inside TLS, and nothing of it outside."""
    with hostile_server(Script(tls=tls)) as server:
        delivery = DeliveryConfig(to=f"{scheme}://localhost:{server.port}", ca=ca)
        results = with_relay(delivery, lambda relay: relay.deliver(MESSAGE, CONTENT, (BOB,)))

    assert results[BOB][0] == DELIVERED
    assert b"MAIL" not in server.heard_in_clear


@pytest.mark.parametrize(
    "script",
    [
        Script(tls=None),
        Script(tls="starttls", pair=self_signed()),
        Script(tls="starttls", pair=issue(("other.test",))),
        Script(tls="starttls", says={"STARTTLS": b"454 4.7.0 not now\r\n"}),
    ],
    ids=["stripped", "self-signed", "other-name", "refused"],
)
def test_never_without_verified_tls(ca: str, script: Script) -> None:
    """Without TLS to the right server the message waits; not an octet of it leaves."""
    with hostile_server(script) as server:
        delivery = DeliveryConfig(to=f"smtp://localhost:{server.port}", ca=ca)
        results = with_relay(delivery, lambda relay: relay.deliver(MESSAGE, CONTENT, (BOB,)))

    assert results[BOB][0] == DEFERRED
    assert b"MAIL" not in server.heard
    assert b"Subject" not in server.heard


def login(tmp_path: Path, server: HostileServer, ca: str, password: str) -> DeliveryConfig:
    file = tmp_path / "password"
    file.write_text(password + "\n")
    file.chmod(0o600)
    return DeliveryConfig(to=f"smtps://ann%40example.test@localhost:{server.port}", ca=ca, password_file=str(file))


def test_logs_in_first(tmp_path: Path, ca: str) -> None:
    """With a user in the URL it logs in with the password of the file, by the strongest mechanism."""
    with hostile_server(Script(tls="implicit", auth=("PLAIN", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"))) as server:
        delivery = login(tmp_path, server, ca, PASSWORD)
        results = with_relay(delivery, lambda relay: relay.deliver(MESSAGE, CONTENT, (BOB,)))

    assert results[BOB][0] == DELIVERED
    assert b"AUTH SCRAM-SHA-256-PLUS " in server.heard


def test_wrong_login_of_ours_defers(tmp_path: Path, ca: str) -> None:
    """A next server that does not know our password is our fault: the mail waits until that is mended."""
    with hostile_server(Script(tls="implicit", auth=("PLAIN",))) as server:
        delivery = login(tmp_path, server, ca, "old password")
        results = with_relay(delivery, lambda relay: relay.deliver(MESSAGE, CONTENT, (BOB,)))

    assert results[BOB][0] == DEFERRED
    assert "old password" not in results[BOB][1]


# --- many recipients

MANY = tuple(f"u{number}@example.test" for number in range(30))


@pytest.mark.parametrize(
    ("keywords", "sizes"), [(("PIPELINING", "LIMITS RCPTMAX=20"), [20, 10]), (("LIMITS RCPTMAX=13",), [13, 13, 4])]
)
def test_no_more_at_once_than_announced(keywords: tuple[str, ...], sizes: list[int]) -> None:
    """A server that announces RCPTMAX gets a transaction for each so many, and everybody gets the message."""
    with hostile_server(Script(keywords=keywords)) as server:
        results = handed(server, *MANY)

    assert [state for state, _ in results.values()] == [DELIVERED] * 30
    assert rcpts(server) == sizes
    assert server.contents == [CONTENT] * len(sizes)


def rcpts(server: HostileServer) -> list[int]:
    """How many RCPT each transaction had."""
    return [each.count("RCPT") for each in " ".join(server.verbs).split("MAIL")[1:]]


def test_a_hundred_at_once() -> None:
    """A server that announces nothing gets a hundred at a time, as every server must take."""
    with hostile_server(Script()) as server:
        results = handed(server, *(f"u{number}@example.test" for number in range(250)))

    assert {state for state, _ in results.values()} == {DELIVERED}
    assert len(results) == 250
    assert rcpts(server) == [100, 100, 50]


def only(most: int, too_many: bytes) -> Callable[[Any], bytes]:
    """A server that takes so many RCPT in a transaction and refuses the others."""

    def answer(connection: Any) -> bytes:
        since = connection.verbs[::-1].index("MAIL")
        return b"250 2.1.5 ok\r\n" if since <= most else too_many

    return answer


@pytest.mark.parametrize("too_many", [b"452 4.5.3 too many\r\n", b"552 5.5.3 too many\r\n"])
def test_too_many_are_next(too_many: bytes) -> None:
    """Those of whom the server says that they are too many are in the next transaction, not in the next attempt."""
    with hostile_server(Script(says={"RCPT": only(12, too_many)})) as server:
        results = handed(server, *MANY)

    assert [state for state, _ in results.values()] == [DELIVERED] * 30
    assert rcpts(server) == [30, 12, 6]


def test_too_many_already() -> None:
    """A server that takes nobody is not asked for ever."""
    with hostile_server(Script(says={"RCPT": b"452 4.5.3 too many\r\n"})) as server:
        results = handed(server, *MANY)

    assert [state for state, _ in results.values()] == [DEFERRED] * 30
    assert server.verbs.count("MAIL") == 1


def test_what_was_delivered_stays_delivered() -> None:
    """When a later transaction fails, its recipients wait with the rest, and the earlier ones are not sent it again."""
    with hostile_server(
        Script(keywords=("LIMITS RCPTMAX=10",), says={".": [b"250 2.0.0 ok\r\n", b"451 4.3.0 later\r\n"]})
    ) as server:
        results = handed(server, *MANY)

    assert [state for state, _ in results.values()] == [DELIVERED] * 10 + [DEFERRED] * 20
    assert all("451 4.3.0 later" in reply for _, reply in list(results.values())[10:])
    assert server.verbs.count("MAIL") == 2


# --- when there is no session


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_one_failed_login_for_many(tmp_path: Path, ca: str) -> None:
    """However many messages wait, a login that fails is made once, then after 30 s, 60 s … up to 5 minutes."""
    clock = Clock()
    logins: list[int] = []

    async def hours(relay: Relay) -> Results:
        for wait in (0, 29.9, 0.1, 59.9, 0.1, 120, 240, 299.9, 0.1, 299.9, 0.1):
            clock.time += wait
            done = await asyncio.gather(*(relay.deliver(MESSAGE, CONTENT, (BOB,)) for _ in range(8)))
            assert {results[BOB][0] for results in done} == {DEFERRED}
            assert len({results[BOB][1] for results in done}) == 1
            logins.append(server.verbs.count("AUTH"))
        return {}

    with hostile_server(Script(tls="implicit", auth=("PLAIN",))) as server:
        with_relay(login(tmp_path, server, ca, "old password"), hours, now=clock)

    assert logins == [1, 1, 2, 2, 3, 4, 5, 5, 6, 6, 7]


def test_success_forgets_the_failures() -> None:
    """Once a session is opened all are delivered. A server that turns us away waits 1 s, 2 s …, then 1 s again."""
    clock = Clock()
    states: list[str] = []

    async def work(relay: Relay) -> Results:
        for wait in (0, 1, 2, 0, 0.75, 0.25):
            clock.time += wait
            results = await relay.deliver(MESSAGE, CONTENT, (BOB,))
            states.append(results[BOB][0])
        return {}

    busy, here = b"421 4.3.2 not now\r\n", b"220 hostile.test ESMTP\r\n"
    once = ("PIPELINING", "LIMITS MAILMAX=1")  # a session for each message
    greetings = iter([busy, busy, here, busy, here])
    with hostile_server(Script(keywords=once, says={"": lambda _: next(greetings)})) as server:
        with_relay(in_clear(server), work, now=clock)

    assert states == [DEFERRED, DEFERRED, DELIVERED, DEFERRED, DEFERRED, DELIVERED]


def test_fault_of_the_session_never_bounces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be used for opening a session is not the message's fault, of whatever kind the error is."""

    async def no_session(*_: object, **__: object) -> None:
        raise InputError("the password holds what cannot be sent", phase="auth")

    monkeypatch.setattr(deliver, "open_session", no_session)
    with hostile_server(Script()) as server:
        results = handed(server, BOB, CAROL)

    assert results == dict.fromkeys((BOB, CAROL), (DEFERRED, "local: the password holds what cannot be sent"))


# --- what cannot be used


@pytest.mark.parametrize(
    ("user", "password", "key"),
    [
        ("ann", "correct horse \ue000", "delivery.password_file"),
        ("ann", "x" * 1025, "delivery.password_file"),
        ("ann", "", "delivery.password_file"),
        ("ann%E2%80%AE", "correct horse", "delivery.to"),
    ],
)
def test_login_that_cannot_be_sent(tmp_path: Path, user: str, password: str, key: str) -> None:
    """A user or a password that no login can carry is refused at the start, and is not shown."""
    file = tmp_path / "password"
    file.write_text(password + "\n")
    file.chmod(0o600)

    with pytest.raises(InvalidConfig) as caught:
        Relay.to(
            DeliveryConfig(to=f"smtps://{user}@mail.test", password_file=str(file)), hostname="mail.test", sessions=1
        )
    assert caught.value.key == key
    assert "horse" not in f"{caught.value.message} {caught.value.advice}"


@pytest.mark.parametrize(
    ("to", "password", "key"),
    [
        ("http://mail.test", None, "delivery.to"),
        ("smtp://mail.test?tls=maybe", None, "delivery.to"),
        ("smtps://ann@mail.test", None, "delivery.password_file"),
        ("smtps://ann@mail.test", 0o644, "delivery.password_file"),
        ("smtps://ann:secret@mail.test", 0o600, "delivery.to"),
    ],
)
def test_unusable_configuration(tmp_path: Path, to: str, password: int | None, key: str) -> None:
    """A URL or a password file that cannot be used is refused with its key, and no password in the words."""
    file = tmp_path / "password"
    if password is not None:
        file.write_text("secret")
        file.chmod(password)
    delivery = DeliveryConfig(to=to, password_file=str(file) if password is not None else None)

    with pytest.raises(InvalidConfig) as caught:
        Relay.to(delivery, hostname="mail.test", sessions=1)
    assert caught.value.key == key
    assert "secret" not in f"{caught.value.message} {caught.value.advice}"


def test_password_that_is_no_text(tmp_path: Path) -> None:
    """A password file that is not UTF-8 is refused, and is not shown."""
    file = tmp_path / "password"
    file.write_bytes(b"\xff\xfe")
    file.chmod(0o600)

    with pytest.raises(InvalidConfig, match="cannot be read"):
        Relay.to(DeliveryConfig(to="smtps://a@b.test", password_file=str(file)), hostname="mail.test", sessions=1)
