"""Looking at the guard of an installation from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from mailward.events import Reason
from mailward.guard.state import GuardState
from mailward.server import config, guard_view
from mailward.server.guard_view import GuardView
from tests.guard.doubles import START, keys
from tests.support.installation import ANN, IMPLICIT, Installation

SOURCE = ip_address("192.0.2.7")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path, allowlist={"networks": ["192.0.0.0/7"], "never_ban": ["192.0.2.64"]})
    made.configure(dict.fromkeys(made._listeners, 0) | {IMPLICIT: 5465})
    return made


@contextmanager
def opened(installation: Installation) -> Iterator[GuardView]:
    with (
        installation.reader() as reader,
        guard_view.opened(config.load(installation.file), reader, now=lambda: START) as view,
    ):
        yield view


def state_of(installation: Installation) -> GuardState:
    return GuardState.open(installation.state / "guard.state", sources=1000, accounts=100, key_source=keys())


def test_without_counters(installation: Installation) -> None:
    """Where no server has run, it judges by lists and bans, says what it has not, and makes nothing."""
    with opened(installation) as view:
        assert "is not there" in view.no_counters
        assert view.verdict(SOURCE, ANN, view.listeners[0]).refused is None
    assert not (installation.state / "guard.state").exists()


def test_counters_are_judged_on_and_left_alone(installation: Installation) -> None:
    """The verdict is the one that a login would get; the file is the same after it, octet for octet."""
    state = state_of(installation)
    score = state.scores.of("ip:192.0.2.7")
    score.add(START, 3600.0, 5)
    state.scores.keep("ip:192.0.2.7", score, START)
    before = (installation.state / "guard.state").read_bytes()

    with opened(installation) as view:
        assert view.no_counters == ""
        for _ in range(3):
            verdict = view.verdict(SOURCE, ANN, view.listeners[0])
            assert (verdict.refused, verdict.rule) == (Reason.BANNED, "source-failures")
        assert view.verdict(ip_address("192.0.2.8"), ANN, view.listeners[0]).refused is None
    assert (installation.state / "guard.state").read_bytes() == before
    state.close()


def test_a_damaged_file_is_told_and_left(installation: Installation) -> None:
    """It is for the server to replace."""
    path = installation.state / "guard.state"
    path.write_bytes(b"damaged")

    with opened(installation) as view:
        assert "is damaged" in view.no_counters
    assert path.read_bytes() == b"damaged"


def test_lists(installation: Installation) -> None:
    """Those of the configuration, under the names that events give to listeners."""
    with opened(installation) as view:
        assert view.listeners[0] == "127.0.0.1:5465"
        assert not view.access.describe(ip_address("198.51.100.1"), view.listeners[0]).allowed
        assert ip_address("192.0.2.64") in view.never_ban
        assert not view.verdict(SOURCE, ANN, view.listeners[0], barred=True).allowed


def test_what_is_wrong_with_a_list_is_told(installation: Installation) -> None:
    """A bad file is a sentence, not the end."""
    file = installation.directory / "office.cidr"
    file.write_text("192.0.2.0/24\n")
    installation.section("allowlist", blocked=["file:office.cidr"])
    installation.configure(dict.fromkeys(installation._listeners, 0))
    good = config.load(installation.file)
    file.write_text("rubbish\n")

    with installation.reader() as reader, guard_view.opened(good, reader, now=lambda: START) as view:
        assert len(view.faults) >= 1
        assert "office.cidr" in view.faults[0]


@pytest.mark.parametrize(
    "address, name",
    [("127.0.0.1:465", "127.0.0.1:465"), ("localhost:465", "127.0.0.1:465"), ("[::1]:465", "[::1]:465")],
)
def test_names_of_listeners(address: str, name: str) -> None:
    """As the socket itself says where it listens."""
    assert guard_view.listener_name(config.ListenerConfig(address=address, tls="implicit")) == name
