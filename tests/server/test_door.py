"""What a listener says of itself: prepared once, the same for every session."""

from __future__ import annotations

import pytest

from mailward.server.door import Door
from mailward.wire.keyword import Keywords


def door(tls: str, *, binding: bool = True) -> Door:
    return Door(name="127.0.0.1:587", tls=tls, hostname="mail.test", size=5000, recipients=7, binding=binding)


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


def test_no_plus_without_a_binding() -> None:
    """A certificate that gives no channel binding offers no -PLUS mechanism."""
    assert Keywords.parse(door("implicit", binding=False).ehlo_secured).auth == ("SCRAM-SHA-256", "PLAIN", "LOGIN")


def test_greeting() -> None:
    """The greeting is the host's name; each reply is built once."""
    one = door("implicit")

    assert str(one.greeting) == "220 mail.test ESMTP"
    assert one.greeting is one.greeting
    assert one.ehlo_secured is one.ehlo_secured
