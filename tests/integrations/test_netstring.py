from __future__ import annotations

import time

import pytest

from mailward.errors import ProtocolError
from mailward.integrations.netstring import LONGEST, NetstringReader, netstring


def test_netstrings_come_in_any_pieces() -> None:
    """However the octets arrive, the strings are the same."""
    data = netstring(b"bans 192.0.2.7") + netstring(b"") + netstring(b"x" * LONGEST) + b"5:ab"
    reader = NetstringReader()

    found = [each for octet in data for each in reader.feed(bytes([octet]))]

    assert found == [b"bans 192.0.2.7", b"", b"x" * LONGEST]
    assert list(NetstringReader().feed(data)) == found


@pytest.mark.parametrize(
    "data", [b"x", b":,", b"-1:", b"3:abcd", b"01:a,", b"4097:", b"99999", b"1:a;", "١:".encode(), b" 1:a,", b"EHLO x"]
)
def test_what_is_none(data: bytes) -> None:
    """Broken ones and those that are too long are refused before they are all there."""
    with pytest.raises(ProtocolError):
        list(NetstringReader().feed(data))


def test_a_flood_of_short_ones_takes_linear_time() -> None:
    """A piece as large as the loop reads them, cut into the shortest strings there are, is one piece of work."""
    few, many = netstring(b"x") * 8_000, netstring(b"x") * 64_000

    def cost(data: bytes) -> float:
        began = time.process_time()
        assert sum(1 for _ in NetstringReader().feed(data)) == len(data) // 4
        return time.process_time() - began

    assert min(cost(many) for _ in range(3)) < 20 * min(cost(few) for _ in range(3))
