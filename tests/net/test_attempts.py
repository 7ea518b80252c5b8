"""Every address that was tried is told with its reason."""

from __future__ import annotations

import errno
import socket

from mailward.errors import ConnectError, DeadlineExceeded, DnsError
from mailward.net.attempts import Attempts

MAIL = ("mail.example", 465)


def test_each_failure_is_named() -> None:
    """The error has host, port, each address and the kernel's words."""
    attempts = Attempts([MAIL])
    attempts.failed(0, "2001:db8::1", OSError(errno.ENETUNREACH, "x"))
    attempts.failed(0, "192.0.2.1", TimeoutError())
    attempts.failed(0, "192.0.2.2", ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"))
    error = attempts.error()

    assert type(error) is ConnectError
    assert str(error) == (
        "cannot connect to mail.example port 465: 2001:db8::1: Network is unreachable; "
        "192.0.2.1: no answer in time; 192.0.2.2: Connection refused"
    )
    assert error.phase == "connect"


def test_each_place_of_a_race_is_named() -> None:
    """What happened at each port, and that one was not tried at all."""
    attempts = Attempts([MAIL, ("mail.example", 587), ("mail.example", 25)])
    attempts.failed(0, "192.0.2.1", OSError(errno.ECONNREFUSED, "x"))
    attempts.failed(1, "192.0.2.1", "local_address= has no IPv4 address")

    assert str(attempts.error()) == (
        "cannot connect to mail.example port 465: 192.0.2.1: Connection refused; "
        "mail.example port 587: 192.0.2.1: local_address= has no IPv4 address; mail.example port 25: not tried"
    )


def test_names_that_do_not_resolve() -> None:
    """They are the error where no other place is left, and a part of it else."""
    unknown = DnsError("other.example does not resolve: no such name")
    alone, both = Attempts([MAIL]), Attempts([MAIL, ("other.example", 25)])
    alone.unresolved(0, unknown)
    both.failed(0, "192.0.2.1", OSError(errno.ECONNREFUSED, "x"))
    both.unresolved(1, unknown)

    assert alone.error() is unknown
    assert str(both.error()).endswith("other.example port 25: other.example does not resolve: no such name")


def test_time_that_ran_out_is_a_deadline() -> None:
    """Then nothing but time was missing."""
    attempts = Attempts([MAIL])
    attempts.failed(0, "192.0.2.1", TimeoutError())

    assert isinstance(attempts.too_late(), DeadlineExceeded)
    assert "192.0.2.1: no answer in time" in str(attempts.too_late())


def test_a_resolvers_error_keeps_its_words() -> None:
    """Numbers below zero are not the kernel's."""
    attempts = Attempts([MAIL])
    attempts.failed(0, "192.0.2.1", socket.gaierror(-9, "Address family for hostname not supported"))

    assert "Address family for hostname not supported" in str(attempts.error())


def test_what_is_told_is_bounded() -> None:
    """A host with a hundred addresses makes no endless message."""
    attempts = Attempts([MAIL])
    for number in range(100):
        attempts.failed(0, f"192.0.2.{number}", OSError(errno.ECONNREFUSED, "x"))

    assert str(attempts.error()).endswith("; and 84 more")


def test_hostile_names_are_escaped() -> None:
    """A host name reaches the error escaped."""
    assert "\x1b" not in str(Attempts([("a\x1b[2J", 25)]).error())
