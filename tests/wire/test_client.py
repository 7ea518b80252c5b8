"""The client's half: replies belong to commands, in order, or the session is over (reliability rows C01-C18)."""

from __future__ import annotations

import pytest

from mailward.errors import BadSequence, InvalidMessage, ProtocolError, StartTlsInjection
from mailward.wire.address import Mailbox
from mailward.wire.client import ClientProtocol
from mailward.wire.command import Auth, Data, Ehlo, Mail, Noop, Rcpt, StartTls
from mailward.wire.state import State

RCPT = Rcpt(Mailbox.parse("c@d.test"))


def ready(extra: bytes = b"") -> ClientProtocol:
    """A client that has had its greeting and its EHLO answered."""
    client = ClientProtocol()
    client.receive_data(b"220 x.test\r\n")
    assert client.next_reply() is not None
    client.send(Ehlo("me.test"))
    client.receive_data(b"250-x.test\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n" + extra)
    assert client.next_reply() is not None
    return client


def test_a_pipelined_transaction() -> None:
    """Commands go ahead of their replies; the state follows the replies."""
    client = ready()
    sent = client.send(Mail(None)) + client.send(RCPT) + client.send(Data())

    assert sent == b"MAIL FROM:<>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
    assert client.state is State.READY
    client.receive_data(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert [reply.code for reply in iter(client.next_reply, None)] == [250, 250, 354]
    assert client.state is State.DATA
    assert client.send_content(b".x\r\n") == b"..x\r\n.\r\n"
    client.receive_data(b"250 queued\r\n")
    assert client.next_reply() is not None
    assert client.state is State.READY


def test_refused_sender_and_recipients_may_still_get_354() -> None:
    """C18, RFC 2920 §3.1: only the dot can follow."""
    client = ready()
    for command in (Mail(None), RCPT, Data()):
        client.send(command)
    client.receive_data(b"550 no\r\n503 no\r\n354 go\r\n")

    assert [reply.code for reply in iter(client.next_reply, None)] == [550, 503, 354]
    assert client.send_content(b"") == b".\r\n"


def test_illegal_commands_are_not_sent() -> None:
    """What cannot be legal even if all in flight is accepted."""
    with pytest.raises(BadSequence):
        ready().send(RCPT)
    client = ready()
    client.send(StartTls())
    with pytest.raises(BadSequence):
        client.send(Noop())


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (Mail(None), b"354 go"),
        (Mail(None), b"334 "),
        (Ehlo("x"), b"220 hi"),
        (Ehlo("x"), b"235 ok"),
        (StartTls(), b"250 ok"),
    ],
)
def test_impossible_replies(command, answer: bytes) -> None:  # type: ignore[no-untyped-def]
    """C06: a positive reply that cannot answer this command."""
    client = ready()
    client.send(command)
    client.receive_data(answer + b"\r\n")
    with pytest.raises(ProtocolError, match=answer[:3].decode()):
        client.next_reply()


def test_250_to_data_is_impossible() -> None:
    """C06 again, in the place where it would lose mail."""
    client = ready()
    for command in (Mail(None), RCPT, Data()):
        client.send(command)
    client.receive_data(b"250 ok\r\n250 ok\r\n250 ok\r\n")
    assert client.next_reply() is not None
    assert client.next_reply() is not None
    with pytest.raises(ProtocolError):
        client.next_reply()


def test_a_server_that_speaks_unasked() -> None:
    """C05: noticed before the next command is written, and when read."""
    client = ready(b"250 surprise\r\n")

    assert client.unread
    with pytest.raises(ProtocolError):
        client.send(Noop())
    with pytest.raises(ProtocolError, match="unasked"):
        client.next_reply()


def test_421_may_come_any_time() -> None:
    """RFC 5321 §3.8: the server closes."""
    client = ready(b"421 bye\r\n")
    reply = client.next_reply()

    assert reply is not None
    assert reply.code == 421
    assert client.state is State.CLOSED


@pytest.mark.parametrize("rest", [b"250-x\r\n250 AUTH PLAIN\r\n", b"250-SMTPUTF8 INJECTED ", b"\r"])
def test_bytes_behind_the_reply_to_starttls(rest: bytes) -> None:
    """C10: abort before the handshake, whole lines or not."""
    client = ready()
    client.send(StartTls())
    client.receive_data(b"220 go\r\n" + rest)
    reply = client.next_reply()

    assert reply is not None
    with pytest.raises(StartTlsInjection):
        client.starttls_done()


def test_after_starttls_everything_is_forgotten() -> None:
    """C12, RFC 3207 §4.2."""
    client = ready()
    assert client.keywords.auth == ("PLAIN",)
    client.send(StartTls())
    client.receive_data(b"220 go\r\n")
    client.next_reply()
    client.starttls_done()

    assert client.keywords.auth == ()
    assert client.state is State.CONNECTED
    with pytest.raises(BadSequence):
        client.send(Mail(None))


@pytest.mark.parametrize("greeting", [b"250 hi\r\n", b"354 hi\r\n", b"SSH-2.0-x\r\n", b"2_0 hi\r\n", b"+20 hi\r\n"])
def test_not_a_greeting(greeting: bytes) -> None:
    """C01."""
    client = ClientProtocol()
    client.receive_data(greeting)
    with pytest.raises(ProtocolError):
        client.next_reply()


def test_a_sasl_exchange() -> None:
    """334, a response, 235; "*" cancels."""
    client = ready()
    assert client.send(Auth("PLAIN", None)) == b"AUTH PLAIN\r\n"
    client.receive_data(b"334 \r\n")
    client.next_reply()
    assert client.send_response(b"\0a\0b") == b"AGEAYg==\r\n"
    client.receive_data(b"334 \r\n")
    client.next_reply()
    assert client.send_response(None) == b"*\r\n"


def test_content_that_smuggles_is_not_sent() -> None:
    """A bare newline raises, and the session has not moved."""
    client = ready()
    for command in (Mail(None), RCPT, Data()):
        client.send(command)
    client.receive_data(b"250 ok\r\n250 ok\r\n354 go\r\n")
    list(iter(client.next_reply, None))
    with pytest.raises(InvalidMessage):
        client.send_content(b"a\n.\nMAIL FROM:<>\r\n")

    assert client.state is State.DATA


def test_chunks() -> None:
    """BDAT commands carry their octets; the last ends the transaction."""
    client = ready()
    client.send(Mail(None))
    client.send(RCPT)
    assert client.send_chunk(b"abc", last=False) == b"BDAT 3\r\nabc"
    assert client.send_chunk(b"", last=True) == b"BDAT 0 LAST\r\n"
    client.receive_data(b"250 a\r\n250 b\r\n250 c\r\n250 d\r\n")
    list(iter(client.next_reply, None))

    assert client.state is State.READY
