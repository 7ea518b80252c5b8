"""Policies and counts come back as they were kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mailward.records.mta_sts import StsPolicy
from mailward.records.tls_rpt import AppliedPolicy, Counted, Failure, PolicyKind
from mailward.store.client_routes import ClientRoutes, KeptPolicy

POLICY = StsPolicy("enforce", ("mx.example.test", "*.example.net"), 600)
DAY = date(2026, 2, 3)


@pytest.fixture(params=["file", "memory"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> ClientRoutes:
    return ClientRoutes(tmp_path / "routes.db" if request.param == "file" else None)


def test_policies(book: ClientRoutes) -> None:
    """Nothing is known first; the last that was kept counts, that fetching failed too."""
    assert book.policy("example.test") == KeptPolicy()
    kept = KeptPolicy("id1", POLICY, fetched=100.0)
    book.keep_policy("example.test", kept)
    assert book.policy("example.test") == kept
    failed = KeptPolicy("id1", None, failed=200.0, failure=Failure.POLICY_FETCH)
    book.keep_policy("example.test", failed)

    assert book.policy("example.test") == failed
    assert book.policy("other.test") == KeptPolicy()


def test_how_long_a_policy_holds() -> None:
    """For max_age from when it was fetched, and not one from the future."""
    kept = KeptPolicy("id1", POLICY, fetched=1_000_000.0)

    assert kept.holds(1_000_000.0)
    assert kept.holds(1_000_599.0)
    assert not kept.holds(1_000_600.0)
    assert not kept.holds(800_000.0)
    assert not KeptPolicy("id1").holds(0.0)


def test_counts(book: ClientRoutes) -> None:
    """What went the same way is one line; each day has its own, and old ones go."""
    policy = AppliedPolicy(PolicyKind.STS, "example.test", ("version: STSv1",), ("*.example.test",))
    failed = Counted(policy, 1, Failure.EXPIRED, "mx.example.test", "192.0.2.1", "192.0.2.2", "why")
    assert book.counts(DAY) == ()
    for counted in (Counted(policy, 1), failed, Counted(policy, 2), failed):
        book.count(DAY, counted)

    assert book.counts(DAY) == (
        Counted(policy, 3),
        Counted(policy, 2, Failure.EXPIRED, "mx.example.test", "192.0.2.1", "192.0.2.2", "why"),
    )
    book.count(date(2026, 4, 1), Counted(policy, 1))
    assert book.counts(DAY) == ()
