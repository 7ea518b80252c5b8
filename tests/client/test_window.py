"""The window opens with each success and halves with each refusal for now."""

from __future__ import annotations

from mailward.client.window import FIRST, MOST, OCTETS, Window


def test_it_opens_to_its_bound() -> None:
    """One message more for each that is accepted."""
    window = Window()
    for _ in range(FIRST):
        window.accepted()
    assert window.size == 2 * FIRST
    for _ in range(1000):
        window.accepted()
    assert window.size == MOST


def test_it_halves_but_one_is_always_possible() -> None:
    """Nothing is on the way: the next may leave, whatever was."""
    window = Window()
    for _ in range(10):
        window.deferred()

    assert window.size == 1
    assert window.has_room(0, 0)
    assert not window.has_room(1, 0)


def test_octets_bound_it_too() -> None:
    """But a single message of any size has room."""
    window = Window()

    assert window.has_room(3, OCTETS - 1)
    assert not window.has_room(3, OCTETS)
    assert window.has_room(0, 10 * OCTETS)
