"""SMTP on pipes: `sendmail -bs`, with the real client to a server behind it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, cast

import pytest

from mailward import INSECURE_PLAINTEXT, Client
from mailward.cli.sendmail_session import serve
from tests.support.hostile import DEFAULTS, HostileServer, Script, hang_up, hostile_server

HELLO = b"EHLO me.example\r\n"
MAIL = b"MAIL FROM:<ann@example.test>\r\n"
RCPT = b"RCPT TO:<bob@example.test>\r\n"
CONTENT = b"Subject: x\r\n\r\nhi\r\n"


class Pieces(io.RawIOBase):
    """What comes in these pieces, one for each read, as of a pipe."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read(self, _size: int = -1) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@pytest.fixture
def script() -> Script:
    return Script(says=dict[str, Any]())


@pytest.fixture
def server(script: Script) -> Iterator[HostileServer]:
    with hostile_server(script) as server:
        yield server


def talk(server: HostileServer, *pieces: bytes) -> list[str]:
    """The replies, each its last line, to a program that says this."""
    sink = io.BytesIO()
    client = Client("127.0.0.1", server.port, tls=INSECURE_PLAINTEXT, timeout=10, memory=False)
    try:
        serve(client, cast("Any", Pieces(*pieces)), sink)
    finally:
        client.close()
    said = sink.getvalue()
    assert said.endswith(b"\r\n")
    return [line for line in said.decode().split("\r\n") if line[3:4] == " "]


def codes(replies: list[str]) -> list[int]:
    return [int(reply[:3]) for reply in replies]


def test_a_message(server: HostileServer) -> None:
    """It is at the server before its 250, which has the server's own id; the envelope is the program's."""
    replies = talk(server, HELLO, MAIL, RCPT, b"DATA\r\n", CONTENT + b".\r\n", b"QUIT\r\n")

    assert codes(replies) == [220, 250, 250, 250, 354, 250, 221]
    assert "4FdQ1z" in replies[5]
    assert server.contents == [CONTENT]
    assert b"MAIL FROM:<ann@example.test>" in server.heard
    assert b"RCPT TO:<bob@example.test>" in server.heard


def test_all_in_one_write(server: HostileServer) -> None:
    """A pipelined dialogue (RFC 2920) of two messages, and in single octets."""
    whole = HELLO + (MAIL + RCPT + RCPT + b"DATA\r\n" + CONTENT + b".\r\n") * 2 + b"QUIT\r\n"
    expected = [220, 250, *[250, 250, 250, 354, 250] * 2, 221]

    assert codes(talk(server, whole)) == expected
    assert codes(talk(server, *(whole[place : place + 1] for place in range(len(whole))))) == expected
    assert server.contents == [CONTENT] * 4


def test_dots(server: HostileServer) -> None:
    """Transparency (RFC 5321 §4.5.2) is undone here and done again behind."""
    talk(server, HELLO, MAIL + RCPT + b"DATA\r\n", b"Subject: x\r\n\r\n..\r\n..two\r\n.\r\n")

    assert server.contents == [b"Subject: x\r\n\r\n.\r\n.two\r\n"]


def test_a_long_message(server: HostileServer) -> None:
    """A mebibyte, octet by octet the same."""
    content = b"Subject: x\r\n\r\n" + (b"x" * 76 + b"\r\n") * 13_444
    pieces = [content[place : place + 65536] for place in range(0, len(content), 65536)]
    assert codes(talk(server, HELLO, MAIL, RCPT, b"DATA\r\n", *pieces, b".\r\nQUIT\r\n"))[-2:] == [250, 221]
    assert server.contents == [content]


@pytest.mark.parametrize(
    ("says", "reply"),
    [
        ({"RCPT": b"550 5.1.1 no such user\r\n"}, "550 5.1.1 "),
        ({"RCPT": b"451 4.7.1 later\r\n"}, "451 4.7.1 "),
        ({"MAIL": b"553 5.7.1 not yours\r\n"}, "553 5.7.1 "),
        ({".": b"552 5.3.4 too big\r\n"}, "552 5.3.4 "),
        ({".": b"452 4.3.1 full\r\n"}, "452 4.3.1 "),
        ({".": hang_up}, "554 5.5.0 "),
        ({"MAIL": hang_up}, "451 4.4.0 "),
        ({"": b"421 4.3.2 going down\r\n"}, "451 4.4.0 "),
        ({"MAIL": b"550 5.7.1 \xc3\xbcbel \x1b[31m\x07" + b"x" * 1500 + b"\r\n"}, "550 5.7.1 "),
    ],
    ids=["rcpt", "rcpt-later", "mail", "content", "content-later", "unknown", "lost", "greeting", "odd"],
)  # fmt: skip
def test_what_the_server_refuses(server: HostileServer, script: Script, says: dict[str, Any], reply: str) -> None:
    """The program hears the server's own verdict, and a lost one is never "later"; the session goes on."""
    script.says.update(says)
    replies = talk(server, HELLO, MAIL, RCPT, b"DATA\r\n", CONTENT + b".\r\n", b"NOOP\r\nQUIT\r\n")

    assert replies[5].startswith(reply)
    assert len(replies[5]) <= 512
    assert replies[5].isprintable()
    assert codes(replies[6:]) == [250, 221]


