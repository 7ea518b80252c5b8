"""Parallel guessing beats no counter: as many guesses are looked at as there are, however many knock at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.login.place import AT_ONCE, BUDGET, by_password, connect
from tests.support.embedded_server import EmbeddedServer
from tests.support.installation import ANN, PASSWORD
from tests.support.talk import Answer

GUESSERS = 64
BUDGETED = 10


def guesses(server: EmbeddedServer, mechanism: str, names: list[str], sources: list[str]) -> list[Answer]:
    """Everybody connects, and when all are there each tries a password of its own at once."""
    together = threading.Barrier(len(sources), timeout=60)

    def guess(number: int) -> Answer:
        with connect(server, sources[number]) as talk:
            together.wait()
            return by_password(talk, mechanism, names[number], f"guess {number}")

    with ThreadPoolExecutor(len(sources)) as pool:
        return list(pool.map(guess, range(len(sources))))


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
@pytest.mark.parametrize("name", [ANN, "nobody@example.test"])
def test_one_account_from_everywhere(tmp_path: Path, mechanism: str, name: str) -> None:
    """64 sources in 64 networks guess at one account at once: ten guesses are looked at, the others hear 454."""
    sources = [f"127.{20 + number // 32}.{number % 32 * 8}.1" for number in range(GUESSERS)]
    with EmbeddedServer(tmp_path, guard=AT_ONCE) as server:
        codes = [answer.code for answer in guesses(server, mechanism, [name] * GUESSERS, sources)]
        failed, refused = server.events("login.failed"), server.events("login.refused")
        bans = [event["subject"] for event in server.events("ban.added")]
        with connect(server, "127.99.0.1") as talk:
            assert talk.plain(ANN, PASSWORD).code == (454 if name == ANN else 235)

    assert (codes.count(535), codes.count(454)) == (BUDGETED, GUESSERS - BUDGETED)
    why = "bad-password" if name == ANN else "unknown-account"
    assert [event["reason"] for event in failed] == [why] * BUDGETED
    assert {event["reason"] for event in refused} <= {"locked", "busy"}
    assert bans == [f"account:{name}"]


@pytest.mark.slow
def test_one_source_at_many_accounts(tmp_path: Path) -> None:
    """64 connections of one source, each at an account of its own: as many guesses as a source has, and no more."""
    names = [f"user{number}@example.test" for number in range(GUESSERS)]
    limits = {"connections_per_network": GUESSERS}
    guard = AT_ONCE | {"source_failures": 5}
    with EmbeddedServer(tmp_path, guard=guard, limits=limits) as server:
        codes = [answer.code for answer in guesses(server, "PLAIN", names, ["127.0.0.66"] * GUESSERS)]

        assert (codes.count(535), codes.count(454)) == (5, GUESSERS - 5)
        assert len(server.events("login.failed")) == 5


@pytest.mark.slow
def test_the_budget_holds_over_a_restart(tmp_path: Path) -> None:
    """A server that is stopped between two waves of guesses has looked at no more than the budget in both together."""
    server = EmbeddedServer(tmp_path, guard=AT_ONCE | {BUDGET: BUDGETED})
    looked_at = 0
    for wave in range(2):
        sources = [f"127.{30 + wave}.{number * 8}.1" for number in range(6)]
        with server:
            codes = [answer.code for answer in guesses_of(server, wave, sources)]
        looked_at += codes.count(535)

    assert looked_at == BUDGETED


def guesses_of(server: EmbeddedServer, wave: int, sources: list[str]) -> list[Answer]:
    together = threading.Barrier(len(sources), timeout=60)

    def guess(source: str) -> Answer:
        with connect(server, source) as talk:
            together.wait()
            return talk.plain(ANN, f"guess {wave} from {source}")

    with ThreadPoolExecutor(len(sources)) as pool:
        return list(pool.map(guess, sources))
