"""What is said of another client: the PROXY header as each connection's first octets, and XCLIENT after EHLO."""

from __future__ import annotations

from typing import Any

import pytest

from mailward import INSECURE_PLAINTEXT, ConnectError, InputError, ServiceUnavailable
from mailward.client.introduction import Introduction, xclient_command
from mailward.wire.proxy import Endpoint, read_proxy_header
from tests.support.hostile import KEYWORDS, Connection, HangUp, Script, hostile_server
from tests.support.sending import Face, both_faces, url_of

OFFER = (*KEYWORDS, "XCLIENT NAME ADDR PORT PROTO HELO")


@pytest.mark.parametrize(
    "value", ["v1", "v2", ("v1", "192.0.2.7:40000", "192.0.2.25:25"), ("v2", "[::1]:0", "[::2]:9")]
)
def test_what_a_header_may_be(value: Any) -> None:
    """A version alone, or with both ends."""
    introduction = Introduction.of(value)

    assert introduction is not None
    assert Introduction.of(introduction) is introduction


@pytest.mark.parametrize(
    "value",
    [
        "v3",
        "",
        "1",
        2,
        (),
        ("v2",),
        ("v3", "192.0.2.7:1", "192.0.2.25:25"),
        ("v2", "192.0.2.7", "192.0.2.25:25"),
        ("v2", "192.0.2.7:65536", "192.0.2.25:25"),
        ("v2", "192.0.2.7:-1", "192.0.2.25:25"),
        ("v2", "192.0.2.7:", "192.0.2.25:25"),
        ("v2", "::1:25", "[::1]:25"),
        ("v2", "[192.0.2.7]:1", "192.0.2.25:25"),
        ("v2", "[fe80::1%eth0]:1", "[::1]:25"),
        ("v2", "localhost:1", "192.0.2.25:25"),
        ("v2", "192.0.2.7:1", "[::1]:25"),
        ("v1", "192.0.2.7:1\r\n", "192.0.2.25:25"),
        ("v1", 7, 8),
    ],
)
def test_what_is_no_header(value: Any) -> None:
    """It is told before anything is opened."""
    with pytest.raises(InputError):
        Introduction.of(value)


@pytest.mark.parametrize("value", ["ADDR=192.0.2.7", ["ADDR"], {}, {"ADDR": "x"}])
def test_what_is_no_xclient(value: Any) -> None:
    """So is this."""
    with pytest.raises(InputError, match="xclient="):
        xclient_command(value)


def behind_proxy(connection: Connection) -> bytes:
    """A server that reads a PROXY header before it greets."""
    data = b""
    while (header := read_proxy_header(data)) is None:
        connection._hear()
        data, connection._buffer = data + connection._buffer, b""
    headers.append((header.client, header.server, connection.socket.getpeername()[1]))
    connection._buffer = data[header.size :]
    return b"220 behind\r\n"


headers: list[tuple[Endpoint | None, Endpoint | None, int]] = []


@both_faces
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_header_tells_our_own_ends(face: Face, version: str) -> None:
    """With nothing else said, before the greeting and before TLS."""
    headers.clear()
    with hostile_server(Script(tls="starttls", says={"": behind_proxy})) as server:
        face.send(url_of(server), proxy_header=version)
    ((client, end, port),) = headers

    assert client == Endpoint("127.0.0.1", port)
    assert end == Endpoint("127.0.0.1", server.port)


@both_faces
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_header_tells_whose(face: Face, version: str) -> None:
    """The ends that were given."""
    headers.clear()
    with hostile_server(Script(tls="starttls", says={"": behind_proxy})) as server:
        face.send(url_of(server), proxy_header=(version, "[2001:db8::7]:40000", "[2001:db8::25]:25"))

    assert headers[0][:2] == (Endpoint("2001:db8::7", 40000), Endpoint("2001:db8::25", 25))


def xclient(connection: Connection) -> bytes:
    said.append(connection.line)
    return b"220 hello again\r\n"


said: list[bytes] = []


@both_faces
def test_xclient(face: Face) -> None:
    """After EHLO inside TLS; another EHLO follows its 220, and the login comes after that."""
    said.clear()
    script = Script(tls="starttls", keywords=OFFER, keywords_in_clear=("STARTTLS",), says={"XCLIENT": xclient})
    with hostile_server(script) as server:
        face.send(url_of(server), xclient={"ADDR": "192.0.2.7", "HELO": "client.example"})

    assert server.verbs[:5] == ["EHLO", "STARTTLS", "EHLO", "XCLIENT", "EHLO"]
    assert said == [b"XCLIENT ADDR=192.0.2.7 HELO=client.example"]


@both_faces
@pytest.mark.parametrize("keywords", [KEYWORDS, (*KEYWORDS, "XCLIENT NAME HELO")])
def test_a_server_that_does_not_take_it(face: Face, keywords: tuple[str, ...]) -> None:
    """What was to be said cannot be said: no message is sent under another name."""
    with hostile_server(Script(keywords=keywords)) as server, pytest.raises(ConnectError, match="XCLIENT") as caught:
        face.send(url_of(server), xclient={"ADDR": "192.0.2.7"}, tls=INSECURE_PLAINTEXT)

    assert (caught.value.phase, caught.value.retryable) == ("xclient", False)
    assert set(server.verbs) <= {"EHLO", "QUIT"}


@both_faces
@pytest.mark.parametrize(
    ("reply", "kind"), [(b"550 5.7.0 no\r\n", ServiceUnavailable), (b"421 4.3.2 bye\r\n", ServiceUnavailable)]
)
def test_a_server_that_refuses_it(face: Face, reply: bytes, kind: type[Exception]) -> None:
    """The session ends with what it said."""
    script = Script(keywords=OFFER, says={"XCLIENT": reply})
    with hostile_server(script) as server, pytest.raises(kind, match=reply[:3].decode()):
        face.send(url_of(server), xclient={"ADDR": "192.0.2.7"}, tls=INSECURE_PLAINTEXT)

    assert "MAIL" not in server.verbs


def never(_connection: Connection) -> bytes:
    raise HangUp


@both_faces
def test_a_header_for_nobody(face: Face) -> None:
    """A server that hangs up on it is a lost connection, as always."""
    with hostile_server(Script(says={"": never})) as server, pytest.raises(OSError, match="connection"):
        face.send(url_of(server), proxy_header="v2", tls=INSECURE_PLAINTEXT)
