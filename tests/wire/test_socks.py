"""SOCKS 4, 4a and 5, octet for octet, and row C21: what a proxy may answer and must not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import InputError, ProxyError
from mailward.secret import Secret
from mailward.wire.socks import socks4, socks5
from mailward.wire.tunnel import Destination, Exchange, Login

NAME = Destination("mail.example", 465)
V4 = Destination("192.0.2.7", 25)
V6 = Destination("2001:db8::7", 587)
ANN = Login("ann", Secret("pw"))
GRANTED4 = bytes.fromhex("005a 0000 00000000")
GRANTED5 = bytes.fromhex("05000001 00000000 0000")


def said(exchange: Exchange, answers: bytes) -> list[bytes]:
    """What is said, when the proxy's octets are `answers`, none of which may be left."""
    heard: list[bytes] = []
    ask = next(exchange)
    while True:
        heard.append(ask.say)
        assert len(answers) >= ask.need
        try:
            ask, answers = exchange.send(answers[: ask.need]), answers[ask.need :]
        except StopIteration:
            assert answers[ask.need :] == b""
            return [each for each in heard if each]


def test_socks_4() -> None:
    """An IPv4 address, and the user name that a proxy may ask for."""
    assert said(socks4(V4, None), GRANTED4) == [bytes.fromhex("0401 0019 c0000207 00")]
    assert said(socks4(V4, Login("ann")), GRANTED4) == [bytes.fromhex("0401 0019 c0000207") + b"ann\0"]


def test_socks_4a() -> None:
    """A name stands behind an impossible address, and the proxy looks it up."""
    assert said(socks4(NAME, None), GRANTED4) == [bytes.fromhex("0401 01d1 00000001 00") + b"mail.example\0"]


def test_socks_4_knows_no_ipv6_and_no_password() -> None:
    """Both are told before anything is said."""
    for destination, login in ((V6, None), (V4, ANN), (V4, Login("a\0b")), (V4, Login("a" * 256))):
        with pytest.raises(InputError):
            next(socks4(destination, login))


def test_socks_5() -> None:
    """Addresses of both families and names, without a login."""
    assert said(socks5(V4, None), b"\5\0" + GRANTED5) == [b"\5\1\0", bytes.fromhex("05010001 c0000207 0019")]
    assert said(socks5(V6, None), b"\5\0" + GRANTED5)[1] == bytes.fromhex("05010004") + bytes.fromhex(
        "20010db8000000000000000000000007 024b"
    )
    assert said(socks5(NAME, None), b"\5\0" + GRANTED5)[1] == b"\5\1\0\3\x0cmail.example\x01\xd1"


def test_socks_5_with_a_login() -> None:
    """Both ways are offered, the password is said only if the proxy chooses it (RFC 1929)."""
    assert said(socks5(V4, ANN), b"\5\2\1\0" + GRANTED5)[:2] == [b"\5\2\0\2", b"\1\3ann\2pw"]
    assert said(socks5(V4, ANN), b"\5\0" + GRANTED5)[:2] == [b"\5\2\0\2", bytes.fromhex("05010001 c0000207 0019")]
    assert said(socks5(V4, Login("ü", Secret("€"))), b"\5\2\1\0" + GRANTED5)[1] == b"\1\2\xc3\xbc\3\xe2\x82\xac"


@pytest.mark.parametrize("login", [Login("ann"), Login("", Secret("x")), Login("a" * 256, Secret("x"))])
def test_socks_5_takes_no_login_it_cannot_say(login: Login) -> None:
    """RFC 1929 knows 1 to 255 octets of each."""
    with pytest.raises(InputError, match="1 to 255"):
        next(socks5(V4, login))
    with pytest.raises(InputError, match="1 to 255"):
        next(socks5(V4, Login("ann", Secret("x" * 256))))


