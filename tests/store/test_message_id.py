"""mailward.store.message_id"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailward.store.message_id import is_id, new_id

MILLISECONDS = st.integers(0, 2**48 - 1)
RANDOM = st.binary(min_size=10, max_size=10)


@given(MILLISECONDS, MILLISECONDS, RANDOM, RANDOM)
def test_text_order_is_time_order(early: int, late: int, first: bytes, second: bytes) -> None:
    """Of two ids the earlier one sorts first; within a millisecond the random octets decide."""
    pairs = sorted([(early, first), (late, second)])

    ids = [new_id(*pair) for pair in pairs]

    assert ids == sorted(ids)
    assert all(map(is_id, ids))


def test_known_value() -> None:
    """The time of the ULID specification's example reads as it does there."""
    assert new_id(1_469_918_176_385, b"\xff" * 10) == "01ARYZ6S41ZZZZZZZZZZZZZZZZ"


@pytest.mark.parametrize(
    "text", ["", "01ARYZ6S41", "01aryz6s41zzzzzzzzzzzzzzzz", "../../../../../etc/passwd1", "I" * 26]
)
def test_what_is_no_id(text: str) -> None:
    """Nothing that could leave a directory, and no letter that Crockford left out."""
    assert not is_id(text)
