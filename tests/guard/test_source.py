"""Which source a login comes from (rows S60-S62 of the bad inputs)."""

from __future__ import annotations

import pytest

from mailward.errors import InputError
from mailward.guard.source import canonical_source, looks_like_address, networks, ring


@pytest.mark.parametrize(
    "text,source,counted",
    [
        ("192.0.2.7", "192.0.2.7", "ip:192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "ip:192.0.2.7"),
        ("::ffff:c000:0207", "192.0.2.7", "ip:192.0.2.7"),
        ("::FFFF:127.0.0.1", "127.0.0.1", "ip:127.0.0.1"),
        ("2001:0DB8:0:0:1:2:3:4", "2001:db8::1:2:3:4", "ip:2001:db8::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1:ffff:ffff:ffff:ffff", "ip:2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::1", "ip:fe80::/64"),
        ("::1", "::1", "ip:::/64"),
        # Anyone can write any IPv4 address into these, so none of them is one.
        ("64:ff9b::7f00:1", "64:ff9b::7f00:1", "ip:64:ff9b::/64"),
        ("2002:7f00:1::", "2002:7f00:1::", "ip:2002:7f00:1::/64"),
        ("::127.0.0.1", "::7f00:1", "ip:::/64"),
    ],
)
def test_one_form_for_each_source(text: str, source: str, counted: str) -> None:
    """Every spelling of an address is one source, and one ring."""
    assert str(canonical_source(text)) == source
    assert ring(canonical_source(text)) == counted


@pytest.mark.parametrize(
    "text", ["", "localhost", "192.0.2", "192.0.2.07", "192.0.2.7 ", "::ffff:192.0.2.777", "1" * 999]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """A source that cannot be read is an error, never a source nobody counts."""
    with pytest.raises(InputError, match="is not an IP address"):
        canonical_source(text)


@pytest.mark.parametrize(
    "text,around",
    [
        ("192.0.2.200", ("ip:192.0.2.192/26", "ip:192.0.0.0/21")),
        ("10.0.0.0", ("ip:10.0.0.0/26", "ip:10.0.0.0/21")),
        ("255.255.255.255", ("ip:255.255.255.192/26", "ip:255.255.248.0/21")),
        ("2001:db8:1:2:3::4", ("ip:2001:db8:1::/48", "ip:2001:db8::/32")),
    ],
)
def test_the_rings_around_a_source(text: str, around: tuple[str, str]) -> None:
    """Two networks, in the form that `ipaddress` writes."""
    assert networks(canonical_source(text)) == around


@pytest.mark.parametrize(
    "text, looks",
    [
        ("203.0.113.300", True),
        ("203.0.113.0/24", True),
        ("2001:db8:::7", True),
        ("ann@example.test", False),
        ("ann.miller", False),
        ("1234", False),
        ("", False),
    ],
)
def test_a_slip_of_the_finger_is_no_account(text: str, looks: bool) -> None:
    """What was meant as an address is told from the name of an account."""
    assert looks_like_address(text) is looks