@pytest.mark.parametrize(
    "bound",
    [
        bytes.fromhex("01 00000000 0000"),
        bytes.fromhex("04") + bytes(16) + b"\0\0",
        b"\3\x0bproxy.local\0\0",
        b"\3\xff" + b"x" * 255 + b"\0\0",
        b"\3\0\0\0",
    ],
)
def test_the_address_in_the_reply_is_skipped_whole(bound: bytes) -> None:
    """Of any kind and length, so that not an octet of it is taken for the server's."""
    assert len(said(socks5(V4, None), b"\5\0" + b"\5\0\0" + bound)) == 2


REFUSED: list[tuple[Callable[[], Exchange], bytes, str, str, bool]] = [
    (lambda: socks5(V4, None), b"\5\xff", "it wants a login", "proxy", False),
    (lambda: socks5(V4, ANN), b"\5\xff", "it takes no login with a password", "proxy", False),
    (lambda: socks5(V4, ANN), b"\5\2\1\1", "it refused user and password", "proxy", False),
    (lambda: socks5(V4, None), b"\5\2", "a way to log in that we do not have", "proxy", False),
    (lambda: socks5(V4, ANN), b"\5\1", "a way to log in that we do not have", "proxy", False),
    (lambda: socks5(V4, ANN), b"\5\2\5\0", "no reply to a login", "proxy", False),
    (lambda: socks5(V4, None), b"\4\0", "no reply of SOCKS 5", "proxy", False),
    (lambda: socks5(V4, None), b"HT", "no reply of SOCKS 5", "proxy", False),
    (lambda: socks5(V4, None), b"\5\0\4\0\0\1\0", "no reply of SOCKS 5", "proxy", False),
    (lambda: socks5(V4, None), b"\5\0\5\0\0\2\0", "no known kind", "proxy", False),
    (lambda: socks5(V4, None), b"\5\0\5\1\0\1\0", "192.0.2.7 port 25: it failed", "connect", True),
    (lambda: socks5(V4, None), b"\5\0\5\2\0\1\0", "its rules do not allow it", "connect", False),
    (lambda: socks5(NAME, None), b"\5\0\5\4\0\1\0", "mail.example port 465: the host is unreachable", "connect", True),
    (lambda: socks5(V4, None), b"\5\0\5\5\0\1\0", "the connection was refused", "connect", True),
    (lambda: socks5(V4, None), b"\5\0\5\x63\0\1\0", "reply 99", "connect", False),
    (lambda: socks4(V4, None), b"\0\x5b" + bytes(6), "it was refused, or failed", "connect", True),
    (lambda: socks4(V4, None), b"\0\x5c" + bytes(6), "no identd", "proxy", False),
    (lambda: socks4(V4, None), b"\0\x5d" + bytes(6), "names another user", "proxy", False),
    (lambda: socks4(V4, None), b"\5\x5a" + bytes(6), "no reply of SOCKS 4", "proxy", False),
    (lambda: socks4(V4, None), b"HTTP/1.1", "no reply of SOCKS 4", "proxy", False),
]


@pytest.mark.parametrize(("exchange", "answers", "told", "phase", "retryable"), REFUSED)
def test_refusals(exchange: Callable[[], Exchange], answers: bytes, told: str, phase: str, retryable: bool) -> None:
    """Each tells why, whether the proxy or the server is the reason, and whether it may help to try again."""
    with pytest.raises(ProxyError, match=told) as caught:
        said(exchange(), answers)

    assert (caught.value.phase, caught.value.retryable) == (phase, retryable)
    assert "pw" not in str(caught.value)


@given(st.sampled_from([socks4, socks5]), st.sampled_from([NAME, V4]), st.binary(min_size=600, max_size=600))
def test_any_answer_ends(way: Callable[[Destination, Login | None], Exchange], to: Destination, answers: bytes) -> None:
    """Whatever a proxy says, at most 600 octets are heard, and the way is open or it is an error of ours."""
    exchange = way(to, Login("ann", Secret("pw")) if way is socks5 else None)
    heard = 0
    try:
        ask = next(exchange)
        while True:
            assert 0 < ask.need <= 257
            answer = answers[heard : heard + ask.need]
            heard += ask.need
            ask = exchange.send(answer)
    except StopIteration:
        assert heard <= 600
    except ProxyError as error:
        assert str(error).isprintable()
