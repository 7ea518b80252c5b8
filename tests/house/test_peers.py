"""The peers of other projects: where one is missing, that is told by name."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support import peers

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without any peer."""
    monkeypatch.setattr(peers, "SEARCH", "")
    peers._find.cache_clear()
    yield
    peers._find.cache_clear()


def test_a_missing_peer_fails_in_ci(monkeypatch: pytest.MonkeyPatch, nowhere: None) -> None:
    """CI never passes because a peer was not there."""
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="peer swaks is missing: apt-get install swaks"):
        peers.peer("swaks")


def test_a_missing_peer_is_a_named_skip_elsewhere(monkeypatch: pytest.MonkeyPatch, nowhere: None) -> None:
    """A developer's machine passes without the peer, and is told which."""
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="peer perl-tls is missing: apt-get install libnet-ssleay-perl"):
        peers.peer("perl-tls")


def test_every_peer_is_found_in_ci() -> None:
    """Every peer of scripts/peers.txt is there wherever `make peers` could install it."""
    found = {name: peers.peer(name) for name in peers.peers()}

    assert all(path.exists() for path in found.values())


@pytest.mark.parametrize("address", [("192.0.2.1", 25), ("10.0.0.1", 25), ("mail.example.test", 25)])
def test_no_test_leaves_the_machine(address: tuple[str, int]) -> None:
    """A connection to anything but loopback fails before a packet is sent."""
    with socket.socket() as attempt, pytest.raises(AssertionError, match="tests stay on loopback"):
        attempt.connect(address)
