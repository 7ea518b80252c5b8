"""What holds for every test: no chance, no time limit per example, no state of the user's, loopback only."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from mailward.client.breaker import forget_refusals
from tests.support.peers import peer

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("mailward", derandomize=True, deadline=None, database=None)
settings.load_profile("mailward")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.peer("swaks", …)`: the test needs these programs."""
    for mark in item.iter_markers("peer"):
        for name in mark.args:
            peer(name)


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a command keeps in a home directory, it keeps in one that the tests throw away."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in [name for name in os.environ if name.startswith(("XDG_", "MAILWARD_"))]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def nothing_refused() -> None:
    """What one test's server refused, another's at the same address may take."""
    forget_refusals()


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """A test that would reach another machine fails where it tries."""
    original = socket.socket.connect

    def connect(self: socket.socket, address: Any, /) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address[0]}; tests stay on loopback")
        original(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
