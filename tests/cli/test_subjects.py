"""Whom a command is about."""

from __future__ import annotations

import pytest

from mailward.cli.subjects import read, subject_of
from mailward.errors import InputError


@pytest.mark.parametrize(
    "text, kind, value",
    [
        ("192.0.2.7", "source", "192.0.2.7"),
        ("::ffff:192.0.2.7", "source", "192.0.2.7"),
        ("2001:db8::1", "source", "2001:db8::1"),
        ("ip:2001:db8::/64", "source", "2001:db8::"),
        ("Ann@Example.test", "account", "ann@example.test"),
        ("account:ann", "account", "ann"),
        ("0123456789aB", "session", "0123456789ab"),
        ("session:Xy_1", "session", "Xy_1"),
        ("account:0123456789ab", "account", "0123456789ab"),
        ("account:203.0.113.300", "account", "203.0.113.300"),
        ("1234", "account", "1234"),
    ],
)
def test_kinds(text: str, kind: str, value: str) -> None:
    """An address, an account or a session, each in its one spelling."""
    subject = read(text)

    assert subject.kind == kind
    assert value == str(subject.source or subject.account or subject.session)


@pytest.mark.parametrize("text", ["192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0", "ip:192.0.2.0/26"])
def test_networks_belong_in_the_blocklist(text: str) -> None:
    """A ban is of one address or one /64; the error says where a network goes."""
    with pytest.raises(InputError, match="is a network") as caught:
        subject_of(text)

    assert "allowlist.blocked" in caught.value.advice


@pytest.mark.parametrize(
    "text", ["ip:ann@example.test", "ip:", "a b", "\x1b[31m", "", "203.0.113.300", "192.0.2", "2001:db8:::7"]
)
def test_what_is_nobody(text: str) -> None:
    """Neither an address nor a name that an account could have."""
    with pytest.raises(InputError) as caught:
        read(text)

    assert "\x1b" not in caught.value.message


def test_a_session_is_not_banned() -> None:
    """An account of twelve hexadecimal digits is; a session is not."""
    assert subject_of("0123456789ab") == "account:0123456789ab"
    with pytest.raises(InputError, match="only addresses and accounts"):
        subject_of("session:0123456789ab")
