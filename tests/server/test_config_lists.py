"""Lists of addresses in a configuration, before any file is read."""

from __future__ import annotations

from typing import Any

import pytest

from mailward.server import config_lists
from mailward.server.config_sections import ListenerConfig

GOOD = ("192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "file:/etc/x.cidr", "dns:home.example.net")
PLACES = ("country:DE", "asn:64500")


def listener(**lists: Any) -> ListenerConfig:
    return ListenerConfig(address="127.0.0.1:465", tls="implicit", **lists)


def test_what_an_entry_may_be() -> None:
    """A network, an address, a file, a name; a country and a system where there is a database."""
    assert list(config_lists.faults_of("x", GOOD, geo=False)) == []
    assert list(config_lists.faults_of("x", GOOD + PLACES, geo=True)) == []


@pytest.mark.parametrize(
    "entry, told",
    [
        ("192.0.2.1/24", 'did you mean "192.0.2.0/24"?'),
        ("2001:db8::1/32", 'did you mean "2001:db8::/32"?'),
        ("::ffff:192.0.2.0/120", 'write "192.0.2.0/24"'),
        ("192.0.2.0/33", "is not a network"),
        ("home.example.net", "is not a network"),
        ("evil\x1b[2J", r"evil\x1b[2J"),
        ("dns:a b", "is not a host name"),
        ("asn:many", "is no autonomous system"),
        ("country:Germany", "is no country code"),
    ],
)
def test_what_it_may_not(entry: str, told: str) -> None:
    """Each is told at its place in the list, in words that can be shown."""
    ((key, message),) = config_lists.faults_of("blocked", ("::/0", entry), geo=True)

    assert key == ("blocked", 1)
    assert told in message
    assert "\x1b" not in message


@pytest.mark.parametrize("entry", PLACES)
def test_places_need_a_database(entry: str) -> None:
    """Without one nobody knows where an address is; a listener's are told beside the allowlist."""
    ((key, message),) = config_lists.faults_of("networks", (entry,), geo=False)
    assert (key, "allowlist.geo_database" in message) == (("networks", 0), True)

    ((key, message),) = config_lists.places_of(listener(allow=("::/0", entry)))
    assert (key, "allowlist.geo_database" in message) == (("allow", 1), True)
    assert list(config_lists.of_listener(listener(allow=("::/0", entry)))) == []


def test_nobody_could_log_in_at_a_listener() -> None:
    """An empty list of those who may is a mistake, an empty one of those who may not is none."""
    ((key, message),) = config_lists.of_listener(listener(allow=()))

    assert key == ("allow",)
    assert "nobody could log in here" in message
    assert list(config_lists.of_listener(listener(block=()))) == []


@pytest.mark.parametrize("key", ["proxy", "xclient"])
@pytest.mark.parametrize("entry", ["0.0.0.0/0", "::/0", "dns:proxy.test", "file:x", "192.0.2.1/24", "country:DE"])
def test_who_may_name_others_is_exact(key: str, entry: str) -> None:
    """Proxies are networks in CIDR notation, never everybody: who is one can say it were any other."""
    ((path, _),) = config_lists.of_listener(listener(**{key: ("192.0.2.1/32", entry)}))

    assert path == (key, 1)
