"""XCLIENT: who a proxy says its client is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import BadCommand
from mailward.wire.command import XClient, parse_command


@pytest.mark.parametrize(
    "line,address",
    [
        (b"XCLIENT ADDR=192.0.2.7", "192.0.2.7"),
        (b"xclient addr=ipv6:2001:db8::7 name=[unavailable]", "2001:db8::7"),
        (b"XCLIENT ADDR=IPV6:::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        (b"XCLIENT ADDR=2001:db8::7 PORT=65535 PROTO=ESMTP HELO=a+2Bb LOGIN=ann@example.test", "2001:db8::7"),
        (b"XCLIENT ADDR=[UNAVAILABLE]", None),
        (b"XCLIENT ADDR=[TEMPUNAVAIL]", None),
        (b"XCLIENT HELO=mx.example.test", None),
    ],
)
def test_address(line: bytes, address: str | None) -> None:
    """The address without its tag; None where the proxy does not know it."""
    command = parse_command(line)

    assert isinstance(command, XClient)
    assert command.address == address


def test_values_are_decoded() -> None:
    """Values come as xtext, and an attribute that was not said is None."""
    command = parse_command(b"XCLIENT HELO=a+2Bb NAME=host.example.test")

    assert isinstance(command, XClient)
    assert (command.value("HELO"), command.value("NAME"), command.value("ADDR")) == ("a+b", "host.example.test", None)


@pytest.mark.parametrize(
    "line",
    [
        b"XCLIENT",
        b"XCLIENT ",
        b"XCLIENT ADDR",
        b"XCLIENT ADDR=",
        b"XCLIENT ADDR=192.0.2",
        b"XCLIENT ADDR=IPV6:192.0.2.7",
        b"XCLIENT ADDR=fe80::1%25eth0",
        b"XCLIENT ADDR=fe80::1+25eth0",
        b"XCLIENT ADDR=192.0.2.7 ADDR=192.0.2.8",
        b"XCLIENT ADDR=192.0.2.7  NAME=x",
        b"XCLIENT PORT=65536",
        b"XCLIENT PORT=-1",
        b"XCLIENT PROTO=LMTP",
        b"XCLIENT HELO=a+0D+0Ab",
        b"XCLIENT HELO=a+0",
        b"XCLIENT HELO=" + b"x" * 256,
        b"XCLIENT SESSION=1",
        b"XCLIENT DESTADDR=192.0.2.7",
    ],
)
def test_malformed(line: bytes) -> None:
    """What is unknown, wrong or said twice is refused whole: half an identity is worse than none."""
    with pytest.raises(BadCommand) as caught:
        parse_command(line)

    assert caught.value.code == 501


def test_xforward_is_refused() -> None:
    """S63: nobody may write somebody else's word into our log."""
    with pytest.raises(BadCommand) as caught:
        parse_command(b"XFORWARD ADDR=127.0.0.1")

    assert caught.value.code == 550


texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "ADDR": st.none() | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map("IPV6:{}".format),
        "PORT": st.none() | st.integers(0, 65535).map(str),
        "NAME": st.none() | texts,
        "HELO": st.none() | texts,
        "PROTO": st.none() | st.sampled_from(["SMTP", "ESMTP"]),
        "LOGIN": st.none() | texts,
    },
).filter(bool)


@given(attributes)
def test_what_is_written_is_read(said: dict[str, str | None]) -> None:
    """A command reads back as itself."""
    command = XClient(tuple(said.items()))

    assert parse_command(command.encode().removesuffix(b"\r\n")) == command
