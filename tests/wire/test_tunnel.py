"""Where a proxy may be asked to connect to, and what is never shown."""

from __future__ import annotations

import pytest

from mailward.errors import InputError
from mailward.secret import Secret
from mailward.wire.tunnel import Ask, Destination, Login


@pytest.mark.parametrize("host", ["mail.example", "mail_relay", "192.0.2.7", "2001:db8::7", "a" * 255, "xn--fa-hia.de"])
def test_destinations(host: str) -> None:
    """Names in ASCII and addresses."""
    assert Destination(host, 25).host == host


@pytest.mark.parametrize(
    "host",
    [
        "",
        "x\r\nY: z",
        "x\nY: z",
        "x y",
        "x\0",
        "x:25",
        "[::1]",
        "fe80::1%eth0",
        "ann@mail.example",
        "mail.example/",
        "mail.example.",
        "faß.de",
        "a" * 256,
    ],
)
def test_no_destination(host: str) -> None:
    """E05: what could begin another line, or another part of one, never reaches a proxy."""
    with pytest.raises(InputError):
        Destination(host, 25)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_no_port(port: int) -> None:
    """Ports are 1 to 65535."""
    with pytest.raises(InputError):
        Destination("mail.example", port)


def test_what_is_said_is_not_shown() -> None:
    """A password is in it."""
    assert "hunter2" not in f"{Ask(b'hunter2', 1)} {Login('ann', Secret('hunter2'))}"
