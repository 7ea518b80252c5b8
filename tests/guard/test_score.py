"""What is remembered of a source: counted never too low, and not for ever."""

from __future__ import annotations

from mmap import mmap

from hypothesis import given
from hypothesis import strategies as st

from mailward.guard.score import FORM, LEASE, Score, Scores
from mailward.guard.table import Table, room

NOW, WINDOW = 1_800_000_000.0, 3600.0
EMPTY = (0, bytes(16), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def _scores(buckets: int = 16) -> Scores:
    buffer = mmap(-1, 64 + room(buckets, 8, FORM.size))
    return Scores(Table(buffer, start=64, buckets=buckets, ways=8, size=FORM.size, key=b"k"), buffer)


@given(st.lists(st.floats(0, 1000), max_size=60), st.sampled_from([1.0, 10.0, 60.0, 100.5, 3600.0]))
def test_no_window_has_more_failures_than_are_counted(waits: list[float], window: float) -> None:
    """Wherever a window begins; and none is counted that is older than a window, a fifteenth of it and a second."""
    score, now, times = Score(EMPTY, 0), NOW, []
    for wait in waits:
        now += wait
        score.add(now, window)
        times.append(now)
        counted = score.count(now, window)
        assert sum(time > now - window for time in times) <= counted
        assert counted <= sum(time > now - window * 16 / 15 - 3 for time in times)


def test_it_says_when_it_will_be_free() -> None:
    """At that time the count is below the budget, a second before it is not."""
    score = Score(EMPTY, 0)
    for minute in (0, 10, 20, 30):
        score.add(NOW + 60 * minute, WINDOW)

    now = NOW + 1900
    for budget, left in ((4, 3), (3, 2), (2, 1), (1, 0)):
        free = score.free_at(now, WINDOW, budget)
        assert Score(score.fields(), 0).count(free, WINDOW) == left
        assert Score(score.fields(), 0).count(free - 1, WINDOW) == left + 1


def test_a_failure_can_be_taken_back() -> None:
    """The one of that time, and never one that is not there."""
    score = Score(EMPTY, 0)
    for minute in (0, 10, 20):
        score.add(NOW + 60 * minute, WINDOW)
    score.take_back(NOW + 600, WINDOW)
    assert score.count(NOW + 1300, WINDOW) == 2
    assert score.count(NOW + WINDOW + 500, WINDOW) == 1

    for _ in range(5):
        score.take_back(NOW + 1200, WINDOW)
    assert score.count(NOW + WINDOW + 500, WINDOW) == 0


def test_a_guess_of_a_dead_worker_is_free_again() -> None:
    """Held for a minute at the least and two at the most; giving back late gives back nothing of others."""
    score = Score(EMPTY, 0)
    now = NOW - NOW % LEASE + LEASE - 1
    hold = score.hold(now)
    assert score.held(now + LEASE) == 1
    other = score.hold(now + LEASE)
    assert score.held(now + LEASE) == 2
    assert score.held(now + 2 * LEASE) == 1

    score.release(hold, now + 2 * LEASE)
    assert score.held(now + 2 * LEASE) == 1
    score.release(other, now + 2 * LEASE)
    assert score.held(now + 2 * LEASE) == 0


def test_a_row_is_broken_by_a_window_of_silence() -> None:
    """Strikes and slips count up to that."""
    score = Score(EMPTY, 0)
    assert [score.strike(NOW + number, WINDOW) for number in range(3)] == [1, 2, 3]
    score.slip()
    assert score.strike(NOW + 2 + WINDOW, WINDOW) == 1
    assert score.slip() == 1


def test_bans_are_remembered() -> None:
    """Each within the time makes one more; after it the next is the first."""
    score = Score(EMPTY, 0)

    assert [score.offend(NOW + day * 86_400, 30 * 86_400.0) for day in (0, 20, 40, 80)] == [1, 2, 3, 1]


def test_what_is_written_is_read_again() -> None:
    """All of it, by any process that has the same buffer."""
    scores = _scores()
    score = scores.of("a")
    score.add(NOW, WINDOW, 3)
    score.hold(NOW)
    score.banned = int(NOW) + 5
    scores.keep("a", score, NOW)

    again = scores.of("a")
    assert again.fields() == score.fields()
    assert (again.count(NOW, WINDOW), again.held(NOW), again.banned) == (3, 1, int(NOW) + 5)
    assert scores.of("b").clean(NOW, WINDOW, 1.0)


@given(st.binary(min_size=FORM.size, max_size=FORM.size), st.sampled_from([1.0, 3600.0]))
def test_a_damaged_record_is_still_a_record(octets: bytes, window: float) -> None:
    """Whatever a dying worker left: figures that can be worked with, and that run out."""
    score = Score(FORM.unpack(octets), 64)

    assert 0 <= score.count(NOW, window) <= 16 * 255
    assert 0 <= score.held(NOW) <= 2 * 0xFFFF
    score.add(NOW, window)
    score.hold(NOW)
    score.strike(NOW, window)
    assert score.count(NOW, window) >= 1
    assert score.count(NOW + 2 * window + 3, window) == 0
    assert score.held(NOW + 2 * LEASE) == 0
    FORM.pack(*score.fields())


def test_the_offender_outlasts_a_flood() -> None:
    """Who is banned, and who was banned before, stays when ten thousand newcomers come once."""
    scores = _scores()
    banned, offender = scores.of("banned"), scores.of("offender")
    banned.banned = int(NOW) + 1800
    offender.offences = 3
    scores.keep("banned", banned, NOW)
    scores.keep("offender", offender, NOW)
    for number in range(10_000):
        score = scores.of(f"{number}")
        score.add(NOW, WINDOW)
        scores.keep(f"{number}", score, NOW)

    assert scores.of("banned").banned > NOW
    assert scores.of("offender").offences == 3
    assert len(scores) == 128
