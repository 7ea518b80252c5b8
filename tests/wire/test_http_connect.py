"""CONNECT, octet for octet, and row C21: what a proxy may answer and must not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, ProxyError
from mailward.secret import Secret
from mailward.wire.http_connect import MOST, http_connect
from mailward.wire.tunnel import Destination, Login

NAME = Destination("mail.example", 465)
ANN = Login("ann", Secret("pw"))
OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


def ask(answer: bytes, *, destination: Destination = NAME, login: Login | None = None) -> tuple[bytes, bytes]:
    """What is said, and what of `answer` was not heard."""
    exchange = http_connect(destination, login)
    step = next(exchange)
    said = step.say
    while True:
        assert step.need == 1
        assert answer, "it wants to hear more than there is"
        octet, answer = answer[:1], answer[1:]
        try:
            step = exchange.send(octet)
        except StopIteration:
            return said, answer
        assert step.say == b""


def test_the_request() -> None:
    """Host and port stand twice, an IPv6 address in brackets."""
    assert ask(OK)[0] == b"CONNECT mail.example:465 HTTP/1.1\r\nHost: mail.example:465\r\n\r\n"
    assert ask(OK, destination=Destination("2001:db8::7", 25))[0] == (
        b"CONNECT [2001:db8::7]:25 HTTP/1.1\r\nHost: [2001:db8::7]:25\r\n\r\n"
    )


def test_basic_authentication() -> None:
    """User and password in UTF-8, said at once, since the proxy would ask for them (RFC 7617)."""
    said, _ = ask(OK, login=Login("ann", Secret("p:w €")))
    credentials = said.partition(b"Proxy-Authorization: Basic ")[2].partition(b"\r\n")[0]

    assert base64.b64decode(credentials).decode() == "ann:p:w €"
    with pytest.raises(InputError, match="colon"):
        ask(OK, login=Login("a:b", Secret("x")))


@pytest.mark.parametrize(
    "head",
    [
        OK,
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 \r\n\r\n",
        b"HTTP/1.1 299 x\xff\r\nVia: 1.1 p\r\nX-Empty:\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 x\r\nA: b\r\n\r\n" + OK,
    ],
)
def test_the_way_is_open(head: bytes) -> None:
    """After any 2yz, whose length fields mean nothing; what follows the head is left where it is."""
    assert ask(head + b"220 mail.example ESMTP\r\n")[1] == b"220 mail.example ESMTP\r\n"


REFUSED = [
    (b"HTTP/1.1 403 Forbidden\r\n\r\n", "mail.example port 465: 403 Forbidden", "connect", False),
    (b"HTTP/1.1 403 \x1b[2J\r\n\r\n", r"403 \\x1b\[2J", "connect", False),
    (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway", "connect", True),
    (b"HTTP/1.1 504\r\n\r\n", "504", "connect", True),
    (b"HTTP/1.1 301 x\r\nLocation: http://x/\r\n\r\n", "301", "connect", False),
    (b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", "wants user and password", "proxy", False),
    (b"HTTP/1.1 407 x\r\n\r\n", "wants user and password", "proxy", False),
    (
        b"HTTP/1.1 407 x\r\nproxy-authenticate:NTLM\r\nProxy-Authenticate: Digest x\r\n\r\n",
        "Digest or Ntlm",
        "proxy",
        False,
    ),
    (b"HTTP/2 200 OK\r\n\r\n", "no reply of HTTP", "proxy", False),
    (b"HTTP/1.1 2000\r\n\r\n", "no reply of HTTP", "proxy", False),
    (b"HTTP/1.1 20\r\n\r\n", "no reply of HTTP", "proxy", False),
    (b"HTTP/1.1  200 OK\r\n\r\n", "no reply of HTTP", "proxy", False),
    (b"220 mail.example ESMTP\r\n\r\n", "no reply of HTTP", "proxy", False),
    (b"\r\n\r\n", "no reply of HTTP", "proxy", False),
    (b"HTTP/1.1 200 OK\nX: y\r\n\r\n", "no reply of HTTP", "proxy", False),
    (b"HTTP/1.1 200 OK\r\nX y\r\n\r\n", "a line that is no field", "proxy", False),
    (b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", "a line that is no field", "proxy", False),
    (b"HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n", "a line that is no field", "proxy", False),
    (b"HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n", "a line that is no field", "proxy", False),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MOST, "longer than 16384", "proxy", False),
    (b"HTTP/1.1 200 " + b"x" * MOST, "longer than 16384", "proxy", False),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, "100 Continue", "connect", False),
]


@pytest.mark.parametrize(("answer", "told", "phase", "retryable"), REFUSED)
def test_refusals(answer: bytes, told: str, phase: str, retryable: bool) -> None:
    """C21: each tells why, and whether the proxy or the server is the reason."""
    with pytest.raises(ProxyError, match=told) as caught:
        ask(answer)

    assert (caught.value.phase, caught.value.retryable) == (phase, retryable)
    assert str(caught.value).isprintable()


def test_a_wrong_password_is_said_once() -> None:
    """C21, 407 loop: the proxy gets no second try out of us, and the password is not in the error."""
    with pytest.raises(ProxyError, match="refused user and password") as caught:
        ask(b"HTTP/1.1 407 no\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", login=ANN)

    assert "pw" not in str(caught.value)


@given(st.binary(max_size=300), st.booleans())
def test_any_answer_ends(answer: bytes, begun: bool) -> None:
    """Whatever a proxy says, the way is open, it is an error of ours, or more must come."""
    exchange = http_connect(NAME, None)
    step = next(exchange)
    try:
        for octet in (b"HTTP/1.1 " if begun else b"") + answer:
            assert step.need == 1
            step = exchange.send(bytes((octet,)))
    except StopIteration:
        assert begun or answer.startswith(b"HTTP/1.")
    except ProxyError as error:
        assert str(error).isprintable()
