"""XCLIENT: who a proxy says its client is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.errors import BadCommand, InputError
from mailward.wire.command import XClient, parse_command
from mailward.wire.xclient import xclient_of


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


def test_what_a_client_says() -> None:
    """Names in upper case, IPv6 with its tag, what is not known as Postfix writes it, values as xtext."""
    said = {"addr": "2001:db8::7", "PORT": "4711", "HELO": "a+b c", "NAME": None, "DESTADDR": "192.0.2.1"}

    assert xclient_of(said).encode() == (
        b"XCLIENT ADDR=IPV6:2001:db8::7 PORT=4711 HELO=a+2Bb+20c NAME=[UNAVAILABLE] DESTADDR=192.0.2.1\r\n"
    )
    assert xclient_of({"ADDR": "ipv6:::1"}).address == "::1"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"ADDR": "192.0.2"},
        {"ADDR": "fe80::1%eth0"},
        {"PORT": "65536"},
        {"PORT": 25},
        {"PROTO": "LMTP"},
        {"HELO": ""},
        {"HELO": "x" * 256},
        {"HELO": "x\r\nMAIL FROM:<e>"},
        {"HELO": "ü.example"},
        {"HELO": "a", "helo": "b"},
        {"SESSION": "x"},
        {7: "x"},
        {"NAME": "x" * 255, "HELO": "y" * 255},
    ],
)
def test_what_no_client_says(said: dict[Any, Any]) -> None:
    """It is refused before anything is opened, and the error lists what there is."""
    with pytest.raises(InputError, match="xclient=") as caught:
        xclient_of(said)

    assert "DESTADDR" in caught.value.advice
    assert str(caught.value).isprintable()


@given(attributes)
def test_what_a_client_says_is_read_by_a_server(said: dict[str, str | None]) -> None:
    """Unless it is longer than a line, or no value."""
    try:
        command = xclient_of(said)
    except InputError:
        return
    read = parse_command(command.encode().removesuffix(b"\r\n"))
    assert read == command
