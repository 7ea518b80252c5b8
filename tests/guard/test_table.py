"""Records of one size in keyed buckets."""

from __future__ import annotations

from collections import Counter
from mmap import mmap

from mailward.guard.table import Table, room

SIZE = 4


def _table(buckets: int = 8, ways: int = 4, key: bytes = b"k" * 16) -> tuple[Table, mmap]:
    buffer = mmap(-1, 64 + room(buckets, ways, SIZE))
    return Table(buffer, start=64, buckets=buckets, ways=ways, size=SIZE, key=key), buffer


def _put(table: Table, buffer: mmap, subject: str, value: int) -> None:
    at = table.place(subject, lambda at: (int.from_bytes(buffer[at : at + SIZE]),))
    buffer[at : at + SIZE] = value.to_bytes(SIZE)


def test_what_was_placed_is_found() -> None:
    """At the same place each time, until it is dropped; then it is nowhere."""
    table, buffer = _table()
    _put(table, buffer, "a", 7)
    _put(table, buffer, "b", 8)

    at = table.find("a")
    assert buffer[at : at + SIZE] == (7).to_bytes(SIZE)
    assert table.place("a", lambda _at: (0,)) == at
    assert len(table) == 2
    table.drop("a")
    table.drop("never there")
    assert (table.find("a"), len(table)) == (0, 1)


def test_a_full_bucket_loses_what_is_worth_least() -> None:
    """However many come, those worth most stay, and the table is no longer than it was made."""
    table, buffer = _table(buckets=1, ways=4)
    for number in (900, 1, 901, 902, *range(2, 200)):
        _put(table, buffer, f"subject {number}", number)

    assert len(table) == 4
    assert all(table.find(f"subject {number}") for number in (900, 901, 902))
    assert table.find("subject 1") == 0


def test_a_place_that_is_taken_over_is_empty() -> None:
    """Nobody inherits another's record."""
    table, buffer = _table(buckets=1, ways=2)
    _put(table, buffer, "a", 5)
    _put(table, buffer, "b", 6)

    at = table.place("c", lambda at: (int.from_bytes(buffer[at : at + SIZE]),))
    assert buffer[at : at + SIZE] == bytes(SIZE)
    assert table.find("a") == 0


def test_nobody_outside_can_aim_at_a_bucket() -> None:
    """Under another key the same subjects lie elsewhere, and evenly."""
    places = []
    for key in (b"a" * 16, b"b" * 16):
        table, buffer = _table(buckets=64, ways=64, key=key)
        for number in range(1024):
            _put(table, buffer, f"subject {number}", 1)
        places.append([(table.find(f"subject {number}") - 64) // room(1, 64, SIZE) for number in range(1024)])

    assert sum(one == other for one, other in zip(*places, strict=True)) < 64
    assert max(Counter(places[0]).values()) < 40


def test_a_name_may_be_anything() -> None:
    """Also what no encoding can write."""
    table, buffer = _table()
    _put(table, buffer, "\udcff\0", 1)

    assert table.find("\udcff\0")