def test_some_are_refused(server: HostileServer, script: Script) -> None:
    """Who has it would get it twice, so it is not to be repeated, though one reply says later."""
    script.says["RCPT"] = [DEFAULTS["RCPT"], b"451 4.7.1 later\r\n"]
    replies = talk(server, HELLO, MAIL, RCPT + b"RCPT TO:<c@example.test>\r\n", b"DATA\r\n", CONTENT + b".\r\n")

    assert replies[-1].startswith("554 5.5.0 Sent to some, so do not repeat it; ")
    assert "c@example.test: 451" in replies[-1]


def test_nobody_logs_in() -> None:
    """A login that fails is no verdict on the message's recipients, and no secret is told."""
    with hostile_server(Script(auth=("CRAM-MD5",))) as server:
        replies = talk(server, HELLO, MAIL, RCPT, b"DATA\r\n", CONTENT + b".\r\n", b"QUIT\r\n")
    assert codes(replies)[-2:] in ([250, 221], [554, 221])


def test_again_from_the_start(server: HostileServer) -> None:
    """EHLO twice and RSET forget the envelope; HELO will do."""
    replies = talk(
        server, HELLO + MAIL + RCPT + HELLO + b"DATA\r\n", MAIL + b"RSET\r\n" + RCPT, b"HELO me\r\n" + MAIL + MAIL,
        b"RCPT TO:<c@example.test>\r\nDATA\r\n" + CONTENT + b".\r\n",
    )  # fmt: skip

    assert codes(replies) == [220, 250, 250, 250, 250, 503, 250, 250, 503, 250, 250, 503, 250, 354, 250]
    assert b"RCPT TO:<bob@" not in server.heard
    assert len(server.contents) == 1


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"GRRR\r\n", 500),
        (b"\xff\xfe\r\n", 500),
        (b"NOOP" + b"x" * 70_000 + b"\r\n", 500),
        (b"AUTH PLAIN AGFubgB4\r\n", 502),
        (b"STARTTLS\r\n", 502),
        (b"BDAT 3 LAST\r\nabc", 503),
        (b"MAIL FROM:<ann@example.test> REQUIRETLS\r\n", 555),
        (b"MAIL FROM:<ann@example.test> RET=HDRS\r\n", 555),
        (b"MAIL FROM:<ann@example.test> BODY=BINARYMIME\r\n", 555),
        (MAIL + b"RCPT TO:<bob@example.test> NOTIFY=NEVER\r\n", 555),
        (MAIL + b"RCPT TO:<postmaster>\r\n", 501),
        (MAIL + b"RCPT TO:<bob>\r\n", 501),
        (MAIL + RCPT + b"DATA\r\nSubject: x\n.\n\r\n.\r\n", 554),
    ],
    ids=range(13),
)
def test_garbage(server: HostileServer, said: bytes, code: int) -> None:
    """Refused here; what would be forgotten on the way is not accepted. Nothing reaches the server."""
    replies = talk(server, HELLO, said, b"")

    assert codes(replies)[-1] == code
    assert server.connections == []


def test_the_end_of_input(server: HostileServer) -> None:
    """Half a message is none."""
    assert codes(talk(server, HELLO, MAIL, RCPT, b"DATA\r\n", CONTENT))[-1] == 354
    assert talk(server) == ["220 localhost ESMTP"] or codes(talk(server)) == [220]
    assert server.connections == []


def test_addresses_beyond_ascii(server: HostileServer) -> None:
    """SMTPUTF8 is offered, and asked of the server behind."""
    sender = "MAIL FROM:<jürgen@example.test> SMTPUTF8\r\n".encode()
    assert codes(talk(server, HELLO, sender, RCPT, b"DATA\r\n", CONTENT + b".\r\n"))[-1] == 250
    assert "<jürgen@example.test>".encode() in server.heard
