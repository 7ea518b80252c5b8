"""The wrong passwords of one account."""

from __future__ import annotations

from mmap import mmap

from hypothesis import given
from hypothesis import strategies as st

from mailward.guard.ledger import ENTRIES, SIZE, Entry, Kind, Ledger, Ledgers
from mailward.guard.score import LEASE
from mailward.guard.table import Table, room

NOW, DAY = 1_800_000_000, 86_400.0


def _ledgers(buckets: int = 4) -> tuple[Ledgers, mmap]:
    buffer = mmap(-1, 64 + room(buckets, 16, SIZE))
    return Ledgers(Table(buffer, start=64, buckets=buckets, ways=16, size=SIZE, key=b"k"), buffer), buffer


def _ledger(*entries: Entry) -> Ledger:
    return Ledger(list(entries), exists=True, touched=NOW, at=0)


def test_what_is_written_is_read_again() -> None:
    """Every kind, with the day of its tag."""
    ledgers, _ = _ledgers()
    entries = [Entry(NOW - kind, 0xFFFF - kind, kind, kind, kind % 2) for kind in Kind]
    ledgers.keep("a", _ledger(*entries), now=NOW, window=DAY, budget=10)

    again = ledgers.of("a", now=NOW, window=DAY)
    assert again.entries == entries
    assert again.exists
    assert ledgers.of("b", now=NOW, window=DAY).entries == []


def test_a_window_slides() -> None:
    """Each entry leaves when it is as old as the window; a guess under way, when its worker must have died."""
    ledgers, _ = _ledgers()
    entries = (Entry(NOW, 1, 1, Kind.COUNTED), Entry(NOW + 10, 2, 1, Kind.HIDDEN), Entry(NOW + 10, 3, 1, Kind.HELD))
    ledgers.keep("a", _ledger(*entries), now=NOW, window=DAY, budget=10)

    def used(now: float) -> int:
        return ledgers.of("a", now=now, window=DAY).used()

    assert [used(NOW + 10), used(NOW + 9 + LEASE), used(NOW + 10 + LEASE)] == [3, 3, 2]
    assert [used(NOW + DAY - 1), used(NOW + DAY), used(NOW + DAY + 10)] == [2, 1, 0]


def test_it_is_closed_until_the_oldest_leaves() -> None:
    """And whoever asks only for that need not read the entries."""
    ledgers, _ = _ledgers()
    ledger = _ledger(*(Entry(NOW + number, number, 1, Kind.COUNTED) for number in range(10)))

    assert ledger.free_at(DAY, 10) == NOW + DAY
    assert ledger.free_at(DAY, 8) == NOW + DAY + 2
    assert ledger.free_at(DAY, 11) == 0
    ledgers.keep("a", ledger, now=NOW + 10, window=DAY, budget=10)
    assert (ledgers.closed_until("a"), ledgers.closed_until("b")) == (NOW + DAY, None)


def test_what_counts_is_never_pushed_out() -> None:
    """Hundreds of passwords that count for nothing leave the ten that do, and every guess under way."""
    ledger = _ledger(*(Entry(NOW, number, 1, Kind.COUNTED) for number in range(10)), Entry(NOW, 99, 1, Kind.HELD))
    for number in range(300):
        ledger.add(Entry(NOW + number, 1000 + number, 1, Kind.HEARD))

    assert len(ledger.entries) == ENTRIES
    assert (len(ledger.counted()), ledger.held(), ledger.used()) == (10, 1, 11)
    assert ledger.heard(1299, 0)
    assert not ledger.heard(1000, 0)


def test_a_password_is_heard_under_its_days_key() -> None:
    """The tag of one day says nothing about the other's; a guess under way and a hidden one are no password."""
    ledger = _ledger(Entry(NOW, 5, 1, Kind.COUNTED, 1), Entry(NOW, 6, 1, Kind.HELD), Entry(NOW, 7, 1, Kind.HIDDEN))

    assert [ledger.heard(5, 1), ledger.heard(5, 0), ledger.heard(6, 0), ledger.heard(7, 0)] == [
        True,
        False,
        False,
        False,
    ]


def test_forgiveness_is_for_one_source() -> None:
    """What it used up comes back; others' stays, and so does what it has under way."""
    mine, hidden = Entry(NOW, 1, 1, Kind.COUNTED), Entry(NOW, 2, 1, Kind.HIDDEN)
    rest = [Entry(NOW, 3, 1, Kind.HELD), Entry(NOW, 4, 2, Kind.COUNTED), Entry(NOW, 5, 1, Kind.HEARD)]
    ledger = _ledger(mine, hidden, *rest)

    assert ledger.forgive(1) == [mine, hidden]
    assert ledger.entries == rest


def test_an_empty_ledger_is_none() -> None:
    """The place is free again."""
    ledgers, _ = _ledgers()
    ledgers.keep("a", _ledger(Entry(NOW, 1, 1, Kind.COUNTED)), now=NOW, window=DAY, budget=10)
    ledger = ledgers.of("a", now=NOW, window=DAY)
    ledger.clear()
    ledgers.keep("a", ledger, now=NOW, window=DAY, budget=10)

    assert len(ledgers) == 0


def test_invented_names_do_not_wash_away_a_real_account() -> None:
    """Two thousand names that nobody has, each guessed at once: the real account's count is still there."""
    ledgers, _ = _ledgers()
    ledgers.keep("ann", _ledger(Entry(NOW, 1, 1, Kind.COUNTED)), now=NOW, window=DAY, budget=10)
    for number in range(2000):
        invented = Ledger([Entry(NOW + 1, 1, 1, Kind.COUNTED)] * 10, exists=False, touched=NOW + 1, at=0)
        ledgers.keep(f"invented {number}", invented, now=NOW + 1, window=DAY, budget=10)

    assert ledgers.of("ann", now=NOW + 1, window=DAY).used() == 1
    assert len(ledgers) == 64


@given(st.binary(min_size=SIZE, max_size=SIZE))
def test_a_damaged_record_is_still_a_record(octets: bytes) -> None:
    """Whatever a dying worker left: entries that can be worked with, and that are gone after a window."""
    ledgers, buffer = _ledgers()
    ledgers.keep("a", _ledger(Entry(NOW, 1, 1, Kind.COUNTED)), now=NOW, window=DAY, budget=10)
    at = ledgers.of("a", now=NOW, window=DAY).at
    buffer[at : at + SIZE] = octets

    ledger = ledgers.of("a", now=NOW, window=DAY)
    assert len(ledger.entries) <= ENTRIES
    assert all(entry.time <= NOW for entry in ledger.entries)
    ledgers.keep("a", ledger, now=NOW, window=DAY, budget=10)
    assert ledgers.of("a", now=NOW + DAY, window=DAY).entries == []
