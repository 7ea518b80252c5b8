"""What is remembered of a source or an account."""

from __future__ import annotations

from mailward.guard.tally import Tallies, Tally


def test_old_failures_do_not_count() -> None:
    """A failure counts while it is younger than the window."""
    tally = Tally()
    for time in (1.0, 2.0, 3.0):
        tally.add(time, "x")

    assert [tally.count(since) for since in (0.5, 1.0, 2.5, 3.0)] == [3, 2, 1, 0]
    assert tally.failures == ()


def test_forgiving_is_against_one() -> None:
    """What was done to others stays; only when nothing is left is the row of strikes broken."""
    tally = Tally()
    tally.add(1.0, "ann")
    tally.add(2.0, "bob")
    tally.strike(2.0, 0.0)

    tally.forgive("ann")
    assert tally.failures == ((2.0, "bob"),)
    assert tally.strikes == 1

    tally.forgive("bob")
    assert tally.strikes == 0


def test_a_silence_breaks_the_row() -> None:
    """Strikes are in a row while none is older than the window before the next."""
    tally = Tally()

    assert [tally.strike(time, time - 10) for time in (1.0, 9.0, 18.0)] == [1, 2, 3]
    tally.slips = 2
    assert tally.strike(28.0, 18.0) == 1
    assert tally.slips == 0


def test_the_longest_unused_goes_first() -> None:
    """Never more than the limit, and what is in use stays."""
    tallies = Tallies(3)
    kept = tallies.of("kept")
    for number in range(50):
        tallies.of(f"other {number}")
        assert tallies.of("kept") is kept
        assert len(tallies) <= 3


def test_the_clean_are_dropped() -> None:
    """Who did nothing wrong takes no room; who is being checked or has a record does."""
    tallies = Tallies(10)
    tallies.of("clean")
    tallies.of("checked").in_flight = 1
    tallies.of("failed").add(1.0, "x")
    tallies.of("closed").closed_until = 9.0
    for key in ("clean", "checked", "failed", "closed", "nobody"):
        tallies.drop_if_clean(key)

    assert len(tallies) == 3
    assert tallies.closed_until("closed") == 9.0
    assert tallies.closed_until("nobody") == 0.0
