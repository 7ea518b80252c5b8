"""A deadline that passed is worded in one place."""

from __future__ import annotations

from mailward.errors import DeadlineExceeded
from mailward.net.ports import too_late


def test_too_late_says_what_was_being_done() -> None:
    """The error is a TimeoutError that names the wait, may be retried, and says what to do."""
    error = too_late("waiting for the server")

    assert isinstance(error, DeadlineExceeded)
    assert isinstance(error, TimeoutError)
    assert str(error) == "the time allowed ended while waiting for the server"
    assert error.retryable
    assert "timeout=" in error.advice
