"""Names that may be connected to and looked for in a certificate."""

from __future__ import annotations

import pytest

from mailward.records.host import is_host


@pytest.mark.parametrize("name", ["mx.example.test", "a", "x--y.test", "_dns.example.test", "1.example", "mx1"])
def test_hosts(name: str) -> None:
    """Letters, digits and hyphens, and underscores, which are used."""
    assert is_host(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "a..b", "-a.test", "a-.test", "MX.test", "a b", "192.0.2.1", "1", "0x7f", "a/b", "é.test", "a.test.",
     "x" * 64 + ".test", ".".join(["a" * 49] * 6), "[192.0.2.1]", "::1", "*.test", "a\n"],
)  # fmt: skip
def test_no_hosts(name: str) -> None:
    """Addresses, what is too long, and what could be something else to somebody else."""
    assert not is_host(name)
