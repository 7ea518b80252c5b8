"""Where an LDAP server is. What is said to one is in test_ldap.py, to a real one."""

from __future__ import annotations

import socket
import threading

import pytest

from mailward.accounts.sources.extra import load
from mailward.accounts.sources.ldap_connection import Door, Target
from mailward.accounts.sources.source import OutOfOrder
from mailward.errors import InvalidConfig
from mailward.secret import Secret
from tests.support.account_sources import tells
from tests.support.tcp import tcp_server


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("ldaps://ldap.example.test", Target("ldaps", "ldap.example.test", 636, "")),
        ("ldap://[::1]:3389", Target("ldap", "::1", 3389, "")),
        ("ldapi://%2Frun%2Fldapi", Target("ldapi", "", 0, "/run/ldapi")),
        ("ldapi:///run/ldapi", Target("ldapi", "", 0, "/run/ldapi")),
    ],
)
def test_urls(url: str, target: Target) -> None:
    """The default ports are the protocol's; a socket is written in either form."""
    assert Target.parse(url) == target


@pytest.mark.parametrize(
    "url", ["ldap.example.test", "ldap://", "ldaps://[::1", "ldaps://h:x", "ldapi://", "ldap://a@h"]
)
def test_no_url(url: str) -> None:
    """What is no LDAP URL is told at the start."""
    with pytest.raises(InvalidConfig):
        Target.parse(url)


@pytest.mark.parametrize("says", [b"220 ready\r\n", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x02\x01\x01", b""])
@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
def test_a_server_that_speaks_something_else(says: bytes) -> None:
    """Garbage instead of an answer to a bind is an outage, and no password is in what is told."""

    def talk(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(says)

    with tcp_server(talk) as listening:
        door = Door(
            "s", load("ldap3", kind="ldap", extra="ldap"), Target("ldap", "127.0.0.1", listening.port, ""), None, 1.0
        )
        connection = door.open()
        with pytest.raises(OutOfOrder) as refused:
            connection.bind("cn=ann", Secret("hush hush"))

    assert not tells(refused.value, "hush hush")


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
def test_an_empty_password_never_leaves() -> None:
    """Nothing is written for one, and the answer is no: it would be an anonymous login (RFC 4513 §5.1.2)."""
    heard: list[bytes] = []
    closed = threading.Event()

    def talk(sock: socket.socket) -> None:
        heard.append(sock.recv(1000))
        closed.set()

    with tcp_server(talk) as listening:
        door = Door(
            "s", load("ldap3", kind="ldap", extra="ldap"), Target("ldap", "127.0.0.1", listening.port, ""), None, 1
        )
        connection = door.open()
        assert not connection.bind("cn=ann", Secret(""))
        assert not connection.bind("", Secret("hush"))
        connection._connection.socket.close()
        closed.wait(10)

    assert heard == [b""]
