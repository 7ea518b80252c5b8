"""Turns go to whoever waited longest, a bell misses no ring, and a latch can be tried."""

from __future__ import annotations

import threading
import time

from mailward.net.threads import Bell, Latch, Slots, Workers


def test_turns_are_given_in_order() -> None:
    """Six threads, one turn: first come, first served, even when its holder wants it again at once."""
    slots, served = Slots(1), list[int]()
    assert slots.acquire(within=0)

    def wait(number: int) -> None:
        assert slots.acquire(within=5)
        served.append(number)
        slots.release()

    threads = []
    for number in range(6):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        until = time.monotonic() + 5
        while len(slots._queue) <= number and time.monotonic() < until:
            time.sleep(0.001)
    assert slots.wanted
    slots.release()
    assert slots.acquire(within=5)
    for thread in threads:
        thread.join(5)

    assert served == list(range(6))
    assert not slots.wanted


def test_a_turn_that_did_not_come_takes_nothing() -> None:
    """Whoever gave up is passed over."""
    slots = Slots(1)
    assert slots.acquire(within=None)
    assert not slots.acquire(within=0)
    assert not slots.acquire(within=0.01)
    slots.release()

    assert slots.acquire(within=0)


def test_a_bell_wakes_and_a_ring_in_between_counts() -> None:
    """Who marked before the ring does not wait."""
    bell = Bell()
    mark = bell.mark()
    bell.ring()
    bell.wait(mark)
    mark = bell.mark()
    thread = threading.Timer(0.01, bell.ring)
    thread.start()
    bell.wait(mark)
    thread.join()

    assert bell.mark() == mark + 1


def test_workers_are_threads_with_names_that_end() -> None:
    """An interpreter does not wait for them, but their owner can."""
    seen: list[tuple[str, bool]] = []
    workers = Workers(
        lambda: seen.append((threading.current_thread().name, threading.current_thread().daemon)), name="w"
    )
    workers.start()
    workers.start()
    workers.join(5)

    assert sorted(seen) == [("w-1", True), ("w-2", True)]
    assert len(workers) == 2


def test_a_latch_is_held_by_one() -> None:
    """Another may try, and goes away."""
    latch = Latch()
    with latch:
        assert not latch.try_to_hold()
    assert latch.try_to_hold()
    latch.let_go()
