from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from mailward.errors import ProtocolError
from mailward.integrations.dovecot_message import (
    LONGEST_LINE,
    Begin,
    Cancel,
    Continue,
    Message,
    Reader,
    challenge,
    failure,
    greeting,
    success,
)
from mailward.sasl.register import server_mechanisms

HELLO = b"VERSION\t1\t1\nCPID\t4711\n"
POSTFIX = b"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\trip=192.0.2.7\tsecured\tresp=AGFubgBwdw==\n"


def read(data: bytes) -> list[Message]:
    return list(Reader().feed(data))


def test_what_postfix_says_is_read() -> None:
    """AUTH as Postfix writes it: its parameters by name, and the initial response decoded."""
    (message,) = read(HELLO + POSTFIX)

    assert message == Begin(
        1,
        "PLAIN",
        {"service": "smtp", "nologin": "", "lip": "127.0.0.1", "rip": "192.0.2.7", "secured": ""},
        b"\0ann\0pw",
    )


def test_the_rest_of_an_exchange_is_read() -> None:
    """CONT and CANCEL, and an initial response that is absent (Exim: nothing after "resp=") or empty ("=")."""
    said = (
        b"AUTH\t2\tlogin\nAUTH\t3\tPLAIN\tresp=\nAUTH\t4\tPLAIN\tresp==\nCONT\t2\tYW5u\nCONT\t2\t\nCONT\t2\nCANCEL\t2\n"
    )

    assert read(HELLO + said) == [
        Begin(2, "LOGIN", {}, None),
        Begin(3, "PLAIN", {}, None),
        Begin(4, "PLAIN", {}, b""),
        Continue(2, b"ann"),
        Continue(2, b""),
        Continue(2, b""),
        Cancel(2),
    ]


def test_octet_by_octet() -> None:
    """Messages may arrive in any pieces."""
    reader = Reader()

    messages = [message for octet in HELLO + POSTFIX for message in reader.feed(bytes([octet]))]

    assert messages == read(HELLO + POSTFIX)


def test_what_is_not_known_is_left_alone() -> None:
    """A newer client may say more: unknown commands and parameters do not end the connection."""
    messages = read(HELLO + b"NEWS\tx\n\nAUTH\t1\tPLAIN\tforward_a=b\tx\ty=1=2\n")

    assert messages == [Begin(1, "PLAIN", {"forward_a": "b", "x": "", "y": "1=2"})]


def test_escapes_are_undone() -> None:
    """A tab in a value is written as \\1t, and comes back as a tab."""
    (message,) = read(HELLO + b"AUTH\t1\tPLAIN\tclient_id=a\1tb\1nc\0011d\0010e\1rf\n")

    assert isinstance(message, Begin)
    assert message.parameters == {"client_id": "a\tb\nc\1d\0e\rf"}


@pytest.mark.parametrize("response", [b"!!!", b"AGEAYR=", b"AGEAYR==", b"YW5u\r", b"Y W5", b"===="])
def test_a_malformed_response_is_the_users_and_not_the_servers(response: bytes) -> None:
    """Bad base64 comes from whoever logs in: it fails that login and leaves the other server's connection alone."""
    begin, more = read(HELLO + b"AUTH\t1\tPLAIN\tresp=" + response + b"\nCONT\t1\t" + response + b"\n")

    assert begin == Begin(1, "PLAIN", {}, None, malformed=True)
    assert more == Continue(1, None)


def hostile() -> Iterator[bytes]:
    yield b"GET / HTTP/1.1\r\n"
    yield b"EHLO client.test\r\n"
    yield b"VERSION\t2\t0\n"
    yield b"VERSION\t1\n"
    yield b"CPID\t1\nVERSION\t1\t0\n"
    yield b"VERSION\t1\t0\nAUTH\t1\tPLAIN\n"
    yield HELLO + b"CPID\t2\n"
    yield HELLO + b"AUTH\n"
    yield HELLO + b"AUTH\t1\n"
    yield HELLO + b"AUTH\t-1\tPLAIN\n"
    yield HELLO + b"AUTH\t4294967296\tPLAIN\n"
    yield HELLO + "AUTH\t١\tPLAIN\n".encode()
    yield HELLO + b"AUTH\t1\tPLAIN\tresp=AAAA\trip=192.0.2.9\n"
    yield HELLO + b"CONT\n"
    yield HELLO + b"CANCEL\tx\n"
    yield HELLO + b"AUTH\t1\tPLAIN" + b"\tx" * 200 + b"\n"
    yield HELLO + b"AUTH\t1\tPLAIN\tx=" + b"a" * LONGEST_LINE
    yield b"\x16\x03\x01\x02\x00\x01\x00\n"


@pytest.mark.parametrize("data", [*hostile()])
def test_another_protocol_or_a_broken_one_is_refused(data: bytes) -> None:
    """What no client of version 1 says is an error, whose message is safe to print."""
    with pytest.raises(ProtocolError) as refused:
        read(data)

    assert str(refused.value).isprintable()


def test_no_message_shows_a_password() -> None:
    """The repr of a message hides the response."""
    assert "ann" not in repr(read(HELLO + POSTFIX))


def test_the_greeting() -> None:
    """Version, each mechanism with what it guarantees, numbers and a cookie, and an end."""
    mechanisms = [server_mechanisms()[name] for name in ("SCRAM-SHA-256", "PLAIN")]

    assert greeting(mechanisms, process=42, connection=7, cookie="ab" * 16).splitlines() == [
        b"VERSION\t1\t2",
        b"MECH\tSCRAM-SHA-256\tmutual-auth",
        b"MECH\tPLAIN\tplaintext",
        b"SPID\t42",
        b"CUID\t7",
        b"COOKIE\t" + b"ab" * 16,
        b"DONE",
    ]


def test_what_is_said() -> None:
    """Challenges in base64; failures with a reason, and whether they are for now only; a name cannot add a field."""
    assert challenge(1, b"") == b"CONT\t1\t\n"
    assert challenge(1, b"x" * 3) == b"CONT\t1\t" + base64.b64encode(b"xxx") + b"\n"
    assert failure(2, reason="no") == b"FAIL\t2\treason=no\n"
    assert failure(2, reason="no", temporary=True) == b"FAIL\t2\ttemp\tcode=temp_fail\treason=no\n"
    assert success(3, "a\tuser=root\n\1") == b"OK\t3\tuser=a\1tuser=root\1n\0011\n"
