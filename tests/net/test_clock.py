"""Time and chance that both drivers share."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from mailward.net.clock import Clock


def test_now_is_monotonic_seconds() -> None:
    """It is the clock that deadlines are counted on."""
    before = time.monotonic()

    assert before <= Clock().now() <= time.monotonic()


def test_utc_is_aware() -> None:
    """The time of day carries its zone."""
    assert Clock().utc().tzinfo is UTC
    assert abs((Clock().utc() - datetime.now(UTC)).total_seconds()) < 5


def test_nonces_are_fresh_and_printable() -> None:
    """RFC 5802 §5.1: printable ASCII without commas, here of 192 random bits."""
    nonces = {Clock().nonce() for _ in range(100)}

    assert len(nonces) == 100
    assert all(nonce.isascii() and nonce.isprintable() and "," not in nonce for nonce in nonces)
    assert all(len(nonce) == 32 for nonce in nonces)
