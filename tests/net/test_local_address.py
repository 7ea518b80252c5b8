"""Where connections come from."""

from __future__ import annotations

from typing import Any

import pytest

from mailward.errors import InputError
from mailward.net.local_address import LocalAddress, Source


def turn_of(value: Any, host: str = "mail.example") -> Any:
    address = LocalAddress.of(value)
    assert address is not None
    return address.next_for(host)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("192.0.2.7", Source("192.0.2.7", 4)),
        ("2001:DB8::7", Source("2001:db8::7", 6)),
        ("[2001:db8::7]", Source("2001:db8::7", 6)),
        ("fe80::1%eth0", Source("fe80::1%eth0", 6)),
        ("192.0.2.7:40000", Source("192.0.2.7", 4, range(40000, 40001))),
        ("192.0.2.7:40000-40002", Source("192.0.2.7", 4, range(40000, 40003))),
        ("[2001:db8::7]:40000-40002", Source("2001:db8::7", 6, range(40000, 40003))),
        ("0.0.0.0:1-65535", Source("0.0.0.0", 4, range(1, 65536))),  # noqa: S104
    ],
)
def test_what_an_address_means(text: str, source: Source) -> None:
    """An address alone, or with a port or a range of them."""
    assert Source.parse(text) == source


@pytest.mark.parametrize(
    "value",
    [
        "",
        "localhost",
        "192.0.2.1:0",
        "192.0.2.1:0-5",
        "192.0.2.1:9-5",
        "192.0.2.1:65536",
        "192.0.2.1:",
        "192.0.2.1:٢٥",
        "192.0.2.1%eth0",
        "[192.0.2.1]:5",
        "[::1",
        "[::1]x",
        "fe80::1%a/b",
        "192.0.2.1\r\n",
        [],
        ["192.0.2.1"] * 1025,
        ["192.0.2.1", 7],
        {"192.0.2.1"},
        7,
        b"192.0.2.1",
    ],
)
def test_what_is_no_address(value: Any) -> None:
    """It is refused before anything is opened, and the error says what would do."""
    with pytest.raises(InputError, match="local_address=") as caught:
        LocalAddress.of(value)

    assert caught.value.phase == "options"
    assert "192.0.2.7:40000-40999" in caught.value.advice


def test_the_family_of_the_peer_decides() -> None:
    """An IPv4 address never serves a peer with IPv6: there is none then."""
    turn = turn_of("192.0.2.7")

    assert turn.source(4) == Source("192.0.2.7", 4)
    assert turn.source(6) is None


def test_several_take_turns_each_in_its_family() -> None:
    """Each connection gets the next address of its family."""
    address = LocalAddress.of(["192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"])
    assert address is not None
    turns = [turn for _ in range(4) if (turn := address.next_for("mail.example"))]

    assert [turn.v4.ip for turn in turns if turn.v4] == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"]
    assert [turn.v6.ip for turn in turns if turn.v6] == ["2001:db8::1"] * 4


def test_ports_take_turns_and_none_is_left_out() -> None:
    """Each connection begins with the next port of the range, and may try all of them."""
    address = LocalAddress.of("192.0.2.1:7-9")
    assert address is not None
    tried = []
    for _ in range(4):
        turn = address.next_for("mail.example")
        assert turn is not None
        assert turn.v4 is not None
        tried.append(list(turn.ports(turn.v4)))

    assert tried == [[7, 8, 9], [8, 9, 7], [9, 7, 8], [7, 8, 9]]


def test_without_a_range_the_system_picks_the_port() -> None:
    """Which is port 0."""
    turn = turn_of("192.0.2.1")

    assert list(turn.ports(turn.v4)) == [0]


def test_a_function_chooses_for_each_host() -> None:
    """It is told the host, and None leaves it to the system."""
    chosen = {"a.example": "192.0.2.1", "b.example": "[2001:db8::1]:7-8"}

    assert turn_of(chosen.get, "a.example").source(4) == Source("192.0.2.1", 4)
    assert turn_of(chosen.get, "b.example").source(6) == Source("2001:db8::1", 6, range(7, 9))
    assert turn_of(chosen.get, "c.example") is None


def test_a_function_that_gives_no_address_is_told() -> None:
    """Nothing is connected then."""
    with pytest.raises(InputError, match="'nonsense' is not an address"):
        turn_of(lambda _: "nonsense")
    with pytest.raises(InputError, match="'int' is not an address"):
        turn_of(lambda _: 7)


def test_none_leaves_it_to_the_system_and_a_value_of_ours_stays() -> None:
    """So that options can be made of options."""
    address = LocalAddress.of("192.0.2.1")

    assert LocalAddress.of(None) is None
    assert LocalAddress.of(address) is address
