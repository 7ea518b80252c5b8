"""Reading an autoconfig file, and refusing what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.client.autoconfig import ConfiguredServer, parse_autoconfig
from mailward.client.tls_mode import TlsMode
from mailward.errors import InvalidMessage

FILE = b"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="example.test"><domain>example.test</domain>
  <incomingServer type="imap"><hostname>imap.example.test</hostname><port>993</port></incomingServer>
  <outgoingServer type="smtp"><hostname>plain.example.test</hostname><port>25</port>
    <socketType>plain</socketType></outgoingServer>
  <outgoingServer type="smtp"><hostname>smtp.%EMAILDOMAIN%</hostname><port>465</port>
    <socketType>SSL</socketType><authentication>OAuth2</authentication>
    <authentication>password-cleartext</authentication><username>%EMAILLOCALPART%</username></outgoingServer>
  <outgoingServer type="smtp"><hostname>smtp.example.test</hostname><port>587</port>
    <socketType>STARTTLS</socketType></outgoingServer>
</emailProvider></clientConfig>"""


def test_the_servers_with_tls() -> None:
    """In order, with the placeholders filled in; one without TLS is nobody's offer."""
    assert parse_autoconfig(FILE, address="ann@example.test", domain="example.test") == (
        ConfiguredServer("smtp.example.test", 465, TlsMode.IMPLICIT, "ann", oauth2=True),
        ConfiguredServer("smtp.example.test", 587, TlsMode.STARTTLS, "ann@example.test", oauth2=False),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"\0",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b"<!doctype html><html></html>",
        FILE + b" " * 65536,
    ],
    ids=["empty", "html", "nul", "entity", "doctype", "long"],
)
def test_what_is_no_file(data: bytes) -> None:
    """Entities are refused before they are parsed, and so is what is too long."""
    with pytest.raises(InvalidMessage, match="autoconfig"):
        parse_autoconfig(data, address="ann@example.test", domain="example.test")


@pytest.mark.parametrize(
    "port", [b"0", b"65536", b"4_65", b"", b"9" * 50, b"0004659999", "\u0664\u0666\u0665".encode()]
)
def test_odd_ports_are_left_out(port: bytes) -> None:
    """No server without a port that can be."""
    data = FILE.replace(b"<port>465</port>", b"<port>" + port + b"</port>")
    assert len(parse_autoconfig(data, address="a@b.example", domain="b.example")) == 1


@given(st.binary(max_size=200) | st.text("<>/ outgServp=\"'&;!-", max_size=200).map(str.encode))
def test_any_octets(data: bytes) -> None:
    """A file, or InvalidMessage."""
    try:
        parse_autoconfig(data, address="a@b.example", domain="b.example")
    except InvalidMessage:
        return
