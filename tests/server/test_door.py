"""What a listener says of itself: prepared once, the same for every session."""

from __future__ import annotations

import pytest

from mailward.server.door import Door
from mailward.wire.keyword import Keywords


def door(tls: str) -> Door:
    return Door(
        name="127.0.0.1:587",
        tls=tls,
        hostname="mail.test",
        size=5000,
        recipients=7,
        mechanisms=("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"),
    )


@pytest.mark.parametrize("tls", ["implicit", "starttls", "insecure-plaintext"])
def test_auth_is_offered_inside_tls_only(tls: str) -> None:
    """No door offers AUTH in clear or to who has logged in; STARTTLS is offered in clear, where it is to be had."""
    plain, secured, logged_in = (
        Keywords.parse(reply) for reply in (door(tls).ehlo_plain, door(tls).ehlo_secured, door(tls).ehlo_logged_in)
    )

    assert plain.auth == logged_in.auth == ()
    assert secured.auth == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert [each.starttls for each in (plain, secured, logged_in)] == [tls == "starttls", False, False]


def test_limits_are_told() -> None:
    """SIZE and RCPTMAX are those of the configuration (RFC 1870, RFC 9422)."""
    keywords = Keywords.parse(door("implicit").ehlo_plain)

    assert keywords.size == 5000
    assert keywords.limits == {"RCPTMAX": 7}
    assert keywords.pipelining
    assert keywords.chunking
    assert not keywords.binarymime
    assert not keywords.dsn


def test_external_is_for_those_with_a_certificate() -> None:
    """EXTERNAL is offered to a client that has shown a certificate, and to no other."""
    assert "EXTERNAL" not in Keywords.parse(door("implicit").ehlo_secured).auth
    assert Keywords.parse(door("implicit").ehlo_certified).auth[0] == "EXTERNAL"
    assert door("implicit").mechanisms_for(certificate=True)[1:] == door("implicit").mechanisms_for(certificate=False)


def test_greeting() -> None:
    """The greeting is the host's name; each reply is built once."""
    one = door("implicit")

    assert str(one.greeting) == "220 mail.test ESMTP"
    assert one.greeting is one.greeting
    assert one.ehlo_secured is one.ehlo_secured
