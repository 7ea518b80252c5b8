from __future__ import annotations

from pathlib import Path

import pytest

from mailward.errors import InvalidConfig
from mailward.integrations.address import DoorAddress


@pytest.mark.parametrize(
    "text, address",
    [
        ("unix:/run/mailward/auth", DoorAddress(path=Path("/run/mailward/auth"))),
        ("127.0.0.1:7000", DoorAddress(host="127.0.0.1", port=7000)),
        ("[::1]:7000", DoorAddress(host="::1", port=7000)),
    ],
)
def test_addresses(text: str, address: DoorAddress) -> None:
    """A socket, and ports of loopback; an address is written as it is read."""
    assert DoorAddress.parse(text, key="doors.x") == address
    assert str(address) == text


def test_localhost_is_an_address() -> None:
    """localhost is 127.0.0.1, whatever a resolver says."""
    assert DoorAddress.parse("localhost:1", key="doors.x").host == "127.0.0.1"


@pytest.mark.parametrize(
    "text", ["", "unix:", "unix:relative", "unix:/a\0b", "unix:/" + "a" * 107, "7000", "127.0.0.1:", "127.0.0.1:70000"]
)
def test_what_is_no_address(text: str) -> None:
    """Refused with the key."""
    with pytest.raises(InvalidConfig) as refused:
        DoorAddress.parse(text, key="doors.x")

    assert refused.value.key == "doors.x"


@pytest.mark.parametrize("host", ["192.0.2.1", "[::]", "mail.example.test", ""])
def test_only_this_machine(host: str) -> None:
    """These protocols are not encrypted: no address but loopback is taken."""
    with pytest.raises(InvalidConfig, match="not a loopback address"):
        DoorAddress.parse(f"{host}:7000", key="doors.x")
