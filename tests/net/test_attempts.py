"""Every address that was tried is told with its reason."""

from __future__ import annotations

import errno
import socket

from mailward.errors import ConnectError, DeadlineExceeded
from mailward.net.attempts import Attempts


def test_each_failure_is_named() -> None:
    """The error has host, port, each address and the kernel's words."""
    attempts = Attempts("mail.example", 465)
    attempts.failed("2001:db8::1", OSError(errno.ENETUNREACH, "x"))
    attempts.failed("192.0.2.1", TimeoutError())
    attempts.failed("192.0.2.2", ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"))
    error = attempts.error()

    assert type(error) is ConnectError
    assert str(error) == (
        "cannot connect to mail.example port 465: 2001:db8::1: Network is unreachable; "
        "192.0.2.1: no answer in time; 192.0.2.2: Connection refused"
    )
    assert error.phase == "connect"


def test_time_that_ran_out_on_the_last_address_is_a_deadline() -> None:
    """Then nothing but time was missing."""
    attempts = Attempts("mail.example", 465)
    attempts.failed("192.0.2.1", TimeoutError())

    assert isinstance(attempts.error(), DeadlineExceeded)
    assert "192.0.2.1: no answer in time" in str(attempts.error())


def test_the_kernels_own_timeout_is_an_answer() -> None:
    """ETIMEDOUT comes from TCP, not from our deadline."""
    attempts = Attempts("mail.example", 465)
    attempts.failed("192.0.2.1", TimeoutError(errno.ETIMEDOUT, "x"))

    assert type(attempts.error()) is ConnectError


def test_a_resolvers_error_keeps_its_words() -> None:
    """Numbers below zero are not the kernel's."""
    attempts = Attempts("mail.example", 465)
    attempts.failed("192.0.2.1", socket.gaierror(-9, "Address family for hostname not supported"))

    assert "Address family for hostname not supported" in str(attempts.error())


def test_no_address_at_all() -> None:
    """A name without an address is told too."""
    assert "has no address" in str(Attempts("mail.example", 25).error())


def test_time_is_shared_among_those_who_wait() -> None:
    """One address that never answers leaves the others their part."""
    assert Attempts.share(9.0, 3) == 3.0
    assert Attempts.share(None, 3) is None
    assert Attempts.share(-1.0, 3) == 0.0


def test_hostile_names_are_escaped() -> None:
    """A host name reaches the error escaped."""
    assert "\x1b" not in str(Attempts("a\x1b[2J", 25).error())
